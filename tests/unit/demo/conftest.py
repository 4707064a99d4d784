"""A shorter story, lived once for all tests of the demonstration: two tickets of each situation, seventeen days."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from connector.demo.record import Case, Closing, Deed, Demonstration, Held, Life, Mail, Told
from connector.demo.run import Event, demonstrate
from connector.demo.seed import START, contact_centre, script

DAYS = 17


def short_story() -> tuple[dict[str, Any], list[Event]]:
    """The first two tickets of each situation and twelve everyday ones in process, with what people do to them."""
    seed = contact_centre()
    wanted: Counter[str] = Counter()
    kept = []
    for ticket in seed["tickets"]:
        situation = ticket["custom_fields"]["cf_escalation_type"]
        if situation is None and ticket["status"] != 8:
            continue
        if wanted[situation] <= (12 if situation is None else 2):
            kept.append(ticket)
    numbers = {ticket["id"] for ticket in kept}
    events = [(at, event) for at, event in script(seed) if event.get("ticket") in numbers]
    return {**seed, "tickets": kept}, events


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """The short story, lived without and with the daemon."""
    seed, events = short_story()
    return demonstrate(tmp_path_factory.mktemp("demo"), days=DAYS, seed=seed, events=events)


@pytest.fixture
def made() -> Demonstration:
    """A demonstration made by hand, with one thing of each kind, in which every promise was kept."""
    at, end = START + timedelta(hours=5), START + timedelta(days=2)
    cases = {
        7: Case(7, "Sin <b>noticias</b>", "Ana & Luis", "no-diagnosis", "in_process"),
        8: Case(8, "Voy a ir a Profeco", "Rosa", "regulator-threat", "in_process"),
        9: Case(9, "Factura", "Iván", None, "closed"),
    }
    without = Life("without", START, end, cases=dict(cases))
    without.closings = [Closing(at, 7, "no-diagnosis"), Closing(at, 9, None)]
    without.mails = [Mail(at, 7, "a@correo.example", "autoclose", to_customer=True)]
    life = Life("with", START, end, cases=dict(cases), cycles=49, reads=60, writes=4, audit_events=4)
    life.closings = [Closing(at, 9, None)]
    life.mails = [
        Mail(at, 9, "c@correo.example", "autoclose", to_customer=True),
        Mail(at, 8, "jefa@contacto.example", "note_notification", to_customer=False, by_daemon=True),
    ]
    toggled = (("status", "in_process", "completed"),)
    raised = (("priority", "low", "high"),)
    why = (("FOLLOW_UP_DUE", "due at 2026-03-02T15:00:00+00:00 <script>alert(1)</script>"),)
    life.deeds = [
        Deed(at, 7, "toggle", "done", "semanal", "keepalive.yaml", 6, why, toggled, cap=8),
        Deed(at, 8, "set", "done", "regulador", "priorities.yaml", 4, why, (("priority", "normal", "urgent"),)),
        Deed(at, 8, "assign", "done", "gerencia", "matrix.yaml", 37, why, (("group", "A", "B"),), ("gerencia",)),
        Deed(at, 8, "notify", "done", "gerencia", "matrix.yaml", 37, why, (), ("gerente",)),
        Deed(at, 9, "set", "drifted", "urgencia", "priorities.yaml", 20, why, raised, why="moved"),
    ]
    life.held = [Held(START, "ab" * 32, 3, (7, 8), ("actions",), ("3 actions, allowed 2; look at it with x",), "demo")]
    life.audit = [
        Told(1, at, 7, "toggle", "done", "semanal", "keepalive.yaml:6", (("status", "in_process", "in_process"),),
             (("clock_before", "2026-02-18T22:00:00+00:00"), ("clock_after", "2026-03-02T20:00:00+00:00"))),
        Told(2, at, 8, "set", "done", "regulador", "priorities.yaml:4", (("priority", "normal", "urgent"),), ()),
    ]  # fmt: skip
    titles = {"no-diagnosis": "Sin diagnóstico", "regulator-threat": "Amenaza con el regulador"}
    return Demonstration("appliance-mx", 2, without, life, titles)
