"""From which instant the levels of a matrix count."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from connector.core.model import Call, Reason
from connector.core.policy import Context
from connector.core.rules._common import earliest, reason, unresolved
from connector.core.tri import Tri

METRICS = ("first_response", "next_response", "resolution")
#: What `since:` may say -> the ticket's own instant; the others are remembered: see `begin_of`.
_EVENTS = {
    "created": "created_at",
    "status": "status_since",
    "agent_reply": "agent_responded_at",
    "customer_reply": "customer_responded_at",
}
BEGINNINGS = ("created", "escalated", "promise", "breach", "status", "agent_reply", "customer_reply")
_PROMISE = "promise:"

Begin = tuple[datetime | None, tuple[Call, Reason] | None]


def kept_as(metric: str) -> str:
    """Under which name of `Memory.extra` the deadline of a metric, and its breach, are kept."""
    return f"sla:{metric}"


def begin_of(ctx: Context, since: str, name: str, metrics: Collection[str]) -> Begin:
    """The event's instant, or what to say where there is none. `name` is the matrix rule's."""
    if since == "escalated":
        return _escalated(ctx)
    if since == "promise":
        return _promise(ctx)
    if since == "breach":
        return _breach(ctx, name, metrics)
    field = _EVENTS[since]
    tri, at = ctx.value(field)
    if tri is Tri.YES:
        begin: datetime = at
        return begin, None
    if tri is Tri.NO and since in ("agent_reply", "customer_reply"):
        why = reason("NO_SUCH_EVENT", f"there was no {since.replace('_', ' ')} yet", field=field)
        return None, (Call.NO, why)
    why = reason("SINCE_UNKNOWN", f"{field}, from which the levels count, is not known", field=field)
    return None, (Call.UNKNOWN, why)


def _escalated(ctx: Context) -> Begin:
    if ctx.situation is not None:
        return ctx.situation_since or ctx.now, None
    doubt = unresolved(ctx.policy, ctx.ticket)
    if doubt is not None:
        return None, (Call.UNKNOWN, doubt)
    return None, (Call.NO, reason("NOT_ESCALATED", "the ticket is in no situation, so nothing counts yet"))


def _promise(ctx: Context) -> Begin:
    """The end of what the customer was promised in the situation the ticket is in; kept by the rule that promised."""
    if ctx.situation is None:
        return _escalated(ctx)
    kept = ctx.memory.extra.get(f"{_PROMISE}{ctx.situation}")
    if not isinstance(kept, Mapping) or not kept.get("due"):
        text = f"nothing was promised in situation {ctx.situation}, so nothing counts yet"
        return None, (Call.NO, reason("NOTHING_PROMISED", text, situation=ctx.situation))
    return datetime.fromisoformat(kept["due"]), None


def _breach(ctx: Context, name: str, metrics: Collection[str]) -> Begin:
    """The first breach that is still open: one that names this matrix, or names none."""
    found: datetime | None = None
    for metric in metrics or METRICS:
        kept: Any = ctx.memory.extra.get(kept_as(metric))
        if not isinstance(kept, Mapping) or not kept.get("breached") or kept.get("met"):
            continue
        if kept.get("matrix") in (None, name):
            found = earliest(found, datetime.fromisoformat(kept["breached"]))
    if found is None:
        text = "no deadline that leads to these levels is broken"
        return None, (Call.NO, reason("NO_BREACH", text, metrics=list(metrics or METRICS)))
    return found, None
