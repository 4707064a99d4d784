"""Which rules could say more than a plain no of a ticket, found without asking them; and until when they say no.

Worked out once a policy, in two steps. Conditions on one field of few values (status, channel, group, tags ...) have
the same answers for all tickets with the same values there: a rule whose condition is NO by those alone is left out,
and of the others only the rest of the condition is still to be asked. What remains is left out where it needs a phrase
list that the ticket does not say, or a situation it is not in. A rule that is not left out may tell quietly, without
building an answer, that it only waits (`Quiet`). All others are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple, Protocol, runtime_checkable

from connector.core.conditions_base import NO, YES, Clause
from connector.core.model import WORD_FIELDS, Ticket
from connector.core.policy import Condition, Context, Policy, Rule, Situation
from connector.core.rules._common import unresolved
from connector.core.tri import Tri

_TEXTS = ("subject", "body")
#: Combinations of values, and of the answers to them, that are kept; beyond, all are forgotten and begun anew.
_VALUES_KEPT, _PARTS_KEPT = 16_384, 1_024
_MEMO = "shortlist"
#: Kinds that have something to remember of a ticket that is finished.
REMEMBER_FINISHED = frozenset({"sla"})

#: Until when a rule says NO or WAIT and keeps nothing (FOREVER: time alone changes nothing); None: it must be asked.
Quiet = Callable[[Context], datetime | None]
#: What is still to be asked of a condition: None where it holds.
Left = Clause | None


@runtime_checkable
class Selective(Protocol):
    """A rule that says whom it concerns, so that it need not be asked about all others.

    Where `gate(ctx, *only_for())` is NO its answer is NO, keeps nothing, and wakes when the gate does. A rule with a
    true `one_of_several` promises that only where the gate is NO for ever, and only behind the first of its kind.
    """

    def only_for(self) -> tuple[Sequence[str] | None, Condition | None]:
        """The situations it is for (None: asks for none; empty: any at all) and its condition."""
        ...


@runtime_checkable
class Quietly(Protocol):
    """A rule that can tell of most tickets, without building a decision, that it says nothing of them now.

    Where `quietly(policy, left)(ctx)` is an instant, `decide(ctx)` would say NO or WAIT, keep nothing, and wake then.
    `left` is what is to be asked of its condition; its situations are known to hold. Fields may be unknown. With a true
    `telling`, whatever the shortcut leaves is asked with its reasons at once.
    """

    def quietly(self, policy: Policy, left: Left) -> Quiet | None:
        """The shortcut for tickets of which this is left; None: there is no other than that of the condition."""
        ...


@runtime_checkable
class TogetherQuietly(Protocol):
    """Rules with `one_of_several`: the first that concerns a ticket answers for all of them."""

    def together(self, policy: Policy, asked: Sequence[tuple[Rule, Left]]) -> Quiet:
        """The shortcut for all rules of the kind; those that may concern the ticket are given, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule as the shortlist knows it: `gated` where a NO of its condition is the rule's own answer.

    `several`: one of several of its kind; `leads`: the first of those, which is asked wherever none may be left out.
    `telling`: its shortcut leaves little but answers with something to say, so that it need not be asked briefly first.
    """

    number: int
    rule: Rule
    situations: frozenset[str] | None = None
    condition: Condition | None = None
    gated: bool = False
    several: bool = False
    leads: bool = False
    telling: bool = False


class Lot(NamedTuple):
    """Entries of which `quiet` may tell that they say nothing; where it can't, or is None, each of them is asked."""

    number: int
    quiet: Quiet | None
    entries: tuple[Entry, ...]


class _Inside(NamedTuple):
    """The lots of a ticket in one situation, or in none: asked always, or where a phrase list is affirmed."""

    always: tuple[Lot, ...]
    by_list: Mapping[str, tuple[Lot, ...]]


class _Part:
    """What the answers of all atoms leave: entries with the rest of their condition, and detections."""

    __slots__ = ("detections", "detections_by_list", "entries", "inside")

    def __init__(self, entries: Sequence[tuple[Entry, Condition | None]]) -> None:
        self.entries = tuple(entries)
        self.inside: dict[str | None, _Inside] = {}
        self.detections: tuple[Situation, ...] = ()
        self.detections_by_list: dict[str, list[Situation]] = {}


class Shortlist:
    """The rules of a policy, in the order in which they are asked, and the situations with a `detect:`."""

    __slots__ = ("_all", "_atoms", "_detecting", "_entries", "_fields", "_lots", "_parts", "_policy", "_resting",
                 "_values", "_values_of")  # fmt: skip

    def __init__(self, policy: Policy, rules: Iterable[Rule]) -> None:
        first: set[str] = set()
        self._policy = policy
        self._entries = tuple(_entry(number, rule, first) for number, rule in enumerate(rules))
        self._resting = tuple(entry for entry in self._entries if entry.rule.ref.kind in REMEMBER_FINISHED)
        self._detecting = tuple(one for one in policy.situations.values() if one.detect is not None)
        conditions = [*(entry.condition for entry in self._entries), *(one.detect for one in self._detecting)]
        self._atoms = tuple(atom for one in conditions if isinstance(one, Clause) for atom in one.atoms())
        fields = {atom.atom: None for atom in self._atoms if atom.atom is not None}
        self._fields = tuple(dict.fromkeys((*WORD_FIELDS, *fields)))
        self._values_of: Callable[[Ticket], tuple[object, ...]] = attrgetter(*self._fields)
        self._values: dict[tuple[object, ...], _Part] = {}
        self._parts: dict[tuple[Tri, ...], _Part] = {}
        self._lots: dict[tuple[tuple[int, Condition | None], ...], Lot] = {}
        self._all = tuple(self._alone(entry) for entry in self._entries)

    def lots(self, ctx: Context) -> Sequence[Lot]:
        """What is to be asked about the ticket, in order; its situation must be known by now."""
        ticket, situation = ctx.ticket, ctx.situation
        if ticket.unknown and any(field in ticket.unknown for field in _TEXTS):
            return self._all
        doubtful = situation is None and (ticket.unknown or ticket.escalation_type)
        if doubtful and unresolved(ctx.policy, ticket) is not None:
            return self._all
        part = self._part(ctx)
        inside = part.inside.get(situation)
        if inside is None:
            inside = part.inside[situation] = self._inside(part, situation)
        by_list = inside.by_list
        if by_list:
            subject, body = ctx.affirmed()
            if subject or body:
                more = {lot.number: lot for name in subject | body for lot in by_list.get(name, ())}
                if more:
                    return sorted((*inside.always, *more.values()), key=_number)
        return inside.always

    def resting(self) -> Sequence[Entry]:
        """The entries that have something to remember of a finished ticket too."""
        return self._resting

    def detections(self, ctx: Context) -> Sequence[Situation]:
        """The situations whose `detect:` may say more than a lasting no, in the order of the policy."""
        if not self._detecting or (ctx.ticket.unknown and any(field in ctx.ticket.unknown for field in _TEXTS)):
            return self._detecting
        part = self._part(ctx)
        by_list = part.detections_by_list
        if not by_list:
            return part.detections
        subject, body = ctx.affirmed()
        if not subject and not body:
            return part.detections
        found = {one.id for name in subject | body for one in by_list.get(name, ())}
        if not found:
            return part.detections
        found.update(one.id for one in part.detections)
        return [one for one in self._detecting if one.id in found]

    # --- what the atoms leave ---------------------------------------------------------------------------------------
    def _part(self, ctx: Context) -> _Part:
        ticket = ctx.ticket
        values = self._values_of(ticket)
        if ticket.unknown or (None in values and ticket.raw):
            # An atom also sees that a field is not told, or that no word is mapped onto what the helpdesk says.
            values = (values, ticket.unknown, tuple(field in ticket.raw for field in self._fields))
        part = self._values.get(values)
        if part is None:
            part = self._answered(ctx)
            if len(self._values) >= _VALUES_KEPT:
                self._values.clear()
            self._values[values] = part
        return part

    def _answered(self, ctx: Context) -> _Part:
        answers = tuple(atom.test(ctx) for atom in self._atoms)
        part = self._parts.get(answers)
        if part is None:
            if len(self._parts) >= _PARTS_KEPT:
                self._parts.clear()
            part = self._parts[answers] = self._split(dict(zip(self._atoms, answers, strict=True)))
        return part

    def _split(self, answers: Mapping[Clause, Tri]) -> _Part:
        entries = []
        for entry in self._entries:
            left = _left(entry.condition, answers)
            if left is not NO:
                entries.append((entry, _rest(entry.condition, left)))
        part = _Part(entries)
        detections: list[Situation] = []
        for one in self._detecting:
            left = _left(one.detect, answers)
            if left is NO:
                continue
            needs = self._needs(_rest(one.detect, left))
            if needs is None:
                detections.append(one)
            else:
                for name in needs:
                    part.detections_by_list.setdefault(name, []).append(one)
        part.detections = tuple(detections)
        return part

    # --- what is left to be asked -----------------------------------------------------------------------------------
    def _inside(self, part: _Part, situation: str | None) -> _Inside:
        always: list[Lot] = []
        by_list: dict[str, list[Lot]] = {}
        there = [(entry, left) for entry, left in part.entries if _concerns(entry, situation)]
        several: dict[str, list[tuple[Entry, Condition | None]]] = {}
        for entry, left in there:
            if entry.several:
                several.setdefault(entry.rule.ref.kind, []).append((entry, left))
                continue
            lot, needs = self._lot(entry, left), self._needs(left)
            if needs is None:
                always.append(lot)
            else:
                for name in needs:
                    by_list.setdefault(name, []).append(lot)
        always += (self._together(kind, several.get(kind, [])) for kind in self._kinds_of_several())
        always.sort(key=_number)
        return _Inside(tuple(always), {name: tuple(lots) for name, lots in by_list.items()})

    def _kinds_of_several(self) -> Iterator[str]:
        return (entry.rule.ref.kind for entry in self._entries if entry.leads)

    def _together(self, kind: str, asked: Sequence[tuple[Entry, Condition | None]]) -> Lot:
        """The lot of all rules of a kind of which one answers; its first rule is asked even where it says no."""
        leader = next(entry for entry in self._entries if entry.leads and entry.rule.ref.kind == kind)
        entries = (leader, *(entry for entry, _ in asked if entry is not leader))
        lefts = [(entry.rule, left) for entry, left in asked if left is None or isinstance(left, Clause)]
        rule = leader.rule
        if not isinstance(rule, TogetherQuietly) or len(lefts) != len(asked):
            return Lot(leader.number, None, entries)
        key = ((leader.number, None), *((entry.number, left) for entry, left in asked))
        lot = self._lots.get(key)
        if lot is None:
            lot = self._keep(key, Lot(leader.number, rule.together(self._policy, lefts), entries))
        return lot

    def _lot(self, entry: Entry, left: Condition | None) -> Lot:
        """The lot of one rule of whose condition this is left."""
        if left is not None and not isinstance(left, Clause):
            return Lot(entry.number, None, (entry,))
        key = ((entry.number, left),)
        lot = self._lots.get(key)
        if lot is None:
            quiet: Quiet | None = None
            if isinstance(entry.rule, Quietly):
                quiet = entry.rule.quietly(self._policy, left)
            if quiet is None and left is not None:
                quiet = left.shut
            lot = self._keep(key, Lot(entry.number, quiet, (entry,)))
        return lot

    def _alone(self, entry: Entry) -> Lot:
        """The lot of a rule on a ticket of which too little is known: only where its condition alone is its gate."""
        return self._lot(entry, entry.condition) if entry.gated else Lot(entry.number, None, (entry,))

    def _keep(self, key: tuple[tuple[int, Condition | None], ...], lot: Lot) -> Lot:
        if len(self._lots) >= _VALUES_KEPT:
            self._lots.clear()
        self._lots[key] = lot
        return lot

    def _needs(self, left: Condition | None) -> Collection[str] | None:
        return left.needs() if isinstance(left, Clause) and self._policy.index is not None else None


def shortlist(policy: Policy, asked: Callable[[Policy], Iterable[Rule]]) -> Shortlist:
    """The policy's shortlist, made at the first call. `asked` gives its rules in the order in which they are asked."""
    made: Shortlist | None = policy.memo.get(_MEMO)
    if made is None:
        made = policy.memo[_MEMO] = Shortlist(policy, asked(policy))
    return made


_number = attrgetter("number")


def _entry(number: int, rule: Rule, first: set[str]) -> Entry:
    """The rule's entry; `first` are the kinds of one_of_several whose first rule was seen already."""
    if not isinstance(rule, Selective):
        return Entry(number, rule)
    several = bool(getattr(rule, "one_of_several", False))
    leads = several and rule.ref.kind not in first
    if leads:
        first.add(rule.ref.kind)
    situations, condition = rule.only_for()
    among = None if situations is None else frozenset(situations)
    gated = among is None and condition is not None and not several
    telling = bool(getattr(rule, "telling", False))
    return Entry(number, rule, among, condition, gated, several, leads, telling)


def _concerns(entry: Entry, situation: str | None) -> bool:
    if entry.situations is None:
        return True
    return situation is not None and (not entry.situations or situation in entry.situations)


def _left(condition: Condition | None, answers: Mapping[Clause, Tri]) -> Condition | Tri | None:
    return condition.left(answers) if isinstance(condition, Clause) else condition


def _rest(condition: Condition | None, left: Condition | Tri | None) -> Condition | None:
    """What is still to be asked: nothing where the answer is YES, all of it where that can't be told."""
    if isinstance(left, Tri):
        return None if left is YES else condition
    return left
