"""What the helpdesk does by itself as time passes: hourly rules, auto-close, SLA job, archiving, scheduled events.

Due work runs at its own instants, also when the clock jumps; hourly work runs at each full hour.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from connector.emulator import rules as rulebook
from connector.emulator import sla, stamps
from connector.emulator.account import CLOSED, RESOLVED, Account, canonical_words
from connector.emulator.actions import perform
from connector.emulator.desk import Changes, Desk
from connector.emulator.rules import CREATION, HOURLY, UPDATE, Rule
from connector.emulator.shapes import STATS, Json, Ticket
from connector.emulator.world import SYSTEM, Performer, World
from connector.errors import UsageError

_HOUR = 3600
_DAY = 86400
_RULES_IN_A_ROW = 5  # an update rule that answers another one, at most this deep


@dataclass(frozen=True, slots=True)
class AutoClose:
    """Close what stayed in a status for a time, measured on one stamp of the ticket."""

    status: int
    seconds: int
    clock: str = "status_updated_at"


def read_autoclose(specs: list[str], account: Account) -> list[AutoClose]:
    """Read `STATUS=14d` or `STATUS=14d@updated_at` items, several by comma; UsageError names every bad one."""
    found, problems = [], []
    for item in (part.strip() for spec in specs for part in spec.split(",")):
        if not item:
            continue
        name, equals, rest = item.partition("=")
        length, at, clock = rest.partition("@")
        code = account.status_code(name)
        if not equals or not rest:
            problems.append(f"{item!r} must read STATUS=TIME such as in_process=14d")
            continue
        if code is None:
            labels = ", ".join(f"{number} {words[0]}" for number, words in account.statuses.items())
            words = ", ".join(sorted(canonical_words()))
            problems.append(f"{name!r} is no status of this account (has: {labels}; words: {words})")
            continue
        if at and clock not in {*STATS, "updated_at", "created_at"}:
            problems.append(
                f"{clock!r} is no clock of a ticket (use one of {', '.join(STATS)}, updated_at, created_at)"
            )
            continue
        try:
            found.append(AutoClose(code, stamps.period(length), clock or "status_updated_at"))
        except ValueError as exc:
            problems.append(str(exc))
    if problems:
        msg = f"--autoclose: {'; '.join(problems)}"
        raise UsageError(msg)
    return found


class Engine:
    """Runs due work of a world; owns its agenda."""

    def __init__(self, world: World, desk: Desk, autoclose: list[AutoClose] | None = None) -> None:
        self.world = world
        self.desk = desk
        self.autoclose = autoclose or []
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._depth = 0
        self._ran_to = world.now
        self._next_hour = (world.now // _HOUR + 1) * _HOUR
        desk.after_change = self._after_change
        desk.after_create = self._after_create
        desk.watch_promises = self.watch_promises
        desk.call_later = self.schedule
        for ticket in world.tickets.values():
            self._adopt(ticket)

    def _adopt(self, ticket: Ticket) -> None:
        account, fields = self.world.account, ticket.fields
        if sla.timer_stands(account, fields["status"]):
            ticket.timer_stopped_at = stamps.to_instant(ticket.stats["status_updated_at"])
        if fields["status"] == CLOSED and not ticket.archived:
            self._watch_age(ticket)
        self.watch_promises(ticket)

    def schedule(self, instant: int, work: Callable[[], None]) -> None:
        """Have work done at an instant; one already past is done at the next occasion."""
        heapq.heappush(self._agenda, (instant, next(self._order), work))

    def run_until(self, target: int) -> list[Json]:
        """Run everything due up to and including an instant, each at its own time; returns what ran."""
        first = len(self.world.ran)
        try:
            while True:
                due = min(self._agenda[0][0] if self._agenda else self._next_hour, self._next_hour)
                if due > target:
                    break
                self.world.at_instant(max(due, self._ran_to))
                if self._agenda and self._agenda[0][0] <= due:
                    _, _, work = heapq.heappop(self._agenda)
                    work()
                else:
                    self._next_hour += _HOUR
                    self._hourly()
        finally:
            self.world.at_instant(None)
        self._ran_to = max(self._ran_to, target)
        return self.world.ran[first:]

    def next_due(self) -> int:
        """The next instant at which something will happen by itself."""
        return min(self._agenda[0][0] if self._agenda else self._next_hour, self._next_hour)

    def advance(self, seconds: int) -> list[Json]:
        """Move the clock forward, running what falls due on the way; returns what ran."""
        target = self.world.clock.now() + seconds
        ran = self.run_until(target)
        self.world.clock.advance_to(target)
        return ran

    def record(self, rule: str, kind: str, ticket: Ticket, **more: object) -> None:
        """Log that a rule acted on a ticket."""
        self.world.ran.append({"at": self.world.now_text, "rule": rule, "type": kind, "ticket": ticket.number, **more})

    def _hourly(self) -> None:
        world = self.world
        oldest = stamps.to_text(world.now - world.switches.idle_days * _DAY)
        active = [rule for rule in world.account.automations[HOURLY] if rule.active]
        if active:
            first, last = world.listed_numbers(world.updated, oldest)
            for number in sorted(number for _, number in world.updated[first:last]):
                for rule in active:
                    ticket = world.tickets[number]
                    if ticket.listed and rulebook.holds(rule, ticket, world.account, world.now):
                        self._run(rule, ticket, "hourly")
        for closing in self.autoclose:
            self._close_stale(closing, oldest)

    def _close_stale(self, closing: AutoClose, oldest: str) -> None:
        world = self.world
        limit = stamps.to_text(world.now - closing.seconds)
        by = Performer("automation", rule="autoclose", rule_kind=HOURLY)
        for ticket in world.with_status([closing.status]):
            since = ticket.stats.get(closing.clock) or ticket.fields.get(closing.clock)
            if since is None or since > limit or closing.status == CLOSED:
                continue
            if world.switches.autoclose_skips_idle and ticket.fields["updated_at"] < oldest:
                continue
            changes = self.desk.change(ticket, {"status": CLOSED}, by, run_rules=False)
            self._watch_age(ticket)
            self.record("autoclose", "autoclose", ticket, changes={k: list(v) for k, v in changes.items()})

    def _run(self, rule: Rule, ticket: Ticket, kind: str) -> None:
        by = Performer("automation", rule=rule.name, rule_id=rule.id, rule_kind=rule.kind)
        changes = perform(self.desk, rule, ticket, by)
        rule.raw["affected_tickets_count"] = rule.raw.get("affected_tickets_count", 0) + 1
        if ticket.fields["status"] == CLOSED:
            self._watch_age(ticket)
        self.record(rule.name, kind, ticket, changes=changes)

    def _after_create(self, ticket: Ticket) -> None:
        """Creation rules run once, by default only the first that holds."""
        for rule in self.world.account.automations[CREATION]:
            if rule.active and rulebook.holds(rule, ticket, self.world.account, self.world.now):
                self._run(rule, ticket, "creation")
                if not self.world.switches.cascading_creation_rules:
                    break
        if ticket.fields["status"] == CLOSED:
            self._watch_age(ticket)

    def _after_change(self, ticket: Ticket, by: Performer, changes: Changes, happened: str | None) -> None:
        """Update rules answer agents and customers, never other rules' doing."""
        if ticket.fields["status"] == CLOSED and "status" in changes:
            self._watch_age(ticket)
        if by.kind not in {"agent", "customer"} or self._depth >= _RULES_IN_A_ROW:
            return
        self._depth += 1
        try:
            for rule in self.world.account.automations[UPDATE]:
                if (
                    rule.active
                    and rule.performed_by(by.kind)
                    and rulebook.triggered(rule, changes, happened, self.world.account)
                    and rulebook.holds(rule, ticket, self.world.account, self.world.now)
                ):
                    self._run(rule, ticket, "update")
        finally:
            self._depth -= 1

    def watch_promises(self, ticket: Ticket) -> None:
        """Put the SLA job's visits to a ticket on the agenda; promises already past when seen are left as they are."""
        world = self.world
        if not world.switches.sla:
            return
        for name, mark in (("due_by", "is_escalated"), ("fr_due_by", "fr_escalated")):
            due = ticket.fields[name]
            if due is None or ticket.fields[mark]:
                continue
            at = stamps.to_instant(due) + sla.jitter(world.jitter_seed, ticket.number, due)
            if at > world.now:
                self.schedule(at, lambda name=name, mark=mark, due=due: self._sla_visit(ticket, name, mark, due))  # type: ignore[misc]

    def _sla_visit(self, ticket: Ticket, name: str, mark: str, due: str) -> None:
        fields = ticket.fields
        if not ticket.listed or fields[mark] or fields[name] != due:
            return
        if sla.timer_stands(self.world.account, fields["status"]) or fields["status"] == RESOLVED:
            return
        response = name == "fr_due_by"
        if response and ticket.stats["first_responded_at"] is not None:
            return
        self.desk.escalate(ticket, response=response)
        self.record("sla_response" if response else "sla_resolution", "sla", ticket)

    def _watch_age(self, ticket: Ticket) -> None:
        days = self.world.switches.archive_after_days
        self.schedule(stamps.to_instant(ticket.fields["updated_at"]) + days * _DAY, lambda: self._age(ticket))

    def _age(self, ticket: Ticket) -> None:
        """Archive what is closed and was not touched since; what was touched is looked at again later."""
        if ticket.archived or ticket.deleted or ticket.fields["status"] != CLOSED:
            return
        quiet = self.world.now - stamps.to_instant(ticket.fields["updated_at"])
        if quiet >= self.world.switches.archive_after_days * _DAY:
            self.desk.archive(ticket)
            self.record("archive", "archive", ticket)
        else:
            self._watch_age(ticket)

    def system_note(self, ticket: Ticket, text: str) -> None:
        """Leave a private note in the system's name."""
        self.desk.note(ticket, text, SYSTEM)
