"""Every command of the README and the guides that can run on one machine is run, in the order of its page.

In a `console` block a line that begins with `$ ` is a command, the lines under it are what it prints, with `…` for
what varies. Each page runs in an empty folder of its own with a small export at hand; 8180 stands for a free port.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/admins.md",
    "docs/auditors.md",
    "docs/operators.md",
    "docs/hints.md",
    "docs/cases.md",
    "docs/rehearsal.md",
    "docs/records.md",
    "docs/register.md",
)
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Commands that build environments or need a person: proven elsewhere, not on a page.
_ELSEWHERE = ("make ",)
EXPORT = """\
Ticket ID;Asunto;Descripción;Estado;Prioridad;Canal;Creado el;Modificado el;Tipo de escalación;Escalado el;Etiquetas
1001;No enciende;Iré a Profeco;En proceso;Normal;Correo;20.02.2026 10:00:00;09.03.2026 10:00:00;no-diagnosis;03.03.2026;
"""


def _commands(page: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for block in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip():
                found[-1][1].append(line)
    return [(command, lines) for command, lines in found if not command.startswith(_ELSEWHERE)]


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def _script(page: str, port: int) -> str:
    # A program of its own on the path, not a function: so `kill` reaches the emulator itself.
    lines = ['export PATH="$HOME/bin:$PATH"', "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for number, (command, _) in enumerate(_commands(page)):
        text = command.replace("8180", str(port))
        lines.append(f"echo; echo '@@ {number}'")
        if text.endswith("&"):
            lines.append(f"{text[:-1]} > listening.txt 2>&1 &")
            lines.append("for _ in $(seq 100); do grep -q listening listening.txt && break; sleep 0.1; done")
            lines.append("cat listening.txt; true")
        else:
            lines.append(text)
        lines.append(f"echo; echo '== {number}' $?")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(page: str, tmp_path: Path) -> None:
    """Each command ends as documented (0, or 2: changes pending) and prints what the page shows."""
    if shutil.which("curl") is None and any(command.startswith("curl ") for command, _ in _commands(page)):
        pytest.skip("curl is not on this machine")
    home = tmp_path / "home"
    for folder in (home, home / "desk"):
        folder.mkdir(exist_ok=True)
        (folder / "work-list.csv").write_text(EXPORT, encoding="utf-8")
    program = home / "bin" / "escalera"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "daemon.py"}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    port = _free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ESCALERA_")
    } | {"PYTHONPATH": str(ROOT), "HOME": str(home)}  # fmt: skip
    got = subprocess.run(
        ["bash"], input=_script(page, port), cwd=home, env=environment, capture_output=True, text=True, timeout=180,
        check=False,
    )  # fmt: skip
    commands = _commands(page)
    assert commands
    for number, (command, shown) in enumerate(commands):
        part = re.search(rf"^@@ {number}\n(.*?)^== {number} (\d+)$", got.stdout, re.MULTILINE | re.DOTALL)
        assert part, f"{command}: did not run\n{got.stdout}\n{got.stderr}"
        printed, code = part[1], int(part[2])
        assert code in {0, 2}, f"{command} ended with {code}\n{printed}\n{got.stderr}"
        for line in shown:
            pattern = ".*".join(re.escape(piece) for piece in line.replace("8180", str(port)).split("…"))
            assert re.search(f"^{pattern}$", printed, re.MULTILINE), f"{command}: no line {line!r} in\n{printed}"


def test_pages_link_to_files_that_exist() -> None:
    """Every relative link of the README and the guides leads somewhere."""
    missing = []
    for page in ("docs/index.md", *PAGES):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            if "://" not in target and not ((ROOT / page).parent / target).exists():
                missing.append(f"{page}: {target}")
    assert missing == []


def test_cases_on_the_page_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pack and the cases shown in docs/cases.md hold, and leave no rule unproven."""
    from connector import cli

    text = (ROOT / "docs/cases.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        path = tmp_path / "pack" / block.splitlines()[0].removeprefix("# file: ").strip()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block, encoding="utf-8")
    code = cli.run(["test", "--strict", str(tmp_path / "pack")])
    assert (code, capsys.readouterr().out.strip().endswith("4 of 4 cases hold, 1 requirements covered")) == (0, True)


def test_every_option_of_every_verb_is_documented_in_its_help() -> None:
    """`--help` of every verb has a sentence for each option and argument."""
    import argparse

    from connector.cli import VERBS, parser_for

    silent = []
    for verb in VERBS:
        parser = parser_for(verb)
        shown = parser.format_help()
        for action in parser._actions:
            if not action.help or action.help is argparse.SUPPRESS:
                silent.append(f"{verb}: {action.dest}")
            elif action.option_strings:
                assert action.option_strings[-1] in shown
    assert silent == []


def test_systemd_unit_is_sound(tmp_path: Path) -> None:
    """The unit passes systemd's own check, names a watchdog, a credential and no root."""
    unit = (ROOT / "deploy" / "escalera.service").read_text(encoding="utf-8")
    for words in ("Type=notify", "WatchdogSec=", "LoadCredential=escalera-key-", "StateDirectory=", "DynamicUser=yes"):
        assert words in unit
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not on this machine")
    copy = tmp_path / "escalera.service"
    copy.write_text(unit.replace("/opt/escalera/bin/escalera", "/bin/true"), encoding="utf-8")
    got = subprocess.run([tool, "verify", str(copy)], capture_output=True, text=True, timeout=60, check=False)
    assert (got.returncode, "escalera.service:" in got.stderr) == (0, False), got.stderr
