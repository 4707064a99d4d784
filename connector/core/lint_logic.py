"""What conditions imply, and which can never hold: each is taken apart into cases, each case into one fact a field.

Sound, not complete: `implies` and `disjoint` say so only where it is certain; where a condition is too branched to be
taken apart, nothing is said of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from connector.core._fold import Folding
from connector.core._negation import has_negator
from connector.core.meaning import (
    Among,
    Between,
    Elapsed,
    Every,
    Holding,
    Meaning,
    Opaque,
    Opposite,
    Present,
    Said,
    Some,
)
from connector.core.model import CHANNELS, PRIORITIES, STATUSES, TEXT_FIELDS
from connector.core.policy import Span
from connector.core.text import PhraseIndex, except_of, sample_of

_WORDS = {"status": STATUSES, "priority": PRIORITIES, "channel": CHANNELS}
_NOTHING = ""  # a field's value where it is empty
_YES, _NO = frozenset(("yes",)), frozenset(("no",))
_MOST_CASES = 256
_DAY = 86_400
#: Clocks that start when the ticket is created or later, and are reset by activity.
_EVENT_CLOCKS = ("in_status", "since_agent_reply", "since_customer_reply")
_FOLDING = Folding(fold_enye=False, inside_identifiers=False)

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    """A field's one value is in `values`; with `out`, it is none of them."""

    values: frozenset[str]
    out: bool = False

    def meet(self, other: _Choice) -> _Choice | None:
        if self.out and other.out:
            return _Choice(self.values | other.values, out=True)
        if self.out or other.out:
            inside, outside = (other, self) if self.out else (self, other)
            kept = inside.values - outside.values
        else:
            kept = self.values & other.values
        return _Choice(kept) if kept else None

    def within(self, other: _Choice) -> bool:
        if not self.out:
            return not (self.values & other.values) if other.out else self.values <= other.values
        return other.out and other.values <= self.values


@dataclass(frozen=True, slots=True)
class _Marks:
    """A ticket bears at least one mark of each set in `some`, and none of `none`: phrases, tags, values of a list."""

    some: frozenset[frozenset[Any]]
    none: frozenset[Any]
    bears: Callable[[Any, frozenset[Any]], bool]  # whether bearing the first means bearing one of the others

    def meet(self, other: _Marks) -> _Marks | None:
        some, none = self.some | other.some, self.none | other.none
        if none and any(all(self.bears(mark, none) for mark in marks) for marks in some):
            return None
        return _Marks(some, none, self.bears)

    def within(self, other: _Marks) -> bool:
        wanted = all(any(all(self.bears(mark, marks) for mark in mine) for mine in self.some) for marks in other.some)
        return wanted and all(self.bears(mark, self.none) for mark in other.none)


@dataclass(frozen=True, slots=True)
class _Range:
    """low <= value < high (`closed`: <= high). `never`: or the clock does not run at all."""

    low: float
    high: float
    never: bool = False
    closed: bool = False

    def meet(self, other: _Range) -> _Range | None:
        low, high, never = max(self.low, other.low), min(self.high, other.high), self.never and other.never
        empty = low > high or (low == high and not self.closed)
        return None if empty and not never else _Range(low, high, never, self.closed)

    def within(self, other: _Range) -> bool:
        return self.low >= other.low and self.high <= other.high and (other.never or not self.never)


_Fact = _Choice | _Marks | _Range
#: One way in which a condition can hold: the facts that hold together, by what they are about.
Case = Mapping[Key, _Fact]


class Reading:
    """Takes conditions apart for a policy with these situations."""

    def __init__(self, situations: Iterable[str]) -> None:
        self._situations = frozenset(situations)

    def cases(self, *meanings: Meaning) -> tuple[Case, ...] | None:
        """Every way in which all of them hold at once; () where none is left, None where there are too many to tell."""
        try:
            return tuple(self._every(meanings, holds=True))
        except _TooManyError:
            return None

    def impossible(self, *meanings: Meaning) -> bool:
        """Whether they can certainly never hold together."""
        return self.cases(*meanings) == ()

    def implies(self, stronger: Sequence[Meaning], weaker: Sequence[Meaning]) -> bool:
        """Whether wherever all of `stronger` hold (and they can), all of `weaker` certainly do."""
        mine, theirs = self.cases(*stronger), self.cases(*weaker)
        if not mine or theirs is None:
            return False
        return all(any(_case_within(case, other) for other in theirs) for case in mine)

    # --- taking apart -----------------------------------------------------------------------------------------------
    def _every(self, meanings: Sequence[Meaning], *, holds: bool) -> Iterator[Case]:
        """The cases of an AND."""
        cases: list[Case] = [{}]
        for meaning in meanings:
            joined = (_joined(left, right) for left in cases for right in self._of(meaning, holds=holds))
            cases = _few(case for case in joined if case is not None)
        return iter(cases)

    def _of(self, meaning: Meaning, *, holds: bool) -> list[Case]:
        if isinstance(meaning, Opposite):
            return self._of(meaning.part, holds=not holds)
        if isinstance(meaning, (Every, Some)):
            if isinstance(meaning, Every) == holds:
                return list(self._every(meaning.parts, holds=holds))
            return _few(itertools.chain.from_iterable(self._of(part, holds=holds) for part in meaning.parts))
        if isinstance(meaning, Present):
            facts = [self._present(field, holds=holds) for field in meaning.fields]
            if not holds:
                return list(facts)
            return _few(case for case in [_all_joined(facts)] if case is not None)
        return list(self._leaf(meaning, holds=holds))

    def _leaf(self, meaning: Meaning, *, holds: bool) -> Iterator[Case]:
        if isinstance(meaning, Among):
            yield {("field", meaning.field): self._among(meaning, holds=holds)}
        elif isinstance(meaning, Holding):
            yield from _marked(("marks", meaning.field), frozenset(meaning.values), _bears_it, holds=holds)
        elif isinstance(meaning, Said):
            marks = frozenset((field, phrase) for field in meaning.fields for phrase in meaning.phrases)
            yield from _marked(("said",), marks, _says, holds=holds)
        elif isinstance(meaning, Elapsed):
            yield from _elapsed(meaning, holds=holds)
        elif isinstance(meaning, Between) and holds:
            yield {("number", meaning.field): _Range(meaning.least, meaning.most, closed=True)}
        else:
            about = str(id(meaning.condition)) if isinstance(meaning, Opaque) else repr(meaning)
            yield {("told", about): _Choice(_YES if holds else _NO)}

    def _among(self, meaning: Among, *, holds: bool) -> _Choice:
        values = frozenset(meaning.values)
        universe: frozenset[str] | None = None
        if meaning.field == "situation":
            universe = self._situations | {"none"}
            values = (values - {"any"}) | (self._situations if "any" in values else frozenset())
        elif meaning.field in _WORDS:
            universe = frozenset((*_WORDS[meaning.field], _NOTHING))
        if universe is None:
            return _Choice(values, out=not holds)
        return _Choice(values if holds else universe - values)

    def _present(self, field: str, *, holds: bool) -> Case:
        if field in _WORDS:
            words = frozenset(_WORDS[field])
            return {("field", field): _Choice(words if holds else frozenset((_NOTHING,)))}
        if field in TEXT_FIELDS:
            return {("field", field): _Choice(frozenset((_NOTHING,)), out=holds)}
        return {("present", field): _Choice(_YES if holds else _NO)}


class _TooManyError(Exception):
    """A condition has more cases than are worth looking at."""


def _few(cases: Iterable[Case]) -> list[Case]:
    kept = list(itertools.islice(cases, _MOST_CASES + 1))
    if len(kept) > _MOST_CASES:
        raise _TooManyError
    return kept


def _marked(
    key: Key, marks: frozenset[Any], bears: Callable[[Any, frozenset[Any]], bool], *, holds: bool
) -> Iterator[Case]:
    if not holds:
        yield {key: _Marks(frozenset(), marks, bears)}
    elif key[0] == "marks":
        yield {key: _Marks(frozenset((marks,)), frozenset(), bears), ("present", key[1]): _Choice(_YES)}
    else:
        yield {key: _Marks(frozenset((marks,)), frozenset(), bears)}


def _elapsed(meaning: Elapsed, *, holds: bool) -> Iterator[Case]:
    never = not holds and meaning.clock != "age"  # every ticket was created; the rest may never have happened
    over, under = meaning.over, meaning.under
    if holds:
        facts = [_clock(meaning, span, low=span is over) for span in (over, under) if span is not None]
        joined = _all_joined(facts)
        if joined is not None:
            yield joined
        return
    for span in (over, under):
        if span is not None:
            yield _clock(meaning, span, low=span is not over, never=never)


def _clock(meaning: Elapsed, span: Span, *, low: bool, never: bool = False) -> Case:
    calendar = (meaning.calendar or "") if span.is_business else ""
    fact = _Range(span.amount, math.inf, never) if low else _Range(-math.inf, span.amount, never)
    return {("clock", meaning.clock, span.unit, calendar): fact}


def _all_joined(cases: Sequence[Case]) -> Case | None:
    joined: Case | None = {}
    for case in cases:
        joined = None if joined is None else _joined(joined, case)
    return joined


def _joined(left: Case, right: Case) -> Case | None:
    """Both cases at once; None where they exclude each other."""
    facts = dict(left)
    for key, fact in right.items():
        mine: Any = facts.get(key)
        met = fact if mine is None else mine.meet(fact)
        if met is None:
            return None
        facts[key] = met
    return None if _clocks_clash(facts) else facts


def _case_within(case: Case, other: Case) -> bool:
    for key, fact in other.items():
        mine: Any = case.get(key)
        if mine is None or not mine.within(fact):
            return False
    return True


# --- clocks -------------------------------------------------------------------------------------------------------
def at_least(span: Span) -> float:
    """The least elapsed seconds a span can take: business time is never longer than the time it takes."""
    if span.unit != "business_days":
        return span.amount
    return max(0, span.amount - 1) * _DAY


def _least(unit: str, amount: float) -> float:
    return max(0.0, amount - 1) * _DAY if unit == "business_days" and not math.isinf(amount) else amount


def bounds(case: Case, clock: str) -> tuple[float, float]:
    """(least, most) elapsed seconds of a clock that a case allows; (-inf, inf) where it says nothing."""
    low, high = -math.inf, math.inf
    for key, fact in case.items():
        if key[:2] != ("clock", clock) or not isinstance(fact, _Range) or fact.never:
            continue
        low = max(low, _least(key[2], fact.low))
        if key[2] == "elapsed":
            high = min(high, fact.high)
    return low, high


def words(case: Case, field: str) -> frozenset[str]:
    """The words a case allows for status, priority or channel, the empty one left out."""
    fact = case.get(("field", field))
    return (fact.values if isinstance(fact, _Choice) else frozenset(_WORDS[field])) - {_NOTHING}


def _clocks_clash(case: Case) -> bool:
    """Whether clocks, of one or of several kinds of time, exclude each other: nothing lasts longer than the ticket."""
    clocks = {key[1] for key in case if key[0] == "clock"}
    if not clocks:
        return False
    seen = {clock: bounds(case, clock) for clock in clocks}
    if any(low >= high for low, high in seen.values()):
        return True
    _, youngest = seen.get("age", (0, math.inf))
    longest = max((seen[clock][0] for clock in (*_EVENT_CLOCKS, "idle") if clock in seen), default=-math.inf)
    shortest = min((seen[clock][1] for clock in _EVENT_CLOCKS if clock in seen), default=math.inf)
    return longest >= youngest or seen.get("idle", (-math.inf, 0))[0] >= shortest


# --- marks --------------------------------------------------------------------------------------------------------
def _bears_it(mark: Any, marks: frozenset[Any]) -> bool:
    return mark in marks


def _says(mark: tuple[str, str], marks: frozenset[tuple[str, str]]) -> bool:
    """Whether a text in which the one phrase stands un-negated also has one of the others so, in the same field."""
    field, phrase = mark
    if mark in marks:
        return True
    return swallowed(phrase, frozenset(other for where, other in marks if where == field)) is not None


def folded(phrase: str) -> tuple[str, str]:
    """What two phrases that are found in the same places have in common."""
    phrase = sample_of(phrase) if except_of(phrase) is None else phrase
    minus = "-" if except_of(phrase) else ""
    return minus + _FOLDING.fold(phrase).strip(), minus + _FOLDING.signed(phrase)[0].strip()


@lru_cache(maxsize=16_384)
def swallowed(phrase: str, others: frozenset[str]) -> str | None:
    """One of the others that is found wherever the phrase is, both un-negated; None where there is none.

    A phrase with a negator in it ("no funciona") is never negated itself, but what stands inside it may be.
    """
    others = frozenset(other for other in others if not except_of(other))
    if not others or except_of(phrase):
        return None
    negates = _negates(phrase)
    found = sorted(
        match.phrase
        for match in _index(others).find(sample_of(phrase))
        if not match.negated and (not negates or _negates(match.phrase))
    )
    return found[0] if found else None


def _negates(phrase: str) -> bool:
    return has_negator(_FOLDING.fold(phrase).split())


@lru_cache(maxsize=1024)
def _index(phrases: frozenset[str]) -> PhraseIndex:
    return PhraseIndex({"all": sorted(phrases)})
