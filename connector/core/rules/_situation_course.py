"""What a situation asks for from its first day to its last, as an admin wrote it: the values under `situations:`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from connector.core.policy import Condition, Span


@dataclass(frozen=True, slots=True)
class Promise:
    """What the customer is told: an answer within `most`; `least` where they are told a range."""

    most: Span
    least: Span | None = None

    @property
    def words(self) -> str:
        """It as the admin wrote it."""
        return self.most.text if self.least is None else f"{self.least.text} to {self.most.text}"


@dataclass(frozen=True, slots=True)
class Escalate:
    """When the case goes up, to whom, and who is told. `at` is `once`, `promise`, `condition` or `never`.

    `by` names an assignment rule, in place of `to`.
    """

    at: str
    when: Condition | None = None
    to: str | None = None
    notify: tuple[str, ...] = ()
    note: str | None = None
    kind: str = "hierarchical"
    urgent: bool = False
    level: int = 1
    by: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """When the case is followed up: `after` the start (None: at the promise), then `every` so often, or once."""

    after: Span | None = None
    every: Span | None = None
    note: str | None = None
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that must be known before the case goes up: any of `fields` is filled.

    `passes`: where the source does not tell any of them, the fact is not asked for.
    """

    fields: tuple[str, ...]
    name: str
    passes: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The template answer: drafted in a private note, or sent where `send`."""

    text: str
    send: bool = False
    when: Condition | None = None
    heading: str | None = None


@dataclass(frozen=True, slots=True)
class HoldReminder:
    """The reminder of a caller who waits: `every` so often after the start, for as long as `until`."""

    every: timedelta
    until: timedelta
    notify: tuple[str, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """Everything a situation asks for; a part left out is not asked for."""

    promise: Promise | None = None
    calendar: str | None = None
    escalate: Escalate | None = None
    follow_up: FollowUp | None = None
    toggle: bool = False
    facts: tuple[Fact, ...] = ()
    missing_note: str | None = None
    checklist: str | None = None
    reply: Reply | None = None
    tab: str | None = None
    hold: HoldReminder | None = None

    def conditions(self) -> Iterator[Condition]:
        """Every condition inside."""
        if self.escalate is not None and self.escalate.when is not None:
            yield self.escalate.when
        if self.reply is not None and self.reply.when is not None:
            yield self.reply.when
