"""A state damaged on disk, and a disk that is full: never a traceback, never a write that is not journalled."""

from __future__ import annotations

import os
import random
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from connector import audit
from connector.cycle.run import run_cycle
from connector.errors import EscaleraError, StoreError
from connector.loop import Loop
from connector.store import open_store
from connector.store.problems import StoreFull
from connector.store.sqlite import SqliteStore
from tests.contract.store_samples import T0, at, row
from tests.desk import MATRIX, World, ticket

_FLIPS = 1500 if os.environ.get("ESCALERA_SOAK") == "full" else 40


def _world(path: Path | str) -> World:
    """A desk where a priority, a note, a message and a toggle come due over days."""
    return World(ticket(1, body="regulator"), ticket(2), ticket(3), path=str(path), more=(MATRIX,))


def _two_days(world: World) -> None:
    for _ in range(3):
        run_cycle(world.account, now=world.now)
        world.desk.advance(timedelta(hours=13))


def _said_twice(world: World) -> list[str]:
    """Notes that stand twice on a ticket, by their text."""
    found = []
    for number in world.desk.all():
        texts = [note.text for note in world.desk.notes_of(number)]
        found += [text for text in set(texts) if texts.count(text) > 1]
    return found


# --- damage ----------------------------------------------------------------------------------------------------------
def test_flipped_bytes_never_make_a_traceback_nor_a_second_note(tmp_path: Path) -> None:
    """Any byte of the file, any value: refused with a sentence, or the cycle goes on and repeats nothing."""
    first = _world(tmp_path / "state.db")
    _two_days(first)
    first.store.close()
    said: list[str] = []
    dice, whole, ends = random.Random(11), (tmp_path / "state.db").read_bytes(), {"refused": 0, "went on": 0}
    for number in range(_FLIPS):
        path = tmp_path / f"flip{number}.db"
        raw = bytearray(whole)
        for _ in range(dice.choice([1, 1, 4, 64])):
            raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        path.write_bytes(raw)
        notes = {one: len(first.desk.notes_of(one)) for one in first.desk.all()}
        try:
            store = open_store(path)
        except EscaleraError:
            ends["refused"] += 1
            continue
        try:
            first.account.store = store
            run_cycle(first.account, now=first.now)
            audit.verify(store)
            ends["went on"] += 1
        except EscaleraError as error:
            said.append(str(error))
            ends["refused"] += 1
        finally:
            store.close()
            path.unlink()
        assert _said_twice(first) == []
        assert {one: len(first.desk.notes_of(one)) for one in notes} == notes
    assert [text for text in said if "\n" in text] == []
    assert sum(ends.values()) == _FLIPS
    assert min(ends.values()) > 0, ends


@pytest.mark.parametrize("column", ["ticket", "memory", "wake_at"])
def test_a_damaged_row_is_left_alone_and_its_neighbours_go_on(tmp_path: Path, column: str) -> None:
    """Nothing is written to its ticket, also where the helpdesk tells it anew; status names it."""
    world = _world(tmp_path / "state.db")
    run_cycle(world.account, now=world.now)
    raw = sqlite3.connect(tmp_path / "state.db")
    raw.execute(f"UPDATE tickets SET {column} = ' {{' WHERE id = '1'")
    raw.commit()
    raw.close()
    before = len([one for one in world.desk.written if one.ticket == "1"])
    world.desk.advance(timedelta(hours=30))
    for number in ("1", "2"):
        world.desk.agent_edit(number, subject="changed")
    report = run_cycle(world.account, now=world.now)
    assert len([one for one in world.desk.written if one.ticket == "1"]) == before
    assert {one.action.ticket for one in report.applied} >= {"2", "3"}
    if column != "wake_at":
        assert world.row(2).ticket.subject == "changed"
    beat = world.store.fact("demo", "cycle")
    assert beat["damaged"] == ["1"]
    world.store.close()


def test_nothing_but_damaged_rows_is_an_error(tmp_path: Path) -> None:
    """Behind a page full of them sound tickets would wait for ever."""
    store = open_store(tmp_path / "state.db")
    with store.transaction():
        store.put("mx", [row(str(number), 1) for number in range(4)])
    raw = sqlite3.connect(tmp_path / "state.db")
    raw.execute("UPDATE tickets SET memory = 'x' WHERE id < '2'")
    raw.commit()
    raw.close()
    assert [one.ticket.id for one in store.due("mx", at(2), limit=3)] == ["2"]
    assert sorted(store.damaged("mx")) == ["0", "1"]
    with pytest.raises(StoreError, match="not readable"):
        store.due("mx", at(2), limit=2)
    store.close()


def test_a_message_of_damage_quotes_no_customer(tmp_path: Path) -> None:
    """SQLite's own message about text that is no UTF-8 would."""
    store = open_store(tmp_path / "state.db")
    with store.transaction():
        store.put("mx", [row("7", 1)])
    raw = sqlite3.connect(tmp_path / "state.db")
    raw.execute("UPDATE tickets SET memory = CAST(x'7b22536563726574ff227d' AS TEXT) WHERE id = '7'")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match=r"is damaged; .* no UTF-8") as caught:
        store.mirrored("mx", ["7"])
    assert "Secret" not in str(caught.value)
    store.close()


def test_damage_is_found_at_start_within_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is migrated or written; a check that takes too long ends and lets the daemon start."""
    path = tmp_path / "state.db"
    store = open_store(path)
    with store.transaction():
        store.put("mx", [row(str(number), number) for number in range(3000)])
    store.close()
    sound = path.read_bytes()
    raw = bytearray(sound)
    for page in range(20, 40):
        raw[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=r"is damaged; stop the daemon.*escalera restore"):
        open_store(path)
    assert path.read_bytes() == bytes(raw)
    from connector.store import sqlite

    path.write_bytes(sound)
    monkeypatch.setattr(sqlite, "_CHECK_SECONDS", -1.0)
    open_store(path).close()


# --- a full disk -----------------------------------------------------------------------------------------------------
class _Full(SqliteStore):
    """A state whose disk is full at its n-th commit from now on, for so many commits."""

    left: int | None = None
    lasts = 1

    def _commit(self) -> None:
        if self.left is not None:
            self.left -= 1
            if -self.lasts <= self.left < 0:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise self._explain(error)
        super()._commit()


def _journalled(world: World) -> list[str]:
    """Writes that reached the helpdesk with no intent of their ticket that was sent."""
    sent = {one.action.ticket for one in world.store.intents("demo", since=T0) if one.step > 0}
    return [one.kind for one in world.desk.written if one.ticket not in sent]


@pytest.mark.parametrize("lasts", [1, 1000])
def test_a_disk_full_at_any_transaction_lets_no_unjournalled_write_out(lasts: int) -> None:
    """For each transaction of a run: the cycle ends with a sentence, and when there is room all is done once."""
    control = _world(":memory:")
    _two_days(control)
    expected = {number: [n.text for n in control.desk.notes_of(number)] for number in control.desk.all()}
    count = 0
    for number in range(200):
        world = _world(":memory:")
        world.store.close()
        store = _Full(":memory:")
        world.store = world.account.store = store
        store.left, store.lasts = number, lasts
        failed = 0
        for _ in range(3):
            try:
                run_cycle(world.account, now=world.now)
            except StoreFull:
                failed += 1
                assert _journalled(world) == []
                if lasts > 1:
                    with pytest.raises(StoreFull, match="free some space"):
                        run_cycle(world.account, now=world.now)
                store.left = None
                world.desk.advance(timedelta(minutes=5))
                run_cycle(world.account, now=world.now)
            world.desk.advance(timedelta(hours=13))
        assert _journalled(world) == []
        assert {one: [n.text for n in world.desk.notes_of(one)] for one in world.desk.all()} == expected
        assert len(world.outbox.messages) == len(control.outbox.messages)
        assert {one.status for one in world.desk.all().values()} == {"in_process"}
        assert audit.verify(store).ok
        store.close()
        if not failed:
            break
        count += 1
    assert count > 15, "every transaction of the run was met"


def test_a_truly_full_database_stops_and_goes_on(tmp_path: Path) -> None:
    """SQLite's own limit on pages gives the error a full disk does."""
    world = _world(tmp_path / "state.db")
    run_cycle(world.account, now=world.now)
    store = world.store
    assert isinstance(store, SqliteStore)
    pages = store._run("PRAGMA page_count", ())[0][0][0]
    store._run(f"PRAGMA max_page_count = {pages}", ())
    for number in range(10, 300):
        world.desk.put(ticket(number, body="regulator " * 50))
    before = len(world.desk.written)
    with pytest.raises(StoreFull, match="free some space"):
        run_cycle(world.account, now=world.now)
    assert len(world.desk.written) == before
    store._run("PRAGMA max_page_count = 1000000", ())
    assert run_cycle(world.account, now=world.now).changed >= 290
    world.store.close()


def test_the_daemon_waits_for_room_instead_of_giving_up(tmp_path: Path) -> None:
    """Eight failures in a row, longer pauses each time, and then it goes on; other failures still end it."""
    world = _world(":memory:")
    clock, calls = [0.0], []

    def cycle(*_: object, **__: object) -> object:
        calls.append(clock[0])
        if len(calls) <= 8:
            msg = "state.db could not grow: the disk of /x is full"
            raise StoreFull(msg)
        return run_cycle(world.account, now=world.now)

    loop = Loop(accounts=[world.account], every=1, jitter=0, cycle=cycle, rounds=9, monotonic=lambda: clock[0])  # type: ignore[arg-type]

    def sleep(_: float) -> None:
        clock[0] += 600

    loop.signals.sleep = sleep  # type: ignore[assignment,method-assign]
    assert loop.run() == 0
    assert len(calls) == 9
    assert world.store.fact("demo", "cycle") is not None
