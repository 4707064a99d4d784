"""Small words that people meet often: spans, headings of help, what is nothing and what is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector import cli
from connector.commands.status import _spoken


def test_a_span_is_said_in_its_two_largest_units() -> None:
    """Nobody reads 22987637 seconds."""
    assert [_spoken(span) for span in (0, 11, 3600, 3661, 22987637)] == ["0 s", "11 s", "1 h", "1 h 1 min", "266 d 1 h"]


def test_a_verb_s_help_keeps_its_capitals() -> None:
    """Only its first letter is made one."""
    assert cli.parser_for("login").description == "Put an account's API key into the keyring."


def test_init_twice_says_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two things exist, one exists."""
    assert cli.run(["init", str(tmp_path)]) == 0
    assert cli.run(["init", str(tmp_path)]) == 64
    assert "appliance-mx exist already; nothing was written" in capsys.readouterr().err
    (tmp_path / "config.toml").unlink()
    assert cli.run(["init", str(tmp_path)]) == 64
    assert "appliance-mx exists already; nothing was written" in capsys.readouterr().err
