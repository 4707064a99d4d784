"""`escalera test`: runs the cases of packs: tickets, an instant, expected actions and expected non-actions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from connector.cases import read_cases
from connector.cases_run import Result, Uncovered, run_case, uncovered
from connector.commands import _common as common
from connector.mapping.load import load_policy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "packs", metavar="DIR", type=Path, nargs="*", help="packs whose cases to run (default: the configured ones)"
    )
    parser.add_argument(
        "--strict", action="store_true", help="also fail where a rule lacks a case in which it acts or does not"
    )
    common.add_config(parser)
    common.add_format(parser)
    parser.epilog = (
        "Exit code: 0 all cases hold, 1 some do not, 78 a mistake in the pack or its cases. See docs/cases.md."
    )


def run(args: argparse.Namespace) -> int:
    """Run every case of each pack; say what came instead where one does not hold."""
    ran = [_run_pack(pack) for pack in _packs(args)]
    failed = any(result.failures for _, results, _ in ran for result in results)
    lacking = any(missing for _, _, missing in ran)
    if args.format == "json":
        common.print_json([_json(pack, results, missing) for pack, results, missing in ran])
    else:
        for pack, results, missing in ran:
            _print(pack, results, missing)
    return 1 if failed or (args.strict and lacking) else 0


def _packs(args: argparse.Namespace) -> list[Path]:
    if args.packs:
        return common.existing(args.packs)
    from connector.settings import load_settings

    settings = load_settings(args.config)
    chosen = [settings.account(args.account)] if args.account else settings.accounts
    return list(dict.fromkeys(settings.resolve(one.mappings) for one in chosen))


def _run_pack(pack: Path) -> tuple[Path, list[Result], list[Uncovered]]:
    policy = load_policy(pack)
    results = [run_case(policy, case) for case in read_cases(pack, policy)]
    return pack, results, uncovered(policy, results)


def _print(pack: Path, results: list[Result], missing: list[Uncovered]) -> None:
    failed = [result for result in results if result.failures]
    for result in failed:
        case = result.case
        common.say(f"FAILED  {pack}/{case.file}:{case.line}  {case.name}")
        common.say(*(f"    {failure}" for failure in result.failures))
        common.say("    what came:" if result.came else "    nothing came")
        common.say(*(f"      {one.words()}" for one in result.came))
    common.say(*(f"warning: {pack}/{one.words()}" for one in missing))
    covered = len({requirement for result in results for requirement in result.case.covers})
    common.say(f"{pack}: {len(results) - len(failed)} of {len(results)} cases hold, {covered} requirements covered")


def _json(pack: Path, results: list[Result], missing: list[Uncovered]) -> dict[str, Any]:
    return {
        "pack": str(pack),
        "cases": [
            {
                "name": result.case.name,
                "file": result.case.file,
                "line": result.case.line,
                "covers": list(result.case.covers),
                "holds": not result.failures,
                "failures": list(result.failures),
                "came": [one.words() for one in result.came],
            }
            for result in results
        ],
        "uncovered": [
            {
                "kind": one.rule.kind,
                "rule": one.rule.name,
                "file": one.rule.file,
                "line": one.rule.line,
                "acts": one.fires,
                "holds_still": one.holds_still,
            }
            for one in missing
        ],
    }
