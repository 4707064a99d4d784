"""Satisfaction surveys of the helpdesk in memory: customers' answers, and the reader's way to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Generic, TypeVar

from connector.errors import Refused
from connector.helpdesks.base import Rating

_WORDS = {1: "happy", 2: "neutral", 3: "unhappy"}


class Surveys:
    """The surveys of a helpdesk. `surveys` False: it has none, and says so when it is asked."""

    clock: datetime
    surveys = True
    _given: tuple[Rating, ...] = ()

    def rate(self, ticket_id: str, score: int, at: datetime | None = None) -> Rating:
        """A customer answers: 1 happy, 2 neutral, 3 unhappy."""
        rating = Rating(ticket_id, score, _WORDS[score], at or self.clock)
        self._given = (*self._given, rating)
        return rating

    def given(self, since: datetime) -> Iterator[Rating]:
        """The answers since then, oldest first. Raises Refused where there are no surveys."""
        if not self.surveys:
            msg = "this helpdesk has no surveys"
            raise Refused(msg, status=403)
        yield from sorted((one for one in self._given if one.at >= since), key=lambda one: one.at)


_Desk = TypeVar("_Desk", bound=Surveys)


class SurveyReader(Generic[_Desk]):
    """What a reader of such a helpdesk offers."""

    _desk: _Desk

    def ratings(self, since: datetime) -> Iterator[Rating]:
        """See `Rater.ratings`."""
        return self._desk.given(since)
