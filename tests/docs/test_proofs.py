"""Every proof that docs/proofs.md tells of can be run."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/proofs.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`python -m ([\w.]+)", PAGE))))
def test_the_command_exists(module: str) -> None:
    """A module, or a package with an entry, that can be run."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    if spec.submodule_search_locations:
        assert importlib.util.find_spec(f"{module}.__main__") is not None
    else:
        assert spec.origin is not None
        assert "__main__" in Path(spec.origin).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/]+(?:\.py)?)`", PAGE))))
def test_the_file_exists(path: str) -> None:
    """What is named is there."""
    assert (ROOT / path).exists()
