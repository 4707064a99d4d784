"""Change files and work lists: what an export can't write."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from connector.core.model import Action, Reason, RuleRef, Ticket
from connector.errors import ConfigurationError, Refused
from connector.helpdesks.c4c_export import ExportWriter, write_changes
from tests.unit.helpdesks.export_samples import C4C, FRESHDESK

_NOW = datetime(2026, 5, 10, 15, 0, tzinfo=UTC)
_RULE = RuleRef("keepalive", "seguimiento semanal", "keepalive.yaml", 4)
_PARTIES = {"Laura Núñez": "8000123", "Supervisión": "9000001"}


def _action(ticket: str, kind: str = "set", changes: dict[str, tuple[Any, Any]] | None = None, **other: Any) -> Action:
    reasons = (Reason("AGE", "It is time."),)
    return Action(f"{ticket}-{kind}", ticket, kind, _RULE, f"k{ticket}", changes or {}, reasons=reasons, **other)


def _toggle(ticket: str) -> Action:
    return _action(
        ticket,
        "toggle",
        {"status": ("in_process", "in_process")},
        details={"through": "completed", "back": "in_process"},
    )


def _rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def _write(actions: list[Action], folder: Path, tickets: dict[str, Ticket] | None = None, **other: Any) -> list[Path]:
    given: dict[str, Any] = {"field_map": C4C, "language": "es", "party_ids": _PARTIES} | other
    return write_changes(actions, tickets or {}, folder, _NOW, **given)


def test_a_toggle_is_two_files_in_order(tmp_path: Path) -> None:
    """First completed, then in process, for the same tickets, with the map's first code."""
    tickets = {number: Ticket(id=number, custom={"ObjectID": f"00163E{number}"}) for number in ("7", "8")}
    first, second, *_ = _write([_toggle("8"), _toggle("7")], tmp_path, tickets)
    assert first.name.startswith("01-")
    assert first.name.endswith("-completed.csv")
    assert second.name.startswith("02-")
    assert second.name.endswith("-in_process.csv")
    head = ["ObjectID", "ID", "ServiceRequestUserLifeCycleStatusCode"]
    assert [head, ["00163E7", "7", "5"], ["00163E8", "8", "5"]] == _rows(first)
    assert [head, ["00163E7", "7", "2"], ["00163E8", "8", "2"]] == _rows(second)


def test_no_import_cell_is_ever_blank(tmp_path: Path) -> None:
    """Rows with different columns go to different files: an empty cell could clear a field."""
    actions = [
        _action("1", changes={"priority": ("normal", "urgent")}),
        _action("2", "assign", {"agent": (None, "Laura Núñez"), "group": (None, "Supervisión")}),
        _action("3", changes={"priority": ("normal", "high"), "agent": (None, "Laura Núñez")}),
    ]
    files = _write(actions, tmp_path)
    tables = [_rows(path) for path in files if path.name[:2].isdigit() and path.name[2] == "-"]
    assert all(all(cell for cell in cells) for table in tables for cells in table)
    assert {
        ("ID", "ServicePriorityCode"), ("ID", "ProcessorPartyID", "ServiceSupportTeamPartyID"),
        ("ID", "ProcessorPartyID", "ServicePriorityCode"),
    } == {tuple(table[0]) for table in tables}  # fmt: skip
    assert next(table for table in tables if table[0][-1] == "ServicePriorityCode" and len(table[0]) == 2)[1] == [
        "1",
        "1",
    ]


def test_what_has_no_code_stands_in_the_work_list_only(tmp_path: Path) -> None:
    """An agent without a known party id is never written as a name."""
    files = _write(
        [_action("2", "assign", {"agent": (None, "Nadie")}), _action("3", "note", text="Llamar mañana")], tmp_path
    )
    assert [path.suffix for path in files] == [".csv", ".xlsx"]
    assert all("work-list" in path.name for path in files)
    assert [cells[4] for cells in _rows(files[0])[1:]] == ["agent", ""]


def test_custom_fields_go_by_the_maps_field_names(tmp_path: Path) -> None:
    """`fields:` names the import column, also for what has a default."""
    mapped = replace(C4C, fields={"custom.nivel": "EscalationLevel_KUT", "priority": "Prio_KUT"})
    change = {"custom.nivel": (None, 2), "priority": ("low", "high")}
    first, *_ = _write([_action("1", changes=change)], tmp_path, field_map=mapped)
    assert _rows(first) == [["ID", "EscalationLevel_KUT", "Prio_KUT"], ["1", "2", "2"]]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_nothing_becomes_a_formula(tmp_path: Path, start: str) -> None:
    """In CSV a quote stands before it; in the workbook every cell is a text."""
    subject = f"{start}cmd|'/c calc'!A1"
    tickets = {"7": Ticket(id="7", subject=subject)}
    *_, listed, book = _write([_toggle("7")], tmp_path, tickets)
    assert f"'{subject}" == _rows(listed)[1][1] if start != "\r" else _rows(listed)[1][1].startswith("'")
    cells = openpyxl.load_workbook(book).active
    assert {"s"} == {cell.data_type for line in cells.iter_rows() for cell in line if cell.value is not None}
    evil = {"=9": Ticket(id="=9")}
    first, *_ = _write([_action("=9", changes={"priority": ("low", "high")})], tmp_path / "evil", evil)
    assert _rows(first)[1][0] == "'=9"


def test_the_work_list_speaks_the_packs_language(tmp_path: Path) -> None:
    """Headings and deeds in Spanish, Italian, English; times in the map's zone; what is due first stands first."""
    actions = [
        replace(_toggle("8"), due=datetime(2026, 5, 12, 15, tzinfo=UTC)),
        _action("9", "notify", to=("supervisora",), due=datetime(2026, 5, 9, 15, 30, tzinfo=UTC)),
    ]
    heads = {}
    for language in ("es", "it", "en", "pt"):
        *_, listed, _ = _write(actions, tmp_path / language, language=language)
        heads[language] = _rows(listed)[0][2]
    assert heads == {"es": "Qué hacer", "it": "Cosa fare", "en": "What to do", "pt": "What to do"}
    *_, listed, _ = _write(actions, tmp_path / "es")
    first = _rows(listed)[1]
    assert (
        first[0], first[2], first[6], first[7], first[8],
    ) == ("9", "avisar", "supervisora", "2026-05-09 09:30", "seguimiento semanal (keepalive.yaml:4)")  # fmt: skip


def test_the_same_plan_gives_the_same_files(tmp_path: Path) -> None:
    """Names and bytes follow from the plan; files are the owner's alone and no half-written one is left."""
    actions = [_toggle("7"), _action("1", changes={"priority": ("low", "high")})]
    before = {path: path.read_bytes() for path in _write(actions, tmp_path)}
    after = {path: path.read_bytes() for path in _write(list(reversed(actions)), tmp_path)}
    assert before == after
    assert set(tmp_path.iterdir()) == set(before)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in before}
    assert _write([], tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    """One line, no traceback."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigurationError, match="taken"):
        _write([_toggle("7")], tmp_path / "taken")


def test_freshdesk_exports_get_freshdesk_columns(tmp_path: Path) -> None:
    """No C4C property is named for another helpdesk."""
    first, *_ = _write([_action("1", "assign", {"agent": (None, "Ana")})], tmp_path, field_map=FRESHDESK)
    assert _rows(first) == [["Ticket ID", "Agent"], ["1", "Ana"]]


def test_the_writer_turns_updates_into_rows_at_once(tmp_path: Path) -> None:
    """A toggle sent as two updates is two files; the rest is refused with a reason."""
    writer = ExportWriter(tmp_path, C4C, batch="abc", party_ids=_PARTIES)
    for ticket in ("7", "8"):
        writer.update(ticket, {"status": "completed"})
        writer.update(ticket, {"status": "in_process"})
    writer.update("7", {"priority": "high", "agent": "Laura Núñez"})
    assert [path.name for path in writer.files] == [
        "01-abc-completed.csv",
        "02-abc-in_process.csv",
        "03-abc-agent-priority.csv",
    ]
    assert _rows(writer.files[0]) == [["ID", "ServiceRequestUserLifeCycleStatusCode"], ["7", "5"], ["8", "5"]]
    with pytest.raises(Refused, match="third status"):
        writer.update("7", {"status": "completed"})
    with pytest.raises(Refused, match="agent"):
        writer.update("7", {"agent": "Nadie"})
    assert "no import column" in str(writer.refuses("7", {"tags": ("a",)}))
    assert None is writer.refuses("7", {"status": "completed"})
    for call in (lambda: writer.add_note("7", "x"), lambda: writer.reply("7", "x"), lambda: writer.create({})):
        with pytest.raises(Refused):
            call()
