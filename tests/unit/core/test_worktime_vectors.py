"""Every business-time vector of six other projects' test suites (tests/unit/core/vectors) holds for WorkCalendar."""

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from connector.core.worktime import WorkCalendar, local_to_utc

VECTORS = [
    vector
    for path in sorted((Path(__file__).parent / "vectors").glob("*.json"))
    for vector in json.loads(path.read_text(encoding="utf-8"))["vectors"]
]

# Vectors whose source made another choice than ours (docs/business-time.md): what we answer, and why.
OUR_CHOICE: dict[str, tuple[Any, str]] = {
    "biz-010": (-142200, "a reversed interval is negative, not 0: the same hours as forwards, with the sign"),
    "biz-013": ("2006-01-08T12:00:00+00:00", "an amount that ends exactly at a closing ends there, not a week later"),
    "rickar_cal-002": (-28800, "a reversed interval is negative, not absolute"),
    "rickar_cal-004": (-10800, "a reversed interval is negative, not absolute"),
    "rickar_cal-006": (-10800, "a reversed interval is negative, not absolute"),
    "rickar_cal-008": (-38700, "a reversed interval is negative, not absolute"),
    "rickar_cal-016": ("2020-04-06T09:00:00+00:00", "adding 0 outside hours moves to the next opening"),
    "working_hours-040": (624.02, "parts of a second are kept, not rounded away"),
    "working_hours-050": (90000, "elapsed time: the day of 25 hours holds 25"),
}


def instant(text: str) -> datetime:
    """An instant of a vector."""
    return datetime.fromisoformat(text)


def wall(text: str) -> datetime:
    """A wall-clock time of a vector; 24:00 is the midnight that ends the day."""
    day, clock = text.split()
    hour, minute = clock.split(":")
    return datetime.fromisoformat(day) + timedelta(hours=int(hour), minutes=int(minute))


def answer(vector: dict[str, Any]) -> Any:
    """What we say, in the shape of `expected` with instants as datetimes."""
    spec, op = vector["calendar"], vector["op"]
    if op == "local_to_utc":
        return local_to_utc(wall(vector["start"]), spec["tz"])
    calendar, start = WorkCalendar(**spec), instant(vector["start"])
    if op == "add":
        return calendar.add(start, vector["amount_seconds"])
    if op == "between":
        return calendar.between(start, instant(vector["end"]))
    if op == "add_days":
        return calendar.add_days(start, vector["days"])
    if op == "is_open":
        return calendar.is_open(start)
    if op == "prev_open":
        return calendar.prev_open(start)
    periods = {"periods_after": calendar.periods_after, "periods_before": calendar.periods_before}[op](start)
    return [list(period) for period in islice(periods, len(vector["expected"]))]


def expected_of(value: Any) -> Any:
    """The expected value with its instants read."""
    if isinstance(value, str):
        return instant(value)
    return [expected_of(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector(vector: dict[str, Any]) -> None:
    """We answer what the source asserts or, where it chose otherwise, what our written choice says."""
    ours = OUR_CHOICE.get(vector["id"])
    assert expected_of(ours[0] if ours else vector["expected"]) == answer(vector)


def test_every_vector_ran() -> None:
    """All 245 vectors of the six files are read, and every deviation names an existing vector and differs from it."""
    by_id = {vector["id"]: vector for vector in VECTORS}
    assert len(by_id) == len(VECTORS) == 245
    for name, (ours, _why) in OUR_CHOICE.items():
        assert expected_of(by_id[name]["expected"]) != expected_of(ours)


@pytest.mark.parametrize("name", sorted(OUR_CHOICE))
def test_deviations_are_choices_not_facts(name: str) -> None:
    """We only deviate where the vector is tagged as a choice on which the sources disagree."""
    choices = {
        "boundary_next_open", "zero_stay", "reversed_zero", "reversed_abs", "wallclock_semantics", "rounded_to_second",
    }  # fmt: skip
    vector = next(vector for vector in VECTORS if vector["id"] == name)
    assert choices & set(vector["tags"])


def test_results_are_utc() -> None:
    """Instants come back in UTC whatever zone they were given in."""
    calendar = WorkCalendar("America/Mexico_City", {"mon": [["09:00", "17:00"]]})
    assert calendar.add(instant("2026-11-23T09:00:00-06:00"), 60).tzinfo is UTC
