"""One writer at a time, reads beside it, and no transaction kept by halves: the same for both databases."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from connector.errors import StoreError

Row = tuple[Any, ...]


class Transactional(ABC):
    """Reading and writing by statement. One writer at a time in this process; reads never wait for it."""

    _LOCK = ""  # what makes a SELECT lock its row

    def __init__(self, where: str) -> None:
        #: How messages call this database: never with a password.
        self.where = where
        self._writing = threading.Lock()
        self._writer_thread: int | None = None
        self._failed = False
        self._closed = False
        #: Rows that `due` found damaged since the store was opened: account -> ticket -> a sentence.
        self._damaged: dict[str, dict[str, str]] = {}

    # --- what a database brings ----------------------------------------------------------------------------------
    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _commit(self) -> None: ...

    @abstractmethod
    def _rollback(self) -> None: ...

    @abstractmethod
    def _run(self, statement: str, values: Sequence[Any]) -> tuple[list[Row], int]:
        """On the writer connection, inside the transaction: rows and row count."""

    @abstractmethod
    def _run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Likewise, once for each row."""

    @abstractmethod
    def _look(self, statement: str, values: Sequence[Any]) -> list[Row]:
        """On a connection that only reads."""

    @abstractmethod
    def _close(self) -> None: ...

    # --- transactions --------------------------------------------------------------------------------------------
    @property
    def _inside(self) -> bool:
        return self._writer_thread == threading.get_ident()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One write transaction; another thread's waits for it.

        A statement that failed inside dooms it, also where the caller caught the error: half a change is never kept.
        """
        if self._inside:
            msg = f"{self.where}: a transaction was begun inside another one; use one for what belongs together"
            raise StoreError(msg)
        with self._writing:
            self._check_usable()
            self._failed = False
            try:
                self._begin()
                self._writer_thread = threading.get_ident()
                yield
                self._check_whole()
                self._commit()
            except BaseException:
                self._rollback()
                raise
            finally:
                self._writer_thread = None

    def close(self) -> None:
        """Close all connections; a transaction of another thread is let finish first."""
        if self._inside:
            msg = f"{self.where} can't be closed inside a transaction"
            raise StoreError(msg)
        with self._writing:
            if not self._closed:
                self._closed = True
                self._close()

    def _check_usable(self) -> None:
        if self._closed:
            msg = f"{self.where} is closed already"
            raise StoreError(msg)

    def _read(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        if self._inside:
            return self._guarded(statement, values)[0]
        self._check_usable()
        return self._look(statement, values)

    def _write(self, statement: str, values: Sequence[Any]) -> int:
        self._check_inside()
        return self._guarded(statement, values)[1]

    def _write_returning(self, statement: str, values: Sequence[Any]) -> list[Row]:
        self._check_inside()
        return self._guarded(statement, values)[0]

    def _write_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._check_inside()
        try:
            self._run_many(statement, rows)
        except BaseException:
            self._failed = True
            raise

    def _check_whole(self) -> None:
        if self._failed:
            msg = f"{self.where}: a statement of this transaction failed, so nothing of it was kept"
            raise StoreError(msg)

    def _check_inside(self) -> None:
        if not self._inside:
            msg = f"{self.where}: a write outside a transaction was refused"
            raise StoreError(msg)

    def _guarded(self, statement: str, values: Sequence[Any]) -> tuple[list[Row], int]:
        try:
            return self._run(statement, values)
        except BaseException:
            self._failed = True
            raise
