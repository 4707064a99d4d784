"""The shell around the verbs: every verb loads, errors are one harmless line with their own exit code."""

from __future__ import annotations

import pytest

from connector import cli
from connector.errors import ConfigurationError, EscaleraError, HeldError, IncompleteError, UsageError
from connector.text_hints import did_you_mean, harmless


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_shows_its_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`VERB --help` ends with 0 and names the verb; a wrong option ends with 64 in one line."""
    assert cli.run([verb, "--help"]) == 0
    assert f"usage: escalera {verb}" in capsys.readouterr().out
    assert cli.run([verb, "--no-such-option"]) == 64
    assert capsys.readouterr().err.count("\n") == 1


class _Failing:
    """A verb that fails as told."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def add_arguments(self, parser: object) -> None:
        """No options."""

    def run(self, args: object) -> int:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EscaleraError("x"), 1), (HeldError("x"), 3), (IncompleteError("x"), 4), (UsageError("x"), 64),
        (ConfigurationError("x"), 78), (KeyboardInterrupt(), 130), (PermissionError(13, "denied", "/root"), 1),
    ],
)  # fmt: skip
def test_errors_carry_their_exit_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each class ends with its own code, in at most one line, without a traceback."""
    monkeypatch.setattr(cli, "_load", lambda verb: _Failing(error))
    assert cli.run(["status"]) == code
    assert capsys.readouterr().err.count("\n") <= 1


def test_fault_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A programming error is not dressed up as a user's mistake."""
    monkeypatch.setattr(cli, "_load", lambda verb: _Failing(KeyError("x")))
    with pytest.raises(KeyError):
        cli.run(["status"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u202eb", "a\\u202eb"),
        ("\x9b", "\\x9b"),
        ("ñ\t\n€", "ñ\t\n€"),
        ("\ud800", "\\ud800"),
    ],
)
def test_harmless(text: str, shown: str) -> None:
    """Control signs, reordering marks and broken halves become visible; letters stay."""
    assert harmless(text) == shown


def test_did_you_mean() -> None:
    """The nearest known word, or nothing."""
    assert did_you_mean("Priorty", ["priority", "status"]) == "; did you mean 'priority'?"
    assert did_you_mean("xyz", ["priority"]) == ""
