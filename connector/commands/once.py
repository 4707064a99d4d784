"""`escalera once`: one cycle of one account."""

from __future__ import annotations

import argparse

from connector.commands import _common as common
from connector.cycle.run import CycleReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    common.add_config(parser)
    common.add_now(parser)
    common.add_format(parser)
    parser.add_argument("--clock", choices=("local", "server"), default="local", help="whose now counts")
    parser.add_argument("--dry-run", action="store_true", help="decide and report, write nothing")
    parser.epilog = (
        "Exit code: 0 done, 1 error, 3 a plan is held by the guard, 4 something was not read whole; "
        "with --dry-run also 2, changes pending."
    )


def run(args: argparse.Namespace) -> int:
    """Run the cycle and say what it did."""
    from connector.cycle.run import run_cycle
    from connector.handover import hand_over
    from connector.inbox import take_up
    from connector.rota_feed import fetcher, refresh_rotas, remote_rotas
    from connector.upkeep import tidy
    from connector.wiring import keep_directory, opened, present

    with opened(args.config, args.account, read_only=args.dry_run) as (account, settings):
        if not args.dry_run and "://" not in settings.state:
            take_up(settings.state_path(), account.store)
        clock = present(account, args.now, args.clock)
        if not args.dry_run and remote_rotas(account.policy):
            oncall = settings.oncall
            refresh_rotas(account, clock(), fetcher(private=oncall.private_addresses, timeout=oncall.timeout))
        report = run_cycle(account, now=clock, dry_run=args.dry_run)
        files = []
        if not args.dry_run:
            keep_directory(account, clock())
            tidy(account.store, account.name, settings.retention, clock())
            files = hand_over(account, settings, report)
        if args.format == "json":
            common.print_json({**report_json(report), "files": [str(path) for path in files]})
        else:
            common.say(*report_lines(report), *(f"wrote {path}" for path in files))
        return report.exit_code


def report_json(report: CycleReport) -> dict[str, object]:
    """A cycle's report, JSON-ready."""
    return {
        "account": report.account,
        "now": report.now.isoformat(),
        "dry_run": report.dry_run,
        "complete": report.complete,
        "changed": report.changed,
        "evaluated": report.evaluated,
        "planned": len(report.plan.actions) if report.plan else 0,
        "outcomes": report.counts(),
        "recovered": [
            {"ticket": i.action.ticket, "kind": i.action.kind, "outcome": o.value} for i, o in report.recovered
        ],
        "left": [{"ticket": intent.action.ticket, "kind": intent.action.kind} for intent in report.left],
        "held": report.held,
        "holds": [hold.text for hold in report.verdict.holds] if report.verdict else [],
        "deferred": len(report.verdict.deferred) if report.verdict else 0,
        "rejected": [{"place": one.place, "problem": one.problem} for one in report.rejected],
        "quarantined": report.quarantined,
        "trouble": report.trouble,
    }


def report_lines(report: CycleReport) -> list[str]:
    """A cycle's report for people."""
    outcomes = ", ".join(f"{count} {word}" for word, count in sorted(report.counts().items())) or "nothing to do"
    lines = [f"{report.account}: {report.changed} changed, {report.evaluated} looked at, {outcomes}"]
    lines += [
        f"settled from before: ticket {i.action.ticket} {i.action.kind} -> {o.value}" for i, o in report.recovered
    ]
    lines += [f"not settled yet: ticket {i.action.ticket} {i.action.kind}" for i in report.left]
    lines += [
        f"ticket {done.action.ticket} {done.action.kind}: {done.outcome.value}"
        for done in report.applied
        if done.outcome.value != "done"
    ]
    lines += [f"{one.place}: {one.problem}" for one in report.rejected[:20]]
    lines += [f"ticket {ticket} rests for a while: the log and the audit say why" for ticket in report.quarantined[:20]]
    if report.held and report.verdict:
        lines += [f"HELD ({hold.limit}): {hold.text}" for hold in report.verdict.holds]
        lines.append(
            f"see it with `escalera show {report.held[:12]}`, let it pass with `escalera approve {report.held[:12]}`"
        )
    if report.trouble:
        lines.append(f"trouble: {report.trouble}")
    return lines
