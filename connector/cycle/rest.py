"""Tickets that were written to too often rest for a day, with one note that says so; their keep-alive goes on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from connector.apply.actions import perform
from connector.apply.drift import stamp
from connector.apply.steps import Hands
from connector.core.model import Action, Plan, Reason, RuleRef, Verdict
from connector.core.policy import Unfillable
from connector.cycle.account import Account
from connector.cycle.gather import OVERWRITTEN
from connector.errors import HelpdeskError
from connector.store.base import Mirrored

_RESTS = timedelta(hours=24)
#: Name of the pack's own text for the notice; this one stands in where the pack has none.
_TEXT = "cuarentena"
_PLAIN = (
    "This ticket was changed {writes} times by its escalation rules within 24 hours. They leave it alone until {until}."
)
_log = structlog.get_logger("escalera.guard")


def rest_overwritten(hands: Hands, account: Account, plan: Plan, verdict: Verdict, now: datetime) -> list[str]:
    """Quarantine each ticket whose writes of the last 24 h used up the guard's `per_ticket`; returns their ids."""
    limit = account.limits.per_ticket
    if not limit:  # None: unlimited; 0: nothing is written at all, a notice neither
        return []
    deferred = frozenset(verdict.deferred)
    resting = []
    put_off = [
        action
        for action in plan.actions
        if action.id in deferred and action.kind != "toggle" and action.details.get("with") is None
    ]
    for action in {action.ticket: action for action in reversed(put_off)}.values():
        row = hands.row(action.ticket)
        if row is None or row.memory.quarantined_until is not None:
            continue
        writes = sum(1 for at in row.memory.writes if now - at < _RESTS)
        if writes < limit:
            continue
        _rest(hands, account, row, _Cause(action.rule, writes, limit, now))
        resting.append(action.ticket)
    return resting


@dataclass(frozen=True, slots=True)
class _Cause:
    """The rule whose write was one too many, the writes found and allowed, and the instant."""

    rule: RuleRef
    writes: int
    allowed: int
    now: datetime

    @property
    def until(self) -> datetime:
        """To when the ticket rests."""
        return self.now + _RESTS


def _rest(hands: Hands, account: Account, row: Mirrored, cause: _Cause) -> None:
    until, now, ticket = cause.until, cause.now, row.ticket.id
    memory = replace(row.memory, quarantined_until=until, extra={**row.memory.extra, OVERWRITTEN: True})
    body = {"why": "per_ticket", "found": cause.writes, "allowed": cause.allowed, "until": stamp(until)}
    with hands.journal.transaction("outcome"):
        hands.journal.store.put(account.name, [Mirrored(row.ticket, memory, now)])
        hands.journal.store.append_audit(account.name, now, "quarantined", body, ticket=ticket)
    _log.warning("ticket rests", account=account.name, ticket=ticket, **body)
    try:
        perform(hands, "guard", _notice(account, row, cause))
    except HelpdeskError as error:
        _log.warning("the notice could not be left", ticket=ticket, why=str(error))


def _notice(account: Account, row: Mirrored, cause: _Cause) -> Action:
    writes, now, rule = cause.writes, cause.now, cause.rule
    zone = ZoneInfo(account.policy.timezone)
    values = {"writes": writes, "until": cause.until.astimezone(zone).strftime("%Y-%m-%d %H:%M")}
    template = account.policy.texts.get(_TEXT)
    text = _PLAIN.format(**values)
    if template is not None:
        try:
            text = template.render({**values, "ticket": row.ticket.id})
        except Unfillable as error:
            _log.warning("text can't be filled in; the plain one is used", name=_TEXT, why=str(error))
    key = f"quarantine:{row.ticket.id}:{stamp(now)}"
    why = Reason("PER_TICKET", f"{writes} own writes in 24 h", {"writes": writes})
    return Action(
        id=hashlib.sha256(f"{account.name}:{key}".encode()).hexdigest(), ticket=row.ticket.id, kind="note",
        rule=RuleRef("guard", rule.name, rule.file, rule.line), key=key, text=text, due=now, reasons=(why,),
        details={"private": True, "notice": True},
    )  # fmt: skip
