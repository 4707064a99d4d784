"""Maps and generated exports that several tests of the export connector share."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

from connector.core.fieldmap import FieldMap
from connector.core.model import Rejected, Ticket
from connector.helpdesks.c4c_export import Export, Limits, read_exports

C4C = FieldMap(
    "c4c",
    statuses={
        "open": ("1", "Open", "Abierto", "Aperto"),
        "in_process": ("2", "In Process", "En proceso", "In lavorazione"),
        "waiting_customer": ("4", "In Process - Waiting for Customer"),
        "completed": ("5", "Completed", "Completado"),
        "closed": ("6", "Closed", "Cerrado"),
    },
    priorities={
        "urgent": ("1", "Immediate", "Inmediata"),
        "high": ("2", "High", "Alta"),
        "normal": ("3", "Normal", "Media"),
        "low": ("7", "Low", "Baja"),
    },
    channels={"email": ("5", "E-Mail", "Correo electrónico"), "phone": ("8", "Telephony", "Teléfono")},
    headings={
        "id": ("Ticket ID", "Ticket", "ID", "N.º de ticket"),
        "subject": ("Subject", "Case Title", "Asunto"),
        "status": ("Status", "Estado"),
        "priority": ("Priority", "Prioridad"),
        "channel": ("Origin", "Canal"),
        "agent": ("Assigned To", "Asignado a"),
        "created_at": ("Created On", "Creado el"),
        "updated_at": ("Changed On", "Modificado el"),
        "escalation_type": ("Escalation Type", "Tipo de escalación"),
        "escalated_at": ("Escalated On", "Escalado el"),
        "custom.serie": ("Serial ID", "Número de serie"),
    },
    empty=("#", "-", "Not assigned", "Sin asignar"),
    timezone="America/Mexico_City",
    autoclose_clock="updated_at",
    file="c4c.yaml",
)

FRESHDESK = FieldMap(
    "freshdesk",
    statuses={
        "open": ("2", "Open"),
        "waiting_customer": ("3", "Pending"),
        "completed": ("4", "Resolved"),
        "closed": ("5", "Closed"),
    },
    priorities={"low": ("1", "Low"), "normal": ("2", "Medium"), "high": ("3", "High"), "urgent": ("4", "Urgent")},
    channels={"email": ("1", "Email"), "portal": ("2", "Portal"), "phone": ("3", "Phone")},
    timezone="America/Mexico_City",
    file="freshdesk.yaml",
)

HEAD = ("Ticket ID", "Asunto", "Estado", "Prioridad", "Creado el", "Modificado el")


def row(number: int | str = 1042, **other: str) -> list[str]:
    """A row under HEAD with usual values."""
    usual = {"subject": "No enciende", "status": "En proceso", "priority": "Alta"}
    usual |= {"created": "10.05.2026 09:00:00", "updated": "11.05.2026 10:30:00"} | other
    return [str(number), usual["subject"], usual["status"], usual["priority"], usual["created"], usual["updated"]]


def csv_text(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    """Rows as CSV text."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def save(folder: Path, content: str | bytes, name: str = "export.csv") -> Path:
    """A file with this content (text: UTF-8)."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def xlsx(path: Path, rows: Iterable[Sequence[Any]], sheet: str = "Report", **options: Any) -> Path:
    """A workbook with these cells on one sheet; datetimes get a date format, `{"formula": ...}` is a formula."""
    workbook = xlsxwriter.Workbook(str(path), {"default_date_format": "dd.mm.yyyy hh:mm:ss", **options})
    page = workbook.add_worksheet(sheet)
    for number, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, dict):
                page.write_formula(number, column, cell["formula"], None, cell.get("value", 0))
            elif isinstance(cell, str):
                page.write_string(number, column, cell)
            elif cell is not None:
                page.write(number, column, cell)
    workbook.close()
    return path


def spreadsheetml(rows: Iterable[Sequence[str]], kinds: Mapping[int, str] | None = None) -> str:
    """SpreadsheetML 2003 text as Freshdesk exports it."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?><?mso-application progid="Excel.Sheet"?>',
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:x">',
        '<Worksheet ss:Name="Sheet1"><Table>',
    ]
    for cells in rows:
        lines.append("<Row>")
        for column, cell in enumerate(cells):
            kind = (kinds or {}).get(column, "String")
            text = cell.replace("&", "&amp;").replace("<", "&lt;")
            lines.append(f'<Cell><Data ss:Type="{kind}">{text}</Data></Cell>')
        lines.append("</Row>")
    lines.append("</Table></Worksheet></Workbook>")
    return "\n".join(lines)


def read(
    paths: Path | Sequence[Path], maps: FieldMap | Mapping[str, FieldMap] = C4C, limits: Limits | None = None
) -> tuple[Export, list[Ticket], list[Rejected]]:
    """The export, its tickets and what was rejected."""
    export = read_exports([paths] if isinstance(paths, Path) else paths, maps, limits=limits or Limits())
    found = list(export.tickets())
    return (
        export,
        [one for one in found if isinstance(one, Ticket)],
        [one for one in found if isinstance(one, Rejected)],
    )


def one(path: Path, maps: FieldMap | Mapping[str, FieldMap] = C4C) -> Ticket:
    """The only ticket of a file that holds nothing else."""
    _, tickets, rejected = read(path, maps)
    assert rejected == []
    (ticket,) = tickets
    return ticket


WIDE = (
    "Ticket ID", "Subject", "Status", "", "Priority", "Origin", "Assigned To", "Created On", "Changed On",
    "Escalation Type", "Escalated On", "Serial ID", "Country/Region", "Amount Including Tax", "Dealer Name",
)  # fmt: skip


def many_rows(count: int) -> Iterator[list[str]]:
    """A wide analytics report with its heading, of so many different tickets."""
    yield list(WIDE)
    start = datetime(2026, 1, 1)
    for number in range(count):
        at = start + timedelta(minutes=number % 200_000)
        yield [
            str(1_000_000 + number), f"Cafetera {number % 977} no enciende, espera respuesta", "2", "En proceso",
            "Alta", "E-Mail", f"Agente {number % 40}", at.strftime("%d.%m.%Y %H:%M:%S"),
            at.strftime("%d.%m.%Y %H:%M:%S CSTMEX"), "#", "", f"SN{number:09}", "MX", "1,234.50", "Not assigned",
        ]  # fmt: skip


def many(path: Path, count: int) -> Path:
    """A CSV of `many_rows`."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(many_rows(count))
    return path


def repacked(source: Path, target: Path, changes: Mapping[str, bytes]) -> Path:
    """A workbook with some parts replaced or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            new.writestr(name, content)
    return target
