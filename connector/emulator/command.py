"""The command `escalera emulator`: options, one line when ready, a clean stop on SIGTERM and SIGINT."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from connector.emulator.limiter import PLANS
from connector.emulator.server import serve
from connector.errors import EscaleraError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command on a parser."""
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port to listen on; 0 takes any free one")
    parser.add_argument("--key", required=True, metavar="KEY", help="API key of the account's administrator")
    parser.add_argument("--seed", type=Path, metavar="FILE", help="account and tickets to begin with (JSON)")
    parser.add_argument("--plan", choices=list(PLANS), default="unlimited", help="rate limits of this plan")
    parser.add_argument(
        "--clock",
        choices=["real", "virtual"],
        default="real",
        help="virtual: time moves only by POST /_emulator/advance",
    )
    parser.add_argument(
        "--autoclose",
        action="append",
        default=[],
        metavar="STATUS=14d",
        help="close what stayed in STATUS that long, checked hourly; STATUS=14d@updated_at measures on another stamp",
    )
    parser.add_argument(
        "--faults", metavar="SPEC", help="faults to inject, such as 429:rate=0.05,retry_after=2;skew=3600"
    )
    parser.add_argument("--jitter-seed", type=int, default=0, metavar="N", help="seed of the SLA job's delays")


def run_command(args: argparse.Namespace) -> int:
    """Serve until told to stop; returns the exit code. Prints `listening on http://127.0.0.1:N` when ready."""
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        emulator = serve(
            args.seed,
            port=args.port,
            key=args.key,
            plan=args.plan,
            clock=args.clock,
            autoclose=args.autoclose,
            faults=args.faults,
            jitter_seed=args.jitter_seed,
        )
    except EscaleraError as exc:
        print(f"escalera emulator: {exc}", file=sys.stderr)
        return exc.exit_code
    else:
        with emulator:
            print(f"listening on {emulator.url}", flush=True)
            stop.wait()
        return 0
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
