"""Small documents that would cost much are refused in bounded time and memory; none reads what it may not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security import bombs

ROOT = Path(__file__).parents[2]
#: Seconds of processor time for one document, on a busy machine.
LONGEST = 10.0
#: What may be read to its end, because reading it is cheap: everything else must be refused.
HARMLESS = {
    "csv export: a line of 8 million signs", "csv export: an open quote", "csv export: a million columns",
    "xlsx export: a deep sheet", "xlsx export: a link to another book", "xlsx export: a cell at the far corner",
    "xlsx export: a book in the book", "register: a cell at the far corner", "register: a link to another book",
    "register: a book in the book", "rota: many extra days", "rota: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "rota: FREQ=DAILY;INTERVAL=999999999", "rota: FREQ=HOURLY;UNTIL=99991231T000000Z",
    "rota: FREQ=YEARLY;BYSETPOS=-366", "rota: a time zone that changes SECONDLY",
    "rota: a time zone that changes DAILY;INTERVAL=0",
}  # fmt: skip


@pytest.fixture(scope="module")
def came() -> list[dict[str, object]]:
    """What came of every document, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.bombs"], capture_output=True, text=True, cwd=ROOT, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "root:" not in done.stdout + done.stderr, "the file of users was read"
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name')]


def test_every_bomb_is_refused_in_bounded_time_and_memory(came: list[dict[str, object]]) -> None:
    """Templates, YAML, workbooks, XML, CSV, packed answers, plans, inbox, configuration, calendars: 400 MB, 10 s."""
    assert [one for one in came if str(one["came"]).startswith("escaped")] == []
    assert [one for one in came if float(str(one["seconds"])) > LONGEST] == []
    taken = {str(one["name"]) for one in came if one["came"] == "taken"}
    assert taken - {name for name in taken if name.endswith("{% raw %}")} == HARMLESS
    assert len(came) >= 120


def test_what_is_refused_says_what_and_where(came: list[dict[str, object]]) -> None:
    """One line that names the file or the text, for each mapping, text and configuration."""
    chosen = [
        one for one in came if str(one["name"]).startswith(("text ", "yaml:", "config:")) and one["came"] != "taken"
    ]
    assert len(chosen) > 70
    for one in chosen:
        assert str(one["came"]).startswith("refused: "), one
        assert any(word in str(one["came"]) for word in ("a.yaml", "config.toml", "text 'evil'")), one


def test_a_document_that_is_too_much_would_be_seen() -> None:
    """The limit of memory is real, and so is the report."""
    assert bombs._outcome(lambda: b"x" * (4 * bombs.ROOM)).startswith("escaped: MemoryError")
