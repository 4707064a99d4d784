"""A policy as a value: rules in order, situations, calendars, people, texts and field maps, all loaded and checked.

`mapping/` builds it from files; `evaluate.py` asks it. Nothing here reads a clock or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from connector.core.fieldmap import FieldMap
from connector.core.model import EMPTY, Decision, Memory, Reason, RuleRef, Ticket
from connector.core.text import Match, PhraseIndex
from connector.core.tri import Tri
from connector.core.worktime import WorkCalendar


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


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of the pack's roster: an agent, a group or an outside address, by the key rules use.

    `kind` is `agent`, `group` or `address`. `name` is what the helpdesk shows; `email` serves notifications;
    `ids` maps a helpdesk's name to its own id where names are not enough.
    """

    key: str
    kind: str
    name: str
    email: str | None = None
    ids: Mapping[str, str] = field(default=EMPTY)


@dataclass(frozen=True, slots=True)
class Situation:
    """A situation a ticket can be in. `detect` recognises it; `suggest` where that only suggests."""

    id: str
    ref: RuleRef
    title: str
    detect: Condition | None = None
    suggest: bool = True


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

    def calendar(self, name: str | None = None) -> WorkCalendar:
        """The named calendar, or the default one."""
        return self.calendars[name or self.default_calendar]


class Context:
    """One ticket being looked at: the policy, what is remembered, the instant, and the phrases found (once)."""

    __slots__ = ("_found", "memory", "now", "policy", "situation", "situation_by", "situation_since", "ticket")

    def __init__(self, policy: Policy, ticket: Ticket, memory: Memory, now: datetime) -> None:
        self.policy = policy
        self.ticket = ticket
        self.memory = memory
        self.now = now
        self.situation: str | None = None
        self.situation_since: datetime | None = None
        self.situation_by: str | None = None
        self._found: dict[str, list[tuple[str, Match]]] | None = None

    def at(self, now: datetime) -> Context:
        """The same ticket, memory and situation at another instant; phrases found are kept."""
        other = Context(self.policy, self.ticket, self.memory, now)
        other.situation, other.situation_by = self.situation, self.situation_by
        other.situation_since = self.situation_since
        other._found = self._found
        return other

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
