"""Every code of docs/lint.md: its example is warned of with just that code, and the mended one is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.helpdesks.base import Directory
from connector.mapping.check import check_result
from connector.mapping.load import load_texts
from connector.mapping.problems import CODES, render

PAGE = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")
_SECTION = re.compile(r"^### (W\d+) (.+?)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTIONS = {code: (title, body) for code, title, body in _SECTION.findall(PAGE)}
ACCOUNT = Directory(
    agents={"Ana": "1", "Luis": "2"},
    groups={"Heads": "3"},
    statuses={"2": ("Open",), "5": ("Closed",), "6": ("Being processed",)},
    ambiguous=frozenset({"Luis"}),
)
STAGE = {
    "pack": "pack: {name: stage, language: en, timezone: UTC, calendar: office}\n",
    "calendars": 'calendars:\n  office: {hours: {mon-fri: ["09:00-18:00"]}}\n',
}


def _codes(blocks: list[str], code: str) -> set[str]:
    """The codes of the warnings for a pack of these blocks; a later map stands in place of an earlier one."""
    files = {("map" if block.startswith("helpdesk:") else "policy"): block for block in blocks}
    text = "\n".join(files.values())
    stage = dict(STAGE)
    if "calendars:" in text:
        stage = {"pack": "pack: {name: stage, language: en, timezone: UTC}\n"}
    result = load_texts({f"{name}.yaml": block for name, block in {**stage, **files}.items()})
    assert render(result.problems) == ""
    directory = ACCOUNT if code in ("W101", "W102", "W103") else None
    return {problem.code for problem in check_result(result, directory, "freshdesk", year=2027)}


def _parts(code: str) -> tuple[list[str], list[str]]:
    wrong, mended = SECTIONS[code][1].split("**Way out**")
    return _BLOCK.findall(wrong), _BLOCK.findall(mended)


@pytest.mark.parametrize("code", sorted(SECTIONS))
def test_the_example_is_warned_of(code: str) -> None:
    """The example of a code gives that warning and no other."""
    wrong, _ = _parts(code)
    assert {code} == _codes(wrong, code)


@pytest.mark.parametrize("code", sorted(SECTIONS))
def test_the_way_out_is_one(code: str) -> None:
    """The mended example gives no warning at all."""
    wrong, mended = _parts(code)
    assert set() == _codes([*wrong, *mended], code)


def test_every_warning_is_on_the_page() -> None:
    """The page has each W code there is, with the words of the table of codes."""
    assert {code: CODES[code] for code in CODES if code.startswith("W")} == {
        code: title for code, (title, _) in SECTIONS.items()
    }
