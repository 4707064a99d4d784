"""Three-valued logic: what cannot be known must not act as if it were false (Kleene's strong logic)."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Tri(enum.Enum):
    """YES, NO or UNKNOWN. UNKNOWN never acts and is always reported."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __invert__(self) -> Tri:
        """Negation: UNKNOWN stays UNKNOWN."""
        if self is Tri.UNKNOWN:
            return self
        return Tri.NO if self is Tri.YES else Tri.YES

    def __bool__(self) -> bool:
        """Refuse truth tests: they would turn UNKNOWN into a yes or a no by accident."""
        msg = "a three-valued result has no truth value; compare it with Tri.YES, Tri.NO or Tri.UNKNOWN"
        raise TypeError(msg)

    @staticmethod
    def of(value: bool | None) -> Tri:
        """YES for True, NO for False, UNKNOWN for None."""
        return Tri.UNKNOWN if value is None else Tri.YES if value else Tri.NO


def all_of(values: Iterable[Tri]) -> Tri:
    """NO if any is NO, else UNKNOWN if any is UNKNOWN, else YES (also when there are none)."""
    result = Tri.YES
    for value in values:
        if value is Tri.NO:
            return Tri.NO
        if value is Tri.UNKNOWN:
            result = Tri.UNKNOWN
    return result


def any_of(values: Iterable[Tri]) -> Tri:
    """YES if any is YES, else UNKNOWN if any is UNKNOWN, else NO (also when there are none)."""
    result = Tri.NO
    for value in values:
        if value is Tri.YES:
            return Tri.YES
        if value is Tri.UNKNOWN:
            result = Tri.UNKNOWN
    return result
