"""A writer killed with SIGKILL, for real, in any store."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector import audit
from connector.core.model import Outcome
from connector.store.base import Store
from tests.contract.store_samples import T0, row

#: A child imports the package and its samples from here.
REPOSITORY = Path(__file__).parents[2]

# One transaction a round: an intent, three tickets, an audit event, the cursor. `committed N` is said after the commit.
_WRITER = """
import sys, time
from connector.store import open_store
from tests.contract.store_samples import T0, intent, row
store = open_store(sys.argv[1])
first, pause_at = int(sys.argv[2]), int(sys.argv[3])
for n in range(first, first + 100000):
    with store.transaction():
        store.begin_intent(intent(f"i{n}", minute=n))
        store.put("mx", [row(f"{n}-{part}", n) for part in "abc"])
        store.append_audit("mx", T0, "round", {"n": n})
        store.set_cursor("mx", str(n), T0)
        if n == pause_at:
            print("inside", n, flush=True)
            time.sleep(120)
    print("committed", n, flush=True)
"""


@contextmanager
def _writer(url: str, first: int, pause_at: int = -1) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, url, str(first), str(pause_at)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait(30)
        assert child.stdout is not None
        child.stdout.close()


def _check(store: Store, least: int) -> int:
    """Everything of rounds 0..n-1 is there, and nothing of a round by halves; returns n, at least `least`."""
    head = store.cursor("mx")
    rounds = 0 if head is None else int(head) + 1
    assert rounds >= least, "a transaction that was reported as committed is lost"
    assert [one.id for one in store.open_intents("mx")] == [f"i{n}" for n in range(rounds)]
    assert {one.outcome for one in store.open_intents("mx")} <= {Outcome.INTENDED}
    assert [one.body["n"] for one in store.audit()] == list(range(rounds))
    assert sorted(one.ticket.id for one in store.scan("mx")) == sorted(
        f"{n}-{part}" for n in range(rounds) for part in "abc"
    )
    assert store.open_count("mx") == rounds * 3
    result = audit.verify(store)
    assert (result.ok, result.checked) == (True, rounds)
    return rounds


class StoreCrash:
    """Needs the fixtures of `StoreContract`."""

    def test_killed_inside_a_transaction(self, store_url: str, open_again: Callable[[], Store]) -> None:
        """The statements were sent, the commit was not: nothing of that round is there, all before it is."""
        with _writer(store_url, 0, pause_at=5) as child:
            assert child.stdout is not None
            said = [next(child.stdout).strip() for _ in range(6)]
            assert said == [*(f"committed {n}" for n in range(5)), "inside 5"]
            child.send_signal(signal.SIGKILL)
            assert child.wait(30) == -signal.SIGKILL
        store = open_again()
        assert _check(store, 5) == 5
        with store.transaction():
            store.put("mx", [row("after")])
            store.append_audit("mx", T0, "round", {"n": 5})
        assert store.open_count("mx") == 16

    @pytest.mark.parametrize("seed", [1, 2])
    def test_killed_at_any_moment_and_started_again(
        self, store_url: str, open_again: Callable[[], Store], seed: int
    ) -> None:
        """Four kills under load: every round reported as committed is whole, after each of them."""
        dice, reached = random.Random(seed), 0
        for _ in range(4):
            with _writer(store_url, reached) as child:
                assert child.stdout is not None
                assert next(child.stdout).startswith("committed")
                time.sleep(dice.uniform(0, 0.1))
                child.send_signal(signal.SIGKILL)
                last = [line for line in child.stdout if line.endswith("\n")]
            said = int(last[-1].split()[1]) + 1 if last else reached + 1
            store = open_again()
            reached = _check(store, said)
            store.close()
