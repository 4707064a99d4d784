"""What a business calendar says, checked and normalised: hours, holidays, overrides and breaks, before any instant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from connector.errors import ConfigurationError, EscaleraError

ClockSpans = Sequence[Sequence[str]]
"""Spans as a mapping file writes them: pairs of "HH:MM", 24:00 being midnight."""
Span = tuple[int, int]
"""Opening and closing in seconds of wall clock after local midnight of the day the span belongs to; the closing is
beyond 86,400 when the span crosses midnight."""

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_SECONDS: Final = 86_400
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_MONTH_DAY: Final = re.compile(r"(\d{2})-(\d{2})")
_LEAP_YEAR: Final = 2000  # a year in which every "MM-DD" exists


class WorkTimeError(EscaleraError, ValueError):
    """Business time can't be computed from what was given."""


class CalendarError(ConfigurationError, WorkTimeError):
    """The calendar itself is wrong: a mistake of the mapping file."""


class EmptyCalendarError(CalendarError):
    """The calendar has no opening hours at all, so no business time would ever pass."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A checked calendar. `weekly` has seven entries from Monday on; spans are sorted and do not touch."""

    tz: str
    weekly: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date]
    annual_holidays: frozenset[tuple[int, int]]
    overrides: Mapping[date, tuple[Span, ...]]
    breaks: Mapping[date, tuple[Span, ...]]

    def spans_of(self, day: date) -> tuple[Span, ...]:
        """The spans that start on `day`: its override if it has one, nothing on a holiday, else the weekly hours.

        An override wins over a holiday because it names the one date: it is how an admin opens on a holiday.
        """
        override = self.overrides.get(day)
        if override is not None:
            return override
        if day in self.holidays or (day.month, day.day) in self.annual_holidays:
            return ()
        return self.weekly[day.weekday()]

    def canonical(self) -> str:
        """One text for one content, whatever the order or spelling in the file; the base of the calendar's digest."""
        content = {
            "tz": self.tz,
            "weekly": self.weekly,
            "holidays": sorted(day.isoformat() for day in self.holidays),
            "annual_holidays": sorted(self.annual_holidays),
            "overrides": {day.isoformat(): spans for day, spans in self.overrides.items()},
            "breaks": {day.isoformat(): spans for day, spans in self.breaks.items() if spans},
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"))


def read_hours(
    tz: str | ZoneInfo,
    *,
    weekly: Mapping[str, ClockSpans],
    holidays: Iterable[str | date],
    annual_holidays: Iterable[str],
    overrides: Mapping[str | date, ClockSpans] | None,
    breaks: Mapping[str | date, ClockSpans] | None,
) -> tuple[Hours, ZoneInfo]:
    """Check and normalise. Raises CalendarError naming the wrong entry, EmptyCalendarError without any hours."""
    zone = read_zone(tz)
    for name in weekly:
        if name not in WEEKDAYS:
            msg = f"calendar: unknown weekday {name!r} in the weekly hours; use {', '.join(WEEKDAYS)}"
            raise CalendarError(msg)
    hours = Hours(
        tz=zone.key,
        weekly=tuple(_read_spans(name, weekly.get(name) or ()) for name in WEEKDAYS),
        holidays=frozenset(_read_date("holiday", day) for day in holidays),
        annual_holidays=frozenset(_read_month_day(text) for text in annual_holidays),
        overrides=_read_dated("override", overrides),
        breaks=_read_dated("break", breaks),
    )
    if not any(hours.weekly) and not any(hours.overrides.values()):
        msg = f"calendar ({zone.key}): no opening hours at all, so no time would ever pass; give at least one span"
        raise EmptyCalendarError(msg)
    return hours, zone


def read_zone(tz: str | ZoneInfo) -> ZoneInfo:
    """The time zone by its IANA name. Raises CalendarError for an unknown one or a ZoneInfo without a name."""
    if isinstance(tz, ZoneInfo):
        if tz.key is None:
            msg = (
                "calendar: the time zone has no IANA name, so the calendar would have no stable version; give the name"
            )
            raise CalendarError(msg)
        return tz
    try:
        return ZoneInfo(tz)
    except (OSError, ValueError, TypeError, LookupError) as error:
        msg = f"calendar: unknown time zone {tz!r}; give an IANA name such as America/Mexico_City"
        raise CalendarError(msg) from error


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorted union of half-open spans; touching ones become one, empty ones vanish."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _read_dated(kind: str, dated: Mapping[str | date, ClockSpans] | None) -> Mapping[date, tuple[Span, ...]]:
    read = {}
    for day, spans in (dated or {}).items():
        key = _read_date(kind, day)
        read[key] = _read_spans(f"{kind} {key.isoformat()}", spans or ())
    return MappingProxyType(read)


def _read_spans(where: str, spans: ClockSpans) -> tuple[Span, ...]:
    read = []
    for span in spans:
        if isinstance(span, str) or len(span) != 2:
            msg = f'calendar: {where}: {span!r} is not a pair of times; write ["09:00", "18:00"]'
            raise CalendarError(msg)
        start, end = _read_clock(where, span[0]), _read_clock(where, span[1])
        if start == DAY_SECONDS:
            msg = f"calendar: {where}: a span can't start at 24:00; write 00:00 on the next day"
            raise CalendarError(msg)
        if start == end:
            msg = f"calendar: {where}: {span[0]} to {span[1]} is empty; a whole day is 00:00 to 24:00"
            raise CalendarError(msg)
        read.append((start, end if end > start else end + DAY_SECONDS))
    return tuple(merge(read))


def _read_clock(where: str, text: str) -> int:
    match = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    if match is not None:
        hour, minute, second = (int(part or 0) for part in match.groups())
        seconds = hour * 3600 + minute * 60 + second
        if minute < 60 and second < 60 and seconds <= DAY_SECONDS:
            return seconds
    msg = f"calendar: {where}: {text!r} is not a time of day; write HH:MM from 00:00 to 24:00"
    raise CalendarError(msg)


def _read_date(kind: str, day: str | date) -> date:
    if isinstance(day, date) and not isinstance(day, datetime):
        return day
    try:
        return date.fromisoformat(day)  # type: ignore[arg-type] # whatever else was given ends in the message below
    except (TypeError, ValueError) as error:
        msg = f"calendar: {kind} {day!r} is not a date; write YYYY-MM-DD"
        raise CalendarError(msg) from error


def _read_month_day(text: str) -> tuple[int, int]:
    match = _MONTH_DAY.fullmatch(text) if isinstance(text, str) else None
    if match is not None:
        try:
            day = date(_LEAP_YEAR, int(match[1]), int(match[2]))
        except ValueError:
            match = None
        else:
            return day.month, day.day
    msg = f"calendar: annual holiday {text!r} is not a day of the year; write MM-DD, such as 12-25"
    raise CalendarError(msg)
