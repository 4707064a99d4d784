"""The values everything is decided in. Frozen; times are aware and in UTC; words are the canonical ones below.

A field of a ticket is in one of three states: known with a value, known to be empty (None or ()), or unknown: its
name stands in `Ticket.unknown`, because the source (an export without that column, say) could not tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

STATUSES = ("open", "in_process", "waiting_customer", "waiting_other", "completed", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
CHANNELS = (
    "email", "portal", "phone", "chat", "social", "twitter", "facebook", "whatsapp", "instagram", "in_person",
    "feedback", "sms", "bot", "other",
)  # fmt: skip
#: In `Memory.extra`: key, due, number and count of the last effective toggle, for the note that goes with it.
TOGGLED = "toggled"
#: In `Memory.extra`: instants (ISO text) of the newest toggles that wrote anything, whatever became of them.
TOGGLE_WRITES = "toggle_writes"
ACTION_KINDS = ("set", "toggle", "assign", "note", "reply", "create", "notify", "register")


class _Empty(Mapping[str, Any]):
    """The mapping with nothing in it; immutable and hashable, so that frozen values may have it as a default."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0

    def __contains__(self, key: object) -> bool:
        return False

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - the one answer there is
        return default

    def __repr__(self) -> str:
        return "{}"


EMPTY: Mapping[str, Any] = _Empty()

#: Ticket attributes that a mapping may name in `when:`, in headings and in field maps, besides `custom.<name>`.
TEXT_FIELDS = (
    "subject", "body", "type", "group", "agent", "product", "brand", "category", "customer", "requester",
    "requester_email", "requester_phone", "contract", "escalation_type",
)  # fmt: skip
WORD_FIELDS = ("status", "priority", "channel")
TIME_FIELDS = (
    "created_at", "updated_at", "status_since", "agent_responded_at", "customer_responded_at", "first_responded_at",
    "resolved_at", "closed_at", "due_by", "first_response_due", "escalated_at", "autoclose_clock",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket as its helpdesk, or an export of it, told it.

    `status`, `priority` and `channel` are canonical words, or None where the pack maps no word onto the helpdesk's
    own code; that code or label is always kept in `raw`. `status_since` is when the status last really changed;
    `autoclose_clock` is the instant from which the helpdesk's own auto-close rule counts. `gone` is None for a ticket
    that can be written, else `spam`, `deleted`, `archived`, `merged` or `missing`. `place` is where it was read, for
    evidence: `export.csv:17` or the API path.
    """

    id: str
    status: str | None = None
    priority: str | None = None
    channel: str | None = None
    subject: str | None = None
    body: str | None = None
    type: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    agent: str | None = None
    product: str | None = None
    brand: str | None = None
    category: str | None = None
    customer: str | None = None
    requester: str | None = None
    requester_email: str | None = None
    requester_phone: str | None = None
    contract: str | None = None
    escalation_type: str | None = None
    custom: Mapping[str, Any] = field(default=EMPTY)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    status_since: datetime | None = None
    agent_responded_at: datetime | None = None
    customer_responded_at: datetime | None = None
    first_responded_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    due_by: datetime | None = None
    first_response_due: datetime | None = None
    escalated_at: datetime | None = None
    autoclose_clock: datetime | None = None
    gone: str | None = None
    raw: Mapping[str, str] = field(default=EMPTY)
    unknown: frozenset[str] = frozenset()
    place: str = ""

    @property
    def is_open(self) -> bool:
        """True unless closed or gone; a status the pack does not map counts as open."""
        return self.gone is None and self.status != "closed"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read as a ticket: where it stood, and why. It never stops its neighbours."""

    place: str
    ticket: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What the daemon remembers of one ticket beyond its present state. All instants are UTC.

    `first_seen`: when the daemon first mirrored it. `situation` and `situation_since`: the situation it is in, and when
    the daemon first saw it there. `done`: idempotency key -> instant of each thing already done. `toggles`: instants of
    the keep-alive toggles that were effective. `ours`: field -> value the daemon itself last wrote. `human`: field ->
    value that someone else set while the daemon watched. `writes`: instants of own writes of the last 24 h, and the
    newest before, for the guard. `own_updated_at`: `updated_at` stamps that own writes produced (ISO text, the newest
    few), to know an echo. `quarantined_until`: leave it alone.
    """

    first_seen: datetime | None = None
    situation: str | None = None
    situation_since: datetime | None = None
    done: Mapping[str, str] = field(default=EMPTY)
    toggles: tuple[datetime, ...] = ()
    ours: Mapping[str, Any] = field(default=EMPTY)
    human: Mapping[str, Any] = field(default=EMPTY)
    writes: tuple[datetime, ...] = ()
    own_updated_at: tuple[str, ...] = ()
    quarantined_until: datetime | None = None
    extra: Mapping[str, Any] = field(default=EMPTY)


@dataclass(frozen=True, slots=True)
class RuleRef:
    """Which rule speaks: its kind, name and place (file relative to the pack, 1-based line)."""

    kind: str
    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Reason:
    """One coded reason with the values looked at (JSON-ready) and a sentence in English."""

    code: str
    text: str
    values: Mapping[str, Any] = field(default=EMPTY)


class Call(StrEnum):
    """What a rule says of a ticket now."""

    ACT = "act"  # it wants something done now
    WAIT = "wait"  # it holds, and time alone will make it act
    NO = "no"  # it does not apply, or all it wanted is done
    UNKNOWN = "unknown"  # a fact it rests on is not known


@dataclass(frozen=True, slots=True)
class Want:
    """Something a rule wants done to a ticket, before conflicts are settled.

    `changes`: field -> new canonical value (`priority`, `status`, `group`, `agent`, `tags`, `custom.X`). `key` is the
    idempotency key: unique for ticket + rule + episode + step; once done it is never wanted again. `rank` settles
    conflicts on one field (higher wins). `to`: roster keys or addresses for `notify` and `assign`. `due`: the instant
    at which it became due (not later than now). `details`: kind-specific, JSON-ready (a toggle: `through`, `back`,
    `cap`, `count`, `clock`).
    """

    kind: str
    key: str
    changes: Mapping[str, Any] = field(default=EMPTY)
    text: str | None = None
    to: tuple[str, ...] = ()
    due: datetime | None = None
    rank: int = 0
    reaches_customer: bool = False
    details: Mapping[str, Any] = field(default=EMPTY)


@dataclass(frozen=True, slots=True)
class Decision:
    """One rule's answer for one ticket, reasons included also for "no".

    `wake_at`: the next instant at which time alone could change this answer (None: never). `keeps`: what must be
    remembered of this ticket from now on (a promise's deadline, say), by name into `Memory.extra`; None forgets a name.
    """

    ticket: str
    rule: RuleRef
    call: Call
    reasons: tuple[Reason, ...] = ()
    wants: tuple[Want, ...] = ()
    wake_at: datetime | None = None
    keeps: Mapping[str, Any] = field(default=EMPTY)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All rules' answers for one ticket, the next instant to look again, and the situation it is in.

    `situation` / `situation_since` / `situation_by`: id, start of the episode, and how it was recognised
    (`field`, `tag`, `detect`), all None outside any situation. `wake_at` is the earliest of the decisions' own.
    """

    ticket: Ticket
    decisions: tuple[Decision, ...]
    wake_at: datetime | None = None
    situation: str | None = None
    situation_since: datetime | None = None
    situation_by: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One planned write. `changes`: field -> (old, new). `expected`: what the ticket must still look like.

    `expected` holds `status` (canonical or None), `updated_at` (ISO 8601, or absent where the source has none) and the
    old value of every changed field. `id` is derived from account, ticket, kind, key and changes.
    """

    id: str
    ticket: str
    kind: str
    rule: RuleRef
    key: str
    changes: Mapping[str, tuple[Any, Any]] = field(default=EMPTY)
    text: str | None = None
    to: tuple[str, ...] = ()
    due: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    expected: Mapping[str, Any] = field(default=EMPTY)
    reaches_customer: bool = False
    details: Mapping[str, Any] = field(default=EMPTY)


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason of the guard to hold a plan: the limit's name, the number found and the number allowed."""

    limit: str
    found: float
    allowed: float
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The guard's word on a plan.

    `go` is False where a safety limit holds the plan. `deferred`: ids of actions that pace puts off to a later cycle.
    `exempt`: ids of actions that go on even while the rest is held (keep-alive, whose delay would itself do harm).
    """

    go: bool
    holds: tuple[Hold, ...] = ()
    deferred: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsure:
    """A ticket and rule whose answer is UNKNOWN, with the reasons."""

    ticket: str
    rule: RuleRef
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one cycle would do. `digest` covers account, policy and actions, not the instant.

    `complete` is False where a source was not read whole. `population` is the number of open tickets known.
    """

    digest: str
    policy: str
    account: str
    now: datetime
    complete: bool
    actions: tuple[Action, ...]
    unknown: tuple[Unsure, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    population: int = 0


class Outcome(StrEnum):
    """How a journalled action ended (`INTENDED` and `SENT`: it has not ended yet)."""

    INTENDED = "intended"  # journalled, nothing sent
    SENT = "sent"  # a step was sent; its effect is not verified yet
    DONE = "done"  # verified by a re-read
    DRIFTED = "drifted"  # the ticket had moved; nothing was written
    INTERRUPTED = "interrupted"  # someone else changed the ticket between two steps; left as they wanted it
    INEFFECTIVE = "ineffective"  # written, but the clock it should restart did not move
    REFUSED = "refused"  # the helpdesk will not take it
    EXPIRED = "expired"  # its window had passed (after a downtime)
    UNSENT = "unsent"  # ended without any effect on the helpdesk; it may be wanted anew
    UNKNOWN = "unknown"  # sent, and what became of it can't be established
