"""What carrying out an action needs at hand, and how one of its attempts can end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.apply.drift import stamp
from connector.apply.journal import Journal
from connector.core.model import EMPTY, Memory, Outcome, Ticket
from connector.core.policy import Person
from connector.helpdesks.base import Directory, Reader, Writer
from connector.notifiers.base import Notifier
from connector.store.base import Intent, Mirrored


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended. SENT: not settled; the journal line stays open for the next recovery.

    `ticket`: the last read of it. `stamps`: `updated_at` stamps that own writes alone explain. `facts`: account facts
    to set with the outcome. `intent`: the journal line as it stands now. `stops`: an error that ends the whole run.
    """

    outcome: Outcome
    why: str = ""
    ticket: Ticket | None = None
    intent: Intent | None = None
    stamps: Sequence[datetime | None] = ()
    observed: Mapping[str, Any] = field(default=EMPTY)
    facts: Mapping[str, Any] = field(default=EMPTY)
    stops: Exception | None = None


@dataclass(frozen=True, slots=True)
class Hands:
    """Reader, writer, journal and people of one account during one cycle."""

    reader: Reader
    writer: Writer
    journal: Journal
    notifiers: tuple[Notifier, ...] = ()
    people: Mapping[str, Person] = field(default=EMPTY)
    window: timedelta | None = None
    blank: Memory = field(default_factory=Memory)

    def row(self, ticket_id: str) -> Mirrored | None:
        """The ticket's mirror row as it stands in the store now."""
        return self.journal.store.mirrored(self.journal.account, [ticket_id]).get(ticket_id)

    def directory(self, fields: Iterable[str]) -> Directory | None:
        """The account's people where one of these fields needs them, else None."""
        return self.reader.directory() if {"agent", "group"} & set(fields) else None

    def server_at(self) -> str | None:
        """The helpdesk's clock as of its last answer, as text; ours where it tells none."""
        return stamp(self.reader.server_time() or self.journal.now())

    def addresses(self, to: Sequence[str]) -> tuple[str, ...]:
        """Roster keys and addresses as e-mail addresses, or as names where the roster has none; in order, once each."""
        found = []
        for key in to:
            person = self.people.get(key)
            found.append((person.email or person.name) if person is not None else key)
        return tuple(dict.fromkeys(found))
