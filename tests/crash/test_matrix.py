"""Every named point and every fault of the network: after a restart each promise holds."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from connector import crashpoints
from tests.crash.matrix import RIGS, Case, cases, run, run_small
from tests.soak.processes import FULL, ROOT

_CASES = list(cases())
_LADDER = [case for case in _CASES if not case.rig]
#: Of the rarer ones (a point reached again, a second death, people about) the short form takes a part, always the same.
_PART = 17


def _chosen(rig: str) -> Iterator[Case]:
    rare = 0
    for case in _CASES:
        if case.rig == rig:
            common = case.fault != "killed" or case.hit == 1
            if common and not case.then and not case.meanwhile:
                yield case
                continue
            rare += 1
            if FULL or rare % _PART == 0:
                yield case


def test_the_matrix_reaches_every_point_there_is() -> None:
    """A point nobody reaches proves nothing; a new one must be reached by some case."""
    reached = {case.point for case in _CASES} | {case.then for case in _CASES if case.then}
    missing = [point for point in crashpoints.POINTS if point not in reached]
    assert missing == []


def test_the_code_has_no_point_that_the_list_lacks_and_no_write_without_points() -> None:
    """Names reached in the source are those declared; each call of a Writer stands between two of them."""
    names, transactions = set[str](), set[str]()
    for path in (ROOT / "connector").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "crashpoints import reach" in source:
            names |= set(re.findall(r'reach\("([a-z.]+)"\)', source))
        transactions |= set(re.findall(r'(?:journal\.|self\.)transaction\("([a-z]+)"', source))
        transactions |= set(re.findall(r'point(?:: str)? ?= ?"([a-z]+)"', source))
        for call in re.finditer(r"hands\.writer\.(update|reply|add_note|create)\(", source):
            before, after = source[: call.start()], source[call.end() :]
            assert re.search(r"reach\([^)]*\.before\"\)\s+(try:\s+)?(created = |if [^\n]+\s+|else:\s+)*$", before) or (
                "action.kind" in before[-400:]
            ), f"{path.name}: a write without a point before it"
            assert re.search(r"reach\(f?\"write\.[^)]*\.after\"\)", after[:900]), f"{path.name}: none after it"
    assert transactions == set(crashpoints.TRANSACTIONS)
    written = {f"write.{name}.{when}" for name in crashpoints.WRITES for when in ("before", "after")}
    assert names | {f"write.{kind}.{when}" for kind in ("note", "reply") for when in ("before", "after")} == written


@pytest.mark.parametrize("case", _LADDER, ids=str)
def test_every_promise_holds_after_the_fault(case: Case) -> None:
    """Wanted state reached or honestly reported, written once, never left finished, audit chain whole."""
    assert run(case) == []


@pytest.mark.parametrize("rig", RIGS)
def test_every_promise_holds_for_each_kind_of_action(rig: str) -> None:
    """The same for each kind alone and together, held and approved, with a person or the customer meanwhile."""
    assert {str(case): problems for case in _chosen(rig) if (problems := run(case))} == {}


@pytest.mark.postgres
def test_the_journal_keeps_its_promises_on_postgresql(postgres_url: str) -> None:
    """Deaths at each journal transaction, with the state in PostgreSQL: rolled back as a whole or kept as a whole."""
    psycopg = pytest.importorskip("psycopg")
    chosen = [
        case
        for case in _CASES
        if case.rig == "everything, held" and case.fault == "killed" and not case.point.startswith("write")
    ]
    if not FULL:
        chosen = [case for case in chosen if case.hit == 1 and not case.meanwhile][::2]
    broken = {}
    for case in chosen:
        schema = f"crash_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
            problems = run_small(case, f"{postgres_url}&options={quote(f'-csearch_path={schema}')}")
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
        if problems:
            broken[str(case)] = problems
    assert len(chosen) > 10
    assert broken == {}
