"""The course of a situation: promise, escalation, facts, follow-ups, reply, register and reminders, at their edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.core.evaluate import evaluate, remember
from connector.core.model import Call, Decision, Memory, Ticket, Want
from connector.core.planning import make_plan
from connector.core.policy import Policy
from connector.mapping.load import load_policy_from_texts
from connector.mapping.problems import MappingError

#: A Monday, 09:00 in the calendar's zone.
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

PACK = """
pack: {name: test, language: en, timezone: UTC, calendar: office}
calendars:
  office: {timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}}
people:
  boss: {agent: "Laura Boss", email: laura@example.com}
  agent: {agent: "Ana Agent", email: ana@example.com}
  team: {group: "Supervision"}
texts:
  up: "#DATE# up to #TO#, promised by #PROMISE#"
  plain: "#DATE# up to #TO#"
  steps: "Steps for #TICKET#"
  after: "#DATE# follow-up #NUMBER#"
  missing: "Missing: #FACTS#"
  dear: "Dear #CUSTOMER#, from #AGENTFIRSTNAME#"
  waiting: "still waiting, #NUMBER#"
"""


def policy(course: str, more: str = "") -> Policy:
    """A policy of one situation, `stuck`, with this course."""
    rules = f"situations:\n  - {{id: stuck, title: Stuck, {course}}}\n{more}"
    return load_policy_from_texts({"pack.yaml": PACK, "s.yaml": rules})


def ticket(**values: Any) -> Ticket:
    """A ticket that has been in the situation since START."""
    base = Ticket(
        id="1", status="in_process", priority="normal", channel="email", subject="s", body="b", customer="Eva",
        agent="Ana Agent", escalation_type="stuck", escalated_at=START, created_at=START, status_since=START,
    )  # fmt: skip
    return replace(base, **values)


def told(one: Policy, at: datetime = START, of: Ticket | None = None, memory: Memory | None = None) -> Decision:
    """What the situation says at an instant."""
    found = evaluate(one, of or ticket(), memory or Memory(), at)
    return next(each for each in found.decisions if each.rule.kind == "situation")


def wants(decision: Decision) -> dict[str, Want]:
    """The wants by kind; there is never more than one of a kind here."""
    assert len({want.kind for want in decision.wants}) == len(decision.wants)
    return {want.kind: want for want in decision.wants}


def codes(decision: Decision) -> list[str]:
    return [each.code for each in decision.reasons]


def after(one: Policy, at: datetime, of: Ticket | None = None, memory: Memory | None = None) -> Memory:
    """What is remembered when everything wanted at an instant was done."""
    seen = of or ticket()
    before = memory or Memory()
    found = evaluate(one, seen, before, at)
    done = {want.key: at.isoformat() for each in found.decisions for want in each.wants}
    kept = remember(before, found, at)
    return replace(kept, done={**kept.done, **done})


# --- promise ----------------------------------------------------------------------------------------------------------
PROMISED = "promise: 72h, escalate: {at: promise, to: team, notify: boss, note: up}, register: {tab: Stuck}"


def test_the_case_goes_up_at_the_promise_and_not_a_second_before() -> None:
    """Before: WAIT with that very instant; then: one note, one assignment, one message, one line of the register."""
    one = policy(PROMISED)
    early = told(one, START + 72 * HOUR - SECOND)
    assert (early.call, early.wants, early.wake_at) == (Call.WAIT, (), START + 72 * HOUR)
    late = wants(told(one, START + 72 * HOUR))
    assert {kind: want.due for kind, want in late.items()} == dict.fromkeys(
        ("note", "assign", "notify", "register"), START + 72 * HOUR
    )
    assert late["note"].text == "2026-03-05 up to Supervision, promised by 2026-03-05 09:00"
    assert (late["assign"].changes, late["notify"].to) == ({"group": "Supervision"}, ("boss",))


def test_nothing_is_wanted_twice() -> None:
    """Once all is done the situation rests."""
    one = policy(PROMISED)
    at = START + 72 * HOUR
    rest = told(one, at + HOUR, ticket(group="Supervision"), after(one, at))
    assert (rest.call, rest.wants) == (Call.NO, ())


def test_a_second_episode_is_another_escalation() -> None:
    """The same ticket escalated anew has keys of its own, and a promise of its own."""
    one = policy(PROMISED)
    memory = after(one, START + 72 * HOUR)
    again = ticket(escalated_at=START + 240 * HOUR)
    assert told(one, START + 240 * HOUR, again, memory).wake_at == START + 312 * HOUR
    assert len(told(one, START + 312 * HOUR, again, memory).wants) == 4


def test_a_promise_in_business_days_passes_over_the_weekend() -> None:
    """Five business days from Wednesday 10:00 end on the next Wednesday 10:00."""
    one = policy(PROMISED.replace("72h", "5 business days"))
    since = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
    assert told(one, since, ticket(escalated_at=since)).wake_at == datetime(2026, 3, 11, 10, 0, tzinfo=UTC)


def test_a_range_has_passed_at_its_latest_end() -> None:
    one = policy("promise: {least: 15d, most: 20d}, escalate: {at: promise, to: team}")
    assert told(one).wake_at == START + timedelta(days=20)


def test_a_promise_once_made_keeps_its_deadline() -> None:
    """An edit of the figure counts for new promises; explain shows both deadlines."""
    memory = remember(Memory(), evaluate(policy(PROMISED), ticket(), Memory(), START), START)
    edited = policy(PROMISED.replace("72h", "24h"))
    decision = told(edited, START + 24 * HOUR, memory=memory)
    assert (decision.call, decision.wake_at) == (Call.WAIT, START + 72 * HOUR)
    why = next(each for each in decision.reasons if each.code == "PROMISE")
    assert why.values["due"] == (START + 72 * HOUR).isoformat()
    assert why.values["present"] == (START + 24 * HOUR).isoformat()
    assert told(edited, START + 24 * HOUR).call is Call.ACT


# --- conditions -------------------------------------------------------------------------------------------------------
TAGGED = "escalate: {at: condition, when: {tags: refuses}, to: team, notify: boss}"


def test_a_condition_brings_it_up_when_it_begins_to_hold() -> None:
    """Due from when it was first seen, not from the start of the situation; and it stays due from then."""
    one = policy(TAGGED)
    memory = after(one, START)
    at = START + 100 * HOUR
    tagged = ticket(tags=("refuses",))
    decision = told(one, at, tagged, memory)
    assert {want.due for want in decision.wants} == {at}
    held = remember(memory, evaluate(one, tagged, memory, at), at)
    assert {want.due for want in told(one, at + HOUR, tagged, held).wants} == {at}


def test_without_its_condition_it_does_not_go_up() -> None:
    decision = told(policy(TAGGED), START + 999 * HOUR)
    assert (decision.call, decision.wants) == (Call.NO, ())


def test_what_the_source_does_not_tell_never_brings_it_up() -> None:
    """Unknown tags are not absent tags: reported, nothing done."""
    decision = told(policy(TAGGED), of=ticket(unknown=frozenset({"tags"})))
    assert (decision.call, decision.wants) == (Call.UNKNOWN, ())
    assert "WHEN_UNKNOWN" in codes(decision)


def test_an_age_is_waited_for_exactly() -> None:
    """At once, but not before the ticket is 25 days old; found late, it is due since then."""
    one = policy("escalate: {at: once, when: {age: 25d}, to: team}")
    due = START + timedelta(days=25)
    assert told(one, due - SECOND).wake_at == due
    assert told(one, due - SECOND).wants == ()
    assert [want.due for want in told(one, due + HOUR).wants] == [due]


def test_never_means_never() -> None:
    assert told(policy("escalate: {at: never}, checklist: steps"), START + 9999 * HOUR).wants[0].kind == "note"
    assert len(told(policy("escalate: {at: never}, checklist: steps"), START + 9999 * HOUR).wants) == 1


# --- facts ------------------------------------------------------------------------------------------------------------
FACTS = (
    "escalate: {at: once, to: team, note: plain}, missing_note: missing, "
    "facts: [{field: customer, or: requester, name: the name}, {field: body, name: the story}]"
)


def test_missing_facts_are_listed_in_one_note_and_the_case_waits() -> None:
    one = policy(FACTS)
    bare = ticket(customer=None, body=None)
    first = told(one, of=bare)
    assert [(want.kind, want.text) for want in first.wants] == [("note", "Missing: the name, the story")]
    rest = told(one, START + HOUR, bare, after(one, START, bare))
    assert (rest.call, rest.wants) == (Call.WAIT, ())


def test_it_goes_up_when_the_facts_arrive() -> None:
    """Due from then, so that no message expires for the time the facts took."""
    one = policy(FACTS)
    memory = after(one, START, ticket(customer=None))
    at = START + 50 * HOUR
    assert {kind: want.due for kind, want in wants(told(one, at, ticket(), memory)).items()} == {
        "note": at,
        "assign": at,
    }


def test_a_fact_may_be_told_by_another_field() -> None:
    assert "assign" in wants(told(policy(FACTS), of=ticket(customer=None, requester="Eva")))


def test_an_unknown_fact_is_not_a_missing_one() -> None:
    """It can't be told: no note that blames the agent, no escalation, reported."""
    decision = told(policy(FACTS), of=ticket(body=None, unknown=frozenset({"body"})))
    assert (decision.call, decision.wants) == (Call.UNKNOWN, ())
    assert "FACT_UNKNOWN" in codes(decision)


def test_an_unknown_fact_may_be_passed() -> None:
    one = policy(FACTS.replace("name: the story", "name: the story, if_unknown: pass"))
    assert "assign" in wants(told(one, of=ticket(body=None, unknown=frozenset({"body"}))))
    assert "assign" not in wants(told(one, of=ticket(body=None)))


# --- notes ------------------------------------------------------------------------------------------------------------
def test_all_that_is_written_at_one_instant_is_one_note() -> None:
    """Escalation, steps and draft come together: one write, in that order."""
    one = policy("escalate: {at: once, to: team, note: plain}, checklist: steps, reply: {text: dear}")
    note = wants(told(one))["note"]
    assert note.text == "2026-03-02 up to Supervision\n\nSteps for 1\n\nDear Eva, from Ana"
    assert note.details["parts"] == ["escalated", "checklist", "reply"]


def test_the_note_of_an_escalation_goes_with_its_assignment() -> None:
    """It stands after the assignment and is counted with it; without an assignment it stands alone."""
    decision = told(policy("escalate: {at: once, to: team, note: plain}"))
    assert [want.kind for want in decision.wants] == ["assign", "note"]
    assert decision.wants[1].details["with"] == decision.wants[0].key
    alone = told(policy("escalate: {at: once, to: team, note: plain}"), of=ticket(group="Supervision"))
    assert [(want.kind, "with" in want.details) for want in alone.wants] == [("note", False)]


def test_a_case_another_rule_took_higher_is_not_brought_back_down() -> None:
    """Taken over late, the matrix may have handed it to the management already."""
    memory = Memory(done={f"matrix:m:1:{START.isoformat()}:L1:assign": START.isoformat()}, ours={"group": "Top"})
    decision = told(policy("escalate: {at: once, to: team, notify: boss}"), of=ticket(group="Top"), memory=memory)
    assert ([want.kind for want in decision.wants], "HANDED_ON" in codes(decision)) == (["notify"], True)


def test_a_part_that_stands_in_a_note_is_not_written_again() -> None:
    """Only what came since goes into the next note."""
    one = policy("promise: 72h, escalate: {at: promise, to: team, note: plain}, checklist: steps")
    note = wants(told(one, START + 72 * HOUR, memory=after(one, START)))["note"]
    assert note.details["parts"] == ["escalated"]


def test_an_unfillable_placeholder_stops_its_text_and_nothing_else() -> None:
    """The draft is left out and told; steps and escalation go on."""
    one = policy("escalate: {at: once, to: team, note: plain}, checklist: steps, reply: {text: dear}")
    decision = told(one, of=ticket(agent=None))
    assert wants(decision)["note"].details["parts"] == ["escalated", "checklist"]
    assert "TEXT_UNFILLABLE" in codes(decision)
    alone = told(policy("reply: {text: dear}"), of=ticket(agent=None))
    assert (alone.call, alone.wants) == (Call.UNKNOWN, ())


# --- reply ------------------------------------------------------------------------------------------------------------
def test_a_reply_is_a_draft_unless_the_pack_says_send() -> None:
    draft = told(policy("reply: {text: dear}"))
    assert [(want.kind, want.reaches_customer) for want in draft.wants] == [("note", False)]
    sent = told(policy("reply: {text: dear, mode: send}"))
    assert [(want.kind, want.reaches_customer, want.text) for want in sent.wants] == [
        ("reply", True, "Dear Eva, from Ana")
    ]


def test_a_sent_reply_with_a_hole_is_not_sent() -> None:
    decision = told(policy("reply: {text: dear, mode: send}"), of=ticket(customer=None))
    assert (decision.call, decision.wants) == (Call.UNKNOWN, ())


def test_a_reply_waits_for_its_condition() -> None:
    one = policy("reply: {text: dear, mode: send, when: {tags: sue}}")
    assert told(one).wants == ()
    assert len(told(one, of=ticket(tags=("sue",))).wants) == 1
    assert told(one, of=ticket(unknown=frozenset({"tags"}))).wants == ()


# --- register and people ----------------------------------------------------------------------------------------------
def test_the_register_holds_the_record() -> None:
    """Ticket, customer, description, when, to whom, kind, level and what was promised."""
    one = policy(PROMISED.replace("at: promise", "at: once, kind: functional, level: 2"))
    details = wants(told(one))["register"].details
    shown = {
        name: details[name] for name in ("tab", "ticket", "customer", "description", "when", "to", "kind", "level")
    }
    assert shown == {
        "tab": "Stuck", "ticket": "1", "customer": "Eva", "description": "b", "when": START.isoformat(),
        "to": ["team"], "kind": "functional", "level": 2,
    }  # fmt: skip
    assert details["promise"] == (START + 72 * HOUR).isoformat()


def test_a_person_someone_chose_after_it_went_up_is_left() -> None:
    memory = Memory(human={"group": "Sales"}, extra={"human_at": {"group": START.isoformat()}})
    decision = told(policy("escalate: {at: once, to: team}"), of=ticket(group="Sales"), memory=memory)
    assert (decision.call, "HUMAN_SET" in codes(decision)) == (Call.NO, True)


def test_urgent_goes_with_the_message() -> None:
    assert wants(told(policy("escalate: {at: once, notify: boss, urgent: true}")))["notify"].details["urgent"] is True


# --- follow-ups and keep-alive ----------------------------------------------------------------------------------------
FOLLOWED = "follow_up: {after: 7d, every: 7d, note: after, notify: boss}, toggle: true"
KEEPALIVE = "keepalive:\n  - {name: alive, follow_up: situation}\n"


@pytest.mark.parametrize(("days", "number"), [(7, 1), (14, 2), (20, 2), (21, 3)])
def test_the_last_follow_up_due_is_written_with_its_date(days: int, number: int) -> None:
    """Missed ones are not made up for; the next one is waited for exactly."""
    at = START + timedelta(days=days)
    decision = told(policy(FOLLOWED), at)
    assert wants(decision)["note"].text == f"{at:%Y-%m-%d} follow-up {number}"
    assert wants(decision)["notify"].to == ("boss",)


def test_before_the_first_follow_up_it_waits_for_it() -> None:
    decision = told(policy(FOLLOWED), START + timedelta(days=7) - SECOND)
    assert (decision.wants, decision.wake_at) == ((), START + timedelta(days=7))


def test_a_follow_up_at_the_promise_comes_with_it() -> None:
    one = policy("promise: 5 business days, follow_up: {at: promise, note: after}")
    assert told(one).wake_at == START + timedelta(days=7)


@pytest.mark.parametrize(("toggle", "toggled"), [("true", True), ("false", False)])
def test_keepalive_takes_its_follow_ups_from_the_situation(toggle: str, toggled: bool) -> None:
    """Only where the situation says `toggle: true`; a second before, never."""
    one = policy(FOLLOWED.replace("true", toggle), KEEPALIVE)

    def kinds(at: datetime) -> set[str]:
        return {want.kind for each in evaluate(one, ticket(), Memory(), at).decisions for want in each.wants}

    assert ("toggle" in kinds(START + timedelta(days=7))) is toggled
    assert "toggle" not in kinds(START + timedelta(days=7) - SECOND)


def test_the_note_of_a_follow_up_goes_with_its_toggle() -> None:
    """Counted as one write; where nothing is toggled (another status) the note stands alone."""
    one = policy(FOLLOWED, KEEPALIVE)

    def note_and_toggle(of: Ticket, memory: Memory | None = None) -> tuple[Any, Any]:
        found = evaluate(one, of, memory or Memory(), START + timedelta(days=7))
        by_kind = {want.kind: want for each in found.decisions for want in each.wants}
        toggle = by_kind.get("toggle")
        return by_kind["note"].details.get("with"), None if toggle is None else toggle.key

    partner, key = note_and_toggle(ticket())
    assert (partner, key) == (f"keepalive:alive:1:{START.isoformat()}:f1", partner)
    assert note_and_toggle(ticket(status="waiting_other")) == (None, None)
    done = Memory(done={key: START.isoformat()})
    assert note_and_toggle(ticket(), done) == (key, None)


def test_a_situation_without_toggle_is_still_kept_from_closing() -> None:
    one = policy("checklist: steps", KEEPALIVE)
    watched = ticket(autoclose_clock=START)
    found = evaluate(one, watched, Memory(), START + timedelta(days=13, hours=12))
    assert "toggle" in {want.kind for each in found.decisions for want in each.wants}


def test_the_toggle_follows_a_kept_promise() -> None:
    """A follow-up `at: promise` of an edited pack stays at the deadline that was promised."""
    course = "promise: 72h, follow_up: {at: promise, note: after}, toggle: true"
    memory = remember(Memory(), evaluate(policy(course, KEEPALIVE), ticket(), Memory(), START), START)
    edited = policy(course.replace("72h", "24h"), KEEPALIVE)

    def toggles(at: datetime) -> list[datetime | None]:
        found = evaluate(edited, ticket(), memory, at)
        return [want.due for each in found.decisions for want in each.wants if want.kind == "toggle"]

    assert toggles(START + 72 * HOUR - SECOND) == []
    assert toggles(START + 72 * HOUR) == [START + 72 * HOUR]


# --- a caller who waits -----------------------------------------------------------------------------------------------
HOLD = "hold: {every: 2 min, until: 30 min, notify: [assignee], note: waiting}"


@pytest.mark.parametrize(
    ("seconds", "number"), [(119, None), (120, 1), (239, 1), (240, 2), (1800, 15), (1919, 15), (1920, None)]
)
def test_the_holder_of_the_call_is_reminded_every_two_minutes(seconds: int, number: int | None) -> None:
    decision = told(policy(HOLD), START + timedelta(seconds=seconds))
    expected = [] if number is None else [("notify", ("agent",), f"still waiting, {number}")]
    assert [(want.kind, want.to, want.text) for want in decision.wants] == expected


def test_the_reminders_end() -> None:
    """After the last one nothing is waited for."""
    assert told(policy(HOLD), START + timedelta(minutes=28, seconds=1), memory=_reminded(14)).wake_at is not None
    rest = told(policy(HOLD), START + timedelta(minutes=32))
    assert (rest.call, rest.wake_at) == (Call.NO, None)


def _reminded(number: int) -> Memory:
    return Memory(done={f"situation:stuck:1:{START.isoformat()}:hold{number}": START.isoformat()})


# --- where it has no say ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("values", [{"status": "completed"}, {"status": "closed"}, {"gone": "spam"}])
def test_a_finished_ticket_is_left_alone(values: Mapping[str, Any]) -> None:
    assert told(policy(PROMISED), START + 999 * HOUR, ticket(**values)).wants == ()


def test_a_ticket_in_no_situation_is_left_alone() -> None:
    found = evaluate(policy(PROMISED), ticket(escalation_type=None, escalated_at=None), Memory(), START)
    assert [want for each in found.decisions for want in each.wants] == []


def test_the_plan_does_not_depend_on_when_it_is_made() -> None:
    """The same escalation planned an hour later, still not carried out, has the same digest."""
    one = policy(PROMISED)
    at = START + 72 * HOUR

    def digest(now: datetime) -> str:
        found = evaluate(one, ticket(), Memory(), now)
        return make_plan(one, "a", [found], {}, now, complete=True, rejected=(), population=1).digest

    assert digest(at) == digest(at + HOUR)


# --- mistakes ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("course", "code", "words"),
    [
        ("escalate: {at: promise, to: team}", "E050", "needs a `promise`"),
        ("escalate: {at: condition, to: team}", "E050", "needs a `when`"),
        ("escalate: {at: once}", "E050", "does nothing"),
        ("facts: [body], missing_note: missing", "E050", "never does"),
        ("escalate: {at: once, to: team}, facts: [body]", "E050", "missing_note"),
        ("escalate: {at: never}, register: {tab: T}", "E050", "never"),
        ("toggle: true", "E050", "needs a `follow_up`"),
        ("follow_up: {at: promise}", "E050", "needs a `promise`"),
        ("follow_up: {every: 7d}", "E050", "either `after`"),
        ("follow_up: {after: 7d, every: 1 min}", "E052", "too close"),
        ("promise: {least: 20d, most: 15d}", "E052", "must be shorter"),
        ("hold: {every: 5 s, until: 30 min, notify: boss}", "E052", "30 s apart"),
        ("hold: {every: 2h, until: 1h, notify: boss}", "E052", "before the end"),
        ("promise: 72h, escalate: {at: promise, to: nobody}", "E041", "nobody"),
    ],
)
def test_values_that_make_no_sense_together_are_refused(course: str, code: str, words: str) -> None:
    with pytest.raises(MappingError) as caught:
        policy(course)
    assert (code, True) == (caught.value.problems[0].code, words in caught.value.problems[0].text)
