"""`escalera status`: what the daemon knows, waits for, holds, and whether it is alive."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from connector.commands import _common as common
from connector.settings import Settings
from connector.store.base import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    common.add_config(parser)
    common.add_now(parser)
    common.add_format(parser)
    parser.add_argument(
        "--resume-toggles", action="store_true", help="let keep-alive act again on an account where it was stopped"
    )


def run(args: argparse.Namespace) -> int:
    """Print the standing of each account; 1 where one needs a person."""
    from connector.settings import load_settings
    from connector.wiring import open_state

    settings = load_settings(args.config)
    if args.resume_toggles:
        return _resume(settings, args)
    chosen = [settings.account(args.account)] if args.account else list(settings.accounts)
    store = open_state(settings, read_only=True)
    try:
        now = args.now or common.wall_clock()
        found = [standing(store, one.name, now) for one in chosen]
    finally:
        store.close()
    if args.format == "json":
        common.print_json({"state": settings.state_shown(), "accounts": found})
    else:
        for one in found:
            common.say(*_lines(one), "")
    return 1 if any(one["needs_a_person"] for one in found) else 0


def standing(store: Store, account: str, now: datetime) -> dict[str, Any]:
    """One account's standing, JSON-ready. `lag`: seconds by which the earliest look is late, 0 where none is."""
    from connector.loop import PULSE, overdue
    from connector.missed import FACT

    pulse = store.fact(account, PULSE)
    missed = store.fact(account, FACT) or {"items": [], "more": False}
    rotas = store.fact(account, "rotas") or {}
    cycle, beat = store.fact(account, "cycle"), store.fact(account, "daemon")
    last = datetime.fromisoformat(cycle["at"]) if cycle else None
    wake = store.next_wake(account)
    silent = overdue(beat, last, now, pulse)
    stopped = store.fact(account, "toggling_stopped")
    held = store.plans(account, state="held")
    opened = store.open_intents(account)
    restored = store.fact(account, "restored")
    needs = [
        *([f"the state was restored at {restored['at']}: the first plan waits for approval"] if restored else []),
        *(["rows of the state are damaged: docs/state.md says what to do"] if (cycle or {}).get("damaged") else []),
        *(["the daemon is silent"] if silent else []),
        *(f"the calendar of rota {name} can't be had: {why}" for name, why in sorted(rotas.items())),
        *([f"{len(missed['items'])} look(s) or action(s) should have fired and did not"] if missed["items"] else []),
        *(["keep-alive is stopped: a toggle did not restart the helpdesk's clock"] if stopped else []),
        *([f"{len(held)} plan(s) wait for approval"] if held else []),
        *([f"{len(opened)} action(s) are not settled"] if opened else []),
    ]
    return {
        "account": account,
        "tickets_open": store.open_count(account),
        "policy": store.fact(account, "policy"),
        "last_cycle": cycle,
        "daemon": beat,
        "pulse": pulse,
        "missed": missed["items"],
        "silent_for": silent.total_seconds() if silent else None,
        "next_look": wake.isoformat() if wake else None,
        "lag": max(0.0, (now - wake).total_seconds()) if wake else 0.0,
        "held": [
            {
                "plan": one.digest,
                "actions": len(one.body["actions"]),
                "saved_at": one.saved_at.isoformat(),
                "why": one.reason,
            }
            for one in held
        ],
        "not_settled": [
            {"ticket": one.action.ticket, "kind": one.action.kind, "outcome": one.outcome.value, "step": one.step}
            for one in opened
        ],
        "toggling_stopped": stopped,
        "needs_a_person": needs,
    }


def _spoken(seconds: float) -> str:
    """A span as people say it: the two largest units."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (left, "s")) if count]
    return " ".join(units[:2]) or "0 s"


def _lines(one: dict[str, Any]) -> list[str]:
    cycle, beat = one["last_cycle"], one["daemon"]
    lines = [
        f"account {one['account']}: {one['tickets_open']} open tickets, policy {(one['policy'] or 'none yet')[:12]}"
    ]
    lines.append(f"  daemon: {beat['state']} (pid {beat['pid']})" if beat else "  daemon: never ran on this state")
    if one["pulse"]:
        until = f" until {one['pulse']['until']}" if one["pulse"].get("until") else ""
        silent = f", SILENT for {_spoken(one['silent_for'])}" if one["silent_for"] else ""
        lines.append(f"  heartbeat {one['pulse']['at']}: {one['pulse']['state']}{until}{silent}")
    if cycle:
        told = ", ".join(f"{name} {value}" for name, value in cycle.items() if name != "at" and value)
        told += "" if cycle.get("complete", True) else ", NOT read whole"
        lines.append(f"  last cycle {cycle['at']}: {told}")
    late = f", {_spoken(one['lag'])} late" if one["lag"] else ""
    lines.append(f"  next look: {one['next_look'] or 'nothing waits'}{late}")
    for item in one["missed"][:20]:
        by = f" by {item['rule']}" if item["rule"] else ""
        lines.append(f"  MISSED ticket {item['ticket']} {item['what']}{by}: was due {item['due']}")
    for plan in one["held"]:
        lines.append(
            f"  HELD plan {plan['plan'][:12]} ({plan['actions']} actions) since {plan['saved_at']}: {plan['why']}"
        )
        lines.append(f"    escalera show {plan['plan'][:12]}; escalera approve {plan['plan'][:12]}")
    lines += [
        f"  not settled: ticket {i['ticket']} {i['kind']} ({i['outcome']}, step {i['step']})"
        for i in one["not_settled"]
    ]
    lines += [f"  NEEDS A PERSON: {reason}" for reason in one["needs_a_person"]]
    return lines


def _resume(settings: Settings, args: argparse.Namespace) -> int:
    from connector.oslock import StateLock
    from connector.wiring import open_state

    account, now = settings.account(args.account).name, args.now or common.wall_clock()
    lock = StateLock(settings.state_path()).acquire() if "://" not in settings.state else None
    try:
        store = open_state(settings)
        try:
            why = store.fact(account, "toggling_stopped")
            with store.transaction():
                store.set_fact(account, "toggling_stopped", None, now)
                store.append_audit(account, now, "toggling_resumed", {"was": why})
        finally:
            store.close()
    finally:
        if lock is not None:
            lock.release()
    common.say(
        f"keep-alive acts again on account {account}" if why else f"keep-alive was not stopped on account {account}"
    )
    return 0
