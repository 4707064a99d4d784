"""The guard's limits hold in any 24 hours, whatever the plans; `python -m tests.property.guard_windows` tries more."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest
import structlog

from tests.property.guard_windows import run
from tests.soak.processes import FULL

_SEQUENCES = 20_000 if FULL else 120


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def test_no_sequence_of_plans_writes_more_than_the_limits_allow() -> None:
    """Approvals in any order, deaths, restarts, people and a clock that jumps; toggles by their own limit."""
    seen: Counter[str] = Counter()
    broken = {}
    for seed in range(1, _SEQUENCES + 1):
        problems, steps = run(seed)
        seen += steps
        if problems:
            broken[seed] = problems
    assert broken == {}
    assert min(seen[name] for name in ("wrote toggle", "wrote update", "wrote note", "approve", "dies", "jump")) > 20
