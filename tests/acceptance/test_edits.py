"""A pack is edited while escalations run: what was promised stays, what begins afterwards is new, both can be read.

The real program, cycle by cycle, against the emulator on a socket. The instants are written by hand.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from connector import cli
from connector.emulator import Emulator, serve
from connector.packs import shipped

KEY = "correct-horse-battery"
START = datetime.fromisoformat("2026-09-14T15:00:00+00:00")  # Monday, 09:00 in Mexico City; Wednesday is a holiday


def _case(number: int, kind: str | None, **more: Any) -> dict[str, Any]:
    at = "2026-09-14T15:00:00Z"
    return {
        "id": number, "requester_id": 90, "subject": f"Caso {number}", "description": "La cafetera sigue en el taller.",
        "status": 8, "source": 3, "created_at": at, "custom_fields": {"cf_escalation_type": kind,
        "cf_escalated_on": at}, "stats": {"status_updated_at": at}, **more,
    }  # fmt: skip


SEED = {
    "now": "2026-09-14T15:00:00Z",
    "agents": [
        {"id": 1, "contact": {"name": "Root", "email": "root@desk.example"}, "role": "admin"},
        {"id": 2, "contact": {"name": "Laura Núñez", "email": "laura.nunez@contacto.example"}},
        {"id": 3, "contact": {"name": "Jorge Medina", "email": "jorge.medina@contacto.example"}},
    ],
    "groups": [{"id": 50, "name": "Supervisión"}, {"id": 51, "name": "Gerencia"}, {"id": 52, "name": "Resoluciones"}],
    "contacts": [{"id": 90, "name": "Rosalba Iturbe", "email": "rosalba@correo.example"}],
    "statuses": {"8": ["En proceso", "Being processed"], "9": ["Completado", "Completed"]},
    "tickets": [
        _case(21, "no-diagnosis"),
        _case(22, "no-return-letter"),
        *(_case(number, None, custom_fields={}) for number in range(30, 45)),  # so that few are many less
    ],
}


@dataclass
class Desk:
    """The program beside a helpdesk, and the folder its admin edits."""

    folder: Path
    pack: Path
    emulator: Emulator
    capsys: pytest.CaptureFixture[str]

    def to(self, at: str) -> None:
        """Let the helpdesk's clock run to this instant."""
        now = datetime.fromisoformat(requests.get(f"{self.emulator.url}/_emulator/clock", timeout=10).json()["now"])
        self.emulator.advance(int((datetime.fromisoformat(at) - now).total_seconds()))

    def call(self, *argv: object) -> Any:
        """One command line; what it says as JSON."""
        self.capsys.readouterr()
        config = self.folder / "config.toml"
        code = cli.run([*map(str, argv), "--config", str(config), "--clock", "server", "--format", "json"])
        out, err = self.capsys.readouterr()
        assert code in (0, 2), (code, out, err)
        return json.loads(out)

    def cycle(self) -> None:
        """One cycle."""
        self.call("once")

    def edit(self, file: str, old: str, new: str, count: int = 1) -> None:
        """What the admin changes."""
        text = (self.pack / file).read_text("utf-8")
        assert old in text
        (self.pack / file).write_text(text.replace(old, new, count), "utf-8")

    def ticket(self, number: int) -> Any:
        """How the ticket stands in the helpdesk."""
        found = requests.get(f"{self.emulator.url}/_emulator/tickets", timeout=10).json()
        tickets = found["tickets"] if isinstance(found, dict) else found
        return next(each for each in tickets if each["id"] == number)

    def reason(self, number: int, kind: str, code: str) -> Any:
        """The values of one reason of `explain`."""
        told = self.call("explain", number)
        return next(
            reason["values"]
            for rule in told["rules"]
            if rule["rule"]["kind"] == kind
            for reason in rule["reasons"]
            if reason["code"] == code
        )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    monkeypatch.setenv("ESCALERA_KEY_DEMO", KEY)
    pack = tmp_path / "pack"
    shutil.copytree(shipped()["appliance-mx"], pack)
    with serve(SEED, key=KEY) as emulator:
        (tmp_path / "config.toml").write_text(
            f'state = "state.db"\n[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "{emulator.url}"\n'
            f'mappings = "{pack}"\n[limits]\nshare = 1.0\n',
            encoding="utf-8",
        )
        yield Desk(tmp_path, pack, emulator, capsys)


def test_a_shorter_promise_is_for_those_who_come_after(desk: Desk) -> None:
    """72 h become 48 h on Tuesday: Monday's case goes up on Thursday all the same, Tuesday's on Thursday too."""
    desk.cycle()
    before = desk.reason(21, "situation", "PROMISE")
    assert before["due"] == "2026-09-17T15:00:00+00:00"

    desk.to("2026-09-15T16:00:00+00:00")
    desk.edit("situations.yaml", "promise: 72h", "promise: 48h")
    fields = {"cf_escalation_type": "no-diagnosis", "cf_escalated_on": "2026-09-15T16:00:00Z"}
    _post(desk, {"ticket": 30, "by": "agent", "set": {"custom_fields": fields}})
    desk.cycle()

    kept, new = desk.reason(21, "situation", "PROMISE"), desk.reason(30, "situation", "PROMISE")
    assert (kept["due"], kept["promised"]) == ("2026-09-17T15:00:00+00:00", "72h")
    assert (kept["present"], kept["present_words"]) == ("2026-09-16T15:00:00+00:00", "48h")
    assert kept["policy"] == before["policy"] != kept["present_policy"] == new["policy"]
    assert (new["due"], new["promised"]) == ("2026-09-17T16:00:00+00:00", "48h")

    desk.to("2026-09-17T14:59:59+00:00")
    desk.cycle()
    assert (desk.ticket(21)["group_id"], desk.ticket(30)["group_id"]) == (None, None)
    desk.to("2026-09-17T15:00:00+00:00")
    desk.cycle()
    assert (desk.ticket(21)["group_id"], desk.ticket(30)["group_id"]) == (50, None)
    desk.to("2026-09-17T16:00:00+00:00")
    desk.cycle()
    assert desk.ticket(30)["group_id"] == 50


def test_a_new_holiday_moves_only_new_promises_and_a_new_addressee_gets_what_is_still_to_come(desk: Desk) -> None:
    """Five business days stay as promised although a day is taken out of the calendar; the supervisor is another."""
    desk.cycle()
    assert desk.reason(22, "situation", "PROMISE")["due"] == "2026-09-22T15:00:00+00:00"  # the 16th does not count

    desk.to("2026-09-15T16:00:00+00:00")
    desk.edit("pack.yaml", "      country: MX", "      country: MX\n      add: [2026-09-18]")
    desk.edit("situations.yaml", "at: promise\n      to: supervision", "at: promise\n      to: gerencia", count=2)
    fields = {"cf_escalation_type": "no-return-letter", "cf_escalated_on": "2026-09-15T15:00:00Z"}
    _post(desk, {"ticket": 31, "by": "agent", "set": {"custom_fields": fields}})
    desk.cycle()

    kept, new = desk.reason(22, "situation", "PROMISE"), desk.reason(31, "situation", "PROMISE")
    assert (kept["due"], kept["present"]) == ("2026-09-22T15:00:00+00:00", "2026-09-23T15:00:00+00:00")
    assert kept["calendar"] != kept["present_calendar"] == new["calendar"]
    assert new["due"] == "2026-09-24T15:00:00+00:00"  # 17, 21, 22, 23, 24

    desk.to("2026-09-22T14:59:59+00:00")
    desk.cycle()
    assert desk.ticket(22)["group_id"] is None
    desk.to("2026-09-22T15:00:00+00:00")
    desk.cycle()
    assert (desk.ticket(22)["group_id"], desk.ticket(31)["group_id"]) == (51, None)


def test_a_broken_edit_keeps_the_last_good_policy(desk: Desk) -> None:
    """A pack that can't be read is refused before anything is done; nothing moves, and mending it goes on."""
    desk.cycle()
    desk.to("2026-09-17T15:00:00+00:00")
    desk.edit("situations.yaml", "promise: 72h", "promise: 72 hrs soon")
    config = desk.folder / "config.toml"
    assert cli.run(["once", "--config", str(config), "--clock", "server"]) == 78
    assert desk.ticket(21)["group_id"] is None
    desk.edit("situations.yaml", "promise: 72 hrs soon", "promise: 72h")
    desk.cycle()
    assert desk.ticket(21)["group_id"] == 50


def _post(desk: Desk, event: dict[str, Any]) -> None:
    answer = requests.post(f"{desk.emulator.url}/_emulator/events", json=event, timeout=10)
    assert answer.status_code == 200, answer.text
