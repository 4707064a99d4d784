"""Conditions on time: how long since something happened, elapsed or business. Only these change by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.conditions_base import EMPTY_CONDITION, FOREVER, IMPOSSIBLE, NO, UNKNOWN, YES, Clause, told
from connector.core.meaning import Elapsed, Meaning
from connector.core.policy import Context, Span, Told
from connector.core.rules._common import unresolved
from connector.core.spec import Duration, Either, Field, Name, Operator, Record, RuleProblem
from connector.core.tri import Tri
from connector.core.worktime import WorkCalendar

#: (YES, start) where the clock runs, (NO, None) where what it counts from never happened, (UNKNOWN, None) otherwise.
Start = tuple[Tri, datetime | None]
_FAR = datetime(9000, 1, 1, tzinfo=UTC)  # beyond, spans may lead out of the calendar altogether
_INTERVALS = 60  # counted stretches shown in one reason
_NEVER: Start = (NO, None)
_UNTOLD: Start = (UNKNOWN, None)
_EVENTS = ("status_since", "agent_responded_at", "customer_responded_at")


class _Age(Clause):
    """At least `over` has passed since the start of the clock, and less than `under`."""

    __slots__ = ("_calendar", "_elapsed", "_last", "_name", "_over", "_since", "_start", "_under")

    timed = True

    def __init__(
        self, name: str, start: Callable[[Context], Start], since: str, given: Span | Mapping[str, Any]
    ) -> None:
        spans: Mapping[str, Any] = (
            {"over": given, "under": None, "calendar": None} if isinstance(given, Span) else given
        )
        self._name, self._start, self._since = name, start, since
        self._over: Span | None = spans["over"]
        self._under: Span | None = spans["under"]
        self._calendar: str | None = spans["calendar"]
        plain = self._over is not None and self._over.unit == "elapsed" and self._under is None
        self._elapsed = timedelta(seconds=self._over.amount) if plain and self._over is not None else None
        #: The last business span that was counted: it is asked for again at once, by the rule and by its neighbours.
        self._last: tuple[Span, datetime, WorkCalendar, datetime] | None = None

    def wake(self, ctx: Context) -> datetime | None:
        if self._over is None or self._under is not None:
            return super().wake(ctx)
        _, start = self._start(ctx)
        reached = None if start is None else self._reach(self._over, start, ctx)
        return reached if reached is not None and reached > ctx.now else None

    def shut(self, ctx: Context) -> datetime | None:
        if self._elapsed is None:
            return super().shut(ctx)
        known, start = self._start(ctx)
        if start is None:
            return FOREVER if known is NO else None
        if start >= _FAR:
            return super().shut(ctx)
        try:
            reached = start + self._elapsed
        except OverflowError:
            return super().shut(ctx)
        return reached if reached > ctx.now else None

    @property
    def meaning(self) -> Meaning:
        return Elapsed(self._name, self._over, self._under, self._calendar)

    def test(self, ctx: Context) -> Tri:
        known, start = self._start(ctx)
        if start is None:
            return known
        now = ctx.now
        if self._elapsed is not None and start < _FAR:  # the common case
            return YES if now - start >= self._elapsed else NO
        if self._over is not None:
            reached = self._reach(self._over, start, ctx)
            if reached is None:
                return UNKNOWN
            if now < reached:
                return NO
        if self._under is not None:
            ended = self._reach(self._under, start, ctx)
            if ended is None:
                return UNKNOWN
            if now >= ended:
                return NO
        return YES

    def _reach(self, span: Span, start: datetime, ctx: Context) -> datetime | None:
        """The instant a span is reached; None where that lies beyond what can be counted (a stamp of the year 9999)."""
        try:
            if span.unit == "elapsed":
                return start + timedelta(seconds=span.amount)
            calendar = ctx.policy.calendar(self._calendar)
            last = self._last
            if last is not None and last[0] is span and last[1] == start and last[2] is calendar:
                return last[3]
            reached = span.after(start, calendar)
        except (OverflowError, ValueError):
            return None
        self._last = (span, start, calendar, reached)
        return reached

    def moments(self, ctx: Context) -> Iterator[datetime]:
        _, start = self._start(ctx)
        if start is not None:
            for span in (self._over, self._under):
                reached = self._reach(span, start, ctx) if span is not None else None
                if reached is not None:
                    yield reached

    def tell(self, ctx: Context) -> Told:
        tri, code = self.test(ctx), self._name.upper()
        wanted = {
            "over": self._over.text if self._over else None,
            "under": self._under.text if self._under else None,
        }
        limits = " and ".join(f"{name} {text}" for name, text in wanted.items() if text)
        known, start = self._start(ctx)
        if start is None:
            state = "unknown" if known is UNKNOWN else "not running: that never happened"
            return told(tri, code, f"the clock '{self._name}' ({self._since}) is {state}", since=self._since, **wanted)
        elapsed = (ctx.now - start).total_seconds()
        values: dict[str, Any] = {"since": self._since, "start": start.isoformat(), "elapsed_seconds": elapsed}
        counted = f"{in_words(elapsed)} since {start.isoformat()} ({self._since})"
        if any(span is not None and span.is_business for span in (self._over, self._under)):
            name = self._calendar or ctx.policy.default_calendar
            calendar, business = ctx.policy.calendar(name), self._business(start, ctx)
            values |= {"calendar_name": name, "calendar": calendar.digest, "business_seconds": business}
            values |= self._intervals(start, ctx.now, calendar)
            counted = f"{in_hours(business)} of business time, {counted}" if business is not None else counted
        for name, span in (("over", self._over), ("under", self._under)):
            reached = self._reach(span, start, ctx) if span is not None else None
            if reached is not None:
                values[f"{name}_reached_at"] = reached.isoformat()
        text = f"{counted}; wanted: {limits}" + ("; can't be counted" if tri is UNKNOWN else "")
        return told(tri, code, text, **values, **wanted)

    @staticmethod
    def _intervals(start: datetime, now: datetime, calendar: WorkCalendar) -> dict[str, Any]:
        """Every stretch of business time counted, the last ones where there are very many."""
        try:
            periods = calendar.periods(start, now) if start < now else []
        except (OverflowError, ValueError):
            return {}
        told: dict[str, Any] = {
            "counted": [[begin.isoformat(), end.isoformat()] for begin, end in periods[-_INTERVALS:]]
        }
        if len(periods) > _INTERVALS:
            told["counted_earlier"] = len(periods) - _INTERVALS
        return told

    def _business(self, start: datetime, ctx: Context) -> float | None:
        try:
            return ctx.policy.calendar(self._calendar).between(start, ctx.now)
        except (OverflowError, ValueError):
            return None


def in_words(seconds: float) -> str:
    """`3 d 4 h`, `25 min`, `0 s`: the two largest units."""
    parts: list[str] = []
    rest = int(abs(seconds))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return ("-" if seconds < 0 else "") + " ".join(parts[:2])


def in_hours(seconds: float) -> str:
    """`46 h 30 min`: business time is told in hours, for a day of it is no 24 hours."""
    hours, minutes = divmod(round(abs(seconds) / 60), 60)
    return ("-" if seconds < 0 else "") + (f"{hours} h {minutes} min" if minutes else f"{hours} h")


def _field(field: str) -> Callable[[Context], Start]:
    def start(ctx: Context) -> Start:
        ticket = ctx.ticket
        if ticket.unknown and field in ticket.unknown:
            return _UNTOLD
        at = getattr(ticket, field)
        return _NEVER if at is None else (YES, at)

    return start


def _idle(ctx: Context) -> Start:
    """The last of creation, status change and replies. Where the source hides one of them, the ticket's last change
    stands in for it; but not a change of our own, which is not activity: then the start is unknown."""
    ticket = ctx.ticket
    known = [at for at in (ticket.created_at, *(getattr(ticket, field) for field in _EVENTS)) if at is not None]
    if ticket.unknown and any(field in ticket.unknown for field in _EVENTS):
        changed = ticket.updated_at
        if changed is None or "updated_at" in ticket.unknown:
            return _UNTOLD
        if any(datetime.fromisoformat(own) == changed for own in ctx.memory.own_updated_at):
            return _UNTOLD
        known.append(changed)
    return (YES, max(known)) if known else _UNTOLD


def _in_situation(ctx: Context) -> Start:
    if ctx.situation is None:
        return _NEVER if unresolved(ctx.policy, ctx.ticket) is None else _UNTOLD
    return _UNTOLD if ctx.situation_since is None else (YES, ctx.situation_since)


_CLOCKS: tuple[tuple[str, Callable[[Context], Start], str, str], ...] = (
    ("age", _field("created_at"), "created", "Time since the ticket was created."),
    ("idle", _idle, "last activity", "Time since the last activity: creation, status change or a reply."),
    ("in_status", _field("status_since"), "status since", "Time since the status last changed."),
    ("since_agent_reply", _field("agent_responded_at"), "agent's last reply", "Time since an agent last replied."),
    (
        "since_customer_reply",
        _field("customer_responded_at"),
        "customer's last reply",
        "Time since the customer last replied.",
    ),
    ("in_situation", _in_situation, "situation since", "Time since the ticket entered the situation it is in."),
)  # fmt: skip

_TYPE = Either(
    Duration(),
    Record(
        (
            Field("over", Duration(), "At least this long (reached: it holds)."),
            Field("under", Duration(), "Less than this long (reached: it holds no more)."),
            Field("calendar", Name("calendar"), "Counts business spans; default: the pack's calendar."),
        )
    ),
)


def _build(start: Callable[[Context], Start], since: str) -> Callable[[str, Any], Clause]:
    def build(name: str, value: Span | Mapping[str, Any]) -> Clause:
        if not isinstance(value, Span):
            over, under = value["over"], value["under"]
            if over is None and under is None:
                msg = f"'{name}' compares with nothing: write `over:` or `under:`"
                raise RuleProblem(EMPTY_CONDITION, msg, name)
            if over is not None and under is not None and over.unit == under.unit and over.amount >= under.amount:
                msg = f"'{name}' can never hold: over {over.text} and under {under.text} exclude each other"
                raise RuleProblem(IMPOSSIBLE, msg, name)
        return _Age(name, start, since, value)

    return build


OPERATORS = tuple(
    Operator(
        name,
        _TYPE,
        f"{doc} A span means at least that long; `{{over: 3d, under: 10d}}` sets both ends.",
        f"{name}: 5 business days" if name == "in_status" else f"{name}: {{over: 3d, under: 10d}}",
        _build(start, since),
    )
    for name, start, since, doc in _CLOCKS
)
