"""`escalera check`: every mistake in a mapping pack, with its line, all at once."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from connector.commands import _common as common
from connector.errors import EscaleraError, UsageError
from connector.helpdesks.base import Directory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "packs", metavar="DIR", type=Path, nargs="*", help="packs to check (default: the configured ones)"
    )
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of pack files, for editors, and end"
    )
    parser.add_argument(
        "--live", action="store_true", help="hold people and statuses against the configured account too"
    )
    common.add_config(parser)
    common.add_format(parser)
    parser.epilog = "Exit code: 0 no mistakes (warnings may be there), 78 mistakes."


def run(args: argparse.Namespace) -> int:
    """Check each pack; print problems and warnings."""
    if args.schema:
        from connector.mapping.schema import json_schema

        common.print_json(json_schema())
        return 0
    from connector.mapping.check import check
    from connector.mapping.problems import render

    year = datetime.now(UTC).year
    found = {str(pack): check(pack, directory, helpdesk, year=year) for pack, directory, helpdesk in _packs(args)}
    wrong = sum(not problem.is_warning for problems in found.values() for problem in problems)
    if args.format == "json":
        common.print_json({name: [problem.as_json() for problem in problems] for name, problems in found.items()})
        return 78 if wrong else 0
    for name, problems in found.items():
        if problems:
            common.say(*render(problems).split("\n"))
        mistakes = sum(not problem.is_warning for problem in problems)
        common.say(f"{name}: {_counted(mistakes, 'mistake')}, {_counted(len(problems) - mistakes, 'warning')}")
    return 78 if wrong else 0


def _packs(args: argparse.Namespace) -> list[tuple[Path, Directory | None, str | None]]:
    if not args.live and args.packs:
        return [(pack, None, None) for pack in common.existing(args.packs)]
    from connector.settings import load_settings

    if args.packs and args.live:
        msg = "--live checks the configured account against its own pack; leave the folders out"
        raise UsageError(msg)
    settings = load_settings(args.config)
    if not args.live:
        chosen_ones = [settings.account(args.account)] if args.account else settings.accounts
        return [(settings.resolve(one.mappings), None, None) for one in chosen_ones]
    from connector.wiring import opened

    with opened(args.config, args.account, read_only=True) as (account, _):
        chosen = settings.account(args.account)
        try:
            directory: Directory | None = account.reader.directory()
        except EscaleraError as error:
            common.warn(f"the account can't be asked ({error}); checked without it")
            directory = None
        return [(settings.resolve(chosen.mappings), directory, chosen.helpdesk)]


def _counted(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
