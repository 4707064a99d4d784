"""The contract of every store, once; the modules beside it say which database it is held against."""

# ruff: noqa: PT012 - what is expected to raise is a whole transaction

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from connector import audit
from connector.core.model import EMPTY, Memory, Outcome, Ticket
from connector.errors import StoreError
from connector.store.base import Mirrored, Store
from tests.contract.store_audit import StoreAudit
from tests.contract.store_records import StoreRecords
from tests.contract.store_samples import (
    CUSTOM_VALUES,
    FULL_ACTION,
    FULL_MEMORY,
    FULL_TICKET,
    MINIMAL_ACTION,
    T0,
    at,
    intent,
    plan,
    row,
)
from tests.contract.store_transactions import StoreTransactions


class StoreContract(StoreTransactions, StoreRecords, StoreAudit):
    """Subclasses bring the fixtures `store`, `store_url` (a fresh database) and `open_again` (another store on it)."""

    # --- mirror --------------------------------------------------------------------------------------------------
    def test_every_field_of_ticket_and_memory_comes_back(self, store: Store) -> None:
        """The samples fill every field, so a field without a codec shows here; types come back too."""
        for sample, class_ in ((FULL_TICKET, Ticket), (FULL_MEMORY, Memory)):
            unset = {one.name for one in fields(class_) if getattr(sample, one.name) == one.default}
            assert unset == set()
        mirrored = Mirrored(FULL_TICKET, FULL_MEMORY, at(5))
        with store.transaction():
            store.put("mx", [mirrored])
        back = store.mirrored("mx", ["1042"])["1042"]
        assert back == mirrored
        for name, value in CUSTOM_VALUES.items():
            assert type(back.ticket.custom[name]) is type(value), name
        assert back.ticket.updated_at.utcoffset() == timedelta(0)

    def test_a_bare_ticket_comes_back_with_nothing_invented(self, store: Store) -> None:
        """Empty, None and unknown stay apart."""
        bare = Ticket(id="1", unknown=frozenset({"subject", "body"}))
        with store.transaction():
            store.put("mx", [Mirrored(bare, Memory()), Mirrored(Ticket(id="2", subject=""), Memory())])
        back = store.mirrored("mx", ["1", "2"])
        assert back["1"] == Mirrored(bare, Memory(), None)
        assert (back["1"].ticket.subject, back["2"].ticket.subject) == (None, "")
        assert back["1"].ticket.custom is EMPTY

    def test_loads_count_the_unfinished_tickets_of_each_agent(self, store: Store) -> None:
        """Closed, completed and gone tickets are no load; nor are those of nobody, or of another account."""
        tickets = [
            Ticket(id="1", status="open", agent="Ana"),
            Ticket(id="2", status="waiting_customer", agent="Ana"),
            Ticket(id="3", status=None, agent="Ana"),
            Ticket(id="4", status="completed", agent="Ana"),
            Ticket(id="5", status="closed", agent="Bruno"),
            Ticket(id="6", status="open", agent="Carla", gone="spam"),
            Ticket(id="7", status="open", agent="Dino"),
            Ticket(id="8", status="open"),
        ]
        with store.transaction():
            store.put("mx", [Mirrored(ticket, Memory()) for ticket in tickets])
            store.put("cl", [Mirrored(Ticket(id="1", status="open", agent="Eva"), Memory())])
        assert store.loads("mx") == {"Ana": 3, "Dino": 1}
        with store.transaction():
            store.put("mx", [Mirrored(Ticket(id="1", status="open", agent="Dino"), Memory())])
        assert store.loads("mx") == {"Ana": 2, "Dino": 2}
        assert store.loads("it") == {}

    def test_mirrored_returns_the_known_ones_among_many_ids(self, store: Store) -> None:
        """More ids than fit one statement, doubles and strangers included; accounts do not mix."""
        with store.transaction():
            store.put("mx", [row(str(number)) for number in range(1200)])
            store.put("cl", [row("7", status="closed")])
        ids = [str(number) for number in range(2000)]
        assert sorted(store.mirrored("mx", [*ids, "7", "7"]), key=int) == ids[:1200]
        assert store.mirrored("cl", ["7", "8"]).keys() == {"7"}
        assert store.mirrored("cl", []) == {}

    def test_put_replaces_and_of_doubles_the_last_holds(self, store: Store) -> None:
        """One row a ticket, always; wake_at and memory are replaced with it."""
        with store.transaction():
            store.put("mx", [row("1", 5), row("1", 9)])
        with store.transaction():
            store.put("mx", [row("1")])
        assert store.mirrored("mx", ["1"]) == {"1": row("1")}
        assert (len(list(store.scan("mx"))), store.next_wake("mx"), store.open_count("mx")) == (1, None, 1)

    def test_related_finds_a_customers_tickets_however_the_address_is_written(self, store: Store) -> None:
        """By e-mail, phone, name or contract; newest first, bounded, since an instant, of one account."""

        def of(number: str, minutes: float, **who: str) -> Mirrored:
            return Mirrored(Ticket(number, created_at=at(minutes), **who), Memory())

        with store.transaction():
            store.put("cl", [
                of("1", 1, requester_email="Ana@Example.CL", contract="c-77"),
                of("2", 2, requester_email="ana@example.cl "),
                of("3", 3, requester_phone="+56 9 8765 4321"),
                of("4", 4, requester="Ana Pérez"),
                of("5", 5, contract="C 77"),
                of("6", 6, requester_email="other@example.cl"),
            ])  # fmt: skip
            store.put("mx", [of("7", 7, requester_email="ana@example.cl")])

        def found(requester: str | None, contract: str | None = None, since: float = 0, limit: int = 9) -> list[str]:
            rows = store.related("cl", requester=requester, contract=contract, since=at(since), limit=limit)
            return [ticket.id for ticket in rows]

        assert found("email:ana@example.cl") == ["2", "1"]
        assert found("phone:87654321") == ["3"]
        assert found("name:ana perez") == ["4"]
        assert found(None, "contract:c77") == ["5", "1"]
        assert found("email:ana@example.cl", "contract:c77") == ["5", "2", "1"]
        assert found("email:ana@example.cl", "contract:c77", limit=2) == ["5", "2"]
        assert found("email:ana@example.cl", since=2) == ["2"]
        assert found(None) == []
        with pytest.raises(ValueError, match="no kind of key"):
            found("ana@example.cl")

    def test_related_follows_a_ticket_whose_requester_changed(self, store: Store) -> None:
        """The newest write counts; the whole ticket comes back."""
        first = Ticket("1", created_at=at(1), requester_email="ana@example.cl")
        with store.transaction():
            store.put("cl", [Mirrored(first, Memory())])
        after = replace(first, requester_email="eva@example.cl")
        with store.transaction():
            store.put("cl", [Mirrored(after, Memory())])
        asked = {"contract": None, "since": at(0), "limit": 9}
        assert store.related("cl", requester="email:ana@example.cl", **asked) == []
        assert store.related("cl", requester="email:eva@example.cl", **asked) == [after]

    def test_due_gives_the_earliest_first_up_to_the_limit(self, store: Store) -> None:
        """wake_at <= now, to the microsecond; other accounts' and sleeping tickets stay out."""
        with store.transaction():
            store.put("mx", [row("c", 3), row("a", 1), row("b", 2), row("z", 2), row("never"), row("later", 99)])
            store.put("cl", [row("x", 0)])
        assert [one.ticket.id for one in store.due("mx", at(3), limit=10)] == ["a", "b", "z", "c"]
        assert [one.ticket.id for one in store.due("mx", at(3), limit=2)] == ["a", "b"]
        assert [one.ticket.id for one in store.due("mx", at(3) - timedelta(microseconds=1), limit=9)] == ["a", "b", "z"]
        assert (store.next_wake("mx"), store.next_wake("cl"), store.next_wake("none")) == (at(1), at(0), None)

    def test_wake_all_makes_open_tickets_due_and_puts_none_off(self, store: Store) -> None:
        """Sleeping, later and never-waking open tickets become due; one that is due already keeps its place."""
        rows = [row("early", 1), row("late", 99), row("never"), row("done", status="closed"), row("gone", gone="spam")]
        with store.transaction():
            store.put("mx", rows)
            store.put("cl", [row("x")])
            assert store.wake_all("mx", at(10)) == 3
        assert [(one.ticket.id, one.wake_at) for one in store.due("mx", at(10), limit=9)] == [
            ("early", at(1)), ("late", at(10)), ("never", at(10)),
        ]  # fmt: skip
        assert store.next_wake("cl") is None
        with store.transaction():
            assert store.wake_all("mx", at(10), only_open=False) == 5
        assert len(store.due("mx", at(10), limit=9)) == 5

    def test_open_count_follows_every_change(self, store: Store) -> None:
        """Opened, closed, reopened, gone, unmapped status: the counter is what a scan would count."""
        steps = [
            [row("1"), row("2"), row("3", status="closed")],
            [row("1", status="closed"), row("2")],
            [row("1", status=None), row("3", gone="deleted")],
            [row("2", gone="merged"), row("3")],
        ]
        counts = []
        for step in steps:
            with store.transaction():
                store.put("mx", step)
            counts.append((store.open_count("mx"), len(list(store.scan("mx", only_open=True)))))
        assert counts == [(2, 2), (1, 1), (2, 2), (2, 2)]
        assert store.open_count("cl") == 0

    def test_scan_streams_all_tickets_by_id(self, store: Store) -> None:
        """More than a page; in the order of the id's characters, the same in every database."""
        ids = [f"{number}" for number in range(1100)] + ["É", "a", "B", "_", "b"]
        with store.transaction():
            store.put("mx", [row(id_, status="closed" if id_.endswith("7") else "open") for id_ in ids])
        assert [one.ticket.id for one in store.scan("mx")] == sorted(ids)
        assert [one.ticket.id for one in store.scan("mx", only_open=True)] == sorted(
            id_ for id_ in ids if not id_.endswith("7")
        )

    def test_the_cursor_is_kept_for_each_account(self, store: Store) -> None:
        """None before the first sync; moved, not added to."""
        with store.transaction():
            store.set_cursor("mx", "1", at(0))
            store.set_cursor("mx", "2", at(1))
        assert (store.cursor("mx"), store.cursor("cl")) == ("2", None)

    # --- journal -------------------------------------------------------------------------------------------------
    def test_an_intent_comes_back_whole(self, store: Store) -> None:
        """Every field of an action, with the types of its values."""
        full = replace(intent("a-1"), action=FULL_ACTION, observed={"status": ["a", None], "n": 1}, epoch=7, step=1)
        bare = replace(intent("a-0"), action=MINIMAL_ACTION)
        with store.transaction():
            assert store.begin_intent(full) is True
            assert store.begin_intent(bare) is True
        assert (store.intent("mx", "a-1"), store.intent("mx", "a-0")) == (full, bare)
        assert (store.intent("cl", "a-1"), store.intent("mx", "a-2")) == (None, None)

    def test_an_id_is_journalled_once_for_an_account(self, store: Store) -> None:
        """The second begin is False and changes nothing, in the same transaction and later; other accounts are free."""
        first = intent("i")
        with store.transaction():
            assert store.begin_intent(first) is True
            assert store.begin_intent(intent("i", minute=5, ticket="8")) is False
        with store.transaction():
            assert store.begin_intent(intent("i", minute=9)) is False
            assert store.begin_intent(intent("i", account="cl")) is True
        assert store.intent("mx", "i") == first

    def test_an_intent_moves_on_and_leaves_the_open_ones_when_it_ends(self, store: Store) -> None:
        """INTENDED and SENT are open, oldest first; every other outcome has ended."""
        with store.transaction():
            for number, outcome in enumerate(Outcome):
                store.begin_intent(intent(outcome.value, minute=-number, outcome=outcome))
            store.begin_intent(intent("same minute", minute=0))
        assert [one.id for one in store.open_intents("mx")] == ["sent", "intended", "same minute"]
        with store.transaction():
            store.update_intent("mx", "sent", outcome=Outcome.DONE, step=2, at=at(3), observed={"status": "in_process"})
        moved = store.intent("mx", "sent")
        assert moved == replace(
            intent("sent", minute=-1), outcome=Outcome.DONE, step=2, updated_at=at(3), observed={"status": "in_process"}
        )
        assert [one.id for one in store.open_intents("mx")] == ["intended", "same minute"]
        assert store.open_intents("cl") == []

    def test_intents_since_an_instant_and_of_a_ticket(self, store: Store) -> None:
        """Created at or after it, oldest first."""
        with store.transaction():
            for minute in (3, 1, 2):
                store.begin_intent(intent(f"i{minute}", minute=minute, ticket=str(minute % 2)))
            store.begin_intent(intent("x", account="cl", minute=2))
        assert [one.id for one in store.intents("mx", since=at(2))] == ["i2", "i3"]
        assert [one.id for one in store.intents("mx", since=at(0), ticket="1")] == ["i1", "i3"]

    # --- audit ---------------------------------------------------------------------------------------------------
    def test_the_audit_is_one_chain_over_all_accounts(self, store: Store) -> None:
        """seq without gaps from 1, also over a transaction that was rolled back; the event returned is the one kept."""
        with store.transaction():
            first = store.append_audit("mx", at(1), "set", {"día": ("a", at(2)), "n": 1.5}, ticket="7")
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.append_audit("mx", at(2), "lost", {})
            raise ZeroDivisionError
        with store.transaction():
            second = store.append_audit("cl", at(3), "hold", {})
            third = store.append_audit("mx", at(4), "set", {"x": None}, ticket="8")
        assert list(store.audit()) == [first, second, third]
        assert [one.seq for one in (first, second, third)] == [1, 2, 3]
        assert first.body == {"día": ["a", "2026-01-05T09:32:00.000000Z"], "n": 1.5}
        assert (first.prev, second.prev, third.prev) == (audit.GENESIS, first.hash, second.hash)
        assert store.audit_head() == (3, third.hash)
        assert audit.verify(store).ok

    def test_audit_events_are_filtered_and_streamed(self, store: Store) -> None:
        """By account, ticket, instant, seq and limit, over more than a page."""
        with store.transaction():
            for number in range(1200):
                account = "cl" if number % 3 == 0 else "mx"
                store.append_audit(account, at(number), "k", {"n": number}, ticket=str(number % 2) if number else None)
        numbers = lambda **kw: [one.body["n"] for one in store.audit(**kw)]  # noqa: E731
        assert numbers() == list(range(1200))
        assert numbers(account="cl") == list(range(0, 1200, 3))
        assert numbers(ticket="0") == list(range(2, 1200, 2))
        assert numbers(since=at(1190), account="mx") == [n for n in range(1190, 1200) if n % 3]
        assert numbers(after_seq=1195) == [1195, 1196, 1197, 1198, 1199]
        assert numbers(limit=3) == [0, 1, 2]
        assert numbers(limit=600)[-1] == 599
        assert numbers(limit=0) == numbers(since=at(5000)) == []

    def test_since_also_finds_events_written_after_a_clock_went_back(self, store: Store) -> None:
        """`at` is checked for each event: seq is the order, not `at`."""
        with store.transaction():
            for minute in (10, 20, 5, 30):
                store.append_audit("mx", at(minute), "k", {"m": minute})
        assert [one.body["m"] for one in store.audit(since=at(10))] == [10, 20, 30]

    # --- plans, policies, facts ----------------------------------------------------------------------------------
    def test_plans_are_kept_found_and_listed(self, store: Store) -> None:
        """By whole digest or a beginning of 8; newest first; filtered by account and state."""
        first, second = plan("aaaaaaaa" + "1" * 56), plan("bbbbbbbb" + "2" * 56, minute=1, state="approved")
        third = plan("aaaaaaaa" + "3" * 56, minute=2, account="cl")
        with store.transaction():
            for one in (first, second, third):
                store.save_plan(one)
        assert (store.plan(first.digest), store.plan("bbbbbbbb")) == (first, second)
        assert (store.plan("bbbbbbb"), store.plan("cccccccc"), store.plan("bbbbbbb%")) == (None, None, None)
        assert store.plan("aaaaaaaa3") == third
        with pytest.raises(StoreError, match="more than one saved plan begins with aaaaaaaa"):
            store.plan("aaaaaaaa")
        assert store.plans() == [third, second, first]
        assert (store.plans("mx"), store.plans("mx", state="held"), store.plans(state="applied")) == (
            [second, first], [first], [],
        )  # fmt: skip
        approved = replace(first, state="approved", approved_by="laura", reason="checked")
        with store.transaction():
            store.save_plan(approved)
        assert store.plan(first.digest) == approved

    def test_a_plan_is_claimed_once(self, store: Store, open_again: Callable[[], Store]) -> None:
        """Compare-and-swap: of two claims one wins, from the named states only, and never after it expired."""
        digest = "d" * 64
        other = open_again()
        with store.transaction():
            store.save_plan(plan(digest))
            assert store.claim_plan(digest, at(1), states=["approved"]) is False
            assert store.claim_plan(digest, at(1), states=[]) is False
            assert store.claim_plan("e" * 64, at(1), states=["held"]) is False
            assert store.claim_plan(digest, at(120), states=["held"]) is False
        with store.transaction():
            assert store.claim_plan(digest, at(119), states=["approved", "held"]) is True
        with other.transaction():
            assert other.claim_plan(digest, at(119), states=["approved", "held"]) is False
        assert store.plan(digest) == replace(plan(digest), state="applied")

    def test_a_policy_text_is_kept_once(self, store: Store) -> None:
        """Saving the same digest again changes nothing."""
        with store.transaction():
            store.save_policy("p", {"a.yaml": "no: funciona\n"}, at(0))
            store.save_policy("p", {"a.yaml": "other"}, at(1))
        assert (store.policy("p"), store.policy("q")) == ({"a.yaml": "no: funciona\n"}, None)

    def test_facts_are_set_replaced_and_removed(self, store: Store) -> None:
        """Any value; None removes; accounts do not mix."""
        with store.transaction():
            store.set_fact("mx", "populations", [1, 2, 3], T0)
            store.set_fact("mx", "toggling_stopped", False, T0)
            store.set_fact("mx", "old", 1, T0)
            store.set_fact("mx", "old", {"n": (2,)}, T0)
        assert (store.fact("mx", "populations"), store.fact("mx", "toggling_stopped")) == ([1, 2, 3], False)
        assert (store.fact("mx", "old"), store.fact("cl", "old"), store.fact("mx", "none")) == ({"n": (2,)}, None, None)
        with store.transaction():
            store.set_fact("mx", "old", None, T0)
        assert store.fact("mx", "old") is None

    # --- lease ---------------------------------------------------------------------------------------------------
    def test_a_newer_epoch_fences_the_older(self, store: Store, open_again: Callable[[], Store]) -> None:
        """A paused cycle that wakes up finds its epoch gone, also from another process; accounts do not mix."""
        other = open_again()
        with store.transaction():
            assert (store.take_epoch("mx", "one", T0), store.take_epoch("cl", "one", T0)) == (1, 1)
            assert store.check_epoch("mx", 1) is True
        with other.transaction():
            assert other.take_epoch("mx", "two", at(1)) == 2
        with store.transaction():
            assert (store.check_epoch("mx", 1), store.check_epoch("mx", 2)) == (False, True)
            assert (store.check_epoch("cl", 1), store.check_epoch("none", 0)) == (True, False)
