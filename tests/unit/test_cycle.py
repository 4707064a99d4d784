"""One cycle of one account: what it reads, decides, writes and remembers, and that a dry one writes nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.audit import verify
from connector.core.guard import Limits
from connector.core.model import Outcome, Rejected
from connector.cycle.run import CycleReport, run_cycle
from connector.errors import AccountBlocked, Unavailable
from connector.helpdesks.base import Batch
from tests.desk import DAY, HOUR, MATRIX, START, World, policy, ticket

SILENCE = "priority: [{name: silence, when: {any_phrase: [silent]}, priority: high}]"


def cycle(world: World, **more: Any) -> CycleReport:
    """One cycle at the helpdesk's present instant."""
    return run_cycle(world.account, now=world.now, **more)


def threat(number: int, **values: Any) -> Any:
    """A ticket that the priority rule wants urgent; in no situation."""
    return ticket(number, subject="I will call the regulator", escalation_type=None, escalated_at=None, **values)


def test_a_cycle_mirrors_decides_and_writes() -> None:
    """The threat becomes urgent, and the next cycle has nothing left to do."""
    world = World(threat(1), ticket(2))
    first = cycle(world)
    assert (first.changed, first.evaluated, first.acted) == (2, 2, 1)
    assert world.desk.get("1").priority == "urgent"
    second = cycle(world)
    assert second.plan is not None
    assert (second.changed, second.plan.actions) == (0, ())


def test_an_idle_cycle_evaluates_nothing() -> None:
    """Cost follows change: with nothing changed and nothing due, no ticket is looked at."""
    world = World(threat(1), ticket(2))
    cycle(world)
    cycle(world)
    world.desk.advance(60)
    idle = cycle(world)
    assert (idle.changed, idle.evaluated) == (0, 0)


def test_own_writes_are_not_seen_as_human_edits() -> None:
    """The echo of our own PUT comes back in the feed and leaves no trace in `human`."""
    world = World(threat(1))
    cycle(world)
    world.desk.advance(60)
    cycle(world)
    assert dict(world.row().memory.human) == {}


def test_a_value_a_human_set_is_not_fought_over() -> None:
    """We raise, an agent lowers, we leave it."""
    world = World(threat(1))
    cycle(world)
    for _ in range(3):
        world.desk.advance(HOUR)
        world.desk.agent_edit("1", priority="low")
        cycle(world)
    assert world.desk.get("1").priority == "low"
    assert len(world.desk.written) == 1


def test_a_dry_run_writes_neither_to_the_helpdesk_nor_to_the_state() -> None:
    """The same plan, no write anywhere, not even a cursor."""
    world = World(threat(1), ticket(2))
    report = cycle(world, dry_run=True)
    assert report.plan is not None
    assert [(one.ticket, one.kind) for one in report.plan.actions] == [("1", "set")]
    assert (world.desk.written, world.store.cursor("demo"), world.store.mirrored("demo", ["1", "2"])) == ([], None, {})
    assert list(world.store.audit("demo")) == []
    assert report.exit_code == 2


def test_a_dry_run_over_a_mirror_plans_the_same_as_the_cycle_after_it() -> None:
    """What `plan` shows is what the next cycle does."""
    world = World(threat(1), ticket(2))
    cycle(world)
    world.desk.advance(8 * DAY)
    world.desk.put(threat(3))
    dry = cycle(world, dry_run=True)
    live = cycle(world)
    assert dry.plan is not None
    assert live.plan is not None
    assert dry.plan.digest == live.plan.digest
    assert {one.kind for one in dry.plan.actions} == {"toggle", "set"}


def test_without_a_writer_the_mirror_is_kept_and_nothing_is_written() -> None:
    """`write = false`: a shadow daemon."""
    world = World(threat(1))
    world.account.writer = None
    report = cycle(world)
    assert (world.desk.written, report.applied, world.row().wake_at) == ([], [], world.now())


def test_escalated_tickets_are_never_closed_by_the_helpdesk_within_the_bounds() -> None:
    """Thirty days, an hour at a time: kept alive, back in process after each cycle, not more toggles than the cap."""
    world = World(ticket(1))
    for _ in range(30 * 24):
        world.desk.advance(HOUR)
        cycle(world)
        assert world.desk.get("1").status == "in_process"
    assert world.desk.autoclosed == []
    assert 2 <= len(world.row().memory.toggles) <= 4
    assert verify(world.store.audit()).flaw is None


def test_what_is_held_is_saved_and_announced_once_and_applied_after_approval() -> None:
    """Thirty writes where twenty per rule are allowed: held; the same plan again is not announced again."""
    world = World(*(threat(number) for number in range(1, 31)))
    world.account.limits = Limits(share=None)
    first = cycle(world)
    assert first.held is not None
    assert (first.announced, world.desk.written, first.exit_code) == (True, [], 3)
    world.desk.advance(60)
    second = cycle(world)
    assert (second.held, second.announced) == (first.held, False)
    saved = world.store.plan(first.held)
    assert saved is not None
    with world.store.transaction():
        world.store.save_plan(replace(saved, state="approved", approved_by="ana"))
    world.desk.advance(60)
    world.desk.agent_edit("7", priority="low")
    third = cycle(world)
    assert third.counts() == {"done": 29, "drifted": 1}
    assert world.store.plan(first.held).state == "applied"  # type: ignore[union-attr]
    assert world.desk.get("7").priority == "low"


def test_a_held_plan_expires_after_a_day_and_is_announced_anew() -> None:
    """Nobody looked at it for a day."""
    world = World(*(threat(number) for number in range(1, 31)))
    world.account.limits = Limits(share=None)
    first = cycle(world)
    world.desk.advance(DAY + HOUR)
    second = cycle(world)
    assert (second.held, second.announced) == (first.held, True)
    assert [event.kind for event in world.store.audit("demo")].count("plan_expired") == 1


def test_keep_alive_goes_on_while_the_rest_is_held() -> None:
    """A held plan does not cost an escalated ticket its life."""
    world = World(ticket(99), *(threat(number) for number in range(1, 31)))
    world.account.limits = Limits(share=None)
    world.desk.advance(8 * DAY)
    report = cycle(world)
    assert [(one.action.kind, one.outcome) for one in report.applied] == [("toggle", Outcome.DONE)]
    assert report.held is not None
    saved = world.store.plan(report.held)
    assert saved is not None
    assert {one["kind"] for one in saved.body["actions"]} == {"set"}


def test_a_changed_policy_wakes_every_open_ticket_and_is_kept_as_evidence() -> None:
    """The new rule acts on a ticket that was quiet."""
    world = World(ticket(1, escalation_type=None, escalated_at=None, subject="silent"), ticket(2))
    world.account.limits = Limits(share=None)
    cycle(world)
    world.account.policy = policy(SILENCE)
    world.account.files = {"new.yaml": "text"}
    report = cycle(world)
    assert report.policy_changed
    assert world.desk.get("1").priority == "high"
    assert world.store.policy(world.account.policy.digest)["files"] == {"new.yaml": "text"}  # type: ignore[index]


def test_the_first_plan_of_a_changed_policy_that_touches_much_is_held_until_approved() -> None:
    """And stays held in the cycles after it: the policy is adopted only with a plan that may go."""
    world = World(*(ticket(number, escalation_type=None, escalated_at=None) for number in range(1, 31)))
    world.account.limits = Limits(share=None, per_rule=None)
    cycle(world)
    world.account.policy = policy(SILENCE)
    assert cycle(world).held is not None
    world.desk.advance(60)
    assert cycle(world).held is not None
    assert world.desk.written == []


def test_a_ticket_written_to_too_often_rests_with_one_note() -> None:
    """Three own writes in 24 hours, and a fourth wanted: quarantined, one notice, no more writes for a day."""
    world = World(threat(1))
    world.account.limits = Limits(share=None)
    cycle(world)
    row = world.row()
    with world.store.transaction():
        memory = replace(row.memory, writes=(world.now(),) * 3, ours={}, human={}, done={})
        world.store.put("demo", [replace(row, memory=memory, wake_at=world.now())])
    world.desk.advance(60)
    world.desk.agent_edit("1", subject="regulator, again", priority="normal")
    world.mirror()
    for _ in range(5):
        world.desk.advance(60)
        with world.store.transaction():
            world.store.wake_all("demo", world.now())
        cycle(world)
    notes = world.desk.notes_of("1")
    assert len(notes) == 1
    assert "leave it alone" in notes[0].text
    assert len(world.desk.written) == 2
    assert world.row().memory.quarantined_until is not None


def test_one_ticket_that_can_not_be_evaluated_rests_and_the_cycle_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """No crash loop: quarantined for an hour, with an audit event, the other ticket is served."""
    from connector.cycle import gather as cycle_gather

    real = cycle_gather.evaluate

    def evaluate(policy: Any, one: Any, *more: Any, **named: Any) -> Any:
        if one.id == "1":
            msg = "boom"
            raise ZeroDivisionError(msg)
        return real(policy, one, *more, **named)

    monkeypatch.setattr(cycle_gather, "evaluate", evaluate)
    world = World(threat(1), threat(2))
    world.account.limits = Limits(share=None)
    report = cycle(world)
    assert (report.quarantined, world.desk.get("2").priority) == (["1"], "urgent")
    assert cycle(world).evaluated == 1  # ticket 2 after our write; ticket 1 rests
    monkeypatch.undo()
    world.desk.advance(HOUR)
    cycle(world)
    assert world.desk.get("1").priority == "urgent"


class Flaky:
    """A reader that fails in a given way while it lists."""

    def __init__(self, world: World, error: Exception | None = None, batch: Batch | None = None) -> None:
        self._reader, self._error, self._batch = world.desk.reader(), error, batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def changed(self, cursor: str | None) -> Iterator[Batch]:
        """Some batches, then the error."""
        yield from self._reader.changed(cursor)
        if self._batch is not None:
            yield self._batch
        if self._error is not None:
            raise self._error


def test_a_feed_that_breaks_off_is_reported_incomplete() -> None:
    """What was read is kept; the report says so, with the time the helpdesk asked for."""
    world = World(threat(1))
    world.account.reader = Flaky(world, Unavailable("503", retry_after=42))  # type: ignore[assignment]
    report = cycle(world)
    assert (report.complete, report.retry_after, report.exit_code) == (False, 42, 4)
    assert world.row().ticket.id == "1"


def test_a_blocked_account_is_left_alone_loudly() -> None:
    """Nothing is written, the audit says so, and the exit code is an error."""
    world = World(threat(1))
    world.account.reader = Flaky(world, AccountBlocked("bad key"))  # type: ignore[assignment]
    report = cycle(world)
    assert (report.blocked, report.exit_code, world.desk.written) == (True, 1, [])
    assert [event.kind for event in world.store.audit("demo")] == ["blocked"]


def test_bad_records_are_reported_and_stop_nothing() -> None:
    """A record that is no ticket stands in the plan's `rejected`."""
    world = World(threat(1))
    bad = Rejected("page 1, row 3", None, "no id")
    world.account.reader = Flaky(world, batch=Batch((), (bad,), '{"seq": 1}'))  # type: ignore[assignment]
    report = cycle(world)
    assert report.plan is not None
    assert (report.plan.rejected, report.acted) == ((bad,), 1)


def test_a_stale_answer_does_not_turn_the_mirror_back() -> None:
    """An older `updated_at` than the mirrored one is not taken."""
    world = World(ticket(1))
    world.desk.advance(HOUR)
    world.desk.agent_edit("1", group="Second line")
    cycle(world)
    old = Batch((ticket(1),), (), '{"seq": 99}')
    world.account.reader = Flaky(world, batch=old)  # type: ignore[assignment]
    cycle(world)
    assert world.row().ticket.group == "Second line"


def test_a_cold_sync_streams_by_batches_and_evaluates_by_pages() -> None:
    """Three thousand tickets, every batch its own transaction, all evaluated, the rows with their wake instants."""
    world = World(*(ticket(number) for number in range(1, 3001)))
    world.account.page = 250
    report = cycle(world)
    assert (report.changed, report.evaluated) == (3000, 3000)
    assert world.store.due("demo", world.now(), limit=10) == []
    assert world.store.next_wake("demo") == START + timedelta(days=7)


def test_toggles_stop_for_an_account_whose_clock_does_not_move() -> None:
    """After one ineffective toggle no other is planned, until the fact is cleared."""
    world = World(*(ticket(number, autoclose_clock=START) for number in (1, 2, 3)), autoclose_clock="autoclose_clock")
    world.account.limits = Limits(share=None, toggles=1)
    world.desk.advance(8 * DAY)
    first = cycle(world)
    assert first.counts() == {"ineffective": 1}
    world.desk.advance(HOUR)
    assert cycle(world).applied == []
    with world.store.transaction():
        world.store.set_fact("demo", "toggling_stopped", None, world.now())
    world.desk.advance(HOUR)
    assert cycle(world).counts() == {"ineffective": 1}


def test_tickets_with_an_open_line_wait_until_it_is_settled() -> None:
    """Nothing new is planned for a ticket whose last write is not settled yet."""
    from connector import crashpoints

    world = World(threat(1), more=(MATRIX,))
    crashpoints.arm("write.update.before")
    with pytest.raises(crashpoints.Crash):
        cycle(world)
    world.desk.advance(5)
    early = cycle(world)
    assert early.plan is not None
    assert ([one.action.ticket for one in early.left], early.plan.actions) == (["1"], ())
    world.desk.advance(300)
    cycle(world)
    assert world.desk.get("1").priority == "urgent"


def test_a_stop_in_mid_cycle_leaves_everything_due() -> None:
    """Asked to stop after the first write: the rest is done by the next cycle."""
    world = World(*(threat(number) for number in range(1, 6)))
    world.account.limits = Limits(share=None)
    report = cycle(world, stop=lambda: bool(world.desk.written))
    assert (report.stopped, len(world.desk.written)) == (True, 1)
    world.desk.advance(60)
    cycle(world)
    assert {one.priority for one in world.desk.all().values()} == {"urgent"}
