"""The dry-run report as one self-contained, printable page: no script, no address, every text of a ticket escaped."""

from __future__ import annotations

from connector.reports.dry_run import Report
from connector.reports.reasons import said
from connector.reports.words import words
from connector.text_hints import calm

#: Rows of each list on the page; beyond that a page is no help, and the other forms have all of them.
_MOST = 2_000


def to_html(report: Report, language: str) -> str:
    """The page as HTML text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("connector.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=calm,
    )  # fmt: skip
    return environment.get_template("dry_run.html.j2").render(
        report=report, plan=report.plan, verdict=report.verdict, t=words(language), language=language, most=_MOST,
        undecided=report.undecided(), said=lambda reason: said(reason, language, report.zone),
    )  # fmt: skip
