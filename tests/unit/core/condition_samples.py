"""Small policies, tickets and contexts for the tests of conditions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connector.core.conditions import Clause
from connector.core.model import Memory, Ticket
from connector.core.policy import Context, Policy
from connector.core.spec import When
from connector.core.text import PhraseIndex
from connector.core.worktime import WorkCalendar
from connector.mapping.names import Names
from connector.mapping.nodes import compose
from connector.mapping.parse import Parser
from connector.mapping.problems import Problem, render

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)  # a Wednesday
OFFICE = WorkCalendar("UTC", {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")})
SATURDAYS = WorkCalendar("UTC", {"sat": [["09:00", "18:00"]]})


def when(text: str) -> Clause:
    """The condition of a YAML text; fails where it has problems."""
    problems: list[Problem] = []
    names = Names(calendars={"office", "saturdays"}, situations={"no-parts": "No parts", "damaged": "Damaged"})
    node, wrong = compose(text, "when.yaml")
    assert node is not None
    parser = Parser(names, problems)
    parser.what = "the test"
    clause = parser.parse(node, When())
    assert render([*wrong, *problems]) == ""
    assert isinstance(clause, Clause)
    return clause


def context(clause: Clause, *, now: datetime = NOW, situation: str | None = None, **fields: Any) -> Context:
    """A ticket with these fields, under a policy that searches the condition's phrases."""
    phrases = dict(clause.phrases())
    policy = Policy(
        name="test",
        digest="0",
        calendars={"office": OFFICE, "saturdays": SATURDAYS},
        default_calendar="office",
        index=PhraseIndex(phrases) if phrases else None,
    )
    ctx = Context(policy, Ticket("1", **fields), Memory(), now)
    ctx.situation, ctx.situation_by = situation, "field" if situation else None
    ctx.situation_since = fields.get("escalated_at") if situation else None
    return ctx
