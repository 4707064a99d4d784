"""The command line as a person calls it, a small export, and a live account on an emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connector import cli
from connector.emulator import Emulator, serve

ROOT = Path(__file__).parents[3]
PACK = ROOT / "mappings" / "appliance-mx"
NOW = "2026-03-10T09:00:00-06:00"
KEY = "correct-horse-battery"
HEAD = (
    "Ticket ID;Asunto;Descripción;Estado;Prioridad;Canal;Creado el;Modificado el;"
    "Tipo de escalación;Escalado el;Etiquetas"
)
_DATES = "20.02.2026 10:00:00;09.03.2026 10:00:00"
ROWS = (
    f"1001;Lavadora no enciende;Iré a Profeco;En proceso;Normal;Correo;{_DATES};no-diagnosis;03.03.2026 09:30:00;",
    f"1002;Consulta;Gracias;En proceso;Normal;Correo;{_DATES};;;",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command line gave: its exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document it must be."""
        return json.loads(self.out)


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run one command line in this process."""

    def run(*argv: object) -> Answer:
        capsys.readouterr()
        code = cli.run([str(word) for word in argv])
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export with one escalated ticket that threatens with the regulator, and one with nothing to do."""
    return write_export(tmp_path / "export.csv", *ROWS)


def write_export(path: Path, *rows: str) -> Path:
    """An export file with these rows."""
    path.write_text("\n".join((HEAD, *rows)) + "\n", encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True)
class Live:
    """An account on an emulator, configured in a folder of its own."""

    folder: Path
    config: Path
    emulator: Emulator

    @property
    def methods(self) -> set[str]:
        """The HTTP methods the helpdesk was called with."""
        log = requests.get(f"{self.emulator.url}/_emulator/requests", timeout=10).json()
        return {one["method"] for one in (log["requests"] if isinstance(log, dict) else log)}


SEED = {
    "now": "2026-03-10T15:00:00Z",
    "agents": [
        {"id": 1, "contact": {"name": "Root", "email": "root@desk.example"}, "role": "admin"},
        {"id": 2, "contact": {"name": "Laura Núñez", "email": "laura.nunez@contacto.example"}},
        {"id": 3, "contact": {"name": "Jorge Medina", "email": "jorge.medina@contacto.example"}},
    ],
    "groups": [{"id": 50, "name": "Supervisión"}, {"id": 51, "name": "Gerencia"}, {"id": 52, "name": "Resoluciones"}],
    "contacts": [{"id": 90, "name": "Cliente", "email": "cliente@example.org"}],
    "statuses": {"8": ["En proceso", "Being processed"], "9": ["Completado", "Completed"]},
    "tickets": [
        {
            "id": 7,
            "requester_id": 90,
            "subject": "Lavadora no enciende",
            "description": "Voy a ir a Profeco",
            "status": 8,
            "source": 1,
            "created_at": "2026-02-20T10:00:00Z",
            "stats": {"status_updated_at": "2026-03-09T10:00:00Z"},
        },
        {"id": 8, "requester_id": 90, "subject": "Consulta", "status": 2, "created_at": "2026-03-01T10:00:00Z"},
    ],
}


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A configured account on an emulator with a virtual clock; its key is in the environment."""
    monkeypatch.setenv("ESCALERA_KEY_DEMO", KEY)
    with serve(SEED, key=KEY) as emulator:
        config = tmp_path / "config.toml"
        config.write_text(
            f'state = "state.db"\n[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "{emulator.url}"\n'
            f'mappings = "{PACK}"\n',
            encoding="utf-8",
        )
        yield Live(tmp_path, config, emulator)
