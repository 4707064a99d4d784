"""Laws of business time, against a minute-by-minute oracle and against the independent engine `workclock`."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connector.core.worktime import WorkCalendar

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A day around which each zone changes its clocks (Mexico: the last change it made), and a plain one.
CHANGES = {
    "America/Mexico_City": ("2022-04-03", "2022-10-30", "2026-06-10"),
    "America/Santiago": ("2026-04-05", "2026-09-06", "2026-06-10"),
    "Europe/Rome": ("2026-03-29", "2026-10-25", "2026-06-10"),
    "America/New_York": ("2026-03-08", "2026-11-01", "2026-06-10"),
}
MINUTE = timedelta(minutes=1)


def clock(minutes: int) -> str:
    """HH:MM of minutes after midnight."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def spans(draw: st.DrawFn, *, night: bool = True) -> list[list[str]]:
    """Spans of one day whose ends avoid the hours in which clocks change, so that the wall clock is unambiguous."""
    kind = draw(st.sampled_from(["closed", "day", "lunch", "whole", *(["night"] if night else [])]))
    if kind == "whole":
        return [["00:00", "24:00"]]
    if kind == "night":
        return [[clock(draw(st.integers(20 * 60, 22 * 60))), clock(draw(st.integers(4 * 60, 7 * 60)))]]
    first = draw(st.integers(7 * 60 + 1, 12 * 60))
    last = draw(st.integers(14 * 60, 19 * 60))
    if kind == "day":
        return [[clock(first), clock(last)]]
    return [[clock(first), "12:30"], ["13:15", clock(last)]] if kind == "lunch" else []


@st.composite
def calendars(draw: st.DrawFn, *, night: bool = True, dated: bool = True) -> tuple[dict[str, Any], datetime]:
    """Arguments of a calendar with at least one opening, and local noon near a clock change of its zone."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    day = date.fromisoformat(draw(st.sampled_from(CHANGES[zone])))
    near = st.integers(-4, 4).map(lambda n: (day + timedelta(days=n)).isoformat())
    weekly = {name: draw(spans(night=night)) for name in DAYS}
    assume(any(weekly.values()))
    arguments: dict[str, Any] = {"tz": zone, "weekly": weekly}
    if dated:
        arguments["holidays"] = draw(st.lists(near, max_size=2))
        arguments["overrides"] = draw(st.dictionaries(near, spans(night=night), max_size=2))
        arguments["breaks"] = draw(st.dictionaries(near, st.just([["09:30", "10:15"]]), max_size=2))
        arguments["annual_holidays"] = draw(st.lists(near.map(lambda text: text[5:]), max_size=1))
    return arguments, datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)


offsets = st.integers(-4 * 86400, 4 * 86400).map(lambda n: timedelta(seconds=n))
amounts = st.integers(-40 * 3600, 40 * 3600)
pause_lists = st.lists(st.tuples(offsets, st.integers(0, 30 * 3600)), max_size=4)


def wall_minutes(text: str) -> int:
    """Minutes after midnight of HH:MM."""
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def open_by_the_wall(arguments: dict[str, Any], at: datetime) -> bool:
    """The oracle: look at the clock on the wall, today's spans and yesterday's night."""
    wall = at.astimezone(ZoneInfo(arguments["tz"]))
    minute = wall.hour * 60 + wall.minute

    def listed(day: date) -> list[list[str]]:
        if day.isoformat() in arguments.get("overrides", {}):
            return list(arguments["overrides"][day.isoformat()])
        if day.isoformat() in arguments.get("holidays", ()) or f"{day:%m-%d}" in arguments.get("annual_holidays", ()):
            return []
        return list(arguments["weekly"][DAYS[day.weekday()]])

    for off, on in arguments.get("breaks", {}).get(wall.date().isoformat(), ()):
        if wall_minutes(off) <= minute < wall_minutes(on):
            return False
    today = any(
        wall_minutes(a) <= minute and (minute < wall_minutes(b) or wall_minutes(b) <= wall_minutes(a))
        for a, b in listed(wall.date())
    )
    night = any(
        wall_minutes(b) <= wall_minutes(a) and minute < wall_minutes(b)
        for a, b in listed(wall.date() - timedelta(days=1))
    )
    return today or night


@settings(max_examples=60, deadline=None)
@given(calendars(), st.integers(-4 * 1440, 4 * 1440), st.integers(0, 3 * 1440))
def test_between_counts_the_open_minutes(
    given_calendar: tuple[dict[str, Any], datetime], start: int, length: int
) -> None:
    """between() is the number of minutes at which somebody looking at the wall clock finds the place open."""
    arguments, noon = given_calendar
    calendar = WorkCalendar(**arguments)
    at = noon + start * MINUTE
    counted = sum(open_by_the_wall(arguments, at + n * MINUTE) for n in range(length))
    assert counted * 60 == calendar.between(at, at + length * MINUTE)
    assert open_by_the_wall(arguments, at) == calendar.is_open(at)


@settings(max_examples=100, deadline=None)
@given(calendars(), offsets, amounts, pause_lists)
def test_add_and_between_are_inverse(
    given_calendar: tuple[dict[str, Any], datetime], offset: timedelta, amount: int, raw: list[tuple[timedelta, int]]
) -> None:
    """After add(amount) exactly that much business time has passed, with any pauses, forwards and backwards."""
    arguments, noon = given_calendar
    pauses = [(noon + off, noon + off + timedelta(seconds=length)) for off, length in raw]
    calendar, start = WorkCalendar(**arguments), noon + offset
    end = calendar.add(start, amount, pauses)
    assert amount == calendar.between(start, end, pauses)
    assert (end >= start) if amount >= 0 else (end < start)
    if amount > 0:  # the earliest such instant: a microsecond before it is not enough
        assert calendar.between(start, end - timedelta(microseconds=1), pauses) < amount
    if amount < 0:  # the latest one
        assert calendar.between(start, end + timedelta(microseconds=1), pauses) > amount
    if amount == 0:
        assert calendar.is_open(end)
        assert not any(off <= end < on for off, on in pauses)


@settings(max_examples=100, deadline=None)
@given(calendars(), offsets, offsets, offsets, pause_lists)
def test_between_is_additive(
    given_calendar: tuple[dict[str, Any], datetime],
    one: timedelta,
    two: timedelta,
    three: timedelta,
    raw: list[tuple[timedelta, int]],
) -> None:
    """a..c is a..b plus b..c in whatever order the three come, and c..a is its negative."""
    arguments, noon = given_calendar
    pauses = [(noon + off, noon + off + timedelta(seconds=length)) for off, length in raw]
    calendar, a, b, c = WorkCalendar(**arguments), noon + one, noon + two, noon + three
    assert calendar.between(a, c, pauses) == calendar.between(a, b, pauses) + calendar.between(b, c, pauses)
    assert calendar.between(a, c, pauses) == -calendar.between(c, a, pauses)


@settings(max_examples=100, deadline=None)
@given(calendars(), offsets, st.integers(0, 20 * 3600), st.integers(0, 20 * 3600))
def test_add_is_additive(
    given_calendar: tuple[dict[str, Any], datetime], offset: timedelta, first: int, second: int
) -> None:
    """Adding two amounts one after the other is adding their sum."""
    arguments, noon = given_calendar
    assume(first + second > 0 and second > 0)
    calendar, start = WorkCalendar(**arguments), noon + offset
    assert calendar.add(start, first + second) == calendar.add(calendar.add(start, first), second)


@settings(max_examples=60, deadline=None)
@given(calendars(), offsets, st.integers(0, 6 * 86400))
def test_periods_are_the_open_time(
    given_calendar: tuple[dict[str, Any], datetime], offset: timedelta, length: int
) -> None:
    """periods() is sorted, disjoint, inside its bounds, and its total is between()."""
    arguments, noon = given_calendar
    calendar, start = WorkCalendar(**arguments), noon + offset
    end = start + timedelta(seconds=length)
    periods = calendar.periods(start, end)
    total = sum((closing - opening for opening, closing in periods), timedelta())
    assert calendar.between(start, end) == total.total_seconds()
    edges = [edge for period in periods for edge in period]
    assert edges == sorted(edges)
    assert all(start <= edge <= end for edge in edges)
    assert all(calendar.is_open(opening) for opening, _ in periods)


@settings(max_examples=100, deadline=None)
@given(calendars(), offsets, st.integers(-12, 12))
def test_business_days_are_counted_and_left_again(
    given_calendar: tuple[dict[str, Any], datetime], offset: timedelta, days: int
) -> None:
    """The result of add_days is an instant of opening hours (or a closing), in the direction asked for."""
    arguments, noon = given_calendar
    calendar, start = WorkCalendar(**arguments), noon + offset
    end = calendar.add_days(start, days)
    assert calendar.is_open(end) or calendar.prev_open(end) == end
    assert end > start if days > 0 else end < start if days < 0 else end == calendar.next_open(start)


@settings(max_examples=100, deadline=None)
@given(calendars(dated=False), offsets, offsets, amounts)
def test_workclock_agrees(
    given_calendar: tuple[dict[str, Any], datetime], one: timedelta, two: timedelta, amount: int
) -> None:
    """An independent engine gives the same instants and the same amounts."""
    workclock = pytest.importorskip("workclock")
    arguments, noon = given_calendar
    rules = []
    for number, name in enumerate(DAYS):
        for opening, closing in arguments["weekly"][name]:
            first, last = (time(int(text[:2]) % 24, int(text[3:])) for text in (opening, closing))
            rules.append(workclock.WorkDay(first, last, [number]))
    other = workclock.Schedule(rules, time_zone=arguments["tz"])
    calendar, start, end = WorkCalendar(**arguments), noon + one, noon + two
    assert other.between(start, end) == timedelta(seconds=calendar.between(start, end))
    if amount:
        assert other.add(start, seconds=amount) == calendar.add(start, amount)
