"""The demonstration's contact centre as an emulator seed, and the script of what people do in its 30 days.

Everything is drawn from one seeded generator, so every run tells the same story.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.demo import texts

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # Monday, 09:00 in Mexico City
DAYS = 30
TICKETS = 324
_ESCALATED_EACH = 11
_IN_PROCESS, _COMPLETED = 8, 9
#: e-mail, phone, chat, facebook
_CHANNELS = (1, 3, 7, 6)
_AGENTS = (
    ("Laura Núñez", "laura.nunez@contacto.example", True),
    ("Jorge Medina", "jorge.medina@contacto.example", True),
    ("Diana Cruz", "diana.cruz@contacto.example", False),
    ("Marco Solís", "marco.solis@contacto.example", False),
    ("Karla Vega", "karla.vega@contacto.example", False),
    ("Tomás Arce", "tomas.arce@contacto.example", False),
)
_GROUPS = ("Primera línea", "Supervisión", "Resoluciones", "Gerencia")
_FIRST_LINE = 7001


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def contact_centre() -> dict[str, Any]:
    """The seed: agents, groups, contacts and 324 tickets with several weeks of history, as of START."""
    draw = random.Random(20260302)  # noqa: S311 - a story, not a secret
    contacts = _contacts(draw)
    tickets: list[dict[str, Any]] = []
    for situation, pairs in texts.ESCALATED.items():
        tickets.extend(
            _escalated(draw, situation, pairs[number % len(pairs)], contacts) for number in range(_ESCALATED_EACH)
        )
    while len(tickets) < TICKETS:
        tickets.append(_everyday(draw, contacts))
    draw.shuffle(tickets)
    tickets.sort(key=lambda ticket: str(ticket["created_at"]))
    for number, ticket in enumerate(tickets, start=1001):
        ticket["id"] = number
    return {
        "now": _iso(START),
        "statuses": {
            "2": ["Abierto", "En revisión"],
            "3": ["Pendiente", "En espera de su respuesta"],
            "4": ["Resuelto", "Resuelto"],
            "5": ["Cerrado", "Cerrado"],
            "6": ["Esperando al cliente", "En espera de su respuesta"],
            "7": ["En espera de terceros", "En proceso"],
            str(_IN_PROCESS): ["En proceso", "En proceso"],
            str(_COMPLETED): ["Completado", "En proceso"],
        },
        "agents": [
            {
                "id": 9001 + number,
                "contact": {"name": name, "email": email},
                "role": "admin" if number == 0 else "agent",
                "group_ids": [7002, 7004] if senior else [_FIRST_LINE],
            }
            for number, (name, email, senior) in enumerate(_AGENTS)
        ],
        "groups": [{"id": _FIRST_LINE + number, "name": name} for number, name in enumerate(_GROUPS)],
        "contacts": contacts,
        "tickets": tickets,
    }


def script(seed: dict[str, Any]) -> list[tuple[datetime, dict[str, Any]]]:
    """What people do meanwhile: (instant, emulator event), in order; the same in both lives.

    Customers write again (which reopens their ticket), agents take it back up, leave notes, and close some cases.
    """
    draw = random.Random(20260330)  # noqa: S311
    events: list[tuple[datetime, dict[str, Any]]] = []
    for ticket in seed["tickets"]:
        if ticket["status"] != _IN_PROCESS:
            continue
        fate = draw.random()
        at = START + timedelta(hours=draw.randrange(20, 24 * (DAYS - 6)), minutes=draw.randrange(60))
        if fate < 0.22:
            reply = draw.choice(texts.CUSTOMER_REPLIES)
            events.append((at, {"ticket": ticket["id"], "by": "customer", "reply": reply}))
            taken_up = at + timedelta(hours=draw.randrange(2, 40))
            events.append((taken_up, {"ticket": ticket["id"], "by": "agent", "set": {"status": _IN_PROCESS}}))
        elif fate < 0.34:
            events.append((at, {"ticket": ticket["id"], "by": "agent", "note": draw.choice(texts.AGENT_NOTES)}))
        elif fate < 0.42:
            events.append((at, {"ticket": ticket["id"], "by": "agent", "set": {"status": 5}}))
    for _ in range(24):
        at = START + timedelta(hours=draw.randrange(5, 24 * (DAYS - 1)), minutes=draw.randrange(60))
        events.append((at, {"by": "customer", "create": _newcomer(draw, seed["contacts"])}))
    return sorted(events, key=lambda entry: (entry[0], str(entry[1])))


def _contacts(draw: random.Random) -> list[dict[str, Any]]:
    people = []
    for number in range(140):
        first, last = draw.choice(texts.FIRST_NAMES), draw.choice(texts.LAST_NAMES)
        people.append({"id": 5001 + number, "name": f"{first} {last}", "email": f"cliente{number + 1}@correo.example"})
    return people


def _escalated(
    draw: random.Random, situation: str, words: tuple[str, str], contacts: list[dict[str, Any]]
) -> dict[str, Any]:
    """In process and escalated up to 26 days ago; its auto-close clock has run for up to 12 of its 14 days."""
    escalated = START - timedelta(days=draw.randrange(0, 26), hours=draw.randrange(1, 24))
    created = escalated - timedelta(days=draw.randrange(2, 14), hours=draw.randrange(24))
    if situation == "retailer-amazon":
        created = min(created, START - timedelta(days=27))
    touched = max(escalated, START - timedelta(days=draw.randrange(0, 12), hours=draw.randrange(1, 24)))
    ticket = _ticket(draw, words, contacts, created, touched, _IN_PROCESS)
    ticket["source"] = 3 if situation == "supervisor-call" else draw.choice(_CHANNELS)
    ticket["custom_fields"] = {
        "cf_escalation_type": situation,
        "cf_escalated_on": (escalated - timedelta(hours=6)).strftime("%Y-%m-%d"),
    }
    return ticket


def _everyday(draw: random.Random, contacts: list[dict[str, Any]]) -> dict[str, Any]:
    created = START - timedelta(days=draw.randrange(0, 40), hours=draw.randrange(1, 24))
    touched = min(START - timedelta(hours=1), created + timedelta(hours=draw.randrange(1, 240)))
    status = draw.choices((2, _IN_PROCESS, 6, 7, 5), weights=(34, 12, 18, 8, 28))[0]
    if status == _IN_PROCESS:
        touched = max(touched, START - timedelta(days=draw.randrange(0, 12), hours=draw.randrange(1, 24)))
    return _ticket(draw, draw.choice(texts.EVERYDAY), contacts, created, touched, status)


def _ticket(
    draw: random.Random,
    words: tuple[str, str],
    contacts: list[dict[str, Any]],
    created: datetime,
    touched: datetime,
    status: int,
) -> dict[str, Any]:
    agent = draw.randrange(2, len(_AGENTS))
    return {
        "subject": words[0],
        "description": words[1],
        "status": status,
        "priority": draw.choices((1, 2, 3), weights=(25, 60, 15))[0],
        "source": draw.choice(_CHANNELS),
        "requester_id": draw.choice(contacts)["id"],
        "responder_id": 9001 + agent if draw.random() < 0.8 else None,
        "group_id": _FIRST_LINE,
        "type": None,
        "tags": [],
        "created_at": _iso(created),
        "updated_at": _iso(touched),
        "stats": {"status_updated_at": _iso(touched)},
        "custom_fields": {"cf_escalation_type": None, "cf_escalated_on": None},
    }


def _newcomer(draw: random.Random, contacts: list[dict[str, Any]]) -> dict[str, Any]:
    situation = draw.choice([*texts.ESCALATED, None, None, None, None, None, None])
    words = draw.choice(texts.EVERYDAY) if situation is None else draw.choice(texts.ESCALATED[situation])
    ticket: dict[str, Any] = {
        "subject": words[0],
        "description": words[1],
        "status": 2 if situation is None else _IN_PROCESS,
        "priority": 2,
        "source": draw.choice(_CHANNELS),
        "requester_id": draw.choice(contacts)["id"],
        "group_id": _FIRST_LINE,
    }
    if situation is not None:
        ticket["custom_fields"] = {"cf_escalation_type": situation}
    return ticket
