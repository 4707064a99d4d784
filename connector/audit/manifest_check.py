"""The check of an export against its manifest: files, chain, counts, signatures. Nothing is raised for a bad one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.audit.events import Filter, parsed
from connector.audit.manifest import link_line
from connector.audit.sign import Signed, Standing, judge, key_id, seal
from connector.audit.verify import Head, hash_fits, parse_head, verify
from connector.store.base import AuditEvent, Signature
from connector.store.chain import VERSION, sealed_hash
from connector.store.codec import instant, maybe_instant
from connector.store.problems import DamagedRow

_LARGEST = 1024 * 1024


@dataclass(slots=True)
class Checked:
    """What an export is worth: `problems` (none: it holds), `notes` on what was and could not be proven."""

    events: int = 0
    head: Head | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    signed: Signed | None = None

    @property
    def ok(self) -> bool:
        """True where nothing is wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Told:
    """The manifest as read."""

    body: Mapping[str, Any]
    wanted: Filter
    head: Head
    anchor: Head
    signature: Signature | None
    files: Mapping[str, tuple[str, str, int]]  # what it holds -> name, SHA-256, bytes


def check_manifest(path: Path, key: str | None) -> Checked:
    """Check the files beside a manifest against it and against their own chain."""
    found = Checked()
    try:
        if path.stat().st_size > _LARGEST:
            found.problems.append(f"{path}: larger than {_LARGEST} bytes: no manifest")
            return found
        told = _read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = (error.strerror or "I/O") if isinstance(error, OSError) else type(error).__name__
        found.problems.append(f"{path}: can't be read as a manifest ({reason})")
        return found
    found.head = told.head
    _seal(found, told, key)
    for holds, (name, digest, size) in told.files.items():
        _file(found, path.parent / name, holds, digest, size)
    if found.ok:
        _events(found, told, path.parent)
    found.signed = judge(told.signature, key, told.head)
    if found.signed.standing is Standing.WRONG:
        found.problems.append(found.signed.text)
    return found


def _read(body: dict[str, Any]) -> _Told:
    wanted, files, one = body["filter"], body["files"], body["signature"]
    for name in files:
        if not name or name != Path(name).name or name.startswith("."):
            msg = f"{name!r} is no name of a file beside the manifest"
            raise ValueError(msg)
    if one is not None:
        if set(one) != {"seq", "hash", "at", "began", "key", "signature"}:
            msg = "no signature"
            raise ValueError(msg)
        one = Signature(
            int(one["seq"]), str(one["hash"]), instant(one["at"]), int(one["began"]), str(one["key"]),
            str(one["signature"]),
        )  # fmt: skip
    chosen = Filter(
        account=wanted["account"], ticket=wanted["ticket"], kinds=tuple(wanted["kinds"]),
        since=maybe_instant(wanted["since"]), until=maybe_instant(wanted["until"]), after_seq=wanted["after_seq"],
        limit=wanted["limit"],
    )  # fmt: skip
    told = {one["holds"]: (name, str(one["sha256"]), int(one["bytes"])) for name, one in files.items()}
    return _Told(body, chosen, parse_head(body["head"]), parse_head(body["anchor"]), one, told)


def _seal(found: Checked, told: _Told, key: str | None) -> None:
    """Whether the manifest itself is as it was written, where a key is here."""
    sealed = told.body.get("seal")
    if sealed is None:
        found.notes.append("the manifest is not sealed: it was made without a key")
    elif key is None or sealed.get("key") != key_id(key):
        found.notes.append(f"the manifest is sealed by key {sealed.get('key')}, which is not here to check it with")
    else:
        rest = {name: value for name, value in told.body.items() if name != "seal"}
        if seal(key, rest) != sealed.get("hmac"):
            found.problems.append("the manifest was changed after it was made: its seal does not fit")


def _file(found: Checked, path: Path, holds: str, digest: str, size: int) -> None:
    try:
        with path.open("rb") as file:
            real = hashlib.file_digest(file, "sha256").hexdigest()
        length = path.stat().st_size
    except OSError as error:
        found.problems.append(f"{path}: can't be read ({error.strerror})")
        return
    if (real, length) != (digest, size):
        found.problems.append(f"{path} ({holds}) is not the file that was exported: its SHA-256 or size differs")


def _events(found: Checked, told: _Told, folder: Path) -> None:
    if "jsonl" not in told.files:
        found.notes.append("only the CSV's SHA-256 was checked: the chain is checked on lines of JSON")
        return
    path = folder / told.files["jsonl"][0]
    if told.body["whole"] is True and told.wanted.whole:
        with path.open(encoding="utf-8", errors="replace") as lines:
            result = verify(lines, head=told.head)
        found.events = result.checked
        if not result.ok:
            found.problems.append(f"event {result.seq} ({result.flaw}): {result.text}")
        elif result.head != told.head:
            found.problems.append(f"the export ends at event {result.head.seq}, the manifest says {told.head.seq}")
    elif "chain" not in told.files:
        found.problems.append("the export is filtered, and the file with the links of the whole chain is missing")
        return
    else:
        _filtered(found, told, path, folder / told.files["chain"][0])
    if found.ok and found.events != told.body["events"]:
        found.problems.append(f"{found.events} events are there, the manifest says {told.body['events']}")


def _filtered(found: Checked, told: _Told, events: Path, chain: Path) -> None:
    """Every exported event in the chain at its place, the chain whole, and none left out as far as that shows."""
    try:
        with events.open(encoding="utf-8", errors="replace") as lines, chain.open(encoding="utf-8") as links:
            waiting = parsed(lines)
            event = next(waiting, None)
            for link in _links(links, told.anchor, told.head):
                if event is not None and event.seq == link["seq"]:
                    if json.loads(link_line(event)) != link or not hash_fits(event):
                        found.problems.append(f"event {event.seq} is not what the chain holds there")
                        return
                    if not told.wanted.takes(event) and event.redacted is None:
                        found.problems.append(f"event {event.seq} does not pass the filter the manifest names")
                    found.events += 1
                    event = next(waiting, None)
                elif _must_be_there(told.wanted, link):
                    found.problems.append(f"event {link['seq']} passes the filter and was left out")
            if event is not None:
                found.problems.append(f"event {event.seq} stands in no place of the chain")
    except (DamagedRow, ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        found.problems.append(f"the export can't be read: {error}")
    if told.wanted.ticket is not None or told.wanted.limit is not None:
        found.notes.append("events of one ticket, or a limited number: that none was left out can't be proven")


def _must_be_there(wanted: Filter, link: Mapping[str, Any]) -> bool:
    if wanted.ticket is not None or wanted.limit is not None:
        return False
    bare = AuditEvent(link["seq"], instant(link["at"]), link["account"], link["kind"], None, {}, "", "")
    return wanted.takes(bare)


def _links(lines: Iterator[str] | Any, anchor: Head, head: Head) -> Iterator[dict[str, Any]]:
    """The chain without bodies, link by link. Raises ValueError where one does not follow on the one before."""
    last = anchor
    for line in lines:
        link: dict[str, Any] = json.loads(line)
        if link["seq"] != last.seq + 1 or link["prev"] != last.hash:
            msg = f"the chain breaks at event {link['seq']}"
            raise ValueError(msg)
        if link.get("v", 1) == VERSION:
            right = sealed_hash(
                link["prev"], seq=link["seq"], at=link["at"], account=link["account"], kind=link["kind"],
                sealed=link["commitment"],
            )  # fmt: skip
            if right != link["hash"]:
                msg = f"event {link['seq']} of the chain does not match its hash"
                raise ValueError(msg)
        last = Head(link["seq"], link["hash"])
        yield link
    if last != head:
        msg = f"the chain ends at event {last.seq}, the manifest's head is another"
        raise ValueError(msg)
