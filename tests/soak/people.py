"""What customers and agents do in a month, drawn from one seed: (instant, emulator event) in order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from connector.demo.texts import ESCALATED, EVERYDAY
from tests.soak.centre import (
    AGENTS,
    CLOSED,
    COMPLETED,
    GROUPS,
    IN_PROCESS,
    OPEN,
    REPLIES,
    RESOLVED,
    SITUATIONS,
    START,
    WAITING,
    fields_of,
    ticket,
)  # fmt: skip

Event = tuple[datetime, dict[str, Any]]


def script(draw: random.Random, seed: dict[str, Any], days: int) -> list[Event]:
    """Three in five tickets have a life of a few events; newcomers arrive; the others are left alone."""
    ids = [one["id"] for one in seed["tickets"]]
    events: list[Event] = []
    for one in seed["tickets"]:
        if draw.random() < 0.6:
            for _ in range(draw.randrange(1, 5)):
                events += _deed(draw, one, _when(draw, days), ids)
    for _ in range(max(2, len(ids) // 8)):
        events += _newcomer(draw, days)
    return sorted(events, key=lambda entry: (entry[0], str(entry[1])))


def _when(draw: random.Random, days: int) -> datetime:
    return START + timedelta(minutes=draw.randrange(5, 24 * 60 * days - 120), seconds=draw.randrange(60))


def _deed(draw: random.Random, one: dict[str, Any], at: datetime, ids: list[int]) -> Iterator[Event]:
    number = one["id"]
    back = at + timedelta(hours=draw.randrange(1, 60), minutes=draw.randrange(60))

    def by_agent(**event: Any) -> dict[str, Any]:
        return {"ticket": number, "by": "agent", "agent": AGENTS[draw.choice(list(AGENTS))], **event}

    match draw.choices(
        ("reply", "note", "answer", "priority", "agent", "group", "wait", "close", "resolve", "complete", "escalate",
         "calm", "spam", "delete", "merge", "rate", "again"),
        weights=(20, 8, 8, 9, 7, 5, 8, 4, 2, 3, 4, 2, 1, 1, 2, 2, 6),
    )[0]:  # fmt: skip
        case "reply":
            yield at, {"ticket": number, "by": "customer", "reply": draw.choice(REPLIES)}
            if draw.random() < 0.8:
                yield back, by_agent(set={"status": IN_PROCESS})
        case "note":
            yield at, by_agent(note="El centro de servicio promete respuesta esta semana.")
        case "answer":
            yield at, by_agent(reply="Seguimos con su caso.")
        case "priority":
            yield at, by_agent(set={"priority": draw.choice((1, 2, 3, 4))})
        case "agent":
            yield at, by_agent(set={"responder_id": draw.choice(list(AGENTS))})
        case "group":
            yield at, by_agent(set={"group_id": draw.choice(list(GROUPS))})
        case "wait":
            yield at, by_agent(set={"status": WAITING})
            yield back, by_agent(set={"status": IN_PROCESS})
        case "close":
            yield at, by_agent(set={"status": CLOSED})
        case "resolve":
            yield at, by_agent(set={"status": RESOLVED})
            yield back, {"ticket": number, "by": "customer", "reply": draw.choice(REPLIES)}
            yield back + timedelta(hours=3), by_agent(set={"status": IN_PROCESS})
        case "complete":  # a person uses the toggle's status himself
            yield at, by_agent(set={"status": COMPLETED})
            if draw.random() < 0.5:
                yield back, by_agent(set={"status": IN_PROCESS})
        case "escalate":
            dated = at if draw.random() < 0.7 else None
            yield at, by_agent(set={"status": IN_PROCESS, "custom_fields": fields_of(draw.choice(SITUATIONS), dated)})
        case "calm":
            yield at, by_agent(set={"custom_fields": {"cf_escalation_type": None, "cf_escalated_on": None}})
        case "spam":
            yield at, by_agent(spam=True)
        case "delete":
            yield at, by_agent(delete=True)
            if draw.random() < 0.5:
                yield back, by_agent(restore=True)
        case "merge":
            other = draw.choice(ids)
            if other != number:
                yield at, by_agent(merge_into=other)
        case "rate":
            yield at, {"ticket": number, "by": "customer", "rating": draw.choice((-103, 100, 103))}
        case _:  # two edits within the hour, and an agent who undoes what was done
            yield at, by_agent(set={"priority": draw.choice((1, 4))})
            yield at + timedelta(minutes=7), by_agent(set={"priority": 2, "responder_id": draw.choice(list(AGENTS))})
            yield back, by_agent(set={"group_id": 7001})


def _newcomer(draw: random.Random, days: int) -> Iterator[Event]:
    at = _when(draw, days)
    situation = draw.choice([*SITUATIONS, None, None, None, None])
    words = draw.choice(EVERYDAY if situation is None else ESCALATED[situation])
    made = ticket(draw, words, OPEN if situation is None else IN_PROCESS)
    del made["responder_id"]
    if situation is not None:
        made["custom_fields"] = fields_of(situation, at if draw.random() < 0.6 else None)
    yield at, {"by": "customer", "create": made}
