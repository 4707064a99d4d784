"""Once a day: what is older than `[retention]` says goes, each kind in a transaction of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from connector.errors import StoreError
from connector.sections import RetentionSettings
from connector.store.base import Store

#: Fact of an account: when it was last done, and what went.
FACT = "upkeep"
EVERY = timedelta(days=1)
_log = structlog.get_logger("escalera.upkeep")


def tidy(store: Store, account: str, retention: RetentionSettings, now: datetime) -> dict[str, int] | None:
    """Prune what is due; how many of each kind went, or None where it was done within the last day. Raises StoreError.

    Journal lines go before the closed tickets that they belong to; the audit only from its beginning.
    """
    known = store.fact(account, FACT)
    if known is not None and timedelta(0) <= now - datetime.fromisoformat(known["at"]) < EVERY:
        return None
    gone: dict[str, int] = {}

    def before(span: float | None) -> datetime | None:
        return None if span is None else now - timedelta(seconds=span)

    plans, journal = before(retention.plans), before(retention.journal)
    tickets, audit = before(retention.tickets), before(retention.audit)
    if plans is not None:
        with store.transaction():
            gone["plans"] = store.prune_plans(account, now, plans)
    if journal is not None:
        with store.transaction():
            gone["journal"] = store.prune_intents(account, journal)
    if tickets is not None:
        with store.transaction():
            gone["tickets"] = store.prune_tickets(account, tickets)
    if audit is not None:
        try:
            with store.transaction():
                gone["audit"] = store.prune_audit(account, now, audit)
        except StoreError as error:
            _log.error("the audit can't be pruned: run `escalera audit verify`", account=account, why=str(error))
    with store.transaction():
        store.set_fact(account, FACT, {"at": now.isoformat(), "gone": gone}, now)
    if any(gone.values()):
        _log.info("pruned", account=account, **gone)
    return gone
