"""PostgreSQL keeps the store's contract, and what only many machines need."""

# ruff: noqa: PT012 - what is expected to raise is a whole transaction

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from connector import audit
from connector.errors import ConfigurationError, StoreError
from connector.store import Store, StoreBusy, open_store, sql
from tests.contract.store_contract import StoreContract
from tests.contract.store_crash import REPOSITORY, StoreCrash
from tests.contract.store_samples import T0, at, row

pytestmark = pytest.mark.postgres

_APPENDER = """
import sys
from tests.contract.store_samples import T0
from connector.store import open_store
store = open_store(sys.argv[1])
for number in range(int(sys.argv[3])):
    with store.transaction():
        store.append_audit(sys.argv[2], T0, "k", {"n": number})
        store.append_audit(sys.argv[2], T0, "k", {"n": -number})
store.close()
"""


def _append(url: str, account: str, transactions: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _APPENDER, url, account, str(transactions)], cwd=REPOSITORY)


class TestPostgresStore(StoreContract, StoreCrash):
    """The contract and the crash tests, each in a schema of its own."""

    @pytest.fixture
    def store_url(self, postgres_url: str) -> Iterator[str]:
        """A schema where nothing is yet."""
        import psycopg

        schema = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
            yield f"{postgres_url}&options={quote(f'-csearch_path={schema}')}"
            connection.execute("SET client_min_messages = warning")
            connection.execute(f"DROP SCHEMA {schema} CASCADE")

    @pytest.fixture
    def open_again(self, store_url: str) -> Iterator[Callable[[], Store]]:
        """Another store on the same schema."""
        opened: list[Store] = []

        def open_one() -> Store:
            opened.append(open_store(store_url))
            return opened[-1]

        yield open_one
        for store in opened:
            store.close()

    @pytest.fixture
    def store(self, open_again: Callable[[], Store]) -> Store:
        """A store in a fresh schema."""
        return open_again()

    @pytest.fixture
    def raw(self, store_url: str, store: Store) -> Iterator[Any]:
        """A connection beside the store's."""
        import psycopg

        with psycopg.connect(store_url, autocommit=True) as connection:
            yield connection

    def test_two_processes_append_to_one_chain(self, store: Store, store_url: str) -> None:
        """The head is locked to the end of each transaction, so seq has no gap and the chain holds."""
        children = [_append(store_url, account, 60) for account in ("mx", "cl")]
        assert [child.wait(120) for child in children] == [0, 0]
        result = audit.verify(store)
        assert (result.ok, result.checked) == (True, 240)

    def test_the_audit_refuses_update_delete_and_truncate(self, store: Store, raw: Any) -> None:
        """By triggers, also for whoever connects with another program."""
        import psycopg

        with store.transaction():
            store.append_audit("mx", T0, "k", {})
        for statement in ("UPDATE audit SET kind = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                raw.execute(statement)
        assert audit.verify(store).checked == 1

    def test_an_epoch_checked_in_a_transaction_can_not_be_taken_before_it_ends(
        self, store: Store, open_again: Callable[[], Store], raw: Any
    ) -> None:
        """The row stays locked: a takeover waits until the write that rested on the epoch is journalled."""
        with store.transaction():
            store.take_epoch("mx", "one", T0)
        with store.transaction():
            assert store.check_epoch("mx", 1)
            raw.execute("SET lock_timeout = '200ms'")
            with pytest.raises(Exception, match="lock timeout"):
                raw.execute("UPDATE epochs SET epoch = 2")

    def test_due_next_wake_and_cursor_use_their_indexes(self, store: Store, raw: Any) -> None:
        """With many tickets no plan of a cycle's statement reads the table from end to end."""
        for start in range(0, 5000, 1000):
            with store.transaction():
                store.put("mx", [row(str(number), number) for number in range(start, start + 1000)])
        raw.execute("ANALYZE tickets")
        instant = "2026-01-05T09:31:00.000000Z"
        for statement, values in (
            (sql.DUE, ("mx", instant, 10)),
            (sql.NEXT_WAKE, ("mx",)),
            (sql.MIRRORED.format(marks="?, ?"), ("mx", "1", "2")),
            (sql.OPEN_AMONG.format(marks="?, ?"), ("mx", "1", "2")),
        ):
            told = "\n".join(line for (line,) in raw.execute(f"EXPLAIN {statement.replace('?', '%s')}", values))
            assert "Index" in told, statement
            assert "Seq Scan" not in told, statement

    def test_a_store_outlives_a_lost_connection(self, store: Store, raw: Any) -> None:
        """Reads and new transactions go on after the server cut every connection; the cut one is not kept."""
        with store.transaction():
            store.set_cursor("mx", "1", T0)
        assert store.cursor("mx") == "1"
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'escalera'"
        raw.execute(cut)
        assert store.cursor("mx") == "1"
        with store.transaction():
            store.set_cursor("mx", "2", T0)
        with pytest.raises(StoreBusy, match="broke off") as caught, store.transaction():
            store.set_cursor("mx", "3", T0)
            raw.execute(cut)
            store.set_cursor("mx", "4", T0)
        assert caught.value.retryable
        with store.transaction():
            assert store.cursor("mx") == "2"

    def test_processes_that_start_together_migrate_once(self, store_url: str) -> None:
        """Each waits for the other's migration and finds it done."""
        children = [_append(store_url, "mx", 1) for _ in range(3)]
        assert [child.wait(120) for child in children] == [0, 0, 0]

    def test_another_programs_tables_are_left_alone(self, store_url: str) -> None:
        """A table `tickets` that is not ours stops the start with a sentence."""
        import psycopg

        with psycopg.connect(store_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE tickets (id integer)")
        with pytest.raises(StoreError, match="another program"):
            open_store(store_url)

    def test_a_newer_database_is_refused(self, store: Store, raw: Any, store_url: str) -> None:
        """The sentence names both versions."""
        raw.execute("UPDATE schema_version SET version = 99")
        with pytest.raises(StoreError, match="has version 99 and this program knows versions up to"):
            open_store(store_url)

    def test_messages_hold_no_password(self, postgres_url: str) -> None:
        """Neither for a server that is not there nor for an address that can't be read."""
        with pytest.raises(StoreError) as caught:
            open_store("postgresql://ana:s3cret@127.0.0.1:1/db?connect_timeout=1")
        assert "s3cret" not in str(caught.value)
        with pytest.raises(ConfigurationError) as unread:
            open_store("postgresql://ana:s3cret%zz@h/db")
        assert "s3cret" not in str(unread.value)

    def test_a_read_only_store_neither_migrates_nor_writes(self, store_url: str) -> None:
        """Before the first start it says so; afterwards it reads, and refuses a transaction."""
        with pytest.raises(StoreError, match="escalera once"):
            open_store(store_url, read_only=True)
        open_store(store_url).close()
        reader = open_store(store_url, read_only=True)
        assert reader.due("mx", at(0), limit=1) == []
        with pytest.raises(StoreError, match="reading only"), reader.transaction():
            pytest.fail("a transaction began")
        reader.close()
