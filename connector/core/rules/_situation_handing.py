"""Whom an escalation hands the ticket to: a person or group of the roster, or whoever an assignment rule chooses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from connector.core.policy import Context
from connector.core.rules._common import done_reason, iso, reason
from connector.core.rules._situation_course import Escalate
from connector.core.rules._steps import Choice, Part, assign_to, chosen_by, forget_choice, keep_choice, kept_choice


@dataclass(frozen=True, slots=True)
class Handing:
    """The assignment of one escalation. `rest_done`: its note, message and register line are done already."""

    ctx: Context
    escalate: Escalate
    episode: str
    start: datetime
    due: datetime
    rest_done: bool

    def part(self) -> tuple[str | None, Part]:
        """(the roster key of who gets the ticket, the assignment or why there is none).

        A choice is kept until all of the escalation is done, so that note, message and register name whoever got it.
        """
        ctx, escalate, key = self.ctx, self.escalate, f"{self.episode}:assign"
        if escalate.to is None and escalate.by is None:
            return None, Part(None)
        if key in ctx.memory.done:
            done = (done_reason(key, ctx.memory),)
            if escalate.by is None:
                return escalate.to, Part(None, done)
            return kept_choice(ctx, key), Part(None, done, keeps=forget_choice(ctx, key) if self.rest_done else {})
        higher = done_assign(ctx, self.start, escalate.level)
        if higher is not None:
            text = "another rule handed it on in this escalation already: it is not brought back down"
            return escalate.to, Part(None, (reason("HANDED_ON", text, key=higher),))
        choice = Choice(escalate.to, ()) if escalate.by is None else chosen_by(ctx, escalate.by, key)
        if choice.person is None:
            return None, Part(None, choice.reasons, unknown=True)
        details = {"level": escalate.level, "kind": escalate.kind, **choice.details}
        part = assign_to(ctx, ctx.policy.people[choice.person], key, self.due, escalate.level, details)
        kept = {} if escalate.by is None else keep_choice(key, choice.person)
        return choice.person, Part(part.want, (*choice.reasons, *part.reasons), part.unknown, {**choice.keeps, **kept})


#: Rules that hand a ticket up by levels of their own, counted from another beginning than the situation's.
_LADDERS = ("matrix:", "sla:")
_LEVEL = re.compile(r":L(\d+):assign$")


def done_assign(ctx: Context, start: datetime, level: int = 1) -> str | None:
    """The key of an assignment done in the escalation that began then, by whatever rule.

    One of a ladder counts by when it was done, since its own beginning may lie before the situation's; a rung below
    `level` does not count.
    """
    mark = f":{iso(start)}:"
    for key in sorted(ctx.memory.done):
        if not key.endswith(":assign"):
            continue
        if mark in key:
            return key
        rung = _LEVEL.search(key)
        high = rung is None or int(rung[1]) >= level
        if high and key.startswith(_LADDERS) and datetime.fromisoformat(ctx.memory.done[key]) >= start:
            return key
    return None
