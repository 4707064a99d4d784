"""SQLite keeps the store's contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.store import Store, open_store
from tests.contract.store_contract import StoreContract
from tests.contract.store_crash import StoreCrash


class TestSqliteStore(StoreContract, StoreCrash):
    """The contract and the crash tests, on a file."""

    @pytest.fixture
    def store_url(self, tmp_path: Path) -> str:
        """A path where nothing is yet."""
        return str(tmp_path / "state.db")

    @pytest.fixture
    def opened(self) -> Iterator[list[Store]]:
        """Closed at the end."""
        stores: list[Store] = []
        yield stores
        for store in stores:
            store.close()

    @pytest.fixture
    def open_again(self, store_url: str, opened: list[Store]) -> Callable[[], Store]:
        """Another store on the same file."""

        def open_one() -> Store:
            opened.append(open_store(store_url))
            return opened[-1]

        return open_one

    @pytest.fixture
    def store(self, open_again: Callable[[], Store]) -> Store:
        """A store on a fresh file."""
        return open_again()
