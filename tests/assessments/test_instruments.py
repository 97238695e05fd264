"""Instrument files and wording files: what ships is sound, and whatever is unsound is refused by name."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from assessments.enums import LicenceClass
from assessments.instruments import (
    Finding,
    Instrument,
    InstrumentError,
    Item,
    Scale,
    answer_labels,
    instruments,
    item_text,
    load_wording,
    parse_instrument,
)

SMALL = """
code = "small"
version = "1"
title = "Small"

[licence]
class = "public_domain"
note = "free"
source = "a paper"

[recall]
days = 7
source = "a paper"

[loinc]
panel = "44249-1"
source = "a table"

[[answers]]
key = "often"
values = [0, 1, 2]
lowest = "never"
highest = "always"
source = "a paper"

[[items]]
key = "one"
topic = "first"
answers = "often"

[[items]]
key = "two"
topic = "second"
answers = "often"
reversed = true

[[items]]
key = "three"
topic = "third"
answers = "often"
asked_when = { scale = "total", above = 0, source = "a paper" }

[[scales]]
key = "total"
title = "Total"
items = ["one", "two"]
method = "sum"
missing = "complete"
minimum = { answered = 2, source = "a paper" }
worsens = "up"
source = "a paper"
loinc = "44261-6"
applies_when = { item = "one", at_least = 1, source = "a paper" }

[scales.bands]
source = "a paper"
steps = [{ from = 0, label = "low" }, { from = 2, label = "high" }]

[[findings]]
key = "state"
title = "State"
lowest = "calm"
source = "a paper"

[[findings.levels]]
label = "stirred"
all = [{ scale = "total", at_least = 1 }]

[[findings.levels]]
label = "up"
any = [{ item = "one", at_least = 2 }]

[[crisis]]
code = "urgent"
item = "one"
at_least = 1
source = "a paper"
"""


def parse(text: str) -> Instrument:
    return parse_instrument(text.encode(), file="small.toml")


def test_the_small_instrument_that_the_refusals_start_from_is_sound() -> None:
    assert list(parse(SMALL).items) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('version = "1"', "", "small.toml: top level: version is missing"),
        ('version = "1"', "version = 1", "top level: version has to be of type str, not int"),
        ('version = "1"', 'version = " "', "top level: version is empty"),
        ('version = "1"', 'version = "1"\ncolour = "red"', "top level: unknown key: colour"),
        ('code = "small"', 'code = "other"', "code other does not match the file's name"),
        ('code = "small"', 'code = "Small"', "code has to be lower case letters"),
        ('title = "Small"', 'title = "Small', "small.toml: syntax: .*line 4"),
        ('class = "public_domain"', 'class = "permission"', "licence: holder is missing .at line 6"),
        ('class = "public_domain"', 'class = "free"', "licence: class has to be one of public_domain"),
        ('note = "free"', 'note = "free"\nfee = 1', "licence: unknown key: fee"),
        ("days = 7", "days = 0", "recall: days has to be above 0"),
        ("days = 7", "days = 7.0", "recall: days has to be of type int, not float"),
        ("days = 7", "days = true", "recall: days has to be of type int, not bool"),
        ('panel = "44249-1"', 'panel = "44249"', "loinc: panel is not a LOINC code"),
        ('[loinc]\npanel = "44249-1"\nsource = "a table"', "", "LOINC codes need loinc.source"),
        ("values = [0, 1, 2]", "values = [0, 1, 1]", r"answers\[0\]: values names something twice"),
        ("values = [0, 1, 2]", "values = [0, 2, 1]", r"answers\[0\]: values has to rise"),
        ("values = [0, 1, 2]", "values = [0, true, 2]", r"answers\[0\]: values may hold int only, not True"),
        ("values = [0, 1, 2]", "values = [0]", r"answers\[0\]: values has to hold at least two"),
        ("values = [0, 1, 2]", "values = [0, 1, 3]", r"items\[1\]: reversed needs evenly mirrored values"),
        ('key = "two"', 'key = "one"', r"items\[1\]: one is defined twice"),
        ('key = "two"', 'key = "two;"', r"items\[1\]: key has to be lower case"),
        ('topic = "second"', 'topic = "how it has been"', r"items\[1\]: topic is longer than 3 words"),
        ('topic = "second"\nanswers = "often"', 'topic = "second"\nanswers = "rare"', r"items\[1\]: .*rare"),
        ("reversed = true", 'reversed = "yes"', r"items\[1\]: reversed has to be of type bool"),
        ('scale = "total", above', 'scale = "none", above', "three: asked_when has to name a sum scale"),
        ('scale = "total", above', 'item = "six", above', "three: asked_when has to name an unconditional"),
        ('scale = "total", above', 'item = "three", above', "three: asked_when has to name an unconditional"),
        ('scale = "total", above = 0', 'item = "one", above = 2', "three: asked_when .*one of its answers"),
        (
            'scale = "total", above',
            'scale = "total", item = "one", above',
            r"items\[2\].asked_when: .*not both",
        ),
        ('scale = "total", above', "above", r"items\[2\].asked_when: names a scale or an item"),
        ('items = ["one", "two"]', 'items = ["one", "two", "three"]', "minimum.answered = 3"),
        ('items = ["one", "two"]', 'items = ["one", "four"]', r"scales\[0\]: items names four"),
        ('items = ["one", "two"]', 'items = ["one", "one"]', r"scales\[0\]: items names something twice"),
        ('items = ["one", "two"]', "items = []", r"scales\[0\]: items is empty"),
        ('method = "sum"', 'method = "median"', r"scales\[0\]: method has to be one of sum, mean"),
        ('method = "sum"', 'method = "count"', r"scales\[0\]: counts_from belongs to method = count"),
        ('method = "sum"', 'method = "sum"\ncounts_from = 1', r"scales\[0\]: counts_from belongs to"),
        ('method = "sum"', 'method = "count"\ncounts_from = 0', "counts_from has to be an answer of every"),
        ('method = "sum"', 'method = "count"\ncounts_from = 3', "counts_from has to be an answer of every"),
        ("[[crisis]]", "[[findings]]\n[[crisis]]", r"findings\[1\]: key is missing"),
        ('title = "State"', 'title = "State"\ncolour = 1', r"findings\[0\]: unknown key: colour"),
        ('label = "up"', 'label = "calm"', "levels with one label have to stand"),
        (
            'any = [{ item = "one"',
            'some = [{ item = "one"',
            r"levels\[1\]: needs conditions in all or in any",
        ),
        ('item = "one", at_least = 2 }', 'item = "six", at_least = 2 }', "findings: six is not there"),
        ('item = "one", at_least = 2 }', 'item = "one", at_least = 3 }', "findings: one .* always be 3"),
        ('item = "one", at_least = 2 }', 'scale = "total", at_least = 5 }', "findings: total .* always be 5"),
        ('item = "one", at_least = 2 }', 'scale = "all", at_least = 2 }', "findings: all is not there"),
        ('item = "one", at_least = 2 }', "at_least = 2 }", r"any\[0\]: names a scale or an item, not both"),
        (
            'item = "one", at_least = 2 }',
            'scale = "total", at_least = 2, unanswered_counts = true }',
            "unanswered_counts needs an item",
        ),
        ('missing = "complete"', 'missing = "mean_of_answered"', "mean_of_answered needs method = mean"),
        ("answered = 2", "answered = 1", "missing = complete needs minimum.answered = 2"),
        ("answered = 2", "answered = 0", r"minimum.answered has to be between 1 and 2"),
        ("from = 0", "from = 1", r"scales\[0\]: the first band has to begin at 0"),
        ("from = 2", "from = 0", r"scales\[0\]: bands have to rise"),
        ("from = 2", "from = 5", r"scales\[0\]: the last band begins above 4"),
        ('label = "high"', 'label = "low"', r"scales\[0\]: two bands have the same label"),
        ('label = "high" }', 'label = "high", to = 4 }', r"scales\[0\].bands.steps\[1\]: unknown key: to"),
        ('[{ from = 0, label = "low" }, { from = 2, label = "high" }]', "[]", "bands: steps is missing"),
        (
            '[{ from = 0, label = "low" }, { from = 2, label = "high" }]',
            "[0]",
            r"steps\[0\]: has to be a table",
        ),
        ('[scales.bands]\nsource = "a paper"', "[scales.bands]\nverified = false", "source is missing"),
        (
            'item = "one", at_least = 1',
            'item = "six", at_least = 1',
            r"scales\[0\].applies_when: item names six",
        ),
        ('item = "one"\nat_least = 1', 'item = "six"\nat_least = 1', r"crisis\[0\]: item names six"),
        ('item = "one"\nat_least = 1', 'item = "one"\nat_least = 0', r"crisis\[0\]: at_least has to be"),
        ('item = "one"\nat_least = 1', 'item = "one"\nat_least = 3', r"crisis\[0\]: at_least has to be"),
    ],
)
def test_an_unsound_instrument_file_is_refused_by_place(old: str, new: str, complaint: str) -> None:
    assert SMALL.count(old) >= 1
    with pytest.raises(InstrumentError, match=complaint):
        parse(SMALL.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "1"', "version = 1"),
        ("days = 7", "days = 7.0"),
        ("values = [0, 1, 2]", "values = [0, 2, 1]"),
        ('topic = "second"', 'topic = "how it has been"'),
        ('worsens = "up"', 'worsens = "sideways"'),
        ("answered = 2", 'answered = "2"'),
        ('{ from = 0, label = "low" }', '{ from = "0", label = "low" }'),
        ('label = "stirred"', "label = 3"),
        ('item = "one"\nat_least = 1', 'item = "one"\nat_least = 0'),
        ('key = "three"\ntopic', 'key = "one"\ntopic'),
        ('title = "Small"', 'title = "Small'),
    ],
)
def test_a_refusal_names_the_line(old: str, new: str) -> None:
    unsound = SMALL.replace(old, new, 1)
    pairs = zip(SMALL.split("\n"), unsound.split("\n"), strict=True)
    line = next(n for n, (before, after) in enumerate(pairs, start=1) if before != after)
    with pytest.raises(InstrumentError, match=rf"at line {line}\b"):
        parse(unsound)


def test_an_instrument_that_comes_to_nothing_is_refused() -> None:
    items_alone = SMALL[: SMALL.index("[[scales]]")]
    with pytest.raises(InstrumentError, match="scales is missing"):
        parse(items_alone.replace('scale = "total"', 'item = "one"'))


def test_a_condition_on_a_sum_that_can_fall_again_is_refused() -> None:
    negative = SMALL.replace("[0, 1, 2]", "[-1, 0, 1]").replace("from = 0", "from = -2")
    with pytest.raises(InstrumentError, match="three: asked_when has to name a sum scale"):
        parse(negative)


def test_two_scales_with_one_key_are_refused() -> None:
    scale = SMALL[SMALL.index("[[scales]]") : SMALL.index("[[crisis]]")]
    with pytest.raises(InstrumentError, match="two scales have the same key"):
        parse(SMALL + scale)


def test_an_item_that_nothing_uses_is_refused() -> None:
    idle = '\n[[items]]\nkey = "four"\ntopic = "fourth"\nanswers = "often"\n'
    with pytest.raises(InstrumentError, match="items that nothing uses: four"):
        parse(SMALL + idle)


def test_answers_that_no_item_uses_are_refused() -> None:
    idle = SMALL[SMALL.index("[[answers]]") : SMALL.index("[[items]]")].replace('"often"', '"rare"')
    with pytest.raises(InstrumentError, match="answers that no item uses: rare"):
        parse(SMALL + idle)


def test_a_file_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InstrumentError, match=r"small.toml: syntax"):
        parse_instrument(b'title = "\xff"', file="small.toml")


# What ships


SHIPPED = {
    ("cadss6", "1"): "be95bf01c1d3237e3807c7879f54c897f083ab2c3285e53f0c1b4547cf7e159b",
    ("cbi", "1"): "e82c2e81a86bc7dd3f741ed56d8625c7a011c0c5f484821da2a00c3818d01391",
    ("cssrs", "1"): "6b4e8a56d62ba782610f901643c31f4d79cdf78db3b2818c2111858cd0b8474c",
    ("gad7", "1"): "312b6df92379cb738f8367512216920f20873660bfd5fd407f85bda5aa63bccc",
    ("olbi", "1"): "c13fa7857931705960facff6c1fa76371068e9b2f68d9c21a93943139abf44cc",
    ("pc_ptsd5", "1"): "570f36f377566590231bb30859027b5737cdfc0b36ff51b26968eb8f1ff9d660",
    ("pcl5", "1"): "f7fc8cf93a7795301edd2b36fc7562c7f8c346c6477ffcbd337a42dfd9b649ff",
    ("phq9", "1"): "dcb0064eb07a6852d1bf134dd4dd331890a3a64010d8d62d9fea16fa527523f8",
    ("proqol5", "1"): "4af68cc0b80522ec399cbeb6e05647994820e3af44c0381cc8cd3a837a791dd0",
}
"""Every shipped version by its hash, which stored scores name: what changes a file is a new version."""


def test_what_ships_is_what_stored_scores_were_made_with() -> None:
    shipped = {(each.code, each.version): each.content_sha256 for each in instruments().values()}
    assert shipped == SHIPPED


def test_instruments_are_read_once() -> None:
    assert instruments() is instruments()


def test_phq9_has_nine_scored_items_and_one_about_daily_life() -> None:
    phq9 = instruments()["phq9"]
    assert [item.key for item in phq9.scale("total").items] == [f"phq9_{n}" for n in range(1, 10)]
    assert list(phq9.items)[-1] == "phq9_10"


def test_phq9_loinc_codes_follow_the_topic_not_the_number() -> None:
    items = instruments()["phq9"].items
    first = ["44250-9", "44255-8", "44259-0", "44254-1", "44251-7"]
    last = ["44258-2", "44252-5", "44253-3", "44260-8", "69722-7"]
    assert [items[f"phq9_{n}"].loinc for n in range(1, 11)] == first + last


def test_panel_and_total_codes_differ() -> None:
    codes = {
        code: (each.loinc, each.scales[0].loinc if each.scales else None)
        for code, each in instruments().items()
    }
    assert {code: pair for code, pair in codes.items() if any(pair)} == {
        "phq9": ("44249-1", "44261-6"),
        "gad7": ("69737-5", "70274-6"),
        "cssrs": ("93373-9", None),
    }


def test_every_loinc_code_has_its_check_digit() -> None:
    """LOINC's last digit is the Luhn check of the others: a mistyped code fails here."""
    for instrument in instruments().values():
        parts: list[Item | Scale | Finding] = [
            *instrument.items.values(),
            *instrument.scales,
            *instrument.findings,
        ]
        for code in filter(None, [instrument.loinc, *(part.loinc for part in parts)]):
            digits = [int(digit) for digit in code.replace("-", "")]
            doubled = [sum(divmod(digit * 2, 10)) if n % 2 else digit for n, digit in enumerate(digits[::-1])]
            assert sum(doubled) % 10 == 0, code


def test_cbi_has_six_seven_and_six_items_with_minimum_three_four_and_three() -> None:
    shape = [(s.key, len(s.items), s.minimum.answered) for s in instruments()["cbi"].scales]
    assert shape == [("personal", 6, 3), ("work", 7, 4), ("client", 6, 3)]


def test_what_is_reversed() -> None:
    keys = {code: [i.key for i in each.items.values() if i.reversed] for code, each in instruments().items()}
    assert {code: found for code, found in keys.items() if found} == {
        "cbi": ["cbi_work_energy_left"],
        "olbi": [f"olbi_{n}" for n in (2, 3, 4, 6, 8, 9, 11, 12)],
        "proqol5": [f"proqol5_{n}" for n in (1, 4, 15, 17, 29)],
    }


def test_cbi_asks_its_scales_mixed() -> None:
    scales = [re.sub(r"cbi_([a-z]+)_.*", r"\1", key) for key in instruments()["cbi"].items]
    assert all(set(scales[start : start + 4]) >= {"personal", "work", "client"} for start in range(1, 15))


def test_cbi_carries_no_unverified_cut_off_and_asks_to_confirm_its_licence() -> None:
    cbi = instruments()["cbi"]
    assert not any(scale.bands for scale in cbi.scales)
    assert cbi.licence.kind is LicenceClass.WITH_CONDITIONS
    assert not cbi.licence.verified
    assert "confirm licence" in cbi.licence.note.lower()


def test_what_was_not_verified_says_so() -> None:
    client = instruments()["cbi"].scale("client")
    assert not client.minimum.verified
    assert client.applies_when is not None
    assert not client.applies_when.verified
    assert instruments()["cbi"].scale("work").minimum.verified


def test_who_says_how_far_to_look_back() -> None:
    days = {code: each.recall.days for code, each in instruments().items() if each.recall}
    assert days == {"phq9": 14, "gad7": 14, "proqol5": 30}


def test_the_content_hash_follows_the_file() -> None:
    assert parse(SMALL).content_sha256 != parse(SMALL + "\n").content_sha256


# Wording


def holders_words(instrument: Instrument) -> dict[str, object]:
    """Stand-in for a licence holder's file: every slot filled with its own key."""
    theirs = [item for item in instrument.items.values() if item.text is None]
    return {
        "instrument": instrument.code,
        "version": instrument.version,
        "items": {item.key: f"text of {item.key}" for item in theirs},
        "answers": {
            item.answers.key: {str(value): f"label {value}" for value in item.values} for item in theirs
        },
    }


def put(folder: Path, words: object, *, name: str) -> None:
    (folder / name).write_text(json.dumps(words))


def change(words: dict[str, object], path: str, value: object) -> None:
    """Set, or with None remove, the entry at a dotted path."""
    *outer, last = path.split(".")
    inner = words
    for key in outer:
        found = inner[key]
        assert isinstance(found, dict)
        inner = found
    if value is None:
        del inner[last]
    else:
        inner[last] = value


def test_without_a_file_an_item_shows_its_topic(tmp_path: Path) -> None:
    phq9 = instruments()["phq9"]
    assert load_wording(phq9, tmp_path) is None
    assert item_text(phq9.items["phq9_4"], None) == "low energy"


def test_without_a_file_answers_show_our_words_at_both_ends() -> None:
    labels = answer_labels(instruments()["phq9"].items["phq9_4"], None)
    assert labels == {0: "never", 1: "1", 2: "2", 3: "almost daily"}


def test_without_a_file_our_own_question_is_shown_in_full() -> None:
    assert item_text(instruments()["cbi"].items["cbi_gate_clients"], None).endswith("?")


def test_a_json_file_fills_every_slot(tmp_path: Path) -> None:
    cbi = instruments()["cbi"]
    put(tmp_path, holders_words(cbi), name="cbi.json")
    wording = load_wording(cbi, tmp_path)
    item = cbi.items["cbi_work_energy_left"]
    assert item_text(item, wording) == "text of cbi_work_energy_left"
    assert answer_labels(item, wording)[100] == "label 100"


def test_our_own_question_stays_ours_beside_a_holders_file(tmp_path: Path) -> None:
    cbi = instruments()["cbi"]
    put(tmp_path, holders_words(cbi), name="cbi.json")
    gate = cbi.items["cbi_gate_clients"]
    wording = load_wording(cbi, tmp_path)
    assert item_text(gate, wording) == gate.text
    assert answer_labels(gate, wording) == {0: "no", 1: "yes"}


def test_our_own_question_may_be_reworded(tmp_path: Path) -> None:
    cbi = instruments()["cbi"]
    words = holders_words(cbi)
    change(words, "items.cbi_gate_clients", "in another language")
    change(words, "answers.yes_no", {"0": "nein", "1": "ja"})
    put(tmp_path, words, name="cbi.json")
    gate, wording = cbi.items["cbi_gate_clients"], load_wording(cbi, tmp_path)
    assert (item_text(gate, wording), answer_labels(gate, wording)[1]) == ("in another language", "ja")


def test_a_toml_file_fills_the_slots_too(tmp_path: Path) -> None:
    items = "\n".join(f'gad7_{n} = "text {n}"' for n in range(1, 8))
    labels = "\n".join(f'{n} = "label {n}"' for n in range(4))
    text = f'instrument = "gad7"\nversion = "1"\n[items]\n{items}\n[answers.frequency]\n{labels}\n'
    (tmp_path / "gad7.toml").write_text(text)
    gad7 = instruments()["gad7"]
    assert item_text(gad7.items["gad7_7"], load_wording(gad7, tmp_path)) == "text 7"


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("items.phq9_3", None, "phq9.json: items: phq9_3 is missing"),
        ("items.phq9_3", "", "items: phq9_3 is empty"),
        ("items.phq9_3", 3, "items: phq9_3 has to be of type str, not int"),
        ("items.phq9_3", "x" * 1001, "items: a text is longer than 1000"),
        ("items.phq9_3", "one\u202etwo", "items: a text holds a line break or a control"),
        ("items.phq9_11", "more", "items: unknown key: phq9_11"),
        ("answers.frequency.2", None, "answers.frequency: 2 is missing"),
        ("answers.frequency.4", "more", "answers.frequency: unknown key: 4"),
        ("answers.difficulty", None, "answers: difficulty is missing"),
        ("answers.rare", {"0": "no"}, "answers: unknown key: rare"),
        ("answers", [], "top level: answers has to be of type dict"),
        ("instrument", "gad7", "top level: is for gad7 1"),
        ("version", "0", "top level: is for phq9 0"),
        ("permission", "yes", "top level: unknown key: permission"),
    ],
)
def test_an_unsound_wording_file_is_refused_by_place(
    tmp_path: Path, path: str, value: object, complaint: str
) -> None:
    phq9 = instruments()["phq9"]
    words = holders_words(phq9)
    change(words, path, value)
    put(tmp_path, words, name="phq9.json")
    with pytest.raises(InstrumentError, match=complaint):
        load_wording(phq9, tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"[]", "top level: has to be a table"),
        (b"{", "syntax"),
        (b'{"items": {"a": "b", "a": "c"}}', "syntax: a key appears twice"),
        (b'{"items": "\xff"}', "syntax"),
        (b"[" * 100_000, "syntax"),
    ],
)
def test_a_wording_file_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    (tmp_path / "phq9.json").write_bytes(content)
    with pytest.raises(InstrumentError, match=complaint):
        load_wording(instruments()["phq9"], tmp_path)


def test_two_files_for_one_instrument_are_refused(tmp_path: Path) -> None:
    phq9 = instruments()["phq9"]
    put(tmp_path, holders_words(phq9), name="phq9.json")
    put(tmp_path, {}, name="phq9.toml")
    with pytest.raises(InstrumentError, match="is there too; keep one"):
        load_wording(phq9, tmp_path)


@pytest.mark.parametrize("code", ["phq9", "gad7", "cbi"])
def test_no_item_of_theirs_ships_a_text(code: str) -> None:
    items = instruments()[code].items.values()
    assert [item.key for item in items if item.text] == (["cbi_gate_clients"] if code == "cbi" else [])


def raises(action: Callable[[], object]) -> bool:
    try:
        action()
    except InstrumentError:
        return True
    return False


def test_no_single_line_can_be_dropped_from_a_shipped_file_unnoticed() -> None:
    """Each line of the PHQ-9's file is load-bearing, or one of the few that may be absent."""
    path = Path(__file__).parents[2] / "assessments" / "instruments" / "phq9.toml"
    lines = path.read_text().splitlines()
    optional = ("#", "loinc =", "panel =", "asked_when =", "{ from =", "    { from")
    for index, line in enumerate(lines):
        if not line.strip() or line.startswith(optional):
            continue
        rest = "\n".join(lines[:index] + lines[index + 1 :])
        assert raises(lambda rest=rest: parse_instrument(rest.encode(), file="phq9.toml")), line  # type: ignore[misc]
