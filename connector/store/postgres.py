"""The store in PostgreSQL, for accounts that many machines look after. Needs the extra `escalera[fleet]` (psycopg 3).

Writers of several processes are kept apart by rows: the head of the audit (one chain for all), the epoch and the count
of an account. Everything else is as in SQLite, and one test suite holds for both.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from connector.errors import ConfigurationError, StoreError
from connector.store import versions
from connector.store.problems import StoreBusy, StoreFull
from connector.store.sqlstore import SqlStore
from connector.store.transactions import Row
from connector.store.versions import Migration

if TYPE_CHECKING:
    from types import ModuleType

    from psycopg import Connection

_CONNECT_SECONDS: Final = 10
_LOCK_MILLISECONDS: Final = 10_000
#: The key of the advisory lock under which one process migrates: "ESCA", as SQLite's application id.
_MIGRATING: Final = 0x45534341
#: SQLSTATEs after which the same transaction may well succeed: serialization, deadlock, lock timeout, shutdown.
_TRANSIENT: Final = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300"})


def _psycopg() -> ModuleType:
    try:
        import psycopg
    except ImportError as error:
        msg = "a state in PostgreSQL needs psycopg: install the extra with `pip install 'escalera[fleet]'`"
        raise ConfigurationError(msg) from error
    return psycopg


class PostgresStore(SqlStore):
    """See `Store`. The tables stand in the first schema of the connection's `search_path`."""

    _LOCK = " FOR UPDATE"

    def __init__(self, url: str, *, read_only: bool = False, migrations: Sequence[Migration] | None = None) -> None:
        """Connect, and create or migrate the tables unless `read_only`. Raises StoreError where that can't be."""
        self._psycopg = _psycopg()
        self._url = url
        super().__init__(self._name(url))
        self._read_only = read_only
        self._writer: Connection[Row] | None = None
        self._idle: list[Connection[Row]] = []
        self._idle_lock = threading.Lock()
        self._statements: dict[str, str] = {}
        self._migrations = tuple(migrations) if migrations is not None else versions.shipped("postgres")
        try:
            if read_only:
                self._check_readable()
            else:
                self._migrate()
        except BaseException:
            self._close()
            raise

    def _name(self, url: str) -> str:
        """Database and host alone: user and password stay out of messages."""
        try:
            parts = self._psycopg.conninfo.conninfo_to_dict(url)
        except self._psycopg.Error:
            # The driver's own message repeats the address, password and all.
            msg = "the address of the PostgreSQL database can't be read: postgresql://USER@HOST:PORT/DATABASE"
            raise ConfigurationError(msg) from None
        return f"PostgreSQL database {parts.get('dbname', '(default)')} on {parts.get('host', 'this machine')}"

    # --- connections ----------------------------------------------------------------------------------------
    def _connect(self, *, reads: bool) -> Connection[Row]:
        try:
            connection: Connection[Row] = self._psycopg.connect(
                self._url, autocommit=True, connect_timeout=_CONNECT_SECONDS, application_name="escalera"
            )
        except self._psycopg.Error as error:
            reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
            msg = f"{self.where} can't be reached ({reason}); check that it runs and that the address is right"
            raise StoreBusy(msg) from error
        connection.execute(f"SET lock_timeout = {_LOCK_MILLISECONDS}")
        if reads:
            connection.execute("SET default_transaction_read_only = on")
        return connection

    def _connection(self) -> Connection[Row]:
        """The one that writes; a lost one is replaced, but only between transactions."""
        if self._read_only:
            msg = f"{self.where} was opened for reading only"
            raise StoreError(msg)
        if self._writer is None or (self._writer.closed and not self._inside):
            self._writer = self._connect(reads=False)
        return self._writer

    @contextmanager
    def _reader(self) -> Iterator[Connection[Row]]:
        with self._idle_lock:
            reader = self._idle.pop() if self._idle else None
        if reader is None or reader.closed:
            reader = self._connect(reads=True)
        try:
            yield reader
        finally:
            with self._idle_lock:
                keep = not self._closed and not reader.closed
                if keep:
                    self._idle.append(reader)
            if not keep:
                reader.close()

    def _close(self) -> None:
        with self._idle_lock:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    # --- migrations -----------------------------------------------------------------------------------------
    def _version(self, connection: Connection[Row]) -> int:
        """The schema version, 0 where none of our tables is there. Raises StoreError beside another program's."""
        rows = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
            " AND table_name IN ('schema_version', 'tickets')"
        ).fetchall()
        names = {row[0] for row in rows}
        if "schema_version" in names:
            found = connection.execute("SELECT version FROM schema_version WHERE program = 'escalera'").fetchone()
            if found is not None:
                return int(found[0])
        if names:
            msg = (
                f"{self.where} holds tables of another program ({', '.join(sorted(names))}) and was left as it is;"
                " give Escalera a database or a schema of its own"
            )
            raise StoreError(msg)
        return 0

    def _migrate(self) -> None:
        with self._explained():
            writer = self._connection()
            if not versions.missing(self.where, self._version(writer), self._migrations):
                return
        for migration in self._migrations:
            with self._explained(), writer.transaction():
                # Machines that start together: one migrates, the others wait here and then find it done.
                writer.execute("SET LOCAL lock_timeout = 0")
                writer.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
                if self._version(writer) >= migration.number:
                    continue
                if migration.number == 1:
                    writer.execute(
                        "CREATE TABLE schema_version (program TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL)"
                    )
                    writer.execute("INSERT INTO schema_version (program, version) VALUES ('escalera', 0)")
                writer.execute(migration.text.encode())
                writer.execute("UPDATE schema_version SET version = %s WHERE program = 'escalera'", (migration.number,))

    def _check_readable(self) -> None:
        with self._explained(), self._reader() as reader:
            version = self._version(reader)
        if versions.missing(self.where, version, self._migrations):
            msg = (
                f"{self.where} has version {version}, this program needs {self._migrations[-1].number};"
                " start the daemon or run `escalera once`, which creates and migrates it"
            )
            raise StoreError(msg)

    # --- what SqlStore asks for -----------------------------------------------------------------------------
    def _begin(self) -> None:
        with self._explained():
            connection = self._connection()
            try:
                connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            except self._psycopg.OperationalError:
                # The server was restarted since the last transaction: nothing is lost yet, so begin on a new one.
                if not connection.closed:
                    raise
                self._connection().execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")

    def _commit(self) -> None:
        with self._explained("; whether this transaction was kept is not known until the next start looks"):
            self._connection().execute("COMMIT")

    def _rollback(self) -> None:
        connection = self._writer
        if connection is None or connection.closed:
            return
        if connection.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE:
            with self._explained():
                connection.execute("ROLLBACK")

    def _text(self, statement: str) -> str:
        text = self._statements.get(statement)
        if text is None:
            text = statement.replace("%", "%%").replace("?", "%s")
            if len(self._statements) < 1000:
                self._statements[statement] = text
        return text

    def _run(self, statement: str, values: Sequence[Any]) -> tuple[list[Row], int]:
        with self._explained():
            cursor = self._connection().execute(self._text(statement).encode(), values)
            return cursor.fetchall() if cursor.description else [], cursor.rowcount

    def _run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._explained(), self._connection().cursor() as cursor:
            cursor.executemany(self._text(statement).encode(), rows)

    def scrub(self) -> None:
        """See `Store.scrub`: the tables are written anew; the server's log and its backups keep what they have."""
        if self._inside:
            msg = f"{self.where} can't be scrubbed inside a transaction"
            raise StoreError(msg)
        with self._writing, self._explained():
            self._connection().execute("VACUUM (FULL) tickets, intents, audit, plans, facts, escalations")

    def _look(self, statement: str, values: Sequence[Any]) -> list[Row]:
        with self._explained():
            try:
                return self._look_once(statement, values)
            except self._psycopg.OperationalError:
                # Idle connections die with a restart of the server; a read may be asked again, of a new one.
                with self._idle_lock:
                    idle, self._idle = self._idle, []
                for reader in idle:
                    reader.close()
                return self._look_once(statement, values)

    def _look_once(self, statement: str, values: Sequence[Any]) -> list[Row]:
        with self._reader() as reader:
            return reader.execute(self._text(statement).encode(), values).fetchall()

    # --- errors ---------------------------------------------------------------------------------------------
    @contextmanager
    def _explained(self, doubt: str = "") -> Iterator[None]:
        """The driver's errors as sentences with what to do; never its own text, which may quote a customer's."""
        try:
            yield
        except self._psycopg.Error as error:
            raise self._explain(error, doubt) from error
        except UnicodeEncodeError as error:
            msg = f"{self.where}: an id or a name holds text that is no Unicode and can't be stored: {error.reason}"
            raise StoreError(msg) from error

    def _explain(self, error: Any, doubt: str) -> StoreError:
        state = getattr(error, "sqlstate", None)
        lost = self._writer is not None and self._writer.closed
        if state in _TRANSIENT or (isinstance(error, self._psycopg.OperationalError) and (state is None or lost)):
            rest = doubt or "; nothing of this transaction was written"
            return StoreBusy(f"{self.where} broke off ({state or 'connection lost'}){rest}: it will be tried again")
        if state in {"42501", "25006"}:
            return StoreError(f"{self.where}: this user may not write there ({state}); grant it the schema's tables")
        if state == "53100":
            return StoreFull(f"{self.where}: its disk is full; nothing of this transaction was written")
        told = getattr(getattr(error, "diag", None), "message_primary", None) or type(error).__name__
        return StoreError(f"{self.where} refused a statement ({state}: {told}); nothing of it was written")
