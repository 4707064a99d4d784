"""Why cases go up, and what becomes of them: figures over the register's records, as values and as JSON.

Nothing here reads a clock: the same records, policy and instant give the same report, byte for byte. A share is taken
over the records of which it can be said already, so a young case counts neither as closed in time nor as late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from connector.core.policy import Person
from connector.core.records import Escalation

#: An escalation is to be closed within these days.
CLOSE_WITHIN = timedelta(days=30)
#: What the records are counted by, in this order.
GROUPS = ("cause", "kind", "level", "where", "to")
#: Stands for what a record does not tell.
UNTOLD = "-"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of those of which it can be said."""

    part: int
    whole: int

    @property
    def percent(self) -> float | None:
        """In per cent, to one place; None where nothing can be said yet."""
        return round(100 * self.part / self.whole, 1) if self.whole else None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of some records. `median_days`: from going up to the outcome, of those that have one."""

    count: int
    open: int
    overdue: int
    median_days: float | None
    closed_in_time: Share
    promise_kept: Share
    happy: int
    neutral: int
    unhappy: int


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one item of one group: of one cause, one kind, one level, one tab, one addressee."""

    group: str
    item: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Overdue:
    """A record still open beyond the days in which it was to be closed."""

    record: Escalation
    days: int
    where: str
    cause: str


@dataclass(frozen=True, slots=True)
class Causes:
    """Everything a form of the report shows."""

    account: str
    now: datetime
    timezone: str
    since: datetime | None
    until: datetime | None
    records: tuple[Escalation, ...]
    all: Figures
    lines: tuple[Line, ...]
    overdue: tuple[Overdue, ...]

    def of(self, group: str) -> list[Line]:
        """The lines of one group, the most frequent item first."""
        return [line for line in self.lines if line.group == group]


def make_causes(
    account: str,
    records: Iterable[Escalation],
    now: datetime,
    *,
    timezone: str = "UTC",
    people: Mapping[str, Person] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Causes:
    """The report on these records as of `now`. `people`: the roster, for the names of those it went to."""
    chosen = tuple(sorted(records, key=lambda one: (one.opened_at, one.id)))
    lines = [line for group in GROUPS for line in _lines(group, chosen, now, people or {})]
    late = tuple(
        Overdue(one, (now - one.opened_at) // _DAY, where_of(one), cause_of(one)) for one in chosen if _late(one, now)
    )
    return Causes(account, now, timezone, since, until, chosen, figures(chosen, now), tuple(lines), late)


def figures(records: Sequence[Escalation], now: datetime) -> Figures:
    """The figures of these records as of `now`."""
    days = [float(one.outcome["days"]) for one in records if one.outcome]
    words = [one.satisfaction.get("word") for one in records]
    return Figures(
        count=len(records),
        open=sum(one.is_open for one in records),
        overdue=sum(_late(one, now) for one in records),
        median_days=round(median(days), 2) if days else None,
        closed_in_time=_share(_closed_in_time(one, now) for one in records),
        promise_kept=_share(_promise_kept(one, now) for one in records),
        happy=words.count("happy"),
        neutral=words.count("neutral"),
        unhappy=words.count("unhappy"),
    )


def cause_of(record: Escalation) -> str:
    """The word of its cause."""
    return str(record.cause.get("cause") or UNTOLD)


def where_of(record: Escalation) -> str:
    """Its tab, else its situation, else the rule that registered it."""
    rule = record.body.get("rule") or {}
    return str(record.tab or record.body.get("situation") or rule.get("name") or UNTOLD)


def addressees_of(record: Escalation, people: Mapping[str, Person]) -> tuple[str, ...]:
    """The names of those it went to."""
    keys = [str(key) for key in record.body.get("to") or ()]
    return tuple(dict.fromkeys(people[key].name if key in people else key for key in keys)) or (UNTOLD,)


def causes_json(report: Causes) -> dict[str, Any]:
    """The whole report; causes, kinds and states as the words the records hold."""
    return {
        "account": report.account,
        "now": report.now.isoformat(),
        "since": None if report.since is None else report.since.isoformat(),
        "until": None if report.until is None else report.until.isoformat(),
        "all": _figures_json(report.all),
        **{group: {line.item: _figures_json(line.figures) for line in report.of(group)} for group in GROUPS},
        "overdue": [
            {
                "id": one.record.id,
                "ticket": one.record.ticket,
                "opened_at": one.record.opened_at.isoformat(),
                "days": one.days,
                "where": one.where,
                "cause": one.cause,
            }
            for one in report.overdue
        ],
    }


def _figures_json(told: Figures) -> dict[str, Any]:
    return {
        "count": told.count,
        "open": told.open,
        "overdue": told.overdue,
        "median_days": told.median_days,
        "closed_within_30_days": _share_json(told.closed_in_time),
        "within_promise": _share_json(told.promise_kept),
        "satisfaction": {"happy": told.happy, "neutral": told.neutral, "unhappy": told.unhappy},
    }


def _share_json(share: Share) -> dict[str, Any]:
    return {"part": share.part, "of": share.whole, "percent": share.percent}


# --- the groups -------------------------------------------------------------------------------------------------------
def _lines(group: str, records: Sequence[Escalation], now: datetime, people: Mapping[str, Person]) -> Iterator[Line]:
    items: dict[str, list[Escalation]] = {}
    for one in records:
        for item in _ITEMS[group](one, people):
            items.setdefault(item, []).append(one)
    ordered = sorted(items.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    yield from (Line(group, item, figures(found, now)) for item, found in ordered)


_Items = Callable[[Escalation, Mapping[str, Person]], tuple[str, ...]]
_ITEMS: Mapping[str, _Items] = {
    "cause": lambda one, _: (cause_of(one),),
    "kind": lambda one, _: (str(one.body.get("kind") or UNTOLD),),
    "level": lambda one, _: (str(one.body.get("level") or UNTOLD),),
    "where": lambda one, _: (where_of(one),),
    "to": addressees_of,
}


# --- what can be said of one record -----------------------------------------------------------------------------------
def _late(record: Escalation, now: datetime) -> bool:
    return record.is_open and now - record.opened_at > CLOSE_WITHIN


def _closed_in_time(record: Escalation, now: datetime) -> bool | None:
    if record.outcome:
        return float(record.outcome["days"]) <= CLOSE_WITHIN / _DAY
    return False if _late(record, now) else None


def _promise_kept(record: Escalation, now: datetime) -> bool | None:
    if record.outcome:
        kept = record.outcome.get("in_promise")
        return None if kept is None else bool(kept)
    promise = record.body.get("promise")
    return False if promise is not None and now > datetime.fromisoformat(promise) else None


def _share(answers: Iterable[bool | None]) -> Share:
    told = [answer for answer in answers if answer is not None]
    return Share(sum(told), len(told))
