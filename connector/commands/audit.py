"""`escalera audit`: read, verify or export the evidence; print its signed head; erase a customer from it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector import audit
from connector.commands import _audit_redact as redaction
from connector.commands import _common as common
from connector.errors import ConfigurationError, UsageError
from connector.store.base import Store
from connector.text_hints import calm_json

_FIRST = ("kind", "outcome", "why", "rule", "plan", "by", "reason")
#: Whole, but its signature could not be checked, or is missing though a key is here.
_NOT_CHECKED = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    words = ("list", "verify", "export", "head", "redact")
    parser.add_argument("what", nargs="?", choices=words, default="list", help="default: list")
    common.add_config(parser)
    common.add_now(parser)
    parser.add_argument("--ticket", metavar="ID", help="events of one ticket; with redact: the ticket to erase")
    parser.add_argument("--kind", metavar="WORD", action="append", default=[], help="events of this kind (repeatable)")
    parser.add_argument("--since", metavar="ISO", type=common.instant, help="events at or after this instant")
    parser.add_argument("--until", metavar="ISO", type=common.instant, help="events before this instant")
    parser.add_argument("--last", metavar="N", type=int, default=50, help="how many of the newest to list (default 50)")
    parser.add_argument("--format", choices=("text", "json", "jsonl", "csv"), default="text", help="output form")
    parser.add_argument("--out", metavar="PATH", type=Path, help="export into this file or folder, with a manifest")
    parser.add_argument("--file", metavar="FILE", type=Path, help="verify an exported JSONL file instead of the state")
    parser.add_argument("--manifest", metavar="FILE", type=Path, help="verify an export against its manifest")
    parser.add_argument("--head", metavar="SEQ:HASH", help="verify against a head kept elsewhere")
    redaction.add_arguments(parser)
    parser.epilog = (
        "`verify` ends with 0 for a whole chain, 1 for one that was changed (and where) or wrongly signed"
        ", and 4 for a whole one whose signature is missing or can't be checked though it should."
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    if args.what == "verify":
        return _verify(args)
    if args.what == "redact":
        return redaction.run(args)
    wanted = audit.Filter(
        account=args.account, ticket=args.ticket, kinds=tuple(args.kind), since=args.since, until=args.until
    )
    with _state(args) as store:
        if args.what == "export":
            return _export(args, store, wanted)
        if args.what == "head":
            return _head(args, store)
        events = list(deque(audit.read(store, wanted), maxlen=max(args.last, 0)))
    if args.format == "text":
        rows = (
            (
                e.seq,
                e.at.isoformat(),
                e.account,
                e.kind,
                e.ticket or "",
                _told(e),
            )
            for e in events
        )
        common.say(*common.table(("seq", "at", "account", "event", "ticket", "what"), rows))
    elif args.format == "json":
        common.print_json([json.loads(audit.jsonl_line(event)) for event in events])
    else:
        lines = audit.export_csv(events) if args.format == "csv" else audit.export_jsonl(events)
        _print(lines)
    return 0


def _print(lines: Iterable[str]) -> None:
    """Lines of JSON or CSV; what would steer a terminal is escaped as JSON escapes it."""
    sys.stdout.writelines(f"{calm_json(line.rstrip(chr(13) + chr(10)))}{_end(line)}" for line in lines)


def _end(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""


def _told(event: Any) -> str:
    """An event's content in one line, what matters most first; cut where it gets long (`--format json` has it all)."""
    if event.redacted is not None:
        return f"erased: event {event.redacted} says when, by whom and why"
    body: Mapping[str, Any] = event.body
    names = [*(name for name in _FIRST if name in body), *(name for name in body if name not in _FIRST)]
    return ", ".join(f"{name}={body[name]}" for name in names)[:160]


# --- verify --------------------------------------------------------------------------------------------------------
def _verify(args: argparse.Namespace) -> int:
    from connector.audit.sign import Signed, verify_signed

    if args.manifest is not None:
        return _verify_manifest(args)
    head = _kept_head(args)
    signed: Signed | None = None
    if args.file is not None:
        # Bytes that are no UTF-8 become signs that no event holds: the chain is found broken there, as it is.
        with common.existing([args.file])[0].open(encoding="utf-8", errors="replace", newline="\n") as lines:
            result = audit.verify(lines, head=head)
    else:
        with _state(args) as store:
            result, signed = verify_signed(store, _key(), head=head)
    code = _code(result, signed)
    if args.format == "json":
        told = {"ok": code in (0, _NOT_CHECKED), "checked": result.checked, "head": str(result.head)}
        told |= {"flaw": result.flaw, "seq": result.seq, "text": result.text, "signature": _signed_json(signed)}
        common.print_json(told)
        return code
    if result.ok:
        common.say(f"the chain is whole: {result.checked} events, head {result.head}")
    else:
        common.say(f"THE CHAIN IS BROKEN at event {result.seq} ({result.flaw}): {result.text}")
        common.say(f"{result.checked} events before it are good")
    if signed is not None:
        common.say(("THE SIGNATURE IS WRONG: " if signed.standing == "wrong" else "") + signed.text)
    if result.ok:
        common.say("keep that head outside this machine: with it a missing end can be proven too (--head)")
    return code


def _code(result: audit.Verification, signed: Any) -> int:
    """1 broken or wrongly signed; 4 signed but not checkable, or not signed though a key is here; else 0."""
    if not result.ok or (signed is not None and signed.standing == "wrong"):
        return 1
    if signed is None or signed.standing == "signed":
        return 0
    if signed.standing == "unsigned":
        return _NOT_CHECKED if _key() is not None and result.head.seq else 0
    return _NOT_CHECKED


def _signed_json(signed: Any) -> dict[str, Any] | None:
    from connector.audit.manifest import signature_json

    if signed is None:
        return None
    one = signed.signature
    told = {"standing": signed.standing, "unsigned_tail": signed.tail, "text": signed.text}
    return {**told, "signed": None if one is None else signature_json(one)}


def _kept_head(args: argparse.Namespace) -> audit.Head | None:
    try:
        # What `audit head` prints may be given whole: the signature after the second colon is not needed here.
        return audit.parse_head(":".join(args.head.split(":")[:2])) if args.head else None
    except ValueError as error:
        msg = f"--head: {error}"
        raise UsageError(msg) from None


def _verify_manifest(args: argparse.Namespace) -> int:
    from connector.audit.manifest_check import check_manifest

    path = common.existing([args.manifest])[0]
    found = check_manifest(path, _key())
    kept = _kept_head(args)
    if kept is not None and found.head is not None and kept.seq == found.head.seq and kept.hash != found.head.hash:
        found.problems.append(f"the export's head is not the one that was kept: event {kept.seq} has another hash")
    standing = found.signed.standing if found.signed is not None else None
    if args.format == "json":
        told = {"ok": found.ok, "events": found.events, "head": str(found.head) if found.head else None}
        common.print_json(
            {**told, "problems": found.problems, "notes": found.notes, "signature": _signed_json(found.signed)}
        )
    else:
        if found.ok:
            common.say(f"the export holds: {found.events} events, head {found.head}")
        common.say(*(f"THE EXPORT IS WRONG: {problem}" for problem in found.problems), *found.notes)
        if found.signed is not None:
            common.say(found.signed.text)
    if not found.ok:
        return 1
    return _NOT_CHECKED if standing == "unchecked" else 0


# --- export and head -----------------------------------------------------------------------------------------------
def _export(args: argparse.Namespace, store: Store, wanted: audit.Filter) -> int:
    from connector.audit.manifest import write_export

    if args.out is None:
        events = audit.read(store, wanted)
        lines = audit.export_csv(events) if args.format == "csv" else audit.export_jsonl(events)
        _print(lines)
        return 0
    form = {"csv": "csv", "jsonl": "jsonl", "json": "jsonl"}.get(args.format)
    made = write_export(store, wanted, args.out, at=args.now or common.wall_clock(), key=_key(), form=form)
    common.say(f"wrote {made['events']} events: {', '.join(made['files'])}, head {made['head']}")
    return 0


def _head(args: argparse.Namespace, store: Store) -> int:
    """The newest head, and the newest signed one: two lines to keep elsewhere."""
    from connector.audit.manifest import signature_json
    from connector.audit.sign import judge

    head, signature = audit.Head(*store.audit_head()), store.audit_signature()
    signed = judge(signature, _key(), head)
    if args.format == "json":
        told = None if signature is None else signature_json(signature)
        common.print_json({"head": str(head), "standing": signed.standing, "signed": told})
    else:
        common.say(str(head))
        if signature is not None:
            common.say(f"{signature.seq}:{signature.hash}:{signature.key}:{signature.signature}")
        common.say(signed.text)
    return 0


def _key() -> str | None:
    from connector.secrets import audit_key

    try:
        return audit_key()
    except ConfigurationError as error:
        common.warn(str(error))
        return None


@contextmanager
def _state(args: argparse.Namespace) -> Iterator[Store]:
    from connector.settings import load_settings
    from connector.wiring import open_state

    store = open_state(load_settings(args.config), read_only=True)
    try:
        yield store
    finally:
        store.close()
