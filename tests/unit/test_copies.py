"""Backup while the daemon writes; restore that is checked before anything moves, and doubles nothing afterwards."""

from __future__ import annotations

import random
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector import audit
from connector.copies import back_up, mark, restore
from connector.core.model import Plan
from connector.cycle.account import Account, CycleReport
from connector.cycle.restored import FACT
from connector.cycle.run import run_cycle
from connector.errors import StoreError
from connector.inbox import Word, record
from connector.oslock import StateLock
from connector.store import open_store
from connector.store.base import Store
from tests.contract.store_samples import T0, row
from tests.desk import MATRIX, START, World, ticket
from tests.unit.commands.conftest import Answer, call

__all__ = ["call"]
V1 = (Path(__file__).parent / "store" / "state_v1.sql").read_text(encoding="utf-8")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with twenty tickets and audit events."""
    path = tmp_path / "state.db"
    store = open_store(path)
    with store.transaction():
        store.put("demo", [row(str(number), number) for number in range(20)])
        for number in range(20):
            store.append_audit("demo", T0, "k", {"n": number})
        store.set_cursor("demo", "c", T0)
    store.close()
    return path


@pytest.fixture
def config(state: Path) -> Path:
    """A configuration on it."""
    path = state.with_name("config.toml")
    path.write_text('[[accounts]]\nname = "demo"\nhelpdesk = "freshdesk"\nurl = "https://x.example"\nmappings = "m"\n')
    return path


# --- backup ----------------------------------------------------------------------------------------------------------
def test_a_backup_is_one_whole_private_file(state: Path, tmp_path: Path) -> None:
    """While another connection has uncheckpointed writes."""
    store = open_store(state)
    with store.transaction():
        store.append_audit("demo", T0, "k", {"late": True})
    found = back_up(state, tmp_path / "copy.db")
    assert (found.events, found.head) == (21, audit.Head(*store.audit_head()))
    store.close()
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    copy = open_store(found.path, read_only=True)
    assert (copy.open_count("demo"), audit.verify(copy).checked) == (20, 21)
    copy.close()


def test_backups_of_a_state_under_load_are_each_one_instant(state: Path, tmp_path: Path) -> None:
    """A writer never waits and is never seen by halves: every transaction writes a ticket and an event."""
    store, ends, written = open_store(state), threading.Event(), []

    def write() -> None:
        number = 100
        while not ends.is_set():
            with store.transaction():
                store.put("demo", [row(str(number))])
                store.append_audit("demo", T0, "k", {"n": number})
            number += 1
            written.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(4):
            found = back_up(state, tmp_path / f"copy{number}.db")
            copy = open_store(found.path, read_only=True)
            assert copy.open_count("demo") == found.events == audit.verify(copy).checked
            copy.close()
    finally:
        ends.set()
        thread.join()
        store.close()
    assert len(written) > 4


def test_a_backup_overwrites_nothing_and_refuses_what_is_no_state(state: Path, tmp_path: Path) -> None:
    """With a sentence, and no half file left behind."""
    (tmp_path / "there.db").write_bytes(b"mine")
    with pytest.raises(StoreError, match="exists already"):
        back_up(state, tmp_path / "there.db")
    assert (tmp_path / "there.db").read_bytes() == b"mine"
    with pytest.raises(StoreError, match="does not exist yet"):
        back_up(tmp_path / "none.db", tmp_path / "copy.db")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(StoreError, match="no state of Escalera"):
        back_up(tmp_path / "other.db", tmp_path / "copy.db")
    with pytest.raises(StoreError, match="can't be created"):
        back_up(state, tmp_path / "no" / "copy.db")
    assert list(tmp_path.glob("copy*")) == []


def test_a_backup_of_a_damaged_state_is_refused(state: Path, tmp_path: Path) -> None:
    """It is not kept as if it were good: a page is overwritten, or an event was changed."""
    raw = sqlite3.connect(state)
    raw.execute("DROP TRIGGER audit_no_update")
    raw.execute("UPDATE audit SET kind = 'x' WHERE seq = 4")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match="audit is broken at event 4"):
        back_up(state, tmp_path / "copy.db")
    bytes_ = bytearray(state.read_bytes())
    for page in range(2, len(bytes_) // 4096):
        bytes_[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    state.write_bytes(bytes_)
    with pytest.raises(StoreError, match="damaged"):
        back_up(state, tmp_path / "copy.db")
    assert list(tmp_path.glob("copy*")) == []


# --- restore ---------------------------------------------------------------------------------------------------------
def test_a_restored_state_is_marked_and_the_old_one_kept(state: Path, tmp_path: Path) -> None:
    """Everything is read anew, plans that waited have expired, and the audit says what happened."""
    found = back_up(state, tmp_path / "copy.db")
    store = open_store(state)
    with store.transaction():
        store.append_audit("demo", T0, "k", {"after": "the backup"})
        store.set_cursor("demo", "d", T0)
    store.close()
    copied, aside = restore(state, found.path, ["demo"], START)
    assert (copied.events, copied.head) == (20, found.head)
    assert aside is not None
    old, new = open_store(aside, read_only=True), open_store(state)
    assert (old.audit_head()[0], new.audit_head()[0]) == (21, 21)
    newest = list(new.audit())[-1]
    assert (newest.kind, newest.body) == ("restored", {"head": str(found.head)})
    assert (new.cursor("demo"), new.fact("demo", FACT)["head"], new.open_count("demo")) == (None, str(found.head), 20)
    assert audit.verify(new).ok
    old.close()
    new.close()
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert list(tmp_path.glob("*.restoring*")) == []
    assert found.path.is_file()


def test_a_backup_of_an_older_version_is_migrated_on_its_way(tmp_path: Path) -> None:
    """Into a place where nothing is, too."""
    raw = sqlite3.connect(tmp_path / "old.db")
    raw.executescript(V1)
    raw.close()
    copied, aside = restore(tmp_path / "state.db", tmp_path / "old.db", ["mx"], START)
    assert (copied.events, aside) == (2, None)
    store = open_store(tmp_path / "state.db")
    assert (audit.verify(store).ok, store.fact("mx", FACT) is not None) == (True, True)
    store.close()


@pytest.mark.parametrize("fault", ["not there", "text", "empty", "foreign", "newer", "page", "event", "cut"])
def test_a_bad_backup_moves_nothing(state: Path, tmp_path: Path, fault: str) -> None:
    """The state stays byte for byte; nothing is left beside it."""
    bad = tmp_path / "bad.db"
    if fault in {"newer", "page", "event", "cut"}:
        back_up(state, bad)
    if fault == "text":
        bad.write_text("subject;body\n" * 999)
    elif fault == "empty":
        bad.write_bytes(b"")
    elif fault == "foreign":
        sqlite3.connect(bad).execute("CREATE TABLE tickets (id)").connection.close()
    elif fault in {"newer", "event"}:
        raw = sqlite3.connect(bad)
        raw.execute("PRAGMA user_version = 99")
        if fault == "event":
            raw.executescript("PRAGMA user_version = 3; DROP TRIGGER audit_no_update; UPDATE audit SET kind = 'x';")
        raw.commit()
        raw.close()
    elif fault == "page":
        bytes_ = bytearray(bad.read_bytes())
        bytes_[3 * 4096 : 4 * 4096] = random.Random(1).randbytes(4096)
        bad.write_bytes(bytes_)
    elif fault == "cut":
        bad.write_bytes(bad.read_bytes()[:-8192])
    before = state.read_bytes()
    with pytest.raises(StoreError):
        restore(state, bad, ["demo"], START)
    assert state.read_bytes() == before
    left = {path.name for path in tmp_path.iterdir() if path != bad}
    assert left <= {"state.db", "state.db-wal", "state.db-shm"}


def test_the_verbs(call: Callable[..., Answer], config: Path, state: Path, tmp_path: Path) -> None:
    """Backup beside a daemon; restore only without one."""
    copy = tmp_path / "copy.db"
    with StateLock(state):
        answer = call("backup", "--config", str(config), "--out", str(copy))
        assert (answer.code, "20 audit events" in answer.out or "20 events" in answer.out) == (0, True)
        refused = call("restore", str(copy), "--config", str(config))
        assert (refused.code, "is in use by the process" in refused.err) == (1, True)
    answer = call("backup", "--config", str(config), "--out", str(tmp_path / "two.db"), "--format", "json")
    assert (answer.code, answer.json["events"]) == (0, 20)
    answer = call("restore", str(copy), "--config", str(config))
    assert (answer.code, "restored" in answer.out, "the old state is kept as" in answer.out) == (0, True, True)
    status = call("status", "--config", str(config))
    assert (status.code, "the state was restored" in status.out) == (1, True)
    assert call("restore", "--mark", "--config", str(config)).code == 0
    assert call("restore", "--config", str(config)).code == 64
    config.write_text('state = "postgresql://h/d"\n' + config.read_text())
    for arguments in (["backup", "--out", str(tmp_path / "x.db")], ["restore", str(copy)]):
        answer = call(*arguments, "--config", str(config))
        assert (answer.code, "pg_" in answer.err) == (64, True)


# --- the first cycles after it ---------------------------------------------------------------------------------------
@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A desk where a note, a message, a priority and toggles come due."""
    one = World(ticket(1, body="regulator"), ticket(2), path=str(tmp_path / "state.db"), more=(MATRIX,))
    yield one
    one.store.close()


def _cycle(world: World) -> CycleReport:
    return run_cycle(world.account, now=world.now)


def _put_back(world: World, tmp_path: Path) -> None:
    """The daemon stops, the backup takes the state's place, the daemon starts."""
    world.store.close()
    restore(tmp_path / "state.db", tmp_path / "copy.db", ["demo"], world.now())
    world.store = open_store(tmp_path / "state.db")
    world.account = replace(world.account, store=world.store, waiting=None)


def _done(world: World) -> tuple[int, int, dict[str, int]]:
    """Writes that reached the helpdesk, messages sent, notes on each ticket."""
    notes = {number: len(world.desk.notes_of(number)) for number in world.desk.all()}
    return len(world.desk.written), len(world.outbox.messages), notes


def test_what_was_done_after_the_backup_is_not_done_again(world: World, tmp_path: Path) -> None:
    """Messages to people could come twice: the plan is held, and says why; whoever looks may reject it."""
    _cycle(world)
    back_up(tmp_path / "state.db", tmp_path / "copy.db")
    world.desk.advance(timedelta(hours=25))
    assert _cycle(world).acted > 0
    world.desk.advance(timedelta(hours=1))
    before = _done(world)
    _put_back(world, tmp_path)
    for _ in range(3):
        report = _cycle(world)
        world.desk.advance(timedelta(minutes=10))
    assert _done(world) == before
    assert report.held is not None
    held = world.store.plan(report.held)
    assert held is not None
    assert "restored at" in (held.reason or "")
    assert world.store.fact("demo", FACT) is not None


def test_an_approved_plan_is_carried_out_and_ends_the_caution(world: World, tmp_path: Path) -> None:
    """Once; what the tickets themselves show as done already is still not done twice."""
    back_up_at_start(world, tmp_path)
    world.desk.advance(timedelta(hours=25))
    _cycle(world)
    before = _done(world)
    _put_back(world, tmp_path)
    report = _cycle(world)
    assert (report.acted, _done(world)) == (0, before)
    assert report.held is not None
    record(world.store, Word(report.held, "approved", "ana", "looked", world.now()))
    _cycle(world)
    assert world.store.fact("demo", FACT) is None
    writes, _, notes = _done(world)
    assert (writes, notes) == (before[0], before[2]), "the note is found by its reference, the priority stands already"
    kinds = [event.kind for event in world.store.audit("demo")]
    assert kinds.count("restore_settled") == 1


def back_up_at_start(world: World, tmp_path: Path) -> None:
    """A backup of a state that knows nothing yet."""
    assert world.store.audit_head()[0] == 0
    back_up(tmp_path / "state.db", tmp_path / "copy.db")


def test_a_restored_state_with_nothing_to_do_goes_on_by_itself(world: World, tmp_path: Path) -> None:
    """The first cycle that reads everything and wants nothing ends the caution; later plans go."""
    _cycle(world)
    back_up(tmp_path / "state.db", tmp_path / "copy.db")
    _put_back(world, tmp_path)
    assert _cycle(world).held is None
    assert world.store.fact("demo", FACT) is None
    world.desk.put(ticket(3, body="regulator"))
    assert _cycle(world).acted == 1


def test_a_toggle_that_can_not_wait_goes_on(world: World, tmp_path: Path) -> None:
    """A ticket the helpdesk would close within a day is kept alive, held plan or not."""
    _cycle(world)
    back_up(tmp_path / "state.db", tmp_path / "copy.db")
    world.desk.advance(timedelta(days=13, hours=6))
    _put_back(world, tmp_path)
    report = _cycle(world)
    toggled = [done.action.ticket for done in report.applied if done.action.kind == "toggle"]
    assert sorted(toggled) == ["1", "2"]
    assert report.held is not None
    world.desk.advance(timedelta(days=2))
    assert {one.status for one in world.desk.all().values()} == {"in_process"}


def test_a_plan_from_a_file_waits_too(world: World, tmp_path: Path) -> None:
    """It may have been applied before the state was lost."""
    from connector.cycle.run import apply_saved
    from connector.errors import HeldError
    from tests.desk import action

    plan: Plan = world.plan(action(world, "note", text="hello"))
    with world.store.transaction():
        mark_one(world.store, world.account)
    with pytest.raises(HeldError, match="restored at"):
        apply_saved(world.account, plan, world.now)
    assert _done(world)[0] == 0


def mark_one(store: Store, account: Account) -> None:
    """As `mark`, inside a transaction."""
    store.set_fact(account.name, FACT, {"at": START.isoformat(), "head": "0:0"}, START)


def test_approved_plans_of_the_backup_have_expired(world: World, tmp_path: Path) -> None:
    """They may have been carried out since."""
    from tests.contract.store_samples import plan

    with world.store.transaction():
        for digest, state in (("a", "approved"), ("b", "held"), ("c", "rejected")):
            world.store.save_plan(plan(digest * 64, account="demo", state=state))
    mark(world.store, ["demo"], START)
    assert {one.digest[0]: one.state for one in world.store.plans("demo")} == {
        "a": "expired", "b": "expired", "c": "rejected",
    }  # fmt: skip
