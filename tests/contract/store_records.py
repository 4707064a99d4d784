"""What every store promises of the register's records of escalations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, replace

import pytest

from connector.core.records import Escalation
from connector.errors import StoreError
from connector.store.base import Store
from tests.contract.store_samples import T0, at

FULL = Escalation(
    id="situation:no-parts:1042:2026-01-05T09:30:00+00:00:register",
    ticket="1042",
    tab="Sin refacciones",
    opened_at=at(3),
    body={"customer": "Núñez «\x00\ud83d»", "from": {"group": None, "agent": "Ana"}, "to": ["supervisor"], "level": 1},
    cause={"cause": "waiting_on_team", "evidence": {"group": "x"}, "at": "2026-01-05T10:00:00+00:00", "by": "set"},
    outcome={"state": "closed", "at": "2026-01-07T10:00:00+00:00", "in_promise": None, "days": 2.5},
    satisfaction={"word": "unhappy", "score": -103, "at": "2026-01-08T10:00:00+00:00"},
    follow_ups=({"at": "2026-01-06T10:00:00+00:00", "what": "follow-up 1"}, {"at": "x", "what": "follow-up 2"}),
    comments="línea 1\nlínea 2 \x00 \ud83d",
)


def bare(number: int, ticket: str = "1", *, minutes: float = 0) -> Escalation:
    """An open record with nothing in it."""
    return Escalation(f"id-{number:04}", ticket, None, at(minutes))


class StoreRecords:
    """Needs the fixtures of `StoreContract`."""

    def test_every_field_of_an_escalation_comes_back(self, store: Store, open_again: Callable[[], Store]) -> None:
        """The sample fills every field; also from another connection, and for texts that no database can hold."""
        unset = {one.name for one in fields(Escalation) if getattr(FULL, one.name) == one.default is not MISSING}
        assert unset == set()
        with store.transaction():
            store.put_escalation("mx", FULL)
            store.put_escalation("mx", bare(1))
        other = open_again()
        assert other.escalation("mx", FULL.id) == FULL
        assert other.escalation("mx", "id-0001") == bare(1)
        assert (other.escalation("mx", "none"), other.escalation("cl", FULL.id)) == (None, None)

    def test_an_escalation_is_replaced_by_its_id(self, store: Store) -> None:
        """One row an id, always; accounts do not mix."""
        changed = replace(bare(1), comments="seen", follow_ups=({"at": "x", "what": "y"},))
        with store.transaction():
            store.put_escalation("mx", bare(1))
            store.put_escalation("cl", bare(1))
            store.put_escalation("mx", changed)
        assert list(store.escalations("mx")) == [changed]
        assert list(store.escalations("cl")) == [bare(1)]

    def test_escalations_are_found_by_time_ticket_and_whether_they_are_open(self, store: Store) -> None:
        """From `since` on and before `until`, ordered by opening and id, whatever the order of writing."""
        ended = replace(bare(3, "7", minutes=2), outcome={"state": "gone", "at": "x", "in_promise": None, "days": 0.0})
        rows = [bare(9, "7", minutes=1), bare(2, "8", minutes=1), ended, bare(1, "8", minutes=4)]
        with store.transaction():
            for one in rows:
                store.put_escalation("mx", one)

        def found(**filters: object) -> list[str]:
            return [one.id[-1] for one in store.escalations("mx", **filters)]  # type: ignore[arg-type]

        assert found() == ["2", "9", "3", "1"]
        assert found(since=at(2)) == ["3", "1"]
        assert found(until=at(2)) == ["2", "9"]
        assert found(since=at(1), until=at(4), ticket="7") == ["9", "3"]
        assert found(open_only=True) == ["2", "9", "1"]
        assert found(ticket="7", open_only=True) == ["9"]
        assert found(ticket="none") == []
        with store.transaction():
            store.put_escalation("mx", replace(bare(9, "7", minutes=1), outcome=ended.outcome))
        assert found(open_only=True) == ["2", "1"]

    def test_many_escalations_of_one_instant_stream_whole(self, store: Store) -> None:
        """Pages begin behind the last row, not behind its instant."""
        with store.transaction():
            for number in range(1203):
                store.put_escalation("mx", bare(number))
        assert [one.id for one in store.escalations("mx", since=T0)] == [f"id-{number:04}" for number in range(1203)]

    def test_an_escalation_is_written_inside_a_transaction_only(self, store: Store) -> None:
        """And goes with it when it fails."""
        with pytest.raises(StoreError, match="outside a transaction"):
            store.put_escalation("mx", FULL)
        with pytest.raises(ZeroDivisionError), store.transaction():  # noqa: PT012 - a whole transaction
            store.put_escalation("mx", FULL)
            raise ZeroDivisionError
        assert list(store.escalations("mx")) == []
