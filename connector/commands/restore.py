"""`escalera restore`: put a checked backup into the place of the state, so that nothing is done twice afterwards."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from connector.commands import _common as common
from connector.commands.backup import file_of
from connector.errors import UsageError
from connector.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("backup", metavar="FILE", nargs="?", type=Path, help="a copy made by `escalera backup`")
    common.add_config(parser)
    common.add_now(parser)
    parser.add_argument(
        "--mark", action="store_true", help="the state was put back by other means (pg_restore, a copied file): say so"
    )
    parser.epilog = "The daemon must be stopped. The first plan after a restore waits for `escalera approve`."


def run(args: argparse.Namespace) -> int:
    """Check, swap, and say what comes next."""
    from connector.copies import restore
    from connector.oslock import StateLock
    from connector.settings import load_settings

    settings = load_settings(args.config)
    at = args.now or common.wall_clock()
    names = [args.account] if args.account else [one.name for one in settings.accounts]
    in_file = "://" not in settings.state_path() or settings.state_path().startswith("sqlite:")
    if args.mark == (args.backup is not None):
        msg = "restore needs either FILE, or --mark for a state that was put back by other means"
        raise UsageError(msg)
    if not args.mark and not in_file:
        msg = (
            "a state in PostgreSQL is put back with its own tools: stop the daemon, `pg_restore`, then"
            " `escalera restore --mark`"
        )
        raise UsageError(msg)
    if not in_file:
        _mark(settings, names, at)
    else:
        with StateLock(file_of(settings.state_path())):
            if args.mark:
                _mark(settings, names, at)
            else:
                state = file_of(settings.state_path())
                found, aside = restore(state, args.backup.absolute(), names, at)
                common.say(f"restored {found.path}: audit of {found.events} events, head {found.head}")
                if aside is not None:
                    common.say(f"the old state is kept as {aside}")
    common.say(
        "the next cycle reads every ticket again, and its plan waits: what it holds may have been done already.",
        "look with `escalera once`, `escalera show DIGEST`; let pass what is still to be done with `escalera approve`",
    )
    return 0


def _mark(settings: Settings, names: list[str], at: datetime) -> None:
    from connector.copies import mark
    from connector.wiring import open_state

    store = open_state(settings)
    try:
        mark(store, names, at)
    finally:
        store.close()
