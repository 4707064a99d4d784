"""Text tables: encodings, delimiters, preambles, trailers, damage."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from connector.errors import ConfigurationError, IncompleteError
from connector.helpdesks.c4c_export import Limits
from tests.unit.helpdesks.export_samples import C4C, HEAD, csv_text, one, read, row, save

_TEXT = csv_text([HEAD, row(subject="Cafetera dañada, año 2025")])


@pytest.mark.parametrize(
    "content",
    [
        _TEXT.encode("utf-8"),
        codecs.BOM_UTF8 + _TEXT.encode("utf-8"),
        codecs.BOM_UTF16_LE + _TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + _TEXT.encode("utf-16-be"),
        _TEXT.encode("utf-16-le"),
        _TEXT.encode("utf-16-be"),
        _TEXT.encode("cp1252"),
    ],
    ids=["utf8", "utf8-bom", "utf16le-bom", "utf16be-bom", "utf16le", "utf16be", "cp1252"],
)
def test_every_encoding_gives_the_same_ticket(tmp_path: Path, content: bytes) -> None:
    """Accents survive whatever the encoding, with or without a byte order mark."""
    ticket = one(save(tmp_path, content))
    assert (
        ticket.id, ticket.subject, ticket.status, ticket.priority,
    ) == ("1042", "Cafetera dañada, año 2025", "in_process", "high")  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_although_texts_hold_the_others(tmp_path: Path, delimiter: str) -> None:
    """Quoted texts full of other delimiters, quotes and line breaks mislead nobody."""
    subject = 'a;b;c,d,e|f\t"g"\nsecond line; more, and more'
    ticket = one(save(tmp_path, csv_text([HEAD, row(subject=subject)], delimiter)))
    assert subject == ticket.subject


def test_a_sep_line_decides(tmp_path: Path) -> None:
    """Excel's `sep=;` is obeyed and not read as a row; lines are still counted as in the file."""
    ticket = one(save(tmp_path, "sep=;\r\n" + csv_text([HEAD, row()], ";")))
    assert ticket.place == "export.csv:3"


def test_decimal_commas_do_not_win_over_semicolons(tmp_path: Path) -> None:
    """A file where every row holds as many commas as semicolons is read by its headings."""
    text = "Ticket ID;Estado;Importe;Tasa\n" + "".join(
        f"{n};Abierto;1,5;2,5;\n".replace(";\n", "\n") for n in range(50)
    )
    _, tickets, _ = read(save(tmp_path, text))
    assert [str(n) for n in range(50)] == [ticket.id for ticket in tickets]
    assert tickets[0].custom["Importe"] == 1.5


def test_preamble_rows_are_passed_over(tmp_path: Path) -> None:
    """Report titles, parameters and blank rows above the headings are no tickets; line numbers are the file's."""
    preamble = "Ticket Status Report\n\nCreado por,LAURA\nStatus,*\n\n\n"
    export, tickets, rejected = read(save(tmp_path, preamble + csv_text([HEAD, row()])))
    assert [ticket.place for ticket in tickets] == ["export.csv:8"]
    assert (export.complete, rejected) == (True, [])


@pytest.mark.parametrize("total", ["Resultado total", "Overall Result", "Risultato complessivo", "Total general"])
def test_totals_are_skipped_with_a_warning(tmp_path: Path, total: str) -> None:
    """A row of totals is no ticket, is not rejected, and is mentioned."""
    export, tickets, rejected = read(save(tmp_path, csv_text([HEAD, row(), [total, "", "", "", "", "1"]])))
    assert (len(tickets), rejected, export.complete) == (1, [], True)
    assert list(export.warnings) == ["export.csv: skipped a row of totals (line 3)"]


def test_repeated_headings_and_remarks_are_no_tickets(tmp_path: Path) -> None:
    """Paged reports repeat their headings; a line of remarks at the end is told, not rejected."""
    text = csv_text([HEAD, row(1), HEAD, row(2)]) + "\nFiltered by: team North\n"
    export, tickets, rejected = read(save(tmp_path, text))
    assert ([ticket.id for ticket in tickets], rejected) == (["1", "2"], [])
    assert len(export.warnings) == 2


def test_an_unclosed_quote_makes_the_export_incomplete(tmp_path: Path) -> None:
    """What stands before the damage is read; the export says that it is not whole, and where."""
    text = csv_text([HEAD, row(1), row(2)]) + '3,"cut in the mid'
    export, tickets, _ = read(save(tmp_path, text))
    assert (export.complete, [ticket.id for ticket in tickets]) == (False, ["1", "2"])
    assert "line 4" in export.warnings[0]


@pytest.mark.parametrize("cut", ["3,No enc", "3"])
def test_a_row_cut_off_at_the_end_makes_the_export_incomplete(tmp_path: Path, cut: str) -> None:
    """A last line without line end and without all its cells was cut; it becomes no ticket."""
    export, tickets, rejected = read(save(tmp_path, csv_text([HEAD, row(1), row(2)]) + cut))
    assert (export.complete, [ticket.id for ticket in tickets]) == (False, ["1", "2"])
    assert [one.place for one in rejected] == ["export.csv:4"]


def test_a_whole_last_row_without_line_end_is_whole(tmp_path: Path) -> None:
    """Many tools leave the last line end out."""
    export, tickets, _ = read(save(tmp_path, csv_text([HEAD, row(1), row(2)]).rstrip()))
    assert (export.complete, len(tickets)) == (True, 2)


def test_rows_with_too_many_or_too_few_cells_are_rejected_alone(tmp_path: Path) -> None:
    """A shifted row is named with its line and its neighbours are read."""
    text = (
        csv_text([HEAD, row(1), [*row(2), "", ""], [*row(3), "extra"]])
        + "4,text broken\nrest of it,x\n"
        + csv_text([row(5)])
    )
    export, tickets, rejected = read(save(tmp_path, text))
    assert [ticket.id for ticket in tickets] == ["1", "2", "5"]
    assert [one.place for one in rejected] == ["export.csv:4", "export.csv:5", "export.csv:6"]
    assert export.complete


def test_a_short_row_that_is_plainly_a_ticket_keeps_what_it_has(tmp_path: Path) -> None:
    """Cells that a writer left out at the end are unknown, not empty."""
    _, tickets, rejected = read(save(tmp_path, csv_text([HEAD, row(1)]) + "2,Asunto,Abierto\n" + csv_text([row(3)])))
    assert [ticket.id for ticket in tickets] == ["1", "2", "3"]
    assert {"priority", "created_at", "updated_at", "autoclose_clock"} <= tickets[1].unknown
    assert [one.place for one in rejected] == ["export.csv:3"]


def test_nul_bytes_are_dropped(tmp_path: Path) -> None:
    """Stray zero bytes harm neither the row nor its neighbours."""
    export, tickets, _ = read(save(tmp_path, csv_text([HEAD, row(subject="a\x00b"), row(2)])))
    assert [ticket.subject for ticket in tickets] == ["ab", "No enciende"]
    assert any("NUL" in warning for warning in export.warnings)


def test_some_bad_bytes_in_utf8_do_not_spoil_the_rest(tmp_path: Path) -> None:
    """One foreign byte among proper UTF-8 costs one letter, not every accent of the file."""
    content = csv_text([HEAD, row(1, subject="dañada"), row(2, subject="X")]).encode().replace(b"X", b"\xe9")
    export, tickets, _ = read(save(tmp_path, content))
    assert [ticket.subject for ticket in tickets] == ["dañada", "\ufffd"]
    assert any("UTF-8" in warning for warning in export.warnings)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"%PDF-1.7 ...", "a.csv"),
        (b"\x89PNG\r\n", "b.xlsx"),
        (bytes(range(1, 32)) * 50, "c.csv"),
        (b"\x1f\x8b\x08", "d.csv"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: bytes, name: str) -> None:
    """Pictures, documents and garbage give one clear line."""
    with pytest.raises(ConfigurationError, match=name):
        read(save(tmp_path, content, name))


def test_an_empty_or_missing_file_is_incomplete(tmp_path: Path) -> None:
    """No bytes is not the same as no tickets."""
    with pytest.raises(IncompleteError, match="empty"):
        read(save(tmp_path, b""))
    with pytest.raises(IncompleteError, match=r"gone\.csv"):
        read(tmp_path / "gone.csv")
    with pytest.raises(ConfigurationError, match="is not a file"):
        read(tmp_path)


def test_a_file_with_headings_only_is_complete_and_empty(tmp_path: Path) -> None:
    """An export of nothing is a whole answer."""
    export, tickets, _ = read(save(tmp_path, csv_text([HEAD])))
    assert (export.complete, tickets) == (True, [])


def test_size_limits_hold(tmp_path: Path) -> None:
    """A file beyond the limits is refused before it is read, or cut with a word."""
    path = save(tmp_path, csv_text([HEAD, *(row(n) for n in range(50))]))
    with pytest.raises(ConfigurationError, match="bytes, more than"):
        read(path, limits=Limits(file_bytes=100))
    export, _, _ = read(path, limits=Limits(rows=20))
    assert not export.complete
    endless = save(tmp_path, csv_text([HEAD, row(1)]) + "2," + "x" * 5_000 + "\n", "endless.csv")
    export, _, _ = read(endless, limits=Limits(line_chars=1_000))
    assert not export.complete


def test_headings_that_fit_nothing_name_what_was_found_and_what_to_do(tmp_path: Path) -> None:
    """The error lists the headings, the nearest aliases and where to add one."""
    path = save(tmp_path, "Numero caso,Estadoo,Asunto largo\n1,Abierto,x\n")
    with pytest.raises(ConfigurationError) as caught:
        read(path, C4C)
    message = str(caught.value)
    assert "Numero caso, Estadoo, Asunto largo" in message
    assert "'Estadoo' may be status ('estado')" in message
    assert "`headings:`" in message
    assert "c4c.yaml" in message
    assert "\n" not in message
