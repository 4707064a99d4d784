"""A state machine over a helpdesk in memory: faults, deaths, people, customers and time, in any order.

Whatever happens, the promises of the journal hold after a recovery with a reachable helpdesk. Interference comes at
the points where a re-read can see it; the instant between a re-read and its write belongs to nobody, for the helpdesk
has no conditional writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector import crashpoints
from connector.audit import verify
from connector.core.guard import Limits
from connector.core.model import Outcome
from connector.cycle.run import run_cycle
from connector.errors import OutcomeUnknown, Unavailable
from tests.crash.matrix import BASE, LADDER
from tests.desk import DAY, World, policy, ticket

_NUMBERS = ("1", "2", "3")
_CAP = 4
_POINTS = [point for point in crashpoints.POINTS if not point.startswith(("held.", "claimed.", "write.reopen."))]


class Journalled(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            ticket(1, subject="I will call the regulator"), ticket(2), ticket(3, priority="low", status="open")
        )
        self.world.account.policy = policy(LADDER, base=BASE)
        self.world.account.limits = Limits(share=None)
        self.unjournalled: list[str] = []
        self.theirs: dict[tuple[str, str], tuple[Any, datetime]] = {}
        self.settled = False
        self.world.desk.before_write = self._journalled
        self.fault: tuple[str, int] | None = None
        self.world.desk.after_write = self._after
        self.meddling: str | None = None

    # --- what the helpdesk sees ---------------------------------------------------------------------------------------
    def _journalled(self, kind: str, number: str, values: Mapping[str, Any]) -> None:
        open_lines = self.world.store.open_intents("demo")
        if not any(one.action.ticket == number and one.outcome is Outcome.SENT for one in open_lines):
            self.unjournalled.append(f"{kind} on {number}: {dict(values)}")
        for field in values:
            held = self.theirs.get((number, field))
            if held is not None and field != "status":  # of a status only the way back is ours: checked by the rules
                self.unjournalled.append(f"{field} of {number}, set by a person to {held[0]!r}, was overwritten")
        self._strike("before", OutcomeUnknown("cut"), Unavailable("down"))

    def _after(self, kind: str, number: str, values: Mapping[str, Any]) -> None:
        if self.meddling is not None and values.get("status") == "completed":
            self.world.desk.advance(2)
            if self.meddling == "reply":
                self.world.desk.customer_reply(number, "hello")
            else:
                self.world.desk.agent_edit(number, status="waiting_other")
            self.meddling = None
        self._strike("after", OutcomeUnknown("cut"), OutcomeUnknown("cut"))

    def _strike(self, when: str, first: Exception, second: Exception) -> None:
        if self.fault is None:
            return
        kind, left = self.fault
        if not kind.startswith(when):
            return
        self.fault = None if left <= 1 else (kind, left - 1)
        if left <= 1:
            raise first if kind.endswith("1") else second

    # --- what may happen ----------------------------------------------------------------------------------------------
    @initialize()
    def begin(self) -> None:
        """The tickets are six days old."""
        self.world.desk.advance(6 * DAY)

    @rule(point=st.sampled_from(_POINTS), hit=st.integers(1, 4))
    def cycle_that_dies(self, point: str, hit: int) -> None:
        """A cycle that dies at a point, if it gets there."""
        crashpoints.arm(point, at=hit)
        try:
            self._cycle()
        except crashpoints.Crash:
            pass
        finally:
            crashpoints.disarm()

    @rule(
        point=st.sampled_from(["sent.after", "write.through.before", "write.through.after", "write.back.after"]),
        person=st.sampled_from(["nobody", "completes", "notes", "answers"]),
    )
    def toggle_that_dies(self, point: str, person: str) -> None:
        """Six days later a toggle is due; it dies half-way, and minutes later someone may touch the ticket."""
        self.world.desk.advance(6 * DAY)
        self.cycle_that_dies(point, 1)
        half = [one.action.ticket for one in self.world.store.open_intents("demo")]
        self.world.desk.advance(200)
        for number in half:
            if person == "completes":
                self.agent_sets_status(number, "completed")
            elif person == "notes":
                self.world.desk.agent_note(number, "looking at it")
            elif person == "answers":
                self.world.desk.customer_reply(number, "hello")
        self._recovered()
        if person != "completes" or point == "write.through.after":
            assert [one.id for one in self.world.desk.all().values() if one.status == "completed"] == []

    @rule(
        number=st.sampled_from(_NUMBERS), status=st.sampled_from(["in_process", "open"]),
        change=st.sampled_from(["low", "high", "waiting_customer"]),
    )  # fmt: skip
    def person_between_plan_and_write(self, number: str, status: str, change: str) -> None:
        """A person edits the ticket after the plan was made and before the action on it is looked at again."""
        self.world.desk.advance(6 * DAY)
        if self.world.desk.get(number).status not in ("completed", "closed"):
            self.world.desk.agent_edit(number, status=status)
        edited: list[str] = []

        def meddle(point: str) -> None:
            if point != "intent.after" or edited:
                return
            (line,) = self.world.store.open_intents("demo")[-1:]
            if line.action.ticket == number:
                edited.append(number)
                field = "status" if change == "waiting_customer" else "priority"
                self.world.desk.advance(5)
                if getattr(self.world.desk.get(number), field) != change:
                    self.world.desk.agent_edit(number, **{field: change})
                    self.theirs[number, field] = (change, self.world.now())

        crashpoints.watch(meddle)
        try:
            self._cycle()
        finally:
            crashpoints.disarm()
        if edited and change == "waiting_customer":
            assert self.world.desk.get(number).status == "waiting_customer", "a person's status was overwritten"
            self.theirs.pop((number, "status"), None)
            self.world.desk.agent_edit(number, status="in_process")

    @rule(kind=st.sampled_from(["before1", "before2", "after1"]), hit=st.integers(1, 3))
    def cycle_with_a_fault(self, kind: str, hit: int) -> None:
        """A cycle during which one write goes wrong."""
        self.fault = (kind, hit)
        self._cycle()
        self.fault = None

    @rule(who=st.sampled_from(["reply", "edit"]))
    def cycle_with_someone_between_the_writes(self, who: str) -> None:
        """A customer answers, or an agent takes the ticket, between the two writes of a toggle."""
        self.meddling = who
        self._cycle()
        self.meddling = None

    @rule()
    def cycle(self) -> None:
        """A good cycle."""
        self._cycle()

    @rule(number=st.sampled_from(_NUMBERS), priority=st.sampled_from(["low", "high"]))
    def agent_sets_priority(self, number: str, priority: str) -> None:
        """A person sets a priority; from then on it is theirs, once the daemon has seen it."""
        self.world.desk.advance(200)
        if self.world.desk.get(number).priority != priority:
            self.world.desk.agent_edit(number, priority=priority)
            self._cycle()
            self.theirs[number, "priority"] = (priority, self.world.now())

    @rule(number=st.sampled_from(_NUMBERS))
    def customer_answers(self, number: str) -> None:
        """The ticket is reopened by the helpdesk."""
        self.world.desk.advance(200)
        self.world.desk.customer_reply(number, "still broken")

    @rule(number=st.sampled_from(_NUMBERS), status=st.sampled_from(["in_process", "waiting_customer", "completed"]))
    def agent_sets_status(self, number: str, status: str) -> None:
        """An agent moves a ticket on; completed by a person stays completed."""
        self.world.desk.advance(200)
        if self.world.desk.get(number).status == status == "completed":
            return  # by our own dead toggle: there is nothing for a person to change, and it is ours to put back
        self.world.desk.agent_edit(number, status=status)
        if status == "completed":
            before = self.world.desk.get(number).status_since
            self._recovered()
            assert self.world.desk.get(number).status_since == before, "a person's completion was undone"
            self.world.desk.agent_edit(number, status="in_process")

    @rule(hours=st.sampled_from([0.01, 1, 24, 24 * 3]))
    def time_passes(self, hours: float) -> None:
        """Anything from seconds to days."""
        self.world.desk.advance(hours * 3600)

    @precondition(lambda self: not self.settled)
    @rule()
    def recovered_and_checked(self) -> None:
        """With a reachable helpdesk, minutes later: nothing is left finished, nothing left open."""
        self._recovered()
        left = [one.id for one in self.world.desk.all().values() if one.status == "completed"]
        assert left == []
        assert self.world.store.open_intents("demo") == []
        self.settled = True

    def _recovered(self) -> None:
        self.world.desk.advance(200)
        self._cycle()
        self.world.desk.advance(200)
        self._cycle()

    def _cycle(self) -> None:
        self.settled = False
        run_cycle(self.world.account, now=self.world.now)

    # --- what must hold -----------------------------------------------------------------------------------------------
    @invariant()
    def every_write_is_journalled_and_no_ones_value_taken(self) -> None:
        """No request without an intent that says SENT; no value of a person overwritten."""
        assert self.unjournalled == []

    @invariant()
    def toggles_keep_the_cap(self) -> None:
        """By memory, and by what the helpdesk saw. Each attempt that was cut short may have cost one pass more."""
        for number in _NUMBERS:
            row = self.world.store.mirrored("demo", [number]).get(number)
            assert row is None or len(row.memory.toggles) <= _CAP

    @invariant()
    def nothing_is_left_twice(self) -> None:
        """No note and no message stands twice."""
        for number in _NUMBERS:
            texts = Counter(note.text for note in self.world.desk.notes_of(number) if "Ref. esc-" in note.text)
            assert [text for text, count in texts.items() if count > 1] == []
        keys = Counter(message.key for message in self.world.outbox.messages)
        assert [key for key, count in keys.items() if count > 1] == []

    @invariant()
    def no_key_is_acted_on_twice(self) -> None:
        """Of each idempotency key at most one action ended as done."""
        done = Counter(
            (event.ticket, event.body["key"])
            for event in self.world.store.audit("demo")
            if event.kind == "outcome" and event.body["outcome"] == "done"
        )
        assert [key for key, count in done.items() if count > 1] == []

    @invariant()
    def every_outcome_is_in_the_audit(self) -> None:
        """Each ended intent has its event, and the chain holds."""
        ended = {event.body["action"] for event in self.world.store.audit("demo") if event.kind == "outcome"}
        since = self.world.now() - 4000 * DAY
        for intent in self.world.store.intents("demo", since=since):
            if intent.outcome not in (Outcome.INTENDED, Outcome.SENT):
                assert intent.id in ended
        assert verify(self.world.store).ok

    def teardown(self) -> None:
        """Close the store."""
        crashpoints.disarm()
        self.world.store.close()


def setup_module() -> None:
    """Log lines of a thousand cycles help nobody."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def teardown_module() -> None:
    """Give the logging back."""
    structlog.reset_defaults()


Journalled.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestJournalled = Journalled.TestCase
