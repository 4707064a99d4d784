"""An exported file as sheets of rows, whatever its format: text tables, XLSX, SpreadsheetML 2003 and binary workbooks.

The format is found by the file's first bytes, never by its name. Values only: macros are never run, formulas never
calculated, references never followed. Sizes are checked before anything is unpacked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from connector.errors import ConfigurationError, IncompleteError

#: A cell: text as written, a number of a spreadsheet, or a spreadsheet's local date and time (naive).
Cell = str | float | datetime

#: A row with the 1-based line (text) or row (spreadsheet) at which it starts.
Line = tuple[int, Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost before it is refused. Sizes are in bytes, `ratio` is unpacked to packed.

    `preamble_rows`: how far down the heading row is looked for. `binary_bytes`: largest binary workbook, which can
    only be read whole. `rows_in_memory`: rows of scattered repeats kept in memory before they go to a temporary file.
    """

    file_bytes: int = 2 * 1024**3
    unpacked_bytes: int = 4 * 1024**3
    ratio: float = 150.0
    zip_entries: int = 2_000
    binary_bytes: int = 64 * 1024**2
    rows: int = 5_000_000
    columns: int = 1_000
    cell_chars: int = 1_000_000
    line_chars: int = 4_000_000
    xml_depth: int = 64
    preamble_rows: int = 60
    rows_in_memory: int = 20_000


@dataclass(slots=True)
class Reading:
    """What went wrong while rows were read: `complete` turns False where the file ends too early.

    `unended`: the last line of a text table has no line end, so it may have been cut.
    """

    complete: bool = True
    unended: bool = False
    problems: list[str] = field(default_factory=list)

    def cut(self, problem: str) -> None:
        """Note that the rest of the file can't be read."""
        self.complete = False
        self.problems.append(problem)


class Sheet(Protocol):
    """One table of a file. Every call of `rows` reads it anew from its start."""

    @property
    def name(self) -> str:
        """The sheet's name; empty for a text table."""
        ...

    @property
    def ragged(self) -> bool:
        """True where a row may rightly be shorter than the heading (spreadsheets leave trailing blanks out)."""
        ...

    def rows(self, reading: Reading) -> Iterator[Line]:
        """Rows in order, blank ones left out; what stops the reading early is noted in `reading`, never raised."""
        ...


@dataclass(frozen=True, slots=True)
class Book:
    """An opened file: its visible sheets, the sha256 of its bytes, and warnings for the operator.

    `stamp` is (size, modification time in ns, inode): a file whose stamp moves while it is read is not trusted.
    """

    path: Path
    digest: str
    stamp: tuple[int, int, int]
    sheets: tuple[Sheet, ...]
    warnings: tuple[str, ...] = ()

    def unmoved(self) -> bool:
        """Whether the file on disk is still the one that was opened."""
        try:
            return _stamp(self.path) == self.stamp
        except OSError:
            return False


#: Scores a row by how many of its cells are known headings; helps the vote on the delimiter.
Hint = Callable[[Sequence[Cell]], int]


def open_book(path: Path, limits: Limits, hint: Hint) -> Book:
    """Open an export by its content.

    Raises ConfigurationError for a file that is no table or breaks a limit, IncompleteError for one that is empty,
    missing, unreadable or cut short in a way that hides its rows.
    """
    try:
        stamp = _stamp(path)
        if stamp[0] > limits.file_bytes:
            msg = f"{path.name}: {stamp[0]:,} bytes, more than the {limits.file_bytes:,} allowed; export fewer rows"
            raise ConfigurationError(msg)
        with path.open("rb") as stream:
            head = stream.read(8192)
        if not head:
            msg = f"{path.name}: the file is empty; export it again"
            raise IncompleteError(msg)
        digest = _digest(path)
        sheets, warnings = _sheets(path, head, limits, hint)
    except OSError as exc:
        msg = f"{path.name}: can't be read ({exc.strerror or type(exc).__name__}); check the path and its permissions"
        raise IncompleteError(msg) from exc
    return Book(path, digest, stamp, tuple(sheets), tuple(warnings))


def _stamp(path: Path) -> tuple[int, int, int]:
    seen = path.stat()
    if not path.is_file():
        msg = f"{path.name}: is not a file; name an exported file, or a folder of them in the configuration"
        raise ConfigurationError(msg)
    return seen.st_size, seen.st_mtime_ns, seen.st_ino


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sheets(path: Path, head: bytes, limits: Limits, hint: Hint) -> tuple[Sequence[Sheet], list[str]]:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        from connector.helpdesks.exports.xlsx import open_zip

        return open_zip(path, limits)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        from connector.helpdesks.exports.binary import open_binary

        return open_binary(path, limits)
    if _is_markup(head):
        from connector.helpdesks.exports.spreadsheetml import open_spreadsheetml

        return open_spreadsheetml(path, head, limits)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            msg = f"{path.name}: is {what}, not a table; export the tickets as CSV or XLSX"
            raise ConfigurationError(msg)
    from connector.helpdesks.exports.text import open_text

    return open_text(path, head, limits, hint)


_FOREIGN = (
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3", "a database"),
)


def _is_markup(head: bytes) -> bool:
    """Whether the first sign is `<`, in UTF-8 or UTF-16, with or without a byte order mark."""
    plain = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return plain.startswith((b"<?xml", b"<!", b"<Workbook", b"<html", b"<HTML", b"<table", b"<TABLE", b"<ss:"))
