"""What customers write reaches people as text: in terminals, logs, tables, pages, notes; never as anything more."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector import cli
from connector.emulator import serve
from connector.helpdesks.freshdesk_shapes import as_html
from connector.text_hints import harmless
from tests.security.hostile import MARK, PIECES, active, computing, documents, forged_lines, formulas, steering
from tests.unit.commands.conftest import HEAD, KEY, NOW, PACK, SEED, Answer

ALL = " ".join(PIECES)
_DATES = "20.02.2026 10:00:00", "09.03.2026 10:00:00"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with an export whose every text is hostile, its own name too, and a pack of hostile names."""
    place = tmp_path_factory.mktemp("hostile")
    rows = []
    for number, piece in enumerate((*PIECES, ALL)):
        text = piece.replace("\x00", "").replace("\ud83d", "")
        rows.append(
            (str(1000 + number), f"{text} no funciona", f"Profeco {text}", "En proceso", "Normal", "Correo", *_DATES,
             "no-diagnosis", "03.03.2026 09:30:00", text.replace(",", " "), text, text, text, text)
        )  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow((*HEAD.split(";"), "Cliente", "Agente", "Grupo", "Producto"))
    writer.writerows(rows)
    (place / f"e\x1b[2J\n{MARK}.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
    pack = place / f"p\x1b]0;x\x07\n{MARK}"
    shutil.copytree(PACK, pack, ignore=shutil.ignore_patterns("cases"))
    return place


@pytest.fixture(scope="module")
def export(folder: Path) -> Path:
    """The export."""
    return next(folder.glob("*.csv"))


@pytest.fixture(scope="module")
def run() -> Callable[..., Answer]:
    """Run one command line in this process."""
    import contextlib

    def call(*argv: object) -> Answer:
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run([str(word) for word in argv])
        out.flush()
        return Answer(code, out.buffer.getvalue().decode(), err.getvalue())  # type: ignore[attr-defined]

    return call


def _shown(got: Answer) -> None:
    """What a person's terminal gets."""
    assert steering(got.out) == set(), got.out[:2000]
    assert steering(got.err) == set(), got.err[:2000]
    assert forged_lines(got.out) == []
    assert forged_lines(got.err) == []


def test_what_verbs_print_about_exported_tickets_is_text(
    run: Callable[..., Answer], export: Path, folder: Path, tmp_path: Path
) -> None:
    """plan, show, explain, in both forms, with every text, the file's name and the pack's name hostile."""
    offline = ("--export", export, "--mappings", PACK, "--now", NOW)
    saved = tmp_path / "saved.plan"
    for words in (
        ("plan", *offline, "--out", saved),
        ("show", saved),
        ("show", saved, "--format", "json"),
        ("explain", str(1000 + len(PIECES)), *offline),
        ("explain", str(1000 + len(PIECES)), *offline, "--format", "json"),
        ("explain", ALL.replace("\x00", ""), *offline),
        ("plan", "--export", folder / "\x1bnone", "--mappings", PACK),
        ("plan", "--export", export, "--mappings", folder / "none\x1b[2J"),
        ("check", next(folder.glob("p*"))),
        ("show", "\x1b[2J"),
    ):
        got = run(*words)
        assert got.code in (0, 1, 2, 3, 4, 64, 78), words
        _shown(got)
        if "json" in words:
            assert len(documents(got.out)) == 1


@pytest.mark.parametrize("form", ["html", "csv", "json", "xlsx"])
def test_reports_of_hostile_tickets_are_reports(
    form: str, run: Callable[..., Answer], export: Path, tmp_path: Path
) -> None:
    """The page runs and loads nothing, tables compute nothing, no form holds a sign that steers."""
    for what in ("dry-run", "register"):
        out = tmp_path / f"{what}.{form}"
        got = run("report", what, "--export", export, "--mappings", PACK, "--now", NOW, "--format", form, "--out", out)
        assert got.code in (0, 4), got.err
        _shown(got)
        _report(form, out.read_bytes())


def _report(form: str, content: bytes) -> None:
    if form == "xlsx":
        assert formulas(content) == []
        return
    text = content.decode()
    assert steering(text, "\n\t\r" if form == "csv" else "\n\t") == set()
    if form == "html":
        assert active(text) == []
    elif form == "csv":
        assert computing(text) == []
    else:
        json.loads(text)


# --- a configured account ---------------------------------------------------------------------------------------------
def _seed() -> dict[str, Any]:
    tickets = []
    for number, piece in enumerate((*PIECES, ALL), 100):
        text = piece.replace("\x00", "").replace("\ud83d", "")
        tickets.append(
            {
                "id": number, "requester_id": 90, "subject": f"{text} no funciona",
                "description": f"Voy a Profeco {text}",
                "description_text": f"Voy a Profeco {text}", "status": 8, "source": 1, "tags": ["esc:no-diagnosis"],
                "created_at": "2026-02-20T10:00:00Z", "stats": {"status_updated_at": "2026-03-01T10:00:00Z"},
            }
        )  # fmt: skip
    bare = ALL.replace("\x00", "").replace("\ud83d", "")
    return {**SEED, "contacts": [{"id": 90, "name": bare, "email": "cliente@example.org"}], "tickets": tickets}


def test_a_life_with_hostile_tickets_shows_and_writes_text(
    run: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """once, status, audit, reports, register and the log; and the notes written to the helpdesk are inert HTML."""
    monkeypatch.setenv("ESCALERA_KEY_DEMO", KEY)
    with serve(_seed(), key=KEY) as emulator:
        config = tmp_path / "config.toml"
        config.write_text(
            f'state = "state.db"\n[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "{emulator.url}"\n'
            f'mappings = "{PACK}"\n[log]\nformat = "console"\nlevel = "debug"\ncustomer_text = true\n'
            "[limits]\nactions = 1000\nper_rule = 1000\nshare = 1.0\ncustomer_facing = 100\npolicy_change = 1000\n"
        )
        live = ("--config", config)
        for words in (
            ("once", *live, "--clock", "server"),
            ("once", *live, "--clock", "server", "--format", "json"),
            ("plan", *live, "--clock", "server"),
            ("explain", "100", *live, "--clock", "server"),
            ("explain", str(100 + len(PIECES)), *live, "--clock", "server", "--format", "json"),
            ("status", *live),
            ("status", *live, "--format", "json"),
            ("audit", "list", *live, "--last", "500"),
            ("audit", "list", *live, "--format", "json"),
            ("audit", "verify", *live),
            ("report", "causes", *live),
        ):
            got = run(*words)
            assert got.code in (0, 1, 2, 3), (words, got.err[-2000:])
            _shown(got)
        for form in ("csv", "jsonl"):
            got = run("audit", "list", *live, "--format", form)
            assert got.code == 0, got.err
            assert steering(got.out, "\n\t\r" if form == "csv" else "\n\t") == set()
            assert form != "csv" or computing(got.out) == []
        for what in ("register", "causes"):
            for form in ("html", "csv", "json", "xlsx"):
                out = tmp_path / f"{what}.{form}"
                got = run("report", what, *live, "--format", form, "--out", out)
                assert got.code == 0, got.err
                _report(form, out.read_bytes())
        written = [one["body"] for one in emulator_requests(emulator.url) if one["method"] in {"POST", "PUT"}]
    notes = [json.loads(body)["body"] if isinstance(body, str) else body["body"] for body in written if "body" in body]
    assert notes
    for note in notes:
        assert active(note) == []
        assert "<script" not in note.lower()


def emulator_requests(url: str) -> list[dict[str, Any]]:
    """What the helpdesk was sent."""
    import requests

    log = requests.get(f"{url}/_emulator/requests", timeout=10).json()
    return list(log["requests"] if isinstance(log, dict) else log)


# --- the pieces by themselves --------------------------------------------------------------------------------
_WORDS = st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=6).map("".join)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_WORDS)
def test_no_text_steers_a_terminal(text: str) -> None:
    """Whatever it holds; and nothing visible is lost."""
    shown = harmless(text)
    assert steering(shown) == set()
    printable = "".join(sign for sign in text if sign.isprintable())
    assert printable == harmless(printable)


@settings(max_examples=100, deadline=None)
@given(_WORDS)
def test_a_note_is_its_text_and_nothing_else(text: str) -> None:
    """As HTML it holds one block and its line breaks; what a reader sees are the words."""
    page = as_html(text)
    assert active(page) == []
    assert set(re.findall(r"</?([a-z]+)", page)) <= {"div", "br"}
