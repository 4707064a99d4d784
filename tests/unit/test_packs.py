"""The packs that ship with the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector import packs
from connector.mapping.load import load_policy


def test_every_shipped_pack_loads() -> None:
    """Each is found by its folder's name, which is its own, and has no problem."""
    found = packs.shipped()
    assert "appliance-mx" in found
    for name, folder in found.items():
        assert load_policy(folder).name == name


def test_installed_packs_win_over_the_source_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside an installed package the packs lie in `_packs`; folders that are no pack are passed over."""
    (tmp_path / "_packs" / "mine").mkdir(parents=True)
    (tmp_path / "_packs" / "mine" / "pack.yaml").write_text("pack: {name: mine}\n", encoding="utf-8")
    (tmp_path / "_packs" / "nothing").mkdir()
    monkeypatch.setattr(packs, "_HERE", tmp_path)
    assert packs.shipped() == {"mine": tmp_path / "_packs" / "mine"}
    monkeypatch.setattr(packs, "_HERE", tmp_path / "elsewhere" / "deeper")
    assert packs.shipped() == {}
