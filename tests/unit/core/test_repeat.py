"""Rules of kind `repeat`: the earlier request is found, its facts told, and the table's row carried out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.core.evaluate import evaluate, remember
from connector.core.model import Call, Decision, Memory, Ticket
from connector.core.policy import Beside, Policy
from connector.core.rules.repeat import RepeatRule, reach
from connector.core.tables import Table
from connector.mapping.load import load_policy, load_policy_from_texts, load_texts

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
PACK = """
pack: {name: gas, language: en, timezone: UTC, calendar: office}
calendars: {office: {hours: {mon-fri: ["09:00-17:00"]}}}
people:
  boss: {agent: Laura Boss, email: laura@example.com}
  team: {group: Supervision}
  owners: {group: Customers}
texts:
  deadline: "Request #FIRST# is answered by #DEADLINE#."
  answer: "Request #FIRST# is answered."
  self: Ask to file it.
  detail: "#DETAIL#"
"""
TABLE = {
    1: "{first: unanswered, first_deadline: within, follow_up: none}\n        tell: deadline",
    2: "{first: answered, follow_up: none, unhappy: no}\n        tell: answer",
    3: """{first: unanswered, first_deadline: overdue, follow_up: none, line: bottled}
        create: {kind: overdue, subject: "Overdue: #FIRST#", body: detail, type: Follow-up, group: owners,
                 priority: high, channels: {in_person: email}, copy: contract, needs: requester_email}""",
    4: "{first: unanswered, first_deadline: overdue, follow_up: none, line: metered}\n        customer_files: self",
    5: "{first: answered, follow_up: none, unhappy: yes}\n        customer_files: self",
    6: "{follow_up: unanswered, follow_up_deadline: within}\n        tell: deadline",
    7: """{follow_up: unanswered, follow_up_deadline: overdue}
        escalate: {assign: team, notify: boss, priority: high, note: answer}""",
    8: """{follow_up: answered}
        escalate: {assign: team, notify: boss, priority: high, note: answer}""",
}
HEAD = """
repeat:
  - name: insistence
    when: {any_phrase: [still no answer, again]}
    window: 90d
    same: {person: [email, phone], contract: true, exclude: [desk@example.com]}
    matter: {fields: category, words: 0.5, ignore: [still, answer, again]}
    link: custom.first
    deadline: {field: due_by, after: 10 business days}
    follow_up: {when: {type: Follow-up}}
    facts:
      unhappy: {values: {yes: {tags: unhappy}}, otherwise: no}
      line: {of: [insistence, first], values: {metered: {tags: metered}, bottled: {tags: bottled}}}
    table:
"""


def texts(rows: Mapping[int, str] = TABLE) -> dict[str, str]:
    table = "".join(f"      - if: {row}\n" for row in rows.values())
    return {"pack.yaml": PACK, "repeat.yaml": HEAD + table}


POLICY = load_policy_from_texts(texts())


def insists(**values: Any) -> Ticket:
    """An insistence on a bill, five days old."""
    given = {
        "status": "open", "priority": "normal", "channel": "phone", "requester_email": "ana@example.com",
        "body": "Still no answer about the invoice amount", "created_at": NOW - timedelta(days=5), "tags": ("bottled",),
    }  # fmt: skip
    return Ticket("20", **{**given, **values})


def first(**values: Any) -> Ticket:
    """A request about the bill, due in the future, not answered."""
    given = {
        "status": "in_process", "requester_email": "ANA@example.com", "subject": "The amount of my invoice",
        "created_at": NOW - timedelta(days=20), "due_by": NOW + timedelta(days=1),
    }  # fmt: skip
    return Ticket("10", **{**given, **values})


def follow_up(**values: Any) -> Ticket:
    """A follow-up of the request, not answered, due in the future."""
    given = {
        "status": "open", "type": "Follow-up", "requester_email": "ana@example.com",
        "created_at": NOW - timedelta(days=10), "due_by": NOW + timedelta(days=2),
    }  # fmt: skip
    return Ticket("15", **{**given, **values})


OVERDUE = first(due_by=NOW)


def decide(
    *related: Ticket, ticket: Ticket | None = None, memory: Memory | None = None, policy: Policy = POLICY,
    now: datetime = NOW, done: frozenset[str] = frozenset(),
) -> Decision:  # fmt: skip
    """The rule's answer."""
    beside = Beside(tuple(related), done)
    [decision] = evaluate(policy, ticket or insists(), memory or Memory(), now, beside=beside).decisions
    return decision


def codes(decision: Decision) -> set[str]:
    return {one.code for one in decision.reasons}


# --- the table ------------------------------------------------------------------------------------------------------
def test_within_the_deadline_it_is_told_and_looked_at_again_at_the_deadline_at_the_latest() -> None:
    """One private note with the deadline; later it waits for the exact instant, or an hour where that is sooner."""
    request = first(due_by=NOW + timedelta(minutes=20))
    decision = decide(request)
    assert decision.call is Call.ACT
    [want] = decision.wants
    assert (want.kind, want.text, want.reaches_customer) == (
        "note", "Request 10 is answered by 2026-03-20 12:20.", False
    )  # fmt: skip
    after = decide(request, memory=Memory(done={want.key: NOW.isoformat()}))
    assert (after.call, after.wake_at) == (Call.WAIT, NOW + timedelta(minutes=20))
    later = decide(first(), memory=Memory(done={want.key: NOW.isoformat()}))
    assert later.wake_at == NOW + timedelta(hours=1)


def test_at_the_deadline_a_follow_up_is_created_with_its_typification() -> None:
    """A second before it is told; at the instant it is created, in person becoming e-mail, with what was taken over."""
    ticket = insists(channel="in_person", contract="C-1", requester="Ana")
    assert decide(OVERDUE, ticket=ticket, now=NOW - timedelta(seconds=1)).wants[0].kind == "note"
    [want] = decide(OVERDUE, ticket=ticket).wants
    assert want.kind == "create"
    assert dict(want.changes) == {
        "subject": "Overdue: 10", "body": "Still no answer about the invoice amount", "requester": "Ana",
        "requester_email": "ana@example.com", "channel": "email", "contract": "C-1", "custom.first": "10",
        "type": "Follow-up", "group": "Customers", "priority": "high", "status": "open",
    }  # fmt: skip
    assert want.key == "repeat:10:create:overdue"


def test_a_metered_customer_files_it_and_nothing_is_created() -> None:
    """Only the note."""
    [want] = decide(OVERDUE, ticket=insists(tags=("metered",))).wants
    assert (want.kind, want.text) == ("note", "Ask to file it.")


def test_the_line_is_the_first_requests_where_the_insistence_tells_none() -> None:
    """Facts are asked of the tickets in order."""
    assert decide(replace(OVERDUE, tags=("bottled",)), ticket=insists(tags=())).wants[0].kind == "create"


def test_a_follow_up_that_is_overdue_goes_up_and_creates_nothing() -> None:
    """Assigned, told, raised, noted; each part once."""
    decision = decide(OVERDUE, follow_up(due_by=NOW))
    assert [want.kind for want in decision.wants] == ["assign", "set", "note", "notify"]
    done = Memory(done={want.key: NOW.isoformat() for want in decision.wants})
    assert decide(OVERDUE, follow_up(due_by=NOW), memory=done).call is Call.WAIT


@pytest.mark.parametrize(
    ("answered", "kind"),
    [({"status": "completed"}, "assign"), ({"agent_responded_at": NOW}, "assign"), ({}, "note")],
)
def test_answered_means_finished_or_replied_to(answered: dict[str, Any], kind: str) -> None:
    """Of a follow-up as of a request."""
    assert decide(OVERDUE, follow_up(**answered)).wants[0].kind == kind


def test_without_a_stamped_deadline_business_days_count() -> None:
    """Ten business days after Friday 6 March 10:00 is Friday 20 March 10:00."""
    request = first(due_by=None, created_at=datetime(2026, 3, 6, 10, tzinfo=UTC))
    assert decide(request, now=datetime(2026, 3, 20, 9, 59, 59, tzinfo=UTC)).wants[0].kind == "note"
    assert decide(request, now=datetime(2026, 3, 20, 10, 0, tzinfo=UTC)).wants[0].kind == "create"


# --- what is not known ----------------------------------------------------------------------------------------------
def test_a_row_that_depends_on_an_unknown_fact_is_unknown_and_says_which() -> None:
    """Neither created nor told."""
    decision = decide(OVERDUE, ticket=insists(tags=()))
    assert (decision.call, decision.wants) == (Call.UNKNOWN, ())
    [why] = [one for one in decision.reasons if one.code == "ROW_UNDECIDED"]
    assert why.values["facts"] == ["line"]


def test_rows_that_all_agree_act_although_the_fact_is_not_known() -> None:
    """An overdue and an answered follow-up decide the same: it goes up."""
    unclear = follow_up(due_by=NOW, status=None, raw={"status": "?"})
    assert decide(OVERDUE, unclear).wants[0].kind == "assign"


def test_nobody_looked_is_not_nobody_there() -> None:
    """Without a look-up it can't tell; with one that found nothing it knows."""
    [decision] = evaluate(POLICY, insists(), Memory(), NOW).decisions
    assert (decision.call, "RELATED_UNKNOWN" in codes(decision)) == (Call.UNKNOWN, True)
    assert (decide().call, "NO_EARLIER" in codes(decide())) == (Call.NO, True)


def test_a_request_that_may_be_the_one_keeps_it_from_acting() -> None:
    """Its text is not told by the source, and it is newer than one that fits."""
    unread = Ticket(
        "12", requester_email="ana@example.com", created_at=NOW - timedelta(days=8),
        unknown=frozenset({"subject", "body", "type"}),
    )  # fmt: skip
    decision = decide(OVERDUE, unread)
    assert (decision.call, "FIRST_UNSURE" in codes(decision)) == (Call.UNKNOWN, True)


def test_what_is_needed_for_a_follow_up_is_named_where_it_is_missing() -> None:
    """No half-empty ticket."""
    ticket = insists(requester_email=None, requester_phone="555 123456")
    decision = decide(replace(OVERDUE, requester_phone="(555) 123-456"), ticket=ticket)
    assert (decision.call, "FACTS_MISSING" in codes(decision)) == (Call.UNKNOWN, True)


# --- whose, and what about ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"requester_phone": "+56 9 8765 4321"}, {"requester_phone": "987654321"}),
        ({"contract": "77-12 A"}, {"contract": "7712a"}),
    ],
)
def test_a_customer_is_known_by_phone_or_contract_too(mine: dict[str, str], theirs: dict[str, str]) -> None:
    """However it is written."""
    request = replace(OVERDUE, requester_email=None, **theirs)
    assert decide(request, ticket=insists(requester_email="eva@example.com", **mine)).wants[0].kind == "create"


def test_a_proxy_account_is_nobody() -> None:
    """The front desk's address links nothing."""
    desk = {"requester_email": "Desk@example.com"}
    decision = decide(replace(OVERDUE, **desk), ticket=insists(**desk))
    assert (decision.call, "NO_CUSTOMER" in codes(decision)) == (Call.NO, True)


@pytest.mark.parametrize(
    "other",
    [
        {"subject": "Smell of gas in the kitchen"},
        {"created_at": NOW - timedelta(days=96)},
        {"created_at": NOW - timedelta(days=4)},
        {"requester_email": "eva@example.com"},
        {"gone": "spam"},
        {"body": "Again: the amount of my invoice", "subject": None},
    ],
)
def test_other_tickets_are_no_earlier_request(other: dict[str, Any]) -> None:
    """Another matter, outside the window, later, someone else's, junk, or an insistence itself."""
    assert decide(replace(OVERDUE, **other)).call is Call.NO


def test_an_equal_category_is_the_same_matter() -> None:
    """Whatever the words."""
    ticket = insists(body="still no answer", category="Billing")
    assert decide(replace(OVERDUE, subject="x", category="billing"), ticket=ticket).wants[0].kind == "create"


def test_a_number_on_the_ticket_goes_before_the_search() -> None:
    """Also for another matter; one that can't be found is not guessed."""
    other = replace(OVERDUE, id="11", subject="Smell of gas")
    assert decide(first(), other, ticket=insists(custom={"first": "#11"})).wants[0].kind == "create"
    lost = decide(OVERDUE, ticket=insists(custom={"first": "99"}))
    assert (lost.call, "LINK_NOT_FOUND" in codes(lost)) == (Call.UNKNOWN, True)


def test_a_follow_up_of_another_request_is_none_of_this_one() -> None:
    """By the number it carries."""
    assert decide(OVERDUE, follow_up(custom={"first": "9"})).wants[0].kind == "create"
    assert decide(OVERDUE, follow_up(custom={"first": "10"})).wants[0].kind == "note"


def test_a_follow_up_does_not_insist() -> None:
    """Though it says the words."""
    assert "IS_FOLLOW_UP" in codes(decide(OVERDUE, ticket=insists(type="Follow-up")))


def test_words_said_before_a_follow_up_was_filed_are_not_about_its_answer() -> None:
    """Nothing goes up until the customer speaks again; one still open and overdue does go up."""
    spoke = insists().created_at
    assert spoke is not None
    since = {"created_at": spoke + timedelta(hours=1), "status": "completed"}
    settled = decide(OVERDUE, follow_up(**since))
    assert (settled.call, settled.wants, "ANSWERED_SINCE" in codes(settled)) == (Call.NO, (), True)
    again = replace(insists(), customer_responded_at=spoke + timedelta(hours=2))
    assert decide(OVERDUE, follow_up(**since), ticket=again).call is Call.ACT
    assert decide(OVERDUE, follow_up(**{**since, "created_at": spoke - timedelta(hours=1)})).call is Call.ACT
    late = follow_up(created_at=spoke + timedelta(hours=1), due_by=NOW)
    assert decide(OVERDUE, late).call is Call.ACT


# --- never twice ----------------------------------------------------------------------------------------------------
def test_one_follow_up_of_a_kind_for_each_request() -> None:
    """Done on this ticket, done on another of the customer's, or left to an earlier open insistence: not again."""
    key = "repeat:10:create:overdue"
    assert decide(OVERDUE, memory=Memory(done={key: NOW.isoformat()})).wants == ()
    elsewhere = decide(OVERDUE, done=frozenset({key}))
    assert (elsewhere.wants, "CREATED_BEFORE" in codes(elsewhere)) == ((), True)
    earlier = replace(insists(), id="18", created_at=NOW - timedelta(days=7))
    left = decide(OVERDUE, earlier)
    assert (left.wants, "EARLIER_INSISTENCE" in codes(left)) == ((), True)
    assert decide(OVERDUE, replace(earlier, status="closed")).wants[0].kind == "create"
    assert decide(OVERDUE, insists(), ticket=earlier).wants[0].kind == "create"


def test_a_group_set_by_a_person_after_the_escalation_was_due_stays() -> None:
    """What they set before may be changed: the escalation is the newer will."""
    late = follow_up(due_by=NOW)
    evaluation = evaluate(POLICY, insists(), Memory(), NOW, beside=Beside((OVERDUE, late)))
    memory = remember(Memory(), evaluation, NOW)
    later = NOW + timedelta(hours=2)

    def kinds(at: timedelta) -> list[str]:
        known = replace(memory, human={"group": "Bills"}, extra={**memory.extra, "human_at": {"group": iso(NOW + at)}})
        decision = decide(OVERDUE, late, ticket=insists(group="Bills"), memory=known, now=later)
        return [want.kind for want in decision.wants]

    assert "assign" not in kinds(timedelta(hours=1))
    assert "assign" in kinds(-timedelta(hours=1))


def iso(at: datetime) -> str:
    return at.isoformat()


def test_only_what_may_insist_is_looked_up() -> None:
    """The keys and the window's begin; nothing for other tickets, finished ones, or policies without such rules."""
    found = reach(POLICY, insists(contract="C-1"), Memory(), NOW)
    assert found is not None
    assert found.keys == ("email:ana@example.com", "contract:c1")
    assert found.since == NOW - timedelta(days=95)
    assert reach(POLICY, insists(body="hello"), Memory(), NOW) is None
    assert reach(POLICY, insists(status="completed"), Memory(), NOW) is None
    assert reach(load_policy_from_texts({"pack.yaml": PACK}), insists(), Memory(), NOW) is None


# --- the check ------------------------------------------------------------------------------------------------------
def problems(rows: Mapping[int, str]) -> list[tuple[str, int, str]]:
    return [(one.code, one.line, f"{one.text} {one.hint}") for one in load_texts(texts(rows)).problems]


@pytest.mark.parametrize("number", TABLE)
def test_a_row_deleted_is_named_exactly(number: int) -> None:
    """One problem, in the facts of the row itself."""
    facts = TABLE[number].split("\n")[0].strip("{}").replace(": ", " = ")
    [(code, _, text)] = problems({key: row for key, row in TABLE.items() if key != number})
    assert (code, text.split("decides: ")[1].split(", in rule")[0]) == ("E061", facts)


@pytest.mark.parametrize("number", TABLE)
def test_a_row_doubled_is_named_exactly(number: int) -> None:
    """One problem at the second of the two, with the line of the first and the combinations."""
    facts = TABLE[number].split("\n")[0].strip("{}").replace(": ", " = ")
    [(code, line, text)] = problems({**TABLE, 9: TABLE[number]})
    lines = texts({**TABLE, 9: TABLE[number]})["repeat.yaml"].splitlines()
    places = [at for at, shown in enumerate(lines, 1) if shown == f"      - if: {TABLE[number].split(chr(10))[0]}"]
    assert (code, line) == ("E062", places[1])
    assert f"rows {number} and 9 of the table both decide: {facts}, in rule" in text
    assert text.endswith(f"see line {places[0]}")


def test_all_that_is_wrong_with_a_table_is_told_at_once() -> None:
    """A hole and an overlap together."""
    rows = {key: row for key, row in TABLE.items() if key != 2} | {9: TABLE[1]}
    assert [code for code, _, _ in problems(rows)] == ["E061", "E062"]


@pytest.mark.parametrize(
    ("row", "code", "words"),
    [
        ("{first: maybe}\n        tell: answer", "E064", "'maybe' is no value of first"),
        ("{frist: answered}\n        tell: answer", "E064", "unknown fact 'frist'"),
        ("{follow_up: answered}", "E050", "row 9 decides nothing"),
        (("{follow_up: answered}\n        create: {kind: a, subject: 'a b', body: detail}\n"
         "        escalate: {notify: boss}"), "E050", "row 9 both creates and escalates"),
    ],
)  # fmt: skip
def test_rows_that_make_no_sense_are_refused(row: str, code: str, words: str) -> None:
    """At the row."""
    [(found, _, text)] = problems({**TABLE, 9: row})
    assert found == code
    assert words in text


def test_the_shipped_table_lacks_exactly_the_row_taken_away() -> None:
    """Whichever row of the gas utility's pack is deleted or doubled, its combinations and no others are named."""
    policy = load_policy(Path(__file__).parents[3] / "mappings" / "gas-utility-cl")
    tables = [rule.table for rule in policy.rules if isinstance(rule, RepeatRule)]
    assert len(tables) == 2
    for table in tables:
        never = _bits(table, table.impossible)
        for number, row in enumerate(table.rows):
            left = Table(table.facts, table.rows[:number] + table.rows[number + 1 :], table.impossible)
            assert _bits(left, left.holes()) & ~never == table.set_of(row) & ~never
            [twice] = Table(table.facts, (*table.rows, row), table.impossible).overlaps()
            assert (twice.first, twice.second) == (number, len(table.rows))
            assert _bits(table, twice.cubes) & ~never == table.set_of(row) & ~never


def _bits(table: Table, cubes: Any) -> int:
    found = 0
    for cube in cubes:
        found |= table.set_of(cube)
    return found
