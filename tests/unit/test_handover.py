"""Accounts that can only be read: what would be written becomes files, once a plan, with its audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.commands.conftest import NOW, PACK, ROWS, Call, call, write_export

__all__ = ["call"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An account fed by a file that has stood still for long, with a folder for what people import."""
    import os

    export = write_export(tmp_path / "export.csv", *ROWS)
    os.utime(export, (1_700_000_000, 1_700_000_000))
    path = tmp_path / "config.toml"
    path.write_text(
        '[[accounts]]\nname = "c4c"\nhelpdesk = "c4c-export"\npath = "export.csv"\nout = "changes"\n'
        f'mappings = "{PACK}"\n',
        encoding="utf-8",
    )
    return path


def test_files_once_and_evidence(call: Call, config: Path) -> None:
    """The first cycle leaves change files and a work list; the second hands over nothing new.

    Nor does a rule that was outranked at first get its turn: its file would undo the first one.
    """
    first = call("once", "--config", config, "--now", NOW, "--format", "json")
    assert first.code == 0, first.err
    assert first.json["files"]
    assert all((config.parent / "changes") in Path(path).parents for path in first.json["files"])
    assert any("1001" in Path(path).read_text(encoding="utf-8-sig") for path in first.json["files"])
    second = call("once", "--config", config, "--now", NOW, "--format", "json")
    assert (second.code, second.json["files"]) == (0, [])
    events = call("audit", "--config", config, "--kind", "handed_over", "--format", "json").json
    assert {one["ticket"] for one in events} == {"1001"}


def test_dry_run_hands_nothing_over(call: Call, config: Path) -> None:
    """A dry run leaves neither files nor a state."""
    got = call("once", "--config", config, "--now", NOW, "--dry-run", "--format", "json")
    assert (got.code, got.json["files"]) == (2, [])
    assert not (config.parent / "changes").exists()
    assert not (config.parent / "state.db").exists()


def test_account_that_is_only_watched_hands_nothing_over(call: Call, config: Path) -> None:
    """`write = false`: no files either."""
    config.write_text(config.read_text(encoding="utf-8") + "write = false\n", encoding="utf-8")
    got = call("once", "--config", config, "--now", NOW, "--format", "json")
    assert got.json["files"] == []
    assert not (config.parent / "changes").exists()
