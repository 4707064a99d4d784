"""The stretches a ticket spent in a status that stops a clock, remembered from the status changes that were observed.

Kept in `Memory.extra["pauses"]` as a list of [status, from, to], ISO 8601 in UTC, oldest first; `to` is None while the
ticket is still in it. Only a status that may stop a clock is kept. What happened before the ticket was first seen is
not known and is told so by whoever counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from connector.core.policy import Context
from connector.core.rules._common import iso
from connector.core.tri import Tri

KEPT = "pauses"
#: Statuses in which the helpdesk is not the one to act; a finished ticket that is opened again was not worked on.
PAUSING = ("waiting_customer", "waiting_other", "completed", "closed")

Pause = tuple[str, datetime, datetime | None]


def observed_pauses(ctx: Context) -> Mapping[str, Any]:
    """What to keep of the pauses now: the present one opened, the one that ended closed; nothing where nothing changed.

    Two looks that find the same status with another start did not see what was between: it counts as paused all along.
    """
    tri, status = ctx.value("status")
    if tri is Tri.UNKNOWN or status is None:
        return {}
    kept: list[list[Any]] = [list(each) for each in ctx.memory.extra.get(KEPT, ())]
    last = kept[-1] if kept and kept[-1][2] is None else None
    if last is not None and last[0] == status:
        return {}
    since = _since(ctx, None if last is None else datetime.fromisoformat(last[1]))
    if last is not None:
        last[2] = iso(since)
    if status in PAUSING:
        kept.append([status, iso(since), None])
    elif last is None:
        return {}
    return {KEPT: kept}


def _since(ctx: Context, earliest: datetime | None) -> datetime:
    """When the present status began: as the helpdesk tells it, else now; never before the one that ended."""
    tri, since = ctx.value("status_since")
    begin: datetime = since if tri is Tri.YES and since <= ctx.now else ctx.now
    return begin if earliest is None else max(begin, earliest)


def pauses_in(ctx: Context, statuses: Iterable[str]) -> list[Pause]:
    """The pauses in these statuses, the present one included (its end is None), oldest first."""
    kept = {**ctx.memory.extra, **observed_pauses(ctx)}.get(KEPT, ())
    wanted = frozenset(statuses)
    return [
        (status, datetime.fromisoformat(begin), None if end is None else datetime.fromisoformat(end))
        for status, begin, end in kept
        if status in wanted
    ]


def closed_at(pauses: Iterable[Pause], now: datetime) -> list[tuple[datetime, datetime]]:
    """The pauses as [from, to) up to `now`, joined where they touch or overlap, so that nothing counts twice."""
    joined: list[tuple[datetime, datetime]] = []
    for _, begin, end in sorted(pauses, key=lambda each: each[1]):
        to = now if end is None else min(end, now)
        if to <= begin:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], to))
        else:
            joined.append((begin, to))
    return joined
