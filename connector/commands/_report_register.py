"""`escalera report register`: the workbook of special escalations, and the way back for supervisors' comments."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from connector.commands import _common as common
from connector.commands._private_file import write_out
from connector.commands.approve import user_name
from connector.commands.plan import needed_pack
from connector.core.policy import Policy
from connector.core.records import Escalation
from connector.errors import UsageError
from connector.reports.dry_run import Source, file_sources
from connector.reports.register.build import Register, Unmatched, make_register, records_of
from connector.reports.register.keep import Handed
from connector.reports.words import LANGUAGES

DOC = "the special escalations, a tab for each situation; --merge takes comments back"
FORMATS = ("xlsx", "html", "csv", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what this report alone has."""
    parser.add_argument(
        "--merge", metavar="EDITED.xlsx", type=Path, action="append", default=[],
        help="register: take the comments of an edited register over (repeatable; .xlsx or .ods)",
    )  # fmt: skip
    parser.add_argument("--by", metavar="NAME", help="register: who hands it back (default: the user logged in)")


def run(args: argparse.Namespace) -> int:
    """Take comments over, write the register, or both."""
    if args.mappings and not args.export:
        msg = "--mappings goes with --export; a configured account names its own pack"
        raise UsageError(msg)
    if args.clock == "server":
        msg = "the register is written without calling the helpdesk; name its instant with --now"
        raise UsageError(msg)
    if args.out is None and args.merge and args.export:
        msg = "comments of exported tickets are kept in the register alone: name the new one with --out"
        raise UsageError(msg)
    now = args.now or common.wall_clock()
    return _offline(args, now) if args.export else _live(args, now)


# --- exported files: the workbook itself is the only memory ---------------------------------------------------------
def _offline(args: argparse.Namespace, now: datetime) -> int:
    from connector.mapping.load import load_policy
    from connector.offline import decide_exports
    from connector.reports.register.keep import commented, desk_of_records, merge_all

    policy = load_policy(needed_pack(args))
    files = common.existing(args.export)
    handed = _handed(args, "export", policy, now)
    decided = decide_exports(files, policy, now)
    common.warn(*decided.warnings)
    records = records_of(decided.plan)
    desk = desk_of_records(records, policy.timezone)
    if handed is not None:
        taken = merge_all(desk, handed)
        _tell(taken.lost)
        common.warn(taken.told())
    register = _register(
        args, policy, "export", now, list(commented(records, desk)), list(desk.unmatched.values()),
        [*file_sources(files), *file_sources(args.merge)],
    )  # fmt: skip
    _write(args, register)
    return 0 if decided.plan.complete else 4


# --- a configured account -------------------------------------------------------------------------------------------
def _live(args: argparse.Namespace, now: datetime) -> int:
    from connector.mapping.load import load_policy
    from connector.reports.register.keep import commented, desk_of, merge_all
    from connector.settings import load_settings
    from connector.wiring import open_state

    settings = load_settings(args.config)
    chosen = settings.account(args.account)
    policy = load_policy(settings.resolve(chosen.mappings))
    handed = _handed(args, chosen.name, policy, now)
    waiting = handed is not None and _merge(settings.state_path(), handed)
    if not args.out and args.merge and args.format == "xlsx":
        return 0
    store = open_state(settings, read_only=True)
    try:
        desk = desk_of(store, chosen.name, policy.timezone)
        if waiting and handed is not None:
            # The daemon has not taken them over yet: this register shows what it will look like then.
            merge_all(desk, handed)
        records = list(commented(store.escalations(chosen.name, since=args.since, until=args.until), desk))
    finally:
        store.close()
    _write(args, _register(args, policy, chosen.name, now, records, list(desk.unmatched.values())))
    return 0


def _merge(state: str, handed: Handed) -> bool:
    """Take the registers over into the state; True where they were left for the daemon that holds it."""
    from connector.inbox import leave_register
    from connector.oslock import StateLock, StateLocked
    from connector.reports.register.keep import take_over
    from connector.store.opening import open_store

    lock = None
    if "://" not in state:
        try:
            lock = StateLock(state).acquire()
        except StateLocked:
            path = leave_register(state, handed)
            common.warn(f"the daemon is running: the comments are left for its next cycle ({path})")
            return True
    try:
        store = open_store(state)
        try:
            taken = take_over(store, handed)
        finally:
            store.close()
    finally:
        if lock is not None:
            lock.release()
    _tell(taken.lost)
    common.warn(taken.told())
    return False


# --- both -----------------------------------------------------------------------------------------------------------
def _handed(args: argparse.Namespace, account: str, policy: Policy, now: datetime) -> Handed | None:
    """Every edited register read, before anything is changed; None without any."""
    if not args.merge:
        return None
    from connector.reports.register.edited import read_book

    books = tuple(read_book(path) for path in common.existing(args.merge))
    return Handed(account, args.by or user_name(), now, policy.timezone, books).checked()


def _register(
    args: argparse.Namespace, policy: Policy, account: str, now: datetime, records: Sequence[Escalation],
    unmatched: Sequence[Unmatched], sources: Sequence[Source] = (),
) -> Register:  # fmt: skip
    language = args.language or (policy.language if policy.language in LANGUAGES else "en")
    kept = [
        one
        for one in records
        if (args.since is None or one.opened_at >= args.since) and (args.until is None or one.opened_at < args.until)
    ]
    return make_register(
        kept, policy, account=account, as_of=now, language=language, sources=sources, unmatched=unmatched,
        since=args.since, until=args.until,
    )  # fmt: skip


def _write(args: argparse.Namespace, register: Register) -> None:
    if write_out(args.out, _render(register, args.format)):
        count = sum(len(tab.rows) for tab in register.tabs)
        common.warn(f"wrote {args.out}: {count} escalations in {len(register.tabs)} tabs")


def _render(register: Register, form: str) -> bytes:
    if form == "xlsx":
        from connector.reports.register.book import to_xlsx

        return to_xlsx(register)
    from connector.reports.register.forms import to_csv, to_html, to_json

    text = {"csv": to_csv, "html": to_html, "json": to_json}[form](register)
    return text.encode("utf-8", "backslashreplace" if form == "json" else "replace")


def _tell(lost: Sequence[str]) -> None:
    common.warn(*(f"{place}: belongs to no known case; kept in the tab of unmatched texts" for place in lost))
