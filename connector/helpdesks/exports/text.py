"""Text tables: encoding, delimiter and rows of a CSV or TSV file, read as a stream.

Encoding: byte order mark; UTF-16 by its zero bytes; UTF-8 if the whole file is; else Windows-1252. Delimiter: `sep=`
line, else the one of `,` `;` tab `|` that yields the most known headings, then the most rows of one width.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from connector.errors import ConfigurationError
from connector.helpdesks.exports.tables import Hint, Limits, Line, Reading

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 300
_CHUNK = 1 << 20
#: Fed after the last line: found inside a cell it proves that a quote was never closed. Not a character of any text.
_END = "\uffff\x1eend\x1e\uffff"


@dataclass(frozen=True, slots=True)
class TextTable:
    """One CSV or TSV file."""

    path: Path
    encoding: str
    errors: str
    delimiter: str
    skip: int  # lines before the table (`sep=;`)
    limits: Limits
    name: str = ""
    ragged: bool = False

    def rows(self, reading: Reading) -> Iterator[Line]:
        """Rows with the physical line each starts at."""
        with self.path.open(encoding=self.encoding, errors=self.errors, newline="") as stream:
            yield from self._parse(_Lines(stream, self.limits, self.skip), reading)

    def _parse(self, lines: _Lines, reading: Reading) -> Iterator[Line]:
        # The limit is the csv module's one global; every reading sets the same order of size before it starts.
        csv.field_size_limit(max(self.limits.line_chars, csv.field_size_limit()))
        parser = csv.reader(lines, delimiter=self.delimiter)
        count = 0
        while True:
            start = parser.line_num + 1 + self.skip
            try:
                row = next(parser)
            except StopIteration:
                return
            except csv.Error as exc:
                reading.cut(f"line {start}: a cell is longer than {self.limits.line_chars:,} characters ({exc})")
                return
            if not row:
                continue
            if _END in row[-1]:
                if row[0] != _END:
                    reading.cut(f"line {start}: a quote is opened and never closed; the file is cut short or damaged")
                elif lines.failed:
                    reading.cut(lines.failed)
                reading.unended = lines.unended
                return
            if "" not in row or any(row):
                count += 1
                if count > self.limits.rows:
                    reading.cut(f"line {start}: more than {self.limits.rows:,} rows")
                    return
                if len(row) > self.limits.columns and not any(row[self.limits.columns :]):
                    row = row[: self.limits.columns]
                yield start, row


class _Lines:
    """Physical lines for the parser: NUL bytes dropped, endless lines refused, and one mark after the last."""

    def __init__(self, stream: TextIO, limits: Limits, skip: int) -> None:
        self._source = itertools.islice(iter(partial(stream.readline, limits.line_chars), ""), skip, None)
        self._limit = limits.line_chars
        self._done = False
        self.unended = False
        self.failed = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._done:
            raise StopIteration
        try:
            line = next(self._source)
        except StopIteration:
            self._done = True
            return _END
        except UnicodeError:
            self.failed = "the bytes at the end are no text; the file is cut short"
            self._done = True
            return _END
        self.unended = not line.endswith(("\n", "\r"))
        if self.unended and len(line) >= self._limit:
            self.failed = f"a line is longer than {self._limit:,} characters"
            self._done = True
            return _END
        return line.replace("\x00", "") if "\x00" in line else line


def open_text(path: Path, head: bytes, limits: Limits, hint: Hint) -> tuple[list[TextTable], list[str]]:
    """The one table of a text file. Raises ConfigurationError for a file that is no text."""
    encoding, errors, warnings = _encoding(path, head)
    lines = _sample(path, encoding, errors, limits)
    text = "".join(lines)
    odd = sum(1 for sign in text if sign < " " and sign not in "\t\r\n\x00\x1a\x0b\x0c")
    if odd > len(text) / 50:
        msg = f"{path.name}: is not a table of text; export the tickets as CSV or XLSX"
        raise ConfigurationError(msg)
    if "\x00" in text:
        warnings.append(f"{path.name}: NUL bytes were dropped")
    skip, delimiter = 0, ""
    first = lines[0].strip().strip('"').lower() if lines else ""
    if first.startswith("sep=") and len(first) == 5:
        skip, delimiter = 1, first[4]
    elif first == "sep=":  # a tab, stripped with the line's end
        skip, delimiter = 1, "\t"
    table = TextTable(path, encoding, errors, delimiter or _vote(lines, hint), skip, limits)
    return [table], warnings


def _encoding(path: Path, head: bytes) -> tuple[str, str, list[str]]:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "replace", []
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "strict", []
    half = max(len(head) // 2, 1)
    for encoding, zeros in (("utf-16-le", head[1::2].count(0)), ("utf-16-be", head[0::2].count(0))):
        if zeros > half * 0.4:
            return encoding, "strict", []
    decoder = codecs.getincrementaldecoder("utf-8")()
    letters = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as exc:
                good = exc.object[: exc.start].decode("utf-8", "ignore")
                if letters + len(good.encode()) - len(good) == 0:
                    return "cp1252", "replace", []
                warning = f"{path.name}: some bytes are not UTF-8; they read as \ufffd"
                return "utf-8", "replace", [warning]
            letters += len(chunk) - len(text)
    return "utf-8", "replace", []


def _sample(path: Path, encoding: str, errors: str, limits: Limits) -> list[str]:
    with path.open(encoding=encoding, errors=errors, newline="") as stream:
        try:
            return list(itertools.islice(iter(partial(stream.readline, limits.line_chars), ""), _SAMPLE_LINES))
        except UnicodeError as exc:
            msg = f"{path.name}: looks like {encoding} and can't be read so; export the tickets as CSV in UTF-8"
            raise ConfigurationError(msg) from exc


def _vote(lines: Sequence[str], hint: Hint) -> str:
    """The delimiter: most known headings in one row first, then rows of one width times that width."""

    def score(delimiter: str) -> tuple[int, int]:
        rows = []
        try:
            rows = [row for row in csv.reader([line.replace("\x00", "") for line in lines], delimiter=delimiter) if row]
        except csv.Error:
            return 0, 0
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if not widths:
            return max((hint(row) for row in rows[:60]), default=0), 0
        width, times = max(widths.items(), key=lambda item: item[1] * min(item[0], 12))
        return max(hint(row) for row in rows[:60]), times * min(width, 12)

    return max(_DELIMITERS, key=score)
