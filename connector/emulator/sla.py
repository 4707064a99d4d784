"""SLA promises of tickets: `due_by` and `fr_due_by` from the policy that matches, paused while the timer stands."""

from __future__ import annotations

import random
from typing import Any

from connector.emulator import stamps
from connector.emulator.account import CLOSED, PENDING, RESOLVED, Account
from connector.emulator.shapes import Json, Ticket

_STOPPED = frozenset({PENDING, RESOLVED, CLOSED, 6})
LATEST_JITTER = 725  # seconds; recorded SLA jobs ran 38, 77 and 725 s after due_by


def policy_for(account: Account, fields: Json) -> Json | None:
    """The first policy by position that applies to this ticket; the default one applies to every ticket."""
    for policy in sorted(account.sla_policies, key=lambda p: p.get("position") or 0):
        if policy.get("active", True) and _applies(policy.get("applicable_to") or {}, fields):
            return policy
    return None


def _applies(scope: Json, fields: Json) -> bool:
    pairs = (
        ("company_ids", "company_id"),
        ("group_ids", "group_id"),
        ("sources", "source"),
        ("ticket_types", "type"),
        ("product_ids", "product_id"),
    )
    return all(not scope.get(key) or fields[name] in scope[key] for key, name in pairs)


def promises(account: Account, fields: Json, paused_seconds: int) -> tuple[str | None, str | None]:
    """(due_by, fr_due_by) of a ticket; (None, None) where no policy applies."""
    policy = policy_for(account, fields)
    if policy is None:
        return None, None
    target: Any = (policy.get("sla_target") or {}).get(f"priority_{fields['priority']}") or {}
    created = stamps.to_instant(fields["created_at"])
    if not isinstance(target, dict):
        return None, None
    resolve, respond = target.get("resolve_within"), target.get("respond_within")
    due = None if resolve is None else stamps.to_text(created + resolve + paused_seconds)
    first = None if respond is None else stamps.to_text(created + respond + paused_seconds)
    return due, first


def timer_stands(account: Account, status: int) -> bool:
    """Whether the SLA timer is off in this status (Pending, Waiting on Customer, resolved, as the seed says)."""
    return status in _STOPPED or status in set(account.settings.get("sla_stopped_statuses") or [])


def pause_or_resume(account: Account, ticket: Ticket, now: int) -> None:
    """Follow a status change: stop the timer, or add the time it stood to the promises."""
    standing = timer_stands(account, ticket.fields["status"])
    if standing and ticket.timer_stopped_at is None:
        ticket.timer_stopped_at = now
    elif not standing and ticket.timer_stopped_at is not None:
        ticket.paused_seconds += now - ticket.timer_stopped_at
        ticket.timer_stopped_at = None


def jitter(seed: object, ticket: int, due_by: str) -> int:
    """How many seconds after due_by the SLA job reaches this ticket; the same for the same seed."""
    return random.Random(f"{seed}:{ticket}:{due_by}").randint(30, LATEST_JITTER)  # noqa: S311 - a delay, no secret
