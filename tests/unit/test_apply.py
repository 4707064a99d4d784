"""Each action goes by the journal: announced, re-read, sent once, verified, and settled with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.apply.actions import Application, apply_plan, chosen
from connector.apply.journal import Fenced, reference
from connector.core.model import Action, Outcome, Verdict
from connector.cycle.run import history
from connector.errors import AccountBlocked, OutcomeUnknown, Unavailable
from tests.desk import DAY, GO, HOUR, World, action, ticket, toggle


def run(world: World, *actions: Action, **more: Any) -> Application:
    """Apply a plan of these actions."""
    return apply_plan(
        world.plan(*actions), more.pop("verdict", GO), reader=world.account.reader, writer=world.account.writer,
        store=world.store, now=world.now, epoch=more.pop("epoch", None) or world.epoch(),
        notifiers=world.account.notifiers, people=world.account.policy.people, **more,
    )  # fmt: skip


def outcome_of(application: Application) -> list[Outcome]:
    """The outcomes in order."""
    return [one.outcome for one in application.results]


@pytest.fixture
def world() -> World:
    """A world with one mirrored ticket, ten days in."""
    made = World()
    made.desk.advance(10 * DAY)
    made.mirror()
    return made


def urgent(world: World, number: int = 1) -> Action:
    """Set the priority to urgent."""
    return action(world, "set", number=number, changes={"priority": "urgent"})


def test_a_change_is_written_once_verified_and_remembered(world: World) -> None:
    """The new value stands, the intent is done, and memory knows key, value, write and stamp."""
    assert outcome_of(run(world, urgent(world))) == [Outcome.DONE]
    assert world.desk.get("1").priority == "urgent"
    row = world.row()
    assert row.ticket == world.desk.get("1")
    assert list(row.memory.done) == ["set:1"]
    assert dict(row.memory.ours) == {"priority": "urgent"}
    assert row.memory.writes == (world.now(),)
    assert row.memory.own_updated_at == (world.desk.get("1").updated_at.isoformat(),)
    assert dict(row.memory.human) == {}
    assert row.wake_at == world.now()
    assert world.outcomes() == [("1", "done")]


def test_the_intent_is_committed_before_the_request_leaves(world: World) -> None:
    """When the helpdesk sees the write, the journal already says SENT."""
    wanted = urgent(world)
    seen: list[Outcome] = []

    def look(kind: str, number: str, values: Mapping[str, Any]) -> None:
        intent = world.store.intent("demo", wanted.id)
        assert intent is not None
        seen.append(intent.outcome)

    world.desk.before_write = look
    run(world, wanted)
    assert seen == [Outcome.SENT]


def test_only_changed_fields_are_sent(world: World) -> None:
    """The request carries the priority and nothing else."""
    run(world, urgent(world))
    assert [dict(one.values) for one in world.desk.written] == [{"priority": "urgent"}]


def test_a_ticket_a_human_changed_since_is_drifted_and_looked_at_again(world: World) -> None:
    """Nothing is written; the human's value is noted as theirs, and the ticket is due."""
    wanted = urgent(world)
    world.desk.advance(60)
    world.desk.agent_edit("1", priority="low")
    assert outcome_of(run(world, wanted)) == [Outcome.DRIFTED]
    assert world.desk.written == []
    assert dict(world.row().memory.human) == {"priority": "low"}
    assert world.row().wake_at == world.now()


def test_an_agents_note_alone_is_drift(world: World) -> None:
    """A moved `updated_at` that no own write explains stops the action, though all values are as expected."""
    wanted = urgent(world)
    world.desk.advance(60)
    world.desk.agent_note("1", "looking into it")
    assert outcome_of(run(world, wanted)) == [Outcome.DRIFTED]


def test_later_actions_of_the_same_plan_accept_our_own_stamp(world: World) -> None:
    """Three writes on one ticket in one plan: each moves `updated_at`, and none counts as drift."""
    first = action(world, "set", changes={"priority": "high"})
    second = action(world, "assign", changes={"agent": "Laura Boss"})
    third = action(world, "note", text="Escalated")
    world.desk.call_seconds = 2
    assert outcome_of(run(world, first, second, third)) == [Outcome.DONE] * 3


def test_a_human_between_two_actions_of_one_plan_is_seen(world: World) -> None:
    """The second action of the plan drifts when somebody wrote after the first."""
    first = action(world, "set", changes={"priority": "high"})
    second = action(world, "note", text="Escalated")

    def meddle(kind: str, number: str, values: Mapping[str, Any]) -> None:
        world.desk.after_write = None
        world.desk.advance(5)
        world.desk.agent_edit("1", group="Second line")

    world.desk.after_write = meddle
    assert outcome_of(run(world, first, second)) == [Outcome.DONE, Outcome.DRIFTED]
    assert dict(world.row().memory.human) == {"group": "Second line"}
    assert dict(world.row().memory.ours) == {"priority": "high"}


def test_a_value_that_is_there_already_is_not_written_again(world: World) -> None:
    """Someone else has set it: done, nothing sent, and not claimed as ours."""
    wanted = urgent(world)
    world.desk.advance(60)
    world.desk.agent_edit("1", priority="urgent")
    assert outcome_of(run(world, wanted)) == [Outcome.DONE]
    assert world.desk.written == []
    assert dict(world.row().memory.ours) == {}


def test_what_the_helpdesk_would_refuse_is_not_sent(world: World) -> None:
    """`refuses` answers first; no read is spent either."""
    assert outcome_of(run(world, action(world, "set", changes={"status": "closed"}))) == [Outcome.REFUSED]
    assert (world.desk.written, world.desk.reads) == ([], [])


def test_a_refused_action_is_not_tried_again_for_a_day_then_it_is(world: World) -> None:
    """The journal knows the refusal; after a day it may be begun again."""
    wanted = action(world, "set", changes={"status": "closed"})
    run(world, wanted)
    again = run(world, wanted)
    assert [(one.outcome, one.repeated) for one in again] == [(Outcome.REFUSED, True)]
    world.desk.advance(25 * HOUR)
    world.desk.allow_notifying = True
    assert outcome_of(run(world, wanted)) == [Outcome.DONE]


@pytest.mark.parametrize("gone", ["deleted", "spam", "merged", "archived"])
def test_a_ticket_that_is_gone_is_not_written(world: World, gone: str) -> None:
    """Refused with the reason, and mirrored as gone."""
    wanted = urgent(world)
    world.desk.remove("1", gone)
    assert outcome_of(run(world, wanted)) == [Outcome.REFUSED]
    assert world.row().ticket.gone == gone


def test_a_done_action_is_never_repeated(world: World) -> None:
    """The same plan twice writes once."""
    wanted = action(world, "note", text="Escalated")
    run(world, wanted)
    assert [(one.outcome, one.repeated) for one in run(world, wanted)] == [(Outcome.DONE, True)]
    assert len(world.desk.notes_of("1")) == 1


def _fail(error: Exception) -> Any:
    def hook(kind: str, number: str, values: Mapping[str, Any]) -> None:
        raise error

    return hook


def test_an_unavailable_helpdesk_leaves_the_action_due(world: World) -> None:
    """Nothing was changed: unsent, the key is not done, and the same action may be begun again."""
    wanted = urgent(world)
    world.desk.before_write = _fail(Unavailable("down", retry_after=30))
    result = run(world, wanted)
    assert (outcome_of(result), isinstance(result.stopped, Unavailable)) == ([Outcome.UNSENT], True)
    assert (dict(world.row().memory.done), world.row().memory.writes) == ({}, ())
    world.desk.before_write = None
    assert outcome_of(run(world, wanted)) == [Outcome.DONE]


def test_a_lost_answer_whose_effect_is_there_is_done(world: World) -> None:
    """The re-read decides; nothing is sent twice."""
    world.desk.after_write = _fail(OutcomeUnknown("cut"))
    assert outcome_of(run(world, urgent(world))) == [Outcome.DONE]
    assert len(world.desk.written) == 1


def test_a_lost_answer_without_effect_stays_open_and_is_not_repeated_blindly(world: World) -> None:
    """The request may still be on its way: the journal line stays open, and a second run sends nothing."""
    wanted = urgent(world)
    world.desk.before_write = _fail(OutcomeUnknown("cut"))
    assert outcome_of(run(world, wanted)) == [Outcome.SENT]
    world.desk.before_write = None
    assert [one.repeated for one in run(world, wanted)] == [True]
    assert world.desk.written == []
    assert [intent.id for intent in world.store.open_intents("demo")] == [wanted.id]


def test_a_blocked_account_stops_everything(world: World) -> None:
    """No further ticket is touched."""
    world.desk.put(ticket(2))
    world.mirror()
    world.desk.before_write = _fail(AccountBlocked("bad key"))
    result = run(world, urgent(world), urgent(world, 2))
    assert isinstance(result.stopped, AccountBlocked)
    assert world.outcomes() == [("1", "unsent")]


def test_one_ticket_that_breaks_the_program_rests_and_the_others_go_on(world: World) -> None:
    """An unforeseen error quarantines its ticket for an hour, with an audit event, and stops nothing else."""
    world.desk.put(ticket(2))
    world.mirror()

    def hook(kind: str, number: str, values: Mapping[str, Any]) -> None:
        if number == "1":
            msg = "boom"
            raise ZeroDivisionError(msg)

    world.desk.before_write = hook
    run(world, urgent(world), urgent(world, 2))
    assert world.desk.get("2").priority == "urgent"
    assert world.row(1).memory.quarantined_until == world.now() + HOUR
    assert [event.ticket for event in world.store.audit("demo") if event.kind == "quarantined"] == ["1"]


def test_a_write_undone_at_once_is_not_fought_over(world: World) -> None:
    """An automation puts the old value back: ineffective, the key is settled, nothing is tried again."""

    def undo(kind: str, number: str, values: Mapping[str, Any]) -> None:
        world.desk.agent_edit("1", priority="normal")

    world.desk.after_write = undo
    wanted = urgent(world)
    assert outcome_of(run(world, wanted)) == [Outcome.INEFFECTIVE]
    assert wanted.key in world.row().memory.done


def test_a_human_who_writes_another_value_at_the_same_time_wins(world: World) -> None:
    """Interrupted: their value stands and is remembered as theirs."""

    def meddle(kind: str, number: str, values: Mapping[str, Any]) -> None:
        world.desk.advance(1)
        world.desk.agent_edit("1", priority="low")

    world.desk.after_write = meddle
    assert outcome_of(run(world, urgent(world))) == [Outcome.INTERRUPTED]
    assert world.desk.get("1").priority == "low"
    assert dict(world.row().memory.human) == {"priority": "low"}


def test_a_cycle_that_was_replaced_writes_nothing(world: World) -> None:
    """An old epoch is fenced before the first request."""
    old = world.epoch()
    world.epoch()
    with pytest.raises(Fenced):
        run(world, urgent(world), epoch=old)
    assert world.desk.written == []


def test_a_cycle_replaced_in_mid_action_leaves_the_outcome_to_its_successor(world: World) -> None:
    """Fenced after the write: the line stays SENT for the other cycle's recovery, and no memory is written."""

    def replace_us(kind: str, number: str, values: Mapping[str, Any]) -> None:
        world.epoch()

    world.desk.after_write = replace_us
    wanted = urgent(world)
    with pytest.raises(Fenced):
        run(world, wanted)
    intent = world.store.intent("demo", wanted.id)
    assert intent is not None
    assert intent.outcome is Outcome.SENT
    assert dict(world.row().memory.done) == {}


def test_notes_carry_their_reference(world: World) -> None:
    """The text on the ticket ends in the line by which recovery finds it."""
    wanted = action(world, "note", text="Escalated")
    run(world, wanted)
    assert world.desk.notes_of("1")[0].text == f"Escalated\n\n{reference(wanted.id)}"


def test_a_note_mails_only_agents_of_the_account(world: World) -> None:
    """`to` may name people who are no agents: the helpdesk is not asked to mail them."""
    run(world, action(world, "note", text="Escalated", to=("boss", "someone@else.example")))
    assert [mail.to for mail in world.desk.outbox] == ["laura@example.com"]


def test_a_reply_reaches_the_customer_once(world: World) -> None:
    """Sent as a public reply; a second run sends nothing."""
    wanted = action(world, "reply", text="We are on it", reaches_customer=True)
    run(world, wanted)
    run(world, wanted)
    assert [mail.cause for mail in world.desk.outbox] == ["reply"]


def test_a_message_without_a_text_names_ticket_and_rule(world: World) -> None:
    """Nobody gets a reference line alone."""
    run(world, action(world, "notify", to=("boss",)))
    assert world.outbox.messages[0].text.startswith("Ticket 1: a rule")


def test_a_message_goes_through_every_notifier_with_addresses(world: World) -> None:
    """Roster keys become e-mail addresses."""
    assert outcome_of(run(world, action(world, "notify", text="Look", to=("boss",)))) == [Outcome.DONE]
    assert [(message.to, message.ticket) for message in world.outbox.messages] == [(("laura@example.com",), "1")]


def test_a_message_older_than_its_window_expires(world: World) -> None:
    """After a downtime nobody is told what is long past; the key is settled."""
    due = world.now()
    world.desk.advance(2 * DAY)
    old = replace(action(world, "notify", text="Look", to=("boss",)), due=due)
    assert outcome_of(run(world, old, window=DAY)) == [Outcome.EXPIRED]
    assert world.outbox.messages == []
    assert old.key in world.row().memory.done


def test_what_was_overdue_when_the_ticket_was_first_seen_is_still_told(world: World) -> None:
    """The window counts from first sight: a case taken over late is news, not a leftover of a downtime."""
    old = replace(action(world, "notify", text="Look", to=("boss",)), due=world.now() - 9 * DAY)
    assert outcome_of(run(world, old, window=DAY)) == [Outcome.DONE]
    assert len(world.outbox.messages) == 1


def test_a_ticket_created_is_named_in_the_evidence(world: World) -> None:
    """The new id stands in the audit."""
    wanted = replace(action(world, "create"), changes={"subject": (None, "Follow-up"), "priority": (None, "high")})
    assert outcome_of(run(world, wanted)) == [Outcome.DONE]
    observed = [event.body["observed"] for event in world.store.audit("demo")][-1]
    assert world.desk.get(observed["created"]).subject == "Follow-up"


def test_a_lost_creation_is_unknown_and_never_repeated(world: World) -> None:
    """Nothing can find it again: reported, and not done twice."""
    world.desk.after_write = _fail(OutcomeUnknown("cut"))
    wanted = replace(action(world, "create"), changes={"subject": (None, "Follow-up")})
    assert outcome_of(run(world, wanted)) == [Outcome.UNKNOWN]
    world.desk.after_write = None
    assert [one.repeated for one in run(world, wanted)] == [True]
    assert len(world.desk.written) == 1


def test_the_audit_keeps_no_text(world: World) -> None:
    """A text is kept as its SHA-256: it may hold a customer's words."""
    run(world, action(world, "note", text="Call Mrs. Sanchez"))
    assert "Sanchez" not in str([event.body for event in world.store.audit("demo")])


# --- the verdict -----------------------------------------------------------------------------------------------------
def test_a_held_plan_lets_only_exempt_actions_through(world: World) -> None:
    """And never the deferred ones."""
    one, two, three = urgent(world), toggle(world), action(world, "note", text="x")
    plan = world.plan(one, two, three)
    assert chosen(plan, Verdict(go=False, exempt=(two.id,))) == (two,)
    assert chosen(plan, Verdict(go=True, deferred=(three.id,))) == (one, two)


def test_a_stop_ends_after_the_action_in_hand(world: World) -> None:
    """The next action is not begun."""
    world.desk.put(ticket(2))
    world.mirror()
    result = run(world, urgent(world), urgent(world, 2), stop=lambda: bool(world.desk.written))
    assert [one.action.ticket for one in result] == ["1"]


def test_a_helpdesk_that_fails_for_one_ticket_does_not_starve_the_others(world: World) -> None:
    """One failing answer is no reason to stop; three in a row are."""
    for number in range(2, 7):
        world.desk.put(ticket(number))
    world.mirror()

    def hook(kind: str, number: str, values: Mapping[str, Any]) -> None:
        if number in {"1", "3", "4", "5"}:
            msg = "500"
            raise Unavailable(msg)

    world.desk.before_write = hook
    result = run(world, *(urgent(world, number) for number in range(1, 7)))
    assert world.desk.get("2").priority == "urgent"
    assert world.desk.get("6").priority == "normal"
    assert isinstance(result.stopped, Unavailable)


def test_writes_older_than_a_day_do_not_count(world: World) -> None:
    """The guard counts the last 24 hours alone, though older instants are kept: a clock may have jumped."""
    run(world, urgent(world))
    world.desk.advance(DAY + timedelta(seconds=1))
    run(world, action(world, "set", changes={"priority": "low"}, key="later"))
    assert len(world.row().memory.writes) == 2
    assert history(world.account, {"1": world.row().memory}, world.now()).writes == {"1": 1}
