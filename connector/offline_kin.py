"""The other tickets of a customer among exported files, for policies with repeat rules; nothing else pays for it.

The files are read twice more: once for whose tickets are needed, once for those tickets. Only these are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from connector.core import kin
from connector.core.model import Memory, Rejected, Ticket
from connector.core.policy import NOTHING_BESIDE, Beside, Policy
from connector.core.rules.repeat import Reach, RepeatRule, reach

#: At most so many tickets are kept; beyond that the exports are too large for it, and repeat rules can't tell.
MOST = 100_000
_NOTHING = Memory()
_KINDS = (*kin.PERSON_KEYS, "contract")


class Kindred:
    """Finds the related tickets of each exported ticket that insists on an earlier request."""

    def __init__(self, tickets: Callable[[], Iterable[Ticket | Rejected]], policy: Policy, now: datetime) -> None:
        self._policy = policy
        self._now = now
        self._by_key: dict[str, list[Ticket]] = {}
        self.too_many = False
        if not any(isinstance(rule, RepeatRule) for rule in policy.rules):
            return
        wanted: set[str] = set()
        for entry in tickets():
            asked = self._reach(entry) if isinstance(entry, Ticket) else None
            wanted.update(asked.keys if asked is not None else ())
        kept = 0
        for entry in tickets() if wanted else ():
            if isinstance(entry, Rejected):
                continue
            shared = wanted.intersection(kin.keys(entry, _KINDS).values())
            kept += bool(shared)
            if kept > MOST:
                self.too_many = True
                self._by_key.clear()
                return
            for key in shared:
                self._by_key.setdefault(key, []).append(entry)

    def _reach(self, ticket: Ticket) -> Reach | None:
        return reach(self._policy, ticket, _NOTHING, self._now)

    def of(self, ticket: Ticket) -> Beside:
        """The related tickets; nothing looked up where no repeat rule may concern the ticket, or there are too many."""
        asked = None if self.too_many else self._reach(ticket)
        if asked is None:
            return NOTHING_BESIDE
        found = {one.id: one for key in asked.keys for one in self._by_key.get(key, ()) if one.id != ticket.id}
        return Beside(tuple(found.values()))
