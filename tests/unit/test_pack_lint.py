"""The packs that ship have no mistake and no warning: a finding there is a slip in a pack, or a false alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping.check import check
from connector.mapping.problems import render

PACKS = sorted(path.parent for path in (Path(__file__).parents[2] / "mappings").glob("*/pack.yaml"))


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.name)
def test_check_says_nothing_of_a_shipped_pack(pack: Path) -> None:
    """`escalera check` is silent, whatever year of the next ten it is asked in."""
    for year in (2026, 2030, 2035):
        assert render(check(pack, year=year)) == ""


def test_there_are_packs() -> None:
    """The test above has something to check."""
    assert len(PACKS) >= 4
