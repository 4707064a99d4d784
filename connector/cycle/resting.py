"""Tickets of a held plan rest while it waits for a person: its cost follows what changes, not what it holds.

What a held plan wants stays weighed by the guard in every cycle, from the saved plan; its tickets are looked at again
when they change, when the plan is decided upon, when the policy changes, and at the latest after `RESTS`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.apply.journal import Journal
from connector.core.model import Action, Plan, Verdict
from connector.core.plan_json import PlanRefused, plan_from_json
from connector.core.planning import digest_of, natural
from connector.cycle.account import Account
from connector.store.base import Mirrored, SavedPlan

#: After so long a ticket of a held plan is looked at again, though nothing happened to it: by so much other rules may
#: be late on it. Far less than the margin before any auto-close.
RESTS = timedelta(minutes=15)
#: Fact of the account: the held plan whose tickets rest, and those of them that rest no more.
FACT = "held_back"
_WAITING = ("held", "rejected")


@dataclass(slots=True)
class Resting:
    """The held plan whose tickets rest, if there is one. `left`: its tickets that do not rest (any more)."""

    saved: SavedPlan | None = None
    plan: Plan | None = None
    left: set[str] = field(default_factory=set)

    def actions(self, seen: Collection[str] = ()) -> list[Action]:
        """What the resting tickets want, but for those `seen` in this cycle."""
        if self.plan is None:
            return []
        return [one for one in self.plan.actions if one.ticket not in self.left and one.ticket not in seen]

    def tickets(self) -> list[str]:
        """The ids of the resting tickets, in the order of the plan, once each."""
        return list(dict.fromkeys(one.ticket for one in self.actions()))

    def joined(self, plan: Plan, seen: Collection[str]) -> Plan:
        """The plan of what was looked at now, and of what rests."""
        resting = self.actions(seen)
        if not resting:
            return plan
        if not plan.actions and self.plan is not None and len(resting) == len(self.plan.actions):
            return replace(plan, actions=self.plan.actions, digest=self.plan.digest)
        first = [one for one in plan.actions if one.kind == "toggle"]
        others = [one for one in plan.actions if one.kind != "toggle"]
        actions = (*first, *sorted((*others, *resting), key=lambda one: natural(one.ticket)))
        return replace(plan, actions=actions, digest=digest_of(plan.account, plan.policy, actions))

    def looked_at(self, account: Account, tickets: Iterable[str], now: datetime) -> None:
        """(tx) These tickets are evaluated: what they want is known anew, and they rest no more."""
        if self.plan is None:
            return
        held = {one.ticket for one in self.plan.actions}
        fresh = held.intersection(tickets) - self.left
        if fresh:
            self.left |= fresh
            self._record(account, now)

    def _record(self, account: Account, now: datetime) -> None:
        body = None if self.plan is None else {"plan": self.plan.digest, "left": sorted(self.left)}
        account.store.set_fact(account.name, FACT, body, now)


def waiting(account: Account, now: datetime) -> Resting:
    """The held plan whose tickets rest, read from the state alone; an empty `Resting` if it waits no more."""
    known = account.store.fact(account.name, FACT)
    if known is None:
        return Resting()
    saved = account.store.plan(known["plan"], body=False)
    if saved is None or saved.state not in _WAITING or (saved.expires_at is not None and saved.expires_at <= now):
        return Resting()
    plan = _body(account, saved)
    if plan is None or plan.policy != account.policy.digest:
        return Resting()
    return Resting(saved, plan, set(known["left"]))


def settled(account: Account, journal: Journal, now: datetime) -> Resting:
    """As `waiting`; where the plan was approved, ended or made under another policy, its tickets are woken first."""
    known = account.store.fact(account.name, FACT)
    found = waiting(account, now)
    if known is not None and found.plan is None:
        saved = account.store.plan(known["plan"], body=False)
        plan = None if saved is None else _body(account, saved)
        wake(account, journal, Resting(saved, plan, set(known["left"])), now)
    return found


def wake(account: Account, journal: Journal, resting: Resting, now: datetime) -> None:
    """Every resting ticket is due at once, and nothing rests any more."""
    rows = account.store.mirrored(account.name, resting.tickets())
    due = [replace(row, wake_at=now) for row in rows.values() if row.wake_at is not None and row.wake_at > now]
    with journal.transaction("held"):
        account.store.put(account.name, due)
        account.store.set_fact(account.name, FACT, None, now)
    account.waiting = None


def rest(
    account: Account, journal: Journal, held: str, plan: Plan, verdict: Verdict, rows: Iterable[Mirrored], now: datetime
) -> None:
    """The tickets of which all that is wanted waits in the held plan rest for `RESTS`, unless something happens."""
    saved = account.store.plan(held, body=False)
    body = None if saved is None or saved.state not in _WAITING else _body(account, saved)
    if saved is None or body is None:
        return
    waits = frozenset(one.id for one in body.actions)
    going = frozenset(verdict.deferred) | frozenset(verdict.exempt)
    restless = {one.ticket for one in plan.actions if one.id in going or one.id not in waits}
    wanting = {one.ticket for one in plan.actions} - restless
    lying_down = [replace(row, wake_at=now + RESTS) for row in rows if row.ticket.id in wanting]
    known = account.store.fact(account.name, FACT)
    if not lying_down and known is not None and known["plan"] == body.digest:
        return
    left = set(known["left"]) if known is not None and known["plan"] == body.digest else set()
    if known is None or known["plan"] != body.digest:
        left = {one.ticket for one in body.actions} - wanting
    left -= {row.ticket.id for row in lying_down}
    with journal.transaction("held"):
        account.store.put(account.name, lying_down)
        Resting(saved, body, left)._record(account, now)  # noqa: SLF001 - this module's own


def _body(account: Account, saved: SavedPlan) -> Plan | None:
    """The saved plan's actions, read once a process; None where they are not kept any more."""
    if account.waiting is not None and account.waiting.digest == saved.digest:
        return account.waiting
    whole = account.store.plan(saved.digest)
    if whole is None or not whole.body.get("actions"):
        return None
    try:
        plan = plan_from_json(whole.body)
    except PlanRefused:
        return None
    account.waiting = plan
    return plan
