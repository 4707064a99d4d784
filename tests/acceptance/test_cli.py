"""The same through the command line: an exported work list, what would be done, and why, down to each counted hour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector import cli
from connector.packs import shipped

_HEAD = (
    "ID de ticket;Asunto;Descripción;Estado;Prioridad;Canal;Creado el;Modificado el;Contacto;Equipo;Tipo de escalación;"
    "Escalado el"
)
_FRIDAY, _SEPTEMBER, _MORNING = "30.10.2026 19:40:00", "11.09.2026 17:30:00", "11.09.2026 10:00:00"
_WAITING = f"En proceso;Normal;Teléfono;{_FRIDAY};{_FRIDAY};Rosalba Iturbe;Agentes;Sin diagnóstico;{_FRIDAY}"
_LETTER = f"En proceso;Normal;Teléfono;{_SEPTEMBER};{_SEPTEMBER};Tadeo Ríos;Agentes;Sin carta;{_SEPTEMBER}"
_ROWS = (
    f"7001;Sin noticias;La cafetera sigue en el taller;{_WAITING}",  # Friday evening + 72 h; the 2nd of November counts
    f"7002;Carta;Espero mi carta, no es urgente;{_LETTER}",  # five business days over the 16th of September
    f"7003;Consulta;Horario de atención;Abierto;Normal;Correo electrónico;{_MORNING};{_MORNING};Inés Vela;Agentes;;",
)
_SAAS = {
    "Ticket ID": "8001", "Subject": "Consulta", "Description": "Una pregunta", "Status": "Open", "Priority": "Medium",
    "Source": "Email", "Created time": "2026-10-09 15:00:00", "Last update time": "2026-10-09 15:00:00",
    "Agent": "Iván Soto", "Group": "Atención al cliente", "Company Name": "Otra", "Product": "Panel",
}  # fmt: skip


class Desk:
    """Runs one command line on the exports."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        (folder / "mx.csv").write_text("\n".join((_HEAD, *_ROWS)) + "\n", "utf-8")
        (folder / "saas.csv").write_text(f"{','.join(_SAAS)}\n{','.join(_SAAS.values())}\n", "utf-8")

    def text(self, pack: str, file: str, now: str, *argv: str) -> tuple[int, str]:
        """(exit code, what it says)."""
        self._capsys.readouterr()
        where = ["--export", str(self.folder / file), "--mappings", str(shipped()[pack]), "--now", now]
        return cli.run([*argv, *where]), self._capsys.readouterr().out

    def json(self, pack: str, file: str, now: str, *argv: str) -> Any:
        """What it says, read."""
        return json.loads(self.text(pack, file, now, *argv, "--format", "json")[1])

    def reasons(self, pack: str, file: str, now: str, ticket: str) -> dict[tuple[str, str, str], Any]:
        """(kind, rule, code) -> values of `explain`."""
        told = self.json(pack, file, now, "explain", ticket)
        return {
            (rule["rule"]["kind"], rule["rule"]["name"], one["code"]): one["values"]
            for rule in told["rules"]
            for one in rule["reasons"]
        }


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


@pytest.mark.parametrize(
    ("now", "up"),
    [
        ("2026-11-02T19:39:59-06:00", {("7002", "gerencia")}),
        ("2026-11-02T19:40:00-06:00", {("7002", "gerencia"), ("7001", "supervision")}),
        ("2026-09-21T17:29:59-06:00", set()),
        ("2026-09-21T17:30:00-06:00", {("7002", "supervision")}),
        ("2026-10-11T17:29:59-06:00", {("7002", "supervision")}),
        ("2026-10-11T17:30:00-06:00", {("7002", "gerencia")}),
    ],
)
def test_an_export_is_planned_to_the_second(desk: Desk, now: str, up: set[tuple[str, str]]) -> None:
    """Who goes to the supervisor at that instant, who not yet, and who after 30 days to the managers instead."""
    plan = desk.json("appliance-mx", "mx.csv", now, "plan")
    assert {(one["ticket"], one["to"][0]) for one in plan["actions"] if one["kind"] == "assign"} == up
    assert not [one for one in plan["actions"] if one["ticket"] == "7003"]


def test_a_promise_is_explained_hour_by_hour(desk: Desk) -> None:
    """Every stretch counted and still to count, the holiday left out, with the calendar's name and version."""
    told = desk.reasons("appliance-mx", "mx.csv", "2026-09-18T10:00:00-06:00", "7002")
    promise = told["situation", "no-return-letter", "PROMISE"]
    assert promise["calendar_name"] == "mx"
    assert len(promise["calendar"]) == len(promise["policy"]) == 64
    assert promise["counted"] == [
        ["2026-09-11T23:30:00+00:00", "2026-09-12T00:00:00+00:00"],
        ["2026-09-14T15:00:00+00:00", "2026-09-15T00:00:00+00:00"],
        ["2026-09-15T15:00:00+00:00", "2026-09-16T00:00:00+00:00"],
        ["2026-09-17T15:00:00+00:00", "2026-09-18T00:00:00+00:00"],
        ["2026-09-18T15:00:00+00:00", "2026-09-18T16:00:00+00:00"],
    ]
    assert (promise["counted_seconds"], promise["ahead_seconds"]) == (28.5 * 3600 + 0, 16.5 * 3600)
    assert told["situation", "no-return-letter", "LATER"]["next"] == "2026-09-21T23:30:00+00:00"
    assert told["matrix", "ninguna escalación pasa de 30 días", "LEVEL_LATER"]["levels"] == [
        {"level": 1, "after": "30d", "due": "2026-10-11T23:30:00+00:00"}
    ]
    kept = told["keepalive", "ningún caso escalado se cierra solo", "AUTOCLOSE_LATER"]
    assert (kept["clock"], kept["closes"]) == ("2026-09-11T23:30:00+00:00", "2026-09-25T23:30:00+00:00")
    assert told["keepalive", "ningún caso escalado se cierra solo", "TOGGLES"]["cap"] == 8
    (denied,) = told["priority", "dice que es urgente", "KEYWORD"]["matches"]
    assert (denied["field"], denied["start"], denied["end"], denied["negated"]) == ("body", 23, 30, True)


def test_the_text_speaks_the_office_s_time(desk: Desk) -> None:
    """Instants on the office's own clock; each stretch once, with its day."""
    code, told = desk.text("appliance-mx", "mx.csv", "2026-09-18T10:00:00-06:00", "explain", "7002")
    assert code == 0
    assert "counted 28 h 30 min: Fri 2026-09-11 17:30 to 18:00, Mon 2026-09-14 09:00 to 18:00" in told
    assert "an answer is promised by 2026-09-21 17:30:00 -0600 (5 business days)" in told
    assert "2026-09-16" not in told
    assert "T23:30:00+00:00" not in told


def test_a_deadline_is_explained_over_a_long_week_end(desk: Desk) -> None:
    """Eight business hours from Friday 15:00, the holiday on Monday left out: five of them on Tuesday."""
    told = desk.reasons("saas-vendor", "saas.csv", "2026-10-13T12:00:00+02:00", "8001")
    assert told["sla", "Twitter", "CHANNEL"]["value"] == "email"
    unknown = told["sla", "general", "CLOCK_UNKNOWN"]
    assert unknown["field"] == "customer_responded_at"  # the export has no such column: said, and nothing is done
    state = told["sla", "general", "DEADLINE_LATER"]
    assert (state["metric"], state["due"], state["calendar_name"]) == (
        "resolution", "2026-10-16T13:00:00+00:00", "oficina",
    )  # fmt: skip
    assert state["counted"] == [
        ["2026-10-09T13:00:00+00:00", "2026-10-09T16:00:00+00:00"],
        ["2026-10-13T07:00:00+00:00", "2026-10-13T10:00:00+00:00"],
    ]
    assert state["pausing"] == ["waiting_customer", "waiting_other", "completed", "closed"]
