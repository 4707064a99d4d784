"""The packs that ship with the program: beside the source tree, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def shipped() -> dict[str, Path]:
    """Name -> folder of every shipped pack."""
    for root in (_HERE / "_packs", _HERE.parent / "mappings"):
        if root.is_dir():
            return {path.name: path for path in sorted(root.iterdir()) if (path / "pack.yaml").is_file()}
    return {}
