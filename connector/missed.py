"""What should have fired, held against what did: looked up after each cycle, by index, so it costs what is late.

Two things count. A ticket whose next look is long overdue although a cycle has ended: it was not evaluated. And an
action that was due long ago, that the guard let through, and that was neither tried nor left in the journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.apply.drift import stamp
from connector.core.model import Action, Outcome
from connector.cycle.account import Account, CycleReport

#: The account fact that names what is missed now.
FACT = "missed"
#: So many are named and audited one by one; beyond that only that there are more.
MOST = 200
_log = structlog.get_logger("escalera.watch")


@dataclass(frozen=True, slots=True)
class Missed:
    """What is missed now. `fresh`: those not told before. `more`: there are further ones beyond `MOST`.

    Each item: {"ticket", "what" ("look" or an action's kind), "key", "rule" or None, "due" (ISO 8601)}.
    `next_wake`: when the earliest ticket is, or was, to be looked at.
    """

    items: tuple[dict[str, Any], ...] = ()
    fresh: tuple[dict[str, Any], ...] = ()
    more: bool = False
    next_wake: datetime | None = None

    @property
    def count(self) -> int:
        """How many are missed, `MOST` at most."""
        return len(self.items)


def look(account: Account, report: CycleReport | None, now: datetime, tolerance: timedelta) -> Missed:
    """Compare, and tell each new one once: in the log, the audit and the fact `missed`. `report` None: a failed cycle.

    `tolerance`: how late is late. Raises StoreError.
    """
    store, name = account.store, account.name
    overdue = store.due(name, now - tolerance, limit=MOST + 1)
    found = [
        {"ticket": row.ticket.id, "what": "look", "key": "look", "rule": None, "due": stamp(row.wake_at)}
        for row in overdue
        if row.wake_at is not None
    ]
    if report is not None:
        for action in _not_fired(account, report, now - tolerance):
            rule = f"{action.rule.kind} '{action.rule.name}'"
            due = stamp(action.due) if action.due is not None else None
            found.append({"ticket": action.ticket, "what": action.kind, "key": action.key, "rule": rule, "due": due})
    items = tuple(found[:MOST])
    before = store.fact(name, FACT) or {}
    told = {_sign(one) for one in before.get("items", ())}
    fresh = tuple(one for one in items if _sign(one) not in told)
    more = len(found) > MOST
    if items != tuple(before.get("items", ())) or more != before.get("more", False):
        why = report.trouble if report is not None else "the cycle failed"
        with store.transaction():
            body = {"items": list(items), "more": more} if items else None
            store.set_fact(name, FACT, body, now)
            for one in fresh:
                store.append_audit(name, now, "missed", {**one, "why": why}, ticket=one["ticket"])
    if fresh:
        _log.error(
            "should have fired, and did not", account=name, missed=len(items), new=len(fresh), more=more or None,
            tickets=[one["ticket"] for one in fresh[:20]],
        )  # fmt: skip
    return Missed(items, fresh, more, store.next_wake(name))


def _sign(item: dict[str, Any]) -> tuple[Any, ...]:
    return item["ticket"], item["what"], item["key"]


def _not_fired(account: Account, report: CycleReport, before: datetime) -> Iterator[Action]:
    """The plan's actions that were due at or before the instant, of which nothing came, and nothing says why."""
    plan, verdict = report.plan, report.verdict
    if account.writer is None or plan is None or verdict is None or report.dry_run:
        return
    put_off = frozenset(verdict.deferred)
    exempt = frozenset(verdict.exempt)
    ended = {result.action.id for result in report.applied if result.outcome is not Outcome.UNSENT}
    unsettled = {intent.action.ticket for intent in report.left}
    for action in plan.actions:
        if action.due is None or action.due > before or action.id in put_off or action.id in ended:
            continue
        if (not verdict.go and action.id not in exempt) or action.ticket in unsettled:
            continue
        known = account.store.intent(account.name, action.id)
        if known is None or known.outcome is Outcome.UNSENT:
            yield action
