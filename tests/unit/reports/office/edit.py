"""Runs under a Python that has `uno`: opens a workbook in LibreOffice, edits it as a person would, and saves it twice.

Usage: edit.py PIPE SOURCE TARGET EDITS.json: saves TARGET.xlsx and TARGET.ods. Edits are
`[sheet, heading, row (0-based), text]`, `["sort", sheet]`, `["note", sheet, cell, text]`, `["insert", sheet, column]`.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.table import TableSortField


def value(name, content):
    """A named argument of the office."""
    one = PropertyValue()
    one.Name, one.Value = name, content
    return one


def connect(pipe):
    """The desktop of the office that listens on the pipe, once it does."""
    resolver = uno.getComponentContext().ServiceManager.createInstance("com.sun.star.bridge.UnoUrlResolver")
    for _ in range(240):
        try:
            context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        except Exception:  # noqa: BLE001 - it listens later
            time.sleep(0.25)
    raise SystemExit("the office never answered")


def column_of(sheet, heading):
    """The column under a heading in the second row."""
    for column in range(60):
        if sheet.getCellByPosition(column, 1).String == heading:
            return column
    raise SystemExit(f"no column {heading}")


def sort(sheet):
    """Sort all rows of the table by their description and ticket, descending, as by the filter's arrow."""
    cursor = sheet.createCursor()
    cursor.gotoEndOfUsedArea(False)
    area = sheet.getCellRangeByPosition(0, 1, cursor.RangeAddress.EndColumn, cursor.RangeAddress.EndRow)
    field = TableSortField()
    field.Field, field.IsAscending = 3, False
    fields = uno.Any("[]com.sun.star.table.TableSortField", (field,))
    area.sort((value("SortFields", fields), value("ContainsHeader", True)))


def main(pipe, source, target, edits):
    """Edit and save."""
    desktop = connect(pipe)
    book = desktop.loadComponentFromURL(Path(source).as_uri(), "_blank", 0, (value("Hidden", True),))
    for edit in json.loads(Path(edits).read_text(encoding="utf-8")):
        sheet = book.Sheets.getByName(edit[1] if edit[0] in ("sort", "note", "insert") else edit[0])
        if edit[0] == "sort":
            sort(sheet)
        elif edit[0] == "note":
            sheet.Annotations.insertNew(sheet.getCellRangeByName(edit[2]).CellAddress, edit[3])
        elif edit[0] == "insert":
            sheet.Columns.insertByIndex(edit[2], 1)
        else:
            sheet.getCellByPosition(column_of(sheet, edit[1]), edit[2]).String = edit[3]
    for suffix, kind in ((".xlsx", "Calc MS Excel 2007 XML"), (".ods", "calc8")):
        book.storeToURL(Path(target + suffix).as_uri(), (value("FilterName", kind),))
    book.close(True)
    with contextlib.suppress(Exception):  # it goes while it answers
        desktop.terminate()


main(*sys.argv[1:])
