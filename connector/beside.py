"""Looks up what some rules need beside a ticket: the customer's other tickets, and an agent's last public reply.

Asked only for tickets that such a rule may concern, so that a cycle's cost keeps following what changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from connector.core import kin
from connector.core.model import EMPTY, Memory, Ticket
from connector.core.policy import NOTHING_BESIDE, Beside, Policy, Reply
from connector.core.rules.repeat import Reach, reach
from connector.core.rules.vocabulary import needs_reply
from connector.errors import HelpdeskError
from connector.helpdesks.base import Reader
from connector.store.base import Mirrored, Store

#: At most so many tickets of one customer by one key; of someone with more the newest count.
MOST = 200
_KINDS = (*kin.PERSON_KEYS, "contract")
_log = structlog.get_logger("escalera.beside")


@dataclass(slots=True)
class Lookup:
    """Where to look: the mirror, a reader for replies (None: they can't be read), and rows not in the mirror yet."""

    account: str
    store: Store
    reader: Reader | None = None
    overlay: Mapping[str, Mirrored] = field(default=EMPTY)
    _by_key: dict[str, list[Mirrored]] | None = None

    def of(self, policy: Policy, ticket: Ticket, memory: Memory, now: datetime) -> Beside:
        """What was found for a ticket, as far as any rule of the policy may ask for it. Raises StoreError."""
        wanted = reach(policy, ticket, memory, now)
        reply = self._reply(ticket) if needs_reply(policy, ticket, memory, now) else None
        if wanted is None:
            return NOTHING_BESIDE if reply is None else Beside(reply=reply)
        rows = self._related(wanted, ticket.id)
        done = frozenset(key for row in rows.values() for key in row.memory.done if key.startswith("repeat:"))
        return Beside(tuple(row.ticket for row in rows.values()), done, reply)

    def _related(self, wanted: Reach, own: str) -> dict[str, Mirrored]:
        found: dict[str, Ticket] = {}
        for key in wanted.keys:
            of_contract = key.startswith("contract:")
            for one in self.store.related(
                self.account, requester=None if of_contract else key, contract=key if of_contract else None,
                since=wanted.since, limit=MOST,
            ):  # fmt: skip
                found[one.id] = one
        found.pop(own, None)
        rows = self.store.mirrored(self.account, sorted(found))
        for key in wanted.keys:
            for row in self._overlaid().get(key, ()):
                created = row.ticket.created_at
                if row.ticket.id != own and created is not None and created >= wanted.since:
                    rows[row.ticket.id] = row
        return {number: self.overlay.get(number, row) for number, row in rows.items()}

    def _overlaid(self) -> dict[str, list[Mirrored]]:
        if self._by_key is None:
            self._by_key = {}
            for row in self.overlay.values():
                for key in kin.keys(row.ticket, _KINDS).values():
                    self._by_key.setdefault(key, []).append(row)
        return self._by_key

    def _reply(self, ticket: Ticket) -> Reply | None:
        """The newest public reply of an agent; None where it can't be read."""
        if self.reader is None:
            return None
        try:
            notes = self.reader.notes(ticket.id)
        except HelpdeskError as error:
            _log.warning("replies can't be read", account=self.account, ticket=ticket.id, why=str(error))
            return None
        public = [note for note in notes if not note.private and not note.incoming]
        return Reply(public[-1].text, public[-1].created_at) if public else None
