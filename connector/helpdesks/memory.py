"""A complete helpdesk in memory: the second implementation of the Reader and Writer contract.

It speaks canonical words, has its own virtual clock and keeps the rules that matter to a daemon beside it: every
write, note and reply moves `updated_at`; only a real change of status moves `status_since`; a customer's reply reopens
whatever is not open; spam and deleted tickets leave the feed and refuse writes; an auto-close rule may count on a
chosen clock. Rehearsals and tests use it where a socket would prove nothing.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.model import PRIORITIES, STATUSES, Ticket
from connector.errors import Refused
from connector.helpdesks.base import Batch, Connection, Directory, Note
from connector.helpdesks.memory_ratings import SurveyReader, Surveys

#: Called with the kind of write (`update`, `note`, `reply`, `create`), the ticket's id ("" for `create`), its values.
WriteHook = Callable[[str, str, Mapping[str, Any]], None]

_FIELDS = frozenset(
    {"status", "priority", "group", "agent", "tags", "subject", "type", "product", "escalation_type", "escalated_at"}
)


@dataclass(frozen=True, slots=True)
class Written:
    """One write that reached the helpdesk."""

    at: datetime
    kind: str
    ticket: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail the helpdesk would have sent: to whom (`requester` or an address), why, about which ticket."""

    at: datetime
    to: str
    cause: str
    ticket: str


@dataclass(slots=True)
class _Row:
    ticket: Ticket
    seq: int
    notes: list[Note] = field(default_factory=list)


class MemoryHelpdesk(Surveys):
    """The helpdesk itself. `now` is its virtual clock (aware); nothing moves it but `advance` and `call_seconds`.

    `agents`, `groups`: display name -> id; `emails`: agent's e-mail -> id; `ambiguous`: names standing twice.
    `notifying`: statuses whose setting mails the customer, refused unless `allow_notifying`. `autoclose`: status ->
    age of `autoclose_clock` at which the helpdesk closes a ticket by itself. `page`: tickets a feed batch.
    `before_write` may raise (nothing is changed then) or edit tickets behind the writer's back; `after_write` may
    raise too: the write has happened, its answer is lost. `reads` logs the ids asked for by `ticket()`.
    """

    def __init__(
        self,
        *,
        now: datetime,
        tickets: Iterable[Ticket] = (),
        name: str = "memory",
        agents: Mapping[str, str] | None = None,
        groups: Mapping[str, str] | None = None,
        emails: Mapping[str, str] | None = None,
        ambiguous: Iterable[str] = (),
        notifying: Iterable[str] = ("closed",),
        allow_notifying: bool = False,
        autoclose: Mapping[str, timedelta] | None = None,
        autoclose_clock: str = "status_since",
        call_seconds: float = 0.0,
        page: int = 100,
    ) -> None:
        self.name = name
        self.clock = now.astimezone(UTC)
        self.agents = dict(agents or {})
        self.groups = dict(groups or {})
        self.emails = {address.lower(): number for address, number in (emails or {}).items()}
        self.ambiguous = frozenset(ambiguous)
        self.notifying = frozenset(notifying)
        self.allow_notifying = allow_notifying
        self.autoclose = dict(autoclose or {})
        self.autoclose_clock = autoclose_clock
        self.call_seconds, self.page = call_seconds, page
        self.before_write: WriteHook | None = None
        self.after_write: WriteHook | None = None
        self.written: list[Written] = []
        self.outbox: list[Mail] = []
        self.reads, self.autoclosed = list[str](), list[str]()
        self._lock = threading.RLock()
        self._seq = itertools.count(1)
        self._rows: dict[str, _Row] = {}
        for ticket in tickets:
            self.put(ticket)

    # --- the world around the daemon ----------------------------------------------------------------------------
    def reader(self) -> MemoryReader:
        return MemoryReader(self)

    def writer(self) -> MemoryWriter:
        return MemoryWriter(self)

    def put(self, ticket: Ticket) -> None:
        """Add a ticket or replace it whole; stamps it lacks are set to now."""
        with self._lock:
            now = self._stamp()
            created = ticket.created_at or now
            filled = replace(
                ticket,
                created_at=created,
                updated_at=ticket.updated_at or now,
                status_since=ticket.status_since or created,
                place=ticket.place or f"{self.name}:{ticket.id}",
            )
            kept = self._rows.get(ticket.id)
            self._rows[ticket.id] = _Row(self._clocked(filled), next(self._seq), kept.notes if kept else [])

    def get(self, ticket_id: str) -> Ticket:
        """The true state of a ticket; KeyError for one that never existed."""
        return self._rows[ticket_id].ticket

    def all(self) -> dict[str, Ticket]:
        """The true state of every ticket, the gone ones too."""
        with self._lock:
            return {number: row.ticket for number, row in self._rows.items()}

    def advance(self, step: timedelta | float) -> None:
        """Move the clock (a number is seconds); auto-close rules run at their instants on the way."""
        with self._lock:
            end = self.clock + (step if isinstance(step, timedelta) else timedelta(seconds=step))
            for at, number in sorted(self._closings(end)):
                self.clock = max(self.clock, at)
                self._change(number, {"status": "closed"})
                self.autoclosed.append(number)
            self.clock = end

    def customer_reply(self, ticket_id: str, text: str = "") -> Ticket:
        """The requester writes: a ticket that is not open is reopened, in whatever status it was."""
        with self._lock:
            self._add_note(ticket_id, text, private=False, incoming=True)
            changes: dict[str, Any] = {"customer_responded_at": self._stamp()}
            if self.get(ticket_id).status != "open":
                changes["status"] = "open"
            return self._change(ticket_id, changes)

    def agent_reply(self, ticket_id: str, text: str = "") -> Ticket:
        """An agent answers the requester, by the helpdesk's own screen."""
        with self._lock:
            return self._public_reply(ticket_id, text)

    def agent_edit(self, ticket_id: str, **changes: Any) -> Ticket:
        """An agent changes attributes of the ticket by hand (`custom` merges)."""
        with self._lock:
            return self._change(ticket_id, changes)

    def agent_note(self, ticket_id: str, text: str) -> Ticket:
        """An agent leaves a private note by hand; it moves `updated_at` and nothing else."""
        with self._lock:
            self._add_note(ticket_id, text, private=True, incoming=False)
            return self._change(ticket_id, {})

    def remove(self, ticket_id: str, gone: str = "deleted") -> None:
        """The ticket becomes spam, deleted, archived or merged: it leaves the feed and refuses writes."""
        with self._lock:
            self._change(ticket_id, {"gone": gone})

    # --- what reader and writer use ---------------------------------------------------------------------------------
    def after_seq(self, seq: int) -> list[tuple[int, Ticket]]:
        """Tickets of the feed changed after this sequence number, oldest change first."""
        with self._lock:
            rows = [(row.seq, row.ticket) for row in self._rows.values() if row.seq > seq and row.ticket.gone is None]
        return sorted(rows, key=lambda pair: pair[0])

    def notes_of(self, ticket_id: str) -> tuple[Note, ...]:
        """Notes and replies of a ticket, oldest first."""
        row = self._rows.get(ticket_id)
        return tuple(row.notes) if row else ()

    def pass_time(self) -> None:
        """A call takes `call_seconds`."""
        self.advance(self.call_seconds)

    def write(self, kind: str, ticket_id: str, values: Mapping[str, Any]) -> str:
        """One write as it arrives: hooks, refusal, effect. Returns the ticket's id."""
        self.pass_time()
        if self.before_write is not None:
            self.before_write(kind, ticket_id, values)
        with self._lock:
            if kind == "create":
                ticket_id = str(max((int(number) for number in self._rows if number.isdigit()), default=0) + 1)
                self.put(Ticket(id=ticket_id, status="open", priority="low", channel="portal"))
                self._change(ticket_id, values)
            else:
                self._must_be_writable(ticket_id)
                self._effect(kind, ticket_id, values)
            self.written.append(Written(self.clock, kind, ticket_id, dict(values)))
        if self.after_write is not None:
            self.after_write(kind, ticket_id, values)
        return ticket_id

    def refusal(self, changes: Mapping[str, Any]) -> str | None:
        """Why these changes can't be written, or None."""
        for name, value in changes.items():
            if not (name in _FIELDS or name.startswith("custom.")):
                return f"{name}: this helpdesk can't set it"
            if name == "status" and value not in STATUSES:
                return f"status {value!r}: not one of {', '.join(STATUSES)}"
            if name == "status" and value in self.notifying and not self.allow_notifying:
                return f"status {value!r} notifies the customer; the field map must say allow_notifying_status: true"
            if name == "priority" and value not in PRIORITIES:
                return f"priority {value!r}: not one of {', '.join(PRIORITIES)}"
            if name in ("agent", "group") and value is not None:
                problem = self._unknown_person(name, value)
                if problem:
                    return problem
        return None

    def _unknown_person(self, kind: str, value: str) -> str | None:
        known = self.agents if kind == "agent" else self.groups
        if value in self.ambiguous:
            return f"{kind} {value!r} stands for more than one {kind}; write the id"
        if value in known or value in known.values() or (kind == "agent" and value.lower() in self.emails):
            return None
        return f"{kind} {value!r} is not known to this helpdesk" if known else None

    def _person_name(self, kind: str, value: str | None) -> str | None:
        known = self.agents if kind == "agent" else self.groups
        number = self.emails.get(value.lower(), value) if value is not None and kind == "agent" else value
        return next((name for name, own in known.items() if own == number), value)

    def _must_be_writable(self, ticket_id: str) -> None:
        row = self._rows.get(ticket_id)
        if row is None:
            msg = f"ticket {ticket_id} does not exist"
            raise Refused(msg, status=404)
        if row.ticket.gone is not None:
            msg = f"ticket {ticket_id} is {row.ticket.gone} and can't be written"
            raise Refused(msg, status=405)

    def _effect(self, kind: str, ticket_id: str, values: Mapping[str, Any]) -> None:
        if kind == "update":
            self._change(ticket_id, values)
        elif kind == "note":
            self._add_note(ticket_id, values["text"], private=True, incoming=False)
            self.outbox.extend(Mail(self.clock, address, "note", ticket_id) for address in values["notify"])
            self._change(ticket_id, {})
        else:
            self._public_reply(ticket_id, values["text"])
            self.outbox.append(Mail(self.clock, "requester", "reply", ticket_id))

    def _public_reply(self, ticket_id: str, text: str) -> Ticket:
        self._add_note(ticket_id, text, private=False, incoming=False)
        now = self._stamp()
        first = self.get(ticket_id).first_responded_at or now
        return self._change(ticket_id, {"agent_responded_at": now, "first_responded_at": first})

    def _add_note(self, ticket_id: str, text: str, *, private: bool, incoming: bool) -> None:
        row = self._rows[ticket_id]
        number = f"{ticket_id}-{len(row.notes) + 1}"
        row.notes.append(Note(number, text, private=private, incoming=incoming, created_at=self._stamp()))

    def _change(self, ticket_id: str, changes: Mapping[str, Any]) -> Ticket:
        row, now = self._rows[ticket_id], self._stamp()
        old = row.ticket
        values: dict[str, Any] = {"updated_at": now}
        custom = dict(old.custom)
        for name, value in changes.items():
            if name.startswith("custom."):
                custom[name.removeprefix("custom.")] = value
            elif name == "custom":
                custom.update(value)
            elif name in ("agent", "group"):
                values[name] = self._person_name(name, value)
            else:
                values[name] = tuple(value) if name == "tags" else value
        status = values.get("status", old.status)
        if status != old.status:
            values["status_since"] = now
            if status in ("completed", "closed"):
                values["resolved_at"] = now
            if status == "closed":
                values["closed_at"] = now
            if status in self.notifying:
                self.outbox.append(Mail(self.clock, "requester", str(status), ticket_id))
        row.ticket = self._clocked(replace(old, **values, custom=custom))
        row.seq = next(self._seq)
        return row.ticket

    def _clocked(self, ticket: Ticket) -> Ticket:
        if self.autoclose_clock == "autoclose_clock":
            return ticket
        return replace(ticket, autoclose_clock=getattr(ticket, self.autoclose_clock))

    def _closings(self, end: datetime) -> Iterator[tuple[datetime, str]]:
        for number, row in self._rows.items():
            age = self.autoclose.get(row.ticket.status or "")
            clock = row.ticket.autoclose_clock
            if age is not None and clock is not None and row.ticket.gone is None and clock + age <= end:
                yield clock + age, number

    def _stamp(self) -> datetime:
        return self.clock.replace(microsecond=0)


class MemoryReader(SurveyReader[MemoryHelpdesk]):
    """Reads a MemoryHelpdesk."""

    def __init__(self, desk: MemoryHelpdesk) -> None:
        self.name = desk.name
        self._desk = desk

    def connect(self) -> Connection:
        """Always succeeds, with full scope."""
        return Connection(agent_id="1", agent_name="Escalera", scope="global")

    def directory(self) -> Directory:
        """The helpdesk's people; statuses are the canonical words themselves."""
        return Directory(
            agents=dict(self._desk.agents),
            groups=dict(self._desk.groups),
            emails=dict(self._desk.emails),
            statuses={word: (word,) for word in STATUSES},
            ambiguous=self._desk.ambiguous,
        )

    def server_time(self) -> datetime | None:
        """The virtual clock."""
        return self._desk.clock

    def changed(self, cursor: str | None) -> Iterator[Batch]:
        """Everything changed since the cursor; an idle feed yields one empty batch."""
        seq = 0 if cursor is None else int(json.loads(cursor)["seq"])
        self._desk.pass_time()
        rows = self._desk.after_seq(seq)
        for start in range(0, max(len(rows), 1), self._desk.page):
            part = rows[start : start + self._desk.page]
            seq = part[-1][0] if part else seq
            yield Batch(tuple(ticket for _, ticket in part), (), json.dumps({"seq": seq}))

    def ticket(self, ticket_id: str) -> Ticket:
        """The ticket as it is this moment; `gone="missing"` for one that does not exist."""
        self._desk.pass_time()
        self._desk.reads.append(ticket_id)
        try:
            return self._desk.get(ticket_id)
        except KeyError:
            return Ticket(id=ticket_id, gone="missing", place=f"{self.name}:{ticket_id}")

    def notes(self, ticket_id: str) -> Sequence[Note]:
        """Notes and replies of a ticket, oldest first."""
        self._desk.pass_time()
        return self._desk.notes_of(ticket_id)


class MemoryWriter:
    """Writes to a MemoryHelpdesk. Raises Refused for what it can't take, and whatever a hook raises."""

    def __init__(self, desk: MemoryHelpdesk) -> None:
        self._desk = desk

    def update(self, ticket_id: str, changes: Mapping[str, Any]) -> None:
        """Set these canonical fields."""
        self._check(ticket_id, changes)
        self._desk.write("update", ticket_id, changes)

    def add_note(self, ticket_id: str, text: str, *, notify: Sequence[str] = ()) -> None:
        """Leave a private note; `notify` lands in the outbox."""
        self._desk.write("note", ticket_id, {"text": text, "notify": tuple(notify)})

    def reply(self, ticket_id: str, text: str) -> None:
        """Answer the requester."""
        self._desk.write("reply", ticket_id, {"text": text})

    def create(self, fields: Mapping[str, Any]) -> str:
        """Create a ticket; returns its id."""
        settable = {name: value for name, value in fields.items() if name in _FIELDS or name.startswith("custom.")}
        self._check("", settable)
        return self._desk.write("create", "", fields)

    def refuses(self, ticket_id: str, changes: Mapping[str, Any]) -> str | None:  # noqa: ARG002 - same for all tickets
        """Why this update would be refused, or None."""
        return self._desk.refusal(changes)

    def _check(self, ticket_id: str, changes: Mapping[str, Any]) -> None:
        problem = self._desk.refusal(changes)
        if problem is not None:
            msg = f"ticket {ticket_id or '(new)'}: {problem}"
            raise Refused(msg, status=400)
