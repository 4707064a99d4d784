"""The conventions of business time that docs/business-time.md promises, one by one."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from connector.core.worktime import (
    NaiveTimeError,
    PauseError,
    WorkCalendar,
    WorkTimeError,
    local_to_utc,
)

DAYS = ("mon", "tue", "wed", "thu", "fri")
ALL_DAYS = (*DAYS, "sat", "sun")
OFFICE = {day: [["09:00", "17:00"]] for day in DAYS}
NIGHT = {day: [["22:00", "06:00"]] for day in DAYS}


def utc(text: str) -> datetime:
    """An instant written without its zone, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def in_zone(text: str, zone: str, fold: int = 0) -> datetime:
    """A wall-clock time of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


office = WorkCalendar("UTC", OFFICE)
night = WorkCalendar("UTC", NIGHT)  # 2026-11-23 is a Monday


def test_amount_ending_at_closing_ends_there() -> None:
    """Eight hours from opening end at closing, forwards and backwards."""
    assert utc("2026-11-23T17:00") == office.add(utc("2026-11-23T09:00"), 8 * 3600)
    assert utc("2026-11-23T09:00") == office.add(utc("2026-11-23T17:00"), -8 * 3600)


def test_zero_outside_hours_is_the_next_opening() -> None:
    """Adding nothing on a Saturday is Monday morning; inside hours it is the instant itself."""
    assert utc("2026-11-30T09:00") == office.add(utc("2026-11-28T12:00"), 0)
    assert utc("2026-11-23T10:00") == office.add(utc("2026-11-23T10:00"), 0)
    assert utc("2026-11-24T09:00") == office.add(utc("2026-11-23T17:00"), 0)


def test_reversed_interval_is_negative() -> None:
    """between() changes sign with its arguments, and whole seconds are an int."""
    forward = office.between(utc("2026-11-23T16:00"), utc("2026-11-24T10:00"))
    assert forward == 7200
    assert isinstance(forward, int)
    assert office.between(utc("2026-11-24T10:00"), utc("2026-11-23T16:00")) == -7200


def test_microseconds_are_kept() -> None:
    """Nothing is rounded to the second."""
    assert utc("2026-11-24T09:00:00.000001") == office.add(utc("2026-11-23T16:59:59.999999"), 0.000002)
    assert office.between(utc("2026-11-23T16:59:59.750000"), utc("2026-11-24T09:00")) == 0.25


def test_night_shift_belongs_to_the_day_it_starts() -> None:
    """Friday's night runs into Saturday; Sunday night is closed although Monday is a working day."""
    assert night.is_open(utc("2026-11-28T05:59:59"))
    assert not night.is_open(utc("2026-11-28T06:00"))
    assert not night.is_open(utc("2026-11-29T23:00"))
    assert not night.is_open(utc("2026-11-30T03:00"))
    holiday = WorkCalendar("UTC", NIGHT, holidays=["2026-11-24"])
    assert holiday.is_open(utc("2026-11-24T03:00")), "Monday's shift goes on into the holiday"
    assert not holiday.is_open(utc("2026-11-24T23:00"))
    assert not holiday.is_open(utc("2026-11-25T03:00"))


def test_night_shift_over_new_year_counts_once() -> None:
    """The shift of 31 December is whole whichever of the two years was computed first."""
    shift = utc("2025-12-31T22:00"), utc("2026-01-01T06:00")  # a Wednesday
    for first_asked in ("2026-06-01T00:00", "2025-06-02T00:00", "2026-01-01T01:00"):
        calendar = WorkCalendar("UTC", NIGHT)
        calendar.is_open(utc(first_asked))
        assert calendar.between(*shift) == 8 * 3600
        assert [shift] == calendar.periods(*shift)


def test_add_days_keeps_the_time_of_day() -> None:
    """Five business days from a Wednesday morning is the next Wednesday, over a holiday one day later."""
    assert utc("2026-12-02T10:30") == office.add_days(utc("2026-11-25T10:30"), 5)
    holiday = WorkCalendar("UTC", OFFICE, holidays=[date(2026, 11, 27)])
    assert utc("2026-12-03T10:30") == holiday.add_days(utc("2026-11-25T10:30"), 5)


def test_add_days_counts_after_the_start_date() -> None:
    """From a Saturday, one business day is Monday; a closed time of day moves on to the next opening."""
    assert utc("2026-11-30T12:00") == office.add_days(utc("2026-11-28T12:00"), 1)
    assert utc("2026-11-25T09:00") == office.add_days(utc("2026-11-23T20:00"), 1)
    assert utc("2026-11-24T17:00") == office.add_days(utc("2026-11-23T17:00"), 1), "closing time is kept"
    assert utc("2026-11-27T17:00") == office.add_days(utc("2026-11-30T20:00"), -1)


def test_add_days_in_a_night_shift_counts_shifts() -> None:
    """Saturday 02:00 is still Friday's shift: the next shift is Monday's, so the answer is Tuesday 02:00."""
    assert utc("2026-12-01T02:00") == night.add_days(utc("2026-11-28T02:00"), 1)
    assert utc("2026-11-27T02:00") == night.add_days(utc("2026-11-28T02:00"), -1)


def test_add_days_over_a_clock_change_keeps_the_wall_clock() -> None:
    """10:00 in New York stays 10:00 in New York when clocks change on the way."""
    calendar = WorkCalendar("America/New_York", OFFICE)
    assert in_zone("2026-03-09T10:00", "America/New_York") == calendar.add_days(
        in_zone("2026-03-06T10:00", "America/New_York"), 1
    )


@pytest.mark.parametrize("days", [1.5, True, "5"])
def test_add_days_wants_whole_days(days: object) -> None:
    """A part of a business day is refused instead of guessed."""
    with pytest.raises(WorkTimeError, match="whole"):
        office.add_days(utc("2026-11-23T10:00"), days)  # type: ignore[arg-type]


def test_override_replaces_even_a_holiday() -> None:
    """An override names one date, so it wins over weekly hours and holidays; an empty one closes the date."""
    calendar = WorkCalendar(
        "UTC", OFFICE, holidays=["2026-12-24"], overrides={"2026-12-24": [["09:00", "12:00"]], "2026-12-23": []}
    )
    assert calendar.between(utc("2026-12-23T00:00"), utc("2026-12-25T00:00")) == 3 * 3600


def test_annual_holidays_repeat_and_29_february_only_exists_in_leap_years() -> None:
    """25 December is closed each year; 02-29 closes 2028 and nothing in 2027."""
    calendar = WorkCalendar("UTC", OFFICE, annual_holidays=["12-25", "02-29"])
    for year in (2026, 2028, 2029):
        assert not calendar.is_open(utc(f"{year}-12-25T10:00"))
    assert not calendar.is_open(utc("2028-02-29T10:00"))
    assert calendar.is_open(utc("2027-03-01T10:00"))


def test_breaks_are_subtracted_from_whatever_is_open() -> None:
    """A break takes its time from the day, also from the night shift of the day before."""
    assert (
        WorkCalendar("UTC", OFFICE, breaks={"2026-11-23": [["13:00", "14:00"]]}).between(
            utc("2026-11-23T00:00"), utc("2026-11-24T00:00")
        )
        == 7 * 3600
    )
    calendar = WorkCalendar("UTC", NIGHT, breaks={"2026-11-24": [["02:00", "03:00"]]})
    assert calendar.between(utc("2026-11-23T22:00"), utc("2026-11-24T06:00")) == 7 * 3600


def test_overlapping_spans_count_once() -> None:
    """Two spans over the same hours are their union."""
    calendar = WorkCalendar("UTC", {"mon": [["09:00", "13:00"], ["12:00", "15:00"]]})
    assert calendar.between(utc("2026-11-23T00:00"), utc("2026-11-24T00:00")) == 6 * 3600
    whole = WorkCalendar("UTC", {"mon": [["22:00", "06:00"]], "tue": [["04:00", "08:00"]]})
    assert whole.between(utc("2026-11-23T00:00"), utc("2026-11-25T00:00")) == 10 * 3600


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Europe/Rome", "2026-10-25", 25),
        ("America/Santiago", "2026-09-06", 23),
        ("America/Santiago", "2026-04-04", 25),
        ("America/Mexico_City", "2022-04-03", 23),
        ("America/Mexico_City", "2026-04-05", 24),
    ],
)
def test_a_day_holds_the_hours_that_pass(zone: str, day: str, hours: int) -> None:
    """A 00-24 day around a clock change holds 23 or 25 hours of elapsed time; Mexico has had none since 2022."""
    calendar = WorkCalendar(zone, {day_name: [["00:00", "24:00"]] for day_name in ALL_DAYS})
    start = in_zone(f"{day}T00:00", zone)
    end = in_zone(f"{day}T00:00", zone) + timedelta(days=1)  # wall-clock arithmetic: the next local midnight
    assert hours * 3600 == calendar.between(start, end)


def test_opening_inside_a_skipped_or_repeated_hour() -> None:
    """02:30 in the skipped hour opens at 03:30; 01:30 in the repeated hour opens at the first one and runs on."""
    spring = WorkCalendar("America/New_York", {"sun": [["02:30", "05:00"]]})
    assert spring.between(utc("2026-03-08T00:00"), utc("2026-03-09T00:00")) == 1.5 * 3600
    autumn = WorkCalendar("America/New_York", {"sun": [["01:30", "05:30"]]})
    assert autumn.between(utc("2026-11-01T00:00"), utc("2026-11-02T00:00")) == 5 * 3600
    vanished = WorkCalendar("America/New_York", {"sun": [["02:15", "03:05"]]})
    assert vanished.between(utc("2026-03-08T00:00"), utc("2026-03-09T00:00")) == 0


def test_local_to_utc_in_gap_and_overlap() -> None:
    """The helper follows the same two rules, and refuses a datetime that has a zone already."""
    assert utc("2026-03-08T07:30") == local_to_utc(datetime(2026, 3, 8, 2, 30), "America/New_York")
    assert utc("2026-11-01T05:30") == local_to_utc(datetime(2026, 11, 1, 1, 30, fold=1), "America/New_York")
    with pytest.raises(NaiveTimeError, match="without a time zone"):
        local_to_utc(utc("2026-03-08T02:30"), "America/New_York")


def test_same_zone_instants_around_a_change_are_not_subtracted_by_the_wall() -> None:
    """Two datetimes of one zone are compared as instants: the repeated hour counts twice."""
    calendar = WorkCalendar("America/New_York", {"sun": [["00:00", "24:00"]]})
    first, second = (in_zone("2026-11-01T01:30", "America/New_York", fold) for fold in (0, 1))
    assert calendar.between(first, second) == 3600


def test_pauses_stop_the_clock() -> None:
    """Paused time does not count, however the pauses overlap, and closed time inside them costs nothing."""
    pauses = [
        (utc("2026-11-23T10:00"), utc("2026-11-23T11:00")),
        (utc("2026-11-23T10:30"), utc("2026-11-23T12:00")),
        (utc("2026-11-23T16:00"), utc("2026-11-24T10:00")),
    ]
    start = utc("2026-11-23T09:00")
    assert utc("2026-11-23T13:00") == office.add(start, 2 * 3600, pauses)
    assert utc("2026-11-23T16:00") == office.add(start, 5 * 3600, pauses), "ends exactly where the pause begins"
    assert utc("2026-11-24T10:00:01") == office.add(start, 5 * 3600 + 1, pauses)
    assert office.between(start, utc("2026-11-24T10:00"), pauses) == 5 * 3600
    assert office.between(utc("2026-11-24T10:00"), start, pauses) == -5 * 3600
    assert start == office.add(utc("2026-11-24T10:00"), -5 * 3600, pauses)


def test_zero_in_a_pause_is_its_end() -> None:
    """Adding nothing while paused is the first running instant after the pause."""
    assert utc("2026-11-23T12:00") == office.add(
        utc("2026-11-23T10:30"), 0, [(utc("2026-11-23T10:00"), utc("2026-11-23T12:00"))]
    )
    overnight = [(utc("2026-11-23T16:00"), utc("2026-11-23T20:00"))]
    assert utc("2026-11-24T09:00") == office.add(utc("2026-11-23T16:30"), 0, overnight)


def test_reversed_pause_is_refused() -> None:
    """A pause that ends before it starts is a mistake, not an empty one."""
    with pytest.raises(PauseError, match="before it starts"):
        office.between(
            utc("2026-11-23T09:00"), utc("2026-11-23T10:00"), [(utc("2026-11-23T10:00"), utc("2026-11-23T09:00"))]
        )


def test_openings_around_an_instant() -> None:
    """next_open and prev_open keep an open instant; prev_open also keeps a closing one."""
    assert utc("2026-11-23T10:00") == office.next_open(utc("2026-11-23T10:00"))
    assert utc("2026-11-24T09:00") == office.next_open(utc("2026-11-23T17:00"))
    assert utc("2026-11-23T17:00") == office.prev_open(utc("2026-11-23T17:00"))
    assert utc("2026-11-20T17:00") == office.prev_open(utc("2026-11-23T08:59"))
    assert utc("2026-11-23T09:00") == office.prev_open(utc("2026-11-23T09:00"))


def test_periods_are_clipped_and_iterators_go_over_years() -> None:
    """periods() clips to its bounds; the iterators pass the year's end in both directions."""
    assert [
        (utc("2026-11-23T16:00"), utc("2026-11-23T17:00")),
        (utc("2026-11-24T09:00"), utc("2026-11-24T09:30")),
    ] == office.periods(utc("2026-11-23T16:00"), utc("2026-11-24T09:30"))
    assert office.periods(utc("2026-11-24T09:30"), utc("2026-11-23T16:00")) == []
    forwards = list(islice(office.periods_after(utc("2026-12-31T08:00")), 600))
    assert len(forwards) == len(set(forwards)) == 600
    assert forwards == sorted(forwards)
    assert list(reversed(forwards)) == list(islice(office.periods_before(forwards[-1][1]), 600))


def test_content_is_the_version() -> None:
    """Equal content has one digest and hash however it was written; one changed minute has another."""
    one = WorkCalendar(
        "Europe/Rome",
        {"mon": [["14:00", "18:00"], ["09:00", "13:00"]], "tue": []},
        holidays=["2026-12-25", date(2026, 12, 26)],
        annual_holidays=["01-01"],
        breaks={"2026-12-01": []},
    )
    same = WorkCalendar(
        ZoneInfo("Europe/Rome"),
        {"mon": [("9:00", "13:00:00"), ("14:00", "18:00")]},
        holidays=[date(2026, 12, 26), "2026-12-25", "2026-12-25"],
        annual_holidays=["01-01"],
    )
    other = WorkCalendar("Europe/Rome", {"mon": [["09:00", "13:01"], ["14:00", "18:00"]]})
    assert one == same
    assert hash(one) == hash(same)
    assert one.digest == same.digest
    assert len(bytes.fromhex(one.digest)) == 32
    assert one != other
    assert one.digest != other.digest
    assert one != "Europe/Rome"
    one.is_open(utc("2026-11-23T10:00"))
    assert one == same, "what was computed is not content"


def test_calendar_does_not_change() -> None:
    """Neither its attributes nor the mappings it was built from change it afterwards."""
    weekly = {"mon": [["09:00", "17:00"]]}
    calendar = WorkCalendar("UTC", weekly)
    weekly["mon"].append(["18:00", "20:00"])
    weekly["tue"] = [["09:00", "17:00"]]
    assert calendar.between(utc("2026-11-23T00:00"), utc("2026-11-25T00:00")) == 8 * 3600
    with pytest.raises(AttributeError, match="does not change"):
        calendar.zone = ZoneInfo("UTC")  # type: ignore[misc]
    with pytest.raises(AttributeError, match="does not change"):
        calendar._digest = ""


def test_order_of_questions_does_not_matter() -> None:
    """Years computed forwards, backwards or at random give the same answers."""
    instants = [utc(f"{year}-07-01T12:34:56") for year in range(1995, 2045, 5)]
    fresh = [WorkCalendar("America/Santiago", NIGHT).add(at, 1_000_000) for at in instants]
    for seed in range(3):
        calendar = WorkCalendar("America/Santiago", NIGHT)
        asked = random.Random(seed).sample(range(len(instants)), len(instants))
        answers = {index: calendar.add(instants[index], 1_000_000) for index in asked}
        assert fresh == [answers[index] for index in range(len(instants))]
