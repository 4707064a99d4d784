"""`escalera demo`: the table, the exit codes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector import cli
from connector.demo import run as demo_run
from connector.demo.record import Closing, Demonstration


@pytest.fixture
def quick(made: Demonstration, monkeypatch: pytest.MonkeyPatch) -> Demonstration:
    """The command with the hand-made run in place of the lived one."""

    def lived_at_once(folder: Path, **_: Any) -> Demonstration:
        (folder / "state.db").write_bytes(b"state")
        return made

    monkeypatch.setattr(demo_run, "demonstrate", lived_at_once)
    return made


def test_it_prints_the_table_and_writes_the_page(
    quick: Demonstration, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both lives side by side, what was approved, and where the page is."""
    out = tmp_path / "page.html"
    assert cli.run(["demo", "--out", str(out), "--language", "it"]) == 0
    printed = capsys.readouterr()
    assert "escalated tickets auto-closed" in printed.out
    line = next(line for line in printed.out.splitlines() if line.startswith("escalated tickets auto-closed"))
    assert line.split()[-2:] == ["1", "0"]
    assert "operator 'demo' approved it" in printed.out
    assert printed.err == ""
    assert '<html lang="it">' in out.read_text(encoding="utf-8")
    assert "page-register.xlsx" in out.read_text(encoding="utf-8")
    assert f"wrote {tmp_path / 'page-register.xlsx'}: the register of 0 special escalations" in printed.out
    assert (tmp_path / "page-register.xlsx").read_bytes().startswith(b"PK")


def test_a_broken_promise_exits_1_and_says_which(
    quick: Demonstration, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, with the tickets."""
    quick.guarded.closings.append(Closing(quick.guarded.end, 8, "regulator-threat"))
    assert cli.run(["demo", "--out", str(tmp_path / "page.html")]) == 1
    said = "with the daemon the helpdesk closed escalated tickets by itself: 8"
    assert capsys.readouterr().err == f"escalera: the demonstration failed: {said}\n"


def test_json_is_one_document(quick: Demonstration, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts: nothing but the document on standard output."""
    assert cli.run(["demo", "--out", str(tmp_path / "page.html"), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["figures"]["lost"] == {"without": 1, "with": 0}
    assert told["broken"] == []
    assert told["register"] == str(tmp_path / "page-register.xlsx")


def test_the_state_is_kept_where_asked(quick: Demonstration, tmp_path: Path) -> None:
    """And nowhere else."""
    keep = tmp_path / "kept"
    assert cli.run(["demo", "--out", str(tmp_path / "page.html"), "--keep", str(keep)]) == 0
    assert (keep / "state.db").read_bytes() == b"state"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--days", "0"], "'0' is no number of days from 1 to 365"),
        (["--days", "many"], "'many' is no number of days"),
        (["--out", "no/such/folder/page.html"], "name a file in a folder that exists"),
        (["--language", "fr"], "invalid choice"),
    ],
)
def test_wrong_usage_exits_64(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is lived."""
    assert cli.run(["demo", *options]) == 64
    assert said in capsys.readouterr().err


def test_a_kept_state_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evidence of an earlier run stays."""
    (tmp_path / "state.db").touch()
    assert cli.run(["demo", "--out", str(tmp_path / "page.html"), "--keep", str(tmp_path)]) == 64
    assert "there is a state.db already" in capsys.readouterr().err
