"""Evaluations become one plan: conflicts settled, order fixed, each action with what it expects to find.

Deterministic whatever the order of the input; the digest names account, policy and actions, not the instant.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Any

from connector.core.guard import urgency
from connector.core.model import (
    Action,
    Call,
    Decision,
    Evaluation,
    Memory,
    Plan,
    Reason,
    Rejected,
    RuleRef,
    Ticket,
    Unsure,
    Want,
)
from connector.core.policy import Policy
from connector.core.rules._common import iso, reason

_NUMBERS = re.compile(r"(\d+)")
_NOTHING = Memory()
#: Why a ticket can't be given to whom it should go while the rest of an escalation is done.
_NOT_HANDED_ON = frozenset({"ASSIGNEE_UNKNOWN", "LOAD_UNKNOWN", "NO_CHOOSER"})


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One want with the rule and ticket it came from; `order` counts rules, `part` the wants of one decision."""

    ticket: Ticket
    rule: RuleRef
    order: int
    part: int
    want: Want
    reasons: tuple[Reason, ...]

    @property
    def precedence(self) -> tuple[int, int, int, str]:
        """Sorts the winner of a conflict first: by rank, then by the order of the rules."""
        return (-self.want.rank, self.order, self.part, self.want.key)


def make_plan(
    policy: Policy,
    account: str,
    evaluations: Iterable[Evaluation],
    memories: Mapping[str, Memory],
    now: datetime,
    *,
    complete: bool,
    rejected: Sequence[Rejected],
    population: int,
) -> Plan:
    """The plan of one cycle. `memories`: by ticket id; a ticket without one has no history.

    `complete`: whether the source was read whole. `population`: number of open tickets known.
    """
    orders = {(rule.ref.kind, rule.ref.name): number for number, rule in enumerate(policy.rules)}
    actions: list[tuple[tuple[Any, ...], Action]] = []
    unknown: list[Unsure] = []
    for evaluation in sorted(evaluations, key=lambda each: natural(each.ticket.id)):
        ticket = evaluation.ticket
        resting = _resting(memories.get(ticket.id, _NOTHING), now)
        unknown += _unsure(evaluation, orders)
        wanted = list(_wanted(evaluation, orders))
        if resting is not None:
            kept = {each.want.key for each in wanted if each.want.kind == "toggle"}
            left = [each for each in wanted if not (each.want.key in kept or each.want.details.get("with") in kept)]
            unknown += _quarantined(left, resting)
            wanted = [each for each in wanted if each not in left]
        for each in _settled(wanted):
            action = _action(account, each)
            actions.append((_place(action, each), action))
    ordered = tuple(action for _, action in sorted(actions, key=lambda pair: pair[0]))
    return Plan(
        digest=digest_of(account, policy.digest, ordered),
        policy=policy.digest,
        account=account,
        now=now,
        complete=complete,
        actions=ordered,
        unknown=tuple(unknown),
        rejected=tuple(
            sorted(rejected, key=lambda each: (natural(each.place), natural(each.ticket or ""), each.problem))
        ),
        population=population,
    )


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which `9` comes before `10`, and texts without numbers keep their order."""
    parts = _NUMBERS.split(text)
    return tuple((0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part) for part in parts if part)


def _place(action: Action, each: _Wanted) -> tuple[Any, ...]:
    """Keep-alive first, most urgent first, each toggle before its note; then by ticket, rule and part."""
    if action.kind == "toggle":
        return (0, urgency(action)[:2], natural(action.ticket), each.order, each.part)
    return (1, natural(action.ticket), each.order, each.part, action.key)


# --- what is wanted -------------------------------------------------------------------------------------------------
def _order(orders: Mapping[tuple[str, str], int], rule: RuleRef) -> int:
    return orders.get((rule.kind, rule.name), -1)


def _wanted(evaluation: Evaluation, orders: Mapping[tuple[str, str], int]) -> Iterator[_Wanted]:
    for decision in evaluation.decisions:
        if decision.call is Call.ACT:
            order = _order(orders, decision.rule)
            for part, want in enumerate(decision.wants):
                yield _Wanted(evaluation.ticket, decision.rule, order, part, want, decision.reasons)


def _unsure(evaluation: Evaluation, orders: Mapping[tuple[str, str], int]) -> list[Unsure]:
    found = [each for each in evaluation.decisions if each.call is Call.UNKNOWN]
    # An escalation that is told and recorded while nobody can be given the ticket: done as far as it goes, and said.
    half = [replace(each, reasons=told) for each in evaluation.decisions if (told := _not_handed_on(each))]
    found = sorted([*found, *half], key=lambda each: (_order(orders, each.rule), each.rule.kind, each.rule.name))
    return [Unsure(evaluation.ticket.id, each.rule, each.reasons) for each in found]


def _not_handed_on(decision: Decision) -> tuple[Reason, ...]:
    """Why a decision that acts could not give the ticket to whom it should; nothing where it could."""
    if decision.call is not Call.ACT:
        return ()
    return tuple(each for each in decision.reasons if each.code in _NOT_HANDED_ON)


def _resting(memory: Memory, now: datetime) -> datetime | None:
    until = memory.quarantined_until
    return until if until is not None and now < until else None


def _quarantined(left: Sequence[_Wanted], until: datetime) -> Iterator[Unsure]:
    said: set[tuple[str, str]] = set()
    for each in sorted(left, key=lambda one: (one.order, one.part)):
        name = (each.rule.kind, each.rule.name)
        if name not in said:
            said.add(name)
            text = f"the ticket is left alone until {iso(until)}; only keep-alive goes on"
            yield Unsure(each.ticket.id, each.rule, (*each.reasons, reason("QUARANTINED", text, until=until)))


def _settled(wanted: Sequence[_Wanted]) -> Iterator[_Wanted]:
    """One want a field, the winner told whom it outranked; a note left with a toggle goes where its toggle goes."""
    winners: dict[str, _Wanted] = {}
    losers: dict[str, list[Reason]] = {}
    kept: list[_Wanted] = []
    keys: set[str] = set()
    gone: set[str] = set()
    for each in sorted(wanted, key=lambda one: one.precedence):
        if each.want.key in keys:
            continue
        # The values of a new ticket are its own: they are at odds with nothing that is set on this one.
        fields = () if each.want.kind == "create" else sorted(each.want.changes)
        rival = next((winners[field] for field in fields if field in winners), None)
        if rival is not None:
            losers.setdefault(rival.want.key, []).append(_told(rival, each))
            gone.add(each.want.key)
            continue
        keys.add(each.want.key)
        kept.append(each)
        winners.update(dict.fromkeys(fields, each))
    for each in kept:
        if each.want.details.get("with") not in gone:
            more = losers.get(each.want.key, [])
            yield replace(each, reasons=(*each.reasons, *more)) if more else each


def _told(winner: _Wanted, loser: _Wanted) -> Reason:
    name = f"{loser.rule.kind} rule {loser.rule.name!r} ({loser.rule.file}:{loser.rule.line})"
    values = {"rule": loser.rule.name, "kind": loser.rule.kind, "wanted": dict(loser.want.changes)}
    same = winner.want.kind == loser.want.kind and dict(winner.want.changes) == dict(loser.want.changes)
    if same:
        return reason("MERGED", f"{name} wants the same; it is done once", **values)
    wanted = ", ".join(f"{field} {value}" for field, value in sorted(loser.want.changes.items()))
    return reason("OUTRANKED", f"{name} wanted {wanted}; this rule goes before it", **values)


# --- actions --------------------------------------------------------------------------------------------------------
def _action(account: str, each: _Wanted) -> Action:
    ticket, want = each.ticket, each.want
    creates = want.kind == "create"
    changes = {field: (None if creates else _old(ticket, field), new) for field, new in sorted(want.changes.items())}
    expected: dict[str, Any] = {"status": ticket.status}
    if ticket.updated_at is not None:
        expected["updated_at"] = iso(ticket.updated_at)
    if not creates:
        expected.update({field: old for field, (old, _) in changes.items()})
    return Action(
        id=action_id(account, ticket.id, want.kind, want.key, changes),
        ticket=ticket.id,
        kind=want.kind,
        rule=each.rule,
        key=want.key,
        changes=changes,
        text=want.text,
        to=want.to,
        due=want.due,
        reasons=each.reasons,
        expected=expected,
        reaches_customer=want.reaches_customer,
        details=want.details,
    )


def _old(ticket: Ticket, field: str) -> Any:
    if field.startswith("custom."):
        return ticket.custom.get(field.removeprefix("custom."))
    return getattr(ticket, field)


# --- digests --------------------------------------------------------------------------------------------------------
def plain(value: Any) -> Any:
    """The value as JSON has it: instants as ISO 8601 in UTC, tuples and sets as lists, mappings as objects.

    Raises TypeError for anything that has no place in JSON.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not isfinite(value):
            msg = f"{value} has no place in JSON"
            raise TypeError(msg)
        return value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted((plain(each) for each in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(each) for each in value]
    msg = f"a {type(value).__name__} has no place in JSON"
    raise TypeError(msg)


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def action_id(account: str, ticket: str, kind: str, key: str, changes: Mapping[str, tuple[Any, Any]]) -> str:
    """16 hex digits that name one action of one account: the same step of the same episode has the same id."""
    return _sha256([account, ticket, kind, key, changes])[:16]


def digest_of(account: str, policy: str, actions: Sequence[Action]) -> str:
    """64 hex digits that name a plan by what it would do. Instants, reasons and stamps of tickets do not count."""
    told = [
        {
            "id": action.id,
            "ticket": action.ticket,
            "kind": action.kind,
            "key": action.key,
            "changes": action.changes,
            "text": action.text,
            "to": action.to,
            "rule": [action.rule.kind, action.rule.name],
            "reaches_customer": action.reaches_customer,
            "through": action.details.get("through"),
        }
        for action in actions
    ]
    return _sha256({"account": account, "policy": policy, "actions": told})
