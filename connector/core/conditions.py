"""The one `when:` grammar of the mapping language: every operator, registered once, and how they are joined.

A condition answers YES, NO or UNKNOWN (`policy.Condition`). Each room holds one family of operators; this module joins
them and adds `all`, `any` and `not`. The keys of one `when:` are joined by AND.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from connector.core import conditions_ages, conditions_phrases, conditions_texts, conditions_words
from connector.core.conditions_base import FOREVER, NO, UNKNOWN, YES, Clause, told
from connector.core.conditions_phrases import list_id
from connector.core.meaning import Every, Meaning, Opposite, Some
from connector.core.policy import Context, Told
from connector.core.spec import Many, Operator, When
from connector.core.tri import Tri
from connector.core.tri import all_of as all_of_tri
from connector.core.tri import any_of as any_of_tri

__all__ = ["CUSTOM_PREFIX", "OPERATORS", "Clause", "all_of", "any_of", "list_id", "negation", "operator"]

CUSTOM_PREFIX = "custom."


_ALL_WORDS = {YES: "all of these hold", NO: "not all of these hold", UNKNOWN: "one of these is unknown"}
_ANY_WORDS = {YES: "one of these holds", NO: "none of these holds", UNKNOWN: "one of these is unknown"}
_NOT_WORDS = {YES: "this does not hold", NO: "this holds", UNKNOWN: "this is unknown"}


class _Joined(Clause):
    """Several conditions in one; the cheap ones are asked first, all are told in the order they were written."""

    __slots__ = ("_asked", "_children", "_clocks", "_lefts", "_rest", "timed")

    #: The answer of one part that is the answer of the whole.
    _decides = NO

    def __init__(self, children: Sequence[Clause]) -> None:
        self._children = tuple(children)
        self._asked = tuple(sorted(self._children, key=_cost))
        self._clocks = tuple(child for child in self._asked if child.timed)
        self._rest = tuple(child for child in self._asked if not child.timed)
        self.timed = bool(self._clocks)
        #: What is left of it, by what is left of its children: the same clause each time, so that others may keep it.
        self._lefts: dict[tuple[Clause, ...], Clause] = {}

    def wake(self, ctx: Context) -> datetime | None:
        if not self._clocks:
            return None
        alone = len(self._clocks) == 1
        for child in self._rest:
            answer = child.test(ctx)
            if answer is self._decides:
                return None  # whatever the clocks say, now and later
            alone = alone and answer is not UNKNOWN
        return self._clocks[0].wake(ctx) if alone else super().wake(ctx)

    def atoms(self) -> Iterator[Clause]:
        for child in self._children:
            yield from child.atoms()

    def left(self, answers: Mapping[Clause, Tri]) -> Clause | Tri:
        kept: list[Clause] = []
        unknown = False
        for child in self._children:
            found = child.left(answers)
            if isinstance(found, Clause):
                kept.append(found)
            elif found is self._decides:
                return found
            elif found is UNKNOWN:
                unknown = True
        if not kept:
            return UNKNOWN if unknown else ~self._decides
        if unknown:
            return self  # nothing is gained by leaving the others out
        return self._of(tuple(kept))

    def _of(self, kept: tuple[Clause, ...]) -> Clause:
        """The same join of these, which are what is left of the children."""
        if kept == self._children:
            return self
        if len(kept) == 1:
            return kept[0]
        return self._lefts.setdefault(kept, type(self)(kept))

    def moments(self, ctx: Context) -> Iterator[datetime]:
        for child in self._children:
            yield from child.moments(ctx)

    def phrases(self) -> Iterator[tuple[str, Sequence[str]]]:
        for child in self._children:
            yield from child.phrases()

    def _children_told(self, ctx: Context) -> tuple[Told, ...]:
        return tuple(child.tell(ctx) for child in self._children)

    @staticmethod
    def _told(tri: Tri, code: str, words: Mapping[Tri, str], children: tuple[Told, ...]) -> Told:
        return Told(tri, told(tri, code, words[tri]).reason, children)


class _All(_Joined):
    """Every one holds."""

    __slots__ = ()

    def needs(self) -> frozenset[str] | None:
        wanted = [needs for child in self._children if (needs := child.needs()) is not None]
        return min(wanted, key=lambda lists: (len(lists), sorted(lists)), default=None)

    @property
    def meaning(self) -> Meaning:
        return Every(tuple(child.meaning for child in self._children))

    def test(self, ctx: Context) -> Tri:
        result = YES
        for child in self._asked:
            answer = child.test(ctx)
            if answer is NO:
                return answer
            if answer is UNKNOWN:
                result = answer
        return result

    def shut(self, ctx: Context) -> datetime | None:
        alone = len(self._clocks) == 1
        for child in self._rest:
            answer = child.test(ctx)
            if answer is NO:
                return FOREVER
            alone = alone and answer is not UNKNOWN
        if alone:
            return self._clocks[0].shut(ctx)
        return super().shut(ctx) if self._clocks else None

    def tell(self, ctx: Context) -> Told:
        children = self._children_told(ctx)
        return self._told(all_of_tri(child.tri for child in children), "ALL", _ALL_WORDS, children)


class _Any(_Joined):
    """At least one holds."""

    __slots__ = ()

    _decides = YES

    def needs(self) -> frozenset[str] | None:
        wanted: set[str] = set()
        for child in self._children:
            needs = child.needs()
            if needs is None:
                return None
            wanted |= needs
        return frozenset(wanted)

    @property
    def meaning(self) -> Meaning:
        return Some(tuple(child.meaning for child in self._children))

    def test(self, ctx: Context) -> Tri:
        result = NO
        for child in self._asked:
            answer = child.test(ctx)
            if answer is YES:
                return answer
            if answer is UNKNOWN:
                result = answer
        return result

    def tell(self, ctx: Context) -> Told:
        children = self._children_told(ctx)
        return self._told(any_of_tri(child.tri for child in children), "ANY", _ANY_WORDS, children)


class _Not(_Joined):
    """The one inside does not hold."""

    __slots__ = ("_child",)

    def __init__(self, child: Clause) -> None:
        super().__init__((child,))
        self._child = child

    @property
    def meaning(self) -> Meaning:
        return Opposite(self._child.meaning)

    def test(self, ctx: Context) -> Tri:
        return ~self._child.test(ctx)

    def wake(self, ctx: Context) -> datetime | None:
        return self._child.wake(ctx)

    def left(self, answers: Mapping[Clause, Tri]) -> Clause | Tri:
        found = self._child.left(answers)
        if not isinstance(found, Clause):
            return ~found
        return self if found is self._child else self._lefts.setdefault((found,), _Not(found))

    def tell(self, ctx: Context) -> Told:
        children = self._children_told(ctx)
        return self._told(~children[0].tri, "NOT", _NOT_WORDS, children)


def _cost(clause: Clause) -> int:
    """Words and texts first, then times, then phrases (which search the whole ticket)."""
    rooms = {conditions_words.__name__: 0, conditions_texts.__name__: 1, conditions_ages.__name__: 2, __name__: 3}
    return rooms.get(type(clause).__module__, 4)


def all_of(clauses: Sequence[Clause]) -> Clause:
    """Their AND; the clause itself where there is only one. `clauses` must not be empty."""
    return clauses[0] if len(clauses) == 1 else _All(clauses)


def any_of(clauses: Sequence[Clause]) -> Clause:
    """Their OR; the clause itself where there is only one. `clauses` must not be empty."""
    return clauses[0] if len(clauses) == 1 else _Any(clauses)


def negation(clause: Clause) -> Clause:
    """Its opposite; UNKNOWN stays UNKNOWN."""
    return _Not(clause)


_LOGIC = (
    Operator(
        "all",
        Many(When(), least=1),
        "Every one of these conditions holds (the keys of one condition are joined so anyway).",
        "all: [{any_phrase: [reembolso]}, {any_phrase: [abogado]}]",
        lambda _, value: all_of(value),
    ),
    Operator(
        "any",
        Many(When(), least=1),
        "At least one of these conditions holds.",
        "any: [{channel: twitter}, {tags: vip}]",
        lambda _, value: any_of(value),
    ),
    Operator(
        "not",
        When(),
        "This condition does not hold.",
        "not: {group: Ventas}",
        lambda _, value: negation(value),
    ),
)

_ALL_OPERATORS = (
    *_LOGIC,
    *conditions_words.OPERATORS,
    *conditions_texts.OPERATORS,
    conditions_texts.CUSTOM,
    *conditions_phrases.OPERATORS,
    *conditions_ages.OPERATORS,
)

#: Every operator by its key; `custom.X` stands for all keys that begin with `custom.`.
OPERATORS: Mapping[str, Operator] = MappingProxyType({one.name: one for one in _ALL_OPERATORS})


def operator(key: str) -> Operator | None:
    """The operator of a key of `when:`, or None."""
    if key.startswith(CUSTOM_PREFIX) and len(key) > len(CUSTOM_PREFIX):
        return conditions_texts.CUSTOM
    return OPERATORS.get(key)
