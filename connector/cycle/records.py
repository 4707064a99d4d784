"""The end of an escalation as a cycle sees it: its ticket is finished, or was finished and is open again.

Asked only of tickets that are due and have a record, so the cost follows what changed. The keep-alive passes through a
finished status too, but never where this looks: its two writes lie inside one action, and a ticket whose action was
cut short waits for the recovery.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connector.core.model import EMPTY, Memory, Ticket
from connector.core.records import REGISTERED, Escalation, ended, with_end
from connector.core.rules._common import iso
from connector.store.base import Mirrored, Store


@dataclass(frozen=True, slots=True)
class Turn:
    """A row whose records ended or opened again, the records as they stand now, and what the audit says of it."""

    row: Mirrored
    records: tuple[Escalation, ...]
    event: str
    body: dict[str, Any]


def turn_of(store: Store, account: str, row: Mirrored, now: datetime) -> Turn | None:
    """What the state of a ticket just looked at means for its records; None where nothing. Raises StoreError."""
    if not row.memory.extra.get(REGISTERED):
        return None
    state = _state(row.ticket)
    ids = tuple(_concerned(row.memory, state))
    found = [one for id_ in ids if (one := store.escalation(account, id_)) is not None]
    if not ids:
        return None
    if state is None:
        memory = with_end(row.memory, ids, None)
        records = tuple(replace(one, outcome=EMPTY) for one in found)
        return Turn(replace(row, memory=memory), records, "escalation_reopened", {"escalations": list(ids)})
    at = _finished_at(row.ticket, now)
    memory = with_end(row.memory, ids, at)
    records = tuple(ended(one, state, at) for one in found)
    body = {"escalations": list(ids), "state": state, "at": iso(at), "outcomes": [dict(one.outcome) for one in records]}
    return Turn(replace(row, memory=memory), records, "escalation_ended", body)


def keep(store: Store, account: str, turn: Turn, now: datetime) -> None:
    """Write the records and the audit event. Must be called inside the transaction that writes the row."""
    for one in turn.records:
        store.put_escalation(account, one)
    store.append_audit(account, now, turn.event, turn.body, ticket=turn.row.ticket.id)


def _state(ticket: Ticket) -> str | None:
    if ticket.gone is not None:
        return "gone"
    return ticket.status if ticket.status in ("completed", "closed") else None


def _concerned(memory: Memory, state: str | None) -> Iterator[str]:
    """Ids of the open records of a finished ticket; of the ended ones, still of this episode, of an open one."""
    for id_, entry in memory.extra[REGISTERED].items():
        if bool(entry.get("ended")) == (state is None) and (state is not None or _same_episode(id_, memory)):
            yield id_


def _same_episode(id_: str, memory: Memory) -> bool:
    """Whether a ticket that is open again is so in the episode of this record: a situation's begins with its start."""
    if not id_.startswith("situation:"):
        return id_ in memory.done
    return memory.situation_since is not None and f":{iso(memory.situation_since)}:" in id_


def _finished_at(ticket: Ticket, now: datetime) -> datetime:
    """When the ticket was finished, as its helpdesk tells it, else when it was seen so; never in the future."""
    if ticket.gone is not None:
        return now
    told = ticket.closed_at if ticket.status == "closed" else ticket.resolved_at
    at = ticket.status_since or told or now
    return min(at, now)
