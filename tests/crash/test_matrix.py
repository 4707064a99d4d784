"""Every named point and every fault of the network: after a restart each promise holds."""

from __future__ import annotations

import pytest

from connector import crashpoints
from tests.crash.matrix import Case, cases, run

_CASES = list(cases())


def test_the_matrix_reaches_every_point_of_a_cycle() -> None:
    """A point nobody reaches proves nothing; rare ones have tests of their own."""
    reached = {case.point for case in _CASES} | {case.then for case in _CASES if case.then}
    elsewhere = ("held.", "claimed.", "write.reopen.", "write.reply.", "write.create.")
    missing = [point for point in crashpoints.POINTS if point not in reached and not point.startswith(elsewhere)]
    assert missing == []


@pytest.mark.parametrize("case", _CASES, ids=str)
def test_every_promise_holds_after_the_fault(case: Case) -> None:
    """Wanted state reached or honestly reported, written once, never left finished, audit chain whole."""
    assert run(case) == []
