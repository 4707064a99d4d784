"""Records, a state with them, and hands that edit a workbook as supervisors do: what the register's tests share."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from connector.core.policy import Policy
from connector.core.records import Escalation
from connector.mapping.load import load_policy_from_texts
from connector.reports.register.book import HIDDEN, to_xlsx
from connector.reports.register.build import Register, make_register
from connector.reports.register.edited import read_book
from connector.reports.register.keep import Handed, Taken, desk_of, take_over
from connector.store import open_store
from connector.store.base import Store

ACCOUNT = "demo"
NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
TABS = ("Sin diagnóstico", "Profeco", "Amazon")
#: A pack with three tabs, one of them in two situations.
PACK: Mapping[str, str] = {
    "pack.yaml": "pack: {name: little, title: Little, language: es, timezone: America/Mexico_City, calendar: mx}\n"
    'calendars:\n  mx: {timezone: America/Mexico_City, hours: {mon-fri: ["09:00-18:00"]}}\n',
    "people.yaml": "people:\n  supervision: {group: Supervisión}\n",
    "situations.yaml": "situations:\n"
    + "".join(
        f"  - {{id: s{number}, title: T{number}, escalate: {{to: supervision}}, register: {{tab: {tab}}}}}\n"
        for number, tab in enumerate((*TABS, TABS[0]))
    ),
}


@cache
def policy() -> Policy:
    """The pack above, loaded."""
    return load_policy_from_texts(PACK)


def record(number: int, *, tab: str | None = TABS[0], comments: str = "", **body: Any) -> Escalation:
    """Escalation `number` of ticket 1000 + number, an hour after the one before."""
    at = NOW - timedelta(days=9) + timedelta(hours=number)
    told = {
        "situation": "s0", "customer": f"Cliente {number}", "phone": "+52 55 1234 5678", "email": "a@example.com",
        "product": "Cafetera", "description": "No enciende.\nYa llamé dos veces.", "kind": "hierarchical", "level": 2,
        "to": ["supervision"], "promise": (at + timedelta(hours=72)).isoformat(), "urgent": False, "why": "T0", **body,
    }  # fmt: skip
    return Escalation(f"situation:s0:{1000 + number}:register", str(1000 + number), tab, at, told, comments=comments)


def state(*records: Escalation) -> Store:
    """A state in memory with these records."""
    store = open_store(":memory:")
    with store.transaction():
        for one in records:
            store.put_escalation(ACCOUNT, one)
    return store


def register(store: Store, *, language: str = "es", now: datetime = NOW) -> Register:
    """The register of a state."""
    unmatched = list(desk_of(store, ACCOUNT, "America/Mexico_City").unmatched.values())
    return make_register(
        store.escalations(ACCOUNT), policy(), account=ACCOUNT, as_of=now, language=language, unmatched=unmatched
    )


def written(store: Store, path: Path, *, language: str = "es", now: datetime = NOW) -> Path:
    """The workbook of a state, as a file."""
    path.write_bytes(to_xlsx(register(store, language=language, now=now)))
    return path


def edit(path: Path, hands: Callable[[Any], object], to: Path | None = None) -> Path:
    """What a person does to the workbook, by openpyxl; `hands` gets the book."""
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), rich_text=True)
    hands(book)
    target = to or path
    book.save(target)
    return target


def columns(page: Worksheet) -> dict[str, int]:
    """Column name -> number (1-based), by the hidden first row."""
    found = {str(cell.value): cell.column for cell in page[1] if cell.value is not None}
    return {**found, "id": 1}


def rows(page: Worksheet) -> list[int]:
    """The numbers of the rows that are records."""
    return [row for row in range(3, page.max_row + 1) if page.cell(row, 1).value and page.cell(row, 2).value]


def comment(page: Worksheet, row: int) -> Any:
    """The comments cell of a row."""
    return page.cell(row, columns(page)["comments"])


def comment_of(book: Any, ticket: str) -> Any:
    """The comments cell of a ticket, wherever it stands."""
    for page in book:
        if "ticket" in columns(page) and "file" not in columns(page):
            for row in rows(page):
                if str(page.cell(row, columns(page)["ticket"]).value) == ticket:
                    return comment(page, row)
    msg = f"no row of {ticket}"
    raise AssertionError(msg)


def say(**words: Any) -> Callable[[Any], None]:
    """Hands that write into the comments of tickets: `say(t1001="...")`."""

    def hands(book: Any) -> None:
        for ticket, text in words.items():
            comment_of(book, ticket.removeprefix("t")).value = text

    return hands


def give_back(store: Store, *paths: Path, by: str = "laura", at: datetime = NOW) -> Taken:
    """Merge files into the state."""
    books = tuple(read_book(path) for path in paths)
    return take_over(store, Handed(ACCOUNT, by, at, "America/Mexico_City", books))


def comments(store: Store) -> dict[str, str]:
    """Ticket -> comments, of those that have any."""
    return {one.ticket: one.comments for one in store.escalations(ACCOUNT) if one.comments}


def unmatched(store: Store) -> list[str]:
    """The texts kept as unmatched."""
    return [one.text for one in desk_of(store, ACCOUNT, "America/Mexico_City").unmatched.values()]


def everything(store: Store) -> str:
    """Every text that a supervisor would find in the next register."""
    shown = register(store)
    found = [row.cells["comments"] for tab in shown.tabs for row in tab.rows]
    return "\n".join([*found, *(one.text for one in shown.unmatched)])


def values(path: Path) -> Iterator[tuple[str, list[list[Any]]]]:
    """(sheet, rows of values) of a workbook, hidden cells left out."""
    book = openpyxl.load_workbook(path)
    for page in book:
        yield page.title, [list(row)[len(HIDDEN) :] for row in page.iter_rows(min_row=2, values_only=True)]


def without_hidden(records: Iterable[Escalation], texts: Sequence[str]) -> list[Escalation]:
    """Records with comments, in order."""
    return [replace(one, comments=text) for one, text in zip(records, texts, strict=False)]
