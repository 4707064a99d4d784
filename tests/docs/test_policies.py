"""Every behaviour the packs must have is named by a case in which something happens and one in which it must not."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from connector.cases import read_cases
from connector.mapping.load import load_policy

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| ([A-E]\.[a-z0-9-]+) \| .+ \| ([a-z-]+) \|$", re.MULTILINE)
TABLE = dict(_ROW.findall((ROOT / "docs" / "policies.md").read_text(encoding="utf-8")))
PACKS = sorted(path.parent for path in (ROOT / "mappings").glob("*/pack.yaml"))


def _named() -> tuple[dict[str, set[str]], Counter[str], Counter[str]]:
    where: dict[str, set[str]] = {}
    firing: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    for pack in PACKS:
        for case in read_cases(pack, load_policy(pack)):
            for covered in case.covers:
                where.setdefault(covered, set()).add(pack.name)
                firing[covered] += bool(case.expect)
                silent[covered] += bool(case.never) or not case.expect
    return where, firing, silent


WHERE, FIRING, SILENT = _named()


def test_the_table_names_what_the_cases_name() -> None:
    """No case covers a row that is not in the table, and the table has all rows of the sources' five parts."""
    assert set(WHERE) == set(TABLE)
    assert {row[0] for row in TABLE} == set("ABCDE")
    assert len([row for row in TABLE if row.startswith("A.")]) >= 12
    assert {f"D.{number}" for number in range(1, 9)} <= set(TABLE)


@pytest.mark.parametrize("row", sorted(TABLE))
def test_a_behaviour_is_proved_both_ways(row: str) -> None:
    """In the pack the table names: at least one case fires, at least one does not."""
    assert TABLE[row] in WHERE[row]
    assert FIRING[row] >= 1, "no case in which it happens"
    assert SILENT[row] >= 1, "no case in which it must not happen"
