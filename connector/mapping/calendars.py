"""Opening hours and holidays of a pack, compiled into work calendars. `holidays` is imported when needed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from connector.core.worktime import CalendarError, WorkCalendar
from connector.mapping.declared import CALENDAR
from connector.mapping.nodes import Node
from connector.mapping.parse import Parser
from connector.mapping.problems import did_you_mean, shown
from connector.mapping.shapes import is_date

#: The loader reads no clock, so holidays are compiled for a fixed range of years.
YEARS = range(2015, 2041)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def read_calendar(parser: Parser, name: str, node: Node, timezone: str) -> WorkCalendar | None:
    """The calendar declared by a node, or None after keeping every problem."""
    parser.what = f"calendar '{shown(name)}'"
    values = parser.record(node, CALENDAR)
    weekly = _weekly(parser, node.get("hours"))
    dates = node.get("exceptions")
    good = True
    for key, _ in dates.items if dates is not None else ():
        if not is_date(key.text):
            parser.wrong(key, "E028", f"'{shown(key.text)}' is not a date, in {parser.what}", 'write "2026-12-24"')
            good = False
    public = _public(parser, node)
    if values is None or public is None or weekly is None or not good:
        return None
    given = values["holidays"] or {}
    removed = set(given.get("remove") or ())
    added = given.get("add") or ()
    kept = {day for day in public if day.isoformat() not in removed and day.strftime("%m-%d") not in removed}
    kept |= {date.fromisoformat(day) for day in added if len(day) == 10}
    try:
        return WorkCalendar(
            values["timezone"] or timezone,
            weekly,
            sorted(kept),
            [day for day in added if len(day) == 5],
            {day: _spans(hours) for day, hours in (values["exceptions"] or {}).items()},
        )
    except CalendarError as error:
        parser.wrong(node.key("hours") or node, "E028", f"{shown(str(error), 200)}, in {parser.what}")
    return None


def _weekly(parser: Parser, node: Node | None) -> dict[str, list[list[str]]] | None:
    """Opening hours by day; None where a key names no day or a day stands twice. Hours are checked elsewhere."""
    weekly: dict[str, list[list[str]]] = {}
    good = True
    for key, value in node.items if node is not None and node.kind == "map" else ():
        days = _days(key.text)
        if not days:
            words = f"'{shown(key.text)}' names no days, in {parser.what}"
            hint = did_you_mean(key.text, DAYS, most=0) or "write mon … sun, a range (mon-fri) or a list (mon,wed)"
            parser.wrong(key, "E028", words, hint)
            good = False
        for day in days:
            if day in weekly:
                parser.wrong(key, "E002", f"the hours of {day} stand twice, in {parser.what}", "put them into one list")
                good = False
            parts = value.children if value.kind == "list" else [value]
            weekly[day] = _spans([part.text for part in parts if part.is_scalar])
    return weekly if good else None


def _days(text: str) -> list[str]:
    found: list[str] = []
    for part in text.lower().split(","):
        ends = [end.strip() for end in re.split(r"[-–]", part)]
        if not 1 <= len(ends) <= 2 or any(end not in DAYS for end in ends):
            return []
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        found += [DAYS[(first + step) % 7] for step in range((last - first) % 7 + 1)]
    return found


def _spans(hours: Sequence[str]) -> list[list[str]]:
    return [[end.strip() for end in re.split(r"[-–]", text)] for text in hours]


def _public(parser: Parser, node: Node) -> frozenset[date] | None:
    """The public holidays asked for; None after keeping the problem of an unknown country or subdivision."""
    where = node.get("holidays") or node
    country, subdivision = (
        part.text if part is not None and part.is_scalar and part.kind != "null" else None
        for part in (where.get("country"), where.get("subdivision"))
    )
    if country is None:
        if subdivision is not None:
            parser.wrong(where, "E032", f"a subdivision needs its `country:`, in {parser.what}")
            return None
        return frozenset()
    if country not in _countries():
        hint = did_you_mean(country, _countries(), most=0) or "write the two-letter code: MX, CL, IT …"
        parser.wrong(
            where.get("country") or where, "E028", f"unknown country '{shown(country)}', in {parser.what}", hint
        )
        return None
    if subdivision is not None and subdivision not in _subdivisions(country):
        hint = did_you_mean(subdivision, _subdivisions(country), most=40)
        words = f"{country} has no subdivision '{shown(subdivision)}', in {parser.what}"
        parser.wrong(where.get("subdivision") or where, "E028", words, hint)
        return None
    return public_holidays(country, subdivision)


@lru_cache(maxsize=1)
def _countries() -> tuple[str, ...]:
    """The codes of all countries. The library's own list of them would load every one: longer than a whole cycle."""
    from holidays.registry import EntityLoader

    return tuple(sorted(EntityLoader.get_country_codes(include_aliases=False)))


def _subdivisions(country: str) -> tuple[str, ...]:
    import holidays

    return tuple(holidays.country_holidays(country).subdivisions)


@lru_cache(maxsize=64)
def public_holidays(country: str, subdivision: str | None) -> frozenset[date]:
    """The public holidays of a country (and a part of it) in YEARS."""
    import holidays

    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=YEARS))
