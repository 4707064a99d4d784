"""Business time: what an SLA clock counts. Conventions are explained for admins in docs/business-time.md.

Every instant goes in as an aware datetime of any zone and comes out in UTC: Python computes on two datetimes of one
zone by the wall clock, which is wrong by an hour around every clock change, and UTC has none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from connector.core._hours import (
    CalendarError,
    ClockSpans,
    EmptyCalendarError,
    Span,
    WorkTimeError,
    merge,
    read_hours,
    read_zone,
)
from connector.core._intervals import (
    EPOCH,
    FIRST_YEAR,
    LAST_YEAR,
    MICROS,
    NoOpeningError,
    OpenIntervals,
    OutOfRangeError,
    micros_of_wall,
)
from connector.core._repeated import Repeated

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "CalendarError",
    "EmptyCalendarError",
    "NaiveTimeError",
    "NoOpeningError",
    "OutOfRangeError",
    "PauseError",
    "Period",
    "WorkCalendar",
    "WorkTimeError",
    "local_to_utc",
]

Period = tuple[datetime, datetime]
"""Opening and closing of one stretch of open time, in UTC; the closing instant itself is closed."""


class NaiveTimeError(WorkTimeError):
    """A datetime without a time zone was given where an instant is needed, or the reverse."""


class PauseError(WorkTimeError):
    """A pause ends before it starts."""


class WorkCalendar:
    """The opening hours of one place, as a clock.

    `tz` is an IANA name (or a ZoneInfo with one); `weekly` is {"mon": [["09:00", "18:00"], ...], ...}, missing days are
    closed, 24:00 is midnight and a span whose end is not after its start crosses midnight (it belongs to the day it
    starts). `holidays` are dates or ISO dates without hours, `annual_holidays` are "MM-DD". `overrides` {date: spans}
    replace all hours of that date, also on a holiday; `breaks` {date: spans} are taken away from whatever is open.

    Instances do not change, compare and hash by content. Raises CalendarError (a ValueError) naming the wrong entry,
    EmptyCalendarError when there are no hours at all. All methods raise NaiveTimeError for a datetime without a zone,
    OutOfRangeError for instants outside the years 1900 to 2200 and NoOpeningError where the calendar never opens again.
    """

    __slots__ = ("_canonical", "_digest", "_open", "_zone")
    _canonical: str
    _digest: str
    _open: OpenIntervals
    _zone: ZoneInfo

    def __init__(
        self,
        tz: str | ZoneInfo,
        weekly: Mapping[str, ClockSpans],
        holidays: Iterable[str | date] = (),
        annual_holidays: Iterable[str] = (),
        overrides: Mapping[str | date, ClockSpans] | None = None,
        breaks: Mapping[str | date, ClockSpans] | None = None,
    ) -> None:
        hours, zone = read_hours(
            tz,
            weekly=weekly,
            holidays=holidays,
            annual_holidays=annual_holidays,
            overrides=overrides,
            breaks=breaks,
        )
        canonical = hours.canonical()
        for name, value in (
            ("_zone", zone),
            ("_canonical", canonical),
            ("_digest", hashlib.sha256(canonical.encode()).hexdigest()),
            ("_open", OpenIntervals(hours, zone)),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"a WorkCalendar does not change; build another one instead of setting {name!r}"
        raise AttributeError(msg)

    def __eq__(self, other: object) -> bool:
        return self._canonical == other._canonical if isinstance(other, WorkCalendar) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._canonical)

    def __repr__(self) -> str:
        return f"WorkCalendar({self._zone.key!r}, digest={self._digest[:12]!r})"

    @property
    def zone(self) -> ZoneInfo:
        """The calendar's time zone: for showing results as people there read them."""
        return self._zone

    @property
    def digest(self) -> str:
        """The calendar's version: SHA-256 (hex) of its content, equal for equal content however it was written."""
        return self._digest

    def add(self, start: datetime, seconds: float, pauses: Iterable[Sequence[datetime]] = ()) -> datetime:
        """The instant at which `seconds` of business time have passed since `start`, not counting `pauses`.

        An amount that ends exactly at a closing ends there; 0 outside hours (or in a pause) is the next opening. A
        negative amount goes back and ends, if exactly, at the opening. `pauses` are pairs of instants [from, to).
        """
        at, amount = _micros(start), _amount(seconds)
        if pauses:
            return _instant(self._add_paused(at, amount, _merged(pauses)))
        return _instant(self._open.add(at, amount))

    def between(self, start: datetime, end: datetime, pauses: Iterable[Sequence[datetime]] = ()) -> float:
        """Business seconds from `start` to `end` without `pauses`, negative when `end` is before `start`.

        Exact to the microsecond; an int when the seconds are whole.
        """
        first, last = _micros(start), _micros(end)
        total = self._open.between(first, last)
        if pauses:
            low, high = min(first, last), max(first, last)
            paused = sum(
                self._open.between(max(off, low), min(on, high))
                for off, on in _merged(pauses)
                if off < high and on > low
            )
            total -= paused if first <= last else -paused
        seconds, rest = divmod(total, MICROS)
        return total / MICROS if rest else seconds

    def add_days(self, start: datetime, days: int) -> datetime:
        """The same time of day, `days` business days later (or earlier when negative).

        A business day is a date with opening hours; the count starts after the date of `start` (in a night shift: the
        date the shift began), whether that is a business day or not. If that time of day is closed, the next opening
        follows (going back: the closing before). 0 days is `start` itself, or the next opening.
        """
        if isinstance(days, bool) or not isinstance(days, int):
            msg = f"business days are counted whole, not {days!r}; use seconds for parts of a day"
            raise WorkTimeError(msg)
        at = _micros(start)
        if days == 0:
            return _instant(self._open.next_open(at))
        steady = self._open.days_later(at, days)
        target = self._by_wall(at, days) if steady is None else steady
        if self._open.owner(target) is not None:  # open, or exactly at a closing: the time of day is kept
            return _instant(target)
        return _instant(self._open.next_open(target) if days > 0 else self._open.prev_open(target))

    def adding(self, seconds: int) -> Callable[[datetime], datetime]:
        """`add(start, seconds)` as a function of the start, for many starts: the same, remembered by the day."""
        amount = _amount(seconds)
        return Repeated(
            lambda start: self.add(start, seconds), lambda first, past: self._open.cuts_of_add(first, past, amount)
        )

    def adding_days(self, days: int) -> Callable[[datetime], datetime]:
        """`add_days(start, days)` as a function of the start, for many starts."""
        if not days:
            return self.next_open
        return Repeated(
            lambda start: self.add_days(start, days), lambda first, past: self._open.cuts_of_days(first, past, days)
        )

    def _by_wall(self, at: int, days: int) -> int:
        """The same time of day on the local clock, `days` business dates later."""
        wall = _instant(at).astimezone(self._zone).replace(tzinfo=None)
        owner = self._open.owner(at) or wall.toordinal()
        ordinal = self._open.nth_day(owner, days, at)
        return micros_of_wall(wall + timedelta(days=ordinal - owner), self._zone)

    def is_open(self, at: datetime) -> bool:
        """Whether the place is open at this instant; it is at an opening and is not at a closing."""
        return self._open.is_open(_micros(at))

    def next_open(self, at: datetime) -> datetime:
        """This instant if open, else the next opening."""
        return _instant(self._open.next_open(_micros(at)))

    def prev_open(self, at: datetime) -> datetime:
        """This instant if open or just closing, else the closing before it."""
        return _instant(self._open.prev_open(_micros(at)))

    def periods(self, start: datetime, end: datetime) -> list[Period]:
        """The stretches of open time from `start` to `end`, clipped to them; none when `end` is not after `start`."""
        last = _micros(end)
        self._open.covering(last, last)
        found = []
        for opening, closing in self._open.after(_micros(start)):
            if opening >= last:
                break
            found.append((_instant(opening), _instant(min(closing, last))))
        return found

    def periods_after(self, start: datetime) -> Iterator[Period]:
        """The stretches of open time from `start` on, the first one clipped, up to the year 2200."""
        at = _micros(start)
        self._open.covering(at, at)  # so that a wrong instant is reported here, not at the first step of the iteration
        return ((_instant(opening), _instant(closing)) for opening, closing in self._open.after(at))

    def periods_before(self, start: datetime) -> Iterator[Period]:
        """The stretches of open time before `start`, latest first, the first one clipped, back to the year 1900."""
        at = _micros(start)
        self._open.covering(at, at)
        return ((_instant(opening), _instant(closing)) for opening, closing in self._open.before(at))

    def _add_paused(self, at: int, amount: int, pauses: list[Span]) -> int:
        """Walk from pause to pause: what fits before one ends there, the rest goes on after it."""
        if amount >= 0:
            for off, on in pauses:
                if on <= at:
                    continue
                if off > at:
                    available = self._open.between(at, off)
                    if available > amount or available == amount > 0:
                        return self._open.add(at, amount)
                    amount -= available
                at = on
            return self._open.add(at, amount)
        for off, on in reversed(pauses):
            if off >= at:
                continue
            if on < at:
                available = self._open.between(on, at)
                if available >= -amount:
                    return self._open.add(at, amount)
                amount += available
            at = off
        return self._open.add(at, amount)


def local_to_utc(wall: datetime, tz: str | ZoneInfo) -> datetime:
    """The instant at which the clocks of `tz` show `wall` (a naive datetime).

    A time skipped by a clock change keeps its distance to the hour before it (02:30 becomes 03:30), a repeated one is
    its first occurrence. Raises NaiveTimeError when `wall` has a zone already, CalendarError for an unknown zone.
    """
    if wall.tzinfo is not None:
        msg = "a wall-clock time was expected, without a time zone of its own; use astimezone() for an instant"
        raise NaiveTimeError(msg)
    return _instant(micros_of_wall(wall, read_zone(tz)))


def _micros(at: datetime) -> int:
    try:
        since = at - EPOCH
    except TypeError as error:
        msg = f"an instant needs a time zone and this {type(at).__name__} has none; attach the zone it was written in"
        raise NaiveTimeError(msg) from error
    return (since.days * 86_400 + since.seconds) * MICROS + since.microseconds


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(0, 0, micros)


def _amount(seconds: float) -> int:
    try:
        return round(seconds * MICROS)
    except (ValueError, OverflowError, TypeError) as error:
        msg = f"an amount of business time is a number of seconds, not {seconds!r}"
        raise WorkTimeError(msg) from error


def _merged(pauses: Iterable[Sequence[datetime]]) -> list[Span]:
    spans = []
    for off, on in pauses:
        span = (_micros(off), _micros(on))
        if span[1] < span[0]:
            msg = f"a pause ends ({on.isoformat()}) before it starts ({off.isoformat()}); swap the two"
            raise PauseError(msg)
        spans.append(span)
    return merge(spans)
