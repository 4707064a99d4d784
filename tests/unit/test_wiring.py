"""Accounts put together from the configuration: nothing is called, nothing is written where reading is asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.oslock import StateLocked
from connector.wiring import clock_of, opened, present
from tests.unit.commands.conftest import PACK, ROWS, Live, live, write_export

__all__ = ["live"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An account fed by a file."""
    write_export(tmp_path / "export.csv", *ROWS)
    path = tmp_path / "config.toml"
    path.write_text(
        f'[[accounts]]\nname = "c4c"\nhelpdesk = "c4c-export"\npath = "export.csv"\nmappings = "{PACK}"\n',
        encoding="utf-8",
    )
    return path


def test_reading_makes_no_state_and_no_lock(config: Path) -> None:
    """`read_only` opens no writer and leaves the folder as it was."""
    before = sorted(path.name for path in config.parent.iterdir())
    with opened(config, None, read_only=True, log=False) as (account, _settings):
        assert account.writer is None
    assert sorted(path.name for path in config.parent.iterdir()) == before


def test_only_one_process_works_on_a_state(config: Path) -> None:
    """A second one is refused while the first holds the state; reading goes on beside it."""
    with opened(config, None, log=False):
        with pytest.raises(StateLocked, match="pid"), opened(config, None, log=False):
            pass
        with opened(config, None, read_only=True, log=False) as (account, _settings):
            assert account.name == "c4c"
    with opened(config, None, log=False):
        pass


def test_frozen_instant_is_the_present(config: Path) -> None:
    """`--now` wins over any clock."""
    frozen = datetime(2026, 3, 10, tzinfo=UTC)
    with opened(config, None, read_only=True, log=False) as (account, _settings):
        assert present(account, frozen, "local")() == frozen


def test_export_has_no_clock_of_its_own(config: Path) -> None:
    """`--clock server` on a source that tells no time is said, with the way out."""
    with opened(config, None, read_only=True, log=False) as (account, _settings):
        clock = clock_of(account, "server")
        with pytest.raises(ConfigurationError, match="--clock local"):
            clock()


def test_servers_clock_is_the_helpdesks_own(live: Live) -> None:
    """`--clock server` follows the helpdesk's Date header, also after it moved."""
    with opened(live.config, None, read_only=True, log=False) as (account, _settings):
        clock = present(account, None, "server")
        first = clock()
        live.emulator.advance(3600)
        account.reader.connect()
        assert (clock() - first).total_seconds() == pytest.approx(3600, abs=2)


def test_account_that_is_only_watched_has_no_writer(live: Live) -> None:
    """`write = false` takes the writer away whatever command is run."""
    live.config.write_text(live.config.read_text(encoding="utf-8") + "write = false\n", encoding="utf-8")
    with opened(live.config, None, log=False) as (account, _settings):
        assert account.writer is None
