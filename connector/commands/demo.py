"""`escalera demo`: a contact centre's days lived twice, without and with the daemon; a table, a page and a register."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from connector.commands import _common as common
from connector.demo.record import Demonstration
from connector.errors import UsageError

_MOST_DAYS = 365
#: Room that the state of a demonstration needs, many times over, in bytes.
_ROOM = 128 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "--out", metavar="FILE", type=Path, default=Path("demo-report.html"),
        help="the page to write (default demo-report.html); the register goes beside it, as NAME-register.xlsx",
    )  # fmt: skip
    parser.add_argument("--days", metavar="N", type=_days, default=30, help="days of virtual time (default 30)")
    parser.add_argument("--language", choices=("en", "es", "it"), default="en", help="words of the page (default en)")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep the daemon's state there, to look into it")
    common.add_format(parser)
    parser.epilog = (
        "Everything runs on this machine: an emulated helpdesk on a loopback port, invented people. The operator "
        "'demo' approves what the guard holds. Exit code: 0 every promise was kept, 1 one was not (and it says which)."
    )


def run(args: argparse.Namespace) -> int:
    """Live both lives, write the page and the register, print the table."""
    from connector import logs
    from connector.demo.register import workbook
    from connector.demo.report import render
    from connector.demo.run import STATE, demonstrate

    logs.set_up(fmt="console", level="error")
    if args.out.is_dir() or not args.out.absolute().parent.is_dir():
        msg = f"--out {args.out}: name a file in a folder that exists"
        raise UsageError(msg)
    if args.keep is not None and (args.keep / STATE).exists():
        msg = f"--keep {args.keep}: there is a {STATE} already; name another folder or remove it"
        raise UsageError(msg)
    tell = common.say if args.format == "text" else _silent
    with tempfile.TemporaryDirectory(prefix="escalera-demo-", dir=_fast_place()) as scratch:
        try:
            demo = demonstrate(Path(scratch), days=args.days, progress=tell)
        finally:
            if args.keep is not None:
                shutil.copytree(scratch, args.keep, dirs_exist_ok=True)
    book = args.out.with_name(f"{args.out.stem}-register.xlsx")
    book.write_bytes(workbook(demo, args.language))
    args.out.write_text(render(demo, language=args.language, register=book.name), encoding="utf-8")
    broken = demo.broken()
    if args.format == "json":
        from connector.demo.figures import as_json

        common.print_json({**as_json(demo), "report": str(args.out), "register": str(book)})
    else:
        cases = f"{len(demo.register)} special escalations"
        common.say("", *table_lines(demo), "", f"wrote {args.out}", f"wrote {book}: the register of {cases}")
        if args.keep is not None:
            common.say(f"the daemon's state and its audit: {args.keep / STATE}")
    common.warn(*(f"the demonstration failed: {line}" for line in broken))
    return 1 if broken else 0


def table_lines(demo: Demonstration) -> list[str]:
    """The table of both lives, and what the operator approved."""
    from connector.demo.figures import figures, mail_causes
    from connector.demo.words import Words

    words = Words("en")

    def shown(value: int | str | None) -> str:
        if value is None:
            return "-"
        return words.named("value", value) if isinstance(value, str) else str(value)

    rows = [(words(f"figure_{one.key}"), shown(one.without), shown(one.guarded)) for one in figures(demo)]
    causes = [
        (f"{'customers' if customer else 'staff'}: {words.named('cause', cause)}", str(first), str(second))
        for cause, customer, first, second in mail_causes(demo)
    ]
    held = [
        f"{plan.at:%Y-%m-%d %H:%M} UTC: plan {plan.digest[:12]} held ({', '.join(dict.fromkeys(plan.limits))}), "
        f"{plan.actions} actions; operator '{plan.approved_by}' approved it"
        for plan in demo.guarded.held
    ]
    return [
        *common.table([f"{demo.days} days, pack {demo.pack}", "without", "with"], rows),
        "",
        *common.table(["who would have been mailed", "without", "with"], causes),
        *(["", *held] if held else []),
    ]


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_DAYS:
        msg = f"'{text}' is no number of days from 1 to {_MOST_DAYS}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _fast_place() -> str | None:
    """A folder in memory where this machine has one with room: no disk need wait for a state that is thrown away."""
    place = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
    try:
        roomy = place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free > _ROOM
    except OSError:
        return None
    return str(place) if roomy else None


def _silent(*_lines: str) -> None:
    """Say nothing: standard output is one JSON document."""
