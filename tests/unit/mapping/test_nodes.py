"""YAML 1.2 scalars, places, and the limits of a file."""

from __future__ import annotations

from typing import Any

import pytest

from connector.mapping import nodes
from connector.mapping.nodes import MAX_BYTES, compose, decode

SCALARS: list[tuple[str, str, Any]] = [
    ("no", "text", "no"),
    ("yes", "text", "yes"),
    ("on", "text", "on"),
    ("Off", "text", "Off"),
    ("10:30", "text", "10:30"),
    ("010", "text", "010"),
    ("2026-12-24", "text", "2026-12-24"),
    ("1_000", "text", "1_000"),
    ("true", "bool", True),
    ("False", "bool", False),
    ("~", "null", None),
    ("null", "null", None),
    ("0", "int", 0),
    ("-7", "int", -7),
    ("0x1F", "int", 31),
    ("0o17", "int", 15),
    ("1.5", "float", 1.5),
    ("1e3", "float", 1000.0),
    (".5", "float", 0.5),
    (".inf", "text", ".inf"),
    ("9" * 30, "float", 1e30),
    ("'1'", "text", "1"),
    ('"true"', "text", "true"),
    ("!!str 1", "text", "1"),
]


@pytest.mark.parametrize(("written", "kind", "value"), SCALARS)
@pytest.mark.parametrize("loader", ["C", "pure"])
def test_scalar(written: str, kind: str, value: Any, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain scalars follow the core schema of YAML 1.2, with either parser; the text as written is kept."""
    if loader == "pure":
        monkeypatch.setattr(nodes, "_LOADER", nodes.yaml.SafeLoader)
    root, problems = compose(f"a: {written}\n", "f.yaml")
    assert problems == []
    assert root is not None
    node = root.get("a")
    assert node is not None
    assert kind == node.kind
    assert value == pytest.approx(node.value) if kind == "float" else value == node.value
    assert (node.line, node.col) == (1, 4)


def test_places_are_those_of_the_file() -> None:
    """Line and column count from 1, in characters, in blocks, flows and after a byte-order mark."""
    root, problems = compose("\ufeffñ: [á, {b: c}]\nd:\n  - e: f\n", "f.yaml")
    assert problems == []
    assert root is not None
    places = {node.text: (node.line, node.col) for node in root.walk() if node.text}
    assert places == {"ñ": (1, 1), "á": (1, 5), "b": (1, 9), "c": (1, 12), "d": (2, 1), "e": (3, 5), "f": (3, 8)}


def test_an_alias_is_its_anchor() -> None:
    """An alias stands for the value of its anchor, also a map."""
    root, problems = compose("a: &x {b: 1}\nc: *x\n", "f.yaml")
    assert problems == []
    assert root is not None
    assert root.get("a") is root.get("c")


def test_all_structural_problems_of_a_file_are_kept() -> None:
    """Duplicate keys, tags and merge keys are reported together, and the rest is still read."""
    root, problems = compose("a: 1\na: 2\nb: !!set {}\n<<: {}\nc: 3\n", "f.yaml")
    assert [problem.code for problem in sorted(problems, key=lambda one: one.line)] == ["E002", "E006", "E006"]
    assert root is not None
    assert [key.text for key, _ in root.items] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_nesting_is_bounded(text: str) -> None:
    """Deep nesting is a problem, not an exhausted stack."""
    root, problems = compose(text, "f.yaml")
    assert root is None
    assert {"E007"} == {problem.code for problem in problems}


def test_aliases_are_counted_as_often_as_used() -> None:
    """A small file that grows to millions of values is refused; one that grows a little is not."""
    many = "a: &a [" + "x," * 1000 + "]\n"
    assert "E007" in {p.code for p in compose(many + "b: [" + "*a," * 1000 + "]\n", "f.yaml")[1]}
    assert compose(many + "b: [" + "*a," * 10 + "]\n", "f.yaml")[1] == []


def test_size_is_bounded() -> None:
    """A file beyond the limit is not parsed at all."""
    assert [problem.code for problem in decode(b"#" * (MAX_BYTES + 1), "f.yaml")[1]] == ["E007"]
    assert [problem.code for problem in compose("#" * (MAX_BYTES + 1), "f.yaml")[1]] == ["E007"]


def test_a_byte_that_is_not_utf8_has_a_place() -> None:
    """The problem points at the byte, in lines and characters."""
    _, problems = decode("a: ñ\nb: á".encode() + b"\xff\n", "f.yaml")
    assert [(problem.code, problem.line, problem.col) for problem in problems] == [("E001", 2, 5)]
