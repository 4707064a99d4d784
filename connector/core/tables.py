"""Decision tables over facts with few values: every combination is looked at, so that no hole stays unseen.

A set of combinations is one whole number with a bit for each, so that the questions "what does no row decide" and "what
do two rows decide" are single operations however large the table is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import product
from math import prod

#: The most combinations a table may have; above it nobody could read what is missing.
MOST = 20_000

#: Some values of some facts; a fact that is left out may have any of its values.
Cube = Mapping[str, tuple[str, ...]]


class TableError(ValueError):
    """A table that can't be enumerated: an unknown fact or value, or too many combinations.

    `where` is the place in the table: (`rows` or `impossible`, number from 0, fact), or None for the table itself.
    """

    def __init__(self, text: str, where: tuple[str, int, str] | None = None) -> None:
        super().__init__(text)
        self.where = where


@dataclass(frozen=True, slots=True)
class Hole:
    """Combinations that no row decides."""

    cube: Cube


@dataclass(frozen=True, slots=True)
class Overlap:
    """Combinations that two rows decide; `first` and `second` are their numbers from 0."""

    first: int
    second: int
    cubes: tuple[Cube, ...]


@dataclass(frozen=True)
class Table:
    """Facts with their values, rows as cubes, and the combinations that can't occur.

    Raises TableError for facts or values that are not declared, and for more than `MOST` combinations.
    """

    facts: Mapping[str, tuple[str, ...]]
    rows: tuple[Cube, ...]
    impossible: tuple[Cube, ...] = ()

    def __post_init__(self) -> None:
        count = prod(len(values) for values in self.facts.values())
        if count > MOST:
            msg = f"the facts have {count} combinations; at most {MOST} can be checked: take a fact or values away"
            raise TableError(msg)
        for part, cubes in (("rows", self.rows), ("impossible", self.impossible)):
            for number, cube in enumerate(cubes):
                self._check_cube(part, number, cube)

    def _check_cube(self, part: str, number: int, cube: Cube) -> None:
        for fact, values in cube.items():
            if fact not in self.facts:
                msg = f"unknown fact '{fact}'; the facts are {', '.join(self.facts)}"
                raise TableError(msg, (part, number, fact))
            for value in values:
                if value not in self.facts[fact]:
                    msg = f"'{value}' is no value of {fact}; it is one of {', '.join(self.facts[fact])}"
                    raise TableError(msg, (part, number, fact))

    # --- sets of combinations -----------------------------------------------------------------------------------
    @cached_property
    def _masks(self) -> Mapping[str, Mapping[str, int]]:
        """fact -> value -> the set of all combinations with it."""
        masks: dict[str, dict[str, int]] = {fact: dict.fromkeys(values, 0) for fact, values in self.facts.items()}
        for bit, combination in enumerate(product(*self.facts.values())):
            for fact, value in zip(self.facts, combination, strict=True):
                masks[fact][value] |= 1 << bit
        return masks

    @cached_property
    def _all(self) -> int:
        return int((1 << prod(len(values) for values in self.facts.values())) - 1)

    @cached_property
    def _never(self) -> int:
        return _union(self.set_of(cube) for cube in self.impossible)

    @cached_property
    def _decided(self) -> tuple[int, ...]:
        return tuple(self.set_of(row) & ~self._never for row in self.rows)

    def set_of(self, cube: Cube) -> int:
        """The combinations of a cube, as bits in the order of `product` over the facts' values."""
        found = self._all
        for fact, values in cube.items():
            found &= _union(self._masks[fact][value] for value in values)
        return found

    # --- what is wrong ----------------------------------------------------------------------------------------------
    def holes(self) -> tuple[Cube, ...]:
        """What no row decides, as few cubes: together exactly the possible combinations without a row."""
        return self._merged(self._all & ~self._never & ~_union(self._decided))

    def overlaps(self) -> tuple[Overlap, ...]:
        """Every pair of rows that decides a possible combination twice."""
        found = []
        for second, later in enumerate(self._decided):
            for first in range(second):
                both = self._decided[first] & later
                if both:
                    found.append(Overlap(first, second, self._merged(both)))
        return tuple(found)

    def dead(self) -> tuple[int, ...]:
        """Numbers of rows that hold for no possible combination."""
        return tuple(number for number, decided in enumerate(self._decided) if not decided)

    # --- at run time --------------------------------------------------------------------------------------------
    def possible(self, known: Cube) -> tuple[tuple[int, ...], bool]:
        """(numbers of the rows that may hold, whether one of them holds in any case) for what is known of the facts.

        A fact that is not known has several values, or is left out. (), True: what is known can't occur together.
        """
        left = self.set_of(known) & ~self._never
        rows = tuple(number for number, decided in enumerate(self._decided) if decided & left)
        return rows, not left & ~_union(self._decided)

    def open_facts(self, known: Cube) -> tuple[str, ...]:
        """The facts that are not known and make a difference between the rows that may hold."""
        rows, _ = self.possible(known)
        used = {fact for number in rows for fact in self.rows[number]}
        return tuple(fact for fact in self.facts if fact in used and len(known.get(fact, self.facts[fact])) > 1)

    # --- merging ------------------------------------------------------------------------------------------------
    def _merged(self, wanted: int) -> tuple[Cube, ...]:
        """Few cubes that together are exactly the wanted combinations (impossible ones may be in them too)."""
        allowed = wanted | self._never
        cubes: list[tuple[dict[str, tuple[str, ...]], int]] = []
        left = wanted
        while left:
            bit = (left & -left).bit_length() - 1
            cube = max(
                (self._grown(bit, order, allowed) for order in self._orders()),
                key=lambda one: ((self.set_of(one) & left).bit_count(), -len(one)),
            )
            cubes.append((cube, self.set_of(cube) & wanted))
            left &= ~cubes[-1][1]
        for pair in list(cubes):  # one that the others make superfluous goes
            others = _union(mask for other, mask in cubes if other is not pair[0])
            if not pair[1] & ~others:
                cubes.remove(pair)
        return tuple(cube for cube, _ in cubes)

    def _orders(self) -> Iterator[tuple[str, ...]]:
        """Some orders in which facts may be let go: each fact comes first once, forwards and backwards."""
        names = tuple(self.facts)
        for start in range(len(names)):
            turned = names[start:] + names[:start]
            yield turned
            yield turned[:1] + turned[:0:-1]

    def _grown(self, bit: int, order: Sequence[str], allowed: int) -> dict[str, tuple[str, ...]]:
        """The combination with as many facts let go, then as many values added, as stay inside `allowed`."""
        cube = {
            fact: tuple(value for value, mask in self._masks[fact].items() if mask >> bit & 1) for fact in self.facts
        }
        for fact in order:
            looser = {name: values for name, values in cube.items() if name != fact}
            if not self.set_of(looser) & ~allowed:
                cube = looser
        for fact in order:
            for value in self.facts[fact] if fact in cube else ():
                if value not in cube[fact]:
                    more = tuple(one for one in self.facts[fact] if one in (*cube[fact], value))
                    if not self.set_of({**cube, fact: more}) & ~allowed:
                        cube[fact] = more
        return cube


def told(cube: Cube) -> str:
    """A cube in words: `first = unanswered, line = bottled or bulk`."""
    if not cube:
        return "every combination"
    return ", ".join(f"{fact} = {' or '.join(values)}" for fact, values in cube.items())


def _union(masks: Iterable[int]) -> int:
    return reduce(int.__or__, masks, 0)
