"""What customers say of how their escalation was handled: taken from the helpdesk's surveys into the records.

Asked at most once in a quarter of a day, and only while there is a record that could be rated; a helpdesk without
surveys says so once. Whatever goes wrong here, the cycle goes on: it is a figure for people, and nothing rests on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.apply.journal import Fenced, Journal
from connector.core.records import Escalation
from connector.core.rules._common import iso
from connector.cycle.account import Account
from connector.errors import HelpdeskError, Refused, StoreError
from connector.helpdesks.base import Rater, Rating
from connector.store.base import Store

#: The account fact: when it was asked last, from when on the next time, and whether there are surveys at all.
FACT = "ratings"
_EVERY = timedelta(hours=6)
#: A survey answered so long after the end of an escalation is about something else.
_ABOUT = timedelta(days=30)
#: Records opened longer ago are not waited for any more.
_WAITED_FOR = timedelta(days=120)
#: How far each reading goes back behind the one before: the two clocks differ a little.
_OVERLAP = timedelta(minutes=10)
_log = structlog.get_logger("escalera.cycle")


def take_ratings(account: Account, journal: Journal, now: datetime) -> int:
    """Take new ratings into the records; returns how many records got one. Raises Fenced, StoreError."""
    reader, store = account.reader, account.store
    if not isinstance(reader, Rater):
        return 0
    known: dict[str, Any] = store.fact(account.name, FACT) or {}
    asked = known.get("at")
    if asked is not None and abs(now - datetime.fromisoformat(asked)) < _EVERY:
        return 0
    waiting = _oldest_unrated(store, account.name, now)
    if waiting is None:
        return 0
    since = datetime.fromisoformat(known["since"]) - _OVERLAP if known.get("since") else waiting
    ratings, available = _read(account, reader, since, known)
    newest = max((one.at for one in ratings or ()), default=None)
    told = {
        "at": iso(now),
        "since": known.get("since") if newest is None else iso(newest),
        "available": known.get("available", True) if available is None else available,
    }
    taken = 0
    with journal.transaction("closing"):
        for rating in ratings or ():
            taken += _take(store, account.name, rating, now)
        store.set_fact(account.name, FACT, told, now)
    return taken


def _oldest_unrated(store: Store, account: str, now: datetime) -> datetime | None:
    """When the oldest record that still could be rated was opened."""
    records = store.escalations(account, since=now - _WAITED_FOR)
    return next((one.opened_at for one in records if not one.satisfaction and _still_asked(one, now)), None)


def _still_asked(record: Escalation, at: datetime) -> bool:
    """Whether a survey answered at this instant would be about this escalation."""
    ended = record.outcome.get("at")
    return record.opened_at <= at and (ended is None or at - datetime.fromisoformat(ended) <= _ABOUT)


def _read(
    account: Account, reader: Rater, since: datetime, known: dict[str, Any]
) -> tuple[Sequence[Rating] | None, bool | None]:
    """(the ratings, whether there are surveys); None for what could not be learnt this time."""
    try:
        return list(reader.ratings(since)), True
    except Refused as error:
        if known.get("available", True):
            _log.info("the helpdesk tells no satisfaction ratings", account=account.name, why=str(error))
        return None, False
    except (Fenced, StoreError):
        raise
    except HelpdeskError as error:
        _log.warning("ratings can't be read now", account=account.name, why=str(error))
    except Exception as error:  # noqa: BLE001 - a figure for people must not stop a cycle
        _log.error("ratings could not be read", account=account.name, exc_info=error)
    return None, None


def _take(store: Store, account: str, rating: Rating, now: datetime) -> int:
    """Into every record the rating is about, unless a later rating stands there."""
    at = iso(rating.at)
    told = {"word": rating.word, "score": rating.score, "at": at}
    rated = [one for one in _about(store, account, rating) if one.satisfaction.get("at", "") < at]
    for one in rated:
        store.put_escalation(account, replace(one, satisfaction=told))
    if rated:
        body = {"escalations": [one.id for one in rated], **told}
        store.append_audit(account, now, "satisfaction", body, ticket=rating.ticket)
    return len(rated)


def _about(store: Store, account: str, rating: Rating) -> Iterator[Escalation]:
    """The ticket's records that were open when the customer answered, or ended not long before."""
    return (one for one in store.escalations(account, ticket=rating.ticket) if _still_asked(one, rating.at))
