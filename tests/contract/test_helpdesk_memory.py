"""The in-memory helpdesk keeps the contract of every helpdesk, and a few promises of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.core.model import Ticket
from connector.errors import OutcomeUnknown, Unavailable
from connector.helpdesks.memory import MemoryHelpdesk
from tests.contract.helpdesk_contract import NOW, HelpdeskContract


class _Memory:
    def __init__(self) -> None:
        tickets = [
            Ticket(
                id=str(n),
                status="in_process" if n % 2 else "open",
                priority="low" if n % 2 else "normal",
                subject=f"caso {n}",
                created_at=NOW - timedelta(days=3),
                updated_at=NOW - timedelta(hours=1, seconds=n),
            )
            for n in range(1, 251)
        ]
        self.helpdesk = MemoryHelpdesk(
            now=NOW,
            tickets=tickets,
            agents={"Laura Núñez": "9001"},
            groups={"Supervisión": "5001"},
            emails={"laura@example.com": "9001"},
        )
        self.reader, self.writer = self.helpdesk.reader(), self.helpdesk.writer()

    def advance(self, seconds: int) -> None:
        self.helpdesk.advance(seconds)

    def customer_reply(self, ticket_id: str) -> None:
        self.helpdesk.customer_reply(ticket_id)

    def agent_edit(self, ticket_id: str, **changes: Any) -> None:
        self.helpdesk.agent_edit(ticket_id, **changes)

    def hide(self, ticket_id: str, how: str) -> None:
        self.helpdesk.remove(ticket_id, how)

    def refuse_next_write(self) -> None:
        def refuse(*_: Any) -> None:
            self.helpdesk.before_write = None
            msg = "not now"
            raise Unavailable(msg)

        self.helpdesk.before_write = refuse

    def lose_next_answer(self) -> None:
        def lose(*_: Any) -> None:
            self.helpdesk.after_write = None
            msg = "answer lost"
            raise OutcomeUnknown(msg)

        self.helpdesk.after_write = lose

    def truth(self) -> dict[str, tuple[Any, Any]]:
        return {n: (t.status, t.priority) for n, t in self.helpdesk.all().items() if t.gone is None}


@pytest.fixture
def desk() -> _Memory:
    return _Memory()


class TestMemoryHelpdesk(HelpdeskContract):
    """The contract."""


def test_its_autoclose_rule_counts_on_the_chosen_clock_and_runs_on_the_way() -> None:
    """A toggle half-way restarts the clock; without one the ticket closes at its instant and the customer is mailed."""
    for toggled, expected in ((False, "closed"), (True, "in_process")):
        helpdesk = MemoryHelpdesk(
            now=NOW, tickets=[Ticket(id="1", status="in_process")], autoclose={"in_process": timedelta(days=14)}
        )
        helpdesk.advance(timedelta(days=10))
        if toggled:
            helpdesk.writer().update("1", {"status": "completed"})
            helpdesk.writer().update("1", {"status": "in_process"})
        helpdesk.advance(timedelta(days=10))
        assert helpdesk.get("1").status == expected
        assert [mail.cause for mail in helpdesk.outbox] == ([] if toggled else ["closed"])
        if not toggled:
            assert helpdesk.get("1").closed_at == NOW + timedelta(days=14)


def test_a_hook_may_edit_behind_the_writers_back() -> None:
    """A human edit between a re-read and a write can be staged."""
    helpdesk = MemoryHelpdesk(now=NOW, tickets=[Ticket(id="1", status="open", priority="low")])
    helpdesk.before_write = lambda *_: helpdesk.agent_edit("1", status="waiting_customer") and None
    helpdesk.writer().update("1", {"priority": "high"})
    assert (helpdesk.get("1").status, helpdesk.get("1").priority) == ("waiting_customer", "high")


def test_same_value_writes_do_not_restart_the_status_clock() -> None:
    """Only a real change of status moves `status_since`."""
    helpdesk = MemoryHelpdesk(now=NOW, tickets=[Ticket(id="1", status="in_process")])
    helpdesk.advance(60)
    helpdesk.writer().update("1", {"status": "in_process"})
    assert helpdesk.get("1").status_since == NOW
    assert helpdesk.get("1").updated_at == NOW + timedelta(seconds=60)


def test_writes_are_logged_with_their_values() -> None:
    """Tests of the write path can see what arrived, and that nothing else did."""
    helpdesk = MemoryHelpdesk(now=NOW, tickets=[Ticket(id="1", status="open")])
    helpdesk.writer().add_note("1", "hola", notify=["laura@example.com"])
    assert [(w.kind, w.ticket, w.values) for w in helpdesk.written] == [
        ("note", "1", {"text": "hola", "notify": ("laura@example.com",)})
    ]
    assert [(m.to, m.cause) for m in helpdesk.outbox] == [("laura@example.com", "note")]
