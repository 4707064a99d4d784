"""What comes in by other doors than the helpdesk's: hints, words left behind, settings, cases, seeds, rotas, books."""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.cases import read_cases as cases_of
from connector.core.policy import Person
from connector.emulator import seed as seeds
from connector.errors import EscaleraError
from connector.hints import Hints
from connector.inbox import take_up
from connector.mapping.load import load_policy
from connector.mapping.oncall import CalendarRota, OnCallError
from connector.reports.register.edited import read_book
from connector.settings import load_settings
from connector.store import open_store
from connector.vitals import Vitals
from connector.web.app import Served, build_app
from connector.web.auth import Gate, signature
from connector.web.metrics import Board
from tests.fuzz.mutate import damage_bytes, damage_json, damage_text

_ROOT = Path(__file__).parents[2]
_SECRET = "correct-horse-battery"
_NOW = datetime(2026, 11, 23, 16, tzinfo=UTC)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="escalera-fuzz-")


def _place(name: str, content: bytes) -> Path:
    place = Path(_folder().name) / name
    place.write_bytes(content)
    return place


# --- hints -----------------------------------------------------------------------------------------------------------
def make_hint(rng: random.Random) -> bytes:
    """A signed hint, its head and body damaged; at times signed after the damage."""
    body = json.dumps(damage_json({"ticket": 7, "event": "updated", "who": {"id": 1}}, rng)).encode()
    stamp = str(int(_NOW.timestamp()))
    headers = {
        "x-escalera-timestamp": stamp, "x-escalera-id": "a1", "x-escalera-signature": signature(_SECRET, stamp, "a1",
        body),
        "x-escalera-secret": _SECRET, "content-length": str(len(body)), "content-type": "application/json", "host": "x",
    }  # fmt: skip
    method, path = (
        rng.choice(("POST", "POST", "POST", "GET", "PUT", "\udcff")),
        rng.choice(("/hints/main", "/hints/main", "/metrics")),
    )
    if rng.random() < 0.7:
        name = rng.choice(list(headers))
        headers[name] = damage_bytes(headers[name].encode(), rng).decode("latin-1")
    if rng.random() < 0.3:
        path = damage_bytes(path.encode(), rng).decode("latin-1")
    if rng.random() < 0.3:
        body = damage_bytes(body, rng)
    return json.dumps([method, path, headers]).encode() + b"\n" + body


def read_hint(content: bytes) -> bool:
    """Through the application as the listener calls it: every answer is one, none is 500, none echoes."""
    head, _, body = content.partition(b"\n")
    method, path, headers = json.loads(head)
    vitals = Vitals(every=60, step_deadline=300, cycle_deadline=3600)
    vitals.start(["main"])
    gate = Gate({"main": _SECRET}, "hmac", _NOW.timestamp)
    served = Served(vitals, Board(vitals, lambda: _NOW), lambda: None, Hints(["main"], pause=15, settle=1), gate)
    sent: list[Mapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "query_string": b"",
        "raw_path": path.encode("latin-1", "replace"), "root_path": "", "scheme": "http", "server": ("x", 1),
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
    }  # fmt: skip
    asyncio.run(build_app(served)(scope, receive, send))
    status = next(one["status"] for one in sent if one["type"] == "http.response.start")
    answer = b"".join(one.get("body", b"") for one in sent)
    assert status != 500, answer
    assert _SECRET.encode() not in answer
    return int(status) < 300


# --- words left beside the state -------------------------------------------------------------------------------------
@cache
def _words() -> list[Any]:
    from tests.unit.test_inbox import _plan

    digest, body = _plan()
    at = _NOW.isoformat()
    return [
        {"digest": digest, "state": "approved", "by": "laura", "reason": None, "at": at, "body": body},
        {"kind": "register", "account": "demo", "by": "laura", "at": at, "timezone": "UTC", "books": []},
    ]


def make_word(rng: random.Random) -> bytes:
    """A word or a register left, damaged."""
    whole = json.dumps(damage_json(rng.choice(_words()), rng)).encode()
    return damage_bytes(whole, rng) if rng.random() < 0.3 else whole


def read_word(content: bytes) -> bool:
    """Taken up or set aside, never left to stumble over again."""
    state = Path(_folder().name) / "state.db"
    inbox = state.with_name("state.db.inbox")
    inbox.mkdir(mode=0o700, exist_ok=True)
    for old in inbox.iterdir():
        old.unlink()
    (inbox / "x.json").write_bytes(content)
    store = open_store(":memory:")
    try:
        taken = take_up(str(state), store)
    finally:
        store.close()
    assert not (inbox / "x.json").exists()
    return bool(taken)


# --- settings --------------------------------------------------------------------------------------------------------
_TOML = (
    "[", "]", "[[accounts]]", "[web]", "=", '"', "'", "'''", "{", "}", "#", "\n", "true", "1e999", "nan",
    "1979-05-27T07:32:00Z",
    "0x_", "9" * 400, "\x00", "\u202e", "base = 'x'", "api_key = 'x'", "[limits]\nactions = -1", '"unlimited"',
    "postgresql://a:b@c",
    "[a.b.c]", "a.b.c.d = 1", '"60s"', "[[[[", "\ud800", "../../x",
)  # fmt: skip


def make_config(rng: random.Random) -> bytes:
    """The example configuration, damaged."""
    return damage_text((_ROOT / "config.example.toml").read_text(encoding="utf-8"), _TOML, rng)


def read_config(content: bytes) -> bool:
    """Problems of a configuration are lists: one line each."""
    try:
        load_settings(_place("config.toml", content)).guard_limits()
    except EscaleraError:
        return False
    return True


# --- cases and seeds -------------------------------------------------------------------------------------------------
@cache
def _pack() -> Path:
    import shutil

    place = Path(_folder().name) / "pack"
    shutil.copytree(_ROOT / "mappings/four-levels", place)
    return place


@cache
def _case() -> str:
    return min((_pack() / "cases").glob("*.yaml"), key=lambda path: path.stat().st_size).read_text(encoding="utf-8")


@cache
def _policy() -> Any:
    return load_policy(_ROOT / "mappings/four-levels")


def make_cases(rng: random.Random) -> bytes:
    """A file of cases, damaged."""
    words = (
        "- ",
        ": ",
        "\n",
        "  ",
        "now:",
        "expect:",
        "not:",
        "tickets:",
        "2026-02-30",
        "{",
        "[",
        "*a",
        "&a ",
        "!!x",
        "9" * 400,
        "\x00",
    )
    return damage_text(_case(), words, rng)


def read_cases(content: bytes) -> bool:
    """As `escalera test` reads it."""
    for old in (_pack() / "cases").iterdir():
        old.unlink()
    (_pack() / "cases" / "x.yaml").write_bytes(content)
    try:
        cases_of(_pack(), _policy())
    except EscaleraError:
        return False
    return True


def make_seed(rng: random.Random) -> bytes:
    """A seed of the emulator, damaged."""
    from tests.unit.commands.conftest import SEED

    whole = json.dumps(damage_json(SEED, rng)).encode()
    return damage_bytes(whole, rng) if rng.random() < 0.2 else whole


def read_seed(content: bytes) -> bool:
    """As `escalera emulator --seed` reads it."""
    try:
        seeds.read_seed(seeds.load_seed(_place("seed.json", content)), key="k")
    except EscaleraError:  # a list of all that is wrong
        return False
    return True


# --- rotas -----------------------------------------------------------------------------------------------------------
_ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:laura\r\n"
    "DTSTART;TZID=Europe/Rome:20261101T090000\r\nDTEND;TZID=Europe/Rome:20261101T170000\r\nRRULE:FREQ=DAILY;COUNT=60\r\n"
    "EXDATE;TZID=Europe/Rome:20261110T090000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
_ICS_WORDS = (
    "BEGIN:VEVENT\r\n", "END:VEVENT\r\n", "RRULE:FREQ=SECONDLY\r\n", "COUNT=9999999", "UNTIL=00010101", "INTERVAL=0",
    "BYDAY=99MO",
    "TZID=../../etc", "DTSTART:00010101T000000Z", "DTEND:99991231T235959Z", "DURATION:P9999999D", "RDATE:20261123",
    ";", ":", "\r\n",
    "\r\n ", "\x00", "é", "STATUS:CANCELLED\r\n", "RECURRENCE-ID:20261105T090000Z\r\n",
    "BEGIN:VTIMEZONE\r\nTZID:x\r\n", "9" * 300,
)  # fmt: skip


def make_rota(rng: random.Random) -> bytes:
    """A calendar of shifts, damaged."""
    return damage_text(_ICS, _ICS_WORDS, rng)


def read_rota(content: bytes) -> bool:
    """Who is on call now, by it."""
    people = {"laura": Person("laura", "agent", "Laura")}
    try:
        CalendarRota(content.decode("utf-8", "replace"), ZoneInfo("UTC"), people).at(_NOW)
    except OnCallError:
        return False
    return True


# --- registers that come back ----------------------------------------------------------------------------------------
@cache
def _book() -> bytes:
    from tests.unit.reports.register_desk import record, state, written

    return written(state(record(1), record(2)), Path(_folder().name) / "book.xlsx").read_bytes()


def make_book(rng: random.Random) -> bytes:
    """An edited register: the archive damaged, or the cells in it."""
    import io
    import zipfile

    if rng.random() < 0.3:
        return damage_bytes(_book(), rng)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_book())) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        spoilt = rng.choice([name for name in names if name.endswith((".xml", ".rels"))])
        for name in names:
            content = old.read(name)
            new.writestr(name, damage_bytes(content, rng) if name == spoilt else content)
    return out.getvalue()


def read_book_back(content: bytes) -> bool:
    """As `escalera report register --merge` reads it."""
    place = _place(f"edited-{os.getpid()}.xlsx", content)
    read_book(place)
    return True
