"""The checker of decision tables names exactly what a table leaves open or decides twice: held against brute force.

The expected combinations are enumerated here from the YAML itself; nothing of the program takes part in that.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import pytest
import yaml

from connector.mapping.load import LoadResult, load_texts, pack_texts
from connector.packs import shipped

FACTS = {
    "first": ("unanswered", "answered"),
    "first_deadline": ("within", "overdue"),
    "follow_up": ("none", "unanswered", "answered"),
    "follow_up_deadline": ("within", "overdue"),
}
Combination = tuple[tuple[str, str], ...]


class _Plain(yaml.SafeLoader):
    """As packs are read: only true and false are no words; yes and no are."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or first in "tf"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@cache
def _texts() -> Mapping[str, str]:
    return pack_texts(shipped()["gas-utility-cl"])


@cache
def _rules() -> Any:
    return yaml.load(_texts()["repeat.yaml"], Loader=_Plain)["repeat"]


def _facts(rule: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    own = {
        name: tuple(dict.fromkeys([*one["values"], *([one["otherwise"]] if "otherwise" in one else [])]))
        for name, one in rule["facts"].items()
    }
    return {**FACTS, **own}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _holds(cube: Mapping[str, Any], one: Mapping[str, str]) -> bool:
    return all(one[fact] in _listed(values) for fact, values in cube.items())


def _possible(rule: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    facts = _facts(rule)
    for values in product(*facts.values()):
        one = dict(zip(facts, values, strict=True))
        if not any(_holds(cube, one) for cube in rule.get("impossible", ())):
            yield one


def _key(one: Mapping[str, str]) -> Combination:
    return tuple(sorted(one.items()))


def _uncovered(rule: Mapping[str, Any]) -> set[Combination]:
    return {_key(one) for one in _possible(rule) if not any(_holds(row["if"], one) for row in rule["table"])}


def _doubled(rule: Mapping[str, Any], first: int, second: int) -> set[Combination]:
    rows = rule["table"]
    both = (rows[first]["if"], rows[second]["if"])
    return {_key(one) for one in _possible(rule) if all(_holds(each, one) for each in both)}


def _told(rule: Mapping[str, Any], words: str) -> set[Combination]:
    """The possible combinations a message names: `first = unanswered, line = bottled or bulk; or ...`."""
    found: set[Combination] = set()
    for cube in words.split(", in rule ")[0].split("; or "):
        given = {} if cube == "every combination" else dict(part.split(" = ") for part in cube.split(", "))
        wanted = {fact: values.split(" or ") for fact, values in given.items()}
        found |= {_key(one) for one in _possible(rule) if _holds(wanted, one)}
    return found


def _check(number: int, rule: Mapping[str, Any]) -> LoadResult:
    rules = [rule if n == number else each for n, each in enumerate(_rules())]
    return load_texts({**_texts(), "repeat.yaml": json.dumps({"repeat": rules})})  # JSON is YAML, and quick


def _messages(result: LoadResult, code: str, lead: str) -> list[str]:
    return [one.text.split(lead, 1)[1] for one in result.problems if one.code == code]


def _rows() -> list[tuple[int, int]]:
    return [(number, row) for number, rule in enumerate(_rules()) for row in range(len(rule["table"]))]


@pytest.mark.parametrize(("number", "row"), _rows())
def test_a_row_taken_out_leaves_exactly_what_is_named(number: int, row: int) -> None:
    """Each row in turn: the holes told are together the combinations nobody decides any more, and nothing else."""
    rule = copy.deepcopy(_rules()[number])
    del rule["table"][row]
    expected = _uncovered(rule)
    result = _check(number, rule)
    assert result.policy is None
    holes = _messages(result, "E061", "decides: ")
    assert set().union(*(_told(rule, each) for each in holes)) == expected != set()
    assert {one.code for one in result.problems if not one.is_warning} == {"E061"}


@pytest.mark.parametrize(("number", "row"), _rows())
def test_a_row_written_twice_is_told_with_both_places(number: int, row: int) -> None:
    """Each row in turn once more with another outcome: the pair and exactly its combinations are named."""
    rule = copy.deepcopy(_rules()[number])
    rule["table"].append({"if": rule["table"][row]["if"], "tell": "escalar"})
    last = len(rule["table"]) - 1
    result = _check(number, rule)
    assert result.policy is None
    (words,) = _messages(result, "E062", "both decide: ")
    assert _told(rule, words) == _doubled(rule, row, last) != set()
    (problem,) = [one for one in result.problems if one.code == "E062"]
    assert problem.text.startswith(f"rows {row + 1} and {last + 1} of the table")


@pytest.mark.parametrize(
    "cube",
    [
        {"first": "unanswered", "line": "metered"},
        {"follow_up": ["none", "answered"], "knows": "yes"},
        {"unhappy": "yes"},
        {"knows": ["no", "yes"]},
    ],
)
def test_a_row_that_lies_across_others_is_told_for_every_pair(cube: dict[str, Any]) -> None:
    """A row partly over several others: one message for each pair, each with exactly what both decide."""
    rule = copy.deepcopy(_rules()[0])
    rule["table"].append({"if": cube, "tell": "escalar"})
    last = len(rule["table"]) - 1
    result = _check(0, rule)
    pairs = {n: _doubled(rule, n, last) for n in range(last)}
    told = {
        int(one.text.split()[1]) - 1: _told(rule, one.text.split("both decide: ", 1)[1])
        for one in result.problems
        if one.code == "E062"
    }
    assert told == {n: combinations for n, combinations in pairs.items() if combinations}


def test_a_row_for_what_can_not_occur_is_told() -> None:
    """A row only for combinations under `impossible:` never decides anything."""
    rule = copy.deepcopy(_rules()[0])
    cube = {"first": "answered", "follow_up": "none", "knows": "no", "unhappy": "yes"}
    rule["table"].append({"if": cube, "tell": "escalar"})
    result = _check(0, rule)
    assert [one.code for one in result.problems if not one.is_warning] == ["E063"]
    assert f"row {len(rule['table'])} of the table" in result.problems[0].text


@pytest.mark.parametrize(
    ("cube", "says"),
    [
        ({"frist": "answered"}, "unknown fact 'frist'"),
        ({"first": "anwered"}, "'anwered' is no value of first"),
        ({"line": ["bottled", "bluk"]}, "'bluk' is no value of line"),
    ],
)
def test_a_misspelt_fact_or_value_is_told_with_what_there_is(cube: Mapping[str, Any], says: str) -> None:
    """Both are told by name, with those that exist."""
    rule = copy.deepcopy(_rules()[0])
    rule["table"][0] = {**rule["table"][0], "if": cube}
    (problem, *_) = [one for one in _check(0, rule).problems if one.code == "E064"]
    assert says in problem.text
    assert _hint(problem.text, cube)


def _hint(text: str, cube: Mapping[str, str | Sequence[str]]) -> bool:
    """What exists is listed: the facts, or the values of the fact."""
    fact = next(iter(cube))
    known = _facts(_rules()[0])
    return all(word in text for word in known.get(fact, tuple(known)))


def test_the_source_s_eight_rows_alone_leave_holes_and_they_are_found() -> None:
    """Without the rows this pack decided by itself, what they decide is named, and nothing else."""
    rule = copy.deepcopy(_rules()[0])
    rule["table"] = [row for row in rule["table"] if not row["name"].startswith("decidido")]
    assert len(rule["table"]) == 12
    holes = _messages(_check(0, rule), "E061", "decides: ")
    expected = _uncovered(rule)
    assert set().union(*(_told(rule, each) for each in holes)) == expected
    hole = {"first": "unanswered", "follow_up": "unanswered", "follow_up_deadline": "within"}
    assert {_key(one) for one in _possible(rule) if _holds(hole, one)} <= expected
