"""Rules of kind `keepalive`: when a toggle is due, and every bound on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.core.model import Call, Memory
from connector.core.spec import RuleProblem
from connector.core.tri import Tri
from tests.unit.core.rule_kit import (
    NOW,
    Says,
    Template,
    answer_of,
    codes,
    plan_of,
    policy,
    rule,
    situation,
    span,
    ticket,
)

WEEKLY = {"after": span("7d"), "every": span("7d")}


def keepalive(name: str = "weekly", **values: Any):
    return rule("keepalive", name, **{"follow_up": WEEKLY, **values})


def escalated(days: float, clock_days: float | None = None, **values: Any):
    """A ticket escalated so many days ago, whose auto-close clock started so many days ago."""
    clock = NOW - timedelta(days=days if clock_days is None else clock_days)
    given = {"status_since": clock, "autoclose_clock": clock, **values}
    return ticket(1, escalation_type="stuck", escalated_at=NOW - timedelta(days=days), **given)


def test_the_weekly_follow_up_toggles_through_completed_and_back():
    """Domain A: at the follow-up the status goes in-process, completed, in-process."""
    decision = answer_of(keepalive(), escalated(8))
    assert decision.call is Call.ACT
    (want,) = decision.wants
    start = NOW - timedelta(days=8)
    assert (want.kind, dict(want.changes)) == ("toggle", {"status": "in_process"})
    assert want.due == start + timedelta(days=7)
    assert want.key == f"keepalive:weekly:1:{start.isoformat()}:f1"
    details = dict(want.details)
    assert details.pop("closes") == (start + timedelta(days=14)).isoformat()
    assert details == {
        "through": "completed", "back": "in_process", "cap": 8, "count": 0, "clock": start.isoformat(),
        "cause": "follow_up", "number": 1,
    }  # fmt: skip


def test_before_the_first_follow_up_it_waits_until_exactly_then():
    """`wake_at` is the very instant at which the toggle becomes due."""
    decision = answer_of(keepalive(), escalated(3))
    due = NOW + timedelta(days=4)
    assert (decision.call, decision.wake_at) == (Call.WAIT, due)
    assert answer_of(keepalive(), escalated(3), now=due - timedelta(seconds=1)).call is Call.WAIT
    assert answer_of(keepalive(), escalated(3), now=due).call is Call.ACT


def test_one_toggle_serves_all_follow_ups_missed():
    """After a downtime only the last follow-up due is made up for, and it carries its number."""
    decision = answer_of(keepalive(autoclose={"after": span("60d")}), escalated(30))
    assert [want.details["number"] for want in decision.wants] == [4]


def test_a_follow_up_without_every_comes_once():
    """`every` left out: after the first follow-up only the auto-close matters."""
    once = keepalive(follow_up={"after": span("13d"), "every": None})
    assert answer_of(once, escalated(13)).wants[0].details["number"] == 1
    later = answer_of(once, escalated(20, clock_days=7))
    assert (later.call, "CLOCK_RESTARTED" in codes(later)) == (Call.WAIT, True)


def test_a_done_follow_up_is_not_repeated():
    """By its key, by an effective toggle at or after it, or by anyone's change of status."""
    start = NOW - timedelta(days=8)
    key = f"keepalive:weekly:1:{start.isoformat()}:f1"
    by_key = answer_of(keepalive(), escalated(8), Memory(done={key: NOW.isoformat()}))
    by_toggle = answer_of(keepalive(), escalated(8), Memory(toggles=(NOW - timedelta(days=1),)))
    by_human = answer_of(keepalive(), escalated(8, clock_days=0.5))
    assert [codes(each)[1] for each in (by_key, by_toggle, by_human)] == [
        "FOLLOW_UP_DONE",
        "FOLLOW_UP_DONE",
        "CLOCK_RESTARTED",
    ]
    assert {each.call for each in (by_key, by_toggle, by_human)} == {Call.WAIT}
    assert by_human.wake_at == start + timedelta(days=14)


def test_business_follow_ups_count_in_the_calendar():
    """`5 business days` after Thursday noon is the Thursday after: the weekend does not count."""
    business = keepalive(follow_up={"after": span("5bd"), "every": span("5bd")})
    thursday = datetime(2026, 2, 19, 12, 0, tzinfo=UTC)
    stuck = ticket(escalation_type="stuck", escalated_at=thursday, autoclose_clock=thursday, status_since=thursday)
    decision = answer_of(business, stuck, now=thursday + timedelta(days=6))
    assert (decision.call, decision.wake_at) == (Call.WAIT, thursday + timedelta(days=7))
    second = answer_of(
        business, stuck, Memory(toggles=(thursday + timedelta(days=7),)), now=thursday + timedelta(days=8)
    )
    assert second.wake_at == thursday + timedelta(days=14)


def test_the_toggle_comes_a_margin_before_the_auto_close():
    """Without any follow-up the ticket is still toggled 12 h before 14 days are over, counted from its clock."""
    bare = keepalive(follow_up=None)
    waiting = answer_of(bare, escalated(2, clock_days=13))
    due = NOW + timedelta(hours=12)
    assert (waiting.call, waiting.wake_at) == (Call.WAIT, due)
    decision = answer_of(bare, escalated(2, clock_days=13), now=due)
    (want,) = decision.wants
    assert (want.details["cause"], want.due) == ("autoclose", due)
    assert want.key.endswith(f":c{(NOW - timedelta(days=13)).isoformat()}")


def test_a_clock_older_than_the_escalation_counts_in_full():
    """The helpdesk counts from its own clock: a ticket escalated yesterday may be closed today."""
    decision = answer_of(keepalive(), escalated(1, clock_days=13.8))
    assert (decision.call, decision.wants[0].details["cause"]) == (Call.ACT, "autoclose")


def test_a_toggle_known_to_be_effective_restarts_the_clock_before_the_mirror_shows_it():
    """A feed that lags must not cause a second toggle."""
    memory = Memory(toggles=(NOW - timedelta(days=2),))
    decision = answer_of(keepalive(follow_up=None), escalated(20, clock_days=14), memory)
    assert decision.call is Call.WAIT
    assert decision.wake_at == NOW - timedelta(days=2) + timedelta(days=13, hours=12)


def test_an_unknown_clock_is_reported_and_follow_ups_still_act():
    """The auto-close part is UNKNOWN; a follow-up that is due acts all the same."""
    blind = {"autoclose_clock": None, "unknown": frozenset({"autoclose_clock"})}
    due = answer_of(keepalive(), escalated(8, **blind))
    assert (due.call, "AUTOCLOSE_CLOCK_UNKNOWN" in codes(due)) == (Call.ACT, True)
    early = answer_of(keepalive(), escalated(3, **blind))
    assert (early.call, early.wake_at) == (Call.UNKNOWN, NOW + timedelta(days=4))
    bare = answer_of(keepalive(follow_up=None), escalated(3, **blind))
    assert (bare.call, bare.wants) == (Call.UNKNOWN, ())


@pytest.mark.parametrize("status", ["open", "waiting_customer", "waiting_other"])
def test_another_status_is_never_toggled(status):
    """Only a ticket in `back` is toggled: it would come back in a status it was not in."""
    decision = answer_of(keepalive(), escalated(8, status=status))
    assert (decision.call, codes(decision)[-1], decision.wants) == (Call.NO, "OTHER_STATUS", ())


def test_an_unmapped_status_is_unknown():
    """A status no map knows might be any: not toggled, reported."""
    decision = answer_of(keepalive(), escalated(8, status=None, raw={"status": "77"}))
    assert (decision.call, codes(decision)[-1]) == (Call.UNKNOWN, "STATUS_UNKNOWN")


def test_the_cap_holds_within_one_escalation_only():
    """Eight toggles end it; those of an earlier escalation do not count."""
    recent = tuple(NOW - timedelta(days=day) for day in range(2, 10))
    capped = answer_of(keepalive(), escalated(30, clock_days=13.9), Memory(toggles=recent))
    assert (capped.call, codes(capped)[-1]) == (Call.NO, "CAP_REACHED")
    older = tuple(NOW - timedelta(days=day) for day in range(40, 48))
    assert answer_of(keepalive(), escalated(30, clock_days=13.9), Memory(toggles=older)).call is Call.ACT
    assert answer_of(keepalive(cap=None), escalated(30, clock_days=20), Memory(toggles=older)).call is Call.ACT
    assert codes(answer_of(keepalive(cap=0), escalated(30)))[-1] == "CAP_REACHED"


def test_an_old_escalation_must_go_up_instead():
    """Past `until` nothing is kept alive, to the second."""
    assert answer_of(keepalive(), escalated(59.9)).call is Call.ACT
    decision = answer_of(keepalive(), escalated(60))
    assert (decision.call, codes(decision)[-1], decision.wake_at) == (Call.NO, "TOO_OLD", None)


def test_a_toggle_due_too_soon_waits_for_the_exact_instant():
    """`apart` postpones a follow-up that comes right after an auto-close toggle."""
    toggled = NOW - timedelta(hours=5)
    decision = answer_of(keepalive(), escalated(7 + 1 / 24), Memory(toggles=(toggled,)))
    assert (decision.call, codes(decision)[-1]) == (Call.WAIT, "TOO_SOON")
    assert decision.wake_at == toggled + timedelta(hours=24)


def test_other_situations_and_tickets_in_none_are_left_alone():
    """A rule for some situations does not concern the others; a rule for all still needs one."""
    rules = keepalive(situations=("other",))
    assert codes(answer_of(rules, escalated(8), situations=(situation("stuck"), situation("other")))) == [
        "OTHER_SITUATION"
    ]
    assert codes(answer_of(keepalive(), ticket())) == ["NOT_IN_SITUATION"]


def test_a_further_condition_must_hold():
    """`when` joins by AND, three-valued."""
    assert answer_of(keepalive(when=Says(Tri.NO)), escalated(8)).call is Call.NO
    assert answer_of(keepalive(when=Says(Tri.UNKNOWN)), escalated(8)).call is Call.UNKNOWN
    assert answer_of(keepalive(when=Says()), escalated(8)).call is Call.ACT


def test_a_note_is_left_with_the_toggle_and_bound_to_it():
    """The evidence is a private note of its own key, filled from the pack's text."""
    texts = {"kept": Template("kept", "seguimiento {number} ({due})")}
    decision = answer_of(keepalive(note="kept"), escalated(8), texts=texts)
    toggle, note = decision.wants
    assert (note.kind, note.text, note.key) == ("note", "seguimiento 1 (2026-03-01 12:00)", f"{toggle.key}:note")
    assert dict(note.details) == {"private": True, "with": toggle.key}


def test_a_note_that_cannot_be_filled_in_does_not_stop_the_toggle():
    """A hole in a text is said, and the ticket is still kept alive."""
    decision = answer_of(keepalive(note="kept"), escalated(8), texts={"kept": Template("kept", "{nothing}")})
    assert [want.kind for want in decision.wants] == ["toggle"]
    assert codes(decision)[-1] == "TEXT_UNFILLABLE"


def test_two_rules_toggle_once():
    """The plan holds one toggle a ticket, and one note; the other rule is told as merged."""
    rules = (keepalive("a", note="x y"), keepalive("b", note="z w"))
    plan = plan_of(policy(*rules), [(escalated(8), Memory())])
    assert [(action.kind, action.rule.name) for action in plan.actions] == [("toggle", "a"), ("note", "a")]
    assert "MERGED" in codes(plan.actions[0])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"back": "completed"}, "back"),
        ({"through": "in_process"}, "through"),
        ({"through": "closed"}, "through"),
        ({"autoclose": {"after": span("1d"), "margin": span("1d")}}, "autoclose"),
        ({"apart": span("14d")}, "apart"),
        ({"follow_up": {"after": span("1d"), "every": span("1h")}}, "follow_up"),
        ({"follow_up": {"after": span("1d"), "every": span("0bd")}}, "follow_up"),
    ],
)
def test_values_that_make_no_sense_together_are_refused(values, field):
    """Each contradiction names the key to point at."""
    with pytest.raises(RuleProblem) as caught:
        keepalive(**values)
    assert caught.value.field == field


def test_defaults_are_those_of_the_language():
    """14d/12h, completed, in_process, 8, 60d, 24h."""
    bare = rule("keepalive")
    assert (bare.autoclose, bare.margin) == (timedelta(days=14), timedelta(hours=12))
    assert (bare.through, bare.back, bare.cap) == ("completed", "in_process", 8)
    assert (bare.until, bare.apart, bare.situations) == (timedelta(days=60), timedelta(hours=24), ())


def after_a_toggle(days: float = 8, *, key: str | None = None, note: bool = False) -> Memory:
    """What is remembered once follow-up 1 was toggled at NOW, with its note or without."""
    (toggle, *_) = answer_of(keepalive(note="Kept alive"), escalated(days)).wants
    done = [toggle.key, f"{toggle.key}:note"] if note else [toggle.key]
    told = {"key": key or toggle.key, "due": NOW.isoformat(), "number": 1, "count": 0}
    return Memory(done=dict.fromkeys(done, NOW.isoformat()), toggles=(NOW,), extra={"toggled": told})


def test_a_note_that_was_not_left_with_its_toggle_is_left_later():
    """The daemon died between the two: the note comes alone, once, and belongs to the toggle that is done."""
    kept = keepalive(note="Kept alive")
    toggled = escalated(8, clock_days=0)
    decision = answer_of(kept, toggled, after_a_toggle())
    (want,) = decision.wants
    assert (decision.call, want.kind, want.text) == (Call.ACT, "note", "Kept alive")
    assert want.key == f"{want.details['with']}:note"
    assert answer_of(kept, toggled, after_a_toggle(note=True)).call is Call.WAIT


def test_a_note_is_not_left_a_day_late_nor_for_a_toggle_without_effect():
    """What is no longer news is left out; a toggle that moved no clock kept nothing alive."""
    kept, toggled = keepalive(note="Kept alive"), escalated(8, clock_days=0)
    late = answer_of(kept, toggled, after_a_toggle(), now=NOW + timedelta(days=1))
    other = answer_of(kept, toggled, after_a_toggle(key="keepalive:weekly:1:2020-01-01T00:00:00+00:00:f1"))
    nothing = answer_of(kept, toggled, replace(after_a_toggle(), extra={}))
    assert [each.call for each in (late, other, nothing)] == [Call.WAIT] * 3


def test_a_note_is_owed_at_the_cap_too():
    """The last toggle that is allowed has its note like every other."""
    decision = answer_of(keepalive(note="Kept alive", cap=1), escalated(8, clock_days=0), after_a_toggle())
    assert [want.kind for want in decision.wants] == ["note"]
