"""What supervisors write in a register comes back: to its case, once, and never lost."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment

from connector.errors import ConfigurationError, EscaleraError, IncompleteError
from connector.reports.register.edited import read_book
from connector.reports.register.merge import merged
from tests.unit.reports.register_desk import (
    ACCOUNT,
    NOW,
    columns,
    comment,
    comment_of,
    comments,
    edit,
    everything,
    give_back,
    record,
    rows,
    say,
    state,
    unmatched,
    written,
)  # fmt: skip

MARK = "[b.xlsx · ana · 2026-03-10 09:00]"


def _audit(store: Any, kind: str = "register_comment") -> list[Any]:
    return [one for one in store.audit(ACCOUNT) if one.kind == kind]


# --- the three-way merge of one text ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("current", "base", "edited", "expected"),
    [
        ("now", "old", "old", ("now", "")),  # unedited: a newer comment stays
        ("old", "old", "new", ("new", "edited")),
        ("same", "old", "same", ("same", "")),
        ("old", "old", "", ("", "cleared")),
        ("newer", "old", "", ("newer", "")),  # cleared, but somebody wrote meanwhile
        ("", "old", "new", ("new", "edited")),
        ("a\nnew\nb", "old", "new", ("a\nnew\nb", "")),  # it is there already
        ("old\none", "old", "old\none\ntwo", ("old\none\ntwo", "edited")),
        ("old\none", "old", "old\ntwo", (f"old\none\n{MARK}\ntwo", "conflict")),
        ("one", "old", "two", (f"one\n{MARK}\ntwo", "conflict")),
        ("one", None, "two", (f"one\n{MARK}\ntwo", "conflict")),
        ("one", None, "", ("one", "")),
        ("looks ok", "", "ok", (f"looks ok\n{MARK}\nok", "conflict")),  # half a line is not the line
    ],
)
def test_one_text_three_ways(current: str, base: str | None, edited: str, expected: tuple[str, str]) -> None:
    """Every way in which the comment kept, the one written and the one that came back can differ."""
    assert merged(current, base, edited, MARK) == expected


def test_a_conflict_names_both_files() -> None:
    """Where the origin of the present text is known, it is marked like the one that is added."""
    assert merged("one", "", "two", MARK, "[a]")[0] == f"[a]\none\n{MARK}\ntwo"
    assert merged("[a]\none\n[c]\nthree", "", "two", MARK, "[c]")[0].startswith("[a]\none\n[c]")


# --- whole workbooks ----------------------------------------------------------------------------------------------
def test_comments_come_back_to_their_cases_with_evidence(tmp_path: Path) -> None:
    """Each edited cell reaches its case; the audit tells who, which case and the digest, never the text."""
    store = state(record(1), record(2, tab="Profeco"), record(3))
    path = edit(written(store, tmp_path / "r.xlsx"), say(t1001="Llamé al centro.\nRespondió Núñez.", t1002="Profeco"))
    taken = give_back(store, path)
    assert comments(store) == {"1001": "Llamé al centro.\nRespondió Núñez.", "1002": "Profeco"}
    assert (taken.lost, taken.told()) == ((), "2 comments taken over")
    events = _audit(store)
    assert [(one.ticket, one.body["by"], one.body["how"]) for one in events] == [
        ("1001", "laura", "edited"), ("1002", "laura", "edited"),
    ]  # fmt: skip
    assert "Llamé" not in str([one.body for one in events])


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    """A second merge writes no comment, no unmatched text and no event, also after others changed the comment."""
    store = state(record(1), record(2))

    def hands(book: Any) -> None:
        say(t1001="uno", t1002="dos")(book)
        comment_of(book, "1002").comment = Comment("al margen", "Ana")
        book.create_sheet("Notas")["B2"] = "suelta"

    path = edit(written(store, tmp_path / "a.xlsx"), hands)
    give_back(store, path)
    before = (comments(store), unmatched(store), store.audit_head())
    assert give_back(store, path).changes == ()
    assert (comments(store), unmatched(store), store.audit_head()) == before
    later = edit(written(store, tmp_path / "b.xlsx", now=NOW + timedelta(hours=1)), say(t1001="otra cosa"))
    give_back(store, later)
    assert give_back(store, path).changes == ()
    assert comments(store)["1001"] == "otra cosa"


def test_a_clean_workbook_says_nothing(tmp_path: Path) -> None:
    """What was never edited changes nothing, in any language and however often."""
    store = state(record(1, comments="ya estaba"), record(2, tab=None, kind="functional"), record(3, urgent=True))
    odd = "_x0041_ =1+1\t|\n'@+- 😀 _x000D_"
    with store.transaction():
        store.put_escalation(ACCOUNT, record(4, comments=odd, customer=odd, description="=1\r\n\x07\ufffe"))
    for language in ("es", "en", "it"):
        path = written(store, tmp_path / f"{language}.xlsx", language=language)
        assert give_back(store, path).changes == ()
        assert give_back(store, edit(path, lambda _book: None)).changes == ()
    assert (comments(store), unmatched(store)) == ({"1001": "ya estaba", "1004": odd}, [])


def test_an_unedited_cell_never_overwrites_a_newer_comment(tmp_path: Path) -> None:
    """A workbook written before somebody else's comment brings only its own edits."""
    store = state(record(1), record(2))
    old = edit(written(store, tmp_path / "old.xlsx"), say(t1002="de la vieja"))
    give_back(store, edit(written(store, tmp_path / "new.xlsx"), say(t1001="nueva")))
    give_back(store, old)
    assert comments(store) == {"1001": "nueva", "1002": "de la vieja"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_several_people_on_one_comment_keep_all_their_words(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Three files that changed the same comment: in any order every text is kept, marked with its file."""
    store = state(record(1, comments="base"))
    clean = written(store, tmp_path / "clean.xlsx")
    texts = ("base\nAna: primera", "base\nBeto: segunda", "reescrito por Carla")
    files = [edit(clean, say(t1001=text), tmp_path / f"{n}.xlsx") for n, text in enumerate(texts)]
    for number in order:
        give_back(store, files[number], by=f"p{number}")
    text = comments(store)["1001"]
    for line in ("Ana: primera", "Beto: segunda", "reescrito por Carla"):
        assert text.split("\n").count(line) == 1
    assert sum(line.startswith("[") for line in text.split("\n")) == 3
    for number in order:
        assert give_back(store, files[number]).changes == ()


def test_a_cleared_comment_is_a_deletion_and_says_so(tmp_path: Path) -> None:
    """Clearing deletes what stood there at the writing, never what came later or was never shown."""
    store = state(record(1, comments="fuera"), record(2, comments="queda"))
    first = edit(written(store, tmp_path / "a.xlsx"), say(t1001=None, t1002=None))
    give_back(store, edit(written(store, tmp_path / "b.xlsx"), say(t1002="queda y crece")))
    give_back(store, first)
    assert comments(store) == {"1002": "queda y crece"}
    assert [one.body["how"] for one in _audit(store)] == ["edited", "cleared"]


def test_rows_deleted_are_no_deletion(tmp_path: Path) -> None:
    """A row, a tab or all tabs removed from the workbook remove no comment."""
    store = state(record(1, comments="uno"), record(2, comments="dos", tab="Profeco"))

    def hands(book: Any) -> None:
        book["Sin diagnóstico"].delete_rows(3)
        del book["Profeco"]

    give_back(store, edit(written(store, tmp_path / "a.xlsx"), hands))
    assert comments(store) == {"1001": "uno", "1002": "dos"}


# --- what supervisors do to a workbook ----------------------------------------------------------------------------
def _swap(page: Any, first: int, second: int, start: int = 1) -> None:
    for column in range(start, page.max_column + 1):
        one, other = page.cell(first, column), page.cell(second, column)
        one.value, other.value = other.value, one.value


def test_sorted_rows_keep_their_comments(tmp_path: Path) -> None:
    """Sorting whole rows moves the hidden cells with them."""
    store = state(*(record(number) for number in range(1, 6)))

    def hands(book: Any) -> None:
        say(t1001="uno", t1004="cuatro")(book)
        _swap(book["Sin diagnóstico"], 3, 7)
        _swap(book["Sin diagnóstico"], 4, 6)

    give_back(store, edit(written(store, tmp_path / "a.xlsx"), hands))
    assert comments(store) == {"1001": "uno", "1004": "cuatro"}


def test_sorting_only_what_is_visible_is_put_right(tmp_path: Path) -> None:
    """Where hidden cells stayed behind while the rows were sorted, the ticket in the row decides, not the hidden id."""
    store = state(*(record(number, comments=f"viejo {number}") for number in range(1, 4)))

    def hands(book: Any) -> None:
        say(t1001="nuevo de 1001")(book)
        _swap(book["Sin diagnóstico"], 3, 5, start=4)

    path = edit(written(store, tmp_path / "a.xlsx"), hands)
    give_back(store, path)
    assert comments(store) == {"1001": "nuevo de 1001", "1002": "viejo 2", "1003": "viejo 3"}


@pytest.mark.parametrize("language", ["es", "en", "it"])
@pytest.mark.parametrize("lost", ["columns", "row", "both"])
def test_hidden_cells_deleted(tmp_path: Path, language: str, lost: str) -> None:
    """Without the hidden columns, the hidden row, or both, ticket and date find the case, the headings the columns."""
    store = state(record(1), record(1, tab="Profeco"), record(2, comments="estaba"))
    with store.transaction():
        from dataclasses import replace

        second = replace(record(1, tab="Profeco"), id="other", opened_at=NOW)
        store.put_escalation(ACCOUNT, record(1))
        store.put_escalation(ACCOUNT, second)

    def hands(book: Any) -> None:
        comment(book["Profeco"], 3).value = "el segundo"
        comment(book["Sin diagnóstico"], 3).value = "el primero"
        for page in book:
            if lost in ("columns", "both"):
                page.delete_cols(1, 3)
            if lost in ("row", "both"):
                page.delete_rows(1)

    give_back(store, edit(written(store, tmp_path / "a.xlsx", language=language), hands))
    found = {one.id: one.comments for one in store.escalations(ACCOUNT)}
    assert found == {record(1).id: "el primero", "other": "el segundo", record(2).id: "estaba"}
    assert unmatched(store) == []


def test_columns_renamed_and_moved_are_known(tmp_path: Path) -> None:
    """The hidden row names the columns, whatever their headings say and wherever they stand."""
    store = state(record(1))

    def hands(book: Any) -> None:
        page = book["Sin diagnóstico"]
        comment(page, 3).value = "aquí"
        last = columns(page)["comments"]
        page.cell(2, last).value = "Notas de Laura"
        for row in range(1, page.max_row + 1):  # the comments move to the front, two columns of her own come in
            value = page.cell(row, last).value
            page.cell(row, last).value = None
            page.cell(row, last + 1).value = value
        page.insert_cols(5, 2)

    give_back(store, edit(written(store, tmp_path / "a.xlsx"), hands))
    assert (comments(store), unmatched(store)) == ({"1001": "aquí"}, [])


def test_own_columns_and_corrected_cells_become_comments(tmp_path: Path) -> None:
    """What a person writes beside the comments is kept in the comments, under its heading."""
    store = state(record(1, comments="estaba"))

    def hands(book: Any) -> None:
        page = book["Sin diagnóstico"]
        last = page.max_column + 1
        page.cell(2, last).value = "Mi prioridad"
        page.cell(3, last).value = 1
        page.cell(3, columns(page)["contact"]).value = "55 9999 0000"

    path = edit(written(store, tmp_path / "a.xlsx"), hands)
    give_back(store, path)
    assert comments(store) == {"1001": "estaba\nContacto: 55 9999 0000\nMi prioridad: 1"}
    assert give_back(store, path).changes == ()


def test_rows_moved_and_tabs_copied(tmp_path: Path) -> None:
    """A row in another tab is the same case; a copied tab says everything twice, and clears nothing."""
    store = state(record(1), record(2, comments="estaba"))

    def hands(book: Any) -> None:
        page = book["Sin diagnóstico"]
        say(t1001="movida")(book)
        copy = book.copy_worksheet(page)
        comment(copy, 4).value = None
        for column in range(1, page.max_column + 1):
            book["Amazon"].cell(4, column).value = page.cell(3, column).value
        page.delete_rows(3)

    give_back(store, edit(written(store, tmp_path / "a.xlsx"), hands))
    assert (comments(store), unmatched(store)) == ({"1001": "movida", "1002": "estaba"}, [])


def test_rows_typed_by_hand(tmp_path: Path) -> None:
    """A row with a known ticket reaches its case; one that nobody knows is kept and told, with file, tab and cell."""
    store = state(record(1))

    def hands(book: Any) -> None:
        page = book["Sin diagnóstico"]
        at = columns(page)
        page.cell(4, at["ticket"]).value, page.cell(4, at["comments"]).value = 1001, "para el 1001"
        page.cell(5, at["ticket"]).value, page.cell(5, at["comments"]).value = "9999", "de nadie"
        page.cell(5, at["customer"]).value = "Sra. Solís"
        book["Resumen"]["J40"] = "nota en el resumen"

    path = edit(written(store, tmp_path / "ana.xlsx"), hands)
    taken = give_back(store, path)
    assert comments(store) == {"1001": "para el 1001"}
    assert sorted(unmatched(store)) == ["Cliente: Sra. Solís\nde nadie", "nota en el resumen"]
    assert any(place.startswith("ana.xlsx: tab 'Sin diagnóstico', cell R5") for place in taken.lost)
    assert "ana.xlsx: tab 'Resumen', cell J40" in taken.lost
    assert len(_audit(store, "register_unmatched")) == 2


def test_unmatched_texts_stay_until_somebody_clears_them(tmp_path: Path) -> None:
    """They stand in each next register, may be edited there, and go when their cell is emptied; not by old files."""
    store = state(record(1))
    first = edit(written(store, tmp_path / "a.xlsx"), lambda book: book.create_sheet("X").__setitem__("A1", "suelta"))
    give_back(store, first)
    second = written(store, tmp_path / "b.xlsx")
    assert give_back(store, second).changes == ()

    def write(text: str | None) -> Any:
        return lambda book: comment(book["Sin correspondencia"], 3).__setattr__("value", text)

    give_back(store, edit(second, write("suelta, y más"), tmp_path / "c.xlsx"))
    assert unmatched(store) == ["suelta, y más"]
    give_back(store, edit(written(store, tmp_path / "d.xlsx"), write(None)))
    assert unmatched(store) == []
    assert _audit(store, "register_unmatched")[-1].body["how"] == "cleared"
    assert (give_back(store, first).changes, unmatched(store)) == ((), [])


def test_cells_of_every_kind(tmp_path: Path) -> None:
    """Numbers, dates, truth values, rich text, formulas, annotations, line breaks and signs of every script survive."""
    said: dict[str, tuple[Any, str]] = {
        "1001": (42, "42"),
        "1002": (datetime(2026, 3, 9, 14, 30), "2026-03-09 14:30"),
        "1003": (datetime(2026, 3, 9), "2026-03-09"),
        "1004": (True, "TRUE"),
        "1005": (CellRichText("muy ", TextBlock(InlineFont(b=True), "urgente")), "muy urgente"),
        "1006": ("=1+1", "=1+1"),
        "1007": ("línea uno\nlínea dos\n\ncuatro", "línea uno\nlínea dos\n\ncuatro"),
        "1008": ("ñandú 😀 中文 \u200fעברית", "ñandú 😀 中文 \u200fעברית"),
        "1009": ('& <b> "comillas" =a', '& <b> "comillas" =a'),
        "1010": (0.5, "0.5"),
        "1011": (" 007 ", "007"),
        "1012": ('=HYPERLINK("http://x")', '=HYPERLINK("http://x")'),
    }  # fmt: skip
    store = state(*(record(number) for number in range(1, 14)))

    def hands(book: Any) -> None:
        for ticket, (value, _) in said.items():
            comment_of(book, ticket).value = value
        comment_of(book, "1013").comment = Comment("al margen\nsegunda línea", "Laura Núñez")

    give_back(store, edit(written(store, tmp_path / "a.xlsx"), hands))
    expected = {ticket: text for ticket, (_, text) in said.items()}
    assert comments(store) == {**expected, "1013": "Comentarios: Laura Núñez: al margen\nsegunda línea"}
    # and the next register is again one that says nothing
    assert give_back(store, written(store, tmp_path / "b.xlsx")).changes == ()


def test_merged_cells_clear_nothing(tmp_path: Path) -> None:
    """A cell that lies under another one was not emptied by anybody."""
    store = state(record(1, comments="uno"), record(2, comments="dos"), record(3, comments="tres"))

    def hands(book: Any) -> None:
        page = book["Sin diagnóstico"]
        at = columns(page)["comments"]
        page.merge_cells(start_row=3, end_row=4, start_column=at, end_column=at)

    give_back(store, edit(written(store, tmp_path / "a.xlsx"), hands))
    assert comments(store) == {"1001": "uno", "1002": "dos", "1003": "tres"}


def test_a_comment_longer_than_a_cell(tmp_path: Path) -> None:
    """It goes on in a second column and comes back as one text; an edit of one part is an edit of the whole."""
    long = "\n".join(f"línea {number} con algo más que decir" for number in range(2_500))
    store = state(record(1, comments=long), record(2))
    path = written(store, tmp_path / "a.xlsx")
    assert give_back(store, path).changes == ()

    def hands(book: Any) -> None:
        page = book["Sin diagnóstico"]
        page.cell(3, columns(page)["comments 3"]).value += "\ny el final"

    give_back(store, edit(path, hands))
    assert comments(store) == {"1001": f"{long}\ny el final"}


# --- files that are none ------------------------------------------------------------------------------------------
def test_a_register_of_another_account_is_refused(tmp_path: Path) -> None:
    """Its cases would all be strangers: nothing is changed, and the message says how to go on."""
    store = state(record(1))
    path = written(store, tmp_path / "a.xlsx")
    edit(path, lambda book: [page.cell(1, 1, "escalera:other") for page in book])
    with pytest.raises(ConfigurationError, match=r"register of account 'other', not of 'demo'.*--account"):
        give_back(store, path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no workbook"),
        (b"ticket;comments\n1001;hola\n", "is no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "has a password or is an old .xls"),
        (b"PK\x03\x04" + bytes(300), "damaged or cut short"),
    ],
)
def test_no_workbook_is_a_clear_error(tmp_path: Path, content: bytes, says: str) -> None:
    """Text, encrypted and torn files end in one line that says what to do."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(EscaleraError, match=says):
        read_book(path)


def test_a_bomb_and_a_cut_file_are_refused(tmp_path: Path) -> None:
    """A part that unpacks to far too much, and a workbook that ends in the middle, change nothing."""
    import zipfile

    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (40 * 1024 * 1024))
    with pytest.raises(ConfigurationError, match="unpacks to"):
        read_book(bomb)
    store = state(record(1))
    whole = written(store, tmp_path / "a.xlsx").read_bytes()
    cut = tmp_path / "cut.xlsx"
    for size in range(200, len(whole), len(whole) // 12):
        cut.write_bytes(whole[:size])
        with pytest.raises((ConfigurationError, IncompleteError)):
            read_book(cut)


def test_a_file_that_fails_keeps_its_neighbours_out_too(tmp_path: Path) -> None:
    """Of several files handed in together, either all are taken over or none."""
    store = state(record(1))
    good = edit(written(store, tmp_path / "a.xlsx"), say(t1001="hola"))
    bad = tmp_path / "b.xlsx"
    bad.write_bytes(b"no")
    with pytest.raises(ConfigurationError):
        give_back(store, good, bad)
    assert comments(store) == {}


def test_everything_written_shows_in_the_next_register(tmp_path: Path) -> None:
    """Comments, corrections and unmatched texts all stand in the workbook written next."""
    store = state(record(1), record(2))

    def hands(book: Any) -> None:
        say(t1001="alfa")(book)
        page = book["Profeco"]
        page.cell(7, 4).value, page.cell(7, 9).value = "5555", "beta"
        page.cell(8, 4).value = "6666"

    give_back(store, edit(written(store, tmp_path / "a.xlsx"), hands))
    assert "alfa" in everything(store)
    book = openpyxl.load_workbook(written(store, tmp_path / "b.xlsx"))
    page = book["Sin correspondencia"]
    assert sorted(str(page.cell(row, 8).value) for row in rows(page)) == ["6666", "Escalado el: beta"]
