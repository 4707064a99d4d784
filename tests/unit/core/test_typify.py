"""Rules of kind `typify`: each field that is not as it should be, once, and nothing that a person set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.core.evaluate import evaluate
from connector.core.model import Call, Decision, Memory, Ticket
from connector.mapping.load import load_policy_from_texts, load_texts

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
PACK = """
pack: {name: p, language: en, timezone: UTC}
people: {owners: {group: Customers}}
texts: {lacks: "Missing: #FACTS#"}
typify:
  - name: debt
    when: {any_phrase: not my debt}
    set: {type: Complaint, custom.level: Collection}
    group: owners
    priority: high
    channels: {in_person: email}
    description: {needs: [requester, requester_phone], missing: lacks}
"""
POLICY = load_policy_from_texts({"pack.yaml": PACK})


def decide(memory: Memory | None = None, **values: Any) -> Decision:
    given = {"status": "open", "priority": "normal", "channel": "in_person", "body": "That is not my debt", **values}
    [decision] = evaluate(POLICY, Ticket("1", **given), memory or Memory(), NOW).decisions
    return decision


def changes(decision: Decision) -> dict[str, Any]:
    return {name: value for want in decision.wants for name, value in want.changes.items()}


def test_all_fields_are_set_and_what_lacks_is_listed_once() -> None:
    """In person becomes e-mail; owner by assignment; one note with the missing facts."""
    decision = decide()
    assert changes(decision) == {
        "type": "Complaint", "custom.level": "Collection", "group": "Customers", "channel": "email", "priority": "high",
    }  # fmt: skip
    assert [want.text for want in decision.wants if want.kind == "note"] == ["Missing: requester, requester_phone"]
    assert {want.kind for want in decision.wants if "group" in want.changes} == {"assign"}
    done = Memory(done={want.key: NOW.isoformat() for want in decision.wants})
    assert decide(done).call is Call.NO


def test_what_is_right_already_is_left_alone() -> None:
    """Whatever the case and accents; another channel is no matter; a higher priority stays."""
    decision = decide(
        type="complaint", group="customers", channel="phone", priority="urgent", custom={"level": "Collection"},
        requester="Ana", requester_phone="555",
    )  # fmt: skip
    assert (decision.call, decision.wants) == (Call.NO, ())


def test_what_a_person_set_stays() -> None:
    """The rest is still set."""
    decision = decide(Memory(human={"type": "Question", "group": "Bills"}), type="Question", group="Bills")
    assert set(changes(decision)) == {"custom.level", "channel", "priority"}


def test_a_field_the_source_does_not_tell_is_not_written() -> None:
    """UNKNOWN where nothing else is wanted."""
    decision = decide(
        unknown=frozenset({"type", "group", "custom", "priority"}), channel="phone", requester="Ana",
        requester_phone="555", priority=None,
    )  # fmt: skip
    assert (decision.call, decision.wants) == (Call.UNKNOWN, ())


def test_other_tickets_are_none_of_it() -> None:
    """The condition decides."""
    assert decide(body="I will pay my debt").call is Call.NO


@pytest.mark.parametrize("rule", ["{name: x, when: {subject: y}}"])
def test_a_rule_that_changes_nothing_is_refused(rule: str) -> None:
    """With what it could change."""
    [problem] = load_texts({"p.yaml": f"pack: {{name: p}}\ntypify: [{rule}]\n"}).problems
    assert problem.code == "E050"
