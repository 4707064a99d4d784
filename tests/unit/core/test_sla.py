"""Rules of kind `sla`: which policy holds, its clocks, pauses, promises, reminders and breaches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.core.evaluate import evaluate, observe, remember
from connector.core.model import Call, Decision, Memory, Ticket
from connector.core.spec import RuleProblem
from connector.core.tri import Tri
from connector.core.worktime import WorkCalendar
from tests.unit.core.rule_kit import NOW, OFFICE, Says, SubjectHas, answer_of, codes, policy, rule, span, ticket

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
REMIND = ({"before": span("30m"), "notify": ("assignee",)},)
BREACH = ({"notify": ("assignee", "office"), "priority": "urgent", "kind": "hierarchical"},)


def sla(name: str = "standard", **values: Any):
    given = {"resolution": span("8h"), "remind": REMIND, "breach": BREACH, **values}
    return rule("sla", name, **{key: value for key, value in given.items() if value is not None})


def opened(ago: timedelta, **values: Any) -> Ticket:
    at = NOW - ago
    return ticket(1, **{"status": "open", "created_at": at, "status_since": at, "agent": "Laura Núñez", **values})


class Life:
    """One ticket under a policy, looked at again and again, with its memory kept."""

    def __init__(self, one: Ticket, *rules: Any, **more: Any) -> None:
        self.ticket, self.memory, self.now = one, Memory(), NOW
        self.policy = policy(*rules, **more)

    def look(self, now: datetime) -> Decision:
        self.now = now
        evaluation = evaluate(self.policy, self.ticket, self.memory, now)
        self.memory = remember(self.memory, evaluation, now)
        speaking = [each for each in evaluation.decisions if each.call is not Call.NO]
        return (speaking or list(evaluation.decisions))[0]

    def change(self, at: datetime, **values: Any) -> None:
        """Someone changes the ticket at `at`, and the daemon sees it at once."""
        if "status" in values:
            values.setdefault("status_since", at)
        after = replace(self.ticket, **values)
        self.memory = observe(self, after, at, own=False)
        self.ticket = after
        self.look(at)

    @property
    def kept(self) -> Any:
        return self.memory.extra


# --- the clock ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("after", "call", "kinds"),
    [
        (7.4, Call.WAIT, []),
        (7.5, Call.ACT, ["notify"]),
        (7.9, Call.ACT, ["notify"]),
        (8.0, Call.ACT, ["set", "notify", "register"]),
        (30.0, Call.ACT, ["set", "notify", "register"]),
    ],
)
def test_reminder_and_breach_come_at_their_instants(after, call, kinds):
    """8 h to resolve: nothing, from 7.5 h on the reminder, from 8 h on the breach alone."""
    decision = answer_of(sla(), opened(after * HOUR))
    assert decision.call is call
    assert [want.kind for want in decision.wants] == kinds


def test_it_wakes_exactly_for_the_reminder_and_then_for_the_breach():
    """`wake_at` is the reminder's instant, once it is out the deadline, then nothing."""
    first = answer_of(sla(), opened(HOUR))
    assert first.wake_at == NOW + 6.5 * HOUR
    reminding = answer_of(sla(), opened(7.6 * HOUR))
    (want,) = reminding.wants
    assert (want.to, want.due) == (("boss",), NOW - 0.1 * HOUR)
    done = answer_of(sla(), opened(7.6 * HOUR), Memory(done={want.key: NOW.isoformat()}))
    assert (done.call, done.wake_at) == (Call.WAIT, NOW + 0.4 * HOUR)


def test_a_breach_seen_late_counts_from_its_own_instant_and_is_done_once():
    """Two days of downtime: the breach is that of the deadline, and what was done is not wanted again."""
    decision = answer_of(sla(), opened(56 * HOUR))
    assert {want.due for want in decision.wants} == {NOW - 48 * HOUR}
    assert decision.keeps["sla:resolution"]["breached"] == (NOW - 48 * HOUR).isoformat()
    memory = Memory(done={want.key: NOW.isoformat() for want in decision.wants}, extra=decision.keeps)
    again = answer_of(sla(), opened(56 * HOUR), memory)
    assert (again.call, again.wants, again.wake_at) == (Call.NO, (), None)


def test_business_targets_count_in_the_calendar_across_the_weekend():
    """6 business hours from Friday 15:00, office 9 to 17, end on Monday 13:00; each counted stretch is told."""
    friday = datetime(2026, 2, 27, 15, 0, tzinfo=UTC)
    one = ticket(1, status="open", created_at=friday, status_since=friday)
    decision = answer_of(sla(resolution=span("6bh"), remind=()), one)
    assert (decision.call, decision.wake_at) == (Call.WAIT, datetime(2026, 3, 2, 13, 0, tzinfo=UTC))
    told = next(each for each in decision.reasons if each.code == "DEADLINE_LATER").values
    assert told["counted"] == [
        ["2026-02-27T15:00:00+00:00", "2026-02-27T17:00:00+00:00"],
        ["2026-03-02T09:00:00+00:00", "2026-03-02T12:00:00+00:00"],
    ]
    assert (told["counted_seconds"], told["calendar"]) == (5 * 3600, OFFICE.digest)


def test_first_response_is_met_late_or_in_time_and_then_wants_nothing():
    """An answer before the deadline meets it; one after it leaves the breach on record without noise."""
    one = sla(resolution=None, first_response=span("4h"))
    met = answer_of(one, opened(6 * HOUR, first_responded_at=NOW - 3 * HOUR))
    assert (met.call, "DEADLINE_MET" in codes(met)) == (Call.NO, True)
    late = answer_of(one, opened(6 * HOUR, first_responded_at=NOW - HOUR))
    assert (late.call, late.wants, "DEADLINE_MET_LATE" in codes(late)) == (Call.NO, (), True)
    assert late.keeps["sla:first_response"]["breached"] == (NOW - 2 * HOUR).isoformat()
    by_agent = answer_of(one, opened(6 * HOUR, agent_responded_at=NOW - 3 * HOUR))
    assert "DEADLINE_MET" in codes(by_agent)


def test_first_response_unknown_is_unknown_and_never_acts():
    """A source that tells neither of the agent's replies can't tell whether the customer waits."""
    one = sla(resolution=None, first_response=span("4h"))
    blind = opened(6 * HOUR, unknown=frozenset({"first_responded_at", "agent_responded_at"}))
    assert (answer_of(one, blind).call, answer_of(one, blind).wants) == (Call.UNKNOWN, ())


def test_next_response_runs_from_the_customers_first_word_after_the_agents():
    """A second message before the answer does not put the deadline off; the answer ends it, the next word restarts."""
    life = Life(opened(10 * HOUR, agent_responded_at=NOW - 5 * HOUR), sla(resolution=None, next_response=span("4h")))
    assert "CLOCK_STILL" in codes(life.look(NOW))
    life.change(NOW + HOUR, customer_responded_at=NOW + HOUR)
    life.change(NOW + 3 * HOUR, customer_responded_at=NOW + 3 * HOUR)
    assert life.kept["sla:next_response"]["due"] == (NOW + 5 * HOUR).isoformat()
    life.change(NOW + 4 * HOUR, agent_responded_at=NOW + 4 * HOUR)
    assert life.kept["sla:next_response"]["met"] == (NOW + 4 * HOUR).isoformat()
    assert life.look(NOW + 9 * HOUR).wants == ()
    life.change(NOW + 10 * HOUR, customer_responded_at=NOW + 10 * HOUR)
    assert life.kept["sla:next_response"]["due"] == (NOW + 14 * HOUR).isoformat()
    assert [want.kind for want in life.look(NOW + 14 * HOUR).wants] == ["set", "notify", "register"]


def test_before_the_first_response_it_is_not_the_next_one_that_counts():
    """The customer writes twice before anyone answers: only the first response is owed."""
    one = sla(resolution=None, next_response=span("1h"))
    decision = answer_of(one, opened(9 * HOUR, customer_responded_at=NOW - 5 * HOUR))
    assert (decision.call, "CLOCK_STILL" in codes(decision)) == (Call.NO, True)


# --- targets and policies -------------------------------------------------------------------------------------------
def test_a_table_gives_each_priority_its_target():
    """Urgent 1 h, high 4 h; a priority that is not named is promised nothing; an unknown one is UNKNOWN."""
    one = sla(resolution={"urgent": span("1h"), "high": span("4h"), "normal": None, "low": None}, remind=())
    assert answer_of(one, opened(2 * HOUR, priority="urgent")).call is Call.ACT
    assert answer_of(one, opened(2 * HOUR, priority="high")).wake_at == NOW + 2 * HOUR
    assert "NO_TARGET" in codes(answer_of(one, opened(2 * HOUR, priority="low")))
    blind = opened(2 * HOUR, priority=None, raw={"priority": "??"})
    assert answer_of(one, blind).call is Call.UNKNOWN


def test_the_first_policy_that_concerns_the_ticket_holds_and_the_others_say_so():
    """Order of the files decides, not strictness."""
    first, second = (
        sla("finance", when=SubjectHas("invoice"), resolution=span("48h")),
        sla("all", resolution=span("1h")),
    )
    evaluation = evaluate(policy(first, second), opened(5 * HOUR, subject="invoice"), Memory(), NOW)
    assert [decision.call for decision in evaluation.decisions] == [Call.WAIT, Call.NO]
    assert codes(evaluation.decisions[1]) == ["OTHER_POLICY"]
    other = evaluate(policy(first, second), opened(5 * HOUR, subject="hello"), Memory(), NOW)
    assert [decision.call for decision in other.decisions] == [Call.NO, Call.ACT]


def test_a_policy_after_one_that_can_not_be_told_is_unknown_too():
    """If the stricter one may hold, the looser one must not act in its place."""
    first, second = sla("maybe", when=Says(Tri.UNKNOWN)), sla("all", resolution=span("1h"))
    evaluation = evaluate(policy(first, second), opened(5 * HOUR), Memory(), NOW)
    assert [decision.call for decision in evaluation.decisions] == [Call.UNKNOWN, Call.UNKNOWN]


def test_another_priority_recomputes_from_the_same_start():
    """From low to urgent after 5 h: due 6 h after creation, not 6 h after the change."""
    table = {"urgent": span("6h"), "high": None, "normal": None, "low": span("48h")}
    life = Life(opened(timedelta(), priority="low"), sla(resolution=table))
    life.look(NOW)
    life.change(NOW + 5 * HOUR, priority="urgent")
    assert life.kept["sla:resolution"]["due"] == (NOW + 6 * HOUR).isoformat()


def test_a_breach_is_not_repeated_by_another_priority_or_policy():
    """A ticket that has broken its deadline and moves is not broken a second time."""
    table = {"urgent": span("6h"), "high": None, "normal": None, "low": span("8h")}
    life = Life(opened(timedelta(), priority="low"), sla(resolution=table, breach=({"notify": ("office",)},)))
    (want,) = life.look(NOW + 9 * HOUR).wants
    life.memory = replace(life.memory, done={want.key: NOW.isoformat()})
    life.change(NOW + 10 * HOUR, priority="urgent")
    assert life.look(NOW + 11 * HOUR).wants == ()
    assert life.kept["sla:resolution"]["breached"] == (NOW + 8 * HOUR).isoformat()


# --- pauses ---------------------------------------------------------------------------------------------------------
def test_waiting_for_the_customer_stops_the_resolution_and_not_the_first_response():
    """Two pauses of 3 h and 1 h move the resolution by 4 h; the first response is due as if nothing had been."""
    life = Life(opened(timedelta()), sla(first_response=span("12h")))
    life.look(NOW)
    for begin, length in ((1, 3), (6, 1)):
        life.change(NOW + begin * HOUR, status="waiting_customer")
        life.change(NOW + (begin + length) * HOUR, status="open")
    assert life.kept["sla:resolution"]["due"] == (NOW + 12 * HOUR).isoformat()
    assert life.kept["sla:first_response"]["due"] == (NOW + 12 * HOUR).isoformat()
    assert life.look(NOW + 8 * HOUR).wake_at == NOW + 11.5 * HOUR


def test_a_paused_clock_has_no_deadline_and_wakes_for_nothing():
    """While the customer is asked the ticket can wait for ever; going on it has what was left."""
    life = Life(opened(timedelta()), sla())
    life.change(NOW + 7 * HOUR, status="waiting_other")
    paused = life.look(NOW + 500 * HOUR)
    assert (paused.call, paused.wake_at, "DEADLINE_PAUSED" in codes(paused)) == (Call.WAIT, None, True)
    life.change(NOW + 600 * HOUR, status="in_process")
    assert life.kept["sla:resolution"]["due"] == (NOW + 601 * HOUR).isoformat()


def test_from_pause_to_pause_nothing_counts_twice():
    """Waiting for the customer, then at once for a third party: one pause of 5 h, not more."""
    life = Life(opened(timedelta()), sla())
    life.change(NOW + 1 * HOUR, status="waiting_customer")
    life.change(NOW + 3 * HOUR, status="waiting_other")
    life.change(NOW + 6 * HOUR, status="open")
    assert life.kept["pauses"] == [
        ["waiting_customer", (NOW + HOUR).isoformat(), (NOW + 3 * HOUR).isoformat()],
        ["waiting_other", (NOW + 3 * HOUR).isoformat(), (NOW + 6 * HOUR).isoformat()],
    ]
    assert life.kept["sla:resolution"]["due"] == (NOW + 13 * HOUR).isoformat()


def test_a_pause_begun_after_the_deadline_hides_no_breach():
    """Due at 8 h, put on hold at 9 h, seen at 20 h: broken at 8 h all the same."""
    one = opened(20 * HOUR, status="waiting_customer", status_since=NOW - 11 * HOUR)
    decision = answer_of(sla(), one)
    assert {want.due for want in decision.wants} == {NOW - 12 * HOUR}
    at_once = opened(20 * HOUR, status="waiting_customer", status_since=NOW - 12 * HOUR)
    assert answer_of(sla(), at_once).call is Call.ACT


def test_pauses_said_for_the_first_response_stop_it():
    """Which clock a status stops is the policy's word."""
    one = sla(resolution=None, first_response=span("4h"), pauses={"first_response": ("waiting_customer",)})
    held = opened(9 * HOUR, status="waiting_customer", status_since=NOW - 8 * HOUR)
    assert "DEADLINE_PAUSED" in codes(answer_of(one, held))


def test_a_ticket_opened_again_was_not_worked_on_while_it_was_finished():
    """Completed for 100 h and opened again: those hours are no part of the resolution time."""
    life = Life(opened(timedelta()), sla())
    life.change(NOW + 2 * HOUR, status="completed")
    life.change(NOW + 102 * HOUR, status="open")
    assert life.kept["sla:resolution"]["due"] == (NOW + 108 * HOUR).isoformat()


def test_pauses_before_the_ticket_was_first_seen_are_told_as_not_known():
    """The daemon began to watch when the ticket was old; it says that it counts what it has not seen."""
    seen_late = opened(7 * HOUR, status_since=NOW - HOUR)
    assert "PAUSES_UNSEEN" in codes(answer_of(sla(), seen_late))
    assert "PAUSES_UNSEEN" not in codes(answer_of(sla(), opened(7 * HOUR)))


# --- promises -------------------------------------------------------------------------------------------------------
def test_an_edit_of_the_policy_leaves_a_promise_as_it_was_made():
    """8 h become 4 h: the running ticket keeps its 8 h, a new one gets 4 h, and explain shows both figures."""
    life = Life(opened(timedelta()), sla())
    life.look(NOW)
    life.policy = replace(policy(sla(resolution=span("4h"))), digest="e" * 64)
    decision = life.look(NOW + 5 * HOUR)
    assert decision.call is Call.WAIT
    kept = next(each for each in decision.reasons if each.code == "PROMISE_KEPT").values
    assert (kept["kept"], kept["present"]) == ((NOW + 8 * HOUR).isoformat(), (NOW + 4 * HOUR).isoformat())
    assert (kept["made_under"], life.kept["sla:resolution"]["policy"]) == ("d" * 64, "d" * 64)
    assert answer_of(sla(resolution=span("4h")), opened(5 * HOUR)).call is Call.ACT


def test_an_edit_of_the_calendar_leaves_a_promise_as_it_was_made_and_pauses_still_move_it():
    """6 business hours counted in the old hours stay; an hour's pause in the new hours moves them by an hour."""
    life = Life(opened(timedelta()), sla(resolution=span("4bh"), remind=()))
    life.look(NOW)
    due = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    assert life.kept["sla:resolution"]["due"] == due.isoformat()
    morning = WorkCalendar("UTC", {day: [["09:00", "13:30"]] for day in ("mon", "tue", "wed", "thu", "fri")})
    life.policy = replace(life.policy, calendars={"default": morning})
    life.look(NOW + HOUR)
    assert life.kept["sla:resolution"]["due"] == due.isoformat()
    life.change(NOW + 1.25 * HOUR, status="waiting_customer")
    life.change(NOW + 22 * HOUR, status="open")
    moved = life.kept["sla:resolution"]
    assert moved["due"] == (NOW + 22.25 * HOUR).isoformat()
    life.look(NOW + 22.1 * HOUR)
    assert life.kept["sla:resolution"] == moved


# --- what a breach does ---------------------------------------------------------------------------------------------
def test_breach_tells_the_assignee_and_writes_the_record():
    """The assignee by the roster, and a record of kind, from, to, when and why."""
    decision = answer_of(sla(), opened(9 * HOUR, group="Supervisión"))
    wants = {want.kind: want for want in decision.wants}
    assert wants["notify"].to == ("boss", "office")
    details = wants["register"].details
    assert (details["kind"], details["metric"], details["when"]) == (
        "hierarchical", "resolution", (NOW - HOUR).isoformat(),
    )  # fmt: skip
    assert details["from"] == {"group": "Supervisión", "agent": "Laura Núñez"}
    assert details["to"] == ["boss", "office"]


def test_an_assignee_outside_the_roster_is_told_and_the_others_are_still_notified():
    """Nobody is mailed in their place."""
    decision = answer_of(sla(), opened(9 * HOUR, agent="Someone Else"))
    assert {want.kind: want for want in decision.wants}["notify"].to == ("office",)
    assert "ASSIGNEE_NOT_LISTED" in codes(decision)


def test_each_metric_has_its_own_reminders_and_breach():
    """`metrics:` keeps them apart."""
    one = sla(
        first_response=span("1h"),
        remind=({**REMIND[0], "metrics": ("resolution",)},),
        breach=({"notify": ("office",), "metrics": ("first_response",)},),
    )
    decision = answer_of(one, opened(7.6 * HOUR))
    assert [(want.details["metric"], want.to) for want in decision.wants] == [
        ("first_response", ("office",)),
        ("resolution", ("boss",)),
    ]


def test_a_breach_starts_the_matrix_it_names():
    """The levels of the named matrix count from the breach, already in the evaluation that finds it."""
    ladder = rule(
        "matrix",
        "ladder",
        since="breach",
        levels=({"after": span("0h"), "notify": ("boss",)}, {"after": span("2h"), "notify": ("office",)}),
    )
    named = sla(breach=({"matrix": "ladder"},))
    evaluation = evaluate(policy(ladder, named), opened(9 * HOUR), Memory(), NOW)
    decision = next(each for each in evaluation.decisions if each.rule.kind == "matrix")
    assert [(want.to, want.due) for want in decision.wants] == [(("boss",), NOW - HOUR)]
    assert evaluation.wake_at == NOW
    before = evaluate(policy(ladder, named), opened(5 * HOUR), Memory(), NOW)
    assert "NO_BREACH" in {code for each in before.decisions for code in codes(each)}
    other = sla(breach=({"matrix": "another"},))
    elsewhere = evaluate(policy(ladder, other), opened(9 * HOUR), Memory(), NOW)
    assert [each.call for each in elsewhere.decisions if each.rule.kind == "matrix"] == [Call.NO]


def test_finished_and_unknown_tickets_are_left_alone():
    """A completed ticket is not broken any more; without a known status nothing acts."""
    assert answer_of(sla(), opened(9 * HOUR, status="completed")).wants == ()
    blind = answer_of(sla(), opened(9 * HOUR, status=None, raw={"status": "77"}))
    assert (blind.call, blind.wants) == (Call.UNKNOWN, ())


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"remind": ({"before": span("29m"), "notify": ("boss",)},)}, "remind"),
        ({"remind": ({"before": span("9h"), "notify": ("boss",)},)}, "remind"),
        ({"resolution": span("0h")}, "resolution"),
        ({"resolution": {"urgent": None}}, "resolution"),
        ({"resolution": None}, None),
        ({"breach": ({},)}, "breach"),
    ],
)
def test_what_makes_no_sense_is_refused(values, field):
    """Reminders later than half an hour before, or before the start; no target; a breach that does nothing."""
    with pytest.raises(RuleProblem) as caught:
        sla(**values)
    assert caught.value.field == field


def test_a_reminder_without_before_comes_half_an_hour_before():
    """The default is the least that is allowed."""
    one = sla(remind=({"notify": ("office",)},))
    assert answer_of(one, opened(7.4 * HOUR)).wake_at == NOW + 6 * MINUTE
