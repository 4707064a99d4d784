"""The operator of the demonstration: approves what the guard holds, as `escalera approve` does, and leaves evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connector.cycle.run import Account
from connector.demo.record import Held
from connector.inbox import Word, record

USER = "demo"
REASON = "the demonstration's operator looked at the held plan and lets it pass"


def approve_held(account: Account, now: datetime) -> list[Held]:
    """Approve every plan that waits, each once; the next cycle carries it out."""
    approved = []
    for saved in sorted(account.store.plans(account.name, state="held"), key=lambda plan: plan.digest):
        record(account.store, Word(saved.digest, "approved", USER, REASON, now))
        approved.append(_held(now, saved.digest, dict(saved.body)))
    return approved


def _held(at: datetime, digest: str, body: dict[str, Any]) -> Held:
    holds = body["verdict"]["holds"]
    return Held(
        at=at,
        digest=digest,
        actions=len(body["actions"]),
        tickets=tuple(sorted({int(action["ticket"]) for action in body["actions"]})),
        limits=tuple(hold["limit"] for hold in holds),
        reasons=tuple(hold["text"] for hold in holds),
        approved_by=USER,
    )
