"""The threat model holds what it says: every row names a test, and every test it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (?!attacker|---)(.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")
ROWS = _ROW.findall((ROOT / "docs/threat-model.md").read_text(encoding="utf-8"))


@cache
def _tests(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}, {row[1]}"[:60])
def test_a_row_names_a_test_that_exists(row: tuple[str, str, str, str]) -> None:
    """At least one, by file and name."""
    named = _TEST.findall(row[3])
    assert named
    assert [f"{file}::{test}" for file, test in named if not (ROOT / file).is_file() or test not in _tests(file)] == []
    assert _TEST.sub("", row[3]).strip(" ,") == "", "only tests stand in the last column"


def test_every_asset_has_a_row() -> None:
    """None of what is worth attacking is forgotten."""
    told = " ".join(" ".join(row) for row in ROWS).lower()
    for asset in (
        "key", "hint", "audit", "state", "plan", "export", "backup", "report", "register", "pack", "workbook",
        "calendar", "log", "customer", "proxy", "dns", "listener", "terminal", "template", "inbox", "keyring", "note",
    ):  # fmt: skip
        assert asset in told, asset
    assert len(ROWS) >= 45
