"""`escalera report`: one of the papers for people; each is a module `_report_<name>.py` beside this one.

Such a module brings `DOC` (one line), `FORMATS` (its forms, the first is the default), `add_arguments(parser)` for the
options it alone has, and `run(args)`; what all of them share stands here. Nothing else registers it.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

import connector.commands as package
from connector.commands import _common as common
from connector.commands.plan import add_sources
from connector.errors import UsageError
from connector.reports.words import LANGUAGES

_MARK = "_report_"
_DEFAULT = "dry-run"


class Paper(Protocol):
    """What a module of one report offers."""

    DOC: str
    FORMATS: Sequence[str]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options this report alone has."""

    def run(self, args: argparse.Namespace) -> int:
        """Write it; return the exit code. `args.format` is one of `FORMATS`."""


@cache
def papers() -> Mapping[str, Paper]:
    """Every report by its name on the command line, in alphabetical order."""
    names = sorted(one.name for one in pkgutil.iter_modules(package.__path__) if one.name.startswith(_MARK))
    return MappingProxyType(
        {
            name.removeprefix(_MARK).replace("_", "-"): cast(
                "Paper", importlib.import_module(f"{package.__name__}.{name}")
            )
            for name in names
        }
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    told = "; ".join(f"{name}: {paper.DOC}" for name, paper in papers().items())
    parser.add_argument(
        "what", nargs="?", choices=tuple(papers()), default=_DEFAULT, help=f"which report (default {_DEFAULT}). {told}"
    )
    add_sources(parser)
    forms = tuple(dict.fromkeys(form for paper in papers().values() for form in paper.FORMATS))
    first = ", ".join(f"{paper.FORMATS[0]} for {name}" for name, paper in papers().items())
    parser.add_argument("--format", choices=forms, help=f"output form (default: {first})")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write into this file (default: standard output)")
    parser.add_argument("--language", choices=LANGUAGES, help="words of the report (default: the pack's language)")
    parser.add_argument("--since", metavar="ISO", type=common.instant, help="causes, register: escalated since then")
    parser.add_argument("--until", metavar="ISO", type=common.instant, help="causes, register: escalated before then")
    for paper in papers().values():
        paper.add_arguments(parser)
    parser.epilog = "Exit code: 0 written, 4 written, but a source was not read whole."


def run(args: argparse.Namespace) -> int:
    """Write the report that was asked for."""
    paper = papers()[args.what]
    args.format = args.format or paper.FORMATS[0]
    if args.format not in paper.FORMATS:
        msg = f"report {args.what} has no form {args.format}: use --format {' or '.join(paper.FORMATS)}"
        raise UsageError(msg)
    if args.format == "xlsx" and args.out is None and not args.merge:
        msg = "a workbook is no text for standard output; name a file with --out"
        raise UsageError(msg)
    return paper.run(args)
