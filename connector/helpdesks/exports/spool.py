"""Rows set aside in an unnamed temporary file: scattered repeats, and workbooks that are slow to parse twice."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from connector.helpdesks.exports.tables import Line, Reading, Sheet


class RowFile:
    """Rows in the order they were added; the file is gone with this object."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close() or with the object
        self._end = 0

    def add(self, line: Line) -> int:
        """Append a row; returns its place."""
        place = self._end
        if self._file.tell() != place:
            self._file.seek(place)
        self._end += self._file.write(json.dumps(line, default=_packed).encode("ascii") + b"\n")
        return place

    def at(self, place: int) -> Line:
        """The row at a place that `add` returned."""
        self._file.seek(place)
        number, cells = json.loads(self._file.readline(), object_hook=_unpacked)
        return number, cells

    def all(self) -> Iterator[Line]:
        """Every row from the first; several readings may go on at the same time."""
        place = 0
        while place < self._end:
            self._file.seek(place)
            # A megabyte's worth of whole lines at a time, so that another reading may move the file in between.
            lines = self._file.readlines(1 << 20)
            place = self._file.tell()
            for line in lines:
                number, cells = json.loads(line, object_hook=_unpacked)
                yield number, cells

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


def _packed(cell: Any) -> dict[str, str]:
    if isinstance(cell, datetime):
        return {"at": cell.isoformat()}
    msg = f"a cell of type {type(cell).__name__}"
    raise TypeError(msg)


def _unpacked(cell: dict[str, str]) -> datetime:
    return datetime.fromisoformat(cell["at"])


@dataclass(slots=True)
class Spooled:
    """A sheet that is parsed once: its first whole reading is set aside for all later ones."""

    sheet: Sheet
    _rows: RowFile | None = field(default=None, repr=False)
    _read: Reading = field(default_factory=Reading, repr=False)

    @property
    def name(self) -> str:
        """The sheet's name."""
        return self.sheet.name

    @property
    def ragged(self) -> bool:
        """Whether rows may rightly be shorter than the heading."""
        return self.sheet.ragged

    def rows(self, reading: Reading) -> Iterator[Line]:
        """The sheet's rows; a reading given up half way sets nothing aside."""
        if self._rows is not None:
            yield from self._rows.all()
            self._tell(reading)
            return
        rows = RowFile()
        found = Reading()
        try:
            for line in self.sheet.rows(found):
                rows.add(line)
                yield line
        except BaseException:
            rows.close()
            raise
        self._rows, self._read = rows, found
        self._tell(reading)

    def _tell(self, reading: Reading) -> None:
        reading.complete = reading.complete and self._read.complete
        reading.problems.extend(self._read.problems)
