"""`escalera report causes`: why cases went up and what became of them, from the register's records. Changes nothing."""

from __future__ import annotations

import argparse

from connector.commands import _common as common
from connector.commands._private_file import write_out
from connector.errors import UsageError
from connector.reports import causes_forms as forms
from connector.reports.causes import GROUPS, Causes, make_causes
from connector.reports.causes_words import CauseWords
from connector.reports.words import LANGUAGES

DOC = "why cases went up and what became of them"
FORMATS = ("text", "html", "csv", "json", "xlsx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has no options of its own."""


def run(args: argparse.Namespace) -> int:
    """Count, and write the report."""
    if args.export or args.mappings:
        msg = "causes are counted from the register of a configured account; --export and --mappings don't go with it"
        raise UsageError(msg)
    if args.clock == "server":
        msg = "causes are counted without calling the helpdesk; name the instant with --now"
        raise UsageError(msg)
    if args.since is not None and args.until is not None and args.since >= args.until:
        msg = "--since must lie before --until"
        raise UsageError(msg)
    report, language = _counted(args)
    if args.format == "text" and args.out is None:
        common.say(*_text(report, language))
    elif write_out(args.out, _render(report, args.format, language)):
        common.warn(f"wrote {args.out}: {len(report.records)} escalations, {len(report.overdue)} overdue")
    return 0


def _counted(args: argparse.Namespace) -> tuple[Causes, str]:
    from connector.mapping.load import load_policy
    from connector.settings import load_settings
    from connector.wiring import open_state

    settings = load_settings(args.config)
    chosen = settings.account(args.account)
    policy = load_policy(settings.resolve(chosen.mappings))
    store = open_state(settings, read_only=True)
    try:
        report = make_causes(
            chosen.name, store.escalations(chosen.name, since=args.since, until=args.until),
            args.now or common.wall_clock(), timezone=policy.timezone, people=policy.people, since=args.since,
            until=args.until,
        )  # fmt: skip
    finally:
        store.close()
    return report, args.language or (policy.language if policy.language in LANGUAGES else "en")


def _render(report: Causes, form: str, language: str) -> bytes:
    if form == "xlsx":
        return forms.to_xlsx(report, language)
    if form == "json":
        return forms.to_json(report).encode("utf-8", "backslashreplace")
    if form == "text":
        return ("\n".join(_text(report, language)) + "\n").encode("utf-8", "replace")
    text = forms.to_html(report, language) if form == "html" else forms.to_csv(report, language)
    return text.encode("utf-8", "replace")


def _text(report: Causes, language: str) -> list[str]:
    """Lines for a terminal: one table for each group, then what is overdue."""
    told = CauseWords(language)
    lines = [f"{told('title')}: {report.account}, {told('as_of').lower()} {forms.local(report, report.now)}", ""]
    if not report.records:
        return [*lines, told("nothing")]
    heads = [told(name) for name in forms.FIGURES]
    lines += common.table(["", *heads], [[told("all"), *forms.cells_of(report.all)]])
    for group in GROUPS:
        rows = [[told.held(group, line.item), *forms.cells_of(line.figures)] for line in report.of(group)]
        lines += ["", *common.table([told(f"by_{group}"), *heads], rows)]
    if report.overdue:
        rows = list(forms.overdue_rows(report, told))
        lines += ["", f"{told('overdue')}:", *common.table([told(name) for name in forms.OVERDUE], rows)]
    return lines
