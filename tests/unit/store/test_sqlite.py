"""What only the SQLite store promises: the file, its plans, its sentences."""

# ruff: noqa: PT012 - what is expected to raise is a whole transaction

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector import audit
from connector.errors import ConfigurationError, StoreError
from connector.store import StoreBusy, auditlines, open_store, sql
from connector.store import sqlite as sqlite_module
from connector.store.sqlite import SqliteStore
from tests.contract.store_samples import T0, at, row


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A fresh store."""
    one = SqliteStore(path)
    yield one
    one.close()


# --- the file ----------------------------------------------------------------------------------------------------
def test_files_are_their_owners_alone_whatever_the_umask(path: Path) -> None:
    """The log and its index as well, while the store is open."""
    before = os.umask(0)
    try:
        store = SqliteStore(path)
        with store.transaction():
            store.set_cursor("mx", "1", T0)
        store.cursor("mx")
    finally:
        os.umask(before)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    store.close()
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


def test_the_writer_is_durable_and_readers_can_not_write(store: SqliteStore) -> None:
    """WAL, synchronous FULL, foreign keys; a reading connection is refused by SQLite itself."""
    asked = [store._run(f"PRAGMA {name}", ())[0][0][0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert asked == ["wal", 2, 1]
    with pytest.raises(StoreError, match="can't be written by this user"):
        store._look("DELETE FROM tickets", ())


def test_a_person_can_read_the_tickets_with_sqlite(store: SqliteStore, path: Path) -> None:
    """Plain columns: no tool of ours is needed; customer text stands in the JSON alone."""
    with store.transaction():
        store.put("mx", [row("7", 5), row("8", gone="spam")])
    with sqlite3.connect(path) as person:
        rows = person.execute("SELECT account, id, status, is_open, gone, wake_at FROM tickets ORDER BY id").fetchall()
        columns = [one[1] for one in person.execute("PRAGMA table_info(tickets)")]
    person.close()
    assert rows == [
        ("mx", "7", "in_process", 1, None, "2026-01-05T09:35:00.000000Z"),
        ("mx", "8", "in_process", 0, "spam", None),
    ]
    assert columns == list(sql.TICKET_COLUMNS)


def test_the_audit_table_refuses_update_delete_and_replace(store: SqliteStore, path: Path) -> None:
    """By triggers, also for another program."""
    with store.transaction():
        store.append_audit("mx", T0, "k", {})
    person = sqlite3.connect(path)
    for statement in ("UPDATE audit SET kind = 'x'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            person.execute(statement)
    person.close()
    with pytest.raises(StoreError, match="append-only"), store.transaction():
        columns = "seq, at, account, kind, ticket, body, prev, hash, v, salt, commitment, redacted"
        changed = columns.replace("kind", "'x'")
        store._run(f"INSERT OR REPLACE INTO audit ({columns}) SELECT {changed} FROM audit", ())
    assert audit.verify(store).ok


# --- plans -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (sql.DUE, "SEARCH tickets USING INDEX tickets_due (account=? AND wake_at<?)"),
        (sql.NEXT_WAKE, "SEARCH tickets USING COVERING INDEX tickets_due (account=? AND wake_at>?)"),
        (sql.CURSOR, "SEARCH cursors USING PRIMARY KEY (account=?)"),
        (sql.OPEN_COUNT, "SEARCH counts USING PRIMARY KEY (account=?)"),
        (sql.MIRRORED.format(marks="?, ?"), ("SEARCH tickets USING INDEX sqlite_autoindex_tickets_1"
         " (account=? AND id=?)")),
        (sql.OPEN_AMONG.format(marks="?, ?"), ("SEARCH tickets USING INDEX sqlite_autoindex_tickets_1"
         " (account=? AND id=?)")),
        (sql.SCAN_OPEN, "SEARCH tickets USING INDEX tickets_open (account=? AND id>?)"),
        (sql.WAKE_OPEN, "SEARCH tickets USING INDEX tickets_open (account=?)"),
        (sql.RELATED.format(column="email_key"), ("SEARCH tickets USING INDEX tickets_by_email"
         " (account=? AND email_key=? AND created_at>?)")),
        (sql.RELATED.format(column="contract_key"), ("SEARCH tickets USING INDEX tickets_by_contract"
         " (account=? AND contract_key=? AND created_at>?)")),
        (sql.OPEN_INTENTS, "SEARCH intents USING INDEX intents_unended (account=?)"),
        (sql.INTENT, "SEARCH intents USING INDEX sqlite_autoindex_intents_1 (account=? AND id=?)"),
        (sql.INTENTS, "SEARCH intents USING INDEX intents_by_time (account=? AND created_at>?)"),
        (sql.INTENTS_OF_TICKET, ("SEARCH intents USING INDEX intents_by_ticket"
         " (account=? AND ticket=? AND created_at>?)")),
        (auditlines.EVENTS + " AND account = ? ORDER BY seq LIMIT ?", ("SEARCH audit USING INDEX audit_by_account"
         " (account=? AND seq>?)")),
        (auditlines.EVENTS + " AND ticket = ? ORDER BY seq LIMIT ?", ("SEARCH audit USING INDEX audit_by_ticket"
         " (ticket=? AND seq>?)")),
        (auditlines.FIRST_SINCE, "SEARCH audit USING COVERING INDEX audit_by_time (at>?)"),
        (sql.PLAN, "SEARCH plans USING INDEX sqlite_autoindex_plans_1 (digest=?)"),
        (sql.ESCALATION, "SEARCH escalations USING INDEX sqlite_autoindex_escalations_1 (account=? AND id=?)"),
        (sql.ESCALATIONS + " AND ticket = ? ORDER BY opened_at, id LIMIT ?", ("SEARCH escalations USING INDEX"
         " escalations_by_ticket (account=? AND ticket=? AND (opened_at,id)>(?,?))")),
        (sql.ESCALATIONS + " AND is_open = 1 ORDER BY opened_at, id LIMIT ?", ("SEARCH escalations USING INDEX"
         " escalations_open (account=? AND (opened_at,id)>(?,?))")),
        (sql.EPOCH.format(lock=""), "SEARCH epochs USING PRIMARY KEY (account=?)"),
    ],
)  # fmt: skip
def test_every_statement_of_a_cycle_searches_an_index(store: SqliteStore, statement: str, expected: str) -> None:
    """No SCAN, no sorting: the cost follows what changed and what is due."""
    told = [line[3] for line in store._look(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))]
    assert told == [expected]


# --- sentences ---------------------------------------------------------------------------------------------------
def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    """The sentence says what to do, and the bytes are the same."""
    path.write_bytes(b"subject;body\n" * 100)
    with pytest.raises(StoreError, match=r"state\.db is not a SQLite database and was left as it is; set `state`"):
        open_store(path)
    assert path.read_bytes() == b"subject;body\n" * 100


def test_another_programs_database_is_left_alone(path: Path) -> None:
    """Also one that has a table `tickets`."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE tickets (id)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="database of another program"):
        open_store(path)
    with pytest.raises(StoreError, match="database of another program"):
        open_store(path, read_only=True)
    assert path.read_bytes() == before


def test_a_damaged_file_says_how_to_rescue_it(path: Path) -> None:
    """Pages overwritten in the middle: an error that names the way out, not a wrong answer."""
    store = SqliteStore(path)
    with store.transaction():
        store.put("mx", [row(str(number), number) for number in range(2000)])
    store.close()
    raw = bytearray(path.read_bytes())
    for page in range(1, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=r"is damaged; stop the daemon, keep the file, and restore a backup"):
        open_store(path).due("mx", at(5000), limit=10)


def test_a_newer_version_is_refused(path: Path) -> None:
    """Forward only: the sentence names both versions."""
    SqliteStore(path).close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"has version 99 and this program knows versions up to \d+: update"):
            open_store(path, read_only=read_only)


def test_a_missing_folder_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    """Nothing is created by guess."""
    with pytest.raises(StoreError, match=r"the folder .*missing does not exist; create it"):
        open_store(tmp_path / "missing" / "state.db")
    with pytest.raises(StoreError, match=r"is a folder; set `state` to a file in it"):
        open_store(tmp_path)


_AS_NOBODY = """
import os, sys
from connector.errors import StoreError
from connector.store import open_store
open_store(":memory:").close()  # what is imported late may lie where only root can read
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    open_store(sys.argv[1]).close()
except StoreError as error:
    print(error)
"""


def _without_rights(path: Path) -> str:
    """What an ordinary user is told who opens the state at `path`."""
    repository = Path(__file__).parents[3]
    return subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(path)], cwd=repository, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_that_can_not_be_written_is_named(exists: bool) -> None:
    """By an ordinary user: root may write anywhere, so the test gives its rights away first."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if exists:
            SqliteStore(folder / "state.db").close()
            (folder / "state.db").chmod(0o444)
        folder.chmod(0o555)
        said = _without_rights(folder / "state.db")
        folder.chmod(0o700)
    assert f"{name}/state.db can't be " in said
    assert ("make" in said and "writable" in said) or "check" in said


def test_a_full_disk_keeps_nothing_of_the_transaction(store: SqliteStore, path: Path) -> None:
    """SQLite's own limit on pages gives the same error a full disk does; the store works on when there is room."""
    with store.transaction():
        store.set_cursor("mx", "1", T0)
    pages = store._run("PRAGMA page_count", ())[0][0][0]
    store._run(f"PRAGMA max_page_count = {pages + 2}", ())
    with (
        pytest.raises(StoreError, match=rf"the disk of {path.parent} is full; nothing of this transaction"),
        store.transaction(),
    ):
        store.set_cursor("mx", "2", T0)
        store.put("mx", [row(str(number)) for number in range(500)])
    store._run("PRAGMA max_page_count = 1000000", ())
    assert (store.cursor("mx"), store.open_count("mx")) == ("1", 0)
    with store.transaction():
        store.put("mx", [row("1")])
    assert store.open_count("mx") == 1


def test_a_state_locked_by_another_process_is_busy_not_broken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the waiting time; the same call may succeed later."""
    monkeypatch.setattr(sqlite_module, "_BUSY_SECONDS", 0.05)
    store = SqliteStore(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="locked by another process") as caught, store.transaction():
        pytest.fail("the transaction began")
    assert caught.value.retryable
    other.execute("ROLLBACK")
    other.close()
    with store.transaction():
        store.set_cursor("mx", "1", T0)
    store.close()


def test_a_row_changed_by_hand_is_named(store: SqliteStore, path: Path) -> None:
    """The ticket, not a traceback; its neighbours can be read."""
    with store.transaction():
        store.put("mx", [row("7"), row("8")])
    person = sqlite3.connect(path)
    person.execute("UPDATE tickets SET ticket = '{' WHERE id = '7'")
    person.commit()
    person.close()
    with pytest.raises(StoreError, match="ticket 7 of mx in the state database is not readable"):
        store.mirrored("mx", ["7"])
    assert store.mirrored("mx", ["8"]) == {"8": row("8")}


def test_text_that_is_no_unicode_in_an_id_is_an_error_of_the_store(store: SqliteStore) -> None:
    """Such text in a name is replaced in the plain column and kept in the JSON; an id must be exact."""
    from dataclasses import replace

    odd = replace(row("7"), ticket=replace(row("7").ticket, agent="Ana\ud800\x00"))
    with store.transaction():
        store.put("mx", [odd])
    assert store.mirrored("mx", ["7"]) == {"7": odd}
    with pytest.raises(StoreError, match="no Unicode"), store.transaction():
        store.put("mx", [row("\ud800")])


# --- reading only, memory, addresses -----------------------------------------------------------------------------
def test_a_read_only_store_reads_beside_the_writer_and_never_writes(store: SqliteStore, path: Path) -> None:
    """For `status`, `audit` and `report` while the daemon runs."""
    reader = open_store(path, read_only=True)
    with store.transaction():
        store.put("mx", [row("7", 1)])
        assert reader.open_count("mx") == 0
    assert [one.ticket.id for one in reader.due("mx", at(2), limit=5)] == ["7"]
    with pytest.raises(StoreError, match="opened for reading only"), reader.transaction():
        pytest.fail("a transaction began")
    reader.close()


def test_a_read_only_store_of_nothing_says_who_creates_it(path: Path) -> None:
    """And creates nothing."""
    with pytest.raises(StoreError, match=r"does not exist yet: the first `escalera once` or `escalera run` creates it"):
        open_store(path, read_only=True)
    assert list(path.parent.iterdir()) == []


def test_a_store_in_memory_keeps_the_same_contract_in_one_process() -> None:
    """For a plan without a state."""
    store = open_store(":memory:")
    with store.transaction():
        store.put("mx", [row("7", 1)])
        store.append_audit("mx", T0, "k", {})
    assert (store.open_count("mx"), store.next_wake("mx"), audit.verify(store).checked) == (1, at(1), 1)
    store.close()


def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, three slashes for a relative one, four for an absolute one; odd characters are part of the name."""
    monkeypatch.chdir(tmp_path)
    for address in (
        "a b?c#d%20.db",
        "sqlite:///relative.db",
        f"sqlite:///{tmp_path}/absolute.db",
        tmp_path / "path.db",
    ):
        open_store(address).close()
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "a b?c#d%20.db", "absolute.db", "path.db", "relative.db",
    ]  # fmt: skip
    for wrong in ("mysql://h/db", "sqlite://state.db", "sqlite:///"):
        with pytest.raises(ConfigurationError):
            open_store(wrong)


def test_postgresql_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an ImportError."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'escalera\[fleet\]'"):
        open_store("postgresql://h/db")
