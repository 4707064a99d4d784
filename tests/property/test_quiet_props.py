"""Shortcuts say what the rules say: the rest of a condition, until when it is NO, and rules that tell nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.conditions import Clause
from connector.core.conditions_base import FOREVER
from connector.core.evaluate import evaluate
from connector.core.model import PRIORITIES, STATUSES, Memory, Ticket
from connector.core.policy import Context, Policy
from connector.core.text import PhraseIndex
from connector.core.tri import Tri
from connector.mapping.load import load_policy_from_texts
from tests.property.test_brief_props import agree
from tests.property.test_brief_props import tickets as any_tickets
from tests.property.test_conditions_props import CONDITIONS
from tests.unit.core import rule_kit as kit
from tests.unit.core.condition_samples import NOW, OFFICE, SATURDAYS

_PACK = """
pack: {name: quiet, title: Quiet, language: es, timezone: America/Mexico_City, calendar: office}
calendars:
  office: {timezone: America/Mexico_City, hours: {mon-fri: ["09:00-18:00"]}}
  nights: {timezone: America/Mexico_City, hours: {mon-sun: ["20:00-04:00"]}}
people:
  boss: {group: Jefatura, email: boss@example.com}
  ana: {agent: Ana, email: ana@example.com}
situations:
  - {id: lost, title: Perdido}
"""
#: By kind. A test takes some of them: what one kind wakes for would hide what another forgets.
_KINDS = {
    "sla": """
  - name: workshop
    when: {group: Taller, not: {tags: vip}}
    first_response: {high: 4 business hours, urgent: 2h}
    resolution: 9 business hours
    remind: [{before: 1 business hour, notify: boss}]
  - name: said
    when: {any_phrase: [urgente]}
    calendar: nights
    resolution: {low: 3 business days, normal: 2 business days, high: 1d}
    breach: [{notify: boss}]
  - name: rest
    first_response: 20 business hours
    next_response: 30h
    resolution: 5 business days
    pauses: {first_response: [waiting_customer]}
    remind: [{before: 1d, notify: boss, metrics: [resolution]}, {before: 45 min, notify: boss}]
""",
    "matrix": """
  - {name: all, since: created, depth: {low: 1}, levels: [{after: 2 business days, priority: high},
     {after: 4 business days, notify: boss}]}
  - {name: shop, when: {group: [Taller, Ventas], age: 1h}, since: agent_reply, levels: [{after: 8h, notify: boss}]}
  - {name: lost, situations: [lost], since: escalated, levels: [{after: 3 business hours, notify: boss}]}
""",
    "keepalive": """
  - {name: alive, situations: [lost], when: {not: {group: Ventas}}, follow_up: {after: 7d, every: 7d}}
""",
    "priority": """
  - {name: up, when: {status: open, idle: 5h}, priority: high}
  - {name: down, when: {any: [{group: Ventas}, {type: Queja}]}, priority: low, lower: true}
""",
    "assignment": """
  - {name: to ana, when: {group: Taller, in_status: {under: 2d}}, candidates: [ana], by: first, fallback: boss}
""",
}
_MORE: dict[str, st.SearchStrategy[Any]] = {
    "group": st.sampled_from((None, "", "taller", "Taller", "Ventas", "Otro")),
    "agent": st.sampled_from((None, "", "Ana", "Luis")),
    "type": st.sampled_from((None, "Queja", "Duda")),
    "first_responded_at": st.none() | st.integers(0, 10_000).map(lambda minutes: NOW - timedelta(minutes=minutes)),
}
_HIDDEN = st.frozensets(
    st.sampled_from(("group", "agent", "type", "created_at", "first_responded_at", "status_since")), max_size=2
)
_RAW = st.dictionaries(st.sampled_from(("group", "agent", "status", "agent_responded_at")), st.just("?"), max_size=1)


@cache
def _policy(kinds: frozenset[str]) -> Policy:
    rules = "".join(f"{kind}:{_KINDS[kind]}" for kind in sorted(kinds))
    return load_policy_from_texts({"quiet.yaml": _PACK + rules}, "quiet")


@cache
def _edited(kinds: frozenset[str]) -> Policy:
    """The same pack after an edit by which breaches of a deadline lead to a ladder, and reminders come earlier."""
    rules = "".join(f"{kind}:{_KINDS[kind]}" for kind in sorted(kinds | {"matrix"}))
    rules = rules.replace("    pauses: {first", "    breach: [{notify: boss, matrix: broken}]\n    pauses: {first")
    broken = "  - {name: broken, since: breach, levels: [{after: 1h, notify: boss}]}\n"
    text = (_PACK + rules).replace("matrix:\n  - {name: all", f"matrix:\n{broken}  - {{name: all")
    return load_policy_from_texts({"quiet.yaml": text.replace("before: 45 min", "before: 50 min")}, "quiet")


@st.composite
def tickets(draw: st.DrawFn) -> Ticket:
    """A ticket in any state whose other fields too are known, empty, unknown, or mapped to no word."""
    ticket = draw(any_tickets(("urgente", "es urgente"), ("lost",)))
    if draw(st.integers(0, 3)):  # an ordinary one: much of what is quiet asks for that
        created = NOW - timedelta(minutes=draw(st.integers(0, 3 * 24 * 60)))
        ticket = replace(
            ticket,
            status=draw(st.sampled_from(STATUSES[:4])),
            priority=draw(st.sampled_from(PRIORITIES)),
            created_at=created,
            status_since=created,
            escalation_type=draw(st.sampled_from((None, None, None, "lost"))),
            customer_responded_at=draw(st.sampled_from((None, created))),
            agent_responded_at=draw(st.sampled_from((None, None, NOW - timedelta(hours=1)))),
            unknown=frozenset(),
            raw={},
            gone=None,
        )
    else:
        ticket = replace(ticket, unknown=ticket.unknown | draw(_HIDDEN), raw={**ticket.raw, **draw(_RAW)})
    return replace(ticket, **{name: draw(values) for name, values in _MORE.items()})


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_pack_of_shortcuts_says_what_its_rules_say(data: st.DataObject) -> None:
    """Over several looks: promises made, kept, paused, met and broken, reminders and levels done, fields changed."""
    kinds = data.draw(st.sampled_from(sorted(_KINDS)).map(lambda kind: frozenset((kind,))) | st.just(frozenset(_KINDS)))
    ticket, memory, now = data.draw(tickets()), Memory(first_seen=NOW), NOW
    policy = _policy(kinds)
    for _ in range(5):
        memory = agree(policy, ticket, memory, now)
        evaluation = evaluate(policy, ticket, memory, now, brief=True)
        for decision in evaluation.decisions:
            if decision.wants and data.draw(st.booleans()):
                done = {want.key: now.isoformat() for want in decision.wants}
                memory = replace(memory, done={**memory.done, **done})
        # To where something happens, or just short of it, or anywhere.
        ahead = data.draw(st.sampled_from((timedelta(0), timedelta(seconds=-1), timedelta(minutes=10))))
        anywhere = now + data.draw(st.timedeltas(timedelta(0), timedelta(days=3)))
        wake = evaluation.wake_at
        now = anywhere if wake is None or data.draw(st.booleans()) else max(now, wake + ahead)
        change = data.draw(st.sampled_from(("", "", "status", "answer", "ask", "priority", "group", "edit", "matrix")))
        if change == "status":
            ticket = replace(ticket, status=data.draw(st.sampled_from(STATUSES)), status_since=now)
        elif change == "answer":
            ticket = replace(ticket, agent_responded_at=now - timedelta(minutes=1))
        elif change == "ask":
            ticket = replace(ticket, customer_responded_at=now - timedelta(minutes=1))
        elif change == "priority":
            ticket = replace(ticket, priority=data.draw(st.sampled_from(PRIORITIES)))
        elif change == "group":
            ticket = replace(ticket, group=data.draw(_MORE["group"]))
        elif change == "edit":
            policy = replace(policy, digest=f"{policy.digest}+")
        elif change == "matrix" and "sla" in kinds:
            policy = _edited(kinds)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_rest_of_a_condition_answers_as_the_whole(data: st.DataObject) -> None:
    """Where its atoms have answered, what is left has the same answer and wakes at the same instant; and so `shut`."""
    clause: Clause = data.draw(CONDITIONS)
    phrases = dict(clause.phrases())
    calendars = {"default": OFFICE, "office": OFFICE, "saturdays": SATURDAYS}
    policy = replace(kit.policy(index=PhraseIndex(phrases) if phrases else None), calendars=calendars)
    ctx = Context(policy, data.draw(tickets()), Memory(), NOW)
    tri, wake = clause.test(ctx), clause.wake(ctx)
    shut = None if tri is not Tri.NO else wake or FOREVER
    assert clause.shut(ctx) == shut
    left = clause.left({atom: atom.test(ctx) for atom in clause.atoms()})
    if isinstance(left, Tri):
        assert (left, None) == (tri, wake)
    else:
        assert (left.test(ctx), left.wake(ctx), left.shut(ctx)) == (tri, wake, shut)
