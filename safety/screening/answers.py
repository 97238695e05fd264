"""Answers: what is wrong with their form, and what is known from them. Unknown is never no."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from core.errors import InputError
from safety.screening.clinical import Bounds
from safety.screening.policy import (
    NO_ANSWER,
    ChoiceQuestion,
    ListQuestion,
    NumberQuestion,
    Policy,
    Question,
    ReadingsQuestion,
)

_MEASURES = ("systolic_mmhg", "diastolic_mmhg")
_MAX_KEY_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Reading:
    """One blood pressure; the diastolic value is None where it could not be measured."""

    systolic_mmhg: float
    diastolic_mmhg: float | None


Answer = str | float | tuple[Reading, ...] | tuple[str, ...]
Answers = Mapping[str, Answer | None]


def validate_answers(policy: Policy, answers: object) -> list[InputError]:
    """Return every fault of form in the answers, with JSON pointers from the answers' own root.

    An answer left out, null, blank or declined is no fault: it is unknown, and screening says so.
    """
    if not isinstance(answers, Mapping):
        return [InputError("", "not_an_object", "Answers are an object, with a question's key for each.")]
    questions, choices = _asked(policy)
    strangers = (
        InputError(_pointer("", str(key)), "unknown_question", "The policy has no such question.")
        for key in answers
        if key not in questions
    )
    faults = (
        _faults(questions[key], said)
        for key, said in answers.items()
        if key in questions and said not in choices.get(key, ())
    )
    return list(chain(strangers, *faults))


@lru_cache(maxsize=16)
def _asked(policy: Policy) -> tuple[Mapping[str, Question], Mapping[str, tuple[str, ...]]]:
    """Return a policy's questions, and the words that one can choose, by question."""
    questions = {question.key: question for question in policy.questions}
    asked = ((key, each) for key, each in questions.items() if isinstance(each, ChoiceQuestion))
    return questions, {key: tuple(choice.value for choice in each.choices) for key, each in asked}


def known_answer(question: Question, said: object) -> Answer | None:
    """Return what is known from an answer: None where it is missing, blank, declined or malformed."""
    if isinstance(question, ChoiceQuestion):
        # No word that declines is ever a choice.
        for choice in question.choices:
            if choice.value == said:
                return choice.value
        return None
    if _is_unanswered(said) or any(True for _ in _faults(question, said)):
        return None
    if isinstance(question, ReadingsQuestion) and isinstance(said, list):
        return tuple(Reading(**reading) for reading in said) or None
    if isinstance(said, list):
        return tuple(said)
    return said if isinstance(said, str | int | float) else None


def is_blank(said: object) -> bool:
    """Tell whether nothing was said at all."""
    return said is None or (isinstance(said, str) and not said.strip())


def _is_unanswered(said: object) -> bool:
    return is_blank(said) or (isinstance(said, str) and said in NO_ANSWER)


def _faults(question: Question, said: object) -> Iterator[InputError]:
    """Yield what is wrong with the form of one answer."""
    if _is_unanswered(said):
        return
    here = f"/{question.key}"
    match question:
        case ChoiceQuestion(choices=choices):  # one of whose words would not come here
            words = (choice.value for choice in choices)
            yield InputError(here, "not_a_choice", f"Choose one of: {', '.join(words)}.")
        case NumberQuestion(bounds=bounds, unit=unit):
            yield from _number_faults(said, bounds, here, unit=unit)
        case ReadingsQuestion():
            yield from _list_faults(said, here, most=question.max_readings)
            for index, reading in enumerate(said if isinstance(said, list) else ()):
                yield from _reading_faults(reading, question, _pointer(here, str(index)))
        case ListQuestion(max_characters=most):  # pragma: no branch - there is no other, as mypy knows
            yield from _list_faults(said, here, most=question.max_items)
            for index, text in enumerate(said if isinstance(said, list) else ()):
                yield from _text_faults(text, _pointer(here, str(index)), most=most)


def _list_faults(said: object, here: str, *, most: int) -> Iterator[InputError]:
    if not isinstance(said, list):
        yield InputError(here, "not_a_list", "This answer is a list.")
    elif len(said) > most:
        yield InputError(here, "too_many", f"At most {most} entries.")


def _text_faults(text: object, here: str, *, most: int) -> Iterator[InputError]:
    if not isinstance(text, str) or not text.strip():
        yield InputError(here, "not_a_text", "Each entry is a text that is not blank.")
    elif len(text) > most:
        yield InputError(here, "too_long", f"At most {most} characters.")


def _number_faults(said: object, bounds: Bounds, here: str, *, unit: str) -> Iterator[InputError]:
    if isinstance(said, bool) or not isinstance(said, int | float):
        yield InputError(here, "not_a_number", f"This answer is a number in {unit}.")
    elif not bounds.hold(said):
        yield InputError(here, "implausible", f"From {bounds.minimum:g} to {bounds.maximum:g} {unit}.")


def _reading_faults(reading: object, question: ReadingsQuestion, here: str) -> Iterator[InputError]:
    if not isinstance(reading, dict) or set(reading) != set(_MEASURES):
        yield InputError(here, "not_a_reading", f"A reading has exactly {' and '.join(_MEASURES)}.")
        return
    systolic, diastolic = (reading[measure] for measure in _MEASURES)
    faults = list(_number_faults(systolic, question.systolic_mmhg, f"{here}/systolic_mmhg", unit="mmHg"))
    if diastolic is not None:
        faults += _number_faults(diastolic, question.diastolic_mmhg, f"{here}/diastolic_mmhg", unit="mmHg")
    if not faults and diastolic is not None and diastolic >= systolic:
        faults = [InputError(here, "implausible", "The upper value is higher than the lower one.")]
    yield from faults


def _pointer(parent: str, key: str) -> str:
    """Extend a JSON pointer (RFC 6901); a stranger's key is shown in part."""
    return f"{parent}/{key[:_MAX_KEY_SHOWN].replace('~', '~0').replace('/', '~1')}"
