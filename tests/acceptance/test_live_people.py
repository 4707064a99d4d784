"""Lived through on a real socket: topics to people in turn, who is on call, and coaching notes on agents' replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.live import Centre

NOW = "2026-03-02T09:00:00Z"  # Monday, 10:00 in Madrid
_PACK = """
pack: {name: people, language: en, timezone: Europe/Madrid, calendar: office}
calendars:
  office: {hours: {mon-fri: ["09:00-18:00"]}}
people:
  support: {group: Support}
  ana: {agent: Ana Gil, email: ana@desk.example, out_of_office: ["2026-03-03"]}
  bea: {agent: Bea Ruiz, email: bea@desk.example}
rotas:
  guard: {file: guard.ics, timezone: Europe/Madrid}
phrases:
  never-said: [it can't be done, there is no supervisor]
texts:
  coaching: "The reply says #FOUND#. Say what can be offered instead."
assignment:
  - {name: invoices in turn, when: {any_phrase: [invoice]}, candidates: [ana, bea], by: round_robin, fallback: support}
  - {name: incidents, when: {any_phrase: [it is down]}, by: on_call, rota: guard, fallback: support}
vocabulary:
  - {name: never said, never: [never-said], except: coaching%s}
"""
_MAP = "helpdesk: freshdesk\nstatuses:\n  open: [2]\n  in_process: [8]\n  completed: [9, 4]\n  closed: [5]\n"
_SHIFT = "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:%s\r\nDTEND:%s\r\nSUMMARY:%s\r\nEND:VEVENT\r\n"
_ROTA = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//desk//EN\r\n"
    + _SHIFT % ("a", "20260302T000000Z", "20260303T000000Z", "ana@desk.example")
    + _SHIFT % ("b", "20260303T000000Z", "20260303T180000Z", "bea@desk.example")
    + "END:VCALENDAR\r\n"
)
ANA, BEA, SUPPORT = 9001, 9002, 5001


def _seed() -> dict[str, Any]:
    others = [{"id": 400 + n, "subject": "Question", "created_at": NOW, "updated_at": NOW} for n in range(60)]
    return {
        "now": NOW,
        "statuses": {"8": "In process", "9": "Done"},
        "agents": [
            {"id": 9000, "name": "Escalera", "email": "bot@desk.example", "role": "admin"},
            {"id": ANA, "name": "Ana Gil", "email": "ana@desk.example"},
            {"id": BEA, "name": "Bea Ruiz", "email": "bea@desk.example"},
        ],
        "groups": [{"id": SUPPORT, "name": "Support", "agent_ids": [ANA, BEA]}],
        "contacts": [{"id": 801, "name": "Cleo", "email": "cleo@customer.example"}],
        "tickets": others,
    }


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Callable[[str], Centre]]:
    made: list[Centre] = []

    def make(replies: str = "") -> Centre:
        pack = tmp_path / "pack"
        pack.mkdir()
        for name, text in (("pack.yaml", _PACK % replies), ("freshdesk.yaml", _MAP), ("guard.ics", _ROTA)):
            (pack / name).write_text(text, encoding="utf-8", newline="")
        made.append(Centre(tmp_path, _seed(), pack))
        made[-1].cycle()
        return made[-1]

    yield make
    for each in made:
        each.close()


def _asks(centre: Centre, text: str) -> int:
    return centre.act(
        by="customer", create={"requester_id": 801, "subject": text, "source": 1, "status": 2, "priority": 1,
                               "description": text},
    )  # fmt: skip


def _until(centre: Centre, hours: int) -> None:
    for _ in centre.live(datetime.fromisoformat(NOW) + timedelta(hours=hours), every=timedelta(hours=12)):
        pass


def _holders(centre: Centre, numbers: list[int]) -> list[tuple[int | None, int | None]]:
    return [(centre.ticket(number)["responder_id"], centre.ticket(number)["group_id"]) for number in numbers]


def test_topics_go_round_in_turn_and_incidents_to_who_is_on_call(centre: Callable[..., Centre]) -> None:
    """The turn survives restarts; who is out is passed over; with nobody on call the fallback gets it; each once."""
    desk = centre()
    monday = [_asks(desk, "My invoice is wrong") for _ in range(3)] + [_asks(desk, "Help, it is down")]
    _until(desk, 1)
    assert _holders(desk, monday) == [(ANA, None), (BEA, None), (ANA, None), (ANA, None)]
    # A customer's word changes nothing about who has it; what a person hands on stays handed on.
    desk.act(ticket=monday[0], by="customer", reply="And my invoice?")
    desk.act(ticket=monday[2], by="agent", set={"responder_id": BEA})
    _until(desk, 24)
    tuesday = [_asks(desk, "Invoice, please") for _ in range(2)] + [_asks(desk, "it is down again")]
    _until(desk, 26)
    assert _holders(desk, tuesday) == [(BEA, None)] * 3
    assert _holders(desk, monday[:3]) == [(ANA, None), (BEA, None), (BEA, None)]
    _until(desk, 36)
    evening = _asks(desk, "it is down, and it is late")
    _until(desk, 37)
    assert _holders(desk, [evening]) == [(None, SUPPORT)]
    sent = [r for r in desk.emulator.world.requests if r["method"] == "PUT"]
    assert len(sent) == len(monday) + len(tuesday) + 1


def test_a_reply_that_says_it_is_coached_once_and_privately(centre: Callable[..., Centre]) -> None:
    """One note for the agent, no mail to the customer; a good reply gets none; a second bad one gets its own."""
    desk = centre(", replies: {note: coaching, within: 24h}")
    number, good = _asks(desk, "Where is my parcel"), _asks(desk, "Where is my order")
    _until(desk, 1)
    desk.act(ticket=number, by="agent", reply="Sorry, it can't be done.")
    desk.act(ticket=good, by="agent", reply="I look into it and call you tomorrow.")
    mails = len([m for m in desk.emulator.world.outbox if m["audience"] == "requester"])
    _until(desk, 13)
    assert desk.notes(good) == []
    [note] = desk.notes(number)
    assert "it can't be done" in note
    assert len([m for m in desk.emulator.world.outbox if m["audience"] == "requester"]) == mails
    desk.act(ticket=number, by="agent", reply="And there is no supervisor.")
    _until(desk, 25)
    first, second = desk.notes(number)
    assert ("can't be done" in first, "no supervisor" in second) == (True, True)


def test_coaching_is_off_unless_the_rule_says_so(centre: Callable[..., Centre]) -> None:
    """No note, and no conversation is read."""
    desk = centre()
    number = _asks(desk, "Where is my parcel")
    desk.act(ticket=number, by="agent", reply="Sorry, it can't be done.")
    _until(desk, 13)
    assert desk.notes(number) == []
    assert not [r for r in desk.emulator.world.requests if "/conversations" in r["path"]]
