"""A calendar as a person keeps it: a wall calendar with crossed-out days, and a clock that is read hour by hour.

Nothing of the program is used here, so that the instants the tests expect do not come from the code under test. The
crossed-out days are the public holidays of the years the tests use, typed in from the laws that name them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: Country -> public holidays (of the whole country) in 2022 to 2027, as far as the tests go.
CROSSED_OUT = {
    # Ley Federal del Trabajo, art. 74. The 2nd of November, the 5th of May and the 20th of November are worked.
    "MX": {
        "2022-09-16", "2022-11-21", "2022-12-25", "2026-01-01", "2026-02-02", "2026-03-16", "2026-05-01", "2026-09-16",
        "2026-11-16", "2026-12-25", "2027-01-01", "2027-02-01",
    },
    "CL": {
        "2026-01-01", "2026-04-03", "2026-04-04", "2026-05-01", "2026-05-21", "2026-06-21", "2026-06-29", "2026-07-16",
        "2026-08-15", "2026-09-18", "2026-09-19", "2026-10-12", "2026-10-31", "2026-11-01", "2026-12-08", "2026-12-25",
    },
    "ES": {"2026-01-01", "2026-01-06", "2026-04-03", "2026-05-01", "2026-08-15", "2026-10-12", "2026-11-01",
           "2026-12-06", "2026-12-08", "2026-12-25"},
    "IT": {"2026-01-01", "2026-01-06", "2026-04-05", "2026-04-06", "2026-04-25", "2026-05-01", "2026-06-02",
           "2026-08-15", "2026-10-04", "2026-11-01", "2026-12-08", "2026-12-25", "2026-12-26"},
    "": set(),
}  # fmt: skip
_STEP = timedelta(minutes=1)


class ByHand:
    """Working hours of one office: `days` are weekdays (Monday 0), open from `opens` to `closes` on its wall clock."""

    def __init__(self, zone: str, country: str, opens: str = "09:00", closes: str = "18:00", days: str = "01234"):
        self.zone = ZoneInfo(zone)
        self._out = CROSSED_OUT[country]
        self._opens, self._closes = time.fromisoformat(opens), time.fromisoformat(closes)
        self._days = {int(each) for each in days}

    def works(self, day: date) -> bool:
        """Whether the office opens that day."""
        return day.weekday() in self._days and day.isoformat() not in self._out

    def is_open(self, at: datetime) -> bool:
        """Whether somebody is there."""
        wall = at.astimezone(self.zone)
        return self.works(wall.date()) and self._opens <= wall.time() < self._closes

    def business_days(self, start: datetime, count: int) -> datetime:
        """The same time of day on the count-th working day after the start's; if shut then, the next opening."""
        wall = start.astimezone(self.zone)
        day = wall.date()
        while count:
            day += timedelta(days=1)
            count -= self.works(day)
        at = wall.time()
        if at < self._opens:
            at = self._opens
        elif at > self._closes:
            at, day = self._opens, day + timedelta(days=1)
            while not self.works(day):
                day += timedelta(days=1)
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)

    def business_hours(self, start: datetime, hours: float) -> datetime:
        """The instant at which so many open hours have passed, ticking minute by minute (starts are whole minutes)."""
        left = round(hours * 60)
        at = start.astimezone(UTC)
        for now in _minutes(at):
            if self.is_open(now):
                left -= 1
            if not left:
                return now + _STEP
        raise AssertionError("never")

    def after(self, start: datetime, span: str) -> datetime:
        """`72h`, `13d`, `30 min` elapsed; `5 business days`, `1.5 business hours` of this office."""
        number, _, unit = span.partition(" ")
        if unit in ("business days", "business day"):
            return self.business_days(start, int(number))
        if unit in ("business hours", "business hour"):
            return self.business_hours(start, float(number))
        if unit == "min":
            return start.astimezone(UTC) + timedelta(minutes=int(number))
        amount = int(span[:-1])
        return start.astimezone(UTC) + {"h": timedelta(hours=amount), "d": timedelta(hours=24 * amount)}[span[-1]]


def _minutes(at: datetime) -> Iterator[datetime]:
    for count in range(60 * 24 * 60):
        yield at + count * _STEP
