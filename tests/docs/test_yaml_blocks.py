"""Every YAML block of the documentation is loaded; the reference in it is the one the declarations make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.mapping.load import load_texts
from connector.mapping.nodes import compose
from connector.mapping.problems import render
from connector.mapping.reference import BEGIN, END, reference
from connector.mapping.registry import rule_kinds

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("README.md")])
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)

#: What a block on its own may refer to. A section that the block itself has is left out.
STAGE = {
    "pack": "pack: {name: stage, language: en, timezone: UTC}\n",
    "calendars": 'calendars:\n  office: {hours: {mon-fri: ["09:00-18:00"]}}\n',
    "people": "people:\n  supervisor: {agent: Ana}\n  supervision: {group: Supervision}\n",
    "texts": "texts:\n  note: A note\n",
    "situations": "situations:\n  - {id: no-diagnosis, title: No diagnosis}\n",
}


def _blocks() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for number, found in enumerate(_BLOCK.finditer(text), 1):
            yield f"{page.relative_to(ROOT)}#{number}", found[1]


BLOCKS = dict(_blocks())
FILES = {place: block for place, block in BLOCKS.items() if block.startswith("# file: ")}


def _staged(block: str) -> dict[str, str]:
    stage = {f"{key}.yaml": text for key, text in STAGE.items() if not re.search(rf"^{key}:", block, re.MULTILINE)}
    return {**stage, "block.yaml": block}


@pytest.mark.parametrize("place", [place for place in BLOCKS if place not in FILES])
def test_block_loads(place: str) -> None:
    """A block of policy in the documentation has no problem."""
    result = load_texts(_staged(BLOCKS[place]))
    assert render(result.problems) == ""
    assert result.policy is not None


@pytest.mark.parametrize("page", sorted({place.split("#")[0] for place in FILES}))
def test_files_of_a_page_are_one_pack(page: str) -> None:
    """The blocks that begin with `# file: NAME` form a complete pack together."""
    files = {}
    for place, block in FILES.items():
        name = block.splitlines()[0].removeprefix("# file: ").strip()
        if place.startswith(f"{page}#"):
            files[name] = block
    policy_files = {name: block for name, block in files.items() if not name.startswith("cases/")}
    assert [problem for name, block in files.items() for problem in compose(block, name)[1]] == []
    result = load_texts(policy_files)
    assert render(result.problems) == ""
    assert result.policy is not None


def test_there_are_blocks() -> None:
    """The tests above have something to load."""
    assert len(BLOCKS) >= 5
    assert FILES


@pytest.mark.parametrize("key", sorted(rule_kinds()))
def test_example_of_a_kind_loads(key: str) -> None:
    """Every rule kind's own example loads."""
    assert render(load_texts(_staged(rule_kinds()[key].example)).problems) == ""


def test_reference_is_generated() -> None:
    """The reference in the documentation equals the one made from the declarations."""
    page = (ROOT / "docs" / "mapping-language.md").read_text(encoding="utf-8")
    written = page.split(BEGIN)[1].split(END)[0].strip()
    assert reference().strip() == written
