"""What every store promises of its transactions, threads and connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from connector import audit
from connector.core.model import Memory, Outcome
from connector.errors import StoreError
from connector.store.base import Mirrored, Store
from tests.contract.store_samples import FULL_MEMORY, FULL_TICKET, T0, at, intent, plan, row, ticket

# ruff: noqa: PT012 - what is expected to raise is a whole transaction


class StoreTransactions:
    """Needs the fixtures of `StoreContract`."""

    def test_an_exception_rolls_back_everything_of_the_transaction(self, store: Store) -> None:
        """Ticket, counter, cursor, intent, audit, plan, policy, fact and epoch go together, or none of them."""
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.put("mx", [row("1", 5)])
            store.set_cursor("mx", "c", T0)
            store.begin_intent(intent("i"))
            store.append_audit("mx", T0, "set", {})
            store.save_plan(plan("d" * 64))
            store.save_policy("p", {"a.yaml": "x"}, T0)
            store.set_fact("mx", "f", 1, T0)
            store.take_epoch("mx", "h", T0)
            raise ZeroDivisionError
        assert store.mirrored("mx", ["1"]) == {}
        assert (store.open_count("mx"), store.cursor("mx"), store.next_wake("mx")) == (0, None, None)
        assert (store.intent("mx", "i"), store.plan("d" * 64)) == (None, None)
        assert (store.policy("p"), store.fact("mx", "f")) == (None, None)
        assert (list(store.audit()), store.audit_head()) == ([], (0, audit.GENESIS))
        with store.transaction():
            assert store.take_epoch("mx", "h", T0) == 1

    def test_a_transaction_inside_another_is_refused(self, store: Store) -> None:
        """Nesting raises, and what the outer one did is not kept when the error leaves it."""
        with pytest.raises(StoreError, match="inside another"), store.transaction():
            store.set_cursor("mx", "c", T0)
            with store.transaction():
                pytest.fail("the inner transaction began")
        assert store.cursor("mx") is None

    @pytest.mark.parametrize(
        "write",
        [
            lambda s: s.set_cursor("mx", "c", T0),
            lambda s: s.put("mx", [row("1")]),
            lambda s: s.put("mx", []),
            lambda s: s.wake_all("mx", T0),
            lambda s: s.begin_intent(intent("i")),
            lambda s: s.update_intent("mx", "i", outcome=Outcome.DONE, step=1, at=T0, observed={}),
            lambda s: s.append_audit("mx", T0, "k", {}),
            lambda s: s.save_plan(plan("d" * 64)),
            lambda s: s.claim_plan("d" * 64, T0, states=["held"]),
            lambda s: s.save_policy("p", {}, T0),
            lambda s: s.set_fact("mx", "f", 1, T0),
            lambda s: s.take_epoch("mx", "h", T0),
            lambda s: s.check_epoch("mx", 1),
        ],
    )
    def test_every_write_outside_a_transaction_is_refused(self, store: Store, write: Callable[[Store], Any]) -> None:
        """No implicit commits."""
        with pytest.raises(StoreError, match="outside a transaction"):
            write(store)

    def test_reads_inside_a_transaction_see_its_own_writes_and_others_do_not(
        self, store: Store, open_again: Callable[[], Store]
    ) -> None:
        """The writer reads on its own connection; everybody else sees the last commit, without waiting."""
        other = open_again()
        seen: list[str | None] = []
        with store.transaction():
            store.set_cursor("mx", "new", T0)
            store.put("mx", [row("1", 5)])
            assert store.cursor("mx") == "new"
            assert [one.ticket.id for one in store.due("mx", at(6), limit=5)] == ["1"]
            assert [one.ticket.id for one in store.scan("mx")] == ["1"]
            thread = threading.Thread(target=lambda: seen.append(store.cursor("mx")))
            thread.start()
            thread.join(10)
            assert (seen, other.cursor("mx")) == ([None], None)
        assert other.cursor("mx") == "new"

    def test_a_failed_statement_dooms_its_transaction_even_when_the_error_is_caught(self, store: Store) -> None:
        """Half a change is never kept."""
        with pytest.raises(StoreError, match="nothing of it was kept"), store.transaction():
            store.set_cursor("mx", "c", T0)
            with pytest.raises(StoreError, match="not in the journal"):
                store.update_intent("mx", "none", outcome=Outcome.DONE, step=1, at=T0, observed={})
        assert store.cursor("mx") is None
        with store.transaction():
            store.set_cursor("mx", "d", T0)
        assert store.cursor("mx") == "d"

    def test_threads_write_one_after_the_other(self, store: Store) -> None:
        """Four threads, each in its own transactions: no lost write, no error."""
        errors: list[Exception] = []

        def write(name: str) -> None:
            try:
                for number in range(20):
                    with store.transaction():
                        store.put("mx", [row(f"{name}{number}")])
                        store.append_audit("mx", T0, "put", {"n": number})
            except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
                errors.append(error)

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (errors, store.open_count("mx"), audit.verify(store).checked) == ([], 80, 80)

    def test_readers_go_on_while_a_writer_writes(self, store: Store) -> None:
        """A reader sees whole transactions only: both tickets of a pair are of the same generation."""
        stop, torn, reads = threading.Event(), [], []

        def look() -> None:
            while not stop.is_set():
                pair = store.mirrored("mx", ["1", "2"])
                reads.append(len(pair))
                if pair and pair["1"].ticket.body != pair["2"].ticket.body:
                    torn.append(pair)

        thread = threading.Thread(target=look)
        thread.start()
        for generation in range(60):
            with store.transaction():
                for id_ in ("1", "2"):
                    store.put("mx", [Mirrored(ticket(id_, body=str(generation)), Memory())])
        stop.set()
        thread.join(60)
        assert torn == []
        assert len(reads) > 0

    def test_what_is_committed_is_there_after_reopening(self, store: Store, open_again: Callable[[], Store]) -> None:
        """close() loses nothing, may be called twice, and a closed store says so."""
        with store.transaction():
            store.put("mx", [Mirrored(FULL_TICKET, FULL_MEMORY, at(5))])
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.cursor("mx")
        assert open_again().mirrored("mx", ["1042"]) == {"1042": Mirrored(FULL_TICKET, FULL_MEMORY, at(5))}
