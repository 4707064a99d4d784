"""What lint concludes from conditions is so for every ticket; and it does conclude the things admins get wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.lint_logic import Reading, swallowed
from connector.core.meaning import meaning_of
from connector.core.policy import Context
from connector.core.tri import Tri
from tests.unit.core.condition_samples import NOW, context, when

READING = Reading(("no-parts", "damaged"))
_SPANS = st.sampled_from(["6h", "1d", "36h", "3d", "2 business days", "12 business hours"])
_CLOCKS = ("age", "idle", "in_status", "since_agent_reply")


@st.composite
def _clock(draw: st.DrawFn) -> str:
    name, span = draw(st.sampled_from(_CLOCKS)), draw(_SPANS)
    return draw(st.sampled_from([f"{name}: {span}", f"{name}: {{under: {span}}}"]))


_LEAVES = _clock() | st.sampled_from([
    "status: open", "status: [open, in_process]", "channel: [email]", "any_phrase: [urgente]",
    "any_phrase: [muy urgente, roto]", "all_phrases: [urgente, roto]", "no_phrase: [urgente]", "filled: customer",
    "empty: [customer, product]", "unanswered: true", "custom.n: {at_least: 3}", "custom.n: {at_most: 2}",
    "custom.n: [5, x]", "situation: any", "situation: none", "situation: [no-parts]", "tags: vip",
    "tags: [vip, prensa]", "customer: [x, y]", "customer: X", "filled: tags",
])  # fmt: skip


def _joined(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda some: "all: [" + ", ".join(f"{{{one}}}" for one in some) + "]"),
        several.map(lambda some: "any: [" + ", ".join(f"{{{one}}}" for one in some) + "]"),
        children.map(lambda one: f"not: {{{one}}}"),
    )


_CONDITIONS = st.recursive(_LEAVES, _joined, max_leaves=4)


@st.composite
def _tickets(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a ticket whose stamps are in an order that real ones are in."""
    created = NOW - timedelta(hours=draw(st.integers(0, 200)))
    later = st.integers(0, 200).map(lambda hours: min(NOW, created + timedelta(hours=hours)))
    stamps: dict[str, datetime | None] = {"created_at": created, "status_since": draw(later)}
    stamps |= {name: draw(st.none() | later) for name in ("agent_responded_at", "customer_responded_at")}
    return {
        **stamps,
        "status": draw(st.sampled_from([None, "open", "in_process", "closed"])),
        "channel": draw(st.sampled_from([None, "email", "phone"])),
        "subject": draw(st.sampled_from([None, "muy urgente", "no es urgente", "roto y urgente", "roto"])),
        "customer": draw(st.sampled_from([None, "x", "z"])),
        "product": draw(st.sampled_from([None, "p"])),
        "tags": draw(st.sampled_from([(), ("vip",), ("prensa", "otra")])),
        "custom": draw(st.sampled_from([{}, {"n": 5}, {"n": 2}, {"n": "?"}, {"n": None}, {"n": "x"}])),
        "situation": draw(st.sampled_from([None, "no-parts", "damaged"])),
        "unknown": draw(st.frozensets(st.sampled_from(["status", "subject", "tags", "customer"]), max_size=2)),
    }


def _asked(text: str, ticket: dict[str, Any]) -> Tri:
    fields = dict(ticket)
    situation: str | None = fields.pop("situation")
    clause = when(text)
    ctx: Context = context(clause, situation=situation, **fields)
    return clause.test(ctx)


@given(_CONDITIONS, _CONDITIONS, st.lists(_tickets(), min_size=5, max_size=5))
@settings(max_examples=100, deadline=None)
def test_conclusions_hold_for_every_ticket(one: str, other: str, tickets: list[dict[str, Any]]) -> None:
    """Impossible conditions never hold, and what is implied holds wherever its premise does."""
    first, second = meaning_of(when(one)), meaning_of(when(other))
    both, implied = READING.impossible(first, second), READING.implies([first], [second])
    for ticket in tickets:
        holds, follows = _asked(one, ticket) is Tri.YES, _asked(other, ticket) is Tri.YES
        assert not (both and holds and follows)
        assert follows or not (implied and holds)


@given(_CONDITIONS, _tickets())
@settings(max_examples=100, deadline=None)
def test_taking_apart_loses_nothing(text: str, ticket: dict[str, Any]) -> None:
    """A condition that holds for some ticket has a case left, and implies itself."""
    if _asked(text, ticket) is Tri.YES:
        meaning = meaning_of(when(text))
        assert READING.cases(meaning) != ()
        assert READING.implies([meaning], [meaning])


@pytest.mark.parametrize(
    "text",
    [
        "all: [{status: open}, {not: {status: open}}]",
        "{status: open, not: {status: [open, closed]}}",
        "{age: {under: 4h}, all: [{age: 24h}]}",
        "{age: {under: 4h}, in_status: 5h}",
        "{idle: 3d, in_status: {under: 1d}}",
        "{age: {under: 4h}, in_situation: 0h, since_agent_reply: 4h}",
        "{in_status: {under: 8h}, all: [{in_status: 8 business hours}]}",
        "{age: {under: 3d}, all: [{age: 5 business days}]}",
        "{situation: none, all: [{situation: damaged}]}",
        "{situation: any, all: [{situation: none}]}",
        "{any_phrase: [roto], no_phrase: [roto, otro]}",
        "{any_phrase: [muy urgente], no_phrase: [urgente]}",
        "{any_phrase: [muy URGENTE], not: {any_phrase: [urgente]}}",
        "{customer: Ana, empty: customer}",
        "{customer: Ana, not: {customer: [ÁNA, eva]}}",
        "{tags: vip, empty: tags}",
        "{tags: vip, not: {tags: [vip, prensa]}}",
        "{custom.n: {at_least: 3}, all: [{custom.n: {at_most: 2}}]}",
        "{unanswered: true, not: {unanswered: true}}",
        "{priority: low, empty: priority}",
        "{not: {any: [{status: open}, {priority: low}]}, priority: low}",
    ],
)
def test_contradictions_are_seen(text: str) -> None:
    """Each of these can hold for no ticket at all."""
    assert READING.impossible(meaning_of(when(text if text.startswith("{") else f"{{{text}}}")))


@pytest.mark.parametrize(
    "text",
    [
        "{age: {under: 24h}, in_status: 4h}",
        "{age: 3d, in_status: {under: 1h}}",
        "{age: {under: 3d}, all: [{age: 3 business days}]}",
        "{in_situation: 30d, age: {under: 1d}}",
        "{not: {since_agent_reply: 1h}, all: [{not: {since_agent_reply: {under: 2h}}}]}",
        "{any_phrase: [urgente], no_phrase: [muy urgente]}",
        "{any_phrase: [no funciona], no_phrase: [funciona]}",
        "{tags: vip, all: [{tags: prensa}]}",
        "{custom.n: [5], all: [{custom.n: [6]}]}",
        "{any: [{status: open}, {status: closed}], not: {status: open}}",
        "{any_phrase_in: {subject: [urgente]}, no_phrase: [roto]}",
    ],
)
def test_what_can_hold_is_left_alone(text: str) -> None:
    """Each of these holds for some ticket, close as it may look to a contradiction."""
    assert not READING.impossible(meaning_of(when(text)))


@pytest.mark.parametrize(
    ("stronger", "weaker", "expected"),
    [
        ("{status: open, channel: email}", "{status: [open, closed]}", True),
        ("{status: open}", "{status: open, channel: email}", False),
        ("{age: 3d}", "{age: 72h}", True),
        ("{age: 71h}", "{age: 3d}", False),
        ("{any_phrase: [muy urgente]}", "{any_phrase: [urgente]}", True),
        ("{any_phrase: [urgente]}", "{any_phrase: [muy urgente]}", False),
        ("{any_phrase: [ya no funciona]}", "{any_phrase: [funciona]}", False),
        ("{any_phrase: [muy urgente, roto]}", "{any_phrase: [urgente]}", False),
        ("{any_phrase_in: {subject: [roto]}}", "{any_phrase: [roto]}", True),
        ("{any_phrase: [roto]}", "{any_phrase_in: {subject: [roto]}}", False),
        ("{all_phrases: [roto, urgente]}", "{any_phrase: [roto]}", True),
        ("{no_phrase: [urgente]}", "{no_phrase: [muy urgente]}", True),
        ("{tags: vip}", "{filled: tags}", True),
        ("{customer: Ana}", "{filled: customer}", True),
        ("{situation: damaged}", "{situation: any}", True),
        ("{situation: any}", "{situation: [no-parts, damaged]}", True),
        ("{custom.n: {at_least: 5}}", "{custom.n: {at_least: 3}}", True),
        ("{any: [{status: open}, {age: 3d}]}", "{any: [{age: 1d}, {status: open}]}", True),
        ("{any: [{status: open}, {age: 3d}]}", "{age: 3d}", False),
    ],
)
def test_implications(stronger: str, weaker: str, expected: bool) -> None:
    """What one condition says of another, both ways."""
    assert expected is READING.implies([meaning_of(when(stronger))], [meaning_of(when(weaker))])


def test_too_many_branches_are_passed_over() -> None:
    """A condition with thousands of branches is called neither impossible nor implied, and takes no time."""
    branches = ", ".join(
        f"{{any: [{{tags: a{number}}}, {{customer: b{number}}}, {{product: c{number}}}]}}" for number in range(20)
    )
    meaning = meaning_of(when(f"{{all: [{branches}]}}"))
    assert READING.cases(meaning) is None
    assert not READING.impossible(meaning)
    assert not READING.implies([meaning], [meaning])


def test_swallowed_phrases() -> None:
    """A phrase is swallowed by one inside it, unless that one would be negated there."""
    assert swallowed("muy urgente", frozenset(("urgente", "roto"))) == "urgente"
    assert swallowed("ya no funciona", frozenset(("no funciona",))) == "no funciona"
    assert swallowed("no funciona", frozenset(("funciona",))) is None
    assert swallowed("urgente", frozenset(("urgentemente",))) is None
    assert swallowed("urgente", frozenset()) is None
