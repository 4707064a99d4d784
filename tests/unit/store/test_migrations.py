"""Migrations: forward only, one transaction each, after a backup; old states are read by every later version."""

from __future__ import annotations

import re
import sqlite3
import stat
from pathlib import Path

import pytest

from connector import audit
from connector.core.records import Escalation
from connector.errors import StoreError
from connector.store import open_store, versions
from connector.store.sqlite import SqliteStore
from connector.store.versions import Migration
from tests.contract.store_samples import FULL_MEMORY, FULL_TICKET, T0, at, row

V1 = (Path(__file__).parent / "state_v1.sql").read_text(encoding="utf-8")
SECOND = Migration(
    len(versions.shipped("sqlite")) + 1,
    "9998_second.sql",
    "-- a comment; with a semicolon\nALTER TABLE tickets ADD COLUMN region TEXT;\n\n"
    "UPDATE tickets SET region = 'a;b';\n"
    "CREATE TRIGGER t AFTER DELETE ON tickets\nBEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\n",
)
BROKEN = Migration(SECOND.number + 1, "9999_broken.sql", "CREATE TABLE third (x);\nINSERT INTO nowhere VALUES (1);\n")


def _version_1(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.executescript(V1)
    raw.close()


def _raw(path: Path, question: str) -> list[tuple[object, ...]]:
    raw = sqlite3.connect(path)
    try:
        return raw.execute(question).fetchall()
    finally:
        raw.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state of version 1 with rows."""
    path = tmp_path / "state.db"
    _version_1(path)
    return path


def test_a_state_of_version_1_is_read_whole(path: Path) -> None:
    """Tickets, journal, audit, plans, facts and lease, as the first version wrote them."""
    store = open_store(path)
    found = {one.ticket.id: one for one in store.scan("mx")}
    assert (found["1042"].ticket, found["1042"].memory, found["1042"].wake_at) == (FULL_TICKET, FULL_MEMORY, at(5))
    assert (found["2"], found["3"]) == (row("2", 9), row("3", status="closed"))
    assert (store.open_count("mx"), store.cursor("mx")) == (1, "2026-01-05T09:30:00Z")
    assert [one.id for one in store.open_intents("mx")] == ["i1"]
    assert store.plan("dddddddd").body == {"actions": [1, ("a", "b")]}
    assert (store.policy("p"), store.fact("mx", "populations")) == ({"a.yaml": "x"}, [1, 2])
    assert (audit.verify(store).ok, store.audit_head()[0]) == (True, 2)
    with store.transaction():
        assert store.take_epoch("mx", "h", T0) == 2
    store.close()


def test_the_migrations_shipped_lose_nothing_of_version_1(path: Path) -> None:
    """Every row of every table of version 1 is there afterwards, value for value; the new tables are empty and work."""
    old = {str(name) for (name,) in _raw(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    columns = {
        table: ", ".join(str(row[1]) for row in _raw(path, f"PRAGMA table_info({table})")) for table in sorted(old)
    }
    before = {table: _raw(path, f"SELECT {names} FROM {table}") for table, names in columns.items()}
    assert all(before.values())
    store = open_store(path)
    assert {table: _raw(path, f"SELECT {names} FROM {table}") for table, names in columns.items()} == before
    assert _raw(path, "PRAGMA user_version") == [(versions.shipped("sqlite")[-1].number,)]
    assert list(store.escalations("mx")) == []
    with store.transaction():
        store.put_escalation("mx", Escalation("e1", "1042", None, T0))
    assert [one.id for one in store.escalations("mx", ticket="1042")] == ["e1"]
    store.close()
    assert _raw(path.with_name("state.db.v1.bak"), "PRAGMA user_version") == [(1,)]


def test_a_migration_backs_up_first_and_keeps_the_rows(path: Path) -> None:
    """The backup beside the file is whole, private, and still the old version; a fresh state needs none."""
    migrations = [*versions.shipped("sqlite"), SECOND]
    store = SqliteStore(path, migrations=migrations)
    assert store.mirrored("mx", ["2"]) == {"2": row("2", 9)}
    store.close()
    assert _raw(path, "PRAGMA user_version") == [(SECOND.number,)]
    assert _raw(path, "SELECT DISTINCT region FROM tickets") == [("a;b",)]
    backup = path.with_name("state.db.v1.bak")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert (_raw(backup, "PRAGMA user_version"), _raw(backup, "SELECT count(*) FROM tickets")) == ([(1,)], [(3,)])
    copy = path.with_name("restored.db")
    copy.write_bytes(backup.read_bytes())
    restored = open_store(copy)
    assert audit.verify(restored).ok
    restored.close()

    SqliteStore(path, migrations=migrations).close()
    SqliteStore(path.with_name("fresh.db"), migrations=migrations).close()
    assert sorted(one.name for one in path.parent.glob("state.db*.bak")) == ["state.db.v1.bak"]


def test_a_backup_is_never_written_over(path: Path) -> None:
    """A second try of the same migration keeps the first backup and adds another."""
    first = path.with_name("state.db.v1.bak")
    first.write_bytes(b"an older backup")
    SqliteStore(path, migrations=[*versions.shipped("sqlite"), SECOND]).close()
    assert first.read_bytes() == b"an older backup"
    assert _raw(path.with_name("state.db.v1.1.bak"), "SELECT count(*) FROM tickets") == [(3,)]


def test_a_broken_migration_leaves_its_database_at_the_version_before(path: Path) -> None:
    """One transaction each: what came before stays, nothing of the broken one does; no backup is overwritten."""
    migrations = [*versions.shipped("sqlite"), SECOND, BROKEN]
    for _ in range(2):
        with pytest.raises(StoreError, match="no such table: nowhere"):
            SqliteStore(path, migrations=migrations)
    assert _raw(path, "PRAGMA user_version") == [(SECOND.number,)]
    assert _raw(path, "SELECT count(*) FROM sqlite_master WHERE name = 'third'") == [(0,)]
    backups = sorted(one.name for one in path.parent.glob("*.bak"))
    assert backups == ["state.db.v1.bak", f"state.db.v{SECOND.number}.bak"]
    store = SqliteStore(path, migrations=migrations[:-1])
    assert store.open_count("mx") == 1
    store.close()


def test_reading_an_older_state_only_does_not_migrate_it(path: Path) -> None:
    """The sentence says what does."""
    with pytest.raises(StoreError, match=r"has version 1, older than .*escalera once"):
        SqliteStore(path, read_only=True, migrations=[*versions.shipped("sqlite"), SECOND])
    assert _raw(path, "PRAGMA user_version") == [(1,)]


def test_the_program_refuses_a_state_it_is_too_old_for(path: Path) -> None:
    """After a downgrade."""
    SqliteStore(path, migrations=[*versions.shipped("sqlite"), SECOND]).close()
    with pytest.raises(StoreError, match="update the program, or restore the backup"):
        open_store(path)


def test_both_databases_have_the_same_tables_and_columns() -> None:
    """Two dialects, one schema: a column added to one file must be added to the other."""

    def tables(database: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for migration in versions.shipped(database):
            for name, inner in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", migration.text, re.DOTALL):
                found[name] = re.findall(r"^  (\w+) ", inner, re.MULTILINE)
        return found

    def indexes(database: str) -> list[str]:
        text = "".join(migration.text for migration in versions.shipped(database))
        return re.findall(r"^CREATE INDEX .*;$", text, re.MULTILINE)

    assert tables("sqlite") == tables("postgres")
    assert len(tables("sqlite")) >= 11
    assert indexes("sqlite") == indexes("postgres")


def test_shipped_migrations_are_numbered_without_gaps_and_alike() -> None:
    """The same numbers and names for both databases."""
    names = {database: [one.name for one in versions.shipped(database)] for database in ("sqlite", "postgres")}
    assert names["sqlite"] == names["postgres"]
    assert [int(name[:4]) for name in names["sqlite"]] == list(range(1, len(names["sqlite"]) + 1))
