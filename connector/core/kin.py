"""Who is the same customer, and what is the same subject matter: how tickets of different days belong together.

A key is `email:…`, `phone:…`, `name:…` or `contract:…`; two tickets with one key in common are of the same customer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from connector.core._fold import Folding
from connector.core.conditions_base import equal_key
from connector.core.model import Ticket

PERSON_KEYS = ("email", "phone", "name")
#: A phone number is told by its last digits: the country's code and a leading zero are written or not.
_DIGITS = 8
_LEAST_DIGITS = 6
_NOT_DIGITS = re.compile(r"\D+")
_LEAST_LETTERS = 4
#: Words count as the same by their beginning: `habilitado` and `habilitación`, `cuenta` and `cuentas`.
_STEM = 5
_FIELDS = {"email": "requester_email", "phone": "requester_phone", "name": "requester", "contract": "contract"}
_FOLDING = Folding()


def key_of(kind: str, value: str | None) -> str | None:
    """The key of an e-mail address, phone number, name or contract; None where nothing is left to compare."""
    if not value:
        return None
    if kind == "phone":
        digits = _NOT_DIGITS.sub("", value)
        plain = digits[-_DIGITS:] if len(digits) >= _LEAST_DIGITS else ""
    elif kind == "email":
        plain = value.strip().casefold()
    elif kind == "contract":
        plain = re.sub(r"[\W_]+", "", equal_key(value))
    else:
        plain = equal_key(value)
    return f"{kind}:{plain}" if plain else None


def keys(ticket: Ticket, kinds: Iterable[str]) -> dict[str, str]:
    """Kind -> key of what the ticket tells about its customer, of these kinds."""
    found = ((kind, key_of(kind, getattr(ticket, _FIELDS[kind]))) for kind in kinds)
    return {kind: key for kind, key in found if key is not None}


def any_keys(values: Iterable[str]) -> frozenset[str]:
    """Every key an address, number, name or contract written by an admin may mean: of whatever kind it is."""
    made = (key_of(kind, value) for value in values for kind in _FIELDS)
    return frozenset(key for key in made if key is not None)


def unknown_fields(ticket: Ticket, kinds: Iterable[str]) -> tuple[str, ...]:
    """The fields of these kinds that the source does not tell."""
    return tuple(_FIELDS[kind] for kind in kinds if _FIELDS[kind] in ticket.unknown)


def words(ticket: Ticket, ignored: frozenset[str] = frozenset()) -> frozenset[str]:
    """The beginnings of the words of four letters and more in subject and body, and the numbers, in folded form.

    `ignored` are whole folded words.
    """
    return frozenset(
        word if word.isdigit() else word[:_STEM]
        for word in _words(f"{ticket.subject or ''} {ticket.body or ''}")
        if word not in ignored
    )


def folded(phrases: Iterable[str]) -> frozenset[str]:
    """The folded words of these phrases: what `words` is to leave out."""
    return frozenset(word for phrase in phrases for word in _FOLDING.fold(phrase).split())


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared words as a share of the smaller set, 0 to 1; 0 where one is empty."""
    least = min(len(one), len(other))
    return len(one & other) / least if least else 0.0


def _words(text: str) -> Iterator[str]:
    return (word for word in _FOLDING.fold(text).split() if len(word) >= _LEAST_LETTERS or word.isdigit())
