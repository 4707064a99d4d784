"""One sheet of an export as a source of tickets: surveyed once, then streamed as often as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from connector.core.fieldmap import FieldMap
from connector.core.model import Rejected, Ticket
from connector.helpdesks.exports.headings import Aliases, Columns
from connector.helpdesks.exports.merge import IdIndex, Scattered, merge
from connector.helpdesks.exports.rows import Damaged, RowReader, Skip, zone_named
from connector.helpdesks.exports.tables import Book, Limits, Line, Reading, Sheet
from connector.helpdesks.exports.values import Clock, Unreadable, slash_evidence, text_of

_SAMPLE_ROWS = 200  # rows below the preamble by which headings and maps are judged


def sample(sheet: Sheet, limits: Limits) -> list[Line]:
    """The first rows of a sheet, preamble included."""
    return list(islice(sheet.rows(Reading()), limits.preamble_rows + _SAMPLE_ROWS))


@dataclass(slots=True)
class Source:
    """A sheet whose columns are known. `survey` must have run before `tickets`."""

    book: Book
    sheet: Sheet
    columns: Columns
    field_map: FieldMap
    limits: Limits
    where: str
    reading: Reading = field(default_factory=Reading)
    warnings: list[str] = field(default_factory=list)
    orders: dict[int, str] = field(default_factory=dict)
    rows: int = 0

    def survey(self, index: IdIndex | None, number: int) -> None:
        """Read every row once: completeness, the order of day and month of each column, and which tickets repeat."""
        reader = self._reader(Clock(zone_named(self.field_map)))
        columns = reader.time_columns
        proven: dict[int, set[str]] = {column: set() for column in columns}
        last, short = "", False
        for _, row in self._body(self.reading):
            name = reader.kind(row)
            if isinstance(name, str):
                self.rows += 1
                for column in columns:
                    cell = row[column] if column < len(row) else ""
                    if type(cell) is str and (cell[2:3] in "/-" or cell[1:2] in "/-") and cell:
                        proven[column].add(slash_evidence(cell))
                if index is not None and name != last:
                    index.add(number, name)
                last = name
            short = len(row) < self.columns.width and not isinstance(name, Skip)
        if self.reading.unended and short:
            self.reading.cut("the last row ends in its middle; the file is cut short")
        self.orders = self._decide(proven)
        self.warnings.extend(f"{self.where}: {problem}" for problem in self.reading.problems)

    def index(self, index: IdIndex, number: int) -> None:
        """Note each ticket's newest `updated_at`, so that several sources can be weighed against each other."""
        clock = Clock(zone_named(self.field_map))
        reader = self._reader(clock)
        column, _ = self.columns.fields.get("updated_at", (-1, -1))
        order = self.orders.get(column, self.field_map.date_order)
        for _, row in self._body(Reading()):
            name = reader.kind(row)
            if isinstance(name, str):
                stamp: datetime | None = None
                if 0 <= column < len(row) and row[column] != "":
                    try:
                        stamp = clock.instant(row[column], order)
                    except Unreadable:
                        stamp = None  # told when the row itself is read
                index.add(number, name, stamp)

    def tickets(self, index: IdIndex, number: int) -> Iterator[Ticket | Rejected]:
        """Tickets in the order of their first row, scattered ones where their last row stands."""
        clock = Clock(zone_named(self.field_map))
        reader = self._reader(clock)
        scattered = Scattered(self.limits.rows_in_memory)
        skipped: dict[str, list[int]] = {}
        try:
            for found in self._runs(reader, skipped):
                if isinstance(found, Rejected):
                    yield found
                    continue
                ticket, run = found
                whole = self._whole(ticket, run, index, number, scattered)
                if whole is not None:
                    yield from self._make(ticket, whole, reader)
            for ticket, late in scattered.rest():
                yield from self._make(ticket, late, reader)
        finally:
            scattered.close()
        self._remark(reader, clock, skipped)

    def _runs(self, reader: RowReader, skipped: dict[str, list[int]]) -> Iterator[Rejected | tuple[str, list[Line]]]:
        """Runs of adjacent rows about one ticket, and the damaged rows between them."""
        current = ""
        rows: list[Line] = []
        for line, row in self._body(Reading()):
            name = reader.kind(row)
            if isinstance(name, Skip):
                if name.note:
                    skipped.setdefault(name.note, []).append(line)
                continue
            if isinstance(name, Damaged):
                yield Rejected(f"{self.where}:{line}", None, name.problem)
                continue
            if name != current and rows:
                yield current, rows
                rows = []
            current = name
            if len(rows) < self.limits.rows_in_memory:
                rows.append((line, row))
            elif len(rows) == self.limits.rows_in_memory:
                rows.append((line, row))
                yield Rejected(f"{self.where}:{line}", name, f"more than {len(rows) - 1:,} rows; the rest is left out")
        if rows:
            yield current, rows

    @staticmethod
    def _whole(ticket: str, rows: list[Line], index: IdIndex, number: int, scattered: Scattered) -> list[Line] | None:
        """All rows of a ticket once its last run of adjacent rows has come; none of one told newer elsewhere."""
        if index.is_older(number, ticket):
            return None
        runs = index.runs(number, ticket)
        return rows if runs == 1 else scattered.add(ticket, runs, rows)

    def _make(self, ticket: str, rows: list[Line], reader: RowReader) -> Iterator[Ticket | Rejected]:
        return merge(ticket, [reader.draft(line, row) for line, row in rows], reader, self.where)

    def _reader(self, clock: Clock) -> RowReader:
        return RowReader(self.columns, self.field_map, clock, self.orders, ragged=self.sheet.ragged)

    def _body(self, reading: Reading) -> Iterator[Line]:
        heading = self.columns.line
        return (line for line in self.sheet.rows(reading) if line[0] > heading)

    def _decide(self, proven: dict[int, set[str]]) -> dict[int, str]:
        """The order of day and month of every date column whose values speak against the pack's, or for neither.

        A column that proves one order is read so; one that proves both is unknown; one that proves nothing follows
        the others of its sheet, unless these contradict each other.
        """
        declared = self.field_map.date_order
        told = {column: says - {""} for column, says in proven.items()}
        others = set().union(*told.values()) if told else set()
        orders: dict[int, str] = {}
        for column, says in told.items():
            if len(says) > 1:
                order = ""
            elif says:
                (order,) = says
            elif others and others != {declared} and proven[column]:
                order = "" if len(others) > 1 else next(iter(others))
            else:
                order = declared
            orders[column] = order
            if order != declared:
                heading = self.columns.headings[column] or self.columns.headings[column - 1]
                what = f"read as {order}" if order else "dates with slashes are unknown, they prove both orders"
                self.warnings.append(f"{self.where}: column {heading!r} contradicts dates: {declared}; {what}")
        return orders

    def _remark(self, reader: RowReader, clock: Clock, skipped: dict[str, list[int]]) -> None:
        found = [f"{self.where}: {remark}" for remark in reader.remarks()]
        for note, lines in skipped.items():
            shown = ", ".join(str(line) for line in lines[:5]) + (", ..." if len(lines) > 5 else "")
            found.append(f"{self.where}: skipped {note} (line {shown})")
        zone = self.field_map.timezone
        found.extend(
            f"{self.where}: time zone {code!r} is in no table; its times were read in {zone}"
            for code in sorted(clock.unknown_zones)
        )
        self.warnings.extend(text for text in found if text not in self.warnings)


def sources_of(book: Book, samples: list[tuple[Sheet, list[Line]]], aliases: Aliases, limits: Limits) -> list[Source]:
    """The sheets of a book that hold tickets under this map; several only where each fits by the pack's headings."""
    fitting = []
    for sheet, lines in samples:
        columns = aliases.find(lines, limits.preamble_rows, ragged=sheet.ragged)
        if columns is not None:
            fitting.append((sheet, columns))
    if not fitting:
        return []
    best = max(columns.score for _, columns in fitting)
    chosen = [(sheet, columns) for sheet, columns in fitting if columns.score >= best / 2]
    sources = [
        Source(
            book, sheet, columns, aliases.field_map, limits,
            book.path.name if len(chosen) == 1 else f"{book.path.name}!{sheet.name}",
        )
        for sheet, columns in chosen
    ]  # fmt: skip
    taken = {id(sheet) for sheet, _ in chosen}
    for sheet, lines in samples:
        if id(sheet) not in taken and any(text_of(cell) for _, row in lines for cell in row):
            sources[0].warnings.append(f"{book.path.name}: worksheet {sheet.name!r} holds no tickets and was not read")
    return sources
