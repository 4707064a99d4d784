"""Which rules could say more than a plain no of a ticket, found without asking them.

Worked out once a policy. A rule that tells whom it concerns (`Selective`) is left out where its condition is NO now and
stays NO whatever time passes: by the words of the ticket (status, priority, channel), by the phrase lists of which it
needs one, by the situations it is for. All other rules are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from connector.core.conditions_base import NO, UNKNOWN, Clause
from connector.core.model import WORD_FIELDS, Ticket
from connector.core.policy import Condition, Context, Policy, Rule, Situation
from connector.core.rules._common import unresolved

_TEXTS = ("subject", "body")
#: Combinations of words kept; every known one of the canonical words fits in, many times over.
_KEPT = 4096
_MEMO = "shortlist"
#: Kinds that have something to remember of a ticket that is finished.
REMEMBER_FINISHED = frozenset({"sla"})


@runtime_checkable
class Selective(Protocol):
    """A rule that says whom it concerns, so that it need not be asked about all others.

    Where `gate(ctx, *only_for())` is NO its answer is NO, keeps nothing, and wakes when the gate does. A rule with a
    true `one_of_several` promises that only where the gate is NO for ever, and only behind the first of its kind.
    """

    def only_for(self) -> tuple[Sequence[str] | None, Condition | None]:
        """The situations it is for (None: asks for none; empty: any at all) and its condition."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule as the shortlist knows it; where it is for no situations in particular, `condition` alone is its gate.

    `gated`: whether a NO of that condition is the rule's own answer.
    """

    rule: Rule
    situations: frozenset[str] | None = None
    condition: Condition | None = None
    needs: frozenset[str] | None = None
    gated: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """The entries that a ticket's words leave: asked always, in a situation, or where a phrase list is affirmed."""

    always: tuple[Entry, ...]
    numbers: tuple[int, ...]
    by_situation: Mapping[str, tuple[int, ...]]
    by_list: Mapping[str, tuple[int, ...]]
    detections: tuple[Situation, ...]
    detections_by_list: Mapping[str, tuple[Situation, ...]]


class Shortlist:
    """The rules of a policy, in the order in which they are asked, and the situations with a `detect:`."""

    __slots__ = ("_detecting", "_entries", "_parts", "_resting")

    def __init__(self, policy: Policy, rules: Iterable[Rule]) -> None:
        first: set[str] = set()
        self._entries = tuple(_entry(policy, rule, first) for rule in rules)
        self._resting = tuple(entry for entry in self._entries if entry.rule.ref.kind in REMEMBER_FINISHED)
        self._detecting = tuple(one for one in policy.situations.values() if one.detect is not None)
        self._parts: dict[tuple[object, ...], _Part] = {}

    def rules(self, ctx: Context) -> Sequence[Entry]:
        """The entries to be asked about the ticket, in order; its situation must be known by now."""
        ticket, part = ctx.ticket, self._part(ctx)
        if ticket.unknown and any(field in ticket.unknown for field in _TEXTS):
            return self._entries
        doubtful = ctx.situation is None and (ticket.unknown or ticket.escalation_type)
        if doubtful and unresolved(ctx.policy, ticket) is not None:
            return self._entries
        more = part.by_situation.get(ctx.situation, ()) if ctx.situation is not None else ()
        for lists in ctx.affirmed() if part.by_list else ():
            for name in lists:
                more += part.by_list.get(name, ())
        if not more:
            return part.always
        return [self._entries[number] for number in sorted({*part.numbers, *more})]

    def resting(self) -> Sequence[Entry]:
        """The entries that have something to remember of a finished ticket too."""
        return self._resting

    def detections(self, ctx: Context) -> Sequence[Situation]:
        """The situations whose `detect:` may say more than a lasting no, in the order of the policy."""
        if not self._detecting or (ctx.ticket.unknown and any(field in ctx.ticket.unknown for field in _TEXTS)):
            return self._detecting
        part = self._part(ctx)
        found = [
            one
            for lists in (ctx.affirmed() if part.detections_by_list else ())
            for name in lists
            for one in part.detections_by_list.get(name, ())
        ]
        if not found:
            return part.detections
        asked = {one.id for one in (*part.detections, *found)}
        return [one for one in self._detecting if one.id in asked]

    def _part(self, ctx: Context) -> _Part:
        ticket = ctx.ticket
        words: tuple[object, ...] = (ticket.status, ticket.priority, ticket.channel)
        if ticket.unknown or None in words:
            words = tuple(_known(ticket, field, word) for field, word in zip(WORD_FIELDS, words, strict=True))
        part = self._parts.get(words)
        if part is None:
            part = self._split(ctx)
            if len(self._parts) < _KEPT:
                self._parts[words] = part
        return part

    def _split(self, ctx: Context) -> _Part:
        always: list[int] = []
        by_situation: dict[str, list[int]] = {}
        by_list: dict[str, list[int]] = {}
        for number, entry in enumerate(self._entries):
            if _excluded(ctx, entry.condition):
                continue
            if entry.situations is not None:
                for situation in entry.situations or ctx.policy.situations:
                    by_situation.setdefault(situation, []).append(number)
            elif entry.needs is not None:
                for name in entry.needs:
                    by_list.setdefault(name, []).append(number)
            else:
                always.append(number)
        detections: list[Situation] = []
        detections_by_list: dict[str, list[Situation]] = {}
        for one in self._detecting:
            if _excluded(ctx, one.detect):
                continue
            needs = _needs(ctx.policy, one.detect)
            if needs is None:
                detections.append(one)
            else:
                for name in needs:
                    detections_by_list.setdefault(name, []).append(one)
        return _Part(
            tuple(self._entries[number] for number in always),
            tuple(always),
            {name: tuple(numbers) for name, numbers in by_situation.items()},
            {name: tuple(numbers) for name, numbers in by_list.items()},
            tuple(detections),
            {name: tuple(listed) for name, listed in detections_by_list.items()},
        )


def shortlist(policy: Policy, asked: Callable[[Policy], Iterable[Rule]]) -> Shortlist:
    """The policy's shortlist, made at the first call. `asked` gives its rules in the order in which they are asked."""
    made: Shortlist | None = policy.memo.get(_MEMO)
    if made is None:
        made = policy.memo[_MEMO] = Shortlist(policy, asked(policy))
    return made


def _entry(policy: Policy, rule: Rule, first: set[str]) -> Entry:
    """The rule's entry; `first` are the kinds of one_of_several whose first rule was seen already."""
    if not isinstance(rule, Selective):
        return Entry(rule)
    several = bool(getattr(rule, "one_of_several", False))
    if several and rule.ref.kind not in first:
        first.add(rule.ref.kind)
        return Entry(rule)
    situations, condition = rule.only_for()
    among = None if situations is None else frozenset(situations)
    gated = among is None and condition is not None and not several
    return Entry(rule, among, condition, _needs(policy, condition), gated)


def _needs(policy: Policy, condition: Condition | None) -> frozenset[str] | None:
    if not isinstance(condition, Clause) or policy.index is None:
        return None
    return condition.needs()


def _excluded(ctx: Context, condition: Condition | None) -> bool:
    return isinstance(condition, Clause) and condition.settled(ctx) is NO


def _known(ticket: Ticket, field: str, word: object) -> object:
    """The word, or what a condition on it sees instead: that it is unknown (also: mapped to no word), or empty."""
    if field in ticket.unknown or (word is None and field in ticket.raw):
        return UNKNOWN
    return word
