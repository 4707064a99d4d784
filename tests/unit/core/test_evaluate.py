"""The situation a ticket is in, who may act on it, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.core.evaluate import evaluate, observe, remember
from connector.core.fieldmap import FieldMap
from connector.core.model import Call, Memory, Ticket
from connector.core.tri import Tri
from tests.unit.core.rule_kit import NOW, Says, policy, rule, situation, span, ticket

URGENT = rule("priority", "threat", when=Says(), priority="urgent")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Mirrored:
    ticket: Ticket
    memory: Memory = field(default_factory=Memory)


def all_codes(evaluation):
    return [each.code for decision in evaluation.decisions for each in decision.reasons]


# --- finding the situation ------------------------------------------------------------------------------------------
MAPS = {
    "c4c": FieldMap("c4c", situations={"no-diagnosis": ("Sin diagnóstico", "1")}, headings={"escalation_type": ("T",)})
}
TWO = (situation("no-diagnosis", title="No diagnosis given"), situation("no-parts"))


@pytest.mark.parametrize(
    "value", ["no-diagnosis", "NO-Diagnosis", "sin  DIAGNOSTICO", "1", "no diagnosis given", "No diagnosis  given"]
)
def test_the_escalation_field_names_a_situation_by_id_alias_or_title(value):
    """Whatever case, accents and spaces people typed."""
    found = evaluate(policy(situations=TWO, maps=MAPS), ticket(escalation_type=value), Memory(), NOW)
    assert (found.situation, found.situation_by) == ("no-diagnosis", "field")


def test_a_value_that_means_nothing_is_unknown_and_named():
    """An unmapped escalation value is reported, and rules for situations do not act on it."""
    keep = rule("keepalive", "k")
    found = evaluate(policy(keep, situations=TWO, maps=MAPS), ticket(escalation_type="Otros"), Memory(), NOW)
    assert found.situation is None
    assert [decision.call for decision in found.decisions] == [Call.UNKNOWN, Call.UNKNOWN]
    assert found.decisions[0].reasons[0].code == "SITUATION_UNKNOWN"
    assert found.decisions[0].reasons[0].values["value"] == "Otros"


def test_an_alias_of_two_situations_decides_for_neither():
    """What could mean two things is not guessed."""
    maps = {"x": FieldMap("x", situations={"no-diagnosis": ("A",), "no-parts": ("a",)})}
    found = evaluate(policy(situations=TWO, maps=maps), ticket(escalation_type="A"), Memory(), NOW)
    assert (found.situation, found.decisions[0].call) == (None, Call.UNKNOWN)


def test_a_tag_names_the_situation_after_the_field():
    """`esc:<id>`; the field goes first where both are there."""
    tagged = ticket(tags=("vip", "ESC:no-parts"))
    found = evaluate(policy(situations=TWO), tagged, Memory(), NOW)
    assert (found.situation, found.situation_by) == ("no-parts", "tag")
    both = evaluate(policy(situations=TWO), replace(tagged, escalation_type="no-diagnosis"), Memory(), NOW)
    assert (both.situation, both.situation_by) == ("no-diagnosis", "field")


def test_a_tag_that_names_no_situation_is_reported():
    """A mistyped tag must not look like no tag."""
    found = evaluate(policy(situations=TWO), ticket(tags=("esc:no-party",)), Memory(), NOW)
    assert (found.situation, found.decisions[0].call) == (None, Call.UNKNOWN)


def test_detection_acts_or_only_suggests():
    """`suggest` gives a reasoned NO and enters nothing; `act` puts the ticket into the situation."""
    suggested = evaluate(policy(situations=(situation("s", Says()),)), ticket(), Memory(), NOW)
    assert (suggested.situation, suggested.decisions[0].call) == (None, Call.NO)
    assert all_codes(suggested)[0] == "SITUATION_SUGGESTED"
    acting = evaluate(policy(situations=(situation("s", Says(), suggest=False),)), ticket(), Memory(), NOW)
    assert (acting.situation, acting.situation_by) == ("s", "detect")


def test_a_detection_that_cannot_be_told_is_unknown_only_where_it_acts():
    """A suggestion that can't be made is nothing to report."""
    calls = {
        suggest: evaluate(
            policy(situations=(situation("s", Says(Tri.UNKNOWN), suggest=suggest),)), ticket(), Memory(), NOW
        )
        .decisions[0]
        .call
        for suggest in (True, False)
    }
    assert calls == {True: Call.NO, False: Call.UNKNOWN}


def test_detection_wakes_the_ticket():
    """A detection by age is looked at again when its time comes."""
    later = NOW + DAY
    found = evaluate(policy(situations=(situation("s", Says(Tri.NO, wake_at=later)),)), ticket(), Memory(), NOW)
    assert found.wake_at == later


def test_a_source_that_does_not_tell_the_field_leaves_the_situation_unknown():
    """A column that the pack maps and the export lacks is no empty column."""
    keep = rule("keepalive", "k")
    blind = ticket(unknown=frozenset({"escalation_type"}))
    assert evaluate(policy(keep, situations=TWO, maps=MAPS), blind, Memory(), NOW).decisions[-1].call is Call.UNKNOWN
    tagless = ticket(unknown=frozenset({"tags"}))
    tags_too = {"c4c": replace(MAPS["c4c"], fields={"tags": "Tags"})}
    found = evaluate(policy(keep, situations=TWO, maps=tags_too), tagless, Memory(), NOW)
    assert found.decisions[-1].call is Call.NO, "the escalation field is there, and empty"
    only_tags = {"x": FieldMap("x", fields={"tags": "Tags"})}
    found = evaluate(policy(keep, situations=TWO, maps=only_tags), tagless, Memory(), NOW)
    assert found.decisions[-1].call is Call.UNKNOWN
    unmapped = {"x": FieldMap("x")}
    assert evaluate(policy(keep, situations=TWO, maps=unmapped), blind, Memory(), NOW).decisions[-1].call is Call.NO


# --- since when -----------------------------------------------------------------------------------------------------
def test_the_start_is_told_remembered_or_now():
    """The mapped instant, else when the daemon first saw it so, else now."""
    stuck = ticket(escalation_type="stuck")
    told = evaluate(policy(), replace(stuck, escalated_at=NOW - 3 * DAY), Memory(), NOW)
    assert told.situation_since == NOW - 3 * DAY
    memory = Memory(situation="stuck", situation_since=NOW - 2 * DAY)
    assert evaluate(policy(), stuck, memory, NOW).situation_since == NOW - 2 * DAY
    other = Memory(situation="other", situation_since=NOW - 2 * DAY)
    assert evaluate(policy(), stuck, other, NOW + timedelta(microseconds=7)).situation_since == NOW


def test_remember_keeps_the_start_from_cycle_to_cycle():
    """Evaluated again later, the episode is still the same one."""
    stuck = ticket(escalation_type="stuck")
    memory = remember(Memory(), evaluate(policy(), stuck, Memory(), NOW), NOW)
    assert (memory.situation, memory.situation_since, memory.first_seen) == ("stuck", NOW, NOW)
    again = evaluate(policy(), stuck, memory, NOW + DAY)
    assert again.situation_since == NOW
    left = remember(memory, evaluate(policy(), ticket(), memory, NOW + DAY), NOW + DAY)
    assert (left.situation, left.situation_since) == (None, None)


def test_a_detected_situation_that_comes_back_is_the_same_episode():
    """Our own toggle may switch a detection off for a while: that must not renew caps and ages."""
    on = policy(situations=(situation("s", Says(), suggest=False),))
    off = policy(situations=(situation("s", Says(Tri.NO), suggest=False),))
    memory = remember(Memory(), evaluate(on, ticket(), Memory(), NOW), NOW)
    memory = remember(memory, evaluate(off, ticket(), memory, NOW + DAY), NOW + DAY)
    assert evaluate(on, ticket(), memory, NOW + 2 * DAY).situation_since == NOW
    done = remember(memory, evaluate(off, ticket(status="completed"), memory, NOW + DAY), NOW + DAY)
    assert evaluate(on, ticket(), done, NOW + 2 * DAY).situation_since == NOW + 2 * DAY


# --- who may act ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"status": "closed"}, "CLOSED"),
        ({"status": "completed"}, "COMPLETED"),
        ({"gone": "merged"}, "GONE"),
        ({"gone": "spam", "status": None}, "GONE"),
    ],
)
def test_no_rule_acts_on_a_finished_or_vanished_ticket(values, code):
    """Every rule says no, and why; the ticket is never looked at again by time alone."""
    found = evaluate(policy(URGENT, rule("keepalive", "k")), ticket(**values), Memory(), NOW)
    assert [(each.call, each.reasons[0].code) for each in found.decisions] == [(Call.NO, code)] * 2
    assert found.wake_at is None


def test_an_unmapped_status_lets_no_rule_act():
    """It might mean closed: what would act is UNKNOWN, what says no still says no."""
    quiet = rule("priority", "quiet", when=Says(Tri.NO), priority="high")
    found = evaluate(policy(URGENT, quiet), ticket(status=None, raw={"status": "Extraño"}), Memory(), NOW)
    assert [each.call for each in found.decisions] == [Call.UNKNOWN, Call.NO]
    assert found.decisions[0].wants == ()
    assert "Extraño" in found.decisions[0].reasons[-1].text


def test_an_instant_no_calendar_knows_is_unknown_for_that_rule_only():
    """A ticket of the year 1900 does not stop the others."""
    business = rule("matrix", "m", levels=({"after": span("5bd"), "priority": "urgent"},))
    found = evaluate(policy(business, URGENT), ticket(created_at=datetime(1900, 1, 1, tzinfo=UTC)), Memory(), NOW)
    assert [each.call for each in found.decisions] == [Call.UNKNOWN, Call.ACT]
    assert found.decisions[0].reasons[-1].code == "TIME_UNUSABLE"


def test_what_acts_is_due_again_at_once_and_else_the_earliest_wake_counts():
    """An action that is held or put off must not be forgotten until some later instant."""
    assert evaluate(policy(URGENT), ticket(), Memory(), NOW).wake_at == NOW
    waits = [
        rule("priority", f"w{hours}", when=Says(Tri.NO, wake_at=NOW + timedelta(hours=hours)), priority="high")
        for hours in (5, 2, 9)
    ]
    assert evaluate(policy(*waits), ticket(), Memory(), NOW).wake_at == NOW + timedelta(hours=2)


# --- noticing others ------------------------------------------------------------------------------------------------
def test_a_value_someone_else_set_is_noticed_with_its_instant():
    """Field, value and when; what our own write set is none of it."""
    before = Mirrored(ticket(priority="normal", agent="Ana"))
    after = replace(before.ticket, priority="low", agent=None)
    memory = observe(before, after, NOW, own=False)
    assert dict(memory.human) == {"priority": "low", "agent": None}
    assert memory.extra["human_at"] == {"priority": NOW.isoformat(), "agent": NOW.isoformat()}
    assert dict(observe(before, after, NOW, own=True).human) == {}


def test_a_value_that_only_echoes_our_own_write_is_not_human():
    """A feed that shows our write together with someone's reply must not blame the reply's author."""
    before = Mirrored(ticket(priority="normal"), Memory(ours={"priority": "urgent"}))
    assert dict(observe(before, replace(before.ticket, priority="urgent"), NOW, own=False).human) == {}


def test_our_own_write_takes_a_field_back_from_the_human():
    """What we set by a later level is ours again."""
    memory = Memory(human={"group": "Ventas"}, extra={"human_at": {"group": NOW.isoformat()}})
    before = Mirrored(ticket(group="Ventas"), memory)
    after = observe(before, replace(before.ticket, group="Supervisión"), NOW, own=True)
    assert (dict(after.human), after.extra["human_at"]) == ({}, {})


def test_a_first_sight_and_an_unreadable_field_are_nobodys_doing():
    """No history, no human; a column that came or went tells nothing."""
    assert observe(None, ticket(), NOW, own=False) == Memory(first_seen=NOW)
    before = Mirrored(ticket(priority=None, unknown=frozenset({"priority"})))
    assert dict(observe(before, ticket(priority="low"), NOW, own=False).human) == {}


def test_custom_fields_and_unmapped_codes_are_watched_too():
    """A change from one unmapped code to another is a change."""
    before = Mirrored(ticket(priority=None, raw={"priority": "P7"}, custom={"serie": "1", "gone": 1}))
    after = replace(before.ticket, raw={"priority": "P8"}, custom={"serie": "2", "new": 1})
    assert dict(observe(before, after, NOW, own=False).human) == {"priority": "P8", "custom.serie": "2"}


def test_keys_of_long_ended_episodes_are_forgotten_and_the_newest_writes_kept():
    """The present episode's keys stay, however old; so do keys that belong to no episode."""
    start, old = NOW - 200 * DAY, (NOW - 120 * DAY).isoformat()
    ended = f"keepalive:k:1:{(NOW - 300 * DAY).isoformat()}:f1"
    done = {
        ended: old,
        f"keepalive:k:1:{start.isoformat()}:f1": old,
        "priority:p:1:urgent": old,
        ended.replace("f1", "f2"): (NOW - DAY).isoformat(),
    }
    memory = Memory(situation="stuck", situation_since=start, done=done, writes=(NOW - 25 * timedelta(hours=1), NOW))
    after = observe(Mirrored(ticket(), memory), ticket(), NOW, own=False)
    assert set(after.done) == set(done) - {ended}
    assert after.writes == memory.writes  # the newest stay, whatever their age: a clock may have jumped


def test_own_toggles_do_not_restart_the_clock_of_the_status():
    """A matrix `since: status` counts from the real change, not from our toggles; a human's change counts anew."""
    one = policy(rule("matrix", "m", since="status", levels=({"after": span("10d"), "priority": "urgent"},)))
    real, toggled = NOW - 20 * DAY, NOW - 5 * DAY
    first = Mirrored(ticket(status_since=real))
    shown = replace(first.ticket, status_since=toggled)
    memory = observe(first, shown, toggled, own=True)
    assert evaluate(one, shown, memory, NOW).decisions[-1].call is Call.ACT
    again = replace(shown, status_since=NOW - DAY)
    memory = observe(Mirrored(shown, memory), again, NOW - DAY, own=True)
    assert evaluate(one, again, memory, NOW).decisions[-1].call is Call.ACT
    moved = replace(again, status="open", status_since=NOW)
    memory = observe(Mirrored(again, memory), moved, NOW, own=False)
    assert evaluate(one, moved, memory, NOW).decisions[-1].call is Call.WAIT
    assert "status_kept" not in memory.extra
