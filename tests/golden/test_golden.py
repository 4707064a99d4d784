"""One broken mapping a file, with exactly the messages an admin gets for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping.load import load_pack
from connector.mapping.problems import render

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_messages_are_exactly_these(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mistake is reported with its place, line, carets and hint, and none yields a policy."""
    monkeypatch.chdir(path.parent)
    result = load_pack(path.name)
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert expected == render(result.problems) + "\n"
    assert result.policy is None


def test_there_are_at_least_thirty_kinds_of_mistakes() -> None:
    """The messages of thirty different mistakes are pinned."""
    assert len(BROKEN) >= 30


def test_five_mistakes_in_one_file_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five mistakes, five problems, each with its own line and column."""
    path = Path(__file__).parent / "broken" / "five-mistakes.yaml"
    problems = load_pack(path).problems
    places = {(problem.line, problem.col) for problem in problems}
    assert 5 == len(problems) == len(places)
