"""A state machine over random policies: they change under way, the clock goes back, plans are held, things go wrong.

`test_apply_machine.py` proves the journal under one policy; this one proves what must hold whatever the policy says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connector import crashpoints
from connector.apply.actions import chosen
from connector.audit import verify
from connector.core.guard import Limits
from connector.core.model import Outcome
from connector.core.policy import Policy
from connector.cycle.run import CycleReport, run_cycle
from connector.errors import OutcomeUnknown, Unavailable
from connector.inbox import Word, record
from tests.desk import DAY, HOUR, World, policy, ticket
from tests.soak.processes import FULL

_NUMBERS = ("1", "2", "3", "4")
_LARGEST_CAP = 3
_HEAD = """
pack: {name: test, title: Test, language: en, timezone: UTC, calendar: office}
calendars:
  office: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}
people:
  boss: {agent: "Laura Boss", email: laura@example.com}
situations:
  - {id: no-diagnosis, title: No diagnosis}
  - {id: stuck, title: Stuck, detect: {any_phrase: [silent]}, detection: act}
"""
_KEEPALIVE = """
keepalive:
  - name: kept
    follow_up: {{after: {after}d, every: {after}d}}
    autoclose: {{after: 14d, margin: {margin}h}}
    cap: {cap}
    until: 60d
{note}
"""
_NOTE = "    note: Kept alive"
#: Parts of which a policy has any; each may stand beside each other.
_PARTS = (
    "priority:\n  - {name: threat, when: {any_phrase: [regulator]}, priority: urgent}\n",
    "priority:\n  - {name: calm, when: {any_phrase: [silent]}, priority: low}\n",
    (
        "matrix:\n  - name: ladder\n    situations: [no-diagnosis]\n    since: escalated\n    levels:\n"
        "      - {after: 24h, assign: boss, notify: [boss], note: Level 1}\n"
        "      - {after: 5d, notify: [boss], priority: high, note: Level 2}\n"
    ),
    "sla:\n  - name: answers\n    resolution: 4d\n    remind: [{before: 1d, notify: [boss]}]\n",
)  # fmt: skip
_POLICIES = st.tuples(
    st.sampled_from((5, 7, 10)), st.sampled_from((12, 48)), st.integers(1, _LARGEST_CAP), st.booleans(),
    st.sets(st.sampled_from(range(len(_PARTS)))),
)  # fmt: skip


@cache
def _policy(after: int, margin: int, cap: int, note: bool, parts: frozenset[int]) -> Policy:
    keep = _KEEPALIVE.format(after=after, margin=margin, cap=cap, note=_NOTE if note else "")
    chosen_parts = [_PARTS[number] for number in sorted(parts)]
    return policy(keep, *chosen_parts, base=_HEAD)


class AnyPolicy(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            ticket(1, subject="I will call the regulator"),
            ticket(2, escalation_type="stuck"),
            ticket(3, escalation_type=None, escalated_at=None, status="open"),
            ticket(4, subject="silent, and the regulator knows", priority="low"),
        )
        self.skew = timedelta(0)
        self.world.account.clock = self.now
        self.world.desk.before_write = self._before
        self.world.desk.after_write = self._after
        self.fault: str | None = None
        self.approved: set[str] = set()
        self.allowed: frozenset[str] = frozenset()
        self.broken: list[str] = []

    def now(self) -> datetime:
        """The daemon's clock, which may be wrong."""
        return self.world.now() + self.skew

    # --- what the helpdesk sees --------------------------------------------------------------------------------------
    def _before(self, kind: str, number: str, values: Mapping[str, Any]) -> None:
        lines = self.world.store.open_intents("demo")
        if not any(one.outcome is Outcome.SENT and (one.action.ticket == number or kind == "create") for one in lines):
            self.broken.append(f"{kind} on {number} was sent without an intent")
        if self.fault == "before":
            self.fault = None
            raise Unavailable("down")

    def _after(self, kind: str, number: str, values: Mapping[str, Any]) -> None:
        if self.fault == "after":
            self.fault = None
            raise OutcomeUnknown("cut")

    # --- what may happen ---------------------------------------------------------------------------------------------
    @initialize(drawn=_POLICIES, tight=st.booleans())
    def begin(self, drawn: tuple[int, int, int, bool, set[int]], tight: bool) -> None:
        """Some policy, and limits that hold much or nothing."""
        self.world.account.limits = Limits(share=None, population=None, actions=2 if tight else 50)
        self.reload(drawn)

    @rule(drawn=_POLICIES)
    def reload(self, drawn: tuple[int, int, int, bool, set[int]]) -> None:
        """The mappings were edited."""
        after, margin, cap, note, parts = drawn
        self.world.account.policy = _policy(after, margin, cap, note, frozenset(parts))

    @rule()
    def cycle(self) -> None:
        """A good cycle."""
        self._cycle()

    @rule(when=st.sampled_from(["before", "after"]))
    def cycle_with_a_fault(self, when: str) -> None:
        """One write goes wrong."""
        self.fault = when
        self._cycle()
        self.fault = None

    @rule(point=st.sampled_from(crashpoints.POINTS), hit=st.integers(1, 3))
    def cycle_that_dies(self, point: str, hit: int) -> None:
        """A death, if it gets there; a restart knows only what is in the state."""
        crashpoints.arm(point, at=hit)
        try:
            self._cycle()
        except crashpoints.Crash:
            self.world.account.waiting = None
        finally:
            crashpoints.disarm()

    @rule()
    def approve(self) -> None:
        """A person approves what waits."""
        for saved in self.world.store.plans("demo", state="held"):
            record(self.world.store, Word(saved.digest, "approved", "ana", "fine", self.now()))
            self.approved.add(saved.digest)

    @rule(hours=st.sampled_from([1, 24, 24 * 3]))
    def time_passes(self, hours: int) -> None:
        """Anything from an hour to days; the daemon may be away meanwhile."""
        self.world.desk.advance(hours * 3600)

    @rule(hours=st.sampled_from([-30, -2, 0, 0, 3]))
    def clock_is_wrong(self, hours: int) -> None:
        """The machine's clock goes back, ahead, or right again."""
        self.skew = timedelta(hours=hours)

    @rule(number=st.sampled_from(_NUMBERS), what=st.sampled_from(["reply", "priority", "status", "note", "escalate"]))
    def someone_acts(self, number: str, what: str) -> None:
        """A customer answers, or a person edits."""
        desk = self.world.desk
        desk.advance(200)
        if what == "reply":
            desk.customer_reply(number, "still broken")
        elif what == "priority":
            desk.agent_edit(number, priority="high" if desk.get(number).priority == "normal" else "normal")
        elif what == "status":
            desk.agent_edit(number, status="in_process" if desk.get(number).status != "in_process" else "open")
        elif what == "note":
            desk.agent_note(number, "looking at it")
        else:
            desk.agent_edit(number, escalation_type="no-diagnosis", escalated_at=self.world.now())

    @rule()
    def two_good_weeks(self) -> None:
        """A cycle every six hours, the clock right: what is kept alive is not closed; then nothing is left to do."""
        self.skew = timedelta(0)
        if self.world.store.fact("demo", "toggling_stopped") is not None:
            return
        self._cycle()
        kept = self._kept()
        closed = list(self.world.desk.autoclosed)
        for _ in range(14 * 4):
            self.world.desk.advance(6 * HOUR)
            self._cycle()
            kept &= self._kept()
        lost = kept & {number for number in self.world.desk.autoclosed if number not in closed}
        assert lost == set(), f"{lost} were closed under keep-alive"
        self._nothing_left()

    def _kept(self) -> set[str]:
        """Tickets that keep-alive must save: in the status it toggles, escalated, young enough, below every cap."""
        found = set()
        for number in _NUMBERS:
            row = self.world.store.mirrored("demo", [number]).get(number)
            if row is None or row.memory.situation is None or row.ticket.status != "in_process":
                continue
            since = row.memory.situation_since or self.world.now()
            young = self.world.now() + 15 * DAY - min(since, row.ticket.escalated_at or since) < 60 * DAY
            clock = row.ticket.autoclose_clock
            fresh = clock is not None and self.world.now() - clock < 14 * DAY
            if young and fresh and len(row.memory.toggles) < 1:
                found.add(number)
        return found

    def _nothing_left(self) -> None:
        """The plan of what was just applied is empty, but for what is held or paced."""
        self._cycle()
        self._cycle()
        report = run_cycle(self.world.account, now=self.now, dry_run=True)
        assert report.plan is not None
        assert report.verdict is not None
        if report.verdict.go:
            left = [one for one in report.plan.actions if one.id not in report.verdict.deferred]
            assert [(one.kind, one.ticket, one.key) for one in left if not self._stands(one.id)] == []

    def _stands(self, action: str) -> bool:
        """Whether an action can't be carried out now, and says so in the journal."""
        known = self.world.store.intent("demo", action)
        return known is not None and known.outcome in (Outcome.REFUSED, Outcome.SENT, Outcome.DRIFTED)

    def _cycle(self) -> CycleReport:
        report = run_cycle(self.world.account, now=self.now)
        if report.plan is not None and report.verdict is not None:
            allowed = {one.id for one in chosen(report.plan, report.verdict)}
            for digest in self.approved:
                saved = self.world.store.plan(digest)
                allowed |= {one["id"] for one in (saved.body.get("actions", ()) if saved is not None else ())}
            outside = [one.action.id for one in report.applied if one.action.id not in allowed]
            assert outside == [], "written outside a verdict that lets it through"
        return report

    # --- what must hold ----------------------------------------------------------------------------------------------
    @invariant()
    def nothing_is_broken(self) -> None:
        """No request without an intent that says SENT."""
        assert self.broken == []

    @invariant()
    def toggles_stay_below_the_cap(self) -> None:
        """Whatever policies held: no escalation has more effective toggles than the largest cap of any."""
        for number, row in self.world.store.mirrored("demo", list(_NUMBERS)).items():
            since = row.ticket.escalated_at or row.memory.situation_since
            counted = [at for at in row.memory.toggles if since is not None and at >= since]
            assert len(counted) <= _LARGEST_CAP, f"{number} toggled {len(counted)} times"

    @invariant()
    def nothing_stands_twice(self) -> None:
        """No note, no message and no key twice."""
        for number in self.world.desk.all():
            texts = Counter(note.text for note in self.world.desk.notes_of(number) if "Ref. esc-" in note.text)
            assert [text for text, count in texts.items() if count > 1] == []
        keys = Counter(message.key for message in self.world.outbox.messages)
        assert [key for key, count in keys.items() if count > 1] == []
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
        for intent in self.world.store.intents("demo", since=self.world.now() - 4000 * DAY):
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


AnyPolicy.TestCase.settings = settings(
    max_examples=2000 if FULL else 15,
    stateful_step_count=30 if FULL else 15,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAnyPolicy = AnyPolicy.TestCase
