"""Texts of a certain shape: opening hours, dates, time zones, e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

HOURS = r"([01]?[0-9]|2[0-3]):[0-5][0-9]\s*[-–]\s*(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)"
DAY = r"([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
EMAIL = r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a shape is called, how one is written, whether a text has it, and its pattern for editors."""

    words: str
    hint: str
    fits: Callable[[str], bool]
    pattern: str | None = None


def is_zone(text: str) -> bool:
    """Whether the text is the name of an IANA time zone."""
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        return False
    return True


def is_day(text: str) -> bool:
    """Whether the text is a date (`2026-12-24`) or a day of every year (`12-24`)."""
    try:
        date.fromisoformat(f"2000-{text}" if len(text) == 5 else text)
    except ValueError:
        return False
    return bool(re.fullmatch(DAY, text))


def is_dates(text: str) -> bool:
    """Whether the text is a date, or a first and a last date with a slash between, in their order."""
    first, slash, last = text.partition("/")
    return is_date(first) and (not slash or (is_date(last) and first <= last))


def is_date(text: str) -> bool:
    """Whether the text is a date of one year."""
    return len(text) == 10 and is_day(text)


def _pattern(pattern: str) -> Callable[[str], bool]:
    return lambda text: bool(re.fullmatch(pattern, text))


SHAPES = {
    "hours": Shape("opening hours", 'write "09:00-18:00"', _pattern(HOURS), HOURS),
    "day": Shape("a date", 'write "2026-12-24", or "12-24" for every year', is_day, DAY),
    "date": Shape("a date", 'write "2026-12-24"', is_date, DAY),
    "dates": Shape("a date, or a first and a last one", 'write "2026-08-03" or "2026-08-03/2026-08-14"', is_dates),
    "email": Shape("an e-mail address", "write name@example.com", _pattern(EMAIL), EMAIL),
    "timezone": Shape("a time zone", "write a name like America/Mexico_City", is_zone),
}
