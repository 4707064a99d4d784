"""`escalera plan`: what would be done now, and why. Changes nothing: no writer is ever opened."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from connector.commands import _common as common
from connector.commands._plan_text import plan_lines
from connector.core.model import Plan, Verdict
from connector.core.plan_json import dumps, plan_to_json
from connector.errors import UsageError
from connector.private_files import open_private


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_sources(parser)
    common.add_format(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, help="save the plan, for `show`, `approve` and `apply`")
    parser.add_argument("--changes", metavar="FOLDER", type=Path, help="write change files and a work list (exports)")
    parser.epilog = "Exit code: 0 nothing to do, 2 changes pending, 3 held by the guard, 4 a source was not read whole."


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Where tickets come from: exported files with a pack, or a configured account."""
    parser.add_argument(
        "--export", metavar="FILE", type=Path, nargs="+", action="extend", help="exported files to read"
    )
    parser.add_argument("--mappings", metavar="DIR", type=Path, help="the pack to decide by (with --export)")
    parser.add_argument(
        "--clock", choices=("local", "server"), default="local", help="whose now counts (with --config)"
    )
    common.add_config(parser)
    common.add_now(parser)


def run(args: argparse.Namespace) -> int:
    """Plan, print, save."""
    if args.export:
        return _offline(args)
    if args.mappings:
        msg = "--mappings goes with --export; a configured account names its own pack"
        raise UsageError(msg)
    return _live(args)


def _offline(args: argparse.Namespace) -> int:
    from connector.mapping.load import load_policy
    from connector.offline import decide_exports

    policy = load_policy(needed_pack(args))
    now = args.now or common.wall_clock()
    decided = decide_exports(common.existing(args.export), policy, now)
    _print(args, decided.plan, decided.verdict, policy.timezone)
    common.warn(*decided.warnings)
    _save(args.out, decided.plan, decided.verdict)
    if args.changes:
        from connector.apply.actions import chosen
        from connector.handover import party_ids
        from connector.helpdesks.c4c_export import write_changes

        files = write_changes(
            chosen(decided.plan, decided.verdict), decided.tickets, args.changes, now,
            field_map=decided.export.field_map, language=policy.language, party_ids=party_ids(policy),
        )  # fmt: skip
        common.warn(*(f"wrote {path}" for path in files))
    if not decided.verdict.go:
        common.warn(
            "held actions are never handed over unseen: export fewer tickets at a time, or configure the account, where"
            " `escalera approve` lets one plan pass (docs/exports.md)"
        )
    return decided.exit_code


def needed_pack(args: argparse.Namespace) -> Path:
    """The pack named with --mappings. Raises UsageError."""
    if args.mappings is None:
        msg = "--export needs --mappings DIR, the pack to decide by (for example mappings/appliance-mx)"
        raise UsageError(msg)
    return Path(args.mappings)


def _live(args: argparse.Namespace) -> int:
    from connector.cycle.run import run_cycle
    from connector.wiring import opened, present

    with opened(args.config, args.account, read_only=True) as (account, _settings):
        report = run_cycle(account, now=present(account, args.now, args.clock), dry_run=True)
        assert report.plan is not None
        _print(args, report.plan, report.verdict, account.policy.timezone)
        if report.trouble:
            common.warn(report.trouble)
        _save(args.out, report.plan, report.verdict)
        if args.out and report.verdict is not None and not report.verdict.go:
            common.warn(f"the guard holds it: escalera approve {args.out}, then escalera apply {args.out}")
        return report.exit_code


def _print(args: argparse.Namespace, plan: Plan, verdict: Verdict | None, timezone: str) -> None:
    if args.format == "json":
        common.print_json(plan_to_json(plan, verdict))
    else:
        common.say(*plan_lines(plan, verdict, timezone))


def _save(path: Path | None, plan: Plan, verdict: Verdict | None) -> None:
    if path is None:
        return
    try:
        with os.fdopen(open_private(path), "w", encoding="utf-8") as file:
            file.write(dumps(plan, verdict))
    except OSError as error:
        msg = f"{path}: the plan can't be saved ({error.strerror})"
        raise UsageError(msg) from error
