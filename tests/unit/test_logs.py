"""Log lines hold no secret, no customer's words unless asked for, and nothing that steers a terminal."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from connector.logs import Redactor, set_up

_KEY = "fd-9f8e7d6c5b4a"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Logging as it was."""
    root = logging.getLogger()
    kept, level = list(root.handlers), root.level
    yield
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    """The JSON lines written."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_json_line_an_event_with_level_and_instant() -> None:
    """One object a line, values of None left out."""
    out = io.StringIO()
    set_up(stream=out)
    structlog.get_logger("x").info("acted", ticket="1042", why=None)
    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "acted", "level": "info", "ticket": "1042"}


def test_known_secrets_are_redacted_wherever_they_stand() -> None:
    """In the event, in values, nested, in exceptions."""
    out = io.StringIO()
    redactor = set_up(stream=out)
    redactor.hide(_KEY)
    log = structlog.get_logger("x")
    log.info(_KEY, url=f"https://x/{_KEY}", more={"list": [_KEY]})
    try:
        raise ValueError(_KEY)
    except ValueError as error:
        log.error("failed", exc_info=error)
    assert _KEY not in out.getvalue()
    assert "ValueError" in out.getvalue()


@pytest.mark.parametrize("name", ["api_key", "password", "token", "Authorization", "smtp_password", "client_secret"])
def test_values_under_names_of_secrets_are_redacted(name: str) -> None:
    """Whatever they hold."""
    assert Redactor()(None, "info", {name: "abc"}) == {name: "[redacted]"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Basic dXNlcjpYWFhYWA==", "Authorization: Basic [redacted]"),
        ("https://key:X@example.freshdesk.com/api", "https://[redacted]example.freshdesk.com/api"),
        ("bearer abcdefghijkl", "bearer [redacted]"),
    ],
)
def test_credentials_in_headers_and_addresses_are_redacted(text: str, expected: str) -> None:
    """Also those nobody told us of."""
    assert Redactor().text(text) == expected


def test_customers_words_are_left_out_unless_asked_for() -> None:
    """Only their length is told."""
    event = {"subject": "Mi licuadora", "requester_email": "ana@example.com", "ticket": "7"}
    assert Redactor()(None, "info", dict(event)) == {
        "subject": "[12 characters]", "requester_email": "[15 characters]", "ticket": "7",
    }  # fmt: skip
    assert Redactor(customer_text=True)(None, "info", dict(event)) == event


def test_escape_sequences_do_not_reach_a_terminal() -> None:
    """A ticket's text can't clear the screen of whoever reads the log."""
    assert Redactor().text("a\x1b[2Jb\x9b31m") == "a?[2Jb?31m"


def test_console_lines_are_plain_where_nobody_watches() -> None:
    """No colours in a file."""
    out = io.StringIO()
    set_up(fmt="console", stream=out)
    structlog.get_logger("x").warning("held", plan="abc")
    assert "\x1b" not in out.getvalue()
    assert "held" in out.getvalue()


def test_lines_below_the_level_are_dropped() -> None:
    """`level = "error"` silences the rest."""
    out = io.StringIO()
    set_up(level="error", stream=out)
    structlog.get_logger("x").info("acted")
    assert out.getvalue() == ""


def test_libraries_speak_in_the_same_lines_and_only_of_trouble() -> None:
    """Standard logging goes the same way, redacted; its debug lines name addresses and are not wanted."""
    out = io.StringIO()
    set_up(level="debug", stream=out, secrets=[_KEY])
    logging.getLogger("urllib3").debug("GET /api")
    logging.getLogger("urllib3").warning("retrying with %s", _KEY)
    assert [(line["event"], line["level"]) for line in lines(out)] == [("retrying with [redacted]", "warning")]
