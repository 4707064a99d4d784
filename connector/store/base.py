"""The one contract of the state database; SQLite and PostgreSQL both keep it, and one test suite holds for both.

All instants passed in and out are aware UTC datetimes. Rows are plain SQL; ids and JSON are text. Every write happens
inside `transaction()`, which commits as a whole or not at all; nested transactions are an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from connector.core.model import Action, Memory, Outcome, Ticket
from connector.core.records import Escalation


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A mirrored ticket with what is remembered of it and when to look at it again."""

    ticket: Ticket
    memory: Memory
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """One journalled action. `step` counts the writes already sent (a toggle has two); `token` marks its note.

    `observed`: what the re-reads saw (JSON-ready). `epoch`: the cycle lease under which it was written.
    """

    id: str
    account: str
    plan: str
    action: Action
    outcome: Outcome
    step: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    observed: Mapping[str, Any] = field(default_factory=dict)
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit; `connector.store.chain` says what its `hash` covers in each version `v` of the formula.

    `redacted`: seq of the `erasure` event by which body, ticket and salt were erased (`body` is then empty).
    """

    seq: int
    at: datetime
    account: str
    kind: str
    ticket: str | None
    body: Mapping[str, Any]
    prev: str
    hash: str
    v: int = 1
    salt: str | None = None
    commitment: str | None = None
    redacted: int | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A signed head of the audit: which event was the newest `at` that instant. `began`: the first head ever signed.

    `key`: the id of the key; `signature`: as `connector.audit` makes it, hexadecimal.
    """

    seq: int
    hash: str
    at: datetime
    began: int
    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did: the `seq` of its audit event, the tickets, and how many rows of each kind it emptied."""

    seq: int
    tickets: tuple[str, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan kept for approval or evidence. `state`: `held`, `approved`, `applied`, `expired`, `rejected`."""

    digest: str
    account: str
    state: str
    body: Mapping[str, Any]
    saved_at: datetime
    expires_at: datetime | None = None
    approved_by: str | None = None
    reason: str | None = None


class Store(Protocol):
    """The state of all accounts. Methods marked (tx) must be called inside `transaction()`."""

    def transaction(self) -> AbstractContextManager[None]:
        """One write transaction; commits at the end, rolls back on an exception."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...

    # --- mirror -------------------------------------------------------------------------------------------------
    def cursor(self, account: str) -> str | None:
        """The feed's cursor, None before the first sync."""
        ...

    def set_cursor(self, account: str, cursor: str, at: datetime) -> None:
        """(tx) Move the cursor."""
        ...

    def forget_cursor(self, account: str) -> None:
        """(tx) The next sync reads everything again."""
        ...

    def mirrored(self, account: str, ticket_ids: Sequence[str]) -> dict[str, Mirrored]:
        """The mirrored tickets among these ids."""
        ...

    def put(self, account: str, rows: Sequence[Mirrored]) -> None:
        """(tx) Insert or replace these tickets, their memory and wake_at."""
        ...

    def due(self, account: str, now: datetime, *, limit: int) -> list[Mirrored]:
        """At most `limit` tickets with wake_at <= now, earliest first, by the index; damaged rows are passed over."""
        ...

    def damaged(self, account: str) -> Mapping[str, str]:
        """Tickets whose rows `due` found damaged since the store was opened, each with a sentence."""
        ...

    def next_wake(self, account: str) -> datetime | None:
        """The earliest wake_at of the account."""
        ...

    def wake_all(self, account: str, at: datetime, *, only_open: bool = True) -> int:
        """(tx) Make every (open) ticket due at `at`: after a policy change. Returns how many."""
        ...

    def open_count(self, account: str) -> int:
        """How many mirrored tickets are open (neither closed nor gone); kept by counters or an index."""
        ...

    def loads(self, account: str) -> dict[str, int]:
        """Agent, as the helpdesk shows the name -> how many tickets not finished they have, by an index."""
        ...

    def scan(self, account: str, *, only_open: bool = False) -> Iterator[Mirrored]:
        """All mirrored tickets of an account by id, streamed: for reports and diffs, never inside a cycle."""
        ...

    def related(
        self, account: str, *, requester: str | None, contract: str | None, since: datetime, limit: int
    ) -> list[Ticket]:
        """At most `limit` tickets created at or after `since` of this requester or contract, newest first, by index.

        `requester` and `contract` are keys of `connector.core.kin` (`email:…`, `phone:…`, `name:…`; `contract:…`).
        Raises ValueError for any other.
        """
        ...

    # --- journal ------------------------------------------------------------------------------------------------
    def begin_intent(self, intent: Intent) -> bool:
        """(tx) Journal an intent; False (nothing written) if this id is journalled already."""
        ...

    def update_intent(
        self, account: str, intent_id: str, *, outcome: Outcome, step: int, at: datetime, observed: Mapping[str, Any]
    ) -> None:
        """(tx) Move an intent on."""
        ...

    def intent(self, account: str, intent_id: str) -> Intent | None:
        """One intent."""
        ...

    def open_intents(self, account: str) -> list[Intent]:
        """Intents not ended yet (INTENDED, SENT), oldest first: what a crash may have left."""
        ...

    def intents(self, account: str, *, since: datetime, ticket: str | None = None) -> list[Intent]:
        """Intents created at or after `since`, oldest first."""
        ...

    # --- audit --------------------------------------------------------------------------------------------------
    def append_audit(
        self, account: str, at: datetime, kind: str, body: Mapping[str, Any], *, ticket: str | None = None
    ) -> AuditEvent:
        """(tx) Append to the hash chain."""
        ...

    def audit(
        self, account: str | None = None, *, since: datetime | None = None, ticket: str | None = None,
        after_seq: int = 0, limit: int | None = None,
    ) -> Iterator[AuditEvent]:  # fmt: skip
        """Events in order, filtered, streamed."""
        ...

    def audit_head(self) -> tuple[int, str]:
        """(seq, hash) of the newest event as the store keeps it beside the chain; (0, 64 zeros) before the first."""
        ...

    def audit_anchor(self) -> tuple[int, str]:
        """(seq, hash) of the newest event that was pruned from the beginning; (0, 64 zeros) where none was."""
        ...

    def audit_signature(self) -> Signature | None:
        """The newest signature of the head, kept beside the chain."""
        ...

    def sign_audit(self, signature: Signature) -> None:
        """(tx) Keep the newest signature of the head."""
        ...

    def redact_audit(
        self, account: str, at: datetime, seqs: Collection[int], body: Mapping[str, Any]
    ) -> tuple[AuditEvent, int]:
        """(tx) Append an `erasure` event that names these events, and erase body, ticket and salt of each.

        Returns the event, and how many were erased: those not there, or erased before, are left out.
        """
        ...

    def prune_audit(self, account: str, at: datetime, before: datetime) -> int:
        """(tx) Take the events before an instant from the beginning of the chain, which then starts at the anchor.

        An `audit_pruned` event says so. Nothing behind the newest signed head is taken. Returns how many went.
        """
        ...

    # --- erasure and retention --------------------------------------------------------------------------------------
    def tickets_of(self, account: str, key: str) -> list[str]:
        """The mirrored tickets of a customer, by a key of `connector.core.kin`. Raises ValueError for another key."""
        ...

    def erase(
        self, account: str, tickets: Collection[str], words: Collection[str], at: datetime, *, by: str, reason: str
    ) -> Erasure:
        """(tx) Erase what is known of the customers of these tickets, and these words wherever they stand.

        Numbers, outcomes, idempotency keys, clocks and staff stay; plans that name the tickets lose their bodies.
        """
        ...

    def scrub(self) -> None:
        """Take erased bytes out of the database's own files; not inside a transaction. Raises StoreBusy."""
        ...

    def prune_plans(self, account: str, at: datetime, before: datetime) -> int:
        """(tx) Empty the bodies of plans saved before an instant that do not wait any more; returns how many."""
        ...

    def prune_intents(self, account: str, before: datetime) -> int:
        """(tx) Remove intents ended before an instant, but for those of open tickets; returns how many."""
        ...

    def prune_tickets(self, account: str, before: datetime) -> int:
        """(tx) Remove closed and gone tickets last changed before an instant that have no intent; returns how many."""
        ...

    # --- plans, policies, account facts ---------------------------------------------------------------------------
    def save_plan(self, plan: SavedPlan) -> None:
        """(tx) Insert or replace a saved plan."""
        ...

    def plan(self, digest: str, *, body: bool = True) -> SavedPlan | None:
        """A saved plan by its whole digest, or by an unambiguous beginning of at least 8 characters.

        `body=False`: with an empty body, which may be large (by its whole digest only).
        """
        ...

    def plans(self, account: str | None = None, *, state: str | None = None, bodies: bool = True) -> list[SavedPlan]:
        """Saved plans, newest first; `bodies=False`: each with an empty body."""
        ...

    def claim_plan(self, digest: str, at: datetime, *, states: Sequence[str]) -> bool:
        """(tx) Compare-and-swap a saved plan from one of `states` to `applied`; False if someone else was first."""
        ...

    def save_policy(self, digest: str, body: Mapping[str, Any], at: datetime) -> None:
        """(tx) Keep the text of a policy version (file -> text); saving it twice changes nothing."""
        ...

    def policy(self, digest: str) -> Mapping[str, Any] | None:
        """A kept policy version."""
        ...

    def fact(self, account: str, name: str) -> Any:
        """A small JSON fact of an account (`policy`, `toggling_stopped`, `directory`, `populations`, ...), or None."""
        ...

    def set_fact(self, account: str, name: str, value: Any, at: datetime) -> None:
        """(tx) Set a fact; None removes it."""
        ...

    # --- escalations --------------------------------------------------------------------------------------------------
    def put_escalation(self, account: str, escalation: Escalation) -> None:
        """(tx) Insert or replace the record of an escalation by its id."""
        ...

    def escalation(self, account: str, escalation_id: str) -> Escalation | None:
        """One record."""
        ...

    def escalations(
        self, account: str, *, since: datetime | None = None, until: datetime | None = None,
        ticket: str | None = None, open_only: bool = False,
    ) -> Iterator[Escalation]:  # fmt: skip
        """The records opened at or after `since` and before `until`, by `opened_at` and id, streamed."""
        ...

    # --- lease --------------------------------------------------------------------------------------------------
    def take_epoch(self, account: str, holder: str, at: datetime) -> int:
        """(tx) Start a cycle: raise the account's epoch by one and return it; older epochs are fenced from now on."""
        ...

    def check_epoch(self, account: str, epoch: int) -> bool:
        """(tx) True while `epoch` is still the account's newest."""
        ...
