"""`escalera show`: print a saved plan, from its file or from the state."""

from __future__ import annotations

import argparse
from pathlib import Path

from connector.commands import _common as common
from connector.commands._plan_text import plan_lines
from connector.core.model import Plan, Verdict
from connector.core.plan_json import loads, plan_from_json, plan_to_json
from connector.errors import UsageError
from connector.store.base import SavedPlan, Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("plan", metavar="PLAN", help="a file saved by `plan --out`, or the beginning of a digest")
    common.add_config(parser)
    common.add_format(parser)


def run(args: argparse.Namespace) -> int:
    """Print the plan, and where it comes from the state, how it stands."""
    file = Path(args.plan)
    saved: SavedPlan | None = None
    if file.is_file():
        plan, verdict = read_plan(file)
    else:
        from connector.settings import load_settings
        from connector.wiring import open_state

        store = open_state(load_settings(args.config), read_only=True)
        try:
            saved = find_plan(store, args.plan)
        finally:
            store.close()
        if not saved.body.get("plan"):
            how = "erased" if "erased" in saved.body else "pruned"
            standing = ", ".join(f"{name}: {value}" for name, value in _standing(saved).items() if value)
            msg = f"what plan {saved.digest[:12]} held was {how}; what is kept of it: {standing}"
            raise UsageError(msg)
        plan, verdict = plan_from_json(saved.body), None
    if args.format == "json":
        body = saved.body if saved is not None else plan_to_json(plan, verdict)
        common.print_json({**body, "saved": _standing(saved)} if saved else body)
        return 0
    common.say(*plan_lines(plan, verdict, "UTC"))
    if saved is not None:
        common.say(*(f"{name}: {value}" for name, value in _standing(saved).items() if value))
    return 0


def read_plan(file: Path) -> tuple[Plan, Verdict | None]:
    """A plan from a file. Raises UsageError where it can't be read, PlanRefused where it was changed."""
    try:
        return loads(file.read_bytes())
    except OSError as error:
        msg = f"{file}: can't be read ({error.strerror})"
        raise UsageError(msg) from error


def find_plan(store: Store, digest: str) -> SavedPlan:
    """A saved plan by (the beginning of) its digest. Raises UsageError."""
    saved = store.plan(digest)
    if saved is None:
        waiting = ", ".join(one.digest[:12] for one in store.plans(state="held")) or "none"
        msg = f"no saved plan '{digest}': give its file, or at least 8 characters of its digest (held now: {waiting})"
        raise UsageError(msg)
    return saved


def _standing(saved: SavedPlan | None) -> dict[str, str | None]:
    if saved is None:
        return {}
    return {
        "state": saved.state,
        "saved at": saved.saved_at.isoformat(),
        "expires at": saved.expires_at.isoformat() if saved.expires_at else None,
        "approved by": saved.approved_by,
        "reason": saved.reason,
    }
