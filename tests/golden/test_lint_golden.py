"""Packs that load and are not meant, with exactly what `escalera check` says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping.check import check
from connector.mapping.problems import render

LINTED = sorted((Path(__file__).parent / "lint").glob("*.yaml"))


@pytest.mark.parametrize("path", LINTED, ids=lambda path: path.stem)
def test_warnings_are_exactly_these(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every finding is told with its place, carets and way out; none keeps the pack from being used."""
    monkeypatch.chdir(path.parent)
    found = check(path.name)
    assert path.with_suffix(".txt").read_text(encoding="utf-8") == render(found) + "\n"
    assert all(problem.is_warning for problem in found)


def test_there_are_linted_packs() -> None:
    """The test above has something to say."""
    assert len(LINTED) >= 2
