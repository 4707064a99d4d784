"""What several verbs share: options, instants, output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connector.errors import UsageError
from connector.text_hints import calm_json, harmless

_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """`--format`: text for people, json for scripts."""
    parser.add_argument("--format", choices=("text", "json", *more), default="text", help="output form (default text)")


def add_now(parser: argparse.ArgumentParser) -> None:
    """`--now`: freeze the clock."""
    parser.add_argument("--now", metavar="ISO", type=instant, help="decide as of this instant (ISO 8601 with offset)")


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--account`."""
    parser.add_argument("--config", metavar="FILE", type=Path, default=Path("config.toml"), help="configuration file")
    parser.add_argument("--account", metavar="NAME", help="one of several configured accounts")


def instant(text: str) -> datetime:
    """An ISO 8601 instant with offset, as UTC. Raises argparse.ArgumentTypeError."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not an ISO 8601 instant, for example 2026-03-10T09:00:00-06:00"
        raise argparse.ArgumentTypeError(msg) from None
    if value.tzinfo is None:
        msg = f"'{text}' has no offset; write for example {text}Z or {text}-06:00"
        raise argparse.ArgumentTypeError(msg)
    try:
        at = value.astimezone(UTC)
    except OverflowError:
        at = _LATEST
    if not _EARLIEST <= at < _LATEST:
        msg = f"'{text}' lies outside the years 1970 to 2199"
        raise argparse.ArgumentTypeError(msg)
    return at


def wall_clock() -> datetime:
    """Now, in UTC: the one place where a verb asks the machine's clock."""
    return datetime.now(UTC)


def print_json(value: Any) -> None:
    """One JSON document on standard output; pure ASCII where the stream is not UTF-8."""
    unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    text = calm_json(json.dumps(value, ensure_ascii=not unicode, indent=2))
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def say(*lines: str) -> None:
    """Lines for people on standard output, made safe for a terminal: each stays one line, whatever a ticket says."""
    for line in lines:
        print(harmless(line).replace("\n", "\\n"))


def warn(*lines: str) -> None:
    """Lines for people on standard error, likewise."""
    for line in lines:
        print(f"escalera: {harmless(line)}".replace("\n", "\\n"), file=sys.stderr)


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """A plain table with columns as wide as their content."""
    cells = [[str(head) for head in heads], *[[" ".join(str(cell).split()) for cell in row] for row in rows]]
    widths = [max(len(line[at]) for line in cells) for at in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def existing(paths: Iterable[Path]) -> list[Path]:
    """The paths, each checked to exist. Raises UsageError naming all that do not."""
    given = list(paths)
    missing = [str(path) for path in given if not path.exists()]
    if missing:
        msg = f"no such file: {', '.join(missing)}"
        raise UsageError(msg)
    return given
