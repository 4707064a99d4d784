"""A policy as a value: rules in order, situations, calendars, people, texts and field maps, all loaded and checked.

`mapping/` builds it from files; `evaluate.py` asks it. Nothing here reads a clock or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

from connector.core.fieldmap import FieldMap
from connector.core.model import EMPTY, Decision, Memory, Reason, RuleRef, Ticket
from connector.core.text import Match, PhraseIndex
from connector.core.tri import Tri
from connector.core.worktime import WorkCalendar

if TYPE_CHECKING:
    from connector.core.rules._situation_course import Course


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time as an admin wrote it: `72h`, `14d`, `8 business hours`, `5 business days`.

    `amount` is in seconds for `elapsed` and `business_seconds`, a number of days for `business_days`.
    """

    amount: int
    unit: Literal["elapsed", "business_seconds", "business_days"]
    text: str

    @property
    def is_business(self) -> bool:
        """True where a calendar is needed to count it."""
        return self.unit != "elapsed"

    def after(self, start: datetime, calendar: WorkCalendar) -> datetime:
        """The instant this span after `start`; a business span is counted in `calendar`."""
        if self.unit == "elapsed":
            return start + timedelta(seconds=self.amount)
        if self.unit == "business_seconds":
            return calendar.add(start, self.amount)
        return calendar.add_days(start, self.amount)

    def counted_in(self, calendar: WorkCalendar, *, back: bool = False) -> Callable[[datetime], datetime]:
        """`after` as a function of the start, faster for many starts; `back`: the instant this span before it."""
        amount = -self.amount if back else self.amount
        if self.unit == "business_seconds":
            return calendar.adding(amount)
        if self.unit == "business_days":
            return calendar.adding_days(amount)
        elapsed = timedelta(seconds=amount)
        return lambda start: start + elapsed


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of the pack's roster: an agent, a group or an outside address, by the key rules use.

    `kind` is `agent`, `group` or `address`. `name` is what the helpdesk shows; `email` serves notifications;
    `ids` maps a helpdesk's name to its own id where names are not enough. For assignment: `skills`; `hours`, the
    calendar of the person's shifts (None: always there); `out`, first and last day of each absence, both included.
    """

    key: str
    kind: str
    name: str
    email: str | None = None
    ids: Mapping[str, str] = field(default=EMPTY)
    skills: tuple[str, ...] = ()
    hours: str | None = None
    out: tuple[tuple[date, date], ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """One turn on call: [start, end) and the roster key of who has it."""

    start: datetime
    end: datetime
    person: str


class Rota(Protocol):
    """Who is on call when. Pure: a function of the rota's own rules and the instant asked for."""

    def at(self, at: datetime) -> tuple[Shift, ...]:
        """The shifts that cover this instant, in the order of their start, then of their people."""
        ...


@dataclass(frozen=True, slots=True)
class FetchedRota:
    """The calendar of a rota that stands at a web address: SHA-256 of its text and when it was last told to be so.

    `lost`: why there is none to go by (never fetched, or kept longer than allowed); then nobody is known to be on call.
    """

    digest: str | None = None
    fetched_at: datetime | None = None
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """What assignment has to know beyond the ticket, as the account stands now.

    `load`: open tickets by agent name, None where nobody counted (not the same as nobody having any). `turn`: how many
    times each round robin has chosen. `on_call`: shifts by rota, in place of the pack's own file of that name.
    `fetched`: of the rotas at a web address, which calendar those shifts are from.
    """

    load: Mapping[str, int] | None = None
    turn: Mapping[str, int] = field(default=EMPTY)
    on_call: Mapping[str, tuple[Shift, ...]] = field(default=EMPTY)
    fetched: Mapping[str, FetchedRota] = field(default=EMPTY)


#: Nothing known of the account: an export, a single ticket.
NO_DUTY = Duty()


@dataclass(frozen=True, slots=True)
class Situation:
    """A situation a ticket can be in. `detect` recognises it; `suggest` where that only suggests.

    `course`: what is promised, escalated and followed up while a ticket is in it.
    """

    id: str
    ref: RuleRef
    title: str
    detect: Condition | None = None
    suggest: bool = True
    course: Course | None = None


class TextTemplate(Protocol):
    """A text of the pack. `render` raises `Unfillable` where a placeholder has no value."""

    name: str

    def render(self, values: Mapping[str, Any]) -> str:
        """Fill the placeholders."""
        ...


class Unfillable(ValueError):  # noqa: N818
    """A placeholder of a text has no value for this ticket: the text must not be sent."""


@dataclass(frozen=True, slots=True)
class Told:
    """A condition's answer with its tree of reasons; `children` only for `all`, `any`, `not`."""

    tri: Tri
    reason: Reason
    children: tuple[Told, ...] = ()

    def flat(self) -> Iterator[Reason]:
        """The leaves' reasons, in order."""
        if not self.children:
            yield self.reason
        for child in self.children:
            yield from child.flat()


class Condition(Protocol):
    """A compiled `when:`. Pure; three-valued."""

    def test(self, ctx: Context) -> Tri:
        """The answer alone: the fast path."""
        ...

    def tell(self, ctx: Context) -> Told:
        """The same answer with every reason."""
        ...

    def wake(self, ctx: Context) -> datetime | None:
        """The next instant after `ctx.now` at which time alone could change the answer; None: never."""
        ...

    def phrases(self) -> Iterator[tuple[str, Sequence[str]]]:
        """(phrase list id, phrases) of every phrase list inside, for the policy's one index."""
        ...


class Rule(Protocol):
    """One rule of any kind; a policy holds them in the order of the pack."""

    @property
    def ref(self) -> RuleRef:
        """What names the rule in every decision, and where it stands."""
        ...

    def decide(self, ctx: Context) -> Decision:
        """This rule's answer for the ticket of `ctx`, now."""
        ...

    def conditions(self) -> Iterator[Condition]:
        """Every condition this rule holds, for the phrase index and lint."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked pack. `digest` covers the text of all its files; `default_calendar` is one of `calendars`."""

    name: str
    digest: str
    language: str = "es"
    timezone: str = "UTC"
    rules: tuple[Rule, ...] = ()
    situations: Mapping[str, Situation] = field(default=EMPTY)
    calendars: Mapping[str, WorkCalendar] = field(default=EMPTY)
    default_calendar: str = "default"
    people: Mapping[str, Person] = field(default=EMPTY)
    texts: Mapping[str, TextTemplate] = field(default=EMPTY)
    maps: Mapping[str, FieldMap] = field(default=EMPTY)
    index: PhraseIndex | None = None
    source: str = ""
    rotas: Mapping[str, Rota] = field(default=EMPTY)

    #: What was worked out once from the rest, by a name of whoever did; a copy begins without.
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def calendar(self, name: str | None = None) -> WorkCalendar:
        """The named calendar, or the default one."""
        return self.calendars[name or self.default_calendar]


@dataclass(frozen=True, slots=True)
class Reply:
    """The last public reply of an agent: its text and when it was written."""

    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What some kinds of rules need beside the ticket itself; None where nobody looked it up, which is not "none".

    `related`: other tickets of the same customer. `done`: idempotency keys of what was done on those. `reply`: the last
    public reply of an agent.
    """

    related: tuple[Ticket, ...] | None = None
    done: frozenset[str] = frozenset()
    reply: Reply | None = None


#: Nothing was looked up.
NOTHING_BESIDE = Beside()


_NO_LISTS: frozenset[str] = frozenset()
_NOWHERE = (_NO_LISTS, _NO_LISTS)


class Context:
    """One ticket being looked at: the policy, what is remembered, the instant, and the phrases found (once)."""

    __slots__ = (
        "_affirmed", "_found", "beside", "brief", "duty", "memory", "now", "policy", "shared", "situation",
        "situation_by", "situation_since", "ticket",
    )  # fmt: skip

    def __init__(self, policy: Policy, ticket: Ticket, memory: Memory, now: datetime, duty: Duty = NO_DUTY) -> None:
        self.policy = policy
        self.ticket = ticket
        self.memory = memory
        self.now = now
        self.duty = duty
        self.beside = NOTHING_BESIDE
        #: Only what acts, or can't be told, needs its reasons: all else may answer without any (see `evaluate`).
        self.brief = False
        #: What rules of one kind found out once for all of them, by a name of their own.
        self.shared: dict[str, Any] = {}
        self.situation: str | None = None
        self.situation_since: datetime | None = None
        self.situation_by: str | None = None
        self._found: dict[str, list[tuple[str, Match]]] | None = None
        self._affirmed: tuple[frozenset[str], frozenset[str]] | None = None

    def at(self, now: datetime) -> Context:
        """The same ticket, memory and situation at another instant; phrases found are kept."""
        other = Context(self.policy, self.ticket, self.memory, now, self.duty)
        other.situation, other.situation_by = self.situation, self.situation_by
        other.situation_since = self.situation_since
        other._found, other._affirmed = self._found, self._affirmed
        other.beside = self.beside
        return other

    @property
    def related(self) -> tuple[Ticket, ...]:
        """Other tickets of the same customer, as far as they were looked up."""
        return self.beside.related or ()

    def learn(self, keeps: Mapping[str, Any]) -> None:
        """Let the rules asked after this one see what a rule just told to be remembered (None forgets a name)."""
        if keeps:
            extra = {**self.memory.extra, **keeps}
            kept = {name: value for name, value in extra.items() if value is not None}
            self.memory = replace(self.memory, extra=kept)

    def affirmed(self) -> tuple[frozenset[str], frozenset[str]]:
        """The phrase lists with a phrase that is not negated, in the subject and in the body: one scan of each."""
        affirmed = self._affirmed
        if affirmed is None:
            index, ticket = self.policy.index, self.ticket
            if index is None:
                affirmed = _NOWHERE
            else:
                subject, body = ticket.subject, ticket.body
                affirmed = (
                    index.affirmed(subject) if subject else _NO_LISTS,
                    index.affirmed(body) if body else _NO_LISTS,
                )
            self._affirmed = affirmed
        return affirmed

    def found(self, phrase_list: str) -> list[tuple[str, Match]]:
        """Matches of one phrase list as (`subject` or `body`, match), searched once for all lists of the policy."""
        if self._found is None:
            found: dict[str, list[tuple[str, Match]]] = {}
            if self.policy.index is not None:
                for where, text in (("subject", self.ticket.subject), ("body", self.ticket.body)):
                    if text:
                        for match in self.policy.index.find(text):
                            found.setdefault(match.name, []).append((where, match))
            self._found = found
        return self._found.get(phrase_list, [])

    def value(self, name: str) -> tuple[Tri, Any]:
        """(YES, value) of a known field, (NO, None) of one known to be empty, (UNKNOWN, None) otherwise.

        `name` is an attribute of Ticket or `custom.X`; a canonical word the pack does not map is UNKNOWN.
        """
        ticket = self.ticket
        if name in ticket.unknown:
            return Tri.UNKNOWN, None
        if name.startswith("custom."):
            if "custom" in ticket.unknown or name[7:] not in ticket.custom:
                return Tri.UNKNOWN, None
            value = ticket.custom[name[7:]]
        else:
            value = getattr(ticket, name)
            if value is None and name in ticket.raw:
                return Tri.UNKNOWN, None
        if value is None or value in ("", ()):
            return Tri.NO, None
        return Tri.YES, value


#: Builds a rule from its reference and its parsed values.
RuleBuilder = Callable[[RuleRef, Mapping[str, Any]], Rule]
