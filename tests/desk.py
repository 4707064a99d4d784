"""A small world for tests of the daemon: a helpdesk in memory, a real store, a real policy, and one account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.model import Action, Plan, RuleRef, Ticket, Verdict
from connector.core.planning import action_id, digest_of
from connector.core.policy import Policy
from connector.cycle.account import Account
from connector.helpdesks.memory import MemoryHelpdesk
from connector.mapping.load import load_policy_from_texts
from connector.notifiers.outbox import Outbox
from connector.store import open_store
from connector.store.base import Mirrored, Store

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULE = RuleRef("test", "a rule", "rules.yaml", 7)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

PACK = """
pack: {name: test, title: Test, language: en, timezone: UTC, calendar: office}
calendars:
  office: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}
people:
  boss: {agent: "Laura Boss", email: laura@example.com}
situations:
  - {id: no-diagnosis, title: No diagnosis}
priority:
  - name: threat
    when: {any_phrase: [regulator]}
    priority: urgent
keepalive:
  - name: weekly
    situations: [no-diagnosis]
    follow_up: {after: 7d, every: 7d}
    cap: 4
    until: 60d
"""

MATRIX = """
matrix:
  - name: ladder
    situations: [no-diagnosis]
    since: escalated
    levels:
      - {after: 24h, notify: [boss], note: "Escalated to level 1"}
"""


def policy(*more: str, base: str = PACK) -> Policy:
    """The policy of the test pack, or of another base, with further files."""
    return load_policy_from_texts({f"{number}.yaml": text for number, text in enumerate((base, *more))})


def ticket(number: int | str = 1, **values: Any) -> Ticket:
    """An escalated ticket in process, as of START."""
    base = Ticket(
        id=str(number), status="in_process", priority="normal", channel="email", subject="The unit is silent", body="",
        escalation_type="no-diagnosis", escalated_at=START, created_at=START, updated_at=START, status_since=START,
    )  # fmt: skip
    return replace(base, **values)


class World:
    """A helpdesk, a store and an account over both; time is the helpdesk's."""

    def __init__(self, *tickets: Ticket, path: str = ":memory:", more: tuple[str, ...] = (), **desk: Any) -> None:
        self.desk = MemoryHelpdesk(
            now=START,
            tickets=tickets or (ticket(),),
            autoclose={"in_process": timedelta(days=14)},
            agents={"Laura Boss": "7"},
            emails={"laura@example.com": "7"},
            **desk,
        )
        self.store: Store = open_store(path)
        self.outbox = Outbox()
        self.account = Account(
            name="demo", reader=self.desk.reader(), writer=self.desk.writer(), store=self.store,
            policy=policy(*more), notifiers=[self.outbox], clock=self.now,
        )  # fmt: skip

    def now(self) -> datetime:
        """The helpdesk's clock."""
        return self.desk.clock

    def epoch(self) -> int:
        """A new cycle's epoch."""
        with self.store.transaction():
            return self.store.take_epoch("demo", "test", self.now())

    def mirror(self) -> None:
        """Mirror every ticket as it is, due at no time."""
        with self.store.transaction():
            known = self.store.mirrored("demo", list(self.desk.all()))
            rows = [
                replace(known[one.id], ticket=one) if one.id in known else Mirrored(one, _memory(self.now()), None)
                for one in self.desk.all().values()
            ]
            self.store.put("demo", rows)

    def row(self, number: int | str = 1) -> Mirrored:
        """A ticket's mirror row."""
        return self.store.mirrored("demo", [str(number)])[str(number)]

    def plan(self, *actions: Action) -> Plan:
        """A plan of these actions, now."""
        digest = digest_of("demo", self.account.policy.digest, actions)
        return Plan(digest, self.account.policy.digest, "demo", self.now(), True, actions, population=len(actions))

    def outcomes(self) -> list[tuple[str | None, str]]:
        """(ticket, outcome) of every ended action, from the audit."""
        return [(event.ticket, event.body["outcome"]) for event in self.store.audit("demo") if event.kind == "outcome"]


def _memory(at: datetime) -> Any:
    from connector.core.model import Memory

    return Memory(first_seen=at)


GO = Verdict(go=True)


def action(world: World, kind: str, *, number: int | str = 1, key: str = "", **values: Any) -> Action:
    """An action on the ticket as it is now. `changes` takes new values only."""
    seen = world.desk.get(str(number))
    news: Mapping[str, Any] = values.pop("changes", {})
    changes = {name: (getattr(seen, name), new) for name, new in news.items()}
    key = key or f"{kind}:{number}"
    expected = {"status": seen.status, "updated_at": seen.updated_at.isoformat() if seen.updated_at else None}
    expected.update({name: old for name, (old, _) in changes.items()})
    return Action(
        id=action_id("demo", str(number), kind, key, changes), ticket=str(number), kind=kind, rule=RULE, key=key,
        changes=changes, expected=expected, due=world.now(), **values,
    )  # fmt: skip


def toggle(world: World, number: int | str = 1, key: str = "") -> Action:
    """A keep-alive toggle of a ticket in process."""
    return action(
        world, "toggle", number=number, key=key or f"toggle:{number}", changes={"status": "in_process"},
        details={"through": "completed", "back": "in_process", "cap": 4, "count": 0},
    )  # fmt: skip
