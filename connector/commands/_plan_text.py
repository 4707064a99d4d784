"""A plan, and one ticket's explanation, as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.model import Action, Evaluation, Plan, Reason, Verdict
from connector.core.plan_json import action_to_json


def plan_lines(plan: Plan, verdict: Verdict | None, timezone: str) -> Iterator[str]:
    """The plan: each action with its rule and reasons, what is not known, and what the guard says."""
    zone = ZoneInfo(timezone)
    held = set(verdict.deferred) if verdict else set()
    exempt = set(verdict.exempt) if verdict else set()
    for action in plan.actions:
        mark = (
            "later" if action.id in held else "now" if verdict is None or verdict.go or action.id in exempt else "held"
        )
        yield f"{action.ticket}  {what(action)}  [{mark}]"
        yield f"    {action.rule.file}:{action.rule.line}  {action.rule.kind} '{action.rule.name}'"
        for reason in action.reasons:
            yield f"    - {reason.code}: {reason.text}"
        if action.due is not None:
            yield f"    due {_at(action.due, zone)}"
    if plan.unknown:
        yield ""
        yield f"not decided, because a fact is not known ({len(plan.unknown)}):"
        for (code, text), count in Counter((r.code, r.text) for u in plan.unknown for r in u.reasons).most_common(12):
            yield f"    {count} x {code}: {text}"
    if plan.rejected:
        yield ""
        yield f"not readable ({len(plan.rejected)}):"
        for one in plan.rejected[:20]:
            yield f"    {one.place}: {one.problem}"
    yield ""
    yield from summary(plan, verdict)


def summary(plan: Plan, verdict: Verdict | None) -> Iterator[str]:
    """How many actions of each kind, and the guard's word."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(a.kind for a in plan.actions).items()))
    touched = len({action.ticket for action in plan.actions})
    yield (
        f"plan {plan.digest[:12]}: {len(plan.actions)} actions ({kinds or 'nothing to do'}) on {touched} of "
        f"{plan.population} open tickets, policy {plan.policy[:12]}"
    )
    if not plan.complete:
        yield "INCOMPLETE: a source was not read whole; nothing may rest on what is absent"
    if verdict is None:
        return
    for hold in verdict.holds:
        yield f"HELD by the guard ({hold.limit}): {hold.text}"
    if verdict.deferred:
        yield f"{len(verdict.deferred)} actions are put off to a later cycle to keep the pace"
    if verdict.exempt:
        yield f"{len(verdict.exempt)} keep-alive actions go on all the same: waiting would let the tickets be closed"


def what(action: Action) -> str:
    """One action in a few words."""
    shown = action_to_json(action)
    changes = "; ".join(
        f"{name}: {' -> '.join(_word(value) for value in values)}" for name, values in shown["changes"].items()
    )
    to = f" to {', '.join(action.to)}" if action.to else ""
    return f"{action.kind}{to}{': ' if changes else ''}{changes}"


def explanation_lines(evaluation: Evaluation, now: datetime, timezone: str) -> Iterator[str]:
    """Every rule's answer for one ticket: why it acts, waits, does not, or cannot tell."""
    zone, ticket = ZoneInfo(timezone), evaluation.ticket
    facts = {"status": ticket.status, "priority": ticket.priority, "channel": ticket.channel, "group": ticket.group}
    yield f"ticket {ticket.id} ({ticket.place}) as of {_at(now, zone)}"
    yield "  " + ", ".join(f"{name} {value or 'unknown'}" for name, value in facts.items())
    if evaluation.situation:
        since = f" since {_at(evaluation.situation_since, zone)}" if evaluation.situation_since else ""
        yield f"  situation {evaluation.situation}{since}, recognised by {evaluation.situation_by}"
    if ticket.unknown:
        yield f"  not told by the source: {', '.join(sorted(ticket.unknown))}"
    for decision in evaluation.decisions:
        yield ""
        rule = decision.rule
        yield f"{decision.call.value.upper():<8}{rule.kind} '{rule.name}'  {rule.file}:{rule.line}"
        for reason in decision.reasons:
            yield f"    - {reason.code}: {reason.text}{_values(reason)}"
        for want in decision.wants:
            yield f"    wants {want.kind} {dict(want.changes) or ''} {' '.join(want.to)}".rstrip()
        if decision.wake_at is not None:
            yield f"    next look {_at(decision.wake_at, zone)}"
    yield ""
    wake = _at(evaluation.wake_at, zone) if evaluation.wake_at else "none"
    yield f"next instant at which time alone can change anything: {wake}"


def evaluation_json(evaluation: Evaluation, now: datetime) -> dict[str, Any]:
    """The same, JSON-ready; times ISO 8601 with offset."""
    ticket = evaluation.ticket
    return {
        "ticket": ticket.id,
        "place": ticket.place,
        "now": now.isoformat(),
        "situation": evaluation.situation,
        "situation_since": _iso(evaluation.situation_since),
        "situation_by": evaluation.situation_by,
        "unknown": sorted(ticket.unknown),
        "wake_at": _iso(evaluation.wake_at),
        "rules": [
            {
                "rule": {"kind": d.rule.kind, "name": d.rule.name, "file": d.rule.file, "line": d.rule.line},
                "call": d.call.value,
                "reasons": [{"code": r.code, "text": r.text, "values": _plain(r.values)} for r in d.reasons],
                "wants": [
                    {
                        "kind": w.kind,
                        "key": w.key,
                        "changes": _plain(w.changes),
                        "to": list(w.to),
                        "text": w.text,
                        "due": _iso(w.due),
                    }
                    for w in d.wants
                ],
                "wake_at": _iso(d.wake_at),
            }
            for d in evaluation.decisions
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "items"):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return value


def _values(reason: Reason) -> str:
    if not reason.values:
        return ""
    return "  {" + ", ".join(f"{name}={_plain(value)}" for name, value in reason.values.items()) + "}"


def _word(value: Any) -> str:
    return "(none)" if value is None else str(value)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _at(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")
