"""Decision tables against a checker that simply looks at every combination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from connector.core.tables import Cube, Table

NAMES = ("a", "b", "c", "d")


@st.composite
def cubes(draw: st.DrawFn, facts: Mapping[str, tuple[str, ...]]) -> Cube:
    chosen = draw(st.lists(st.sampled_from(sorted(facts)), unique=True))
    some = {name: st.lists(st.sampled_from(facts[name]), unique=True, min_size=1) for name in chosen}
    return {name: tuple(draw(values)) for name, values in some.items()}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    facts = {name: ("x", "y", "z")[:size] for name, size in zip(NAMES, sizes, strict=False)}
    rows = draw(st.lists(cubes(facts), max_size=5))
    return Table(facts, tuple(rows), tuple(draw(st.lists(cubes(facts), max_size=2))))


def inside(table: Table, cube: Cube) -> set[tuple[str, ...]]:
    """The combinations of a cube, by looking at each."""
    every = product(*table.facts.values())
    return {
        one
        for one in every
        if all(value in cube.get(fact, (value,)) for fact, value in zip(table.facts, one, strict=True))
    }


def union(table: Table, some: Iterable[Cube]) -> set[tuple[str, ...]]:
    return {one for cube in some for one in inside(table, cube)}


@given(tables())
def test_holes_are_exactly_what_no_row_decides(table: Table) -> None:
    """Together the cubes cover every undecided possible combination, and no decided one; none is superfluous."""
    never = union(table, table.impossible)
    expected = inside(table, {}) - never - union(table, table.rows)
    holes = table.holes()
    assert union(table, holes) - never == expected
    assert union(table, holes) & union(table, table.rows) <= never
    for number in range(len(holes)):
        assert union(table, holes[:number] + holes[number + 1 :]) - never != expected


@given(tables())
def test_no_cube_of_a_hole_can_be_told_more_shortly(table: Table) -> None:
    """Leaving out any of its facts would say something that is decided."""
    allowed = inside(table, {}) - (union(table, table.rows) - union(table, table.impossible))
    for hole in table.holes():
        for fact in hole:
            looser = {name: values for name, values in hole.items() if name != fact}
            assert not inside(table, looser) <= allowed


@given(tables())
def test_overlaps_are_exactly_the_pairs_that_share_a_possible_combination(table: Table) -> None:
    """Each pair once, with exactly what both decide; dead rows are those with nothing possible left."""
    never = union(table, table.impossible)
    rows = [inside(table, row) - never for row in table.rows]
    expected = {
        (first, second): rows[first] & rows[second]
        for second in range(len(rows))
        for first in range(second)
        if rows[first] & rows[second]
    }
    assert {(one.first, one.second): union(table, one.cubes) - never for one in table.overlaps()} == expected
    assert table.dead() == tuple(number for number, row in enumerate(rows) if not row)


@given(st.data())
def test_what_is_not_known_never_rules_a_row_out(data: st.DataObject) -> None:
    """Every row that decides a combination compatible with what is known may hold, and no other."""
    table = data.draw(tables())
    known = data.draw(cubes(table.facts))
    left = inside(table, known) - union(table, table.impossible)
    rows = tuple(number for number, row in enumerate(table.rows) if inside(table, row) & left)
    assert table.possible(known) == (rows, left <= union(table, table.rows))
