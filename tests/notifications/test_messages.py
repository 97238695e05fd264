import random
import re

import pytest
from django.conf import settings

from notifications import messages
from notifications.enums import MessageKind
from notifications.messages import SOMEBODY, TEMPLATES, UnfitMessage, check, link, render

# Somebody else's list, not the one in the code: what tells a bystander why this person gets mail.
TELLING = re.findall(
    r"\S+",
    """
    ketamine esketamine burnout burned depressed depression anxiety anxious suicide suicidal therapy
    therapist treatment session sessions dose dosing mg medicine medication drug pill tablet lozenge
    clinic clinical clinician doctor nurse physician psychiatrist psychologist counselor coach patient
    program programme score assessment questionnaire screening test result diagnosis symptom disorder
    mental health illness trauma addiction recovery hospital prescription pharmacy consent enrolled
    enrollment monitor infusion crisis phq phq-9 gad gad-7 cbi mbi rekindle wellbeing wellness care
    """,
)
GIVEN = {"code": "ABCD-2345", "link": "", "first_name": "Ada"}


def words_for(kind: MessageKind) -> dict[str, str]:
    template = TEMPLATES[kind]
    given = GIVEN | {"link": link("today")}
    return {word: given[word] for word in template.required | template.optional}


def telling(text: str) -> set[str]:
    return {word for word in TELLING if re.search(rf"\b{re.escape(word)}\b", text.casefold())}


@pytest.mark.parametrize("kind", MessageKind)
def test_every_kind_has_a_text_that_tells_nothing(kind: MessageKind) -> None:
    message = render(kind, words_for(kind))
    assert telling(message.subject + "\n" + message.body) == set()
    assert messages.LEXICON.search((message.subject + message.body).casefold()) is None


def test_the_list_finds_what_it_should() -> None:
    assert telling("Your Ketamine session, with the care team.") == {"ketamine", "session", "care"}


@pytest.mark.parametrize("kind", MessageKind)
def test_subjects_take_no_words(kind: MessageKind) -> None:
    assert "{" not in TEMPLATES[kind].subject


@pytest.mark.parametrize("kind", MessageKind)
def test_texts_are_short_and_easy(kind: MessageKind) -> None:
    text = TEMPLATES[kind].body.replace("{link}", "").replace("{code}", "B").replace("{first_name}", "Ada")
    sentences = [part.split() for part in re.split(r"[.:?!]\s*", text) if part.strip()]
    assert len(sentences) <= 2
    assert grade(sentences) <= 6.5


def grade(sentences: list[list[str]]) -> float:
    """Flesch-Kincaid grade, syllables counted as groups of vowels."""
    spoken = [word for sentence in sentences for word in sentence]
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e$", "", word.lower())))) for word in spoken)
    return 0.39 * len(spoken) / len(sentences) + 11.8 * syllables / len(spoken) - 15.59


@pytest.mark.parametrize("kind", MessageKind)
def test_texts_lead_to_a_human(kind: MessageKind) -> None:
    assert render(kind, words_for(kind)).body.endswith(f"Call {settings.CLINIC_PHONE}.\n")


@pytest.mark.parametrize("kind", MessageKind)
def test_a_word_nobody_declared_is_refused(kind: MessageKind) -> None:
    with pytest.raises(UnfitMessage, match="unknown words \\['note'\\]"):
        check(kind, words_for(kind) | {"note": "your dose"})


@pytest.mark.parametrize(
    ("kind", "word"), [(kind, word) for kind in MessageKind for word in sorted(TEMPLATES[kind].required)]
)
def test_a_word_that_is_missing_is_refused(kind: MessageKind, word: str) -> None:
    words = words_for(kind)
    del words[word]
    with pytest.raises(UnfitMessage, match=f"missing words \\['{word}'\\]"):
        check(kind, words)


@pytest.mark.parametrize("code", ["", "AB", "ABCD 2345", "ABCD\n2345", "visit evil.example", "A" * 21])
def test_what_is_not_a_code_is_refused(code: str) -> None:
    with pytest.raises(UnfitMessage, match="not a code"):
        check(MessageKind.VERIFY_EMAIL, {"code": code})


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/app/#alerts/1",
        "{base}/app/?token=1#alerts/1",
        "{base}/app/alerts/1",
        "{base}/admin/#alerts/1",
        "{base}/app/#",
        "{base}/app/#alerts/../1 2",
        "{base}/app/#alerts/1\n",
        "{base}/app/#alerts/1#2",
        "{base}/app/#ketamine/1",
        "{base}/app/#sessions/1",
        "{base}/app/#ses-sions/1",
        "javascript:alert(1)#alerts",
    ],
)
def test_a_link_that_leads_elsewhere_or_tells_something_is_refused(address: str) -> None:
    with pytest.raises(UnfitMessage, match="link"):
        check(MessageKind.ALERT_PAGE, {"link": address.format(base=settings.BASE_URL)})


def test_a_refused_link_is_not_repeated_in_the_error() -> None:
    with pytest.raises(UnfitMessage) as refusal:
        check(MessageKind.MONITOR_INVITATION, {"link": f"{settings.BASE_URL}/app/#SECRET-TOKEN"})
    assert "SECRET-TOKEN" not in str(refusal.value)


def test_tokens_may_spell_anything() -> None:
    address = link("invitations", "x-dose-7GAD_ketamin")
    check(MessageKind.MONITOR_INVITATION, {"link": address})
    assert address == f"{settings.BASE_URL}/app/#invitations/x-dose-7GAD_ketamin"


@pytest.mark.parametrize("name", ["Ada", "Søren", "Mary Ann", "Jean-Luc", "O'Neil", "Zoë", "Łukasz"])
def test_names_are_shown(name: str) -> None:
    words = {"first_name": name, "link": link("invitations", "x")}
    assert render(MessageKind.MONITOR_INVITATION, words).body.startswith(f"{name} asks you")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Ada\nSubject: hi",
        "evil.example",
        "K3tamine",
        "Kеtamine",  # noqa: RUF001 - the second letter is Cyrillic
        "ketamın",  # noqa: RUF001 - without its dot
        "Ké ta-mine",
        "{phone}",
        "x" * 21,
        "One two three four",
        "Ada\u202eeman",
        "Ada\u200b",
    ],
)
def test_names_that_are_no_plain_names_are_left_out(name: str) -> None:
    words = {"first_name": name, "link": link("invitations", "x")}
    assert render(MessageKind.MONITOR_INVITATION, words).body.startswith(f"{SOMEBODY} asks you")


def disguised(count: int) -> list[str]:
    """Names somebody might have entered that hold a telling word, its case, accents and gaps varied."""
    chance = random.Random(9)  # noqa: S311 - the same names every time
    accents = str.maketrans({"a": "á", "e": "é", "i": "ï", "o": "ø", "u": "ü"})
    names = []
    for _ in range(count):
        word = chance.choice([word for word in TELLING if word.isalpha() and messages.LEXICON.search(word)])
        if chance.random() < 0.3:
            word = word.translate(accents)
        if chance.random() < 0.3:
            cut = chance.randrange(1, len(word))
            word = word[:cut] + chance.choice("- '") + word[cut:]
        word = chance.choice([str.lower, str.upper, str.title])(word)
        names.append(chance.choice(["{}", "{} Ada", "Ada {}", "Ada-{}"]).format(word))
    return names


def shown(names: list[str]) -> int:
    address = link("invitations", "x")
    bodies = [
        render(MessageKind.MONITOR_INVITATION, {"first_name": name, "link": address}).body for name in names
    ]
    return sum(not body.startswith(SOMEBODY) for body in bodies)


def test_no_name_carries_a_telling_word() -> None:
    assert shown(disguised(10_000)) == 0


def test_without_the_guard_names_carry_telling_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "telling", lambda _: False)
    assert shown(disguised(10_000)) > 5_000
