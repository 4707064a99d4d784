"""Counting one amount from many starts says what counting each of them says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core._repeated import Repeated
from connector.core.worktime import WorkCalendar
from tests.property.test_worktime_props import calendars


def test_most_of_a_plain_day_is_remembered() -> None:
    """Else the laws below would hold of a calendar that is simply asked each time."""
    calendar = WorkCalendar("America/Mexico_City", {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu")})
    asked: list[datetime] = []

    def counting(start: datetime) -> datetime:
        asked.append(start)
        return calendar.add_days(start, 3)

    again = Repeated(counting, lambda first, past: calendar._open.cuts_of_days(first, past, 3))
    day = [datetime(2026, 3, 11, 0, 7, tzinfo=UTC) + timedelta(minutes=11 * n) for n in range(120)]
    expected = [calendar.add_days(start, 3) for start in day]
    assert [again(start) for start in day] == expected
    first = len(asked)
    assert [again(start) for start in day] == expected
    assert first < 20
    assert len(asked) == first


@st.composite
def starts(draw: st.DrawFn, noon: datetime) -> list[datetime]:
    """Instants of a few days around a clock change: whole minutes, where openings begin and end, and any others."""
    minute = st.integers(-6 * 24 * 60, 6 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
    any_other = st.timedeltas(timedelta(days=-6), timedelta(days=6))
    return [noon + away for away in draw(st.lists(minute | any_other, min_size=1, max_size=20))]


@settings(max_examples=150, deadline=None)
@given(
    made=calendars(),
    amount=st.integers(-120, 120).map(lambda n: n * 900) | st.integers(-(10**6), 10**6),
    data=st.data(),
)
def test_adding_seconds_again_and_again(
    made: tuple[dict[str, Any], datetime], amount: int, data: st.DataObject
) -> None:
    """Also on openings, closings, and starts that lead exactly to one."""
    arguments, noon = made
    calendar = WorkCalendar(**arguments)
    again = calendar.adding(amount)
    given_starts = data.draw(starts(noon))
    edges = [edge for period in calendar.periods(noon - timedelta(days=3), noon + timedelta(days=3)) for edge in period]
    leading = [calendar.add(edge, -amount) for edge in edges]
    for start in [*given_starts, *edges, *leading]:
        for near in (start, start + timedelta(microseconds=1), start - timedelta(microseconds=1)):
            assert again(near) == calendar.add(near, amount)


@settings(max_examples=150, deadline=None)
@given(made=calendars(), days=st.integers(-30, 30), data=st.data())
def test_adding_days_again_and_again(made: tuple[dict[str, Any], datetime], days: int, data: st.DataObject) -> None:
    """The same for business days."""
    arguments, noon = made
    calendar = WorkCalendar(**arguments)
    again = calendar.adding_days(days)
    edges = [edge for period in calendar.periods(noon - timedelta(days=3), noon + timedelta(days=3)) for edge in period]
    for start in [*data.draw(starts(noon)), *edges]:
        for near in (start, start + timedelta(microseconds=1), start - timedelta(microseconds=1)):
            assert again(near) == calendar.add_days(near, days)
