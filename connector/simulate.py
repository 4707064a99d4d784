"""The clock run forward under a policy: one ticket of each situation, nobody acting, and all that comes of it, dated.

Every step is the daemon's own: its cycle evaluates, plans, applies through the journal and re-reads, on a helpdesk in
memory that closes what is left alone for too long. The clock goes from one exact wake-up to the next. Limits of the
guard are switched off, for they count over all tickets; how many writes a ticket got in any 24 hours is told instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from connector.apply.actions import Applied
from connector.apply.journal import counts_as_write
from connector.core.guard import Limits
from connector.core.model import EMPTY, TEXT_FIELDS, Action, Outcome, Ticket
from connector.core.policy import Policy, Situation
from connector.cycle.account import Account
from connector.cycle.run import run_cycle
from connector.errors import UsageError
from connector.helpdesks.memory import MemoryHelpdesk
from connector.notifiers.outbox import Outbox
from connector.store import open_store
from connector.text_hints import did_you_mean

_ACCOUNT = "simulation"
_TICKET = "1"
_DAY = timedelta(hours=24)
#: Cycles at one instant; more would mean that a rule never has enough.
_MOST_CYCLES = 25
_UNLIMITED = Limits(**{one.name: None for one in fields(Limits)})
_FILLED = {
    "subject": "Simulated case",
    "body": "A simulated case, described in full.",
    "customer": "Customer One",
    "requester": "Customer One",
    "requester_email": "customer.one@example.com",
    "requester_phone": "+52 55 0000 0000",
    "brand": "Brand",
    "product": "Product",
    "agent": "Agent One",
}


class EndlessError(UsageError):
    """A rule wants something again and again at one instant."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing done (or closed by the helpdesk) at an exact instant (UTC), `after` the situation's start."""

    at: datetime
    after: timedelta
    kind: str
    what: str
    rule: str
    outcome: str = Outcome.DONE.value
    text: str | None = None
    to: tuple[str, ...] = ()
    details: Mapping[str, Any] = EMPTY


@dataclass(frozen=True, slots=True)
class Story:
    """What came of the one ticket of a situation. `closed`: when the helpdesk closed it by itself, if it did.

    `unknown`: rules that could not tell, each once with its reason. `writes`: the most writes in any 24 hours.
    """

    situation: str
    title: str
    events: tuple[Event, ...]
    unknown: tuple[str, ...]
    writes: int
    closed: datetime | None = None


def simulate(
    policy: Policy,
    start: datetime,
    days: int,
    *,
    situations: Sequence[str] = (),
    helpdesk: str | None = None,
    autoclose: timedelta = timedelta(days=14),
    tags: Sequence[str] = (),
) -> list[Story]:
    """The story of one ticket of each situation (default: all), escalated at `start` and left alone for `days` days.

    `helpdesk`: whose map tells from which time the helpdesk's own auto-close counts (default: the pack's only map, or
    `freshdesk`); after `autoclose` in process it closes the ticket. `tags` stand on every ticket from the beginning.
    Raises UsageError for a situation or map the policy does not have, EndlessError for a rule that never has enough.
    """
    wanted = situations or list(policy.situations)
    for name in wanted:
        if name not in policy.situations:
            msg = f"no situation '{name}'{did_you_mean(name, policy.situations)}; see `situations:` of the pack"
            raise UsageError(msg)
    clock = _autoclose_clock(policy, helpdesk)
    return [
        _Life(policy, policy.situations[name], start.replace(microsecond=0), clock, autoclose, tuple(tags)).story(days)
        for name in wanted
    ]


def _autoclose_clock(policy: Policy, helpdesk: str | None) -> str:
    if helpdesk is not None and helpdesk not in policy.maps:
        msg = f"the pack has no map for '{helpdesk}'{did_you_mean(helpdesk, policy.maps)}"
        raise UsageError(msg)
    chosen = helpdesk or ("freshdesk" if "freshdesk" in policy.maps else next(iter(policy.maps), None))
    return "status_since" if chosen is None else policy.maps[chosen].autoclose_clock


class _Life:
    """One ticket, its helpdesk, and the daemon beside it."""

    def __init__(
        self,
        policy: Policy,
        situation: Situation,
        start: datetime,
        clock: str,
        autoclose: timedelta,
        tags: tuple[str, ...],
    ) -> None:
        people = policy.people.values()
        self._policy, self._situation, self._start = policy, situation, start
        self._desk = MemoryHelpdesk(
            now=start,
            tickets=[_ticket(situation, start, tags)],
            agents={_FILLED["agent"]: "agent", **{one.name: one.key for one in people if one.kind == "agent"}},
            groups={one.name: one.key for one in people if one.kind == "group"},
            emails={one.email: one.key for one in people if one.kind == "agent" and one.email},
            autoclose={"in_process": autoclose},
            autoclose_clock=clock,
        )
        self._account = Account(
            name=_ACCOUNT,
            reader=self._desk.reader(),
            writer=self._desk.writer(),
            store=open_store(":memory:"),
            policy=policy,
            limits=_UNLIMITED,
            notifiers=[Outbox()],
            clock=lambda: self._desk.clock,
        )
        self._events: list[Event] = []
        self._unknown: dict[str, None] = {}
        self._written: list[datetime] = []

    def story(self, days: int) -> Story:
        """Live it."""
        end, store = self._start + timedelta(days=days), self._account.store
        try:
            while self._desk.clock <= end:
                self._settle()
                wake = store.next_wake(_ACCOUNT)
                if wake is None or wake > end:
                    break
                if wake <= self._desk.clock:
                    raise self._endless()
                self._desk.advance(wake - self._desk.clock)
            self._desk.advance(max(end - self._desk.clock, timedelta()))
        finally:
            store.close()
        ticket = self._desk.get(_TICKET)
        closed = ticket.closed_at if self._desk.autoclosed else None
        if closed is not None:
            self._events.append(Event(closed, closed - self._start, "closed", "closed by the helpdesk's own rule", ""))
        title, unknown = self._situation.title, tuple(self._unknown)
        return Story(self._situation.id, title, tuple(self._events), unknown, _most(self._written), closed)

    def _settle(self) -> None:
        """Cycle until nothing more is wanted at this instant."""
        for _ in range(_MOST_CYCLES):
            report = run_cycle(self._account, now=lambda: self._desk.clock)
            for one in report.plan.unknown if report.plan is not None else ():
                codes = ", ".join(dict.fromkeys(each.code for each in one.reasons if each.code != "IN_SITUATION"))
                self._unknown.setdefault(f"{one.rule.kind} '{one.rule.name}': {codes}")
            fresh = [one for one in report.applied if not one.repeated]
            self._events.extend(self._told(fresh))
            if not fresh:
                return
        raise self._endless()

    def _endless(self) -> EndlessError:
        name, at = self._situation.id, self._desk.clock.isoformat()
        return EndlessError(f"situation '{name}': the ticket is due again and again at {at}; see `escalera explain`")

    def _told(self, results: Sequence[Applied]) -> Iterator[Event]:
        at = self._desk.clock
        for one in results:
            action = one.action
            if one.outcome is Outcome.DONE and counts_as_write(action):
                self._written.append(at)
            yield Event(
                at=at,
                after=at - self._start,
                kind=action.kind,
                what=_what(self._policy, action),
                rule=f"{action.rule.kind} '{action.rule.name}' ({action.rule.file}:{action.rule.line})",
                outcome=one.outcome.value,
                text=action.text,
                to=action.to,
                details=action.details,
            )


def _ticket(situation: Situation, start: datetime, tags: tuple[str, ...]) -> Ticket:
    """A ticket that has just entered the situation, with every fact its escalation needs."""
    asked = [fact.fields[0] for fact in situation.course.facts] if situation.course is not None else []
    texts: dict[str, Any] = {**{name: f"Simulated {name}" for name in asked if name in TEXT_FIELDS}, **_FILLED}
    base = Ticket(
        id=_TICKET, status="in_process", priority="normal", channel="phone", tags=tags, escalation_type=situation.id,
        escalated_at=start, created_at=start, updated_at=start, status_since=start,
        custom={name[7:]: "simulated" for name in asked if name.startswith("custom.")},
    )  # fmt: skip
    return replace(base, **texts)


def _what(policy: Policy, action: Action) -> str:
    """What was done, in a few words."""
    people = [policy.people[key].name if key in policy.people else key for key in action.to]
    if action.kind == "note":
        return f"note: {', '.join(_named(part) for part in action.details.get('parts', ('text',)))}"
    if action.kind == "toggle":
        return f"toggle {action.details['back']} -> {action.details['through']} -> {action.details['back']}" + (
            f" (follow-up {action.details['number']})" if action.details["cause"] == "follow_up" else " (auto-close)"
        )
    if action.kind == "register":
        if "cause" in action.details:
            return f"register: cause {action.details['cause']['cause']}"
        return f"register: tab {action.details.get('tab', '-')}"
    if action.kind in ("set", "assign"):
        return f"{action.kind} " + ", ".join(f"{name} {old} -> {new}" for name, (old, new) in action.changes.items())
    if action.kind == "notify":
        named = ("follow_up", "reminder")
        numbers = [f" ({name.replace('_', '-')} {action.details[name]})" for name in named if name in action.details]
        return f"notify {', '.join(people)}{' URGENT' if action.details.get('urgent') else ''}{''.join(numbers)}"
    return action.kind


def _named(part: str) -> str:
    """A part of a situation's note for people: `f2` is its second follow-up."""
    return f"follow-up {part[1:]}" if part[0] == "f" and part[1:].isdecimal() else part


def _most(written: Sequence[datetime]) -> int:
    """The most instants in any stretch of 24 hours."""
    return max((sum(1 for at in written if first <= at < first + _DAY) for first in written), default=0)
