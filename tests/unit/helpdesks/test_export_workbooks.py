"""Workbooks: XLSX, SpreadsheetML, binary ones; and everything in them that must be refused or stay inert."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import python_calamine

from connector.errors import ConfigurationError, IncompleteError
from connector.helpdesks.exports.tables import Limits, Reading, open_book
from tests.unit.helpdesks.export_samples import (
    C4C,
    FRESHDESK,
    HEAD,
    csv_text,
    many_rows,
    one,
    read,
    repacked,
    row,
    save,
    spreadsheetml,
    xlsx,
)  # fmt: skip

_AT = datetime(2026, 5, 10, 15, 0, tzinfo=UTC)
_FRESH = (
    "Ticket ID",
    "Subject",
    "Status",
    "Priority",
    "Source",
    "Created time",
    "Last update time",
    "Tags",
    "Full name",
)


def test_xlsx_with_a_preamble_dates_numbers_and_blanks(tmp_path: Path) -> None:
    """Headings in row 7; ids as numbers, dates as dates, serial numbers and texts; trailing blanks left out."""
    rows: list[list[Any]] = [
        ["Ticket Status Report"], [], ["Created by", "LAURA"], [], [], [], list(HEAD),
        [1042, "No enciende", "En proceso", 2, datetime(2026, 5, 10, 9), 46152.375],
        [1043.0, "Ruido", "Abierto"],
    ]  # fmt: skip
    export, (first, second), rejected = read(xlsx(tmp_path / "r.xlsx", rows))
    assert (rejected, export.complete) == ([], True)
    assert (
        first.id, first.status, first.priority, first.created_at, first.updated_at,
    ) == ("1042", "in_process", "high", _AT, _AT)  # fmt: skip
    assert (first.place, second.place) == ("r.xlsx:8", "r.xlsx:9")
    assert (second.updated_at, "updated_at" in second.unknown) == (None, False)


@pytest.mark.parametrize(
    "options", [{}, {"constant_memory": True}, {"date_1904": True}], ids=["shared", "inline", "1904"]
)
def test_xlsx_reads_as_an_independent_library_reads_it(tmp_path: Path, options: dict[str, Any]) -> None:
    """Cell by cell the same values as calamine, with shared or inline texts and either epoch of days."""
    rows: list[list[Any]] = [
        ["a", "b", "c"], ["á <&>\n\u2028x", 1.5, datetime(2026, 5, 10, 9, 30)], [None, True, "  blanks  "], [],
        ["=1+1", {"formula": "=1+1", "value": 2}, -7], ["_x000D_", "'00", 1e21],
    ]  # fmt: skip
    path = xlsx(tmp_path / "a.xlsx", rows, **options)
    (sheet,) = open_book(path, Limits(), len).sheets
    ours = [list(cells) for _, cells in sheet.rows(Reading())]
    theirs = []
    for cells in python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python():
        plain = ["true" if cell is True else cell for cell in cells]
        while plain and plain[-1] == "":
            plain.pop()
        theirs.append(plain)
    assert [cells for cells in theirs if cells] == ours


def test_formulas_and_errors_are_values_only(tmp_path: Path) -> None:
    """The stored value is read, nothing is calculated; an error cell is empty, with a warning."""
    rows: list[list[Any]] = [
        [*HEAD, "Monto"],
        [
            *row()[:1],
            {"formula": '=HYPERLINK("http://x")', "value": "Hola"},
            *row()[2:],
            {"formula": "=1/0", "value": "#DIV/0!"},
        ],
    ]
    export, (ticket,), _ = read(xlsx(tmp_path / "f.xlsx", rows))
    assert (ticket.subject, ticket.custom["Monto"]) == ("Hola", None)
    assert any("#REF!" in warning for warning in export.warnings)


def test_macros_are_never_run_only_mentioned(tmp_path: Path) -> None:
    """A workbook with a macro project is read for its values."""
    path = repacked(
        xlsx(tmp_path / "a.xlsx", [HEAD, row()]), tmp_path / "a.xlsm", {"xl/vbaProject.bin": b"\xd0\xcf macro"}
    )
    export, tickets, _ = read(path)
    assert len(tickets) == 1
    assert any("macros" in warning for warning in export.warnings)


def test_sheets_without_tickets_are_passed_over_and_several_are_read(tmp_path: Path) -> None:
    """A cover sheet is mentioned; tickets on two sheets are all read, with the sheet in their place."""
    import xlsxwriter

    path = tmp_path / "s.xlsx"
    workbook = xlsxwriter.Workbook(str(path))
    for name, rows in (("Cover", [["Printed by"], ["L"]]), ("North", [HEAD, row(1)]), ("South", [HEAD, row(2)])):
        page = workbook.add_worksheet(name)
        for number, cells in enumerate(rows):
            page.write_row(number, 0, cells)
    workbook.add_worksheet("Hidden").hide()
    workbook.close()
    export, tickets, _ = read(path)
    assert [(ticket.id, ticket.place) for ticket in tickets] == [("1", "s.xlsx!North:2"), ("2", "s.xlsx!South:2")]
    assert any("'Cover'" in warning for warning in export.warnings)
    assert any("hidden" in warning for warning in export.warnings)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """By the ratio of a part, by the total, and by the number of parts."""
    good = xlsx(tmp_path / "a.xlsx", [HEAD, row()])
    bomb = repacked(good, tmp_path / "bomb.xlsx", {"xl/worksheets/sheet1.xml": b"<row/>" * 4_000_000})
    with pytest.raises(ConfigurationError, match=r"unpacks to .* times its size"):
        read(bomb)
    with pytest.raises(ConfigurationError, match=r"unpacks to .* bytes"):
        read(bomb, limits=Limits(unpacked_bytes=1_000_000))
    with pytest.raises(ConfigurationError, match="parts, more than"):
        read(good, limits=Limits(zip_entries=3))


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml", "_rels/.rels"])
def test_entities_and_document_types_are_refused_in_every_part(tmp_path: Path, part: str) -> None:
    """No entity is ever declared, fetched or expanded."""
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    path = repacked(xlsx(tmp_path / "a.xlsx", [HEAD, row()]), tmp_path / "evil.xlsx", {part: evil})
    with pytest.raises((ConfigurationError, IncompleteError)):
        read(path)


def test_a_sheet_with_entities_or_endless_depth_gives_no_rows(tmp_path: Path) -> None:
    """Refused where it stands; nothing of it is read as a ticket."""
    good = xlsx(tmp_path / "a.xlsx", [HEAD, row()])
    for content in (b"<!DOCTYPE x><worksheet/>", b"<a>" * 500):
        with pytest.raises(ConfigurationError):
            read(repacked(good, tmp_path / "evil.xlsx", {"xl/worksheets/sheet1.xml": content}))


def test_a_cut_workbook_is_incomplete(tmp_path: Path) -> None:
    """Half an archive hides its rows: an error that says so. A broken sheet part is read up to the break."""
    path = xlsx(tmp_path / "a.xlsx", [HEAD, *(row(n) for n in range(300))])
    whole = path.read_bytes()
    with pytest.raises(IncompleteError, match="damaged or cut short"):
        read(save(tmp_path, whole[: len(whole) // 2], "half.xlsx"))
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    broken = repacked(path, tmp_path / "broken.xlsx", {"xl/worksheets/sheet1.xml": sheet[: len(sheet) * 2 // 3]})
    export, tickets, _ = read(broken)
    assert not export.complete
    assert 100 < len(tickets) < 300


def test_an_archive_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    """A zip of CSVs says what to do."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export.csv", csv_text([HEAD, row()]))
    with pytest.raises(ConfigurationError, match="without a workbook"):
        read(save(tmp_path, packed.getvalue(), "export.zip"))


def test_shared_texts_beyond_the_bound_wait_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tickets whether the texts fit in memory or not."""
    path = xlsx(tmp_path / "a.xlsx", [HEAD, *(row(n, subject=f"Asunto número {n} ñ") for n in range(400))])
    expected = read(path)[1]
    monkeypatch.setattr("connector.helpdesks.exports.xlsx_rows._KEPT_CHARS", 500)
    assert expected == read(path)[1]


def test_freshdesks_spreadsheetml(tmp_path: Path) -> None:
    """The native `.xls`: XML text, account-local times, tags, a person's name."""
    cells = [
        "17",
        "No llega",
        "Pending",
        "Urgent",
        "Phone",
        "2026-05-10 09:00:00",
        "2026-05-11 09:00:00",
        "vip,tv",
        "Ana Ríos",
    ]
    ticket = one(save(tmp_path, spreadsheetml([_FRESH, cells], {0: "Number"}), "tickets.xls"), FRESHDESK)
    assert (
        ticket.id, ticket.status, ticket.priority, ticket.channel, ticket.created_at, ticket.tags, ticket.requester,
    ) == ("17", "waiting_customer", "urgent", "phone", _AT, ("vip", "tv"), "Ana Ríos")  # fmt: skip


def test_spreadsheetml_in_utf16_and_with_skipped_cells(tmp_path: Path) -> None:
    """`ss:Index` leaves cells and rows out; the encoding is the declaration's."""
    text = (
        '<?xml version="1.0" encoding="UTF-16"?><Workbook xmlns:ss="x"><Worksheet ss:Name="S"><Table>'
        '<Row ss:Index="3"><Cell><Data ss:Type="String">Ticket ID</Data></Cell><Cell ss:Index="3">'
        '<Data ss:Type="String">'
        'Status</Data></Cell></Row><Row><Cell><Data ss:Type="Number">9</Data></Cell><Cell ss:Index="3">'
        '<Data ss:Type="String">Open</Data></Cell></Row></Table></Worksheet></Workbook>'
    )
    ticket = one(save(tmp_path, text.encode("utf-16"), "t.xls"), FRESHDESK)
    assert (ticket.id, ticket.status, ticket.place) == ("9", "open", "t.xls:4")


def test_spreadsheetml_cut_short_and_with_entities(tmp_path: Path) -> None:
    """A cut file gives its rows and says that it is cut; a document type is refused."""
    text = spreadsheetml(
        [_FRESH, *([str(n), "a", "Open", "Low", "Email", "2026-05-10", "", "", ""] for n in range(200))]
    )
    export, tickets, _ = read(save(tmp_path, text[: len(text) * 2 // 3], "cut.xls"), FRESHDESK)
    assert not export.complete
    assert 100 < len(tickets) < 200
    laughs = '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;">]><Workbook>&m;</Workbook>'
    with pytest.raises(ConfigurationError, match="document type or entity"):
        read(save(tmp_path, laughs, "laughs.xls"), FRESHDESK)


@pytest.mark.parametrize(
    "content", ["<html><table><tr><td>Ticket ID</td></tr></table></html>", "<?xml version='1.0'?><feed/>"]
)
def test_other_markup_is_refused(tmp_path: Path, content: str) -> None:
    """A web page named `.xls` is told for what it is."""
    with pytest.raises(ConfigurationError, match=r"page\.xls"):
        read(save(tmp_path, content, "page.xls"))


def test_a_binary_workbook_too_large_or_broken_is_an_error_without_traceback(tmp_path: Path) -> None:
    """The old binary format can only be read whole, so it is bounded."""
    path = save(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 5_000, "old.xls")
    with pytest.raises(ConfigurationError, match="bytes, more than"):
        read(path, limits=Limits(binary_bytes=1_000))
    with pytest.raises(IncompleteError, match=r"old\.xls"):
        read(path)


def test_an_open_document_spreadsheet_is_read(tmp_path: Path) -> None:
    """`.ods`, by way of calamine: the same tickets."""
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in line
        )
        + "</table:table-row>"
        for line in [HEAD, row(5), row(6)]
    )
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
        ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="T">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    path = tmp_path / "t.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml", '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        )
    _, tickets, _ = read(path)
    assert [(ticket.id, ticket.place) for ticket in tickets] == [("5", "t.ods:2"), ("6", "t.ods:3")]


def test_the_same_export_in_every_format_gives_the_same_tickets(tmp_path: Path) -> None:
    """CSV, XLSX and SpreadsheetML of one report differ only in the place."""
    rows = list(many_rows(60))
    paths = [
        save(tmp_path, csv_text(rows), "a.csv"),
        xlsx(tmp_path / "a.xlsx", rows),
        save(tmp_path, spreadsheetml(rows), "a.xls"),
    ]  # fmt: skip
    from dataclasses import replace

    plain = [[replace(ticket, place="") for ticket in read(path, C4C)[1]] for path in paths]
    assert len(plain[0]) == 60
    assert plain[0] == plain[1] == plain[2]
