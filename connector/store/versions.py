"""Numbered migrations: plain SQL files, `migrations/<database>/NNNN_name.sql`, forward only, one transaction each."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from connector.errors import StoreError

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: it takes a database from version `number` - 1 to `number`."""

    number: int
    name: str
    text: str

    def statements(self) -> Iterator[str]:
        """The statements one by one: sqlite3's own `executescript` would commit before it starts."""
        statement = ""
        for line in self.text.splitlines(keepends=True):
            if not statement and (not line.strip() or line.startswith("--")):
                continue
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement.strip()
                statement = ""
        if statement.strip():
            msg = f"migration {self.name}: the last statement has no semicolon"
            raise StoreError(msg)


def shipped(database: str) -> tuple[Migration, ...]:
    """The migrations of this program for `sqlite` or `postgres`, 1, 2, 3 … without gaps."""
    folder = resources.files("connector.store").joinpath("migrations", database)
    found = []
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        match = _NAME.fullmatch(file.name)
        if match:
            found.append(Migration(int(match[1]), file.name, file.read_text(encoding="utf-8")))
    if not found or [one.number for one in found] != list(range(1, len(found) + 1)):
        msg = f"the migrations of this installation for {database} are not complete: install the program again"
        raise StoreError(msg)
    return tuple(found)


def missing(where: str, version: int, migrations: Sequence[Migration]) -> Sequence[Migration]:
    """The migrations a database of `version` still needs. Raises StoreError where the database is newer than we are."""
    newest = migrations[-1].number
    if version > newest:
        msg = (
            f"{where} has version {version} and this program knows versions up to {newest}: update the program,"
            " or restore the backup that the newer program made before its migration"
        )
        raise StoreError(msg)
    return migrations[version:]
