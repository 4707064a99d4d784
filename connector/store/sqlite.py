"""The store in one SQLite file: WAL, full synchronous, one connection that writes, others that can only read.

One writing connection is a rule, not a habit: SQLite before 3.51.3 can damage a WAL database when two connections
write or checkpoint at the same instant. Another process must not open a store for writing while the daemon runs.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from connector.errors import StoreError
from connector.store import versions
from connector.store.problems import StoreBusy, StoreFull
from connector.store.sqlstore import SqlStore
from connector.store.transactions import Row
from connector.store.versions import Migration

APPLICATION_ID: Final = 0x45534341  # "ESCA": marks the file as ours
_BUSY_SECONDS: Final = 10.0
_OLDEST_SQLITE: Final = (3, 37, 0)  # STRICT tables
_MEMORY: Final = ":memory:"
_CHECK_SECONDS: Final = 2.0
_DAMAGED: Final = (
    "is damaged; stop the daemon, keep the file, and restore a backup (`escalera restore FILE`) or rescue it with"
    " `sqlite3 FILE .recover`"
)


class SqliteStore(SqlStore):
    """See `Store`. `path` may be `:memory:` for a store that lives as long as this object."""

    def __init__(
        self, path: str | Path, *, read_only: bool = False, migrations: Sequence[Migration] | None = None
    ) -> None:
        """Open, and create or migrate unless `read_only`. Raises StoreError where that can't be."""
        in_memory = str(path) == _MEMORY
        self._path = Path(_MEMORY) if in_memory else Path(path).expanduser().absolute()
        super().__init__(_MEMORY if in_memory else str(self._path))
        self._in_memory = in_memory
        self._read_only = read_only
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._migrations = tuple(migrations) if migrations is not None else versions.shipped("sqlite")
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            msg = f"SQLite {sqlite3.sqlite_version} is too old: at least 3.37 is needed; use a newer Python build"
            raise StoreError(msg)
        with self._explained():
            if read_only:
                self._check_readable()
            else:
                self._open_writer()

    # --- opening ---------------------------------------------------------------------------------------------------
    def _open_writer(self) -> None:
        if not self._in_memory:
            self._create_private()
        writer = self._connect(self._path.as_uri() + "?mode=rw" if not self._in_memory else _MEMORY)
        try:
            version = self._version(writer)
            if version is None:
                self._refuse_foreign()
            elif version > 0 and not self._in_memory:
                self._check_whole_file(writer)
            self._check_mode(writer.execute("PRAGMA journal_mode = WAL").fetchone()[0])
            for setting in ("synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON"):
                writer.execute(f"PRAGMA {setting}")
            writer.execute("PRAGMA journal_size_limit = 67108864")
            self._migrate(writer)
        except BaseException:
            writer.close()
            raise
        self._writer = writer

    def _check_whole_file(self, writer: sqlite3.Connection) -> None:
        """SQLite's own quick check, as far as it comes in `_CHECK_SECONDS`. Raises StoreError for a damaged file."""
        ends = time.monotonic() + _CHECK_SECONDS
        writer.set_progress_handler(lambda: int(time.monotonic() > ends), 50_000)
        try:
            found = str(writer.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
                raise
            found = "ok"  # a large file: what is damaged behind here is found when it is read
        finally:
            writer.set_progress_handler(None, 0)
        if found != "ok":
            msg = f"{self.where} {_DAMAGED}; found at its start: {found[:200]}"
            raise StoreError(msg)

    def _check_mode(self, mode: str) -> None:
        if mode != ("memory" if self._in_memory else "wal"):
            msg = (
                f"{self.where}: SQLite's write-ahead log can't be used there (journal mode stays {mode});"
                " keep the state on a local disk, not on a network folder"
            )
            raise StoreError(msg)

    def _create_private(self) -> None:
        """Create the file readable by its owner alone; SQLite gives -wal and -shm the same permissions."""
        folder = self._path.parent
        if not folder.is_dir():
            msg = f"{self.where}: the folder {folder} does not exist; create it, or set `state` to another path"
            raise StoreError(msg)
        if self._path.is_dir():
            msg = f"{self.where} is a folder; set `state` to a file in it, such as {self._path / 'state.db'}"
            raise StoreError(msg)
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            self._narrow()
        except OSError as error:
            msg = f"{self.where} can't be created ({error.strerror}); make {folder} writable for this user"
            raise StoreError(msg) from error

    def _narrow(self) -> None:
        """Take from others what they may do with a file, and its log, that was made elsewhere or copied here."""
        for ending in ("", "-wal", "-shm"):
            one = self._path.with_name(f"{self._path.name}{ending}")
            if not one.exists():
                continue
            found = one.stat()
            if found.st_uid not in {os.geteuid(), 0} and os.geteuid() != 0:
                msg = f"{one} belongs to another user, {found.st_uid}; run as that user, or set `state` to another path"
                raise StoreError(msg)
            if found.st_mode & 0o077 and found.st_uid == os.geteuid():
                one.chmod(0o600)

    def _connect(self, target: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            target,
            uri=target != _MEMORY,
            timeout=_BUSY_SECONDS,
            isolation_level=None,  # no implicit transactions: every BEGIN stands in this file
            check_same_thread=False,  # whoever holds the lock, or took the connection out of the idle ones, uses it
        )
        connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")
        return connection

    def _version(self, connection: sqlite3.Connection) -> int | None:
        """The schema version of our file, 0 for an empty file, None for a file of another program."""
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if mark == APPLICATION_ID:
            return version
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        return 0 if empty and mark == 0 and version == 0 else None

    def _refuse_foreign(self) -> None:
        msg = (
            f"{self.where} is a SQLite database of another program and was left as it is;"
            " set `state` to a path of its own"
        )
        raise StoreError(msg)

    def _check_readable(self) -> None:
        if self._in_memory or not self._path.is_file():
            msg = f"{self.where} does not exist yet: the first `escalera once` or `escalera run` creates it"
            raise StoreError(msg)
        with self._reader() as reader:
            version = self._version(reader)
        if version is None:
            self._refuse_foreign()
        elif versions.missing(self.where, version, self._migrations):
            msg = (
                f"{self.where} has version {version}, older than this program's {self._migrations[-1].number};"
                " start the daemon or run `escalera once`, which migrates it after a backup"
            )
            raise StoreError(msg)

    # --- migrations ------------------------------------------------------------------------------------------------
    def _migrate(self, writer: sqlite3.Connection) -> None:
        version = self._version(writer) or 0
        wanted = versions.missing(self.where, version, self._migrations)
        if wanted and version > 0:
            self._back_up(writer, version)
        for migration in wanted:
            writer.execute("BEGIN IMMEDIATE")
            try:
                # Another process may have come first: what it did must not be done again.
                if (self._version(writer) or 0) < migration.number:
                    for statement in migration.statements():
                        writer.execute(statement)
                    writer.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    writer.execute(f"PRAGMA user_version = {migration.number}")
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise

    def _back_up(self, writer: sqlite3.Connection, version: int) -> None:
        """A whole copy beside the file (`state.db.v1.bak`), never over an older backup."""
        if self._in_memory:
            return
        for count in range(1000):
            copy = self._path.with_name(f"{self._path.name}.v{version}{f'.{count}' if count else ''}.bak")
            try:
                os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            except FileExistsError:
                continue
            except OSError as error:
                msg = f"{self.where} can't be backed up to {copy} before its migration ({error.strerror})"
                raise StoreError(msg) from error
            try:
                writer.execute("VACUUM INTO ?", (str(copy),))
            except BaseException:
                copy.unlink()
                raise
            return
        msg = f"{self.where}: there are 1000 backups of version {version} beside it; move them away first"
        raise StoreError(msg)

    # --- what SqlStore asks for --------------------------------------------------------------------------------------
    def _connection(self) -> sqlite3.Connection:
        if self._writer is None:
            msg = f"{self.where} was opened for reading only"
            raise StoreError(msg)
        return self._writer

    def _begin(self) -> None:
        with self._explained():
            self._connection().execute("BEGIN IMMEDIATE")

    def _commit(self) -> None:
        with self._explained():
            self._connection().execute("COMMIT")

    def _rollback(self) -> None:
        # After some errors (disk full, I/O) SQLite has rolled back by itself.
        if self._writer is not None and self._writer.in_transaction:
            with self._explained():
                self._writer.execute("ROLLBACK")

    def _run(self, statement: str, values: Sequence[Any]) -> tuple[list[Row], int]:
        with self._explained():
            cursor = self._connection().execute(statement, values)
            return cursor.fetchall(), cursor.rowcount

    def _run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._explained():
            self._connection().executemany(statement, rows)

    def _look(self, statement: str, values: Sequence[Any]) -> list[Row]:
        if self._in_memory:
            # There is only the one connection: wait for a transaction of another thread.
            with self._writing, self._explained():
                return self._connection().execute(statement, values).fetchall()
        with self._explained(), self._reader() as reader:
            return reader.execute(statement, values).fetchall()

    def scrub(self) -> None:
        """See `Store.scrub`: the file is written anew without what was erased, and the log beside it is emptied."""
        if self._inside:
            msg = f"{self.where} can't be scrubbed inside a transaction"
            raise StoreError(msg)
        with self._writing, self._explained():
            with self._idle_lock:
                idle, self._idle = self._idle, []
            for reader in idle:
                reader.close()
            writer = self._connection()
            writer.execute("PRAGMA secure_delete = ON")
            writer.execute("VACUUM")
            if self._in_memory:
                return
            busy, _, _ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            msg = f"{self.where}-wal still holds old bytes, for another program reads the state: end it, try again"
            raise StoreBusy(msg)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection of `mode=ro`, no other thread's meanwhile."""
        with self._idle_lock:
            reader = self._idle.pop() if self._idle else None
        if reader is None:
            reader = self._connect(self._path.as_uri() + "?mode=ro")
        try:
            yield reader
        finally:
            with self._idle_lock:
                keep = not self._closed
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
            with self._explained():
                self._writer.close()
            self._writer = None

    # --- errors ------------------------------------------------------------------------------------------------------
    @contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's errors as sentences with what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error) from error
        except UnicodeEncodeError as error:
            msg = f"{self.where}: an id or a name holds text that is no Unicode and can't be stored: {error.reason}"
            raise StoreError(msg) from error

    def _explain(self, error: sqlite3.Error) -> StoreError:
        if str(error).startswith("Could not decode"):  # goes on with the text itself, which may be a customer's
            return StoreError(f"{self.where} {_DAMAGED}; a row holds text that is no UTF-8")
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        where, folder = self.where, self._path.parent
        shut = f"can't be opened; check that {folder} exists and that this user may read and write it"
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return StoreBusy(
                f"{where} was locked by another process for {_BUSY_SECONDS:.0f} seconds; nothing was written:"
                " stop the other process, or try again"
            )
        sentences = {
            sqlite3.SQLITE_NOTADB: "is not a SQLite database and was left as it is; set `state` to another path, or"
            " move the file away to start anew",
            sqlite3.SQLITE_CORRUPT: _DAMAGED,
            sqlite3.SQLITE_FULL: f"could not grow: the disk of {folder} is full; nothing of this transaction was"
            " written; free some space and start again",
            sqlite3.SQLITE_READONLY: f"can't be written by this user; check the permissions of it and of {folder}",
            sqlite3.SQLITE_CANTOPEN: shut,
            sqlite3.SQLITE_PERM: shut,
            sqlite3.SQLITE_IOERR: "could not be read or written by the system (I/O error); check the disk and its free"
            " space; nothing of this transaction was written",
        }
        told = sentences.get(code)
        if code == sqlite3.SQLITE_FULL:
            return StoreFull(f"{where} {told}")
        if told is not None:
            return StoreError(f"{where} {told}")
        return StoreError(f"{where}: SQLite refused a statement ({error}); nothing of this transaction was written")
