"""What every helpdesk must offer: a Reader, and where writing is possible a Writer. Contract tests hold for each.

Errors are those of `connector.errors`: Unavailable (nothing changed, may be tried later), OutcomeUnknown (a write whose
answer was lost), Refused (for good, this ticket), AccountBlocked (for good, this account).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from connector.core.fieldmap import FieldMap
from connector.core.model import Rejected, Ticket


@dataclass(frozen=True, slots=True)
class Connection:
    """What the connection check found: who we are, and warnings an operator must see (scope, missing rights)."""

    agent_id: str
    agent_name: str
    scope: str  # `global`, `group` or `restricted`
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """Names and ids learnt from the account. Names that stand twice are in `ambiguous` and resolve to nothing.

    `agents`, `groups`: display name -> id. `emails`: lower-case e-mail -> agent id. `statuses`: id -> (label, ...).
    """

    agents: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    emails: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ambiguous: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Batch:
    """One step of the feed. Storing `tickets` and then `cursor` in one transaction loses and doubles nothing.

    `cursor` is opaque to all but the reader. `complete` is False where this step could not be read whole.
    """

    tickets: tuple[Ticket, ...]
    rejected: tuple[Rejected, ...]
    cursor: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Note:
    """A private note or public reply found on a ticket. `created_at` is UTC."""

    id: str
    text: str
    private: bool
    incoming: bool
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rating:
    """A customer's answer to a satisfaction survey. `score` is the helpdesk's own; `word` is `happy`, `neutral` or
    `unhappy`; `at` is UTC. What the customer wrote beside it is not read."""

    ticket: str
    score: int
    word: str
    at: datetime


@runtime_checkable
class Rater(Protocol):
    """What a Reader may offer besides, where its helpdesk asks customers how satisfied they are."""

    def ratings(self, since: datetime) -> Iterator[Rating]:
        """The ratings given at or after `since`, oldest first.

        Raises Refused where the account has no surveys (or the key may not see them), Unavailable, AccountBlocked.
        """
        ...


class Reader(Protocol):
    """Reads one account. Never writes. One that is a `Rater` too is asked for ratings."""

    name: str

    def connect(self) -> Connection:
        """Check the key and learn who we are. Raises AccountBlocked, Unavailable."""
        ...

    def directory(self) -> Directory:
        """Agents, groups, statuses of the account (cached by the reader for a while)."""
        ...

    def server_time(self) -> datetime | None:
        """The helpdesk's own clock (UTC) as of its last answer; None before any answer or where it tells none."""
        ...

    def changed(self, cursor: str | None) -> Iterator[Batch]:
        """Everything changed since the cursor (None: everything), oldest change first, in batches."""
        ...

    def ticket(self, ticket_id: str) -> Ticket:
        """The ticket as it is this moment; a `gone` one where it can't be written any more."""
        ...

    def notes(self, ticket_id: str) -> Sequence[Note]:
        """All notes and replies of a ticket, oldest first."""
        ...


class Writer(Protocol):
    """Writes to one account; called by `apply.py` alone. Each call is sent once, never repeated by itself."""

    def update(self, ticket_id: str, changes: Mapping[str, Any]) -> None:
        """Set these canonical fields (`status`, `priority`, `group`, `agent`, `tags`, `custom.X`) and no others."""
        ...

    def add_note(self, ticket_id: str, text: str, *, notify: Sequence[str] = ()) -> None:
        """Leave a private note; `notify` are agents' e-mail addresses that the helpdesk mails."""
        ...

    def reply(self, ticket_id: str, text: str) -> None:
        """Answer the requester (this mails a customer)."""
        ...

    def create(self, fields: Mapping[str, Any]) -> str:
        """Create a ticket from canonical fields; returns its id."""
        ...

    def refuses(self, ticket_id: str, changes: Mapping[str, Any]) -> str | None:
        """Why this update would be refused before it is sent (an unknown status, a notifying one, an unknown or
        ambiguous person), or None. Calls nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """All that an account's helpdesk may need to be opened. Times are in elapsed seconds.

    `maps`: the pack's field maps by helpdesk name. `key`: called only by kinds that need a secret. `leave_free`,
    `per_minute`: the share of the quota left to others, and a ceiling of the operator's own. `clock`: the present
    (UTC). `stop`: set where waits must end at once. `customer`: tickets must tell who asks, also where that costs more.
    """

    name: str
    kind: str
    maps: Mapping[str, FieldMap]
    key: Callable[[], str]
    clock: Callable[[], datetime]
    url: str | None = None
    path: str | None = None
    leave_free: float = 0.25
    per_minute: int | None = None
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    deadline: float = 120.0
    stop: threading.Event | None = None
    customer: bool = False


@dataclass(frozen=True, slots=True)
class HelpdeskKind:
    """A kind of helpdesk: the words of the setting `helpdesk` that mean it, one documentation line, and how to open it.

    `open` calls nothing yet and raises ConfigurationError for what can't work; its writer is None where the helpdesk
    can only be read. `by_file`: what would be written becomes files for people to import or work through.
    """

    names: tuple[str, ...]
    doc: str
    open: Callable[[Opening], tuple[Reader, Writer | None]]
    by_file: bool = False
