"""The register as a page to print, as CSV and as JSON: to be read, not to be handed back."""

from __future__ import annotations

import csv
import io
import json

from connector.reports.register.build import Register, register_json
from connector.reports.register.words import COLUMNS, Words
from connector.reports.tables import inert
from connector.text_hints import calm, calm_json


def to_json(register: Register) -> str:
    """The records as they are kept."""
    return calm_json(json.dumps(register_json(register), ensure_ascii=False, indent=2, allow_nan=False)) + "\n"


def to_csv(register: Register) -> str:
    """One line an escalation, UTF-8 with a byte-order mark, RFC 4180; no cell is a formula."""
    words = Words(register.language)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([words.summary_heading("s_tab"), *(words.heading(column) for column in COLUMNS)])
    for tab in register.tabs:
        for row in tab.rows:
            told = {"why": str(row.record.body.get("why") or ""), **row.cells}
            writer.writerow([inert(cell) for cell in (tab.title, *(told.get(column, "") for column in COLUMNS))])
    return "\ufeff" + out.getvalue()


def to_html(register: Register) -> str:
    """One self-contained page: no script, no address, every text escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("connector.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=calm,
    )  # fmt: skip
    words = Words(register.language)
    return environment.get_template("register.html.j2").render(register=register, t=words, language=register.language)
