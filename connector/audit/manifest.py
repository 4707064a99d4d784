"""Exports for auditors: lines of JSON and CSV with a manifest that says what they hold, and the check of it.

An export of everything is checked as the chain itself. A filtered one comes with `chain.jsonl`, the chain without
bodies, salts and tickets: by it every exported event is proven to stand in the chain at its place, up to the (signed)
head; and where the filter is by account, kind or time, that none is left out. Which tickets the others belong to it
does not tell, so an export of one ticket can't be proven complete.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from connector import __version__
from connector.audit.events import Filter, event_json, export_csv, export_jsonl, read
from connector.audit.sign import key_id, seal
from connector.audit.verify import Head
from connector.errors import UsageError
from connector.private_files import open_private
from connector.store.base import AuditEvent, Signature, Store
from connector.store.codec import canonical_json, instant_text, maybe_text

NAME = "manifest.json"
EVENTS, TABLE, CHAIN = "audit.jsonl", "audit.csv", "chain.jsonl"
_INNER = ("body", "salt", "ticket")


@dataclass(slots=True)
class _File:
    """One file of an export while it is written: readable by its owner alone, its SHA-256 counted on the way."""

    path: Path
    out: IO[bytes]
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0

    def write(self, text: str) -> None:
        raw = text.encode("utf-8", "backslashreplace")
        self.out.write(raw)
        self.digest.update(raw)
        self.size += len(raw)

    def told(self) -> dict[str, Any]:
        return {"sha256": self.digest.hexdigest(), "bytes": self.size}


@dataclass(slots=True)
class _Seen:
    """What the manifest says of the exported events."""

    count: int = 0
    redacted: int = 0
    first: int | None = None
    last: int | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    accounts: set[str] = field(default_factory=set)
    policies: set[str] = field(default_factory=set)

    def add(self, event: AuditEvent) -> None:
        self.count += 1
        self.redacted += event.redacted is not None
        self.first = event.seq if self.first is None else self.first
        self.last = event.seq
        self.earliest = event.at if self.earliest is None else min(self.earliest, event.at)
        self.latest = event.at if self.latest is None else max(self.latest, event.at)
        self.accounts.add(event.account)
        if event.kind == "policy" and isinstance(event.body.get("policy"), str):
            self.policies.add(event.body["policy"])

    def told(self) -> dict[str, Any]:
        return {
            "events": self.count, "redacted": self.redacted, "first_seq": self.first, "last_seq": self.last,
            "from": maybe_text(self.earliest), "to": maybe_text(self.latest), "accounts": sorted(self.accounts),
            "policies": sorted(self.policies),
        }  # fmt: skip


def write_export(
    store: Store, wanted: Filter, out: Path, *, at: datetime, key: str | None, form: str | None = None
) -> dict[str, Any]:
    """Write the events and their manifest; returns the manifest. Raises UsageError where a file can't be written.

    `out` is a folder (both forms, or the one of `form`: `jsonl` or `csv`) or, where it names a file, that file, with
    `<file>.manifest.json` beside it.
    """
    single = not (out.is_dir() or not out.suffix)
    names = _names(out, form, single=single)
    head, signature = Head(*store.audit_head()), store.audit_signature()
    seen = _Seen()
    try:
        folder = out.parent if single else out
        folder.mkdir(mode=0o700, parents=False, exist_ok=True)
        with ExitStack() as stack:
            files = {word: _open(stack, folder / name) for word, name in names.items()}
            if not wanted.whole:
                chain = CHAIN if not single else f"{out.name}.{CHAIN}"
                files["chain"] = _open(stack, folder / chain)
            _write(_chosen(store, wanted, head, files.get("chain"), seen), files)
        manifest = {
            "escalera": __version__, "made_at": instant_text(at), "filter": _filter_json(wanted),
            "whole": wanted.whole, **seen.told(), "anchor": str(Head(*store.audit_anchor())), "head": str(head),
            "signature": None if signature is None else signature_json(signature),
            "files": {one.path.name: {"holds": word, **one.told()} for word, one in files.items()},
        }  # fmt: skip
        sealed = None if key is None else {"key": key_id(key), "hmac": seal(key, manifest)}
        whole = {**manifest, "seal": sealed}
        place = folder / (f"{out.name}.{NAME}" if single else NAME)
        with ExitStack() as stack:
            _open(stack, place).write(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        msg = f"{error.filename or out}: can't be written ({error.strerror})"
        raise UsageError(msg) from error
    return whole


def _names(out: Path, form: str | None, *, single: bool) -> dict[str, str]:
    if not single:
        both = {"jsonl": EVENTS, "csv": TABLE}
        return both if form is None else {form: both[form]}
    return {form or ("csv" if out.suffix.lower() == ".csv" else "jsonl"): out.name}


def _open(stack: ExitStack, path: Path) -> _File:
    return _File(path, stack.enter_context(os.fdopen(open_private(path), "wb")))


def _chosen(store: Store, wanted: Filter, head: Head, chain: _File | None, seen: _Seen) -> Iterator[AuditEvent]:
    """The events up to the head that pass; all others leave their links in the chain file."""
    left = wanted.limit
    for event in read(store, Filter() if chain is not None else wanted):
        if event.seq > head.seq:
            return
        if chain is not None:
            chain.write(link_line(event) + "\n")
        if wanted.takes(event) and (left is None or left > 0):
            left = None if left is None else left - 1
            seen.add(event)
            yield event


def _write(events: Iterable[AuditEvent], files: Mapping[str, _File]) -> None:
    """Each event into each file, one after the other, so that nothing is held."""
    forms: list[tuple[_File, Callable[[Iterable[AuditEvent]], Iterator[str]]]] = [
        (files[word], form) for word, form in (("jsonl", export_jsonl), ("csv", export_csv)) if word in files
    ]
    for file, form in forms:
        for head in form(()):
            file.write(head)
    for event in events:
        for file, form in forms:
            *_, line = form((event,))
            file.write(line)


def link_line(event: AuditEvent) -> str:
    """An event without body, salt and ticket, as a line of JSON: what its links need."""
    return canonical_json({name: value for name, value in event_json(event).items() if name not in _INNER})


def signature_json(one: Signature) -> dict[str, Any]:
    """A signed head, JSON-ready."""
    return {
        "seq": one.seq, "hash": one.hash, "at": instant_text(one.at), "began": one.began, "key": one.key,
        "signature": one.signature,
    }  # fmt: skip


def _filter_json(wanted: Filter) -> dict[str, Any]:
    kinds: Sequence[str] = sorted(wanted.kinds)
    return {
        "account": wanted.account, "ticket": wanted.ticket, "kinds": list(kinds), "since": maybe_text(wanted.since),
        "until": maybe_text(wanted.until), "after_seq": wanted.after_seq, "limit": wanted.limit,
    }  # fmt: skip
