"""Reading JSON that may be wrong in any way: each value is asked for with its type, and named where it is not so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from connector.errors import UsageError

MAX_TEXT = 200_000
MAX_ITEMS = 200_000
_DEEPEST = 40


class PlanRefused(UsageError, ValueError):  # noqa: N818 - a state of the file, not a fault of ours
    """A saved plan can't be trusted or understood; the message says where and what."""


class Reading:
    """One JSON object being read. Raises PlanRefused for a key that is missing, unknown or of another type."""

    def __init__(self, value: Any, place: str, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        if not isinstance(value, Mapping):
            raise refused(place, "is no object")
        self._value, self.place = value, place
        missing = [name for name in required if name not in value]
        unknown = sorted(str(name) for name in value if name not in required and name not in optional)
        if missing:
            raise refused(place, f"lacks {', '.join(missing)}")
        if unknown:
            raise refused(place, f"has unknown keys: {', '.join(unknown)[:200]}")

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def raw(self, name: str) -> Any:
        """The value, or None where it is absent, of any type JSON has; bounded in depth."""
        value = self._value.get(name)
        _check_depth(value, self._at(name))
        return value

    def text(self, name: str) -> str:
        """A text."""
        value = self._value.get(name)
        if not isinstance(value, str):
            raise refused(self._at(name), "is no text")
        if len(value) > MAX_TEXT:
            raise refused(self._at(name), f"has {len(value)} characters, at most {MAX_TEXT} are read")
        return value

    def text_or_none(self, name: str) -> str | None:
        """A text, or None where it is null or absent."""
        return None if self._value.get(name) is None else self.text(name)

    def word(self, name: str, words: Sequence[str]) -> str:
        """One word of a closed list."""
        value = self.text(name)
        if value not in words:
            raise refused(self._at(name), f"is {value[:40]!r}, wanted one of {', '.join(words)}")
        return value

    def flag(self, name: str) -> bool:
        """`true` or `false`."""
        value = self._value.get(name)
        if not isinstance(value, bool):
            raise refused(self._at(name), "is neither true nor false")
        return value

    def count(self, name: str) -> int:
        """A whole number from 0 up."""
        value = self._value.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise refused(self._at(name), "is no whole number from 0 up")
        return value

    def number(self, name: str) -> float:
        """A number."""
        value = self._value.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
            raise refused(self._at(name), "is no number")
        return value

    def instant(self, name: str) -> datetime:
        """An instant as ISO 8601 with its offset."""
        text = self.text(name)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise refused(self._at(name), f"is no instant: {text[:40]!r}") from None
        if at.utcoffset() is None or abs(at.utcoffset() or timedelta()) >= timedelta(days=1):
            raise refused(self._at(name), f"is an instant without offset: {text[:40]!r}")
        return at

    def instant_or_none(self, name: str) -> datetime | None:
        """An instant, or None where it is null or absent."""
        return None if self._value.get(name) is None else self.instant(name)

    def mapping(self, name: str) -> dict[str, Any]:
        """An object with any keys; bounded in size and depth."""
        value = self._value.get(name)
        if not isinstance(value, Mapping):
            raise refused(self._at(name), "is no object")
        _check_depth(value, self._at(name))
        return {str(key): each for key, each in value.items()}

    def items(self, name: str) -> Iterator[tuple[Any, str]]:
        """(value, place) of each element of a list."""
        value = self._value.get(name)
        if not isinstance(value, list | tuple):
            raise refused(self._at(name), "is no list")
        if len(value) > MAX_ITEMS:
            raise refused(self._at(name), f"has {len(value)} elements, at most {MAX_ITEMS} are read")
        for number, each in enumerate(value):
            yield each, f"{self._at(name)}[{number}]"

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        found = []
        for value, place in self.items(name):
            if not isinstance(value, str) or len(value) > MAX_TEXT:
                raise refused(place, "is no text")
            found.append(value)
        return tuple(found)


def refused(place: str, problem: str) -> PlanRefused:
    """The error for one place of a plan."""
    return PlanRefused(f"the plan can't be used: {place or 'it'} {problem}; make a new one")


def _check_depth(value: Any, place: str, depth: int = 0) -> None:
    """Refuse what JSON can't hold or what is nested so deeply that working on it would fail."""
    if depth > _DEEPEST:
        raise refused(place, "is nested too deeply")
    if isinstance(value, Mapping):
        for each in value.values():
            _check_depth(each, place, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_depth(each, place, depth + 1)
    elif isinstance(value, float) and not isfinite(value):
        raise refused(place, "holds a number that is too large")
    elif value is not None and not isinstance(value, str | int | float):
        raise refused(place, f"holds a {type(value).__name__}")
