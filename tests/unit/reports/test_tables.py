"""The dry-run workbook can be read as it is opened: no row hides what its cells say."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import openpyxl

from connector.mapping.load import load_policy
from connector.offline import decide_exports
from connector.reports.dry_run import file_sources, make_report
from connector.reports.tables import to_xlsx
from tests.unit.test_offline import NOW, PACK, ROWS, write_export


def _workbook(tmp_path: Path) -> bytes:
    files = [write_export(tmp_path / "a.csv", ROWS[0])]
    policy = load_policy(PACK)
    decided = decide_exports(files, policy, NOW)
    assert decided.plan.actions
    return to_xlsx(make_report(decided.plan, decided.verdict, policy, decided.tickets, file_sources(files)), "es")


def test_every_row_is_as_high_as_its_longest_cell_needs(tmp_path: Path) -> None:
    """Lines broken by hand and those the column's width breaks; at 15 points a line, up to what a spreadsheet takes."""
    content = _workbook(tmp_path)
    page = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    widths = {at: one.width for one in page.column_dimensions.values() for at in range(one.min, one.max + 1)}
    for number in range(2, page.max_row + 1):
        needed = max(
            sum(max(1, -(-len(line) // int(widths[cell.column]))) for line in str(cell.value).split("\n"))
            for cell in page[number]
            if cell.value
        )
        assert page.row_dimensions[number].height >= min(15.0 * needed, 400)
    assert page.row_dimensions[2].height > 15


def test_the_heights_are_no_fixed_ones_and_the_file_is_the_same_each_time(tmp_path: Path) -> None:
    """A row still grows with what is typed into it."""
    content = _workbook(tmp_path)
    sheet = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()
    assert re.search(r'<row [^>]*ht="', sheet)
    assert "customHeight" not in sheet
    assert content == _workbook(tmp_path)
