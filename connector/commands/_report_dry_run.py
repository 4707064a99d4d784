"""`escalera report dry-run`: what would be done, as a page to print, a table or JSON. Changes nothing, like `plan`."""

from __future__ import annotations

import argparse

from connector.commands import _common as common
from connector.commands._private_file import write_out
from connector.commands.plan import needed_pack
from connector.errors import UsageError
from connector.reports.dry_run import Report, account_source, file_sources, make_report, report_json
from connector.reports.words import LANGUAGES
from connector.text_hints import calm_json

DOC = "what would be done"
FORMATS = ("html", "csv", "json", "xlsx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has no options of its own."""


def run(args: argparse.Namespace) -> int:
    """Decide, and write the report."""
    if args.mappings and not args.export:
        msg = "--mappings goes with --export; a configured account names its own pack"
        raise UsageError(msg)
    report = _offline(args) if args.export else _live(args)
    language = args.language or (report.policy.language if report.policy.language in LANGUAGES else "en")
    if write_out(args.out, _render(report, args.format, language)):
        common.warn(f"wrote {args.out}: {len(report.plan.actions)} actions on {report.touched} tickets")
    return 0 if report.plan.complete else 4


def _offline(args: argparse.Namespace) -> Report:
    from connector.mapping.load import load_policy
    from connector.offline import decide_exports

    policy = load_policy(needed_pack(args))
    files = common.existing(args.export)
    decided = decide_exports(files, policy, args.now or common.wall_clock())
    common.warn(*decided.warnings)
    return make_report(decided.plan, decided.verdict, policy, decided.tickets, file_sources(files))


def _live(args: argparse.Namespace) -> Report:
    from connector.cycle.run import run_cycle
    from connector.wiring import opened, present

    with opened(args.config, args.account, read_only=True) as (account, _settings):
        done = run_cycle(account, now=present(account, args.now, args.clock), dry_run=True)
        if done.trouble:
            common.warn(done.trouble)
        assert done.plan is not None
        assert done.verdict is not None
        rows = account.store.mirrored(account.name, [action.ticket for action in done.plan.actions])
        tickets = {ticket: row.ticket for ticket, row in rows.items()}
        return make_report(done.plan, done.verdict, account.policy, tickets, [account_source(done.plan)])


def _render(report: Report, form: str, language: str) -> bytes:
    if form == "json":
        import json

        text = calm_json(json.dumps(report_json(report), ensure_ascii=False, indent=2, allow_nan=False)) + "\n"
        return text.encode("utf-8", "backslashreplace")
    if form == "html":
        from connector.reports.page import to_html

        return to_html(report, language).encode("utf-8", "replace")
    from connector.reports.tables import to_csv, to_xlsx

    return to_xlsx(report, language) if form == "xlsx" else to_csv(report, language).encode("utf-8", "replace")
