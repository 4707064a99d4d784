"""The Reader contract, held by a folder of exports; and what its Writer may and may not do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.errors import Refused, Unavailable
from connector.helpdesks.base import Batch, Connection, Directory, Reader, Writer
from connector.helpdesks.c4c_export import ExportReader, ExportWriter
from tests.unit.helpdesks.export_samples import C4C, HEAD, csv_text, row, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one finished export of three tickets and one damaged row."""
    rows = [HEAD, row(1), row(2), ["", "sin número", "Abierto", "", "", ""], row(3)]
    save(tmp_path, csv_text(rows), "tickets.csv")
    return tmp_path


def _reader(folder: Path) -> Reader:
    return ExportReader("north", folder, C4C, clock=lambda: datetime(2100, 1, 1, tzinfo=UTC))


def test_connect_and_directory_answer_in_the_contracts_values(folder: Path) -> None:
    """Who we are, and no names that an export can't know."""
    reader = _reader(folder)
    assert ("north", Connection("", "exported files", "global"), Directory(), None) == (
        reader.name, reader.connect(), reader.directory(), reader.server_time(),
    )  # fmt: skip


def test_storing_tickets_and_cursor_together_loses_and_doubles_nothing(folder: Path) -> None:
    """Everything comes once; a bad record is a Rejected beside its neighbours; then nothing until something changes."""
    reader = _reader(folder)
    batches = list(reader.changed(None))
    assert [ticket.id for batch in batches for ticket in batch.tickets] == ["1", "2", "3"]
    assert [bad.place for batch in batches for bad in batch.rejected] == ["tickets.csv:4"]
    assert all(isinstance(batch, Batch) and batch.complete for batch in batches)
    assert [ticket for batch in reader.changed(batches[-1].cursor) for ticket in batch.tickets] == []
    assert sum(len(batch.tickets) for batch in _reader(folder).changed(None)) == 3


def test_a_ticket_is_as_the_feed_told_it_and_a_missing_one_is_gone(folder: Path) -> None:
    """`ticket` agrees with `changed`."""
    reader = _reader(folder)
    told = {ticket.id: ticket for batch in reader.changed(None) for ticket in batch.tickets}
    assert told["2"] == reader.ticket("2")
    assert ((gone := reader.ticket("9")).id, gone.gone, gone.is_open) == ("9", "missing", False)


def test_what_can_not_be_reached_is_unavailable(folder: Path) -> None:
    """A failed read is never an empty one."""
    (folder / "tickets.csv").unlink()
    folder.rmdir()
    reader = _reader(folder)
    for call in (reader.connect, lambda: list(reader.changed(None)), lambda: reader.ticket("1")):
        with pytest.raises(Unavailable):
            call()
    folder.mkdir()


def test_the_writer_keeps_the_contract_by_files(tmp_path: Path) -> None:
    """`refuses` foretells exactly what `update` refuses, and calls nothing."""
    writer: Writer = ExportWriter(tmp_path / "out", C4C)
    assert None is writer.refuses("1", {"priority": "high"})
    assert not (tmp_path / "out").exists()
    writer.update("1", {"priority": "high"})
    assert len(list((tmp_path / "out").iterdir())) == 1
    assert None is not writer.refuses("1", {"status": "nowhere"})
    with pytest.raises(Refused):
        writer.update("1", {"status": "nowhere"})
