"""Who may leave a hint: a signature over time, id and body, or a constant secret for helpdesks that can't sign."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

#: Seconds by which a signed hint's time may differ from ours, either way.
WINDOW = 300
_MOST_SEEN = 20_000
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)
_NOBODYS = "no account has this secret, but comparing takes the same time"


class Proof(Enum):
    """What the check of a hint's origin found."""

    GOOD = "good"
    BAD = "bad"  # no proof, or a wrong one
    STALE = "stale"  # well signed, but not of now
    REPEATED = "repeated"  # well signed, and here before
    BUSY = "busy"  # more signed hints within the window than are remembered


@dataclass(frozen=True, slots=True)
class Given:
    """What came with a hint. Header values as they stood; None where there was none."""

    account: str
    body: bytes
    timestamp: str | None = None
    nonce: str | None = None
    signature: str | None = None
    secret: str | None = None


def signature(secret: str, timestamp: str, nonce: str, body: bytes) -> str:
    """`sha256=` and the hex HMAC-SHA256, under the secret, of `TIMESTAMP.ID.BODY` (the id may be empty)."""
    signed = timestamp.encode() + b"." + nonce.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class Gate:
    """Checks hints; threads may share it. `secrets`: by account. `way`: what counts. `clock`: seconds since 1970."""

    def __init__(
        self, secrets: Mapping[str, str], way: Literal["hmac", "header"], clock: Callable[[], float] = time.time
    ) -> None:
        self._secrets, self._way, self._clock = dict(secrets), way, clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def check(self, given: Given) -> Proof:
        """Whether the hint comes from someone who knows the account's secret. An unknown account is a wrong secret."""
        known = given.account in self._secrets
        secret = self._secrets.get(given.account, _NOBODYS)
        if self._way == "header":
            same = hmac.compare_digest(_digest(given.secret or ""), _digest(secret))
            return Proof.GOOD if same and known and given.secret else Proof.BAD
        stamped, nonce, told = given.timestamp or "", given.nonce or "", given.signature or ""
        shaped = _TIME.fullmatch(stamped) and _SIGNATURE.fullmatch(told) and (not nonce or _ID.fullmatch(nonce))
        expected = signature(secret, stamped if shaped else "0", nonce if shaped else "", given.body)
        same = hmac.compare_digest(expected.encode(), told.encode("utf-8", "replace"))
        if not (same and known and shaped):
            return Proof.BAD
        now = self._clock()
        if abs(now - int(stamped)) > WINDOW:
            return Proof.STALE
        return self._first_time(given.account, nonce or told, now)

    def _first_time(self, account: str, sign: str, now: float) -> Proof:
        """An id is remembered for as long as its time could still be accepted."""
        with self._lock:
            while self._seen and next(iter(self._seen.values())) < now - 2 * WINDOW - 1:
                self._seen.popitem(last=False)
            if (account, sign) in self._seen:
                return Proof.REPEATED
            if len(self._seen) >= _MOST_SEEN:
                return Proof.BUSY
            self._seen[account, sign] = now
        return Proof.GOOD


def _digest(text: str) -> bytes:
    """Of equal length whatever the text's, so that comparing does not tell the secret's length."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
