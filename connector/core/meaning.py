"""What a condition says, as a plain value: what lint compares, without asking a ticket.

Every clause of the grammar has a `meaning`; a condition of another make has none and is `Opaque`.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as member

from connector.core.policy import Condition, Span


@dataclass(frozen=True, slots=True)
class Among:
    """The one value of a field is one of these. `situation` may say `any` and `none`.

    Texts are `equal_key`s; `shown` has them as they were written.
    """

    field: str
    values: tuple[str, ...]
    shown: tuple[str, ...] = member(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Holding:
    """A field with several values (`tags`, `custom.X`) has at least one of these."""

    field: str
    values: tuple[str | float, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """A custom field is a number within these limits, both inclusive."""

    field: str
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The clock has run at least `over` and less than `under`."""

    clock: str
    over: Span | None
    under: Span | None
    calendar: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """At least one of the phrases stands un-negated in one of the fields (`subject`, `body`)."""

    phrases: tuple[str, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """Every one of these fields has a value."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The customer had the last word."""


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold."""

    parts: tuple[Meaning, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds."""

    parts: tuple[Meaning, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """This does not hold."""

    part: Meaning


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A condition that does not tell what it says; equal to itself alone."""

    condition: Condition


Meaning = Among | Holding | Between | Elapsed | Said | Present | Unanswered | Every | Some | Opposite | Opaque


def meaning_of(condition: Condition) -> Meaning:
    """What a condition says; Opaque where it does not tell."""
    told = getattr(condition, "meaning", None)
    return told if isinstance(told, Meaning) else Opaque(condition)
