"""`escalera run`: the daemon. A cycle for each account again and again, until a signal asks it to stop."""

from __future__ import annotations

import argparse
from typing import Any

from connector.commands import _common as common
from connector.errors import EscaleraError
from connector.settings import span_seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    common.add_config(parser)
    parser.add_argument("--clock", choices=("local", "server"), default="local", help="whose now counts")
    parser.add_argument(
        "--every", metavar="SPAN", type=_span, help="look this often (default: the configuration's 60s)"
    )
    parser.add_argument("--dry-run", action="store_true", help="decide and log, write nothing")
    parser.epilog = "SIGTERM and SIGINT: finish the action in hand and end; SIGHUP: read the mappings again now."


def _span(text: str) -> float:
    try:
        return float(span_seconds(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(args: argparse.Namespace) -> int:
    """Open every account and go round."""
    import contextlib

    from connector.cycle.run import Account, CycleReport, run_cycle
    from connector.handover import hand_over
    from connector.inbox import take_up
    from connector.loop import Loop
    from connector.oslock import StateLock
    from connector.reload import MappingWatch
    from connector.rota_feed import fetcher, refresh_rotas, remote_rotas
    from connector.service import Signals
    from connector.settings import load_settings
    from connector.upkeep import tidy
    from connector.vitals import Vitals
    from connector.web.start import hints_for, listening
    from connector.wiring import (
        clock_of,
        keep_directory,
        load_mappings,
        open_account,
        open_state,
        start_logging,
    )

    settings = load_settings(args.config)
    start_logging(settings)
    chosen = [settings.account(args.account)] if args.account else list(settings.accounts)
    with contextlib.ExitStack() as stack:
        if not args.dry_run and "://" not in settings.state:
            stack.enter_context(StateLock(settings.state_path()))
        store = open_state(settings, read_only=args.dry_run)
        stack.callback(store.close)
        accounts = {}
        signals = Signals()
        names = [one.name for one in chosen]
        vitals = Vitals(step_deadline=settings.loop.step_deadline, cycle_deadline=settings.loop.cycle_deadline)
        hints = hints_for(settings, names, signals.nudge)
        for one in chosen:
            account = open_account(settings, one, store, write=not args.dry_run, stop=signals.stopping)
            account.clock = clock_of(account, args.clock)
            accounts[one.name] = account

        def after(report: CycleReport) -> None:
            if not args.dry_run:
                account = accounts[report.account]
                keep_directory(account, report.now)
                tidy(store, account.name, settings.retention, report.now)
                try:
                    hand_over(account, settings, report)
                except EscaleraError as error:
                    common.warn(str(error))

        fetch = fetcher(private=settings.oncall.private_addresses, timeout=settings.oncall.timeout)

        def cycle(account: Account, **options: Any) -> CycleReport:
            if not args.dry_run and remote_rotas(account.policy):
                refresh_rotas(account, account.clock(), fetch)
            if not args.dry_run and "://" not in settings.state:
                take_up(settings.state_path(), store)
            return run_cycle(account, **options)

        loop = Loop(
            accounts=list(accounts.values()),
            every=settings.loop.every if args.every is None else args.every,
            jitter=settings.loop.jitter if args.every is None else 0.0,
            watches={one.name: MappingWatch(settings.resolve(one.mappings), load_mappings) for one in chosen},
            dry_run=args.dry_run,
            cycle=cycle,
            on_report=after,
            signals=signals,
            vitals=vitals,
            hints=hints,
            missed_after=settings.loop.missed_after,
        )
        stack.enter_context(listening(settings, vitals, hints, names, dry_run=args.dry_run))
        return loop.run()
