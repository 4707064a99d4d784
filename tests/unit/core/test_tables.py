"""Decision tables: holes and overlaps by enumeration, few readable cubes, and what holds when facts are not known."""

from __future__ import annotations

import pytest

from connector.core.tables import MOST, Cube, Table, TableError, told

FACTS = {"first": ("unanswered", "answered"), "due": ("within", "overdue"), "line": ("metered", "bottled", "bulk")}


def cube(**values: str | tuple[str, ...]) -> Cube:
    return {fact: (value,) if isinstance(value, str) else value for fact, value in values.items()}


WHOLE = (
    cube(first="answered"),
    cube(first="unanswered", due="within"),
    cube(first="unanswered", due="overdue", line="metered"),
    cube(first="unanswered", due="overdue", line=("bottled", "bulk")),
)


def without(number: int) -> Table:
    return Table(FACTS, WHOLE[:number] + WHOLE[number + 1 :])


def test_a_whole_table_has_neither_holes_nor_overlaps():
    """Every combination is decided by exactly one row."""
    table = Table(FACTS, WHOLE)
    assert (table.holes(), table.overlaps(), table.dead()) == ((), (), ())


@pytest.mark.parametrize("number", range(len(WHOLE)))
def test_a_row_taken_away_is_named_exactly(number: int):
    """The hole is the very cube of the row that is missing, in its own words."""
    assert without(number).holes() == (WHOLE[number],)


@pytest.mark.parametrize("number", range(len(WHOLE)))
def test_a_row_written_twice_is_named_exactly(number: int):
    """The overlap names both rows and their combinations, and nothing else overlaps."""
    [one] = Table(FACTS, (*WHOLE, WHOLE[number])).overlaps()
    assert (one.first, one.second, one.cubes) == (number, len(WHOLE), (WHOLE[number],))


def test_rows_that_overlap_in_part_are_told_in_that_part():
    """Not the whole rows: what both decide."""
    [one] = Table(FACTS, (cube(first="answered"), cube(line="bulk"))).overlaps()
    assert one.cubes == (cube(first="answered", line="bulk"),)


def test_impossible_combinations_need_no_row_and_overlap_in_nothing():
    """They are left out of holes and overlaps, and a row for them alone is dead."""
    rows = (cube(first="answered"), cube(first="unanswered", due="within"), cube(due="overdue", line="bulk"))
    table = Table(FACTS, rows, (cube(due="overdue"),))
    assert (table.holes(), table.overlaps(), table.dead()) == ((), (), (2,))


def test_holes_may_be_told_through_what_can_not_occur():
    """A hole whose rest can't occur is told without the fact that makes no difference."""
    table = Table(FACTS, (cube(first="answered"),), (cube(first="unanswered", due="overdue"),))
    assert table.holes() == (cube(first="unanswered"),)


def test_two_holes_that_are_not_one_cube_are_two():
    """Nothing is told that is decided: the cubes together are exactly what is missing."""
    table = Table(FACTS, (cube(first="unanswered", due="within"), cube(first="answered", due="overdue")))
    holes = table.holes()
    assert len(holes) == 2
    assert cube(first="unanswered", due="overdue") in holes
    assert cube(first="answered", due="within") in holes


@pytest.mark.parametrize(
    ("known", "rows", "open_facts"),
    [
        (cube(first="answered"), (0,), ()),
        (cube(first="unanswered", due="overdue"), (2, 3), ("line",)),
        (cube(first="unanswered", due="overdue", line=("bottled", "bulk")), (3,), ("line",)),
        ({}, (0, 1, 2, 3), ("first", "due", "line")),
    ],
)
def test_unknown_facts_leave_the_rows_that_may_hold(known: Cube, rows: tuple[int, ...], open_facts: tuple[str, ...]):
    """And which facts would tell them apart; a whole table always holds somehow."""
    table = Table(FACTS, WHOLE)
    assert table.possible(known) == (rows, True)
    assert table.open_facts(known) == open_facts


def test_what_is_known_may_be_undecided_or_impossible():
    """Undecided: not in any case. Impossible: no row at all."""
    assert without(0).possible({}) == ((0, 1, 2), False)
    assert Table(FACTS, WHOLE, (cube(due="within"),)).possible(cube(due="within")) == ((), True)


@pytest.mark.parametrize(
    ("rows", "impossible", "where", "words"),
    [
        ((cube(third="x"),), (), ("rows", 0, "third"), "unknown fact 'third'; the facts are first, due, line"),
        (
            (cube(line="gas"),),
            (),
            ("rows", 0, "line"),
            "'gas' is no value of line; it is one of metered, bottled, bulk",
        ),
        (WHOLE, (cube(due="late"),), ("impossible", 0, "due"), "'late' is no value of due"),
    ],
)
def test_facts_and_values_not_declared_are_refused(rows, impossible, where, words):
    """With the place, and what there is."""
    with pytest.raises(TableError, match=words) as caught:
        Table(FACTS, rows, impossible)
    assert caught.value.where == where


def test_a_table_nobody_could_read_is_refused():
    """More combinations than can be looked at, with the number."""
    with pytest.raises(TableError, match=f"have 32768 combinations; at most {MOST}"):
        Table({str(number): ("a", "b") for number in range(15)}, ())


def test_cubes_in_words():
    """As they stand in messages."""
    assert told(cube(first="answered", line=("bottled", "bulk"))) == "first = answered, line = bottled or bulk"
    assert told({}) == "every combination"
