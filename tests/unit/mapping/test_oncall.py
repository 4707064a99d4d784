"""On-call rotas from iCalendar files: recurrence, exceptions, clock changes, people, and what can't be used."""

from __future__ import annotations

import builtins
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.core.policy import Person
from connector.mapping.load import load_texts
from connector.mapping.oncall import CalendarRota, OnCallError
from connector.mapping.problems import render

MADRID = ZoneInfo("Europe/Madrid")
PEOPLE = {
    "ana": Person("ana", "agent", "Ana Gil", "ana@example.com"),
    "bruno": Person("bruno", "agent", "Bruno Paz", "bruno@example.com"),
}


def event(who: str, start: str, end: str, *more: str, zone: str = ";TZID=Europe/Madrid") -> str:
    lines = (f"UID:{who}-{start}", f"DTSTART{zone}:{start}", f"DTEND{zone}:{end}", who, *more)
    return "\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT"))


def ics(*events: str) -> str:
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", *events, "END:VCALENDAR")) + "\r\n"


WEEKS = ics(
    event("SUMMARY:ana", "20260105T090000", "20260112T090000", "RRULE:FREQ=WEEKLY;INTERVAL=2"),
    event(
        "ATTENDEE:mailto:Bruno@example.com", "20260112T090000", "20260119T090000", "RRULE:FREQ=WEEKLY;INTERVAL=2",
        "EXDATE;TZID=Europe/Madrid:20260209T090000",
    ),
)  # fmt: skip


def rota(text: str = WEEKS) -> CalendarRota:
    return CalendarRota(text, MADRID, PEOPLE)


def on_call(of: CalendarRota, *when: int) -> list[str]:
    return [shift.person for shift in of.at(datetime(*when, tzinfo=MADRID))]


def test_the_hand_over_is_exact_and_follows_the_local_clock():
    """Monday 09:00 in Madrid, before and after the clock change of 29 March."""
    for monday, before, after in (((2026, 1, 12), "ana", "bruno"), ((2026, 3, 30), "bruno", "ana")):
        instant = datetime(*monday, 9, 0, tzinfo=MADRID)
        assert [one.person for one in rota().at(instant - timedelta(seconds=1))] == [before]
        assert [one.person for one in rota().at(instant)] == [after]
    assert rota().at(datetime(2026, 3, 30, 6, 59, 59, tzinfo=UTC))[0].person == "bruno"
    assert rota().at(datetime(2026, 3, 30, 7, 0, tzinfo=UTC))[0].person == "ana"


def test_a_week_taken_out_has_nobody():
    """EXDATE removes one occurrence and no other."""
    assert on_call(rota(), 2026, 2, 10, 12) == []
    assert on_call(rota(), 2026, 2, 24, 12) == ["bruno"]


def test_a_swap_replaces_one_week():
    """An event with RECURRENCE-ID stands in the place of that occurrence."""
    swap = event("SUMMARY:Bruno Paz", "20260105T090000", "20260112T090000")
    swap = swap.replace("UID:SUMMARY:Bruno Paz-20260105T090000", "UID:SUMMARY:ana-20260105T090000")
    swap = swap.replace("END:VEVENT", "RECURRENCE-ID;TZID=Europe/Madrid:20260105T090000\r\nEND:VEVENT")
    swapped = rota(ics(event("SUMMARY:ana", "20260105T090000", "20260112T090000", "RRULE:FREQ=WEEKLY;COUNT=3"), swap))
    assert on_call(swapped, 2026, 1, 6, 12) == ["bruno"]
    assert on_call(swapped, 2026, 1, 13, 12) == ["ana"]
    assert on_call(swapped, 2026, 1, 27, 12) == []


def test_whole_days_and_times_without_a_zone_are_local():
    """A day begins at midnight in the rota's zone, and so does a time that says none."""
    days = rota(ics(event("SUMMARY:ana", "20260302", "20260303", zone=";VALUE=DATE")))
    assert (on_call(days, 2026, 3, 2, 0), on_call(days, 2026, 3, 2, 23, 59), on_call(days, 2026, 3, 3, 0)) == (
        ["ana"], ["ana"], [],
    )  # fmt: skip
    floating = rota(ics(event("SUMMARY:ana", "20260302T000000", "20260302T080000", zone="")))
    assert (on_call(floating, 2026, 3, 2, 0), on_call(floating, 2026, 3, 1, 23, 59)) == (["ana"], [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello", "not an iCalendar file"),
        (ics(), "no shift"),
        (ics(event("SUMMARY:carla", "20260302T000000", "20260302T080000")), "nobody's under `people:`"),
        (ics(event("SUMMARY:ana", "20260302T000000", "20260302T080000", "RRULE:FREQ=SECONDLY")), "repeats secondly"),
    ],
)
def test_what_can_not_be_used_is_refused_in_words(text, says):
    """No calendar, no shifts, an unknown person, a rule that would never come to an end."""
    with pytest.raises(OnCallError, match=says):
        rota(text)


def test_without_the_libraries_the_error_names_the_extra(monkeypatch):
    """A pack with a rota on a plain installation says what to install."""
    real = builtins.__import__

    def refused(name: str, *more: Any, **named: Any) -> Any:
        if name == "icalendar":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", refused)
    with pytest.raises(OnCallError) as caught:
        rota()
    assert "escalera[oncall]" in caught.value.hint


PACK = """\
pack: {name: p, language: en, timezone: Europe/Madrid}
people: {ana: {agent: Ana Gil}, bruno: {agent: Bruno Paz, email: bruno@example.com}, team: {group: Team}}
rotas: {guard: {file: FILE}}
assignment:
  - {name: incidents, when: {any_phrase: [down]}, by: on_call, rota: guard, fallback: team}
"""


def test_a_pack_loads_its_rota_and_its_digest_covers_the_file():
    """The file is part of the policy version; another file is another version."""
    one = load_texts({"a.yaml": PACK.replace("FILE", "guard.ics"), "guard.ics": WEEKS})
    assert render(one.problems) == ""
    assert one.policy is not None
    assert [shift.person for shift in one.policy.rotas["guard"].at(datetime(2026, 1, 6, tzinfo=UTC))] == ["ana"]
    other = load_texts(
        {"a.yaml": PACK.replace("FILE", "guard.ics"), "guard.ics": WEEKS.replace("INTERVAL=2", "INTERVAL=3")}
    )
    assert other.policy is not None
    assert other.policy.digest != one.policy.digest


def test_a_missing_file_and_an_unknown_rota_are_problems_with_a_place():
    """Both with their line; the near name is offered."""
    missing = load_texts({"a.yaml": PACK.replace("FILE", "gard.ics"), "guard.ics": WEEKS})
    assert [(one.code, one.line, one.hint) for one in missing.problems] == [("E066", 3, "did you mean 'guard.ics'?")]
    unknown = load_texts(
        {"a.yaml": PACK.replace("FILE", "guard.ics").replace("rota: guard", "rota: gard"), "guard.ics": WEEKS}
    )
    assert [(one.code, one.line) for one in unknown.problems] == [("E049", 5)]
