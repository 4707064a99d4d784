"""The house keeps its rooms apart: read from the sources themselves, so that no import can slip in unnoticed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "connector").rglob("*.py"))
SHELLS = ("connector/commands/", "connector/demo/", "connector/cli.py", "connector/loop.py")
WRITES = {"update", "add_note", "reply", "create"}
#: Who may call a helpdesk's writer.
HANDS = ("connector/apply/", "connector/notifiers/", "connector/helpdesks/")
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_name(path)}:{node.lineno} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _under(folder: str) -> list[Path]:
    return [path for path in SOURCES if _name(path).startswith(folder)]


def test_there_is_something_to_read() -> None:
    """The walk finds the rooms it is about."""
    assert len(_under("connector/core/")) >= 15
    assert len(_under("connector/helpdesks/")) >= 5
    assert _under("connector/store/")
    assert _under("connector/notifiers/")


def test_core_decides_without_the_world() -> None:
    """`core` imports itself, the error classes and the standard library; the phrase library in core/text.py alone."""
    strange = [
        f"{_name(path)}: {module}"
        for path in _under("connector/core/")
        for module in _imports(path)
        if module.split(".")[:2] != ["connector", "core"]
        and module.split(".")[0] not in sys.stdlib_module_names
        and not (module.startswith("ahocorasick") and _name(path) == "connector/core/text.py")
        and not module.startswith("connector.errors")
    ]
    assert strange == []


def test_core_reads_no_clock_no_file_no_chance() -> None:
    """No clock, no randomness, no logging, no file and no socket inside `core`."""
    banned = {"random", "secrets", "logging", "time", "os", "socket", "subprocess", "uuid", "io", "sqlite3"}
    found = []
    for path in _under("connector/core/"):
        found += [f"{_name(path)}: import {one}" for one in _imports(path) if one.split(".")[0] in banned]
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id in {"datetime", "date", "time"}:
                    found.append(f"{_name(path)}:{node.lineno} asks the clock")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "print"}:
                found.append(f"{_name(path)}:{node.lineno} calls {node.func.id}")
    assert found == []


@pytest.mark.parametrize("room", ["connector/helpdesks/", "connector/notifiers/"])
def test_rooms_that_reach_out_never_touch_the_store(room: str) -> None:
    """`helpdesks` and `notifiers` never import `store`."""
    assert [
        f"{_name(path)}: {module}"
        for path in _under(room)
        for module in _imports(path)
        if module.startswith("connector.store")
    ] == []


@pytest.mark.parametrize("module", ["connector.cli", "connector.loop", "connector.commands"])
def test_nothing_leans_on_the_shell(module: str) -> None:
    """Nothing imports the command line or the loop but the commands themselves."""
    assert [
        f"{_name(path)}: {one}"
        for path in SOURCES
        if not _name(path).startswith(SHELLS)
        for one in _imports(path)
        if one == module or one.startswith(f"{module}.")
    ] == []


def test_the_listener_reaches_no_helpdesk_and_writes_no_state() -> None:
    """`web` imports no helpdesk, no cycle, no apply, and of the store only how to open one, for reading."""
    rooms = ("connector.helpdesks", "connector.apply", "connector.cycle", "connector.notifiers", "connector.http")
    found = [(path, module) for path in _under("connector/web/") for module in _imports(path)]
    assert found
    assert [
        f"{_name(path)}: {module}"
        for path, module in found
        if module.startswith(rooms)
        or (module.startswith("connector.store") and not module.startswith("connector.store.opening"))
    ] == []
    for path in _under("connector/web/"):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open_store":
                assert [word.arg for word in node.keywords] == ["read_only"], _name(path)


def test_one_write_path() -> None:
    """A helpdesk's writer is called by `apply`, by `recover` and by notifiers, and by nobody else."""
    found = []
    for path in SOURCES:
        if _name(path).startswith(HANDS):
            continue
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
                owner = node.func.value
                called = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                if "writer" in called.lower():
                    found.append(f"{_name(path)}:{node.lineno} calls {called}.{node.func.attr}")
    assert found == []


def test_files_stay_readable() -> None:
    """No file of the program is longer than 400 lines."""
    long = {_name(path): path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_every_module_says_what_it_is_for() -> None:
    """Every module has a docstring."""
    assert [_name(path) for path in SOURCES if ast.get_docstring(_tree(path)) is None] == []


def test_the_project_speaks_of_itself_alone() -> None:
    """No path that leads out of the repository stands in anything that ships."""
    outside = "../" + "shared"
    texts = [
        path
        for folder in ("connector", "tests", "docs", "mappings", "deploy")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".html", ".service", ".tsv"} and path.is_file()
    ]
    assert [_name(path) for path in texts if outside in path.read_text(encoding="utf-8", errors="replace")] == []
