"""What is encrypted is readable in its own place alone, by the keys we have, also while they change."""

import base64
import threading
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.management import CommandError, call_command
from django.db import connections

from core import rotation
from core.encryption import Undecipherable, decrypt, encrypt, is_current, reseal
from core.ids import new_id
from core.models import IdempotencyRecord

FIRST, SECOND, THIRD = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2, 3))
PLACE = "some_table.column:1"
ROWS = 1_200


@pytest.fixture(autouse=True)
def first_key(settings: Any) -> None:
    settings.FIELD_KEYS = [FIRST]


def before_keys_had_names(value: bytes, *, place: str, key: str = FIRST) -> bytes:
    """Encrypt as the first release did: a nonce, then the sealed value."""
    nonce = b"n" * 12
    return nonce + AESGCM(base64.b64decode(key)).encrypt(nonce, value, place.encode())


@pytest.mark.parametrize("value", ["", "words", {"a": [1, None]}, "\N{GRINNING FACE}"])
def test_what_is_encrypted_can_be_read(value: Any) -> None:
    assert decrypt(encrypt(value, place=PLACE), place=PLACE) == value


def test_the_same_twice_looks_different() -> None:
    assert encrypt("words", place=PLACE) != encrypt("words", place=PLACE)


@pytest.mark.parametrize(
    "elsewhere", ["some_table.column:2", "some_table.other:1", "other_table.column:1", ""]
)
def test_moved_to_another_row_column_or_table_it_is_refused(elsewhere: str) -> None:
    with pytest.raises(Undecipherable):
        decrypt(encrypt("words", place=PLACE), place=elsewhere)
    with pytest.raises(Undecipherable):
        decrypt(before_keys_had_names(b'"words"', place=PLACE), place=elsewhere)


def test_every_changed_bit_is_refused() -> None:
    sealed = encrypt("words", place=PLACE)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Undecipherable):
            decrypt(changed, place=PLACE)


@pytest.mark.parametrize("broken", [b"", b"\x01k", b"short", b"x" * 200])
def test_what_was_never_encrypted_is_refused(broken: bytes) -> None:
    with pytest.raises(Undecipherable):
        decrypt(broken, place=PLACE)


def test_values_from_before_keys_had_names_are_still_read(settings: Any) -> None:
    old = before_keys_had_names(b'"words"', place=PLACE)
    assert decrypt(old, place=PLACE) == "words"
    settings.FIELD_KEYS = [SECOND, FIRST]
    assert decrypt(old, place=PLACE) == "words"


def test_an_old_value_whose_nonce_looks_like_a_mark_is_read() -> None:
    nonce = encrypt("", place=PLACE)[:6] + b"n" * 6
    old = nonce + AESGCM(base64.b64decode(FIRST)).encrypt(nonce, b'"words"', PLACE.encode())
    assert decrypt(old, place=PLACE) == "words"


def test_the_first_key_encrypts_and_all_decrypt(settings: Any) -> None:
    old = encrypt("words", place=PLACE)
    settings.FIELD_KEYS = [SECOND, FIRST]
    assert decrypt(old, place=PLACE) == "words"
    assert not is_current(old)
    new = encrypt("words", place=PLACE)
    settings.FIELD_KEYS = [SECOND]
    assert decrypt(new, place=PLACE) == "words"
    with pytest.raises(Undecipherable):
        decrypt(old, place=PLACE)


def test_resealing_keeps_the_value_and_the_place(settings: Any) -> None:
    old = encrypt("words", place=PLACE)
    assert reseal(old, place=PLACE) is None
    settings.FIELD_KEYS = [SECOND, FIRST]
    with pytest.raises(Undecipherable):
        reseal(old, place="some_table.column:2")
    new = reseal(old, place=PLACE)
    settings.FIELD_KEYS = [SECOND]
    assert decrypt(new or b"", place=PLACE) == "words"


# --- rotation ----------------------------------------------------------------------------------------------


def stored(count: int) -> list[IdempotencyRecord]:
    ids = [new_id() for _ in range(count)]
    return IdempotencyRecord.objects.bulk_create(
        IdempotencyRecord(
            id=row_id,
            principal="person:x",
            key=str(row_id),
            fingerprint="",
            answer=before_keys_had_names(b'"words"', place=place_of(row_id))
            if number % 2
            else encrypt("words", place=place_of(row_id)),
        )
        for number, row_id in enumerate(ids)
    )


def place_of(row_id: object) -> str:
    return f"core_idempotencyrecord.answer:{row_id}"


def read_all() -> int:
    """Read every value; return how many could not be."""
    failed = 0
    for row_id, answer in IdempotencyRecord.objects.values_list("id", "answer"):
        try:
            failed += decrypt(answer, place=place_of(row_id)) != "words"
        except Undecipherable:
            failed += 1
    return failed


@pytest.mark.django_db(transaction=True)
def test_rotation_leaves_nothing_under_the_old_key_and_no_reader_fails(settings: Any, capsys: Any) -> None:
    rows = stored(ROWS)
    settings.FIELD_KEYS = [SECOND, FIRST]
    failed, looks, over = [0], [0], threading.Event()

    def read() -> None:
        while not over.is_set():
            failed[0] += read_all()
            looks[0] += 1
        connections.close_all()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        call_command("rotate_field_keys")
    finally:
        over.set()
        reader.join()
    assert failed == [0]
    assert looks[0] >= 1
    assert f"core_idempotencyrecord.answer: 500 of {ROWS}" in capsys.readouterr().out
    settings.FIELD_KEYS = [SECOND]
    assert len(rows) == ROWS
    assert read_all() == 0


@pytest.mark.django_db(transaction=True)
def test_rotation_that_was_ended_goes_on_where_it_was(settings: Any, capsys: Any) -> None:
    stored(ROWS)
    settings.FIELD_KEYS = [SECOND, FIRST]
    column = next(c for c in rotation.encrypted_columns() if c.table == "core_idempotencyrecord")
    next(rotation.rotate(column))
    assert read_all() == 0
    assert rotation.remaining(column) == ROWS - rotation.BATCH
    call_command("rotate_field_keys")
    assert f"of {ROWS - rotation.BATCH}" in capsys.readouterr().out
    assert rotation.remaining(column) == 0


@pytest.mark.django_db(transaction=True)
def test_rotation_without_the_key_that_opens_fails_and_changes_nothing(settings: Any) -> None:
    stored(10)
    settings.FIELD_KEYS = [THIRD, SECOND]
    with pytest.raises(CommandError, match="No key opens core_idempotencyrecord"):
        call_command("rotate_field_keys")
    settings.FIELD_KEYS = [FIRST]
    assert read_all() == 0


@pytest.mark.django_db(transaction=True)
def test_what_is_written_during_a_rotation_stays(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is written before its batch comes is under the first key, and not looked at again."""
    row = stored(1)[0]
    settings.FIELD_KEYS = [SECOND, FIRST]
    new = encrypt("other words", place=place_of(row.pk))
    IdempotencyRecord.objects.filter(pk=row.pk).update(answer=new)
    call_command("rotate_field_keys")
    row.refresh_from_db()
    assert bytes(row.answer) == new


@pytest.mark.django_db
def test_a_value_swapped_between_two_rows_is_refused() -> None:
    first, second = stored(2)
    IdempotencyRecord.objects.filter(pk=first.pk).update(answer=second.answer)
    first.refresh_from_db()
    with pytest.raises(Undecipherable):
        decrypt(first.answer, place=place_of(first.pk))


def test_every_binary_column_is_rotated() -> None:
    found = {f"{column.table}.{column.name}" for column in rotation.encrypted_columns()}
    assert found >= {
        "core_idempotencyrecord.answer",
        "notifications_delivery.payload",
        "treatment_sessions_reflection.text",
        "treatment_sessions_monitorinvitation.address",
    }
