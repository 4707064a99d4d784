"""Which database a setting names."""

from __future__ import annotations

from pathlib import Path

from connector.errors import ConfigurationError
from connector.store.base import Store


def open_store(url_or_path: str | Path, *, read_only: bool = False) -> Store:
    """The store at a path, `sqlite:///relative/path`, `sqlite:////absolute/path`, `:memory:` or `postgresql://…`.

    It is created or migrated (after a backup) where need be; `read_only` never changes anything and may run beside
    the daemon. Raises StoreError where the database can't be used, ConfigurationError for an address of another kind.
    """
    text = str(url_or_path)
    scheme, mark, rest = text.partition("://")
    if not mark:
        from connector.store.sqlite import SqliteStore

        return SqliteStore(text, read_only=read_only)
    if scheme == "sqlite":
        from connector.store.sqlite import SqliteStore

        if not rest.startswith("/") or rest == "/":
            msg = "a SQLite address has three slashes and a path: sqlite:///state.db, or four for an absolute path"
            raise ConfigurationError(msg)
        return SqliteStore(rest[1:], read_only=read_only)
    if scheme in {"postgresql", "postgres"}:
        from connector.store.postgres import PostgresStore

        return PostgresStore(text, read_only=read_only)
    msg = f"the state can't be kept at {scheme}://…: give a path, sqlite:///… or postgresql://…"
    raise ConfigurationError(msg)
