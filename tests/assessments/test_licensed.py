"""MBI-GS, which ships without items, key and norms. All of those here are made up: no line is the MBI's."""

from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from assessments import instruments as package
from assessments import profiles, rules, services
from assessments.checks import data_is_sound
from assessments.enums import LicenceClass, Worsening
from assessments.errors import LicenceForbids
from assessments.instruments import InstrumentError, instruments, parse_licensed, slots, use_folder
from assessments.models import Assessment
from assessments.profiles import norms_of, parse_norms
from assessments.services import check_licence
from programs.models import Enrollment
from tests.assessments.conftest import save, submit

SLOT = slots()["mbi_gs"]
SIZES = {"exhaustion": 5, "cynicism": 5, "efficacy": 6}


def made_up_key(**said: str) -> str:
    """Sixteen items of our own about a lighthouse, in a made-up order and a made-up key."""
    lines = [
        'code = "mbi_gs"\nversion = "made up"\ntitle = "A made-up form"',
        '[licence]\nclass = "public_domain"\nnote = "made up"\nsource = "made up"',
        '[[answers]]\nkey = "often"\nvalues = [0, 1, 2, 3, 4, 5, 6]\nlowest = "never"\nhighest = "daily"',
        'source = "made up"',
    ]
    for n in range(1, 17):
        lines.append(f'[[items]]\nkey = "item_{n}"\ntopic = "lamp {n}"\nanswers = "often"')
        lines.append(said.get(f"item_{n}", ""))
    first = 1
    for key, size in SIZES.items():
        keys = ", ".join(f'"item_{n}"' for n in range(first, first + size))
        first += size
        worsens = "down" if key == "efficacy" else "up"
        lines.append(f'[[scales]]\nkey = "{key}"\ntitle = "Lamp {key}"\nitems = [{keys}]\nmethod = "mean"')
        lines.append(f'missing = "mean_of_answered"\nworsens = "{worsens}"\nsource = "made up"')
        lines.append(f'minimum = {{ answered = {size - 1}, source = "made up" }}')
    return "\n".join(lines) + "\n"


def made_up_norms() -> str:
    """Boundaries at 2.5, 2 and 4.1."""
    head = 'instrument = "mbi_gs"\nid = "made-up"\nn = 1\nsource = "made up"\nlicence = "made up"\n'
    rows = {"exhaustion": ("2", "1", "0.5"), "cynicism": ("1", "1", "1"), "efficacy": ("4", "1", "0.1")}
    return head + "".join(
        f'[{key}]\nmean = "{mean}"\nsd = "{sd}"\nspreads = "{spreads}"\ninclusive = false\n'
        'source = "made up"\n'
        for key, (mean, sd, spreads) in rows.items()
    )


KEY, NORMS = made_up_key(), made_up_norms()


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """A clinic with the permission, and a folder with nothing in it yet."""
    settings.INSTRUMENT_WORDING_DIR = str(tmp_path)
    settings.INSTRUMENT_PERMISSIONS = ["mbi_gs"]
    use_folder(tmp_path)
    yield tmp_path
    use_folder(None)
    profiles._read.cache_clear()


def put(folder: Path, kind: str, text: str) -> None:
    (folder / kind).mkdir()
    (folder / kind / "mbi_gs.toml").write_text(text)
    use_folder(folder)


@pytest.fixture
def with_licence(folder: Path) -> None:
    put(folder, "keys", KEY)
    put(folder, "norms", NORMS)


# What ships


def test_no_item_no_key_and_no_norms_ship() -> None:
    assert "mbi_gs" not in instruments()
    assert norms_of("mbi_gs") is None
    assert (SLOT.items, SLOT.values, SLOT.licence.kind) == (16, tuple(range(7)), LicenceClass.PERMISSION)
    assert {scale.key: (scale.items, scale.worsens) for scale in SLOT.scales} == {
        "exhaustion": (5, Worsening.UP),
        "cynicism": (5, Worsening.UP),
        "efficacy": (6, Worsening.DOWN),
    }
    names = [path.name for path in Path(package.__file__).parent.rglob("*.toml") if "mbi" in path.name]
    assert names == ["mbi_gs.toml"]


@pytest.mark.parametrize(
    ("permitted", "reason"),
    [([], "needs the permission of Mind Garden"), (["mbi_gs"], "Mind Garden licenses them")],
)
def test_without_the_licence_asking_it_is_a_403_with_the_reason(
    settings: Any, permitted: list[str], reason: str
) -> None:
    settings.INSTRUMENT_PERMISSIONS = permitted
    with pytest.raises(LicenceForbids, match=reason) as refused:
        check_licence(SLOT)
    assert (refused.value.status, refused.value.code) == (403, "licence_forbids")


def test_a_file_without_the_permission_is_not_enough(with_licence: None, settings: Any) -> None:
    settings.INSTRUMENT_PERMISSIONS = []
    with pytest.raises(LicenceForbids, match="needs the permission of Mind Garden"):
        check_licence(instruments()["mbi_gs"])


def test_with_both_it_may_be_asked(with_licence: None) -> None:
    check_licence(instruments()["mbi_gs"])
    assert instruments()["mbi_gs"].licence == SLOT.licence
    assert data_is_sound(None) == []


# What a key comes to


def test_three_means_and_no_total(with_licence: None) -> None:
    answers = {f"item_{n}": n % 7 for n in range(1, 17)}
    scores = rules.score(instruments()["mbi_gs"], answers)
    assert {scale.key: float(scale.value or 0) for scale in scores.scales} == {
        "exhaustion": 3.0,
        "cynicism": 2.4,
        "efficacy": 3.0,
    }
    assert scores.findings == ()


@pytest.mark.parametrize(
    ("answers", "label"),
    [
        ((6, 6, 0), "burnout"),
        ((0, 0, 6), "engagement"),
        ((6, 0, 6), "overextended"),
        ((0, 6, 6), "disengaged"),
        ((0, 0, 0), "ineffective"),
        ((6, 6, 6), "unclassified"),
        ((6, 0, 0), "unclassified"),
        ((0, 6, 0), "unclassified"),
    ],
)
def test_the_profile_is_stored_with_what_it_rests_on(
    with_licence: None, answers: tuple[int, int, int], label: str
) -> None:
    ends = {5: answers[0], 10: answers[1], 16: answers[2]}
    given = {f"item_{n}": next(ends[end] for end in ends if n <= end) for n in range(1, 17)}
    stored = services.stored_scores(instruments()["mbi_gs"], given)["profile"]
    assert (stored["label"], stored["norms"], stored["map_version"]) == (
        label,
        "made-up",
        profiles.MAP_VERSION,
    )
    assert stored["norms_sha256"] == parse_norms(SLOT, NORMS.encode(), file="x").content_sha256
    assert list(stored["flags"].values()) == [answers[0] == 6, answers[1] == 6, answers[2] == 0]


def test_without_norms_or_with_a_scale_missing_there_is_no_profile(folder: Path) -> None:
    put(folder, "keys", KEY)
    instrument, given = instruments()["mbi_gs"], {f"item_{n}": 3 for n in range(1, 17)}
    assert services.stored_scores(instrument, given)["profile"] is None
    put(folder, "norms", NORMS)
    assert services.stored_scores(instrument, given)["profile"]["label"] == "burnout"
    few = {key: each for key, each in given.items() if key not in ("item_1", "item_2")}
    assert services.stored_scores(instrument, few)["profile"] is None


def test_no_mean_is_rounded_before_the_comparison(with_licence: None) -> None:
    """Around a boundary of 4.1: a mean of 4 is below, 25 sixths are above."""
    given = {f"item_{n}": 0 for n in range(1, 17)} | {f"item_{n}": 4 for n in range(11, 17)}
    low = services.stored_scores(instruments()["mbi_gs"], given)["profile"]
    high = services.stored_scores(instruments()["mbi_gs"], given | {"item_16": 5})["profile"]
    assert (low["label"], high["label"]) == ("ineffective", "engagement")


def test_a_submitted_form_shows_means_and_profile(
    with_licence: None, as_ada: APIClient, enrollment: Enrollment, at: datetime
) -> None:
    form = Assessment.objects.create(
        enrollment=enrollment,
        instrument="mbi_gs",
        instrument_version="made up",
        week=1,
        opens_at=at,
        due_at=at,
        closes_at=at.replace(year=at.year + 1),
    )
    assert save(as_ada, form, {f"item_{n}": 6 if n < 6 else 0 for n in range(1, 17)}).status_code == 200
    shown = submit(as_ada, form).json()
    assert [scale["value"] for scale in shown["scores"]["scales"]] == [6.0, 0.0, 0.0]
    assert shown["scores"]["profile"]["label"] == "unclassified"
    form.refresh_from_db()
    assert form.scores == shown["scores"]


# Files that are something else


def swap(text: str, before: str, after: str) -> bytes:
    assert before in text
    return text.replace(before, after, 1).encode()


def line(text: str, words: str, *, nth: int = 0) -> int:
    return [n for n, each in enumerate(text.splitlines(), start=1) if words in each][nth]


TOTAL = KEY[KEY.index('[[scales]]\nkey = "efficacy"') :].replace('"efficacy"', '"total"')

MOVED = KEY.replace('"item_4", "item_5"]', '"item_4"]').replace('["item_6"', '["item_5", "item_6"')
MORE = (KEY + TOTAL).encode()


@pytest.mark.parametrize(
    ("content", "fault", "at_line"),
    [
        (b"\xff", "syntax", None),
        (swap(KEY, 'code = "mbi_gs"', "code ="), "syntax", None),
        (swap(KEY, 'code = "mbi_gs"', 'code = "phq9"'), "code", None),
        (
            (KEY + TOTAL).encode(),
            "total is none of its subscales; there is no total",
            len(KEY.splitlines()) + 2,
        ),
        (swap(KEY, "[0, 1, 2, 3, 4, 5, 6]", "[0, 1, 2, 3, 4, 5]"), "every item goes from 0 to 6", None),
        (made_up_key(item_11="reversed = true").encode(), "item_11: every item goes from 0 to 6", None),
        (swap(KEY, 'worsens = "down"', 'worsens = "up"'), "worsens has to be down", line(KEY, '"down"')),
        (swap(KEY, 'method = "mean"', 'method = "sum"'), "needs method = mean", None),
        (MOVED.encode(), "items: 4, not 5", line(MOVED, '"item_4"]')),
        (swap(KEY, '"item_4", "item_5"]', '"item_4", "item_6"]'), "items that nothing uses: item_5", None),
        (swap(KEY, 'key = "cynicism"', 'key = "boredom"'), "boredom is none of its subscales", None),
    ],
)
def test_a_key_that_is_another_is_refused_with_the_line(
    content: bytes, fault: str, at_line: int | None
) -> None:
    with pytest.raises(InstrumentError, match=fault) as refused:
        parse_licensed(SLOT, content, file="mbi_gs.toml")
    assert at_line is None or refused.value.line == at_line


@pytest.mark.parametrize(
    ("content", "fault", "at_line"),
    [
        (swap(NORMS, "n = 1\n", "n = 0\n"), "n has to be above 0", line(NORMS, "n = 1")),
        (swap(NORMS, 'instrument = "mbi_gs"', 'instrument = "olbi"'), "instrument is olbi", 1),
        (swap(NORMS, 'licence = "made up"\n', ""), "licence is missing", None),
        (swap(NORMS, 'mean = "2"', "mean = 2.0"), "mean has to be of type str", line(NORMS, "mean")),
        (swap(NORMS, 'mean = "2"', 'mean = "two"'), "mean has to be a number", line(NORMS, "mean")),
        (swap(NORMS, 'mean = "2"', 'mean = "Infinity"'), "mean has to be a finite", line(NORMS, "mean")),
        (swap(NORMS, 'mean = "1"\n', ""), "mean is missing", None),
        (swap(NORMS, 'mean = "4"', 'mean = "7"'), "mean is not between 0 and 6", line(NORMS, "mean", nth=2)),
        (swap(NORMS, 'sd = "1"', 'sd = "0"'), "sd has to be above 0", line(NORMS, "sd")),
        (swap(NORMS, 'spreads = "0.1"', 'spreads = "9"'), "out of the range", line(NORMS, "0.1")),
        (swap(NORMS, "inclusive = false", 'inclusive = "no"'), "inclusive has to be of type bool", None),
        (swap(NORMS, "[efficacy]", "[depersonalisation]"), "efficacy is missing", None),
        ((NORMS + "extra = 1\n").encode(), "unknown key: extra", len(NORMS.splitlines()) + 1),
    ],
)
def test_norms_that_are_malformed_are_refused_with_the_line(
    content: bytes, fault: str, at_line: int | None
) -> None:
    with pytest.raises(InstrumentError, match=fault) as refused:
        parse_norms(SLOT, content, file="mbi_gs.toml")
    assert at_line is None or refused.value.line == at_line


@pytest.mark.parametrize(("kind", "text"), [("keys", TOTAL), ("norms", "n = 1\n")])
def test_the_server_does_not_start_with_such_a_file(folder: Path, kind: str, text: str) -> None:
    if kind == "norms":
        put(folder, "keys", KEY)
    put(folder, kind, text)
    assert data_is_sound(None) != []


# The command


def run(folder: Path, text: str, *arguments: str) -> None:
    path = folder / "given.toml"
    path.write_text(text)
    call_command("import_instrument", "mbi_gs", str(path), *arguments, stdout=StringIO())


def test_the_command_puts_both_where_the_server_reads_them(folder: Path) -> None:
    run(folder, KEY)
    run(folder, NORMS, "--norms")
    use_folder(folder)
    assert instruments()["mbi_gs"].version == "made up"
    norms = norms_of("mbi_gs")
    assert norms is not None
    assert norms.id == "made-up"
    with pytest.raises(CommandError, match="File exists"):
        run(folder, KEY)


@pytest.mark.parametrize(
    ("text", "arguments", "fault"),
    [
        (TOTAL, [], "mbi_gs.toml: top level"),
        (KEY, ["--norms"], "instrument is missing"),
        (NORMS, [], "mbi_gs"),
    ],
)
def test_the_command_writes_nothing_that_is_something_else(
    folder: Path, text: str, arguments: list[str], fault: str
) -> None:
    with pytest.raises(CommandError, match=fault):
        run(folder, text, *arguments)
    assert [path.name for path in folder.iterdir()] == ["given.toml"]


def test_the_command_asks_for_the_permission_first(folder: Path, settings: Any) -> None:
    settings.INSTRUMENT_PERMISSIONS = []
    with pytest.raises(CommandError, match="needs the permission of Mind Garden"):
        run(folder, KEY)


def test_others_have_no_norms(folder: Path) -> None:
    with pytest.raises(CommandError, match="phq9 has no norms"):
        call_command("import_instrument", "phq9", "x", "--norms")
