"""One mistake an admin really makes, put into a shipped pack: `escalera check` tells what, where and how to mend it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from connector.mapping.check import check_result
from connector.mapping.load import load_texts, pack_texts
from connector.packs import shipped

_MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text("utf-8"))
_texts = cache(lambda pack: dict(pack_texts(shipped()[pack])))


@pytest.mark.parametrize(
    ("pack", "file", "old", "new", "code", "says"),
    [pytest.param(*one, id=f"{one[0]} {one[4]} {one[3][:30]!r}") for one in _MISTAKES],
)
def test_the_mistake_is_told_with_its_place_and_a_way_out(
    pack: str, file: str, old: str, new: str, code: str, says: str
) -> None:
    """The code, in the file that was edited or one that names what is gone, with the words that help."""
    texts = _texts(pack)
    assert old in texts[file]
    edited = texts[file].replace(old, new, 1)
    found = check_result(load_texts({**texts, file: edited}), year=2026)
    told = [one for one in found if one.code == code]
    assert told, [f"{one.place} {one.code} {one.text}" for one in found]
    assert any(says in f"{one.text} {one.hint}" for one in told), [f"{one.text} | {one.hint}" for one in told]
    assert all(one.line > 0 for one in told)
    lines = edited.splitlines()
    assert any(one.file != file or 0 < one.line <= len(lines) for one in told)
