"""What an action that is done adds to the register's records, in the transaction of its outcome."""

from __future__ import annotations

from datetime import datetime

from connector.core.model import Action, Memory
from connector.core.records import CAUSE, caused, follow_up_of, followed_up, opened, registered
from connector.store.base import Store


def record(store: Store, account: str, action: Action, memory: Memory | None, at: datetime) -> None:
    """Open a record, add a cause to it, or a follow-up. Must be called inside the outcome's transaction.

    `memory`: what is remembered of the ticket (None: it is not mirrored); it alone tells which records are open, so
    that no action that concerns no record costs a look at them.
    """
    if action.kind == "register":
        told = action.details.get(CAUSE)
        if told is None:
            known = store.escalation(account, action.key)
            if known is None:  # a line carried out again (a state restored from a backup) keeps what was added to it
                store.put_escalation(account, opened(action, at))
            return
        for id_ in action.details.get("of", ()):
            one = store.escalation(account, id_)
            if one is not None:
                store.put_escalation(account, caused(one, told, at))
        return
    what = follow_up_of(action) if memory is not None and registered(memory) else None
    if what is None or memory is None:
        return
    for id_ in registered(memory):
        one = store.escalation(account, id_)
        if one is not None:
            store.put_escalation(account, followed_up(one, what, at))
