"""`escalera backup`: a whole, checked copy of the state, while the daemon runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from connector.commands import _common as common
from connector.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    common.add_config(parser)
    common.add_format(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="where the copy goes: a new file")
    parser.epilog = "The copy holds customers' data, like the state: it is made readable by its owner alone."


def run(args: argparse.Namespace) -> int:
    """Copy, check, say what was copied."""
    from connector.copies import back_up
    from connector.settings import load_settings

    settings = load_settings(args.config)
    if "://" in settings.state_path() and not settings.state_path().startswith("sqlite:"):
        msg = "a state in PostgreSQL is backed up with its own tools: `pg_dump --format=custom --file=FILE ADDRESS`"
        raise UsageError(msg)
    found = back_up(file_of(settings.state_path()), args.out)
    if args.format == "json":
        told = {"file": str(found.path), "bytes": found.size, "head": str(found.head), "events": found.events}
        common.print_json(told)
    else:
        common.say(
            f"wrote {found.path}: {found.size} bytes, checked; audit of {found.events} events, head {found.head}"
        )
    return 0


def file_of(state: str) -> Path:
    """The file of a state in SQLite, from its path or `sqlite:///` address."""
    return Path(state.removeprefix("sqlite:///")).expanduser().absolute()
