"""Reasons say their instants in UTC; people read them on the clock of their own office."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d|Z)")
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def localised(text: str, zone: ZoneInfo) -> str:
    """The text with its instants on the zone's clock and its digests as short as people can compare them."""
    local = _INSTANT.sub(lambda found: _there(found[0], zone), text)
    return _DIGEST.sub(lambda found: found[0][:12], local)


def _there(written: str, zone: ZoneInfo) -> str:
    try:
        return datetime.fromisoformat(written).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")
    except (ValueError, OverflowError):  # no instant after all, or one beyond what clocks show
        return written
