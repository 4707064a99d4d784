"""The dry-run report: every form, the same bytes each time, and nothing a ticket says can act in it."""

from __future__ import annotations

import csv
import hashlib
import io
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

from connector.reports.words import LANGUAGES, words
from tests.unit.commands.conftest import NOW, PACK, Call, write_export

EVIL = "=cmd|' /C calc'!A0 <script>alert(1)</script> no funciona"
DATES = "20.02.2026 10:00:00;09.03.2026 10:00:00"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One harmless ticket, one that tries everything, one row that can't be read, one that can't be decided."""
    return write_export(
        tmp_path / "data.csv",
        f"1;No enciende;Voy a Profeco;En proceso;Normal;Correo;{DATES};no-diagnosis;03.03.2026 09:30:00;",
        f"2;{EVIL};x;En proceso;Normal;Correo;{DATES};;;",
        f";sin número;x;En proceso;Normal;Correo;{DATES};;;",
        f"4;Hola;x;Estado raro;Normal;Correo;{DATES};no-parts;03.03.2026 09:30:00;",
    )


def _report(call: Call, data: Path, out: Path, form: str, *more: str) -> bytes:
    got = call(
        "report", "dry-run", "--export", data, "--mappings", PACK, "--now", NOW, "--format", form, "--out", out, *more
    )
    assert got.code == 0, got.err
    assert out.stat().st_mode & 0o777 == 0o600
    return out.read_bytes()


@pytest.mark.parametrize("form", ["html", "csv", "json", "xlsx"])
def test_regenerated_report_is_the_same_bytes(call: Call, data: Path, tmp_path: Path, form: str) -> None:
    """Same data, policy and instant: the same document, byte for byte, a moment later too."""
    import time

    first = _report(call, data, tmp_path / "one", form)
    time.sleep(1.1 if form == "xlsx" else 0)
    assert first == _report(call, data, tmp_path / "two", form)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [str(value) for name, value in attrs if name in {"src", "href", "onload", "onclick", "action"}]


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_complete_inert_and_self_contained(call: Call, data: Path, tmp_path: Path, language: str) -> None:
    """Rules with places, reasons, what is unknown and unreadable, digests; no script, no address, tickets escaped."""
    page = _report(call, data, tmp_path / "r.html", "html", "--language", language).decode("utf-8")
    tags = _Tags()
    tags.feed(page)
    assert not tags.tags & {"script", "img", "link", "iframe", "object", "form", "a"}
    assert tags.links == []
    assert "&lt;script&gt;alert(1)" in page
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    for shown in (
        words(language)["title"],
        "priorities.yaml:4",
        "KEYWORD",
        "data.csv:2",
        "data.csv:4",
        digest,
        "Estado raro",
    ):
        assert shown in page, shown
    assert f'<html lang="{language}">' in page


def test_csv_has_no_formula(call: Call, data: Path, tmp_path: Path) -> None:
    """No cell begins like a formula; every action is one line."""
    text = _report(call, data, tmp_path / "r.csv", "csv").decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert {row[0] for row in rows[1:]} == {"1", "2"}
    assert not [cell for row in rows for cell in row if cell[:1] in {"=", "+", "-", "@"}]
    assert any(cell.startswith("'=cmd") for row in rows for cell in row)


def test_workbook_has_text_alone(call: Call, data: Path, tmp_path: Path) -> None:
    """Every cell is a text, also one that looks like a formula; the digests are in it."""
    _report(call, data, tmp_path / "r.xlsx", "xlsx", "--language", "it")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    values = {cell.value for cell in cells}
    assert EVIL in values
    assert hashlib.sha256(data.read_bytes()).hexdigest() in values


def test_json_is_the_plan_and_the_digests(call: Call, data: Path, tmp_path: Path) -> None:
    """The plan's own contract, plus what it rests on."""
    import json

    report = json.loads(_report(call, data, tmp_path / "r.json", "json"))
    plan = call("plan", "--export", data, "--mappings", PACK, "--now", NOW, "--format", "json").json
    assert {name: report[name] for name in plan} == plan
    sha256 = hashlib.sha256(data.read_bytes()).hexdigest()
    assert report["digests"] == {"policy": plan["policy"], "data": [{"source": "data.csv", "sha256": sha256}]}


def test_wrong_use(call: Call, data: Path, tmp_path: Path) -> None:
    """A workbook needs a file, a pack needs an export, a folder that is not there is said."""
    base = ("report", "--export", data, "--mappings", PACK, "--now", NOW)
    assert call(*base, "--format", "xlsx").code == 64
    assert call("report", "--mappings", PACK).code == 64
    got = call(*base, "--out", tmp_path / "no" / "r.html")
    assert (got.code, "can't be written" in got.err) == (64, True)
    assert call(*base).out.startswith("<!doctype html>")


def test_words_are_complete() -> None:
    """Every word has all languages."""
    assert {frozenset(words(language)) for language in LANGUAGES} == {frozenset(words("en"))}
    assert all(text for language in LANGUAGES for text in words(language).values())
