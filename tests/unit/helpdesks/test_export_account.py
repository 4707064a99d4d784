"""A watched folder as an account: finished files only, each once, oldest first."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.errors import EscaleraError, Unavailable
from connector.helpdesks.base import Batch
from connector.helpdesks.c4c_export import ExportReader
from tests.unit.helpdesks.export_samples import C4C, HEAD, csv_text, row, save

_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Wall:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = _NOON

    def __call__(self) -> datetime:
        return self.now


def _drop(folder: Path, name: str, *numbers: int, age: float = 3600, status: str = "En proceso") -> Path:
    path = save(folder, csv_text([HEAD, *(row(number, status=status) for number in numbers)]), name)
    at = (_NOON - timedelta(seconds=age)).timestamp()
    os.utime(path, (at, at))
    return path


def _reader(path: Path | str, wall: Wall | None = None, settle: float = 10) -> ExportReader:
    return ExportReader("north", path, {"c4c": C4C}, clock=wall or Wall(), settle=settle)


def _ids(batches: list[Batch]) -> list[str]:
    return [ticket.id for batch in batches for ticket in batch.tickets]


def test_each_file_is_read_once_oldest_first(tmp_path: Path) -> None:
    """By modification time, then by name; the cursor remembers what was read; a new file is read alone."""
    _drop(tmp_path, "b.csv", 3, age=100)
    _drop(tmp_path, "a.csv", 2, age=100)
    _drop(tmp_path, "z.csv", 1, age=900)
    reader = _reader(tmp_path)
    first = list(reader.changed(None))
    assert _ids(first) == ["1", "2", "3"]
    cursor = first[-1].cursor
    assert [Batch((), (), cursor)] == list(reader.changed(cursor))
    _drop(tmp_path, "c.csv", 4, age=50)
    assert _ids(list(reader.changed(cursor))) == ["4"]


def test_a_file_cut_off_between_batches_is_read_again(tmp_path: Path) -> None:
    """Only a file's last batch moves the cursor: a crash in its middle loses nothing."""
    _drop(tmp_path, "big.csv", *range(2_500))
    batches = list(_reader(tmp_path).changed(None))
    assert [len(batch.tickets) for batch in batches] == [1_000, 1_000, 500]
    assert batches[0].cursor == batches[1].cursor != batches[2].cursor
    assert len(_ids(list(_reader(tmp_path).changed(batches[1].cursor)))) == 2_500


def test_the_same_bytes_under_another_name_are_not_read_twice(tmp_path: Path) -> None:
    """A browser's `export (2).csv` is the same export; a file rewritten with new bytes is a new one."""
    path = _drop(tmp_path, "export.csv", 1)
    reader = _reader(tmp_path)
    cursor = list(reader.changed(None))[-1].cursor
    _drop(tmp_path, "export (2).csv", 1)
    again = list(reader.changed(cursor))
    assert _ids(again) == []
    _drop(tmp_path, path.name, 1, 2, age=60)
    assert _ids(list(reader.changed(again[-1].cursor))) == ["1", "2"]


def test_unfinished_files_wait(tmp_path: Path) -> None:
    """Temporary names never count; a young file counts once it stood still for the settle time."""
    for name in ("x.csv.part", "~$y.xlsx", ".z.csv", "w.tmp", "readme.md"):
        _drop(tmp_path, name, 9)
    wall = Wall()
    reader = _reader(tmp_path, wall)
    growing = _drop(tmp_path, "g.csv", 1, age=1)
    assert _ids(list(reader.changed(None))) == []
    wall.now += timedelta(seconds=8)
    growing.write_text(csv_text([HEAD, row(1), row(2)]))
    os.utime(growing, (wall.now.timestamp(), wall.now.timestamp()))
    assert _ids(list(reader.changed(None))) == []
    wall.now += timedelta(seconds=10)
    assert _ids(list(reader.changed(None))) == ["1", "2"]


def test_a_file_from_the_future_settles_by_watching(tmp_path: Path) -> None:
    """A file server's clock may run ahead: standing still counts too."""
    wall = Wall()
    reader = _reader(tmp_path, wall)
    _drop(tmp_path, "f.csv", 1, age=-86_400)
    assert _ids(list(reader.changed(None))) == []
    wall.now += timedelta(seconds=11)
    assert _ids(list(reader.changed(None))) == ["1"]


def test_a_bad_file_stops_no_neighbour_and_is_tried_again(tmp_path: Path) -> None:
    """It is told with its name, the step is incomplete, and a mended map or file is read next time."""
    _drop(tmp_path, "a.csv", 1, age=90)
    save(tmp_path, "Nada,Que,Ver\n1,2,3\n", "b.csv")
    os.utime(tmp_path / "b.csv", (_NOON.timestamp() - 80,) * 2)
    _drop(tmp_path, "c.csv", 2, age=70)
    reader = _reader(tmp_path)
    batches = list(reader.changed(None))
    assert _ids(batches) == ["1", "2"]
    assert [batch.complete for batch in batches] == [True, False, True]
    assert [one.place for batch in batches for one in batch.rejected] == ["b.csv"]
    later = list(reader.changed(batches[-1].cursor))
    assert [batch.complete for batch in later] == [False]


def test_a_file_and_a_pattern_serve_as_well(tmp_path: Path) -> None:
    """`path` may be a file or a glob."""
    _drop(tmp_path, "a.csv", 1)
    _drop(tmp_path, "b.csv", 2)
    assert _ids(list(_reader(tmp_path / "a.csv").changed(None))) == ["1"]
    assert sorted(_ids(list(_reader(f"{tmp_path}/*.csv").changed(None)))) == ["1", "2"]


def test_a_missing_folder_is_unavailable_not_empty(tmp_path: Path) -> None:
    """A disk that is not mounted is no answer; an empty folder is one."""
    with pytest.raises(Unavailable, match="is not there"):
        list(_reader(tmp_path / "gone").changed(None))
    with pytest.raises(Unavailable, match="north"):
        _reader(tmp_path / "gone").connect()
    assert tuple(text.split(": ")[1] for text in _reader(tmp_path).connect().warnings) == ("no export there yet",)


def test_a_foreign_cursor_is_an_error(tmp_path: Path) -> None:
    """A cursor that another kind of helpdesk wrote is not taken for an empty one."""
    with pytest.raises(EscaleraError, match="cursor"):
        list(_reader(tmp_path).changed("2026-01-01T00:00:00Z"))


def test_the_cursor_forgets_files_that_left(tmp_path: Path) -> None:
    """It grows with the folder, not with the years."""
    path = _drop(tmp_path, "a.csv", 1)
    reader = _reader(tmp_path)
    cursor = list(reader.changed(None))[-1].cursor
    path.unlink()
    assert list(reader.changed(cursor))[-1].cursor == '{"read":{}}'


def test_one_ticket_is_found_in_the_newest_file(tmp_path: Path) -> None:
    """As it is this moment; one that no file holds is missing."""
    _drop(tmp_path, "a.csv", 1, 2, age=900, status="Abierto")
    _drop(tmp_path, "b.csv", 1, age=60)
    reader = _reader(tmp_path)
    assert (reader.ticket("1").status, reader.ticket("2").status) == ("in_process", "open")
    assert reader.ticket("3").gone == "missing"
    assert reader.notes("1") == ()
    assert None is reader.server_time()
    assert reader.directory().agents == {}
