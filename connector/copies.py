"""Backup and restore of a state in SQLite: a whole copy while the daemon runs, and its way back, each checked first."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from connector import audit
from connector.errors import StoreError
from connector.store.base import Store
from connector.store.sqlite import APPLICATION_ID, SqliteStore

#: Fact of each account after a restore; see `connector.cycle.restored`.
RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Copied:
    """A checked copy: its path, size in bytes, the audit's head in it, and how many events its chain has."""

    path: Path
    size: int
    head: audit.Head
    events: int


def back_up(state: Path, out: Path) -> Copied:
    """Copy a state, also one that a daemon writes: as it was at one instant. Raises StoreError; never overwrites."""
    if not state.is_file():
        msg = f"{state} does not exist yet: there is nothing to back up"
        raise StoreError(msg)
    if out.exists():
        msg = f"{out} exists already: a backup is never written over another file; give a new name"
        raise StoreError(msg)
    part = out.with_name(f"{out.name}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        msg = f"{part} can't be created ({error.strerror}); check its folder"
        raise StoreError(msg) from error
    try:
        _copy(state, part)
        found = _checked(part)
        _sync(part)
        os.link(part, out)  # unlike a rename, this refuses where a file came to be there meanwhile
        _sync(out.parent)
    except FileExistsError as error:
        msg = f"{out} exists already: a backup is never written over another file; give a new name"
        raise StoreError(msg) from error
    except OSError as error:
        msg = f"{out} can't be written ({error.strerror}); nothing was backed up"
        raise StoreError(msg) from error
    finally:
        part.unlink(missing_ok=True)
    return replace(found, path=out)


def _copy(state: Path, part: Path) -> None:
    """By SQLite's own backup, in one step: one instant of the source, writers go on meanwhile."""
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as source,
            contextlib.closing(sqlite3.connect(part)) as copy,
        ):
            if source.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                msg = f"{state} is no state of Escalera"
                raise StoreError(msg)
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole in itself
    except sqlite3.Error as error:
        msg = f"{state} can't be backed up ({error}); check the free space, and whether the state is damaged"
        raise StoreError(msg) from error


def _checked(path: Path) -> Copied:
    """The copy's own word on itself: SQLite's integrity check, and the whole chain of the audit."""
    _check_integrity(path)
    store = SqliteStore(path, read_only=True)
    try:
        result = audit.verify(store)
    finally:
        store.close()
    if not result.ok:
        msg = f"{path}: the chain of the audit is broken at event {result.seq} ({result.flaw}): {result.text}"
        raise StoreError(msg)
    return Copied(path, path.stat().st_size, result.head, result.checked)


def _check_integrity(path: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(path)) as raw:
            if raw.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                msg = f"{path} is no state of Escalera"
                raise StoreError(msg)
            [*found] = (row[0] for row in raw.execute("PRAGMA integrity_check(3)"))
    except sqlite3.Error as error:
        msg = f"{path} is no SQLite database, or damaged ({error}); take another backup"
        raise StoreError(msg) from error
    if found != ["ok"]:
        msg = f"{path} is damaged ({'; '.join(str(one) for one in found)[:200]}); take another backup"
        raise StoreError(msg)


def restore(state: Path, backup: Path, accounts: Iterable[str], at: datetime) -> tuple[Copied, Path | None]:
    """Put a backup into the place of the state; the old one stays beside it. Returns the copy and the old one's path.

    To be called by the holder of the state's lock. Nothing is moved before the copy was checked, migrated and marked;
    the state's place is never empty. Raises StoreError, with everything as it was.
    """
    if not backup.is_file():
        msg = f"{backup} does not exist"
        raise StoreError(msg)
    fresh = state.with_name(f"{state.name}.restoring")
    _forget(fresh)
    try:
        for ending in ("", "-wal"):
            source = backup.with_name(f"{backup.name}{ending}")
            if source.is_file():
                place = fresh.with_name(f"{fresh.name}{ending}")
                with source.open("rb") as old, os.fdopen(_made(place), "wb") as new:
                    shutil.copyfileobj(old, new, 1024 * 1024)
        _check_integrity(fresh)
        found = _marked(fresh, accounts, at)
        _check_integrity(fresh)
        _sync(fresh)
        aside = _swap(state, fresh, at)
    except OSError as error:
        msg = f"{error.filename or state} can't be written ({error.strerror}); the state is as it was"
        raise StoreError(msg) from error
    finally:
        _forget(fresh)
    return replace(found, path=state), aside


def _marked(fresh: Path, accounts: Iterable[str], at: datetime) -> Copied:
    """Migrate the copy, check its chain, and write into it that it was restored."""
    store = SqliteStore(fresh)  # refuses one of a newer program, migrates one of an older
    try:
        result = audit.verify(store)
        if not result.ok:
            msg = (
                f"the backup's audit is broken at event {result.seq} ({result.flaw}): {result.text}; take another"
                " backup, the state is as it was"
            )
            raise StoreError(msg)
        mark(store, accounts, at)
        store.scrub()  # closes its log, so that the file is whole in itself
    finally:
        store.close()
    return Copied(fresh, fresh.stat().st_size, result.head, result.checked)


def mark(store: Store, accounts: Iterable[str], at: datetime) -> None:
    """Write into a restored state that it is one: everything is read anew, nothing waiting is carried out unseen."""
    with store.transaction():
        before = audit.Head(*store.audit_head())
        for account in accounts:
            for waiting in ("held", "approved"):
                for plan in store.plans(account, state=waiting):
                    store.save_plan(replace(plan, state="expired"))
            store.forget_cursor(account)
            store.set_fact(account, RESTORED, {"at": at.isoformat(), "head": str(before)}, at)
            store.append_audit(account, at, "restored", {"head": str(before)})


def _swap(state: Path, fresh: Path, at: datetime) -> Path | None:
    """The new file into the old one's place in one step; the old one is kept, its log with it."""
    aside = None
    if state.exists():
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(state)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        aside = state.with_name(f"{state.name}.before-restore-{at:%Y%m%dT%H%M%S}")
        os.link(state, aside)
        for ending in ("-wal", "-shm"):
            left = state.with_name(f"{state.name}{ending}")
            if left.exists():
                left.rename(aside.with_name(f"{aside.name}{ending}"))
    fresh.replace(state)
    _sync(state.parent)
    return aside


def _made(place: Path) -> int:
    """A new file that is this user's alone, open for writing."""
    return os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)


def _forget(fresh: Path) -> None:
    for one in fresh.parent.glob(f"{fresh.name}*"):
        one.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Onto the disk: a file's bytes, or a folder's names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
