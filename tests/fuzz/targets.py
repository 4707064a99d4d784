"""What reads input that others made, each as a function of bytes that may raise none but the program's own errors."""

from __future__ import annotations

import csv
import io
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from connector.core import plan_json
from connector.core.evaluate import evaluate
from connector.core.model import Memory, Rejected, Ticket
from connector.core.policy import Policy
from connector.errors import EscaleraError
from connector.helpdesks.c4c_export import Limits, read_exports
from connector.helpdesks.freshdesk import FreshdeskReader
from connector.helpdesks.freshdesk_feed import Cursor
from connector.http.client import HttpClient, HttpOptions, _Raw
from connector.mapping.check import check_result
from connector.mapping.load import load_policy, load_texts
from connector.offline import decide_exports
from connector.store.codec import dump_ticket, load_ticket
from tests.fuzz import doors
from tests.fuzz.mutate import damage_bytes, damage_json, damage_text
from tests.property.test_mapping_fuzz import PACK
from tests.unit.helpdesks.export_samples import C4C, FRESHDESK, HEAD, csv_text, row, spreadsheetml, xlsx

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 16, tzinfo=UTC)
_ANSWERS = ROOT / "tests/unit/helpdesks/answers"
_LIMITS = Limits(xml_depth=32, rows=2_000, line_chars=20_000)
_TOKENS = (
    "pack", "when", "priority", "any", "all", "not", "3 business days", "72h", "*r", "&r ", "~", "[]", "{}", "- ", ": ",
    "\n", "  ", "#", "'", '"', "|\n", ">", "<<: ", "!!python/object:os.system ", "---\n", "%", "@", "\t", "\x00",
    "#CUSTOMER#", "{{ agent }}", "{% for x in range(10**9) %}{% endfor %}", "{{ ''.__class__ }}", "}}", "{{ 9**9**9 }}",
    "9" * 3000, "1e999", ".nan", "09:00-18:00", "2026-02-30", "Europe/Rome", "../../etc/passwd", "\ud800", "\ufeff",
    "\u2028", "custom.", "a" * 2000, "*", "(" * 300,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """`make` gives one damaged input; `read` tells whether it was taken, and raises EscaleraError at most."""

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes], bool]


@cache
def _policy() -> Policy:
    return load_policy(ROOT / "mappings/appliance-mx")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="escalera-fuzz-")


# --- what the helpdesk answers ----------------------------------------------------------------------------------------
class _Wire(HttpClient):
    """The real client whose exchanges are answered from a list instead of a socket."""

    def __init__(self) -> None:
        super().__init__(
            "https://example.freshdesk.com", "k", options=HttpOptions(attempts=1, patience=0.001), sleep=lambda _: None
        )
        self.answer = _Raw(200, {}, b"[]", None)
        self.sound: Mapping[str, bytes] = {}

    def _exchange(self, call: Any) -> _Raw:
        known = self.sound.get(call.path)
        return self.answer if known is None else _Raw(200, {}, known, None)


@cache
def _recorded(name: str) -> bytes:
    return (_ANSWERS / f"{name}.json").read_bytes()


_ME = b'{"id": 7, "ticket_scope": 1, "contact": {"name": "Daemon"}}'
_NOTE = {
    "id": 5, "body": "<div>Hola</div>", "body_text": "Hola", "private": True, "user_id": 9, "source": 2,
    "created_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-20T10:00:00Z",
}  # fmt: skip
_HEADERS = (
    "x-ratelimit-remaining",
    "x-ratelimit-total",
    "retry-after",
    "date",
    "location",
    "x-ratelimit-used-currentrequest",
)


@cache
def _bodies() -> dict[str, Any]:
    return {
        "/tickets": json.loads(_recorded("ticket_list")),
        "/tickets/2025": json.loads(_recorded("ticket_2025")),
        "/tickets/2025/conversations": [_NOTE, {**_NOTE, "id": 6, "private": False, "incoming": True}],
        "/agents/me": json.loads(_ME),
        "/ticket_fields": json.loads(_recorded("ticket_fields")),
        "/agents": [{"id": 9, "contact": {"name": "Laura", "email": "l@example.com"}}],
        "/groups": [{"id": 3, "name": "Supervisión"}],
    }


def _make_answer(rng: random.Random) -> bytes:
    path = rng.choice(list(_bodies()))
    status = rng.choice((200, 200, 200, 200, 200, 201, 204, 206, 301, 400, 401, 403, 404, 409, 429, 500, 503, 599))
    headers = {}
    for name in _HEADERS:
        if rng.random() < 0.15:
            headers[name] = rng.choice(
                ("", "0", "-1", "1e9", "NaN", "50.5", "x" * 300, "Wed, 21 Oct 2026 07:28:00 GMT", "//evil/")
            )
    whole = json.dumps(damage_json(_bodies()[path], rng)).encode()
    if rng.random() < 0.2:
        whole = damage_bytes(whole, rng)
    return json.dumps([path, status, headers]).encode() + b"\n" + whole


def _read_answer(content: bytes) -> bool:
    head, _, body = content.partition(b"\n")
    path, status, headers = json.loads(head)
    wire = _Wire()
    sound = {"/agents/me": _ME, "/ticket_fields": _recorded("ticket_fields"), "/agents": b"[]", "/groups": b"[]"}
    sound.pop(path, None)
    wire.sound, wire.answer = sound, _Raw(status, headers, body, None)
    reader = FreshdeskReader("demo", wire, _policy().maps["freshdesk"])
    match path:
        case "/tickets":
            for number, batch in enumerate(reader.changed(None)):
                for ticket in batch.tickets:
                    _is_usable(ticket)
                if number > 3:  # the same page again and again; `feed` tests prove that it ends
                    break
        case "/tickets/2025":
            _is_usable(reader.ticket("2025"))
        case "/tickets/2025/conversations":
            reader.notes("2025")
        case _:
            reader.connect()
    return True


def _is_usable(ticket: Ticket) -> None:
    """What was taken for a ticket can be decided on and kept."""
    evaluate(_policy(), ticket, Memory(), NOW, brief=True)
    assert load_ticket(dump_ticket(ticket)).id == ticket.id


# --- saved plans and cursors ------------------------------------------------------------------------------------------
@cache
def _plan() -> dict[str, Any]:
    path = Path(_folder().name) / "plan.csv"
    heads = (
        "Ticket ID",
        "Asunto",
        "Descripción",
        "Estado",
        "Prioridad",
        "Creado el",
        "Modificado el",
        "Tipo de escalación",
    )
    lines = [
        (
            str(n),
            "Voy a ir a Profeco",
            "Ya demandé",
            "En proceso",
            "Media",
            "01.11.2026 10:00",
            "02.11.2026 10:00",
            "no-parts",
        )
        for n in range(4)
    ]
    out = io.StringIO()
    csv.writer(out).writerows([heads, *lines])
    path.write_text(out.getvalue(), encoding="utf-8")
    decided = decide_exports([path], _policy(), NOW)
    assert decided.plan.actions, "the seed must hold actions"
    return plan_json.plan_to_json(decided.plan, decided.verdict)


def _make_plan(rng: random.Random) -> bytes:
    body = damage_json(_plan(), rng)
    if isinstance(body, dict) and rng.random() < 0.6:  # whoever changes a file can also compute a checksum
        rest = {name: value for name, value in body.items() if name != "checksum"}
        body["checksum"] = plan_json._checksum(rest)
    whole = json.dumps(body).encode()
    return damage_bytes(whole, rng) if rng.random() < 0.2 else whole


def _read_plan(content: bytes) -> bool:
    plan, verdict = plan_json.loads(content)
    plan_json.dumps(plan, verdict)
    return True


def _make_cursor(rng: random.Random) -> bytes:
    return damage_bytes(Cursor.of(None).text().encode(), rng)


def _read_cursor(content: bytes) -> bool:
    Cursor.of(content.decode("utf-8", "replace")).text()
    return True


# --- exports ----------------------------------------------------------------------------------------------------------
@cache
def _exports() -> list[bytes]:
    rows = [HEAD, *(row(number, subject=f"Asunto {number}, «ñ»") for number in range(12))]
    text = csv_text(rows)
    book = xlsx(Path(_folder().name) / "seed.xlsx", rows).read_bytes()
    return (
        [text.encode()] * 6 + [csv_text(rows, ";").encode("utf-16")] * 3 + [spreadsheetml(rows).encode()] * 2 + [book]
    )


def _make_export(rng: random.Random) -> bytes:
    return damage_bytes(rng.choice(_exports()), rng)


def _read_export(content: bytes) -> bool:
    path = Path(_folder().name) / "export"
    path.write_bytes(content)
    export = read_exports([path], {"c4c": C4C, "freshdesk": FRESHDESK}, limits=_LIMITS)
    for one in export.tickets():
        assert isinstance(one, Ticket | Rejected)
    return True


# --- mappings ---------------------------------------------------------------------------------------------------------
def _make_mapping(rng: random.Random) -> bytes:
    parts = PACK.split("\n")
    if rng.random() < 0.7:  # a short pack is loaded faster and damaged deeper
        start = rng.randrange(2, len(parts))
        parts = parts[:1] + parts[start : start + rng.randint(1, 14)]
    return damage_text("\n".join(parts), _TOKENS, rng)


def _read_mapping(content: bytes) -> bool:
    result = load_texts({"a.yaml": content.decode("utf-8", "surrogatepass")}, "packs/demo")
    problems = check_result(result)
    json.dumps([problem.as_json() for problem in problems])
    return result.policy is not None


TARGETS: Mapping[str, Target] = {
    "answers": Target(_make_answer, _read_answer),
    "books": Target(doors.make_book, doors.read_book_back),
    "cases": Target(doors.make_cases, doors.read_cases),
    "config": Target(doors.make_config, doors.read_config),
    "cursors": Target(_make_cursor, _read_cursor),
    "exports": Target(_make_export, _read_export),
    "hints": Target(doors.make_hint, doors.read_hint),
    "inbox": Target(doors.make_word, doors.read_word),
    "mappings": Target(_make_mapping, _read_mapping),
    "plans": Target(_make_plan, _read_plan),
    "rotas": Target(doors.make_rota, doors.read_rota),
    "seeds": Target(doors.make_seed, doors.read_seed),
}


def inputs(name: str, seed: int, count: int) -> Iterator[bytes]:
    """`count` damaged inputs of a target, the same ones for the same seed."""
    for number in range(count):
        yield TARGETS[name].make(random.Random(f"{name}:{seed}:{number}"))


def attempt(name: str, content: bytes) -> bool:
    """Whether the input was taken; refused ones end in the program's own errors. Anything else is raised: a finding."""
    try:
        return TARGETS[name].read(content)
    except EscaleraError as error:
        if "\n" in str(error):
            msg = f"an error of more than one line: {str(error)[:300]!r}"
            raise AssertionError(msg) from error
        return False
