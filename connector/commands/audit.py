"""`escalera audit`: read, verify or export the evidence."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from connector import audit
from connector.commands import _common as common
from connector.errors import UsageError
from connector.store.base import Store

_FIRST = ("kind", "outcome", "why", "rule", "plan", "by", "reason")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("what", nargs="?", choices=("list", "verify", "export"), default="list", help="default: list")
    common.add_config(parser)
    parser.add_argument("--ticket", metavar="ID", help="events of one ticket")
    parser.add_argument("--kind", metavar="WORD", action="append", default=[], help="events of this kind (repeatable)")
    parser.add_argument("--since", metavar="ISO", type=common.instant, help="events at or after this instant")
    parser.add_argument("--until", metavar="ISO", type=common.instant, help="events before this instant")
    parser.add_argument("--last", metavar="N", type=int, default=50, help="how many of the newest to list (default 50)")
    parser.add_argument("--format", choices=("text", "json", "jsonl", "csv"), default="text", help="output form")
    parser.add_argument("--out", metavar="FILE", type=Path, help="export into this file")
    parser.add_argument("--file", metavar="FILE", type=Path, help="verify an exported JSONL file instead of the state")
    parser.add_argument("--head", metavar="SEQ:HASH", help="verify against a head kept elsewhere")
    parser.epilog = "`verify` ends with 0 for a whole chain and 1 for one that was changed, with the first bad event."


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    if args.what == "verify":
        return _verify(args)
    wanted = audit.Filter(
        account=args.account, ticket=args.ticket, kinds=tuple(args.kind), since=args.since, until=args.until
    )
    with _state(args) as store:
        if args.what == "export":
            return _export(args, store, wanted)
        events = list(deque(audit.read(store, wanted), maxlen=max(args.last, 0)))
    if args.format == "text":
        rows = (
            (
                e.seq,
                e.at.isoformat(),
                e.account,
                e.kind,
                e.ticket or "",
                _told(e.body),
            )
            for e in events
        )
        common.say(*common.table(("seq", "at", "account", "event", "ticket", "what"), rows))
    elif args.format == "json":
        import json

        common.print_json([json.loads(audit.jsonl_line(event)) for event in events])
    else:
        lines = audit.export_csv(events) if args.format == "csv" else audit.export_jsonl(events)
        sys.stdout.writelines(lines)
    return 0


def _told(body: Mapping[str, Any]) -> str:
    """An event's content in one line, what matters most first; cut where it gets long (`--format json` has it all)."""
    names = [*(name for name in _FIRST if name in body), *(name for name in body if name not in _FIRST)]
    return ", ".join(f"{name}={body[name]}" for name in names)[:160]


def _verify(args: argparse.Namespace) -> int:
    try:
        head = audit.parse_head(args.head) if args.head else None
    except ValueError as error:
        msg = f"--head: {error}"
        raise UsageError(msg) from None
    if args.file is not None:
        # Bytes that are no UTF-8 become signs that no event holds: the chain is found broken there, as it is.
        with common.existing([args.file])[0].open(encoding="utf-8", errors="replace") as lines:
            result = audit.verify(lines, head=head)
    else:
        with _state(args) as store:
            result = audit.verify(store, head=head)
    if args.format == "json":
        told = {"ok": result.ok, "checked": result.checked, "head": str(result.head)}
        common.print_json({**told, "flaw": result.flaw, "seq": result.seq, "text": result.text})
    elif result.ok:
        common.say(f"the chain is whole: {result.checked} events, head {result.head}")
        common.say("keep that head outside this machine: with it a missing end can be proven too (--head)")
    else:
        common.say(f"THE CHAIN IS BROKEN at event {result.seq} ({result.flaw}): {result.text}")
        common.say(f"{result.checked} events before it are good")
    return 0 if result.ok else 1


def _export(args: argparse.Namespace, store: Store, wanted: audit.Filter) -> int:
    events = audit.read(store, wanted)
    lines = audit.export_csv(events) if args.format == "csv" else audit.export_jsonl(events)
    with _target(args.out) as file:
        file.writelines(lines)
    return 0


@contextmanager
def _target(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            path.chmod(0o600)
            yield file
    except OSError as error:
        msg = f"{path}: can't be written ({error.strerror})"
        raise UsageError(msg) from error


@contextmanager
def _state(args: argparse.Namespace) -> Iterator[Store]:
    from connector.settings import load_settings
    from connector.wiring import open_state

    store = open_state(load_settings(args.config), read_only=True)
    try:
        yield store
    finally:
        store.close()
