"""The table of `python -m tests.crash.tamper`, in short; at length with ESCALERA_SOAK=full."""

from __future__ import annotations

import os
import random

import pytest

from connector import audit
from tests.crash import tamper

_TRIALS = 2000 if os.environ.get("ESCALERA_SOAK") == "full" else 25


@pytest.mark.parametrize("kind", tamper.KINDS, ids=lambda kind: kind.__name__)
def test_every_tampering_is_found(kind: tamper.Tamper) -> None:
    """By the way its row names, or by a stronger one; the ways are tried from the strongest on."""
    tally = tamper.trials(kind, _TRIALS, seed=_TRIALS)
    assert (tally.missed, sum(tally.ways.values())) == (0, _TRIALS)
    assert tally.within(tamper.KINDS[kind]), dict(tally.ways)


def test_what_was_not_tampered_with_is_not_called_so() -> None:
    """Else a check that always shouts would pass for one that finds."""
    made = tamper.write(random.Random(3))
    last = made.events[-1]
    assert tamper.found_by(made, audit.Head(last.seq, last.hash)) is None


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """One row a kind, and the sum."""
    assert tamper.main(1) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == len(tamper.KINDS) + 3
    assert "EVERY ONE FOUND" in said
