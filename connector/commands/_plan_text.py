"""A plan as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.model import Action, Plan, Verdict
from connector.core.plan_json import action_to_json
from connector.localtimes import localised


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
            yield f"    - {reason.code}: {localised(reason.text, zone)}"
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


def _word(value: Any) -> str:
    return "(none)" if value is None else str(value)


def _at(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")
