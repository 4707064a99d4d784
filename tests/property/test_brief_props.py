"""Deciding briefly says what deciding in full says, of whatever must be done, asked or remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.conditions import Clause
from connector.core.evaluate import evaluate, remember
from connector.core.model import CHANNELS, PRIORITIES, STATUSES, Call, Memory, Ticket
from connector.core.policy import Policy, Situation
from connector.core.text import PhraseIndex
from connector.mapping.load import load_policy
from tests.property.test_conditions_props import CONDITIONS
from tests.unit.core import rule_kit as kit
from tests.unit.core.condition_samples import NOW, OFFICE, SATURDAYS

PACKS = sorted(path for path in (Path(__file__).parents[2] / "mappings").iterdir() if (path / "pack.yaml").exists())
_STAMPS = ("created_at", "status_since", "agent_responded_at", "customer_responded_at", "escalated_at", "updated_at")
_INSTANTS = st.integers(-80 * 24 * 60, 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
_HIDEABLE = ("subject", "body", "status", "priority", "channel", "escalation_type", "tags", "agent_responded_at")


@st.composite
def tickets(draw: st.DrawFn, phrases: tuple[str, ...], situations: tuple[str, ...]) -> Ticket:
    """A ticket in any state, some of it unknown, with some of these phrases, perhaps negated, in its texts."""
    said = st.lists(st.sampled_from([*phrases, "no es", "gracias", "la lavadora,", "sin"]), max_size=6).map(" ".join)
    given: dict[str, Any] = {name: draw(st.none() | _INSTANTS) for name in _STAMPS}
    status, priority = draw(st.none() | st.sampled_from(STATUSES)), draw(st.none() | st.sampled_from(PRIORITIES))
    raw = {"status": "Rara"} if status is None and draw(st.booleans()) else {}
    return Ticket(
        "7",
        status=status,
        priority=priority,
        channel=draw(st.none() | st.sampled_from(CHANNELS)),
        subject=draw(st.none() | said),
        body=draw(st.none() | said),
        tags=draw(st.sampled_from([(), ("vip",), *((f"esc:{name}",) for name in situations)])),
        escalation_type=draw(st.none() | st.sampled_from([*situations, "otra cosa"])),
        customer=draw(st.sampled_from([None, "Ana"])),
        custom=draw(st.sampled_from([{}, {"n": 3}, {"n": None}])),
        gone=draw(st.sampled_from([None] * 9 + ["deleted"])),
        autoclose_clock=given["status_since"],
        raw=raw,
        unknown=draw(st.frozensets(st.sampled_from(_HIDEABLE), max_size=2) | st.just(frozenset())),
        **given,
    )


def agree(policy: Policy, ticket: Ticket, memory: Memory, now: datetime) -> Memory:
    """Asserts that brief and full say the same; returns what is remembered after it."""
    full, brief = (evaluate(policy, ticket, memory, now, brief=briefly) for briefly in (False, True))
    speaking = [one for one in full.decisions if one.call in (Call.ACT, Call.UNKNOWN) or one.keeps]
    assert speaking == list(brief.decisions)
    assert full.wake_at == brief.wake_at
    after = remember(memory, full, now)
    assert after == remember(memory, brief, now)
    assert (full.situation, full.situation_since, full.situation_by) == (
        brief.situation,
        brief.situation_since,
        brief.situation_by,
    )
    return after


def _policy(conditions: list[Clause], detect: Clause | None, *, suggest: bool) -> Policy:
    one, two, three, four = conditions
    rules = [
        kit.rule("priority", "p", when=one, priority="high"),
        kit.rule("priority", "q", when=two, priority="low", lower=True),
        kit.rule("matrix", "m", when=three, since="created", levels=({"after": kit.span("2d"), "priority": "urgent"},)),
        kit.rule(
            "matrix", "n", situations=("no-parts",), since="escalated", start=({"when": four, "level": 2},),
            levels=({"after": kit.span("3bd"), "note": "uno"}, {"after": kit.span("5bd"), "note": "dos"}),
        ),
        kit.rule("matrix", "o", since="status", depth={"low": 1}, levels=({"after": kit.span("9bh"), "note": "a"},)),
        kit.rule("keepalive", "k", situations=("no-parts", "damaged"), when=two),
        kit.rule("sla", "s", when=one, resolution=kit.span("3d")),
        kit.rule("sla", "t", when=three, first_response=kit.span("5bh"), resolution=kit.span("2bd")),
        kit.rule("sla", "u", situations=("damaged",), resolution=kit.span("1d")),
        kit.rule("sla", "v", resolution=kit.span("9d")),
    ]  # fmt: skip
    phrases = {name: listed for clause in [*conditions, *filter(None, [detect])] for name, listed in clause.phrases()}
    situations: list[Situation] = [kit.situation("no-parts"), kit.situation("damaged", detect, suggest=suggest)]
    calendars = {"default": OFFICE, "office": OFFICE, "saturdays": SATURDAYS}
    index = PhraseIndex(phrases) if phrases else None
    return replace(kit.policy(*rules, situations=situations, index=index), calendars=calendars)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_brief_agrees_with_full_on_any_policy(data: st.DataObject) -> None:
    """Decisions that speak are equal with every reason, and so are wake_at, the situation and what is remembered."""
    conditions = data.draw(st.lists(CONDITIONS, min_size=4, max_size=4))
    policy = _policy(conditions, data.draw(st.none() | CONDITIONS), suggest=data.draw(st.booleans()))
    for _ in range(3):  # several tickets under one policy: what is worked out once must serve all of them
        ticket = data.draw(tickets(("urgente", "es urgente"), ("no-parts", "damaged")))
        memory = agree(policy, ticket, Memory(), NOW)
        agree(policy, ticket, memory, NOW + data.draw(st.timedeltas(timedelta(0), timedelta(days=20))))


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_brief_agrees_with_full_on_the_shipped_packs(pack: Path, data: st.DataObject) -> None:
    """The same of each pack that is shipped, on tickets that hold its own phrases and situations."""
    policy = _loaded(pack)
    phrases = tuple(
        phrase for rule in policy.rules for one in rule.conditions() for _, listed in one.phrases() for phrase in listed
    )
    ticket = data.draw(tickets(phrases, tuple(policy.situations)))
    memory = agree(policy, ticket, Memory(), NOW)
    agree(policy, ticket, memory, NOW + data.draw(st.timedeltas(timedelta(0), timedelta(days=40))))


_loaded = cache(load_policy)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_brief_agrees_with_full_while_promises_stand(data: st.DataObject) -> None:
    """Also on what was remembered: promises kept, met and broken, seen again later and after an edit."""
    policy = _policy(data.draw(st.lists(CONDITIONS, min_size=4, max_size=4)), None, suggest=True)
    ticket = replace(
        data.draw(tickets(("urgente",), ("no-parts", "damaged"))),
        status=data.draw(st.sampled_from(("open", "in_process", "waiting_customer"))),
        created_at=NOW - timedelta(minutes=data.draw(st.integers(0, 12 * 24 * 60))),
        unknown=frozenset(),
        gone=None,
    )
    memory = agree(policy, ticket, Memory(first_seen=NOW), NOW)
    for _ in range(3):
        now = NOW + data.draw(st.timedeltas(timedelta(0), timedelta(days=10)))
        answered = data.draw(st.none() | st.just(now - timedelta(hours=1)))
        later = replace(ticket, first_responded_at=answered or ticket.first_responded_at)
        memory = agree(data.draw(st.sampled_from((policy, replace(policy, digest="edited")))), later, memory, now)
