"""Where help is to be sent: what has to be known of a place."""

from dataclasses import dataclass

from accounts.rules import US, Address, address_faults
from core.errors import InputError

_DIGITS = (7, 15)
"""How many digits a telephone number has, ends included; the most is E.164's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is on the day, the telephone there, and whom else to call."""

    address: Address
    phone: str
    contact_name: str
    contact_phone: str


def place_faults(place: Place) -> list[InputError]:
    """Return everything that keeps help from being sent to a place, or somebody there from being called."""
    faults = address_faults(place.address)
    if place.address.country != US:
        faults.append(InputError("/address/country", "unknown_country", "A session is in the United States."))
    numbers = {"/phone": place.phone, "/contact/phone": place.contact_phone}
    faults += [
        InputError(pointer, "not_a_number", "Give a telephone number with its area code.")
        for pointer, number in numbers.items()
        if not _is_number(number)
    ]
    return faults


def _is_number(text: str) -> bool:
    digits = sum(letter.isdecimal() for letter in text)
    return _DIGITS[0] <= digits <= _DIGITS[1] and all(letter in "+-(). 0123456789" for letter in text)
