"""How a fresh read of a ticket becomes its mirror row: what moved, and whether we or someone else moved it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.apply.drift import with_changes
from connector.core.evaluate import observe
from connector.core.model import EMPTY, Ticket
from connector.store.base import Mirrored


def is_unchanged(known: Ticket, fresh: Ticket) -> bool:
    """Whether a fresh read tells nothing new: the overlap of the feed reads the same tickets again and again."""
    return dataclasses.replace(fresh, place=known.place) == known


def is_stale(known: Ticket, fresh: Ticket) -> bool:
    """Whether a read is older than what is mirrored: a cache or a replica answered."""
    if known.updated_at is None or fresh.updated_at is None or fresh.gone is not None:
        return False
    return fresh.updated_at < known.updated_at


def absorb(
    row: Mirrored | None,
    before: Ticket | None,
    fresh: Ticket,
    now: datetime,
    *,
    wake_at: datetime | None,
    stamps: Sequence[datetime | None] = (),
    explained: Mapping[str, Any] = EMPTY,
) -> Mirrored:
    """The new mirror row of a ticket just read.

    `before`: the read that preceded our own write, where there was one; what changed between the mirror and it was
    others' doing. `explained`: values that our write set. `stamps`: `updated_at` values that own writes alone explain:
    a fresh read that carries one of them is an echo.
    """
    if row is None:
        return Mirrored(fresh, observe(None, fresh, now, own=False), wake_at)
    seen = row
    if before is not None and before.gone is None and not is_stale(seen.ticket, before):
        seen = Mirrored(before, observe(seen, before, now, own=False))
    if explained:
        ours = with_changes(seen.ticket, explained)
        seen = Mirrored(ours, observe(seen, ours, now, own=True))
    own = fresh.updated_at is not None and fresh.updated_at in stamps
    return Mirrored(fresh, observe(seen, fresh, now, own=own), wake_at)
