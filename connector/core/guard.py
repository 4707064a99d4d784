"""Whether a plan may be carried out: safety limits hold it for a person, pace limits put single actions off.

`None` is unlimited and `0` is none, everywhere. Keep-alive toggles are held by nothing and paced on their own, because
delaying them does the very harm they prevent: docs/decisions/0005-guard.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

from connector.core.model import EMPTY, TOGGLE_WRITES, Action, Hold, Memory, Plan, Verdict

_NEVER = datetime.max.replace(tzinfo=UTC)
_DAY = timedelta(hours=24)
_WRITES_KEPT = 16
#: Kinds that write nothing to the ticket itself, and so do not count against its writes.
_NO_WRITE = ("notify", "register")


@dataclass(frozen=True, slots=True)
class Limits:
    """The guard's limits. None: unlimited. 0: none.

    Holding the whole plan: `actions` of one plan; `per_rule`; `customer_facing` messages of one plan; `share` of the
    open tickets written to (0 to 1, from `share_from` writes up); `population`: the least share of the median of recent
    populations that must still be there; `policy_change`: tickets the first plan of a changed policy may touch.
    Putting off single actions: `per_ticket` writes in 24 h; `toggles` of one rule in one plan, and `toggles_per_ticket`
    in 24 h. `toggle_grace`: a toggle whose ticket would be closed within so many hours is not put off by `toggles`.
    """

    actions: int | None = 50
    per_rule: int | None = 20
    customer_facing: int | None = 10
    share: float | None = 0.2
    share_from: int | None = 5
    population: float | None = 0.5
    policy_change: int | None = 20
    per_ticket: int | None = 3
    toggles: int | None = 20
    toggles_per_ticket: int | None = 2
    toggle_grace: float | None = 6

    def unlimited(self) -> tuple[str, ...]:
        """The names of the limits that are switched off, for the warning at each start."""
        names = (
            "actions", "per_rule", "customer_facing", "share", "population", "policy_change", "per_ticket", "toggles",
            "toggles_per_ticket",
        )  # fmt: skip
        return tuple(name for name in names if getattr(self, name) is None)


@dataclass(frozen=True, slots=True)
class History:
    """What the guard must know of the past.

    `writes`: ticket -> own writes in the last 24 h, toggles among them; `toggles`: ticket -> toggles among those.
    `populations`: numbers of open tickets in recent complete cycles. `policy`: digest of the policy last adopted, None
    before the first. `diff`: tickets on which the new policy decides otherwise, where that was worked out.
    """

    writes: Mapping[str, int] = field(default=EMPTY)
    toggles: Mapping[str, int] = field(default=EMPTY)
    populations: Sequence[int] = ()
    policy: str | None = None
    diff: int | None = None


def recent_writes(memory: Memory, now: datetime) -> tuple[datetime, ...]:
    """The instants of own writes that are kept: those of the last 24 h, and the newest whatever their age.

    A clock that jumps ahead and comes back must not make the guard forget what was written before.
    """
    older = len(memory.writes) - _WRITES_KEPT
    return tuple(at for number, at in enumerate(memory.writes) if number >= older or now - at < _DAY)


def toggles_since(memory: Memory, since: datetime) -> int:
    """How many toggles of a ticket were written after `since`, those without effect among them."""
    written = [datetime.fromisoformat(at) for at in memory.extra.get(TOGGLE_WRITES, ())]
    return max(sum(at > since for at in written), sum(at > since for at in memory.toggles))


def judge(plan: Plan, limits: Limits, history: History, approved: bool = False) -> Verdict:
    """The verdict on a plan. `approved`: a person approved exactly this digest, which passes all that would hold it,
    but neither the pace of a ticket nor the cap of a toggle.
    """
    deferred = _deferred(plan, limits, history)
    staying = [action for action in plan.actions if action.id not in deferred]
    keeping = _kept_alive(staying)
    weighed = [action for action in staying if action.id not in keeping]
    holds = () if approved else tuple(_holds(plan, weighed, limits, history))
    order = tuple(action.id for action in plan.actions if action.id in deferred)
    if not holds:
        return Verdict(True, (), order, ())
    return Verdict(False, holds, order, tuple(action.id for action in staying if action.id in keeping))


def _kept_alive(actions: Sequence[Action]) -> frozenset[str]:
    """Ids of the toggles and of the notes that are left with them as evidence, or later where that failed."""
    keys = {action.key for action in actions if action.kind == "toggle"}
    return frozenset(
        action.id
        for action in actions
        if action.kind == "toggle" or action.details.get("with") in keys or action.details.get("owed")
    )


# --- pace -----------------------------------------------------------------------------------------------------------
def _deferred(plan: Plan, limits: Limits, history: History) -> frozenset[str]:
    """Ids of the actions that pace puts off; of toggles the least urgent ones, of a ticket's others the last ones."""
    put_off: set[str] = set()
    toggles = [action for action in plan.actions if action.kind == "toggle"]
    passed: dict[str, int] = {}
    toggled: dict[str, int] = dict(history.toggles)
    for action in sorted(toggles, key=urgency):
        rule = _rule(action)
        if (
            _capped(action)
            or _full(toggled.get(action.ticket, 0), limits.toggles_per_ticket)
            or (_full(passed.get(rule, 0), limits.toggles) and not _pressing(action, plan.now, limits))
        ):
            put_off.add(action.id)
            continue
        passed[rule] = passed.get(rule, 0) + 1
        toggled[action.ticket] = toggled.get(action.ticket, 0) + 1
    refused = {action.key for action in toggles if action.id in put_off}

    written: dict[str, int] = dict(history.writes)
    for action in plan.actions:  # a toggle waits for no other write of its ticket, but counts as one
        if action.kind == "toggle" and action.id not in put_off:
            written[action.ticket] = written.get(action.ticket, 0) + 1
    for action in plan.actions:
        partner = action.details.get("with")
        if partner in refused:
            put_off.add(action.id)
        elif action.kind == "toggle" or partner is not None or action.kind in _NO_WRITE:
            continue  # what goes with a toggle or an assignment is counted with it
        elif _full(written.get(action.ticket, 0), limits.per_ticket):
            put_off.add(action.id)
            refused.add(action.key)
        else:
            written[action.ticket] = written.get(action.ticket, 0) + 1
    return frozenset(put_off)


def urgency(action: Action) -> tuple[datetime, datetime, str]:
    """What a toggle is sorted by: when the ticket would be closed, where that is known, else when it was due."""
    due = action.due or _NEVER
    return (_closes(action) or due, due, action.id)


def _closes(action: Action) -> datetime | None:
    closes = action.details.get("closes")
    return None if closes is None else datetime.fromisoformat(closes)


def _pressing(action: Action, now: datetime, limits: Limits) -> bool:
    closes = _closes(action)
    if limits.toggles == 0 or closes is None:
        return False
    return limits.toggle_grace is None or closes - now < timedelta(hours=limits.toggle_grace)


def _capped(action: Action) -> bool:
    cap = action.details.get("cap")
    return cap is not None and action.details.get("count", 0) >= cap


def _full(found: int, limit: int | None) -> bool:
    return limit is not None and found >= limit


# --- safety ---------------------------------------------------------------------------------------------------------
def _holds(plan: Plan, weighed: Sequence[Action], limits: Limits, history: History) -> Iterator[Hold]:
    if not weighed:
        return
    yield from _too_many(weighed, limits)
    writing = [action for action in weighed if action.kind not in _NO_WRITE]
    touched = len({action.ticket for action in writing})
    if limits.share is not None and limits.share_from is not None and len(writing) >= limits.share_from:
        share = touched / plan.population if plan.population else 1.0
        if share > limits.share:
            part = f"{touched} of {plan.population} open tickets ({share:.0%})"
            text = f"the plan touches {part}, allowed {limits.share:.0%}"
            yield Hold("share", round(share, 4), limits.share, text)
    usual = median(history.populations) if history.populations else None
    if limits.population is not None and usual is not None and plan.population < limits.population * usual:
        text = f"only {plan.population} open tickets are left of usually {usual:g}: was the helpdesk read whole?"
        yield Hold("population", plan.population, limits.population * usual, text)
    if limits.policy_change is not None and history.policy is not None and history.policy != plan.policy:
        found = touched if history.diff is None else history.diff
        if found > limits.policy_change:
            text = f"the first plan of a changed policy touches {found} tickets, allowed {limits.policy_change}"
            yield Hold("policy_change", found, limits.policy_change, text)
    if not plan.complete:
        absent = [action for action in weighed if action.details.get("rests_on_absence")]
        if absent:
            text = f"{len(absent)} actions rest on what was not found, and the helpdesk was not read whole"
            yield Hold("complete", len(absent), 0, text)


def _too_many(weighed: Sequence[Action], limits: Limits) -> Iterator[Hold]:
    if limits.actions is not None and len(weighed) > limits.actions:
        text = f"the plan has {len(weighed)} actions, allowed {limits.actions}"
        yield Hold("actions", len(weighed), limits.actions, text)
    rules: dict[str, int] = {}
    for action in weighed:
        rules[_rule(action)] = rules.get(_rule(action), 0) + 1
    for rule, count in sorted(rules.items()):
        if limits.per_rule is not None and count > limits.per_rule:
            text = f"rule {rule} has {count} actions, allowed {limits.per_rule}"
            yield Hold("per_rule", count, limits.per_rule, text)
    customers = sum(1 for action in weighed if action.reaches_customer)
    if limits.customer_facing is not None and customers > limits.customer_facing:
        text = f"{customers} messages would reach customers, allowed {limits.customer_facing}"
        yield Hold("customer_facing", customers, limits.customer_facing, text)


def _rule(action: Action) -> str:
    return f"{action.rule.kind}/{action.rule.name}"
