"""What docs/emulator.md says is run: its seed, its Python, its fault items, its options."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest

from connector.emulator import World, add_arguments
from connector.emulator.faults import Faults

_PAGE = (Path(__file__).parents[3] / "docs" / "emulator.md").read_text(encoding="utf-8")
_FAULT_ITEMS = re.findall(r"^\| `([a-z0-9_]+[^`]*)` \|", _PAGE.partition("## Faults")[2], re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _PAGE, re.DOTALL)


def test_the_seed_of_the_page_is_a_seed() -> None:
    """It loads, and means what the text says."""
    world = World.from_seed(json.loads(blocks("json")[0]), key="k")
    assert world.now_text == "2026-03-02T15:00:00Z"
    assert world.tickets[7].fields["status"] == 8
    assert world.switches.search_lag == 60


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """It prints address and time."""
    exec(compile(blocks("python")[0], "docs/emulator.md", "exec"), {})
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+ 2026-03-02T09:00:00Z\n", capsys.readouterr().out)


@pytest.mark.parametrize("item", _FAULT_ITEMS)
def test_every_fault_item_of_the_page_is_read(item: str) -> None:
    """As it stands there."""
    faults = Faults()
    faults.replace(item)
    assert len(faults.armed) + len(faults.standing) == 1


def test_the_page_lists_every_fault_and_option() -> None:
    """Nothing the program knows is left out."""
    from connector.emulator import faults

    names = {re.split(r"[=:]", item)[0] for item in _FAULT_ITEMS}
    assert set(faults._REQUEST_FAULTS) | set(faults._STANDING) == names - {"500", "429", "html502", "html200", "302"}
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    assert options - {"--help"} <= set(re.findall(r"^\| `(--[a-z-]+)", _PAGE, re.MULTILINE))
    for command in blocks("console"):
        parser.parse_args(command.splitlines()[0].split()[3:])
