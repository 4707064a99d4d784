"""Exports that others wrote, read with a small map: the figures were counted independently with the csv module."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.core.fieldmap import FieldMap
from connector.core.model import Ticket
from connector.helpdesks.c4c_export import read_exports
from tests.unit.helpdesks.export_samples import FRESHDESK, csv_text, read, save, spreadsheetml, xlsx

_REPORTS = Path(__file__).parent / "data" / "alessandria-segnalazioni.csv"
_MAP = FieldMap(
    "municipium",
    statuses={"open": ("aperta",), "in_process": ("in carico",), "closed": ("chiusa", "archiviata")},
    headings={"id": ("Id",), "status": ("Stato",), "created_at": ("Creato",), "closed_at": ("Chiusa",),
              "subject": ("DescrizioneBreve",), "category": ("Categoria",)},
    timezone="Europe/Rome",
)  # fmt: skip
FRESHDESK_HEADINGS = (
    "Ticket ID", "Subject", "Status", "Priority", "Source", "Type", "Agent", "Group", "Created time", "Due by Time",
    "Resolved time", "Closed time", "Last update time", "Initial response time", "Time tracked",
    "First response time (in hrs)", "Resolution time (in hrs)", "Agent interactions", "Customer interactions",
    "Resolution status", "First response status", "Tags", "Survey results", "Association type", "Product",
    "Every response status", "Full name", "Contact ID", "Company Name",
)  # fmt: skip
_CELLS = (
    "1042", "No enciende", "Waiting on Customer", "High", "Feedback Widget", "Incident", "Ana", "Soporte",
    "2026-05-10 09:00:00", "2026-05-12 09:00:00", "", "", "2026-05-11 10:30:00", "2026-05-10 09:20:00", "00:00",
    "00:20:00", "64:00:00", "3", "2", "Within SLA", "SLA Violated", "vip", "", "", "Cafetera", "", "Luis", "88", "ACME",
)  # fmt: skip


def test_the_reports_of_a_real_town() -> None:
    """Every row is a ticket; states, dates and empty cells are what the file says, day by day in its own zone."""
    with _REPORTS.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    export, tickets, rejected = read(_REPORTS, _MAP)
    assert (export.complete, export.warnings, rejected) == (True, (), [])
    assert [line["Id"] for line in rows] == [ticket.id for ticket in tickets]
    assert Counter(line["Stato"] for line in rows) == Counter(ticket.raw.get("status", "") for ticket in tickets)
    rome = ZoneInfo("Europe/Rome")

    def day(at: datetime | None) -> date | None:
        return at.astimezone(rome).date() if at else None

    for line, ticket in zip(rows, tickets, strict=True):
        assert date.fromisoformat(line["Creato"]) == day(ticket.created_at)
        assert (date.fromisoformat(line["Chiusa"]) if line["Chiusa"] else None) == day(ticket.closed_at)
        assert (line["Categoria"] or None, int(line["Anno"])) == (ticket.category, ticket.custom["Anno"])


@pytest.mark.parametrize("ending", ["csv", "xlsx", "xls"])
def test_freshdesks_native_export(tmp_path: Path, ending: str) -> None:
    """All 29 headings under a map that has none of its own: fields found, the rest custom, durations as written."""
    rows = [FRESHDESK_HEADINGS, _CELLS]
    if ending == "csv":
        path = save(tmp_path, csv_text(rows))
    elif ending == "xlsx":
        path = xlsx(tmp_path / "a.xlsx", rows)
    else:
        path = save(tmp_path, spreadsheetml(rows), "a.xls")
    _, (ticket,), rejected = read(path, FRESHDESK)
    assert rejected == []
    assert (
        ticket.id, ticket.status, ticket.raw["status"], ticket.priority, ticket.raw["channel"],
    ) == ("1042", None, "Waiting on Customer", "high", "Feedback Widget")  # fmt: skip
    times = [ticket.created_at, ticket.due_by, ticket.updated_at, ticket.first_responded_at]
    assert [at.strftime("%d %H:%M") for at in times if at] == ["10 15:00", "12 15:00", "11 16:30", "10 15:20"]
    assert (
        ticket.resolved_at, ticket.closed_at, ticket.tags, ticket.customer, ticket.requester, ticket.product,
    ) == (None, None, ("vip",), "ACME", "Luis", "Cafetera")  # fmt: skip
    assert (
        ticket.custom["Resolution time (in hrs)"],
        ticket.custom["Agent interactions"],
        ticket.custom["First response status"],
    ) == ("64:00:00", 3, "SLA Violated")


def test_freshdesks_export_saved_again_by_a_spreadsheet(tmp_path: Path) -> None:
    """Day first, seconds lost, one-digit hours, semicolons."""
    cells = list(_CELLS)
    cells[8], cells[12] = "10/05/2026 9:00", "11/05/2026 10:30"
    _, (ticket,), rejected = read(
        save(tmp_path, csv_text([FRESHDESK_HEADINGS, cells], ";").encode("cp1252")), FRESHDESK
    )
    assert rejected == []
    assert [at.strftime("%Y-%m-%d %H:%M") for at in (ticket.created_at, ticket.updated_at) if at] == [
        "2026-05-10 15:00",
        "2026-05-11 16:30",
    ]


def test_a_field_without_a_column_takes_what_the_map_says_is_absent(tmp_path: Path) -> None:
    """`absent` holds for a missing column only: a column that is there wins, other missing fields stay unknown."""
    path = tmp_path / "a.csv"
    path.write_text("Id;Stato;Gruppo\n1;aperta;Verde\n2;aperta;\n", encoding="utf-8")
    field_map = FieldMap(
        "x",
        headings={"id": ("Id",), "status": ("Stato",), "group": ("Gruppo",)},
        statuses={"open": ("aperta",)},
        absent={"priority": "normal", "group": "Sportello"},
    )
    first, second = (entry for entry in read_exports([path], field_map).tickets() if isinstance(entry, Ticket))
    assert ("normal", "Verde") == (first.priority, first.group)
    assert ("normal", None) == (second.priority, second.group)
    assert "priority" not in first.unknown
    assert {"agent", "subject"} <= first.unknown
