"""Reads the tickets of `tickets/*.yaml` and puts them before a pack: what comes, at which instant, and what does not.

The tickets are written from what the packs have to do (docs/policies.md), not from what they hold. A `waits` entry is
looked at one second before its instant (it must not come), at it and one second after it (it must, due at it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from connector.core.evaluate import evaluate
from connector.core.model import TIME_FIELDS, Action, Memory, Plan, Ticket
from connector.core.planning import make_plan
from connector.core.policy import Beside, Duty, Policy
from connector.mapping.load import load_policy_from_texts, pack_texts
from connector.packs import shipped
from tests.acceptance.by_hand import ByHand

_HERE = Path(__file__).parent / "tickets"
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One ticket of a file: the policy it meets, the office it lives in, what is expected of it."""

    name: str
    policy: Policy
    office: ByHand
    ticket: Ticket
    related: tuple[Ticket, ...]
    memory: Memory
    waits: tuple[Mapping[str, Any], ...]
    looks: tuple[Mapping[str, Any], ...]
    offices: Mapping[str, ByHand] = field(default_factory=dict)

    def at(self, text: str) -> datetime:
        """An instant as the file writes it: on the office's wall clock, or with its own offset."""
        return instant(text, self.office.zone)

    def plan(self, now: datetime) -> Plan:
        """What is decided at that instant by a daemon that sees the ticket for the first time."""
        beside, duty = Beside(self.related), Duty(load={}, turn={})
        told = evaluate(self.policy, self.ticket, self.memory, now, duty, beside=beside)
        memories = {self.ticket.id: self.memory}
        return make_plan(self.policy, "x", [told], memories, now, complete=True, rejected=(), population=1)

    def wake(self, now: datetime) -> datetime | None:
        """When it would be looked at next."""
        return evaluate(
            self.policy, self.ticket, self.memory, now, Duty(load={}, turn={}), beside=Beside(self.related)
        ).wake_at


def instant(text: str, zone: ZoneInfo) -> datetime:
    """An instant of a file, in UTC."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


def fits(wanted: Mapping[str, Any], action: Action) -> bool:
    """Whether the action is one of those described: kind, rule, people, new values, words of its text, due."""
    people = wanted.get("to")
    texts = wanted.get("text", [])
    changes = wanted.get("set", {})
    shown = " ".join([action.text or "", *(str(new) for _, new in action.changes.values())])
    return (
        wanted.get("kind", action.kind) == action.kind
        and wanted.get("rule", action.rule.name) == action.rule.name
        and (people is None or set([people] if isinstance(people, str) else people) == set(action.to))
        and all(part in shown for part in ([texts] if isinstance(texts, str) else texts))
        and all(action.changes.get(name, (None, None))[1] == value for name, value in changes.items())
        and wanted.get("part", "") in ("", *action.details.get("parts", ()))
        and ("tab" not in wanted or action.details.get("tab") == wanted["tab"])
        and ("cause" not in wanted or action.details.get("cause") == wanted["cause"])
        and ("urgent" not in wanted or bool(action.details.get("urgent")) is wanted["urgent"])
    )


def told(plan: Plan) -> str:
    """Everything planned, for a failure's message."""
    lines = [f"{one.kind} {dict(one.changes)} to {one.to} due {one.due} by {one.rule.name}" for one in plan.actions]
    return "\n  ".join(["planned:", *lines, *(f"unknown: {u.rule.name}: {u.reasons[-1].text}" for u in plan.unknown)])


def sheets() -> Iterator[Sheet]:
    """Every ticket of every file."""
    for path in sorted(_HERE.glob("*.yaml")):
        written = yaml.safe_load(path.read_text("utf-8"))
        for number, one in enumerate(written["tickets"]):
            yield _sheet(path.stem, number, {**written.get("common", {}), **one})


def _sheet(file: str, number: int, one: Mapping[str, Any]) -> Sheet:
    policy = policy_of(one["pack"], tuple(tuple(each) for each in one.get("edit", ())))
    offices = {name: ByHand(*given) for name, given in one["offices"].items()}
    office = offices[one.get("office", next(iter(offices)))]
    entered = one.get("entered")
    filled = {"status": "in_process", **one.get("filled", {}), **one.get("ticket", {})}
    if entered is not None:
        filled = {"created_at": entered, "escalated_at": entered, "status_since": entered, **filled}
    ticket = _ticket("1042", filled, office.zone)
    related = tuple(_ticket(str(900 + n), each, office.zone) for n, each in enumerate(one.get("related", ())))
    name = f"{file}:{number + 1:02} {one['name']}"
    memory = Memory(done={key: instant(at, office.zone).isoformat() for key, at in one.get("done", {}).items()})
    return Sheet(
        name, policy, office, ticket, related, memory, tuple(one.get("waits", ())), tuple(one.get("looks", ())), offices
    )


def _ticket(number: str, given: Mapping[str, Any], zone: ZoneInfo) -> Ticket:
    base: dict[str, Any] = {"id": number, "status": "open", "priority": "normal", "channel": "email", **given}
    for name in TIME_FIELDS:
        if isinstance(base.get(name), str):
            base[name] = instant(base[name], zone)
    base["tags"] = tuple(base.get("tags", ()))
    base.setdefault("updated_at", base.get("created_at"))
    return Ticket(**base)


@cache
def policy_of(pack: str, edits: tuple[tuple[str, str, str], ...] = ()) -> Policy:
    """A shipped pack, or one under `packs/`, with (file, old, new) replaced; each old text must stand there."""
    folder = Path(__file__).parent / "packs" / pack
    texts = dict(pack_texts(folder if folder.is_dir() else shipped()[pack]))
    for file, old, new in edits:
        assert old in texts[file], f"{file} does not hold {old!r}"
        texts[file] = texts[file].replace(old, new)
    return load_policy_from_texts(texts, pack)
