"""The dry-run report as CSV and as a workbook. No cell is ever a formula, whatever a ticket says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from connector.reports.dry_run import Report
from connector.reports.reasons import said
from connector.reports.register.book import growing, lines_in
from connector.reports.register.texts import printable
from connector.reports.words import words
from connector.text_hints import calm

# A spreadsheet takes a cell that begins so for a formula; the full-width forms too, in some locales.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CELL = 32_767
_LINE_HEIGHT, _TALLEST = 15.0, 408.0  # points; a row can't be higher
_ROWS = 1_048_575
_COLUMNS = (
    "ticket", "subject", "action", "change", "to", "due", "state", "rule", "place", "why", "text", "expected", "source",
    "id",
)  # fmt: skip
_WIDTHS = {"subject": 40, "change": 34, "due": 25, "rule": 34, "place": 24, "why": 70, "text": 40, "expected": 40}


def to_csv(report: Report, language: str) -> str:
    """One line an action, UTF-8 text with a byte-order mark (so that spreadsheets read the accents), RFC 4180."""
    told = words(language)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([told[name] for name in _COLUMNS])
    writer.writerows([inert(cell) for cell in row] for row in _rows(report, told, language))
    return "\ufeff" + out.getvalue()


def to_xlsx(report: Report, language: str) -> bytes:
    """A workbook with the actions, what was not decided, what was not readable, and where all of it comes from."""
    import xlsxwriter

    told = words(language)
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    # The instant of the decision, so that the same report is the same file.
    book.set_properties({"title": told["title"], "created": report.plan.now.astimezone(UTC).replace(tzinfo=None)})
    head = book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1, "text_wrap": True, "valign": "top"})
    cell = book.add_format({"text_wrap": True, "valign": "top"})

    def sheet(name: str, heads: list[str], rows: Iterator[list[str]], widths: list[int]) -> None:
        page = book.add_worksheet(name[:31], worksheet_class=growing())
        page.freeze_panes(1, 1)
        page.set_landscape()
        page.repeat_rows(0)
        page.fit_to_pages(1, 0)
        for column, (title, width) in enumerate(zip(heads, widths, strict=True)):
            page.set_column(column, column, width)
            page.write_string(0, column, title, head)
        number = 0
        for number, row in enumerate(rows, 1):
            if number > _ROWS:
                break
            for column, text in enumerate(row):
                page.write_string(number, column, text[:_CELL], cell)
            page.set_row(number, _height(row, widths))
        if number:
            page.autofilter(0, 0, min(number, _ROWS), len(heads) - 1)

    heads, widths = [told[name] for name in _COLUMNS], [_WIDTHS.get(name, 14) for name in _COLUMNS]
    sheet(told["actions"], heads, _rows(report, told, language), widths)
    undecided = ([rule, code, text, str(count), ticket] for rule, code, text, count, ticket in report.undecided())
    sheet(
        told["undecided"], [told[name] for name in ("rule", "kind", "why", "count", "example")], undecided,
        [50, 24, 80, 10, 14],
    )  # fmt: skip
    rejected = ([one.place, one.ticket or "", one.problem] for one in report.plan.rejected)
    sheet(told["unreadable"], [told["source"], told["ticket"], told["problem"]], rejected, [30, 14, 90])
    sheet(told["data"], [told["data"], ""], _origin(report, told), [24, 90])
    book.close()
    return out.getvalue()


def _height(row: list[str], widths: list[int]) -> float:
    """The height of a row in points: programs do not work it out by themselves for a file they did not write."""
    lines = max((lines_in(text, width) for text, width in zip(row, widths, strict=True)), default=1)
    return min(lines * _LINE_HEIGHT, _TALLEST)


def _origin(report: Report, told: dict[str, str]) -> Iterator[list[str]]:
    plan = report.plan
    yield [told["account"], plan.account]
    yield [told["as_of"], report.as_of]
    yield [told["pack"], report.policy.name]
    yield [told["policy"], plan.policy]
    yield [told["plan"], plan.digest]
    yield from ([one.name, one.sha256] for one in report.sources)
    yield [told["verdict"], told["go"] if report.verdict.go else told["held"]]
    yield from ([hold.limit, hold.text] for hold in report.verdict.holds)
    if not plan.complete:
        yield ["!", told["incomplete"]]


def _rows(report: Report, told: dict[str, str], language: str) -> Iterator[list[str]]:
    for row in report.rows:
        action = row.action
        cells: dict[str, Any] = {
            "ticket": action.ticket,
            "subject": row.subject,
            "action": told[action.kind],
            "change": "; ".join(f"{name}: {' → '.join(values)}" for name, values in row.changes),
            "to": ", ".join(action.to),
            "due": row.due,
            "state": told[row.state],
            "rule": f"{action.rule.kind}: {action.rule.name}",
            "place": f"{action.rule.file}:{action.rule.line}",
            "why": "\n".join(f"{one.code}: {said(one, language, report.zone)}" for one in action.reasons),
            "text": action.text or "",
            "expected": "; ".join(f"{name}: {value}" for name, value in row.expected),
            "source": row.place,
            "id": action.id,
        }
        yield [printable(str(cells[name])) for name in _COLUMNS]


def inert(cell: str) -> str:
    """A cell of a text table that no spreadsheet takes for a formula."""
    told = f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell
    return str(calm(told))
