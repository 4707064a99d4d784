"""Binary workbooks (`.xls` of Excel 97, `.xlsb`, `.ods`), read whole by calamine and therefore bounded in size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from connector.errors import ConfigurationError, IncompleteError
from connector.helpdesks.exports.tables import Cell, Limits, Line, Reading


@dataclass(frozen=True, slots=True)
class BinarySheet:
    """One sheet of a binary workbook."""

    path: Path
    name: str
    limits: Limits
    ragged: bool = True

    def rows(self, reading: Reading) -> Iterator[Line]:
        """Rows counted from the top of the sheet."""
        try:
            with _open(self.path) as book:
                sheet = book.get_sheet_by_name(self.name)
                offset = (sheet.start or (0, 0))[0]
                yield from _rows(sheet, offset, self.limits)
        except (IncompleteError, ConfigurationError) as exc:
            reading.cut(str(exc))


def _rows(sheet: Any, offset: int, limits: Limits) -> Iterator[Line]:
    # iter_rows starts at the first used row or at the top, by format: the sheet's height tells which.
    first = 1 if sheet.height == sheet.total_height else offset + 1
    for number, row in enumerate(sheet.iter_rows(), first):
        cells = [_cell(value) for value in row[: limits.columns]]
        if any(cell != "" for cell in cells):
            yield number, cells


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, float, datetime)):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a local time of day, zone unknown here
    if isinstance(value, (time, timedelta)):
        return str(value)
    return "" if value is None else str(value)


def _open(path: Path) -> Any:
    import python_calamine

    try:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    except python_calamine.PasswordError as exc:
        msg = f"{path.name}: is protected by a password; export the tickets again without one"
        raise ConfigurationError(msg) from exc
    except (python_calamine.CalamineError, ValueError, RuntimeError) as exc:
        msg = f"{path.name}: is a damaged or foreign workbook; save it as XLSX or CSV"
        raise IncompleteError(msg) from exc
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":  # the Rust library's own abort is no Exception
            raise
        msg = f"{path.name}: the workbook can't be read; save it as XLSX or CSV"
        raise IncompleteError(msg) from exc


def open_binary(path: Path, limits: Limits) -> tuple[list[BinarySheet], list[str]]:
    """The visible worksheets.

    Raises ConfigurationError for a workbook too large or protected, IncompleteError for a broken one.
    """
    import python_calamine

    size = path.stat().st_size
    if size > limits.binary_bytes:
        msg = (
            f"{path.name}: {size:,} bytes, more than the {limits.binary_bytes:,} allowed for this format; "
            "save it as XLSX or CSV"
        )
        raise ConfigurationError(msg)
    with _open(path) as book:
        visible = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible == python_calamine.SheetVisibleEnum.Visible
            and sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        ]
        hidden = len(book.sheets_metadata) - len(visible)
    warnings = [f"{path.name}: {hidden} hidden or foreign sheets were not read"] if hidden else []
    return [BinarySheet(path, name, limits) for name in visible], warnings
