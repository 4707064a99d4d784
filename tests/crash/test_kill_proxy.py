"""The daemon killed at a byte of a write or of its answer; `python -m tests.crash.kill_proxy` tries all of them."""

from __future__ import annotations

import pytest

from tests.crash.kill_proxy import trial
from tests.soak.processes import FULL

#: Two writes of a small run: the way back of a toggle, half sent, and the answer to a way through.
_SHORT = ((6, 4, "request"), (6, 3, "answer"))
_LONG = tuple((50, number, of) for of in ("request", "answer") for number in range(1, 187))


@pytest.mark.soak
@pytest.mark.parametrize(("tickets", "number", "of"), _LONG if FULL else _SHORT)
def test_no_ticket_is_left_finished_and_no_note_stands_twice(tickets: int, number: int, of: str) -> None:
    """After the next cycle nothing stays half done, and some minutes later everything is done once."""
    one = trial(tickets, number, of)
    assert one.struck is not None
    assert one.broken == []
