"""The work list: what a person must know or do by hand, as CSV and XLSX, in the pack's language."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.model import Action, Ticket

_HEADINGS = {
    "en": ("Ticket", "Subject", "What to do", "Changes", "By hand", "Text", "To", "Due", "Rule", "Why", "Made on"),
    "es": (
        "Ticket", "Asunto", "Qué hacer", "Cambios", "A mano", "Texto", "Para", "Vence", "Regla", "Motivo", "Generado",
    ),
    "it": (
        "Ticket", "Oggetto", "Cosa fare", "Modifiche", "A mano", "Testo", "A", "Scadenza", "Regola", "Motivo", "Creato",
    ),
}  # fmt: skip
_KINDS = {
    "en": {
        "set": "change fields", "toggle": "restart the auto-close clock", "assign": "reassign",
        "note": "leave a private note", "reply": "answer the customer", "create": "create a ticket", "notify": "tell",
        "register": "enter in the register",
    },
    "es": {
        "set": "cambiar campos", "toggle": "reiniciar el plazo de cierre", "assign": "reasignar",
        "note": "dejar una nota privada", "reply": "responder al cliente", "create": "crear un ticket",
        "notify": "avisar", "register": "anotar en el registro",
    },
    "it": {
        "set": "modificare i campi", "toggle": "riavviare il termine di chiusura", "assign": "riassegnare",
        "note": "lasciare una nota privata", "reply": "rispondere al cliente", "create": "creare un ticket",
        "notify": "avvisare", "register": "annotare nel registro",
    },
}  # fmt: skip
_NAMES = {"en": "Work list", "es": "Lista de trabajo", "it": "Elenco attività"}
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CELL_CHARS = 32_767  # what a spreadsheet's cell can hold


@dataclass(frozen=True, slots=True)
class WorkList:
    """A plan's actions as a list for people. `by_hand`: action id -> fields that no change file could take."""

    actions: Sequence[Action]
    tickets: Mapping[str, Ticket]
    by_hand: Mapping[str, Sequence[str]]
    timezone: str
    language: str
    now: datetime

    def rows(self) -> tuple[str, list[Sequence[str]]]:
        """The sheet's name, and the rows with the headings first; what is due first stands first."""
        speech = self.language[:2].lower()
        speech = speech if speech in _HEADINGS else "en"
        rows: list[Sequence[str]] = [_HEADINGS[speech]]
        latest = datetime.max.replace(tzinfo=UTC)
        for action in sorted(self.actions, key=lambda one: (one.due or latest, one.ticket, one.id)):
            ticket = self.tickets.get(action.ticket)
            changes = sorted(action.changes.items())
            rows.append(
                (
                    action.ticket,
                    (ticket.subject if ticket else None) or "",
                    _KINDS[speech].get(action.kind, action.kind),
                    "; ".join(f"{name}: {_said(old)} -> {_said(new)}" for name, (old, new) in changes),
                    ", ".join(self.by_hand.get(action.id, ())),
                    action.text or "",
                    ", ".join(action.to),
                    self._told(action.due),
                    f"{action.rule.name} ({action.rule.file}:{action.rule.line})",
                    " ".join(reason.text for reason in action.reasons),
                    self._told(self.now),
                )
            )
        return _NAMES[speech], rows

    def _told(self, at: datetime | None) -> str:
        return at.astimezone(ZoneInfo(self.timezone)).strftime("%Y-%m-%d %H:%M") if at else ""

    def as_csv(self) -> bytes:
        """CSV with a byte order mark, so that spreadsheets know it is UTF-8; no cell is a formula."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerows([safe(cell.replace("\x00", "")) for cell in row] for row in self.rows()[1])
        return text.getvalue().encode("utf-8-sig", "replace")

    def as_xlsx(self) -> bytes:
        """XLSX; every cell is written as text, so nothing in it is ever a formula or a link."""
        import xlsxwriter

        name, rows = self.rows()
        content = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        workbook = xlsxwriter.Workbook(content, options)
        workbook.set_properties({"created": self.now.astimezone(UTC).replace(tzinfo=None)})
        sheet = workbook.add_worksheet(name)
        bold = workbook.add_format({"bold": True})
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell[:_CELL_CHARS], bold if number == 0 else None)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, len(rows[0]) - 1, 22)
        sheet.autofilter(0, 0, len(rows) - 1, len(rows[0]) - 1)
        workbook.close()
        return content.getvalue()


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula: a leading = + - @ tab or line break gets a `'` before it."""
    return f"'{text}" if text.startswith(_RISKY) else text


def _said(value: Any) -> str:
    if value is None or value == ():
        return "-"
    return ", ".join(str(one) for one in value) if isinstance(value, (list, tuple)) else str(value)
