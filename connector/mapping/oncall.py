"""Who is on call when, from an iCalendar file of the pack: recurring shifts, exceptions, daylight saving time and all.

Each event is one person's shift. Who that is, the event says by the address of its first attendee, or by its summary: a
key or a name under `people:`. Nothing here reads a clock: occurrences are expanded a month at a time, for the instant
that is asked for. The libraries that read iCalendar come with `pip install 'escalera[oncall]'`; without a rota in the
pack they are not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connector.core.policy import Person, Shift
from connector.core.rules._common import fold
from connector.errors import ConfigurationError
from connector.mapping.declared import ROTA
from connector.mapping.nodes import Node
from connector.mapping.parse import Parser
from connector.mapping.problems import did_you_mean, shown

_CODE = "E066"
_DAY = timedelta(days=1)
_MONTHS_KEPT = 64
_MOST_EVENTS = 5_000
_REFRESH, _LEAST_REFRESH, _KEEP = timedelta(hours=1), timedelta(minutes=1), timedelta(days=7)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SIGNS = re.compile(r'[\s"\\<>\x00-\x1f\x7f]')
#: How often a shift may repeat, and about how many of them a year has.
_A_YEAR = {"HOURLY": 8766, "DAILY": 366, "WEEKLY": 53, "MONTHLY": 12, "YEARLY": 1}
#: Parts of a rule that are known; several minutes or seconds would make a million shifts of one.
_PARTS = frozenset(
    {"FREQ", "UNTIL", "COUNT", "INTERVAL", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH",
     "BYSETPOS", "BYMINUTE", "BYSECOND", "WKST", "RSCALE", "SKIP"}
)  # fmt: skip
#: A rule is gone through from its start: so many repetitions, counted up to `_COUNTED_TO`, a calendar has at most.
_MOST_REPEATS, _COUNTED_TO = 500_000, 2040


class OnCallError(ConfigurationError):
    """An on-call file can't be used; `hint` says what to do."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class CalendarRota:
    """The shifts of one iCalendar file. Implements `policy.Rota`; the same instant always gives the same answer."""

    def __init__(self, text: str, zone: ZoneInfo, people: Mapping[str, Person]) -> None:
        """Read the file. Raises OnCallError for text that is no iCalendar, has no shifts, or names unknown people."""
        self._zone, self._known = zone, _by_sign(people)
        self._months: dict[tuple[int, int], tuple[Shift, ...]] = {}
        try:
            self._load(text)
        except OnCallError:
            raise
        except Exception as error:  # a broken date, zone or rule makes the libraries raise whatever they please
            msg = f"a shift in it can't be read: {type(error).__name__}"
            raise OnCallError(msg, "export it again as .ics") from error

    def _load(self, text: str) -> None:
        icalendar, recurring = _libraries()
        try:
            calendar = icalendar.Calendar.from_ical(text)
        except (ValueError, KeyError, IndexError) as error:
            msg = f"it is not an iCalendar file: {shown(str(error), 80)}"
            raise OnCallError(msg, "export it again as .ics") from error
        events = [event for event in calendar.walk("VEVENT") if not _cancelled(event)]
        if not events:
            msg = "it holds no shift (no VEVENT)"
            raise OnCallError(msg, "each shift is an event that names a person")
        if len(events) > _MOST_EVENTS:
            msg = f"it holds {len(events)} events; {_MOST_EVENTS} are the most"
            raise OnCallError(msg, "let shifts repeat by a rule instead")
        self._repeats = 0
        for event in events:
            self._check(event)
        self._query = recurring.of(calendar, skip_bad_series=False)
        self.at(datetime(2026, 1, 1, tzinfo=UTC))  # whatever can't be expanded shows here, not in a cycle

    def at(self, at: datetime) -> tuple[Shift, ...]:
        """The shifts that cover this instant, in the order of their start, then of the roster key."""
        return tuple(shift for shift in self._month(at.astimezone(UTC)) if shift.start <= at < shift.end)

    def _month(self, at: datetime) -> tuple[Shift, ...]:
        month = (at.year, at.month)
        found = self._months.get(month)
        if found is None:
            if len(self._months) >= _MONTHS_KEPT:
                self._months.clear()
            first = datetime(at.year, at.month, 1, tzinfo=UTC)
            # A day more on either side: times without a zone are compared by their wall clock.
            found = tuple(self._expand(first - _DAY, first + 33 * _DAY))
            self._months[month] = found
        return found

    def _expand(self, begin: datetime, end: datetime) -> Iterator[Shift]:
        try:
            shifts = [shift for event in self._query.between(begin, end) if (shift := self._shift(event)) is not None]
        except Exception as error:  # the library lets through whatever a broken rule raises
            msg = f"its shifts can't be expanded: {type(error).__name__}"
            raise OnCallError(msg, "export it again as .ics") from error
        yield from sorted(set(shifts), key=lambda each: (each.start, each.person))

    def _shift(self, event: Any) -> Shift | None:
        person = self._person(event)
        if person is None or _cancelled(event):
            return None
        start = self._instant(event["DTSTART"].dt)
        finish = self._instant(event["DTEND"].dt) if "DTEND" in event else start + _DAY
        return Shift(start, finish, person) if finish > start else None

    def _instant(self, value: date | datetime) -> datetime:
        if not isinstance(value, datetime):
            value = datetime.combine(value, time())
        return (value if value.tzinfo is not None else value.replace(tzinfo=self._zone)).astimezone(UTC)

    def _check(self, event: Any) -> None:
        if self._person(event) is None:
            name = _signs(event)[-1] if _signs(event) else "an event without a name"
            msg = f"the shift '{shown(name, 40)}' is nobody's under `people:`"
            raise OnCallError(msg, did_you_mean(name, self._known) or "name it by a key or an e-mail address of one")
        started = event["DTSTART"].dt.year if "DTSTART" in event else _COUNTED_TO
        for name in ("RRULE", "EXRULE"):
            given = event.get(name)
            for rule in given if isinstance(given, list) else [given] if given is not None else []:
                self._repeats += _a_year(rule) * max(1, _COUNTED_TO - started)
        if self._repeats > _MOST_REPEATS:
            msg = f"its shifts repeat more than {_MOST_REPEATS} times"
            raise OnCallError(msg, "let repeating shifts begin later, or less often")

    def _person(self, event: Any) -> str | None:
        return next((self._known[sign] for one in _signs(event) if (sign := _sign(one)) in self._known), None)


def _a_year(rule: Any) -> int:
    """About how often a rule repeats in a year. Raises OnCallError for one that is none, or can't be told quickly."""
    strange = [str(part) for part in rule if str(part).upper() not in _PARTS]
    often = [str(each).upper() for each in rule.get("FREQ", ())]
    fine = all(len(rule.get(part, ())) <= 1 for part in ("BYMINUTE", "BYSECOND"))
    steps = all(int(each) >= 1 for each in rule.get("INTERVAL", ()))
    if strange or len(often) != 1 or often[0] not in _A_YEAR or not fine or not steps:
        told = strange[0] if strange else often[0] if often and fine and steps else "at no interval that can be used"
        msg = f"a shift repeats {shown(told.lower(), 40)}"
        raise OnCallError(msg, "shifts repeat daily, weekly, monthly")
    return _A_YEAR[often[0]] * max(1, len(rule.get("BYHOUR", ())))


@dataclass(frozen=True, slots=True)
class WebRota:
    """A rota whose calendar stands at a web address. It fetches nothing; whoever does reads the text by `read`.

    `refresh`, `keep`: how often it is fetched, and how long its last good text counts. Without a text nobody is known
    to be on call. Its address may hold a secret: it is shown by its host alone.
    """

    url: str = field(repr=False)
    refresh: timedelta
    keep: timedelta
    zone: ZoneInfo
    people: Mapping[str, Person] = field(repr=False)
    remote: bool = True

    @property
    def host(self) -> str:
        """The host of the address: all of it that may be shown."""
        return urlsplit(self.url).hostname or "?"

    def at(self, at: datetime) -> tuple[Shift, ...]:  # noqa: ARG002 - the protocol's
        """Nobody: the shifts come with what the account brings."""
        return ()

    def read(self, text: str) -> CalendarRota:
        """The shifts of a fetched text. Raises OnCallError."""
        return CalendarRota(text, self.zone, self.people)


def _web_rota(parser: Parser, node: Node, given: Mapping[str, Any], zone: str) -> WebRota | None:
    """The rota at an address, or None where the address can't be one."""
    place = node.get("url") or node
    try:
        parts = urlsplit(given["url"])
        usable = parts.scheme in {"https", "http"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    text = None
    if not usable or _SIGNS.search(given["url"]):
        text = "the address of a calendar begins with https:// and a host"
    elif parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        text = "plain http would show the calendar and its address to the network"
    elif parts.username or parts.password or parts.fragment:
        text = "the address of a calendar carries no user, password or '#'"
    if text is not None:
        parser.wrong(place, _CODE, f"{text}, in {parser.what}", "write url: https://calendar.example.com/rota.ics")
        return None
    _libraries_for(parser, place)
    refresh, keep = (timedelta(seconds=given[name].amount) if given[name] else None for name in ("refresh", "keep"))
    # Whoever is on call is known only once the calendar is here: nobody of the roster is called unused before.
    parser.names.used.update(("person", person) for person in parser.names.people)
    return WebRota(
        given["url"], max(refresh or _REFRESH, _LEAST_REFRESH), keep or _KEEP, ZoneInfo(given["timezone"] or zone),
        parser.names.people,
    )  # fmt: skip


def _libraries_for(parser: Parser, place: Node) -> None:
    try:
        _libraries()
    except OnCallError as error:
        parser.wrong(place, _CODE, f"{error}, in {parser.what}", error.hint)


def _libraries() -> tuple[Any, Any]:
    try:
        import icalendar
        import recurring_ical_events  # type: ignore[import-untyped]
    except ImportError as error:
        msg = "on-call files need the libraries of the extra `oncall`"
        raise OnCallError(msg, "pip install 'escalera[oncall]'") from error
    return icalendar, recurring_ical_events


def _cancelled(event: Any) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


def _signs(event: Any) -> list[str]:
    """What says whose shift it is: the attendees' addresses, then the summary."""
    attendees = event.get("ATTENDEE")
    listed = attendees if isinstance(attendees, list) else [attendees] if attendees is not None else []
    summary = str(event.get("SUMMARY", "")).strip()
    return [*(str(one) for one in listed), *([summary] if summary else [])]


def _sign(text: str) -> str:
    return fold(text.strip().removeprefix("mailto:").removeprefix("MAILTO:"))


def _by_sign(people: Mapping[str, Person]) -> dict[str, str]:
    """Roster keys of agents and groups by key, by name and by e-mail address."""
    found: dict[str, str] = {}
    for person in people.values():
        if person.kind != "address":
            for sign in (person.key, person.name, person.email):
                if sign:
                    found.setdefault(_sign(sign), person.key)
    return found


def read_rotas(
    parser: Parser, rotas: Iterable[tuple[Node, Node]], zone: str, files: Mapping[str, str]
) -> dict[str, CalendarRota | WebRota]:
    """The pack's `rotas:`, each from its file; what can't be used becomes a problem at its place.

    `files`: the texts of the pack's `.ics` files by their name in it.
    """
    found: dict[str, CalendarRota | WebRota] = {}
    for key, node in rotas:
        parser.names.rotas.add(key.text)
        parser.what = f"rota '{shown(key.text)}'"
        given = parser.record(node, ROTA)
        if given is None:
            continue
        if (given["file"] is None) == (given["url"] is None):
            parser.wrong(key, _CODE, f"{parser.what} needs one of `file` and `url`", "write file: guard.ics")
            continue
        if given["url"] is not None:
            rota = _web_rota(parser, node, given, zone)
            if rota is not None:
                found[key.text] = rota
            continue
        place = node.get("file") or node
        text = files.get(given["file"])
        if text is None:
            hint = did_you_mean(given["file"], files) or "put an .ics file into the pack's folder"
            parser.wrong(place, _CODE, f"the pack has no on-call file '{shown(given['file'])}', in {parser.what}", hint)
            continue
        try:
            found[key.text] = CalendarRota(text, ZoneInfo(given["timezone"] or zone), parser.names.people)
        except OnCallError as error:
            text_of = f"the on-call file '{shown(given['file'])}' can't be used: {error}, in {parser.what}"
            parser.wrong(place, _CODE, text_of, error.hint)
            continue
        signs = parser.names.people
        parser.names.used.update(("person", person) for person in _used(files[given["file"]], signs))
    return found


def _used(text: str, people: Mapping[str, Person]) -> Iterator[str]:
    """The people of the roster whom the file names."""
    known, (icalendar, _) = _by_sign(people), _libraries()
    for event in icalendar.Calendar.from_ical(text).walk("VEVENT"):
        yield from (known[_sign(one)] for one in _signs(event) if _sign(one) in known)
