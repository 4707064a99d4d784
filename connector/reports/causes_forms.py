"""The report on causes as a page, as CSV and as a workbook. No cell is ever a formula, whatever a ticket says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connector.reports.causes import GROUPS, Causes, Figures, Share, cause_of, causes_json, where_of
from connector.reports.causes_words import CauseWords
from connector.reports.register.texts import printable
from connector.reports.tables import inert
from connector.text_hints import calm, calm_json

FIGURES = (
    "count", "open", "overdue", "median_days", "closed_in_time", "promise_kept", "happy", "neutral", "unhappy",
)  # fmt: skip
OVERDUE = ("ticket", "opened_at", "days", "where", "cause")
RECORDS = ("ticket", "opened_at", "where", "cause", "by", "state", "days", "satisfaction")
_WIDTHS = {
    "group": 18,
    "item": 36,
    "where": 34,
    "cause": 26,
    "opened_at": 20,
    "by": 22,
    "state": 22,
    "satisfaction": 16,
}


def to_json(report: Causes) -> str:
    """The figures by group, and what is overdue."""
    return calm_json(json.dumps(causes_json(report), ensure_ascii=False, indent=2, allow_nan=False)) + "\n"


def to_csv(report: Causes, language: str) -> str:
    """One line for each item of each group; UTF-8 with a byte-order mark, RFC 4180."""
    told = CauseWords(language)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([told("group"), told("item"), *(told(name) for name in FIGURES)])
    for row in figure_rows(report, told):
        writer.writerow([inert(printable(cell)) for cell in row])
    return "\ufeff" + out.getvalue()


def to_html(report: Causes, language: str) -> str:
    """One self-contained page: no script, no address, every text escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("connector.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=calm,
    )  # fmt: skip
    told = CauseWords(language)
    return environment.get_template("causes.html.j2").render(
        report=report, t=told, language=language, groups=GROUPS, figures=FIGURES, cells=cells_of,
        overdue=list(overdue_rows(report, told)), columns=OVERDUE, now=local(report, report.now),
        period=_period(report, told),
    )  # fmt: skip


def to_xlsx(report: Causes, language: str) -> bytes:
    """A workbook with the figures, what is overdue, and a line for each escalation."""
    import xlsxwriter

    told = CauseWords(language)
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    # The instant of the report, so that the same report is the same file.
    book.set_properties({"title": told("title"), "created": report.now.astimezone(UTC).replace(tzinfo=None)})
    head = book.add_format({"bold": True, "bg_color": "#E8EDF3", "bottom": 1, "text_wrap": True, "valign": "top"})
    cell = book.add_format({"text_wrap": True, "valign": "top"})

    def sheet(name: str, columns: tuple[str, ...], rows: Iterator[list[str]]) -> None:
        page = book.add_worksheet(name[:31])
        page.freeze_panes(1, 1)
        page.set_landscape()
        page.repeat_rows(0)
        page.fit_to_pages(1, 0)
        for at, column in enumerate(columns):
            page.set_column(at, at, _WIDTHS.get(column, 14))
            page.write_string(0, at, told(column), head)
        last = 0
        for last, row in enumerate(rows, 1):
            for at, text in enumerate(row):
                page.write_string(last, at, printable(text), cell)
        if last:
            page.autofilter(0, 0, last, len(columns) - 1)

    sheet(told("figures"), ("group", "item", *FIGURES), figure_rows(report, told))
    sheet(told("overdue"), OVERDUE, overdue_rows(report, told))
    sheet(told("records"), RECORDS, record_rows(report, told))
    book.close()
    return out.getvalue()


def figure_rows(report: Causes, told: CauseWords) -> Iterator[list[str]]:
    """All records first, then each item of each group."""
    yield [told("all"), "", *cells_of(report.all)]
    for line in report.lines:
        yield [told(f"by_{line.group}"), told.held(line.group, line.item), *cells_of(line.figures)]


def overdue_rows(report: Causes, told: CauseWords) -> Iterator[list[str]]:
    """A row for each record open too long."""
    for one in report.overdue:
        opened = local(report, one.record.opened_at)
        yield [one.record.ticket, opened, str(one.days), told.held("where", one.where), told.held("cause", one.cause)]


def record_rows(report: Causes, told: CauseWords) -> Iterator[list[str]]:
    """A row for each record."""
    for one in report.records:
        yield [
            one.ticket,
            local(report, one.opened_at),
            told.held("where", where_of(one)),
            told.held("cause", cause_of(one)),
            told.held("by", str(one.cause.get("by", ""))),
            told.held("state", str(one.outcome.get("state", "open"))),
            _number(one.outcome.get("days")),
            told.held("satisfaction", str(one.satisfaction.get("word", ""))),
        ]


def cells_of(figures: Figures) -> list[str]:
    """The figures in the order of `FIGURES`."""
    return [
        str(figures.count),
        str(figures.open),
        str(figures.overdue),
        _number(figures.median_days),
        _share(figures.closed_in_time),
        _share(figures.promise_kept),
        str(figures.happy),
        str(figures.neutral),
        str(figures.unhappy),
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _share(share: Share) -> str:
    return "–" if share.percent is None else f"{share.percent:g} % ({share.part}/{share.whole})"


def _period(report: Causes, told: CauseWords) -> str:
    if report.since is None and report.until is None:
        return told("always")
    return " – ".join("…" if at is None else local(report, at) for at in (report.since, report.until))


def local(report: Causes, at: datetime) -> str:
    """The instant in the pack's time zone, to the minute."""
    return at.astimezone(ZoneInfo(report.timezone)).strftime("%Y-%m-%d %H:%M")
