"""What business time refuses, and the one line it says then."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from connector.core.worktime import (
    CalendarError,
    EmptyCalendarError,
    NaiveTimeError,
    NoOpeningError,
    OutOfRangeError,
    WorkCalendar,
    WorkTimeError,
)
from connector.errors import ConfigurationError

OFFICE = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def utc(text: str) -> datetime:
    """An instant written without its zone, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


office = WorkCalendar("UTC", OFFICE)


def test_naive_datetimes_are_refused_everywhere() -> None:
    """Every method asks for a time zone instead of guessing one."""
    naive, aware = datetime(2026, 11, 23, 10), utc("2026-11-23T10:00")
    calls = [
        lambda: office.add(naive, 1),
        lambda: office.between(aware, naive),
        lambda: office.add_days(naive, 1),
        lambda: office.is_open(naive),
        lambda: office.next_open(naive),
        lambda: office.prev_open(naive),
        lambda: office.periods(naive, aware),
        lambda: office.periods_after(naive),
        lambda: office.periods_before(naive),
        lambda: office.add(aware, 1, [(naive, aware)]),
        lambda: office.is_open(date(2026, 11, 23)),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(NaiveTimeError, match="time zone"):
            call()
    assert issubclass(NaiveTimeError, ValueError)


def test_dates_that_mean_never_are_refused_at_once() -> None:
    """The years 1 and 9999, common in exports, are out of range instead of centuries of openings."""
    for far in (datetime.min, datetime.max):
        for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
            with pytest.raises(OutOfRangeError, match="1900 to 2200"):
                office.between(utc("2026-11-23T10:00"), far.replace(tzinfo=zone))


def test_calendar_that_never_opens_again_says_so() -> None:
    """All days annual holidays, or hours on one past date only: a search ends with an error, not for ever."""
    closed = WorkCalendar(
        "UTC", OFFICE, annual_holidays=[f"{date(2000, 1, 1) + timedelta(days=n):%m-%d}" for n in range(366)]
    )
    for call in (
        lambda: closed.next_open(utc("2026-11-23T10:00")),
        lambda: closed.prev_open(utc("2026-11-23T10:00")),
        lambda: closed.add_days(utc("2026-11-23T10:00"), 1),
        lambda: closed.add_days(utc("2026-11-23T10:00"), -1),
        lambda: closed.add(utc("2026-11-23T10:00"), 1),
    ):
        with pytest.raises(NoOpeningError, match="not enough open time"):
            call()
    assert closed.between(utc("2026-11-23T10:00"), utc("2027-11-23T10:00")) == 0
    assert closed.periods(utc("2026-11-23T10:00"), utc("2027-11-23T10:00")) == []
    once = WorkCalendar("UTC", {}, overrides={"2026-11-23": [["09:00", "10:00"]]})
    assert utc("2026-11-23T10:00") == once.add(utc("2026-01-01T00:00"), 3600)
    with pytest.raises(NoOpeningError):
        once.add(utc("2026-01-01T00:00"), 3601)


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), "x", None])
def test_amount_must_be_a_finite_number(amount: object) -> None:
    """NaN and infinity are refused with one line."""
    with pytest.raises(WorkTimeError, match="number of seconds"):
        office.add(utc("2026-11-23T10:00"), amount)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"weekly": {}}, "no opening hours"),
        ({"weekly": {"mon": []}, "overrides": {"2026-01-01": []}}, "no opening hours"),
        ({"weekly": {"lun": [["09:00", "17:00"]]}}, "unknown weekday 'lun'"),
        ({"weekly": {"mon": [["9", "17:00"]]}}, "mon: '9' is not a time of day"),
        ({"weekly": {"mon": [["09:00", "25:00"]]}}, "'25:00'"),
        ({"weekly": {"mon": [["09:60", "17:00"]]}}, "'09:60'"),
        ({"weekly": {"mon": [[540, 1020]]}}, "540 is not a time of day"),
        ({"weekly": {"mon": [["09:00", "09:00"]]}}, "is empty"),
        ({"weekly": {"mon": [["24:00", "06:00"]]}}, "can't start at 24:00"),
        ({"weekly": {"mon": ["09:00-17:00"]}}, "not a pair of times"),
        ({"weekly": {"mon": [["09:00"]]}}, "not a pair of times"),
        ({"tz": "America/Mexico"}, "unknown time zone"),
        ({"tz": "../etc/passwd"}, "unknown time zone"),
        ({"tz": None}, "unknown time zone"),
        ({"holidays": ["24/12/2026"]}, "holiday '24/12/2026' is not a date"),
        ({"holidays": [None]}, "is not a date"),
        ({"annual_holidays": ["13-01"]}, "'13-01' is not a day of the year"),
        ({"annual_holidays": ["02-30"]}, "'02-30'"),
        ({"annual_holidays": [1225]}, "1225"),
        ({"overrides": {"2026-02-30": []}}, "override '2026-02-30' is not a date"),
        ({"breaks": {"2026-02-03": [["09:00", "x"]]}}, "break 2026-02-03: 'x'"),
    ],
)
def test_calendar_mistakes_name_the_entry(changed: dict[str, object], says: str) -> None:
    """A wrong calendar raises one CalendarError that names the entry."""
    arguments: dict[str, object] = {"tz": "UTC", "weekly": OFFICE} | changed
    with pytest.raises(CalendarError) as caught:
        WorkCalendar(**arguments)  # type: ignore[arg-type]
    assert says in str(caught.value)
    assert isinstance(caught.value, ConfigurationError)
    assert isinstance(caught.value, EmptyCalendarError) == ("no opening" in says)
