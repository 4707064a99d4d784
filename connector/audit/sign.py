"""The signed head of the audit: an HMAC-SHA-256 over the newest event's seq and hash, kept beside the chain.

What it proves: whoever changes, removes, reorders or writes anew anything up to the signed event, and has no key, is
found by whoever has it. What it does not: the holder of the key could sign anything, so an auditor who must not trust
the operator keeps heads of their own; and what was appended after the newest signature is protected by its links only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog

from connector.audit.verify import Head, Verification, verify
from connector.errors import ConfigurationError
from connector.secrets import AUDIT_CREDENTIAL, AUDIT_VARIABLE, audit_key
from connector.store.base import Signature, Store
from connector.store.codec import canonical_json, instant_text
from connector.store.problems import DamagedRow

_PURPOSE = "escalera audit head 1"
_WHERE = f"{AUDIT_VARIABLE}, credential {AUDIT_CREDENTIAL}, or keyring"
_log = structlog.get_logger("escalera.audit")


class Standing(StrEnum):
    """How the head of a chain is signed."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"  # no signature was ever kept, or it was taken away
    UNCHECKED = "unchecked"  # signed, but there is no key here, or another one, to check it with
    WRONG = "wrong"  # signed by the key that is here, and the signature does not fit


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signature of a chain is worth. `tail`: events after the signed one."""

    standing: Standing
    text: str
    signature: Signature | None = None
    tail: int = 0


def key_id(key: str) -> str:
    """16 hexadecimal digits that name a key without telling it."""
    return hashlib.sha256(f"escalera audit key {key}".encode()).hexdigest()[:16]


def seal(key: str, values: Mapping[str, Any]) -> str:
    """HMAC-SHA-256 (hex) over the canonical JSON of some values."""
    return hmac.new(key.encode(), canonical_json(values).encode(), hashlib.sha256).hexdigest()


def _seal(key: str, one: Signature) -> str:
    held = {"at": instant_text(one.at), "began": one.began, "hash": one.hash, "key": one.key, "seq": one.seq}
    return seal(key, {"purpose": _PURPOSE, **held})


def sign(key: str, head: Head, at: datetime, *, began: int) -> Signature:
    """A head, signed."""
    unsigned = Signature(head.seq, head.hash, at, began, key_id(key), "")
    return replace(unsigned, signature=_seal(key, unsigned))


def is_authentic(key: str, signature: Signature) -> bool:
    """Whether this key made this signature."""
    right = signature.key == key_id(key)
    return hmac.compare_digest(_seal(key, signature).encode(), signature.signature.encode()) and right


def judge(signature: Signature | None, key: str | None, head: Head) -> Signed:
    """What a signature is worth to someone with this key; `head` is the newest good event."""
    if signature is None:
        text = "the head is not signed"
        text += (
            f" (no key here: {AUDIT_VARIABLE}, {AUDIT_CREDENTIAL}, keyring)"
            if key is None
            else ", though a key is here"
        )
        return Signed(Standing.UNSIGNED, text, tail=head.seq)
    tail = max(0, head.seq - signature.seq)
    said = f"event {signature.seq} was signed by key {signature.key} at {instant_text(signature.at)}"
    if key is None:
        text = f"{said}, but no key is here to check it with: {_WHERE}"
        return Signed(Standing.UNCHECKED, text, signature, tail)
    if signature.key != key_id(key):
        return Signed(Standing.UNCHECKED, f"{said}; the key here is another one, {key_id(key)}", signature, tail)
    if not is_authentic(key, signature):
        return Signed(Standing.WRONG, f"{said}, and the signature does not fit: it was not made so", signature, tail)
    rest = f"; {tail} event(s) after it are not signed yet" if tail else ""
    return Signed(Standing.SIGNED, f"{said}; signing began with event {signature.began}{rest}", signature, tail)


def verify_signed(store: Store, key: str | None, *, head: Head | None = None) -> tuple[Verification, Signed]:
    """The whole chain against the signed head and one kept elsewhere, and what the signature is worth."""
    try:
        signature = store.audit_signature()
    except DamagedRow as error:
        return verify(store, head=head), Signed(Standing.WRONG, str(error))
    result = verify(store, head=head)
    if result.ok and signature is not None:
        signed = Head(signature.seq, signature.hash)
        again = verify(store, head=signed)
        result = again if not again.ok else result
    return result, judge(signature, key, result.head)


@dataclass(slots=True)
class Signer:
    """Signs the head at the end of a cycle; says once why it can't. `find`: where the key comes from."""

    find: Callable[[], str | None] = field(default=lambda: audit_key(make=True))
    _asked: bool = False
    _key: str | None = None
    _last: Head | None = None
    _refused: str = ""

    def sign(self, store: Store, at: datetime) -> bool:
        """(tx) Sign the newest event where that is new; True where its signature stands. Raises StoreError.

        Only what follows on the signature before is signed: a chain that was written anew stays found.
        """
        key = self._found()
        if key is None:
            return False
        try:
            head = Head(*store.audit_head())
            signature = store.audit_signature()
            if head.seq == 0:
                return False
            why = self._doubt(store, key, head, signature)
        except DamagedRow as error:
            why = str(error)
        if why:
            if why != self._refused:
                _log.critical("the audit is not signed: run `escalera audit verify`", why=why)
            self._refused = why
            return False
        if signature is not None and signature.key != key_id(key):
            _log.warning("the audit is signed with another key from now on", before=signature.key, now=key_id(key))
        elif signature is not None and signature.seq == head.seq:
            self._last = head
            return True
        began = head.seq if signature is None else signature.began
        store.sign_audit(sign(key, head, at, began=began))
        self._last = head
        return True

    def _found(self) -> str | None:
        if not self._asked:
            self._asked = True
            try:
                self._key = self.find()
                if self._key is None:
                    _log.warning("the audit's head is not signed", why=f"no key is here: {_WHERE}")
            except ConfigurationError as error:
                _log.warning("the audit's head is not signed", why=str(error))
        return self._key

    def _doubt(self, store: Store, key: str, head: Head, signature: Signature | None) -> str:
        """Why the head must not be signed; empty where it may be."""
        if self._last is not None and (signature is None or signature.seq < self._last.seq):
            return f"event {self._last.seq} was signed by this process, and its signature is gone"
        if signature is None:
            result = verify(store)
            return "" if result.ok else f"event {result.seq} ({result.flaw}): {result.text}"
        if signature.key == key_id(key) and not is_authentic(key, signature):
            return f"the signature of event {signature.seq} does not fit"
        signed = Head(signature.seq, signature.hash)
        if head.seq < signed.seq or (head.seq == signed.seq and head.hash != signed.hash):
            return f"event {signed.seq} was signed, and the chain ends at event {head.seq} or was written anew"
        if head.seq == signed.seq:
            return ""
        result = verify(store, after=signed)
        return "" if result.ok else f"event {result.seq} ({result.flaw}): {result.text}"
