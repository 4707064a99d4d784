"""A random contact centre as an emulator seed: all twelve situations, everyday tickets, and the awkward ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.demo.texts import CUSTOMER_REPLIES, ESCALATED, EVERYDAY

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # Monday, 09:00 in Mexico City
OPEN, PENDING, RESOLVED, CLOSED, WAITING, IN_PROCESS, COMPLETED = 2, 3, 4, 5, 6, 8, 9
SITUATIONS = tuple(ESCALATED)
#: Escalated this long ago at the start: beyond every age at which a ticket may be kept alive.
DEAD = timedelta(days=200)
AGENTS = {9001: "Laura Núñez", 9002: "Jorge Medina", 9003: "Diana Cruz", 9004: "Marco Solís", 9005: "Karla Vega"}
GROUPS = {7001: "Primera línea", 7002: "Supervisión", 7003: "Resoluciones", 7004: "Gerencia"}
REPLIES = tuple(CUSTOMER_REPLIES)
_CHANNELS = (1, 3, 7, 6)


def iso(at: datetime) -> str:
    """An instant as the helpdesk writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


#: How long a status may have stood at the start; auto-close comes at 14 days.
_OLDEST_CLOCK = timedelta(days=13, hours=20)


def seed_of(draw: random.Random, size: int) -> dict[str, Any]:
    """A seed of `size` tickets as of START: half of them escalated, of these one in eight dead, one in six undated."""
    escalated = max(len(SITUATIONS) if size >= 2 * len(SITUATIONS) else 1, size // 2)
    tickets = [_escalated(draw, SITUATIONS[number % 12], number) for number in range(escalated)]
    tickets += [_everyday(draw) for _ in range(size - len(tickets))]
    draw.shuffle(tickets)
    for number, ticket in enumerate(tickets, start=1001):
        ticket["id"] = number
    return {
        "now": iso(START),
        "statuses": {
            str(IN_PROCESS): ["En proceso", "En proceso"],
            str(COMPLETED): ["Completado", "En proceso"],
        },
        "agents": [
            {
                "id": number, "contact": {"name": name, "email": f"{number}@contacto.example"},
                "role": "admin" if number == 9001 else "agent", "group_ids": list(GROUPS),
            }
            for number, name in AGENTS.items()
        ],
        "groups": [{"id": number, "name": name} for number, name in GROUPS.items()],
        "contacts": [
            {"id": 5001 + number, "name": f"Cliente {number}", "email": f"cliente{number}@correo.example"}
            for number in range(20)
        ],
        "tickets": tickets,
    }  # fmt: skip


def fields_of(situation: str, escalated: datetime | None) -> dict[str, Any]:
    """The custom fields of an escalated ticket."""
    day = None if escalated is None else (escalated - timedelta(hours=6)).strftime("%Y-%m-%d")
    return {"cf_escalation_type": situation, "cf_escalated_on": day}


def ticket(draw: random.Random, words: tuple[str, str], status: int) -> dict[str, Any]:
    """A ticket without history: what a customer or an agent opens."""
    return {
        "subject": words[0],
        "description": words[1],
        "status": status,
        "priority": draw.choice((1, 2, 2, 2, 3)),
        "source": draw.choice(_CHANNELS),
        "requester_id": 5001 + draw.randrange(20),
        "responder_id": draw.choice((None, 9003, 9004, 9005)),
        "group_id": 7001,
    }


def _escalated(draw: random.Random, situation: str, number: int) -> dict[str, Any]:
    ago = timedelta(days=draw.randrange(0, 55), hours=draw.randrange(1, 24))
    if number % 8 == 7:
        ago = DEAD
    escalated = START - ago
    stands = timedelta(seconds=draw.randrange(0, int(_OLDEST_CLOCK.total_seconds())))
    touched = START - min(stands, max(ago, timedelta(hours=1)))
    made = ticket(draw, draw.choice(ESCALATED[situation]), IN_PROCESS)
    made["custom_fields"] = fields_of(situation, None if number % 6 == 5 else escalated)
    if number % 12 == 10:  # known by its tag alone
        made["custom_fields"] = {"cf_escalation_type": None, "cf_escalated_on": None}
        made["tags"] = [f"esc:{situation}"]
    return _dated(made, escalated - timedelta(days=draw.randrange(1, 30)), touched)


def _everyday(draw: random.Random) -> dict[str, Any]:
    created = START - timedelta(days=draw.randrange(0, 40), hours=draw.randrange(1, 24))
    touched = min(START - timedelta(hours=1), created + timedelta(hours=draw.randrange(1, 240)))
    status = draw.choices((OPEN, IN_PROCESS, WAITING, PENDING, CLOSED), weights=(34, 22, 16, 8, 20))[0]
    if status == IN_PROCESS:
        touched = max(touched, START - timedelta(days=13, hours=12))
    return _dated(ticket(draw, draw.choice(EVERYDAY), status), created, touched)


def _dated(made: dict[str, Any], created: datetime, touched: datetime) -> dict[str, Any]:
    made["created_at"], made["updated_at"] = iso(min(created, touched)), iso(touched)
    made["stats"] = {"status_updated_at": iso(touched)}
    return made
