"""The register as a workbook, page, table and JSON: complete, the same bytes each time, and nothing in it can act."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import zipfile
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest

from connector.reports.register.book import HIDDEN, to_xlsx
from connector.reports.register.build import make_register, register_json
from connector.reports.register.forms import to_csv, to_html, to_json
from connector.reports.register.texts import as_base, pieces, same, sheet_name, units
from connector.reports.register.words import COLUMNS, Words
from connector.reports.words import LANGUAGES
from tests.unit.reports.register_desk import ACCOUNT, NOW, TABS, columns, policy, record, register, rows, state

_EVIL = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "＝1",
    '=HYPERLINK("http://x","y")',
    "http://example.com",
    "007",
    "1e5",
)


def test_every_tab_of_the_pack_stands_in_its_order_empty_or_not() -> None:
    """The pack's tabs once each, in order; then those that only old records name; then those by kind."""
    store = state(
        record(1, tab="Amazon"), record(2, tab="Vieja"), record(3, tab=None, kind="functional"), record(4, tab=None)
    )
    assert [tab.sheet for tab in register(store).tabs] == [*TABS, "Vieja", "Funcional", "Jerárquica"]
    assert [len(tab.rows) for tab in register(store).tabs] == [0, 0, 1, 1, 1, 1]
    assert [tab.sheet for tab in register(state()).tabs] == list(TABS)


def test_a_row_tells_what_the_procedure_asks_for() -> None:
    """Who, what, when and to whom, level, kind, promise, evidence and outcome."""
    one = replace(
        record(1, urgent=True),
        follow_ups=({"at": "2026-03-08T15:00:00+00:00", "what": "follow-up 2"},),
        cause={"cause": "waiting_on_team", "team": "Taller", "by": "suggested", "at": "2026-03-08T15:00:00+00:00"},
        outcome={"state": "completed", "at": "2026-03-09T15:00:00+00:00", "in_promise": False, "days": 8.0},
        satisfaction={"word": "unhappy", "score": -103, "at": "2026-03-09T15:00:00+00:00"}, comments="Llamé.",
    )  # fmt: skip
    cells = register(state(one)).tabs[0].rows[0].cells
    assert cells == {
        "ticket": "1001", "customer": "Cliente 1", "contact": "+52 55 1234 5678\na@example.com", "product": "Cafetera",
        "why": "T0", "description": "No enciende.\nYa llamé dos veces.", "to": "Supervisión", "level": "2",
        "kind": "Jerárquica, urgente", "follow_ups": "2026-03-08 (2)", "state": "completado, tarde\n2026-03-09 09:00",
        "cause": "en espera de otro equipo: Taller (sugerida)", "satisfaction": "insatisfecho", "comments": "Llamé.",
        "when": "2026-03-01 10:00", "promise": "2026-03-04 10:00",
    }  # fmt: skip


def test_counts_tell_open_overdue_and_closed() -> None:
    """Overdue is what is open although its promise has passed; a case without promise is never overdue."""
    closed = replace(record(1), outcome={"state": "closed", "at": NOW.isoformat(), "in_promise": None, "days": 1.0})
    later = record(2, promise=(NOW + timedelta(hours=1)).isoformat())
    assert register(state(closed, later, record(3), record(4, promise=None))).tabs[0].counts == (3, 1, 1, 4)


def test_the_same_records_give_the_same_bytes() -> None:
    """Every form is written twice alike, a second apart; another instant is another workbook."""
    store = state(record(1), record(2, tab="Profeco", comments="x"))
    first = [to_xlsx(register(store)), to_csv(register(store)), to_html(register(store)), to_json(register(store))]
    time.sleep(1.1)
    assert [
        to_xlsx(register(store)),
        to_csv(register(store)),
        to_html(register(store)),
        to_json(register(store)),
    ] == first
    assert to_xlsx(register(store, now=NOW + timedelta(minutes=1))) != first[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_a_ticket_says_can_act(language: str) -> None:
    """No formula, link or number is made of a text; controls are left out; the workbook stays one."""
    records = [
        record(n, customer=text, description=text, product=text, tab=text, comments=text, to=[text], kind=text)
        for n, text in enumerate(_EVIL)
    ] + [record(50, customer="a\x00\x0b\x1b\ud800\ufffeb", comments="c\x07d")]
    shown = make_register(records, policy(), account="=1", as_of=NOW, language=language)
    content = to_xlsx(shown)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not any(re.search(rb"<f[ >]|<hyperlink", archive.read(name)) for name in sheets)
        assert not any("externalLink" in name or "vba" in name for name in archive.namelist())
    book = openpyxl.load_workbook(io.BytesIO(content))
    for page in book:
        if "ticket" in columns(page):
            for row in rows(page):
                assert isinstance(page.cell(row, columns(page)["customer"]).value, str)
                assert page.cell(row, columns(page)["comments"]).data_type == "s"
    cells = [cell.lstrip(" ") for row in csv.reader(io.StringIO(to_csv(shown)[1:])) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "＝"))] == []
    assert "<b>" not in to_html(
        make_register([record(1, customer="<b>x")], policy(), account="a", as_of=NOW, language=language)
    )


def test_the_workbook_is_fit_for_paper_and_for_work() -> None:
    """Landscape, one page wide, heading repeated and frozen, filter on, hidden names and keys, comments unlocked."""
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(register(state(record(1), record(2))))))
    assert book.sheetnames[0] == "Resumen"
    page = book[TABS[0]]
    assert (page.page_setup.orientation, page.page_setup.fitToHeight, page.print_title_rows) == (
        "landscape",
        0,
        "$2:$2",
    )
    assert (page.freeze_panes, page.auto_filter.ref) == ("E3", "A2:R4")
    assert page.row_dimensions[1].hidden
    assert page.column_dimensions["A"].hidden
    at = columns(page)
    assert not page.cell(3, at["comments"]).protection.locked
    assert page.cell(3, at["ticket"]).protection.locked
    assert not page.protection.sheet
    assert page.cell(3, at["when"]).number_format == "yyyy-mm-dd hh:mm"
    assert page.cell(3, at["when"]).is_date
    heads = [page.cell(2, column).value for column in range(len(HIDDEN) + 1, page.max_column + 1)]
    assert heads == [Words("es").heading(column) for column in COLUMNS if column != "why"]


def test_the_summary_says_where_it_comes_from() -> None:
    """Counts of each tab and their sum, account, instant, policy digest and the digest of what it was made of."""
    shown = register(state(record(1), record(2, tab="Profeco")))
    page = openpyxl.load_workbook(io.BytesIO(to_xlsx(shown)))["Resumen"]
    lines = [[cell for cell in row[3:] if cell is not None] for row in page.iter_rows(min_row=2, values_only=True)]
    assert ["Sin diagnóstico", 1, 1, 0, 1] in lines
    assert ["Total", 2, 2, 0, 2] in lines
    assert ["Cuenta", ACCOUNT] in lines
    assert ["A fecha de", "2026-03-10 09:00 (America/Mexico_City)"] in lines
    assert ["Política (SHA-256)", policy().digest] in lines
    assert any(re.fullmatch("SHA-256 [0-9a-f]{64}", str(line[-1])) for line in lines if line)


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("a[b]:c*d?e/f\\g", "a b c d e f g"),
        ("x" * 40, "x" * 31),
        ("'quoted'", "quoted"),
        ("History", "History -"),
        ("  ", "-"),
        ("😀" * 20, "😀" * 15),
        ("RESUMEN", "RESUMEN (2)"),
    ],
)
def test_sheet_names_keep_the_rules_of_spreadsheets(wanted: str, got: str) -> None:
    """31 units, no forbidden sign, no reserved name, no second one that differs in case only."""
    assert sheet_name(wanted, {"resumen"}) == got


def test_tabs_that_would_share_a_name_do_not() -> None:
    """Names that differ after the 31st sign, in case, or in forbidden signs get a number."""
    long = "Escalación con un nombre muy largo "
    records = [
        record(n, tab=tab) for n, tab in enumerate((long + "uno", long + "dos", "amazon", "Pro/feco", "Pro:feco"))
    ]
    shown = register(state(*records))
    names = [tab.sheet for tab in shown.tabs]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(units(name) <= 31 for name in names)
    openpyxl.load_workbook(io.BytesIO(to_xlsx(shown)))


def test_long_texts_are_cut_and_joined_whole() -> None:
    """Parts fit a cell, joined they are the text, and no part ends where a program would trim it."""
    for text in ("", "a", "línea\n" * 30_000, "😀" * 40_000, "x" * 64_000):
        parts = pieces(text, 32_000)
        assert ("".join(parts), max(map(units, parts)) <= 32_000) == (text, True)
        assert all(part == part.strip() for part in parts[:-1])
    assert same(as_base("x" * 50_000, 32_000), "x" * 50_000)
    assert not same(as_base("x" * 50_000, 32_000), "x" * 50_001)


def test_json_has_the_records_whole() -> None:
    """Nothing is translated, cut or left out; it can be read back."""
    shown = register(state(record(1, comments="hola"), record(2, tab=None, kind="functional")))
    told = json.loads(to_json(shown))
    assert told == register_json(shown)
    assert [(tab["tab"], tab["all"]) for tab in told["tabs"]] == [
        *((t, int(t == TABS[0])) for t in TABS),
        ("Funcional", 1),
    ]
    one = told["tabs"][0]["escalations"][0]
    assert (one["comments"], one["body"]["customer"], one["overdue"]) == ("hola", "Cliente 1", True)


def test_a_register_of_a_period_says_so() -> None:
    """The origin names the period that was asked for, in the pack's time zone."""
    since = NOW - timedelta(days=10)
    shown = make_register([record(1)], policy(), account=ACCOUNT, as_of=NOW, language="it", since=since)
    assert ("Escalati tra", "2026-02-28 09:00 – …") in shown.origin()
