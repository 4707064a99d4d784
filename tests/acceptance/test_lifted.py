"""A level a ticket is lifted to at once is due from one instant, however often it is looked at before it is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.core.evaluate import evaluate, remember
from connector.core.model import Evaluation, Memory, Ticket
from tests.acceptance.tickets import policy_of

POLICY = policy_of("saas-vendor")
BROKEN = datetime(2026, 4, 6, 7, 30, tzinfo=UTC)  # 09:30 in Madrid: an hour of work after Maundy Thursday, 17:30
MINUTE = timedelta(minutes=1)


def _ticket(priority: str, agent: str = "Iván Soto") -> Ticket:
    at = datetime(2026, 4, 2, 15, 30, tzinfo=UTC)
    return Ticket(
        id="1", status="open", priority=priority, channel="email", body="Un cobro duplicado.", agent=agent,
        group="Finanzas", subject="Cobro", created_at=at, updated_at=at, status_since=at,
    )  # fmt: skip


def _look(ticket: Ticket, memory: Memory, now: datetime) -> tuple[Evaluation, Memory]:
    told = evaluate(POLICY, ticket, memory, now)
    return told, remember(memory, told, now)


def _due(told: Evaluation) -> set[datetime | None]:
    return {
        want.due for one in told.decisions if one.rule.name == "facturación y pagos" for want in one.wants
    }  # fmt: skip


def test_looked_at_again_it_is_still_due_from_the_breach() -> None:
    """Every minute the same instant, and the same text: a held plan keeps its digest, and can be approved."""
    memory = Memory(first_seen=BROKEN - timedelta(days=4))
    texts = set()
    for minutes in range(4):
        told, memory = _look(_ticket("urgent"), memory, BROKEN + minutes * MINUTE)
        assert _due(told) == {BROKEN}
        texts |= {want.text for one in told.decisions for want in one.wants if want.kind == "note"}
    assert len(texts) == 1


def test_one_that_becomes_urgent_later_is_lifted_then() -> None:
    """Seen below first: the level it is lifted to is due from when that was seen, and stays so."""
    memory = Memory(first_seen=BROKEN - timedelta(days=4))
    _, memory = _look(_ticket("high"), memory, BROKEN + 5 * MINUTE)
    later = BROKEN + 20 * MINUTE
    told, memory = _look(_ticket("urgent"), memory, later)
    assert _due(told) == {later}
    told, _ = _look(_ticket("urgent"), memory, later + MINUTE)
    assert _due(told) == {later}


def test_whom_a_person_chose_since_stays() -> None:
    """Somebody gave it to another agent after the level was due and before it was done: that is not fought over."""
    memory = Memory(first_seen=BROKEN - timedelta(days=4))
    _, memory = _look(_ticket("urgent"), memory, BROKEN)
    chosen = (BROKEN + MINUTE).isoformat()
    human = Memory(
        first_seen=memory.first_seen,
        extra={**memory.extra, "human_at": {"agent": chosen}},
        human={"agent": "Clara Ruiz"},
    )
    told, _ = _look(_ticket("urgent", "Clara Ruiz"), human, BROKEN + 2 * MINUTE)
    wants = [want for one in told.decisions if one.rule.name == "facturación y pagos" for want in one.wants]
    assert [want for want in wants if want.kind == "assign"] == []
