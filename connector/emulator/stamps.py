"""Instants of the emulated helpdesk: whole seconds since 1970 inside, `YYYY-MM-DDTHH:MM:SSZ` outside.

The text form sorts like the instants it names, so the ticket indexes are kept on the text.
"""

from __future__ import annotations

import email.utils
import re
import time
from datetime import UTC, date, datetime
from functools import lru_cache

_PERIOD_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PERIOD = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.IGNORECASE)
#: Seconds since 1970 of the first instant that has a text, and of the first one after the last.
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_800
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def to_text(instant: float) -> str:
    """Render an instant as the API does: UTC, second precision, trailing Z."""
    if not _EARLIEST <= instant < _LATEST:
        msg = "so many seconds since 1970 lie outside the years 1 to 9999"
        raise ValueError(msg)
    return _whole_text(int(instant))


@lru_cache(maxsize=65536)
def _whole_text(instant: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(instant))


@lru_cache(maxsize=65536)
def to_instant(text: str) -> int:
    """Read any ISO 8601 stamp (no zone means UTC, a bare day means its midnight); ValueError when it is none."""
    cleaned = text.strip().replace(" ", "T", 1) if " " in text.strip() else text.strip()
    if not _DAY.match(cleaned):
        msg = f"{text!r} is no ISO 8601 instant"
        raise ValueError(msg)
    read = datetime.fromisoformat(cleaned)
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    return int(read.timestamp())


def is_day(text: object) -> bool:
    """Say whether the value is a calendar day and nothing more, the only form custom date fields accept."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def http_date(instant: float) -> str:
    """Render an instant for the Date header."""
    return email.utils.formatdate(instant, usegmt=True)


def period(text: str) -> int:
    """Read a length of time such as `14d`, `36h`, `1d12h` or a bare number of seconds; ValueError otherwise."""
    cleaned = text.strip().lower()
    if re.fullmatch(r"\d+", cleaned):
        return int(cleaned)
    parts = _PERIOD.findall(cleaned)
    if not parts or _PERIOD.sub("", cleaned).strip():
        msg = f"{text!r} is no length of time (write 14d, 36h, 90m, 30s or 1d12h)"
        raise ValueError(msg)
    return int(sum(float(number) * _PERIOD_UNITS[unit.lower()] for number, unit in parts))


class Clock:
    """The clock of the emulated helpdesk.

    `real` follows the wall clock (plus whatever was advanced by hand), `virtual` stands still until advanced.
    """

    def __init__(self, kind: str, start: int | None = None) -> None:
        self.kind = kind
        self._offset = 0.0
        self._standing = int(time.time()) if start is None else start

    def now(self) -> int:
        """The present instant, in whole seconds."""
        if self.kind == "real":
            return int(time.time() + self._offset)
        return self._standing

    def advance_to(self, instant: int) -> None:
        """Move forward to an instant; an instant already past changes nothing."""
        ahead = instant - self.now()
        if ahead <= 0:
            return
        if self.kind == "real":
            self._offset += ahead
        else:
            self._standing = instant
