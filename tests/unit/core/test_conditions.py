"""Every operator: when it says yes, no and unknown, and which reason it gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.core.conditions import OPERATORS
from connector.core.model import Memory
from connector.core.spec import Text
from connector.core.tri import Tri
from tests.unit.core.condition_samples import NOW, context, when

YES, NO, UNKNOWN = Tri.YES, Tri.NO, Tri.UNKNOWN
DAY = timedelta(days=1)

CASES: list[tuple[str, dict[str, Any], Tri]] = [
    # words
    ("status: open", {"status": "open"}, YES),
    ("status: [open, closed]", {"status": "closed"}, YES),
    ("status: open", {"status": "closed"}, NO),
    ("status: open", {}, NO),
    ("status: open", {"raw": {"status": "77"}}, UNKNOWN),
    ("status: open", {"status": "open", "unknown": frozenset({"status"})}, UNKNOWN),
    ("channel: twitter", {"unknown": frozenset({"channel"})}, UNKNOWN),
    # texts
    ("group: Supervision", {"group": "SUPERVISIÓN "}, YES),
    ("group: Ventas", {"group": "Ventas Norte"}, NO),
    ("customer: Muñoz", {"customer": "munoz"}, NO),
    ("customer: MUÑOZ", {"customer": "mun\u0303oz"}, YES),
    ("product: x", {}, NO),
    ("product: x", {"unknown": frozenset({"product"})}, UNKNOWN),
    ("type: 010", {"type": "010"}, YES),
    ("tags: [vip, prensa]", {"tags": ("Prensa",)}, YES),
    ("tags: vip", {"tags": ()}, NO),
    ("tags: vip", {"unknown": frozenset({"tags"})}, UNKNOWN),
    # custom
    ("custom.serie: [A1, B2]", {"custom": {"serie": "b2"}}, YES),
    ("custom.serie: A1", {"custom": {"serie": None}}, NO),
    ("custom.serie: A1", {"custom": {}}, UNKNOWN),
    ("custom.n: 3", {"custom": {"n": "3.0"}}, YES),
    ("custom.n: 3", {"custom": {"n": True}}, NO),
    ("custom.ok: true", {"custom": {"ok": True}}, YES),
    ("custom.ok: true", {"custom": {"ok": "TRUE"}}, YES),
    ("custom.ok: true", {"custom": {"ok": 1}}, NO),
    ("custom.many: b", {"custom": {"many": ["a", "b"]}}, YES),
    ("custom.n: {at_least: 3, at_most: 9}", {"custom": {"n": 9}}, YES),
    ("custom.n: {at_least: 3}", {"custom": {"n": 2.5}}, NO),
    ("custom.n: {at_least: 3}", {"custom": {"n": "many"}}, UNKNOWN),
    ("custom.n: {at_least: 3}", {"custom": {"n": "nan"}}, UNKNOWN),
    ("custom.n: {at_least: 0}", {"custom": {"n": ""}}, NO),
    # phrases
    ("any_phrase: [no funciona]", {"subject": "NO\nFUNCIONA!!"}, YES),
    ("any_phrase: [no funciona]", {"body": "no funcionaba"}, NO),
    ("any_phrase: [urgente]", {"body": "no es urgente"}, NO),
    ("any_phrase: [urgente]", {"subject": "no es urgente", "body": "Urgente"}, YES),
    ("any_phrase: [urgente]", {"subject": "hola", "unknown": frozenset({"body"})}, UNKNOWN),
    ("any_phrase: [urgente]", {"unknown": frozenset({"subject"}), "body": "urgente"}, YES),
    ("all_phrases: [reembolso, abogado]", {"subject": "reembolso", "body": "mi abogado"}, YES),
    ("all_phrases: [reembolso, abogado]", {"subject": "reembolso"}, NO),
    ("all_phrases: [reembolso, abogado]", {"subject": "reembolso", "unknown": frozenset({"body"})}, UNKNOWN),
    ("all_phrases: [año, AÑO]", {"subject": "un año"}, YES),
    ("no_phrase: [urgente]", {"body": "no es urgente"}, YES),
    ("no_phrase: [urgente]", {"body": "es urgente"}, NO),
    ("no_phrase: [urgente]", {"unknown": frozenset({"body"})}, UNKNOWN),
    ("any_phrase_in: {subject: [urgente]}", {"body": "urgente"}, NO),
    ("any_phrase_in: {subject: [urgente], body: [abogado]}", {"body": "mi abogado"}, YES),
    ("any_phrase_in: {subject: [urgente]}", {"subject": "hola", "unknown": frozenset({"body"})}, NO),
    # ages
    ("age: 3d", {"created_at": NOW - 3 * DAY}, YES),
    ("age: 3d", {"created_at": NOW - 3 * DAY + timedelta(seconds=1)}, NO),
    ("age: {under: 3d}", {"created_at": NOW - 3 * DAY}, NO),
    ("age: {under: 3d}", {"created_at": NOW - 2 * DAY}, YES),
    ("age: {over: 1d, under: 3d}", {"created_at": NOW - 2 * DAY}, YES),
    ("age: 3d", {"unknown": frozenset({"created_at"})}, UNKNOWN),
    ("age: 3d", {"created_at": datetime.max.replace(tzinfo=UTC)}, UNKNOWN),
    ("age: 2 business days", {"created_at": NOW - 5 * DAY}, YES),  # Friday noon + 2 = Tuesday noon
    ("age: 4 business days", {"created_at": NOW - 5 * DAY}, NO),
    ("age: 3 business hours", {"created_at": NOW.replace(hour=3)}, YES),
    ("age: 4 business hours", {"created_at": NOW.replace(hour=3)}, NO),
    ("age: {over: 1 business days, calendar: saturdays}", {"created_at": NOW - 2 * DAY}, NO),
    ("since_agent_reply: 1d", {}, NO),
    ("since_agent_reply: 1d", {"agent_responded_at": NOW - DAY}, YES),
    ("since_customer_reply: 1d", {"customer_responded_at": NOW}, NO),
    ("in_status: 1d", {"status_since": NOW - DAY}, YES),
    ("idle: 1d", {"created_at": NOW - 9 * DAY, "agent_responded_at": NOW}, NO),
    ("idle: 1d", {"created_at": NOW - 9 * DAY, "updated_at": NOW}, YES),
    ("idle: 1d", {"created_at": NOW - 9 * DAY, "updated_at": NOW, "unknown": frozenset({"agent_responded_at"})}, NO),
    # the rest
    ("unanswered: true", {}, YES),
    ("unanswered: true", {"agent_responded_at": NOW, "customer_responded_at": NOW - DAY}, NO),
    ("unanswered: true", {"agent_responded_at": NOW - DAY, "customer_responded_at": NOW}, YES),
    ("unanswered: false", {"agent_responded_at": NOW}, YES),
    ("unanswered: true", {"unknown": frozenset({"agent_responded_at"})}, UNKNOWN),
    ("empty: [customer, product]", {"customer": "a", "product": "b"}, NO),
    ("empty: [customer, product]", {"customer": "a"}, YES),
    ("filled: [customer, product]", {"customer": "a"}, NO),
    ("filled: [customer, product]", {"customer": "a", "unknown": frozenset({"product"})}, UNKNOWN),
    ("filled: [customer, product]", {"unknown": frozenset({"product"})}, NO),
    ("filled: custom.x", {"custom": {"x": "1"}}, YES),
    ("empty: agent_responded_at", {}, YES),
    # joined
    ("{status: open, channel: email}", {"status": "open", "channel": "email"}, YES),
    ("{status: open, channel: email}", {"status": "open", "unknown": frozenset({"channel"})}, UNKNOWN),
    ("{status: open, channel: email}", {"status": "closed", "unknown": frozenset({"channel"})}, NO),
    ("any: [{status: open}, {channel: email}]", {"status": "open", "unknown": frozenset({"channel"})}, YES),
    ("any: [{status: open}, {channel: email}]", {"status": "closed", "unknown": frozenset({"channel"})}, UNKNOWN),
    ("not: {status: open}", {"status": "closed"}, YES),
    ("not: {status: open}", {"unknown": frozenset({"status"})}, UNKNOWN),
    ("all: [{status: open}, {not: {channel: email}}]", {"status": "open", "channel": "chat"}, YES),
]


@pytest.mark.parametrize(("text", "fields", "expected"), CASES)
def test_answer(text: str, fields: dict[str, Any], expected: Tri) -> None:
    """`test` and `tell` give the same, right answer, and `tell` gives at least one coded reason."""
    clause = when(text)
    ctx = context(clause, **fields)
    told = clause.tell(ctx)
    assert expected is clause.test(ctx)
    assert expected is told.tri
    assert all(reason.code and reason.text for reason in told.flat())


def test_our_own_change_is_no_activity() -> None:
    """Where only `updated_at` could tell and the daemon itself made that change, idle time is unknown."""
    clause = when("idle: 1d")
    fields = {"created_at": NOW - 9 * DAY, "updated_at": NOW, "unknown": frozenset({"agent_responded_at"})}
    ctx = context(clause, **fields)
    ctx.memory = Memory(own_updated_at=("2026-03-11T12:00:00Z",))
    assert UNKNOWN is clause.test(ctx)
    ctx.memory = Memory(own_updated_at=("2026-03-11T11:00:00Z",))
    assert NO is clause.test(ctx)


SITUATIONS = [
    ("situation: no-parts", "no-parts", YES),
    ("situation: [no-parts]", "damaged", NO),
    ("situation: any", "damaged", YES),
    ("situation: any", None, NO),
    ("situation: none", None, YES),
    ("situation: none", "damaged", NO),
]


@pytest.mark.parametrize(("text", "situation", "expected"), SITUATIONS)
def test_situation(text: str, situation: str | None, expected: Tri) -> None:
    """The ticket's situation, any one, or none."""
    clause = when(text)
    assert expected is clause.test(context(clause, situation=situation))


def test_a_situation_that_cannot_be_read_is_unknown() -> None:
    """An escalation field with a value that is no situation of the policy could mean anything."""
    clause = when("situation: none")
    assert UNKNOWN is clause.test(context(clause, escalation_type="something else"))


def test_time_in_situation_counts_from_its_start() -> None:
    """`in_situation` runs from the start of the episode, and does not run outside any."""
    clause = when("in_situation: 2d")
    assert YES is clause.test(context(clause, situation="no-parts", escalated_at=NOW - 2 * DAY))
    assert UNKNOWN is clause.test(context(clause, situation="no-parts"))
    assert NO is clause.test(context(clause))


def test_reason_of_a_phrase_names_phrase_field_offset_and_negation() -> None:
    """All matches are listed, the negated ones too."""
    clause = when("any_phrase: [urgente]")
    told = clause.tell(context(clause, subject="no es urgente", body="Sí: ¡URGENTE!"))
    assert told.reason.code == "KEYWORD"
    assert told.reason.values["matches"] == [
        {"phrase": "urgente", "field": "subject", "start": 6, "end": 13, "negated": True},
        {"phrase": "urgente", "field": "body", "start": 5, "end": 12, "negated": False},
    ]
    assert "negated" in told.reason.text


def test_reason_of_an_age_names_start_elapsed_threshold_and_instant() -> None:
    """An age shows since when it counts, how much has passed, what was asked, and when that is reached."""
    clause = when("age: {over: 2 business days, under: 10d}")
    reason = clause.tell(context(clause, created_at=NOW - DAY)).reason
    assert reason.code == "AGE"
    assert reason.values["start"] == "2026-03-10T12:00:00+00:00"
    assert reason.values["elapsed_seconds"] == 86_400
    assert reason.values["business_seconds"] == 9 * 3_600
    assert reason.values["over"] == "2 business days"
    assert reason.values["over_reached_at"] == "2026-03-12T12:00:00+00:00"
    assert reason.values["under_reached_at"] == "2026-03-20T12:00:00+00:00"


def test_reason_of_an_unmapped_code_names_the_code() -> None:
    """An unknown word says which code of the helpdesk is not mapped."""
    clause = when("status: open")
    reason = clause.tell(context(clause, raw={"status": "77"})).reason
    assert reason.code == "STATUS"
    assert reason.values["raw"] == "77"


def test_reason_keeps_what_customers_wrote_to_itself() -> None:
    """Subject and body are compared, not repeated."""
    clause = when("subject: secreto")
    told = clause.tell(context(clause, subject="mi número es 12345"))
    assert "12345" not in str(told)


def test_children_are_told_in_the_order_they_were_written() -> None:
    """Cheap conditions are asked first; the explanation keeps the admin's order."""
    clause = when("{any_phrase: [hola], age: 1d, status: open}")
    told = clause.tell(context(clause, status="closed"))
    assert [reason.code for reason in told.flat()] == ["KEYWORD", "AGE", "STATUS"]


def test_wake_is_when_the_joined_answer_changes_not_a_part_of_it() -> None:
    """A part that changes without changing the whole does not wake anyone."""
    start = {"created_at": NOW - DAY}
    both = when("{age: 2d, status: open}")
    assert both.wake(context(both, status="open", **start)) == NOW + DAY
    assert both.wake(context(both, status="closed", **start)) is None
    either = when("any: [{age: 2d}, {age: {under: 5d}}]")
    assert either.wake(context(either, **start)) is None
    window = when("age: {over: 2d, under: 3d}")
    assert window.wake(context(window, **start)) == NOW + DAY
    assert window.wake(context(window, now=NOW + DAY, **start)) == NOW + 2 * DAY
    assert window.wake(context(window, now=NOW + 2 * DAY, **start)) is None
    never = when("not: {age: {over: 4d, under: 5 business hours}}")
    assert never.wake(context(never, **start)) is None


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_operator_has_a_sentence_and_an_example_that_loads(name: str) -> None:
    """The registry is closed and documented."""
    operator = OPERATORS[name]
    assert operator.doc.endswith(".")
    assert operator.example.startswith(f"{name}: ") or name == "custom.X"
    if name != "situation" or "no-" not in operator.example:
        when(operator.example)


def test_every_text_field_operator_takes_texts() -> None:
    """`group` and `agent` take roster keys besides names."""
    for name in ("group", "agent"):
        assert Text(roster=name) == OPERATORS[name].type.of  # type: ignore[union-attr]
