"""Stretches of time as admins write them: `72h`, `14d`, `1d 12h`, `30 min`, `5 business days`, `8 business hours`."""

from __future__ import annotations

import re

from connector.core.policy import Span

_ELAPSED = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3_600, "hr": 3_600, "hrs": 3_600, "hour": 3_600, "hours": 3_600,
    "d": 86_400, "day": 86_400, "days": 86_400,
    "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([a-z]+)\s*", re.IGNORECASE)
_BUSINESS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(?:business|working)\s*([a-z]+)\Z", re.IGNORECASE)
_MOST = 100 * 366 * 86_400
_MOST_DAYS = 20_000


class SpanError(ValueError):
    """The text is no stretch of time; `hint` says how one is written."""

    def __init__(
        self, text: str, hint: str = "write it like 72h, 14d, 30 min, 5 business days or 8 business hours"
    ) -> None:
        super().__init__(text)
        self.hint = hint


def read_span(text: str) -> Span:
    """The span a text means. Raises SpanError; the text itself is kept for messages."""
    words = " ".join(text.split())
    business = _BUSINESS.match(words)
    if business:
        return _business(business[1], business[2].lower(), words)
    seconds, place = 0.0, 0
    if not words:
        msg = "an empty text is not a stretch of time"
        raise SpanError(msg)
    if re.fullmatch(r"[0-9.]+", words):
        msg = f"'{words}' has no unit"
        raise SpanError(msg, f"write {words}h, {words}d, {words} min or {words} business days")
    while place < len(words):
        part = _PART.match(words, place)
        if part is None:
            msg = f"'{words}' is not a stretch of time"
            raise SpanError(msg)
        seconds += float(part[1]) * _unit(part[2], words)
        place = part.end()
    return Span(_whole(seconds, words, _MOST), "elapsed", words)


def _business(amount: str, unit: str, words: str) -> Span:
    if unit in ("d", "day", "days"):
        if "." in amount:
            msg = f"'{words}': business days are counted whole"
            raise SpanError(msg, "use business hours for parts of a day")
        return Span(_whole(float(amount), words, _MOST_DAYS), "business_days", words)
    if unit in ("w", "week", "weeks"):
        msg = f"'{words}': a business week has no fixed length"
        raise SpanError(msg, "write business days")
    return Span(_whole(float(amount) * _unit(unit, words), words, _MOST), "business_seconds", words)


def _unit(unit: str, words: str) -> int:
    seconds = _ELAPSED.get(unit.lower())
    if seconds is not None:
        return seconds
    if unit.lower() == "m":
        msg = f"'{words}': 'm' could be minutes or months"
        raise SpanError(msg, "write min for minutes, d for days")
    if unit.lower().startswith(("month", "year", "mo", "y")):
        msg = f"'{words}': months and years have no fixed length"
        raise SpanError(msg, "write days")
    msg = f"'{words}': '{unit}' is no unit of time"
    raise SpanError(msg)


def _whole(amount: float, words: str, most: int) -> int:
    if amount > most:
        msg = f"'{words}' is longer than anything that can be waited for"
        raise SpanError(msg, "a century is the most")
    if amount != int(amount):
        msg = f"'{words}' is not a whole number of seconds"
        raise SpanError(msg)
    return int(amount)
