"""`escalera apply PLAN`: carry out a saved plan, once. What moved since it was made is left alone and reported."""

from __future__ import annotations

import argparse
from pathlib import Path

from connector.commands import _common as common
from connector.commands.show import find_plan, read_plan
from connector.core.model import Outcome
from connector.core.plan_json import plan_from_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("plan", metavar="PLAN", help="a file saved by `plan --out`, or the beginning of a digest")
    parser.add_argument("--clock", choices=("local", "server"), default="local", help="whose now counts")
    common.add_config(parser)
    common.add_now(parser)
    common.add_format(parser)
    parser.epilog = (
        "Exit code: 0 done (drifted tickets are reported), 1 something failed or was refused, 3 held: approve it first."
    )


def run(args: argparse.Namespace) -> int:
    """Apply and say how each action ended."""
    from connector.cycle.run import apply_saved
    from connector.wiring import opened, present

    with opened(args.config, args.account) as (account, _settings):
        file = Path(args.plan)
        plan = read_plan(file)[0] if file.is_file() else plan_from_json(find_plan(account.store, args.plan).body)
        results = apply_saved(account, plan, present(account, args.now, args.clock))
    rows = [
        {
            "ticket": done.action.ticket,
            "kind": done.action.kind,
            "rule": done.action.rule.name,
            "outcome": done.outcome.value,
            "why": done.why,
        }
        for done in results
    ]
    if args.format == "json":
        common.print_json({"plan": plan.digest, "results": rows})
    else:
        if rows:
            common.say(
                *common.table(
                    ("ticket", "kind", "outcome", "why"),
                    ((r["ticket"], r["kind"], r["outcome"], r["why"] or "") for r in rows),
                )
            )
        common.say(f"plan {plan.digest[:12]}: {sum(r['outcome'] == 'done' for r in rows)} of {len(plan.actions)} done")
    bad = {Outcome.UNKNOWN, Outcome.INEFFECTIVE, Outcome.REFUSED}
    return 1 if any(done.outcome in bad for done in results) else 0
