"""`escalera approve`: a person lets one held plan pass, once, until it expires."""

from __future__ import annotations

import argparse
import getpass
import os
from dataclasses import replace
from pathlib import Path

from connector.commands import _common as common
from connector.commands._plan_text import summary
from connector.commands.show import find_plan, read_plan
from connector.core.plan_json import plan_from_json, plan_to_json
from connector.inbox import Word, leave, record
from connector.oslock import StateLock, StateLocked
from connector.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "plan", metavar="PLAN", help="the digest of a held plan (8 characters do), or a saved plan's file"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why; kept in the audit")
    parser.add_argument("--user", metavar="NAME", help="who approves (default: the user logged in)")
    parser.add_argument("--reject", action="store_true", help="do not let it pass: do not ask again until it expires")
    common.add_config(parser)
    common.add_now(parser)


def run(args: argparse.Namespace) -> int:
    """Approve (or reject) and say what happens next."""
    from connector.settings import load_settings
    from connector.wiring import open_state

    settings = load_settings(args.config)
    digest, body = args.plan, None
    if Path(args.plan).is_file():
        plan, verdict = read_plan(Path(args.plan))
        digest, body = plan.digest, plan_to_json(plan, verdict)
    state = "rejected" if args.reject else "approved"
    word = Word(digest, state, args.user or user_name(), args.reason, args.now or common.wall_clock(), body)
    if "://" not in settings.state:
        try:
            lock = StateLock(settings.state_path()).acquire()
        except StateLocked:
            path = leave(settings.state_path(), word if body else replace(word, digest=_known(settings, digest)))
            common.say(f"the daemon is running: {state} by {word.by}, left for its next cycle ({path})")
            return 0
    else:
        lock = None
    try:
        store = open_state(settings)
        try:
            saved = record(store, word)
        finally:
            store.close()
    finally:
        if lock is not None:
            lock.release()
    common.say(*summary(plan_from_json(saved.body), None))
    until = saved.expires_at.isoformat() if saved.expires_at else "it is used"
    if args.reject:
        common.say(f"rejected by {word.by}; it is not asked about again before {until}")
    else:
        common.say(f"approved by {word.by}, once, until {until}; the next cycle, or `escalera apply`, carries it out")
    return 0


def _known(settings: Settings, digest: str) -> str:
    """The whole digest of a plan in a state that another process writes. Raises UsageError where it has none such."""
    from connector.wiring import open_state

    store = open_state(settings, read_only=True)
    try:
        return find_plan(store, digest).digest
    finally:
        store.close()


def user_name() -> str:
    """Who runs this: the login name, or the number where the machine knows no name (a container, say)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
