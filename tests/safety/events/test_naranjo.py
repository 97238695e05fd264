"""The scale against its table and against cases scored by hand."""

import pytest

from safety.events.enums import NaranjoAnswer as Answer
from safety.events.enums import NaranjoCategory as Category
from safety.events.naranjo import HIGHEST, LOWEST, QUESTIONS, category, score

TABLE = {
    1: (1, 0), 2: (2, -1), 3: (1, 0), 4: (2, -1), 5: (-1, 2),
    6: (-1, 1), 7: (1, 0), 8: (1, 0), 9: (1, 0), 10: (1, 0),
}  # fmt: skip
"""What yes and no are worth, copied from the published table."""


@pytest.mark.parametrize("number", TABLE)
def test_each_answer_is_worth_what_the_table_says(number: int) -> None:
    worth = [score({str(number): answer}) for answer in (Answer.YES, Answer.NO, Answer.UNKNOWN)]
    assert worth == [*TABLE[number], 0]


def test_the_range_is_the_published_one() -> None:
    best = {number: Answer.NO if number in ("5", "6") else Answer.YES for number in QUESTIONS}
    worst = {number: Answer.YES if number in ("5", "6") else Answer.NO for number in QUESTIONS}
    assert (score(worst), score(best)) == (LOWEST, HIGHEST) == (-4, 13)


@pytest.mark.parametrize(
    ("total", "meaning"),
    [
        (13, Category.DEFINITE), (9, Category.DEFINITE), (8, Category.PROBABLE), (5, Category.PROBABLE),
        (4, Category.POSSIBLE), (1, Category.POSSIBLE), (0, Category.DOUBTFUL), (-4, Category.DOUBTFUL),
    ],
)  # fmt: skip
def test_what_a_score_means_at_its_bounds(total: int, meaning: Category) -> None:
    assert category(total) == meaning


def answers(letters: str) -> dict[str, Answer]:
    """Read ten answers, question by question: y, n, or anything else for unknown."""
    meaning = {"y": Answer.YES, "n": Answer.NO}
    return {str(number): meaning.get(letter, Answer.UNKNOWN) for number, letter in enumerate(letters, 1)}


@pytest.mark.parametrize(
    ("letters", "total"),
    [
        ("??????????", 0),
        ("yyy?n?????", 6),  # known, in time, better without, no other cause: a usual probable
        ("yyyyn????y", 9),  # it came back when given again, and was measured
        ("yy??y?????", 2),  # something else could have done it too
        ("ynn?y?????", -1),  # it was there before
        ("yyyynnyyyy", 13),
        ("nnnnyynnnn", -4),
    ],
)
def test_cases_scored_by_hand(letters: str, total: int) -> None:
    assert score(answers(letters)) == total


def test_what_is_left_out_is_unknown() -> None:
    assert score({}) == 0


def test_there_is_no_eleventh_question() -> None:
    with pytest.raises(KeyError):
        score({"11": Answer.YES})
