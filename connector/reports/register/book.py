"""The register as a workbook that comes back: no cell is ever a formula, and each row knows what it was written as.

Row 1 and columns A to C are hidden. Row 1 names the columns, so that renamed and moved ones are known; A is the id of
the record, B the row's seal (a digest of each of its cells), C the comment as it was written. On the way back
`edited.py` tells by them what a person changed, in a row that may have been moved, sorted or copied.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from connector.helpdesks.exports.xlsx_rows import plain_text
from connector.reports.register.build import DATES, Register, Tab
from connector.reports.register.texts import as_base, pieces, tidy
from connector.reports.register.words import SUMMARY_COLUMNS, UNMATCHED_COLUMNS, Words

#: The mark of row 1 in column A, before the account's name.
MARK = "escalera:"
#: Characters (UTF-16 units) of one cell; a spreadsheet takes 32,767.
CELL = 32_000
#: Hidden columns, left of the first heading.
HIDDEN = ("id", "seal", "base")
_WIDTHS = {
    "ticket": 8, "customer": 15, "contact": 20, "product": 12, "why": 18, "description": 32, "when": 14, "to": 12,
    "level": 6, "kind": 11, "promise": 14, "follow_ups": 14, "state": 13, "cause": 14, "satisfaction": 12,
    "comments": 36, "file": 24, "tab": 20, "cell": 8, "s_tab": 32,
}  # fmt: skip
_WIDE = 90
_FONT, _SIZE, _LINE_HEIGHT, _TALLEST = "Arial", 9, 12.0, 408.0
_INK, _PALE, _YELLOW, _LINE = "#1B2733", "#E8EDF3", "#FFFBE0", "#B9C4D0"


def seal(cells: Mapping[str, str], stamp: str) -> str:
    """What a row was written as: the workbook's stamp, what finds the row anew, and a short digest of each cell."""
    digests = {key: cell_digest(text) for key, text in cells.items() if not key.startswith("comments")}
    told = {"w": stamp, "t": cells.get("ticket", ""), "at": cells.get("when", ""), "h": digests}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def cell_digest(text: str) -> str:
    """A short digest of what a cell shows; the format's own escapes count as the sign, as some programs save them."""
    return hashlib.sha256(tidy(plain_text(text)).encode("utf-8", "surrogatepass")).hexdigest()[:10]


def to_xlsx(register: Register) -> bytes:
    """The workbook's bytes; the same register gives the same bytes."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    words = Words(register.language)
    made = register.as_of.astimezone(UTC).replace(tzinfo=None)
    book.set_properties({"title": words("title"), "subject": register.account, "created": made})
    writer = _Writer(book, register, words)
    writer.summary()
    for tab in register.tabs:
        writer.tab(tab)
    if register.unmatched:
        writer.unmatched()
    book.close()
    return out.getvalue()


def growing() -> Any:
    """A worksheet whose rows have a height and still grow with what is typed into them: a height is no fixed height."""
    from xlsxwriter.worksheet import Worksheet

    class Growing(Worksheet):  # type: ignore[misc]
        def _xml_start_tag_unencoded(self, tag: str, attributes: Any = ()) -> None:
            fixed = [one for one in attributes if tag != "row" or one[0] != "customHeight"]
            super()._xml_start_tag_unencoded(tag, fixed)

    return Growing


def _height(cells: Mapping[str, str], wide: Mapping[str, str] | None = None) -> float:
    """The height of a row in points: programs do not work it out by themselves for a file they did not write."""
    lines = 1
    for column, text in cells.items():
        if column not in DATES:
            lines = max(lines, lines_in(text, int(_WIDTHS.get(column.split(" ")[0], 14) * 1.1)))
    for text in (wide or {}).values():
        lines = max(lines, lines_in(text, _WIDE))
    return min(lines * _LINE_HEIGHT + 2, _TALLEST)


def lines_in(text: str, width: int) -> int:
    """How many lines a text takes in a column of so many characters."""
    return sum(max(-(-len(line) // width), 1) for line in text.split("\n"))


class _Writer:
    def __init__(self, book: Any, register: Register, words: Words) -> None:
        self.book, self.register, self.words = book, register, words
        font = {"font_name": _FONT, "font_color": _INK}
        base = {**font, "text_wrap": True, "valign": "top", "font_size": _SIZE, "border": 1, "border_color": _LINE}
        self.head = book.add_format({**base, "bold": True, "bg_color": _PALE})
        self.ours = book.add_format({**base, "num_format": "@"})
        self.date = book.add_format({**base, "num_format": "yyyy-mm-dd hh:mm", "align": "left"})
        self.theirs = book.add_format({**base, "bg_color": _YELLOW, "locked": False, "num_format": "@"})
        self.late = book.add_format({**base, "num_format": "@", "bold": True, "font_color": "#B3261E"})
        self.number = book.add_format({**base, "num_format": "0"})
        self.alarm = book.add_format({**base, "num_format": "0", "bold": True, "font_color": "#B3261E"})
        self.strong = book.add_format({**base, "bold": True, "bg_color": _PALE, "num_format": "0"})
        self.title = book.add_format({**font, "bold": True, "font_size": 15})
        self.hint = book.add_format({**font, "italic": True, "font_size": _SIZE, "font_color": "#5B6B7C"})
        self.small = book.add_format({**font, "font_size": _SIZE, "font_color": "#5B6B7C", "valign": "top"})

    # --- pages ----------------------------------------------------------------------------------------------------
    def summary(self) -> None:
        """How many are open, overdue and closed in each tab; where all of it comes from."""
        words, register = self.words, self.register
        page = self._page(register.summary, words("title"), SUMMARY_COLUMNS)
        page.set_column(len(HIDDEN) + 1, len(HIDDEN) + 4, 13)
        line = self._line(page, 1, {"s_tab": words("title")}, {"s_tab": self.title})
        line = self._line(page, line, {"s_tab": words("how")}, {"s_tab": self.hint}) + 1
        heads = {column: words.summary_heading(column) for column in SUMMARY_COLUMNS}
        line = self._line(page, line, heads, dict.fromkeys(heads, self.head))
        total = [0, 0, 0, 0]
        for tab in register.tabs:
            total = [before + more for before, more in zip(total, tab.counts, strict=True)]
            line = self._counts(page, line, tab.sheet, tab.counts, self.ours, self.number)
        line = self._counts(page, line, words("total"), total, self.strong, self.strong) + 1
        line = self._line(page, line, {"s_tab": words("origin")}, {"s_tab": self.title})
        for what, value in register.origin():
            line = self._line(page, line, {"s_tab": what, "s_open": value}, {"s_tab": self.small, "s_open": self.small})

    def tab(self, tab: Tab) -> None:
        """The escalations of one tab."""
        parts = max((len(pieces(row.cells["comments"], CELL)) for row in tab.rows), default=1)
        more = tuple(f"comments {number}" for number in range(2, parts + 1))
        columns = (*tab.columns, *more)
        heads = [self.words.heading(column) for column in tab.columns]
        heads += [f"{self.words.heading('comments')} {number}" for number in range(2, parts + 1)]
        page = self._table(tab.sheet, tab.title, columns, heads)
        for number, row in enumerate(tab.rows, 2):
            comments = dict(zip(("comments", *more), pieces(row.cells["comments"], CELL), strict=False))
            cells = {column: row.cells.get(column, "") for column in tab.columns} | comments
            self._hidden(page, number, row.record.id, cells, row.cells["comments"])
            for at, column in enumerate(columns, len(HIDDEN)):
                if column in row.dates:
                    page.write_datetime(number, at, row.dates[column], self.date)
                else:
                    look = self.theirs if column.startswith("comments") else self.ours
                    look = self.late if column == "state" and row.overdue else look
                    self._text(page, number, at, cells.get(column, ""), look)
            page.set_row(number, _height(cells))
        self._end(page, len(tab.rows), columns)
        if not tab.rows:
            page.set_row(2, None, None)
            self._line(page, 2, {columns[0]: self.words("nothing")}, {columns[0]: self.hint})

    def unmatched(self) -> None:
        """What was written in no row of a known case."""
        words = self.words
        heads = [words.unmatched_heading(column) for column in UNMATCHED_COLUMNS]
        page = self._table(self.register.unmatched_sheet, words("unmatched"), UNMATCHED_COLUMNS, heads)
        page.set_column(len(HIDDEN) + 4, len(HIDDEN) + 4, _WIDE)
        number = 2
        for number, one in enumerate(self.register.unmatched, 2):
            cells = {"file": one.file, "tab": one.tab, "cell": one.cell, "ticket": one.ticket, "comments": one.text}
            # A longer text than a cell takes is shown cut; the whole stays in the state and in the JSON form.
            cells["comments"] = pieces(one.text, CELL)[0]
            self._hidden(page, number, one.id, cells, cells["comments"])
            for at, column in enumerate(UNMATCHED_COLUMNS, len(HIDDEN)):
                self._text(page, number, at, cells[column], self.theirs if column == "comments" else self.ours)
            page.set_row(number, _height({**cells, "comments": ""}, {"comments": cells["comments"]}))
        self._end(page, len(self.register.unmatched), UNMATCHED_COLUMNS)
        self._line(page, number + 2, {"file": words("how_unmatched")}, {"file": self.hint})

    # --- parts of a page --------------------------------------------------------------------------------------------
    def _page(self, name: str, title: str, columns: Sequence[str]) -> Any:
        page = self.book.add_worksheet(name, worksheet_class=growing())
        page.set_landscape()
        page.set_paper(9)
        page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        page.fit_to_pages(1, 0)
        told = title.replace("&", "&&")[:100]
        page.set_header(f"&L&B{told}&R{self.register.account.replace('&', '&&')[:60]} · {self.register.origin()[1][1]}")
        page.set_footer(f"&L{self.register.policy.digest[:12]}&R{self.words('page')} &P / &N")
        page.set_row(0, None, None, {"hidden": True})
        page.set_column(0, len(HIDDEN) - 1, None, None, {"hidden": True})
        for at, column in enumerate((*HIDDEN, *columns)):
            if column != "id":
                page.write_string(0, at, column)
            if at >= len(HIDDEN):
                page.set_column(at, at, _WIDTHS.get(column.split(" ")[0], 14))
        page.write_string(0, 0, f"{MARK}{self.register.account}")
        return page

    def _table(self, name: str, title: str, columns: Sequence[str], heads: Sequence[str]) -> Any:
        page = self._page(name, title, columns)
        page.repeat_rows(1)
        page.freeze_panes(2, len(HIDDEN) + 1)
        for at, text in enumerate(heads, len(HIDDEN)):
            page.write_string(1, at, text, self.head)
        for at, text in enumerate(HIDDEN):
            page.write_string(1, at, text)
        return page

    def _end(self, page: Any, rows: int, columns: Sequence[str]) -> None:
        last = len(HIDDEN) + len(columns) - 1
        page.autofilter(1, 0, max(rows + 1, 2), last)
        page.ignore_errors({"number_stored_as_text": f"A1:ZZ{rows + 3}"})

    def _hidden(self, page: Any, number: int, record: str, cells: Mapping[str, str], comments: str) -> None:
        page.write_string(number, 0, record)
        page.write_string(number, 1, seal(cells, self.register.stamp))
        page.write_string(number, 2, as_base(comments, CELL))

    def _line(self, page: Any, number: int, cells: Mapping[str, str], looks: Mapping[str, Any]) -> int:
        """A row of ours that is no record: sealed, so that what people add to it is seen. Returns the next row."""
        page.write_string(number, 1, seal(cells, self.register.stamp))
        for at, (column, text) in enumerate(cells.items(), len(HIDDEN)):
            self._text(page, number, at, text, looks[column])
        return number + 1

    def _counts(self, page: Any, number: int, name: str, counts: Sequence[int], text: Any, figure: Any) -> int:
        cells = {"s_tab": name, **{k: str(v) for k, v in zip(SUMMARY_COLUMNS[1:], counts, strict=True)}}
        page.write_string(number, 1, seal(cells, self.register.stamp))
        page.write_string(number, len(HIDDEN), name, text)
        for at, count in enumerate(counts, len(HIDDEN) + 1):
            late = at == len(HIDDEN) + 2 and count and figure is self.number
            page.write_number(number, at, count, self.alarm if late else figure)
        return number + 1

    @staticmethod
    def _text(page: Any, row: int, column: int, text: str, look: Any) -> None:
        if text:
            page.write_string(row, column, pieces(text, CELL)[0], look)
        else:
            page.write_blank(row, column, None, look)
