import pytest

from core.errors import Malformed
from core.parsing import MAX_DEPTH, check_text, loads_strictly

REFUSED = {
    "not JSON": b"{",
    "not UTF-8": b'{"a": "\xff"}',
    "duplicate key": b'{"a": 1, "a": 2}',
    "duplicate key deep down": b'{"x": [{"a": 1, "a": 2}]}',
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "overflowing float": b'{"a": 1e999}',
    "huge integer": b'{"a": ' + b"9" * 19 + b"}",
    "integer of a million digits": b'{"a": ' + b"9" * 1_000_000 + b"}",
    "NUL in a value": b'{"a": "x\\u0000"}',
    "NUL in a key": b'{"x\\u0000": 1}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "direction override": '{"a": "x\u202ey"}'.encode(),
    "escape character": b'{"a": "\\u001b[31m"}',
    "too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "absurdly deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "two documents": b"{} {}",
    # Read once, it takes milliseconds; read again from each character, minutes (the test would never end).
    "a string never closed": b'{"a":"' + b'\\"' * 120_000,
    "a string of backslashes": b'{"a":"' + b"\\" * 240_001,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(body):
    with pytest.raises(Malformed):
        loads_strictly(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, 2.5, true, null, "\\ud83d\\ude00 \\n"]}', {"a": [1, 2.5, True, None, "😀 \n"]}),
        (b'{"brackets": "[[[[[[[[[[[[[[[[[[[[[[[[[{"}', {"brackets": "[" * 25 + "{"}),
        (b'{"quote": "a \\" [ b"}', {"quote": 'a " [ b'}),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, eval("[" * MAX_DEPTH + "]" * MAX_DEPTH)),  # noqa: S307
    ],
)
def test_reads(body, value):
    assert loads_strictly(body) == value


def test_text_in_any_script_passes():
    assert check_text("Åsa, 明, مريم, שרה\tnew line\n") == "Åsa, 明, مريم, שרה\tnew line\n"


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b'{"email": "\\ud800@x"}', b'{"a": 1, "a": 2}', b"[" * 100, b"{", b"\xff"])
def test_the_sign_in_library_is_sent_nothing_that_our_parser_refuses(client, body):
    answer = client.post("/api/v1/auth/app/v1/auth/login", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "malformed"
