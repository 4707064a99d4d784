"""Names that refer to the roster: of which kind they must be."""

from __future__ import annotations

import pytest

from connector.core.policy import Person
from connector.core.spec import Name
from connector.mapping.names import Names
from connector.mapping.nodes import compose
from connector.mapping.parse import WRONG, Parser
from connector.mapping.problems import Problem

PEOPLE = {kind: Person(kind, kind, kind) for kind in ("agent", "group", "address")}


@pytest.mark.parametrize(
    ("of", "fits"),
    [
        ("person", {"agent", "group", "address"}),
        ("assignee", {"agent", "group"}),
        ("agent", {"agent"}),
        ("group", {"group"}),
    ],
)
@pytest.mark.parametrize("key", sorted(PEOPLE))
def test_kind_of_person(of: str, fits: set[str], key: str) -> None:
    """A key of the right kind is taken, another is a problem that says which kind it is."""
    problems: list[Problem] = []
    node, _ = compose(key, "a.yaml")
    assert node is not None
    value = Parser(Names(people=PEOPLE), problems).parse(node, Name(of))
    assert value == key if key in fits else value is WRONG
    assert [] == problems if key in fits else [problem.code for problem in problems] == ["E041"]
