"""Freshdesk's satisfaction ratings: the answers to its surveys, old and new, as `Rating`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog

from connector.errors import Unavailable
from connector.helpdesks.base import Rating
from connector.http.client import HttpClient

_PATH = "/surveys/satisfaction_ratings"
_PAGE = 100
_MOST_PAGES = 300
#: The classic survey's three answers; the newer ones run from 103 (extremely happy) over 100 to -103.
_CLASSIC = {1: "happy", 2: "neutral", 3: "unhappy"}
_log = structlog.get_logger("connector.freshdesk")


def read_ratings(client: HttpClient, since: datetime) -> Iterator[Rating]:
    """All ratings given since then, oldest first; one that can't be read is left out and told in the log.

    Raises Refused where the account has no surveys, Unavailable, AccountBlocked.
    """
    found: dict[str, Rating] = {}
    for page in range(1, _MOST_PAGES + 1):
        params: dict[str, str | int] = {
            "created_since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "per_page": _PAGE,
            "page": page,
        }
        rows = client.get(_PATH, params, kind="other", optional=True).body
        if not isinstance(rows, list):
            msg = f"GET {_PATH}: a list was expected, {type(rows).__name__} came"
            raise Unavailable(msg)
        for number, row in enumerate(rows, 1):
            rating = _rating(row)
            if rating is None:
                _log.warning("a rating can't be read", place=f"{_PATH} page {page} row {number}")
            elif rating.at >= since:
                found[str(row.get("id", f"{page}.{number}"))] = rating
        if len(rows) < _PAGE:
            break
    yield from sorted(found.values(), key=lambda one: (one.at, one.ticket))


def word_of(score: int) -> str | None:
    """`happy`, `neutral` or `unhappy` for a score of either survey; None for a number that is no score."""
    if score in _CLASSIC:
        return _CLASSIC[score]
    if not 100 <= abs(score) <= 103 or score == -100:
        return None
    return "neutral" if score == 100 else "happy" if score > 0 else "unhappy"


def _rating(row: Any) -> Rating | None:
    if not isinstance(row, dict) or not isinstance(row.get("ratings"), dict):
        return None
    score, ticket = row["ratings"].get("default_question"), row.get("ticket_id")
    if not isinstance(score, int) or isinstance(score, bool) or not isinstance(ticket, int | str):
        return None
    word = word_of(score)
    try:
        at = datetime.fromisoformat(row["created_at"])
    except (KeyError, TypeError, ValueError):
        return None
    if word is None:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return Rating(str(ticket), score, word, at)
