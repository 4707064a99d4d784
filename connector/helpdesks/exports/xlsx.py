"""XLSX and XLSM workbooks, read as a stream in flat memory; sizes are checked in the archive's directory first."""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.errors import ConfigurationError, IncompleteError
from connector.helpdesks.exports.spool import Spooled
from connector.helpdesks.exports.tables import Limits, Line, Reading, Sheet
from connector.helpdesks.exports.xlsx_rows import SharedTexts, SheetRows
from connector.helpdesks.exports.xml import Attributes, BrokenXml, Scanner, UnsafeXml, local

#: Errors with which the standard library meets a damaged archive.
#: UnicodeDecodeError: the name of a part whose archive says UTF-8 and is not.
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError, OSError, UnicodeDecodeError,
)  # fmt: skip
_SMALL = 8 * 1024 * 1024  # below this unpacked size the ratio of an archive harms nobody
#: Number formats 14-22 and the East Asian ones show dates (ECMA-376 part 1, 18.8.30).
_DATE_FORMATS = frozenset([*range(14, 23), *range(27, 37), *range(50, 59)])
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class XlsxSheet:
    """One worksheet of an XLSX workbook: its part in the archive and what its cells refer to."""

    path: Path
    name: str
    part: str
    texts: str | None
    dates: frozenset[int]
    base_1904: bool
    limits: Limits
    ragged: bool = True

    def rows(self, reading: Reading) -> Iterator[Line]:
        """Rows by their own numbers."""
        found = None
        try:
            with zipfile.ZipFile(self.path) as archive, SharedTexts() as texts:
                if self.texts:
                    texts.load(archive, self.texts, self.limits)
                found = SheetRows(texts, self.dates, self.limits, base_1904=self.base_1904)
                with archive.open(self.part) as stream:
                    for _ in found.scanner.feed(stream):
                        yield from found.take()
                        if found.row > self.limits.rows:
                            reading.cut(f"more than {self.limits.rows:,} rows")
                            return
        except (*DAMAGED, BrokenXml, UnsafeXml) as exc:
            row = 0
            if found is not None:
                yield from found.take()
                row = found.row
            why = str(exc) if isinstance(exc, (BrokenXml, UnsafeXml)) else type(exc).__name__
            reading.cut(f"row {row}: {why}; the workbook is damaged")


def open_zip(path: Path, limits: Limits) -> tuple[Sequence[Sheet], list[str]]:
    """The visible worksheets of an archive that is a workbook.

    Raises ConfigurationError for zip bombs, encrypted and foreign archives; IncompleteError for a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = checked(path, archive, limits)
            if "xl/workbook.bin" in parts or "content.xml" in parts:
                from connector.helpdesks.exports.binary import open_binary

                return open_binary(path, limits)
            return _workbook(path, archive, parts, limits)
    except UnsafeXml as exc:
        msg = f"{path.name}: refused, {exc}; export the tickets again"
        raise ConfigurationError(msg) from exc
    except (*DAMAGED, BrokenXml) as exc:
        msg = f"{path.name}: the workbook is damaged or cut short ({type(exc).__name__}); export it again"
        raise IncompleteError(msg) from exc


def checked(path: Path, archive: zipfile.ZipFile, limits: Limits) -> frozenset[str]:
    """The names of an archive's parts. Raises ConfigurationError for zip bombs and encrypted ones."""
    entries = archive.infolist()
    if len(entries) > limits.zip_entries:
        msg = f"{path.name}: refused, {len(entries):,} parts, more than the {limits.zip_entries:,} allowed"
        raise ConfigurationError(msg)
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if unpacked > limits.unpacked_bytes:
        msg = f"{path.name}: refused, unpacks to {unpacked:,} bytes, more than the {limits.unpacked_bytes:,} allowed"
        raise ConfigurationError(msg)
    for entry in entries:
        ratio = entry.file_size / max(entry.compress_size, 1)
        if entry.file_size > _SMALL and ratio > limits.ratio:
            msg = f"{path.name}: refused, a part unpacks to {ratio:,.0f} times its size, more than {limits.ratio:,.0f}"
            raise ConfigurationError(msg)
        if entry.flag_bits & 1:
            msg = f"{path.name}: is encrypted; export the tickets again without a password"
            raise ConfigurationError(msg)
    if packed > path.stat().st_size:
        msg = f"{path.name}: refused, its parts overlap"
        raise ConfigurationError(msg)
    return frozenset(entry.filename for entry in entries)


def _workbook(
    path: Path, archive: zipfile.ZipFile, parts: frozenset[str], limits: Limits
) -> tuple[list[Sheet], list[str]]:
    main = related(archive, "_rels/.rels", "", limits).get("officeDocument", ["xl/workbook.xml"])[0]
    if main not in parts:
        msg = f"{path.name}: is an archive without a workbook; export the tickets as CSV or XLSX"
        raise ConfigurationError(msg)
    folder, name = posixpath.split(main)
    rels_part = posixpath.join(folder, "_rels", name + ".rels")
    by_type = related(archive, rels_part, folder, limits)
    by_id = _relations(archive, rels_part, folder, limits)
    sheets: list[tuple[str, str, bool]] = []
    base_1904: list[bool] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "sheet":
            relation = next((value for key, value in attributes.items() if local(key) == "id" and ":" in key), "")
            visible = attributes.get("state", "visible") == "visible"
            sheets.append((attributes.get("name", ""), by_id.get(relation, ("", ""))[1], visible))
        elif tag == "workbookPr":
            base_1904.append(attributes.get("date1904", "0") in {"1", "true"})

    scan_part(archive, main, start, limits)
    dates = date_styles(archive, by_type.get("styles", [""])[0], parts, limits)
    texts = by_type.get("sharedStrings", [""])[0]
    warnings = []
    if any(posixpath.basename(part) == "vbaProject.bin" for part in parts):
        warnings.append(f"{path.name}: holds macros; they are never run, only values are read")
    if not all(visible for _, _, visible in sheets):
        warnings.append(f"{path.name}: hidden worksheets were not read")
    found: list[Sheet] = [
        Spooled(XlsxSheet(path, title, part, texts if texts in parts else None, dates, any(base_1904), limits))
        for title, part, visible in sheets
        if visible and part in parts and "worksheets" in part
    ]
    return found, warnings


def scan_part(archive: zipfile.ZipFile, part: str, start: object, limits: Limits) -> None:
    """Call `start` for every element of a part. Raises BrokenXml, UnsafeXml."""
    scanner = Scanner(start, lambda _: None, lambda _: None, depth=limits.xml_depth)  # type: ignore[arg-type]
    with archive.open(part) as stream:
        for _ in scanner.feed(stream):
            pass


def _relations(archive: zipfile.ZipFile, part: str, folder: str, limits: Limits) -> dict[str, tuple[str, str]]:
    """Relation id -> (kind, part); targets outside the archive are left out: nothing is ever fetched."""
    found: dict[str, tuple[str, str]] = {}

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            where = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[attributes.get("Id", "")] = (posixpath.basename(attributes.get("Type", "")), where)

    if part in archive.namelist():
        scan_part(archive, part, start, limits)
    return found


def related(archive: zipfile.ZipFile, part: str, folder: str, limits: Limits) -> dict[str, list[str]]:
    """Kind of relation -> the parts it leads to; `part` is the relations' own part, which may be absent."""
    found: dict[str, list[str]] = {}
    for kind, target in _relations(archive, part, folder, limits).values():
        found.setdefault(kind, []).append(target)
    return found


def date_styles(archive: zipfile.ZipFile, part: str, parts: frozenset[str], limits: Limits) -> frozenset[int]:
    """Indexes of cell styles that show a date."""
    if part not in parts:
        return frozenset()
    own: dict[str, str] = {}
    formats: list[str] = []
    inside = [False]

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "numFmt":
            own[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif tag in {"cellXfs", "cellStyleXfs", "dxfs"}:
            inside[0] = tag == "cellXfs"
        elif tag == "xf" and inside[0]:
            formats.append(attributes.get("numFmtId", "0"))

    scan_part(archive, part, start, limits)
    return frozenset(index for index, code in enumerate(formats) if _shows_date(code, own))


def _shows_date(code: str, own: dict[str, str]) -> bool:
    if code in own:
        shown = _LITERAL.sub("", own[code].split(";")[0]).lower()
        return "general" not in shown and any(sign in shown for sign in "dy")
    return code.isdigit() and int(code) in _DATE_FORMATS
