"""What must hold after a storm, from the emulator's true state: the laws of the soak, and that nothing was lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.apply.actions import chosen
from connector.audit import verify
from connector.core.plan_json import plan_from_json
from connector.cycle.account import Account, CycleReport
from connector.cycle.run import gather, plan_of
from tests.crash.storms.ship import Ship
from tests.soak.laws import _UPDATE, Laws, Rows, _body, instant
from tests.soak.processes import ACCOUNT, KEY

_FIELDS = ("priority", "responder_id", "group_id", "status")
#: A ticket left between a toggle's two writes is back after so many cycles in which the helpdesk answered.
_CYCLES_TO_MEND = 3


@dataclass(slots=True)
class StormLaws(Laws):
    """The laws while somebody may act in the middle of a cycle. `calm`: no fault is thrown now."""

    calm: bool = True
    written: int = 0
    _stuck: dict[int, int] = field(default_factory=dict)

    def cycle(self, requests: Iterable[Mapping[str, Any]], mails: Iterable[Mapping[str, Any]], rows: Rows) -> None:
        """As in quiet times; what a cycle's own writes do not explain was done by others meanwhile."""
        requests = list(requests)
        wanted = {number: {name: row[name] for name in _FIELDS} for number, row in self.rows.items()}
        touched: dict[int, set[str]] = {}
        for one in requests:
            found = _UPDATE.search(one["path"].partition("?")[0])
            if one["method"] == "PUT" and found and one["status"] == 200:
                sent = {name: value for name, value in _body(one["body"]).items() if name in _FIELDS}
                wanted[int(found[1])].update(sent)
                touched.setdefault(int(found[1]), set()).update(sent)
            self.written += one["method"] != "GET" and one["status"] in (200, 201)
        Laws.cycle(self, requests, mails, rows)
        for number, row in rows.items():
            for name in _FIELDS:
                if number in wanted and row[name] != wanted[number][name]:
                    self._humans[number, name] = (row[name], instant(row["updated_at"]))

    def left(self, number: int, row: Mapping[str, Any]) -> None:
        """In a storm the way back may have to wait; once it is calm it comes within a few cycles."""
        if any(row.get(name) for name in ("deleted", "spam", "archived", "merged_into")):
            return  # nobody can write to it; it is put back when a person restores it
        had = len(self.broken)
        Laws.left(self, number, row)
        if len(self.broken) == had:
            self._stuck.pop(number, None)
            return
        self._stuck[number] = self._stuck.get(number, 0) + self.calm
        if self._stuck[number] <= _CYCLES_TO_MEND:
            del self.broken[had:]


def unforeseen(account: Account, report: CycleReport, requests: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Writes to tickets for which no verdict said go, in one cycle."""
    allowed = {intent.action.ticket for intent, _ in report.recovered} | {one.action.ticket for one in report.left}
    allowed |= set(report.quarantined)
    if report.plan is not None and report.verdict is not None:
        allowed |= {action.ticket for action in chosen(report.plan, report.verdict)}
    for saved in account.store.plans(ACCOUNT):
        if saved.state == "applied":
            allowed |= {action.ticket for action in plan_from_json(saved.body).actions}
    for one in requests:
        if one["method"] != "GET" and one["path"].split("/")[4].partition("?")[0] not in allowed:
            yield f"{one['instant']} {one['method']} {one['path']} stands in no plan that was let through"


def aftermath(vessel: Ship, rows: Rows, now: datetime, state: Path, words: Iterable[str]) -> Iterator[str]:
    """What is wrong when all is over: lost, open, doubled, told in the wrong place."""
    account, store = vessel.account, vessel.account.store
    for intent in store.open_intents(ACCOUNT):
        yield f"ticket {intent.action.ticket}: {intent.action.kind} is still open in the journal"
    mirror = {row.ticket.id: row.ticket for row in store.scan(ACCOUNT)}
    for number, row in rows.items():
        if row.get("spam") or row.get("deleted") or row.get("archived"):
            continue
        seen = mirror.get(str(number))
        if seen is None or seen.updated_at != instant(row["updated_at"]):
            known = "nothing" if seen is None else f"its state of {seen.updated_at} ({seen.gone or seen.status})"
            yield f"ticket {number} of {row['updated_at']}: {known} is known"
    found = gather(account, now)
    plan, verdict = plan_of(account, found, now)
    yield from (f"ticket {one.ticket}: {one.kind} {one.key} is still to be done" for one in chosen(plan, verdict))
    checked = verify(store)
    if not checked.ok:
        yield f"the audit chain is broken: {checked.text}"
    said = vessel.log.getvalue()
    yield from (f"the log tells {word!r}" for word in {KEY, *words} if word in said)
    kept = b"".join(path.read_bytes() for path in state.parent.glob(f"{state.name}*"))
    if KEY.encode() in kept:
        yield "the state holds the key"
    if "Traceback" in said:
        yield "a traceback in the log: " + said[said.index("Traceback") :][:1500]


def outcomes(account: Account) -> Counter[str]:
    """How actions ended, by the audit."""
    ended = Counter(str(event.body["outcome"]) for event in account.store.audit(ACCOUNT) if event.kind == "outcome")
    ended["held"] += sum(event.kind == "plan_held" for event in account.store.audit(ACCOUNT))
    ended["blocked"] += sum(event.kind == "blocked" for event in account.store.audit(ACCOUNT))
    return +ended


def said(counts: Mapping[str, int]) -> str:
    """Counts as one line."""
    return json.dumps(dict(sorted(counts.items())))[1:-1].replace('"', "")
