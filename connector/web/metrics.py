"""The daemon's figures in the form Prometheus reads. Accounts and outcomes are named, tickets and people never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from connector import __version__
from connector.vitals import CYCLE_SECONDS, AccountVitals, Vitals

_GAUGES: tuple[tuple[str, str, Callable[[AccountVitals], float | None]], ...] = (
    ("due", "Tickets looked at in the last cycle because they had changed or come due.", lambda one: one.due),
    ("planned", "Actions of the last cycle's plan.", lambda one: one.planned),
    ("open_tickets", "Open tickets known.", lambda one: one.population),
    ("held", "Actions that the guard holds until a person approves them.", lambda one: one.held),
    ("unknown", "Answers of rules that could not tell, last cycle.", lambda one: one.unknown),
    ("deferred", "Actions put off to a later cycle by the guard's pace limits, last cycle.", lambda one: one.deferred),
    ("quarantined", "Tickets that rest after too many writes or an error, last cycle.", lambda one: one.quarantined),
    ("open_intents", "Journalled actions that are not settled.", lambda one: one.open_intents),
    ("missed", "Looks and actions that should have fired and did not.", lambda one: one.missed),
    ("read_whole", "1 where the last cycle read everything it should.", lambda one: float(one.complete)),
    ("blocked", "1 where the helpdesk refuses the account.", lambda one: float(one.blocked)),
    ("api_budget_total", "The account's API credits a minute, as the helpdesk tells.", lambda one: one.api_total),
    ("api_budget_left", "API credits left in this minute, as the helpdesk last told.", lambda one: one.api_left),
    ("last_cycle_timestamp_seconds", "When the last cycle decided.", lambda one: _seconds(one.last_cycle)),
)
_COUNTERS: tuple[tuple[str, str, Callable[[AccountVitals], float]], ...] = (
    ("rejected", "Records of the helpdesk that could not be read.", lambda one: one.rejected),
    ("missed_events", "Looks and actions that came to be missed.", lambda one: one.missed_total),
    ("failures", "Cycles after which the account was left alone for a while.", lambda one: one.failures),
)


class Board:
    """All figures at the instant of asking. `clock`: the present (UTC). `state_bytes`: the state's size, or None."""

    def __init__(
        self,
        vitals: Vitals,
        clock: Callable[[], datetime],
        state_bytes: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._vitals, self._clock, self._state_bytes = vitals, clock, state_bytes
        self.hints: Counter[tuple[str, str]] = Counter()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """The exposition, in Prometheus's text format 0.0.4."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing before it is asked for: names are fixed by `collect`."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        accounts, now = self._vitals.accounts(), self._clock()
        yield _info("build", "The program's version.", {"version": __version__})
        yield _one("up", "1 while the daemon's loop is moving.", float(not self._vitals.stuck()))
        yield _one("silent_accounts", "Accounts whose heartbeat is missing.", len(self._vitals.silent()))
        size = self._state_bytes()
        if size is not None:
            yield _one("state_bytes", "Size of the state with its write-ahead log.", size)
        for name, doc, value in _GAUGES:
            yield _family(name, doc, ((one.name, value(one)) for one in accounts))
        lags = ((one.name, one.lag(now)) for one in accounts)
        yield _family("lag_seconds", "By how much the oldest look that is due is late.", lags)
        beats = ((one.name, self._vitals.age(one)) for one in accounts)
        yield _family("heartbeat_age_seconds", "Since the end of the account's last turn.", beats)
        for name, doc, count in _COUNTERS:
            counter = CounterMetricFamily(f"escalera_{name}", doc, labels=["account"])
            for one in accounts:
                counter.add_metric([one.name], count(one))
            yield counter
        yield from self._by_more_labels(accounts)

    def _by_more_labels(self, accounts: list[AccountVitals]) -> Iterator[Metric]:
        acted = CounterMetricFamily(
            "escalera_actions", "Actions by what became of them.", labels=["account", "kind", "outcome"]
        )
        policy = GaugeMetricFamily("escalera_policy_info", "The policy in force.", labels=["account", "name", "digest"])
        cycles = HistogramMetricFamily("escalera_cycle_seconds", "How long cycles took.", labels=["account"])
        for one in accounts:
            for (kind, outcome), count in sorted(one.acted.items()):
                acted.add_metric([one.name, kind, outcome], count)
            if one.policy is not None:
                policy.add_metric([one.name, one.policy[0], one.policy[1][:12]], 1)
            total, buckets = 0, []
            for bound, count in zip((*map(str, CYCLE_SECONDS), "+Inf"), one.cycle_classes, strict=True):
                total += count
                buckets.append((bound, total))
            cycles.add_metric([one.name], buckets, one.cycle_seconds)
        hints = CounterMetricFamily("escalera_hints", "Webhook hints by their answer.", labels=["account", "answer"])
        for (account, answer), count in sorted(self.hints.items()):
            hints.add_metric([account, answer], count)
        yield from (acted, policy, cycles, hints)


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at is not None else None


def _one(name: str, doc: str, value: float) -> Metric:
    return GaugeMetricFamily(f"escalera_{name}", doc, value=value)


def _info(name: str, doc: str, labels: dict[str, Any]) -> Metric:
    family = GaugeMetricFamily(f"escalera_{name}_info", doc, labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family


def _family(name: str, doc: str, values: Iterable[tuple[str, float | None]]) -> Metric:
    family = GaugeMetricFamily(f"escalera_{name}", doc, labels=["account"])
    for account, value in values:
        if value is not None:
            family.add_metric([account], value)
    return family
