"""No sequence of plans writes more than the guard's limits allow, in any 24 hours and in any plan.

    python -m tests.property.guard_windows [--sequences 2000] [--seed 1]

A sequence is drawn from one number: plans of any actions on a few tickets, approved in any order, twice or never,
cycles in between, deaths at any named point, restarts, people and customers, and a clock that jumps ahead and back.
What was written is read off the helpdesk itself, at the instant of the daemon's clock; what was allowed, off decision
5: of a ticket's writes in any 24 h at most `per_ticket` are no toggles, each with fewer than `per_ticket` before it,
and at most `toggles_per_ticket` are toggles. Of a plan nobody approved, no more is carried out than one plan may hold.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import structlog

from connector import crashpoints
from connector.apply.journal import Fenced
from connector.core.guard import Limits
from connector.core.model import Action, Plan, RuleRef
from connector.core.planning import action_id, digest_of
from connector.core.policy import Policy
from connector.cycle.run import apply_saved, run_cycle
from connector.errors import HeldError, UsageError
from connector.inbox import Word, record
from tests.desk import PACK, World, policy, ticket

TICKETS = 6
_DAY = timedelta(hours=24)
_RULES = ("one", "two")
#: Deaths at which nothing of a plan may be lost or doubled; any of the points of the write path.
_POINTS = tuple(point for point in crashpoints.POINTS if not point.startswith(("mirror", "evaluated", "closing")))
_CUSTOMER = ("reply",)
_NOT_COUNTED = ("notify", "register")


@cache
def _policy() -> Policy:
    """A policy that wants nothing of these tickets by itself."""
    return policy(base=PACK)


@dataclass(slots=True)
class _Sequence:
    """One sequence: its world, the daemon's clock beside the helpdesk's, and what was seen."""

    draw: random.Random
    world: World
    skew: timedelta = timedelta(0)
    plans: dict[str, Plan] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)
    written: list[tuple[datetime, str, str]] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    _key: int = 0

    def now(self) -> datetime:
        """The daemon's clock."""
        return self.world.now() + self.skew

    def wrote(self, kind: str, number: str, values: Mapping[str, Any]) -> None:
        """What reaches the helpdesk; the way back of a toggle belongs to its way through."""
        if kind == "update" and "status" in values:
            if values["status"] != "completed":
                return
            kind = "toggle"
        self.written.append((self.now(), number, kind))

    # --- steps -------------------------------------------------------------------------------------------------------
    def step(self) -> None:
        """One thing that happens."""
        name = self.draw.choices(
            ("plan", "approve", "cycle", "dies", "time", "jump", "person", "again"), (8, 4, 2, 3, 5, 2, 2, 1)
        )[0]
        self.steps[name] += 1
        getattr(self, f"_{name}")()

    def _plan(self) -> None:
        plan = self._drawn()
        self.plans[plan.digest] = plan
        self._apply(plan)

    def _again(self) -> None:
        if self.plans:
            self._apply(self.draw.choice(list(self.plans.values())))

    def _apply(self, plan: Plan) -> None:
        with contextlib.suppress(HeldError, UsageError):  # held, or used before: what the guard is there for
            apply_saved(self.world.account, plan, self.now)

    def _approve(self) -> None:
        held = [one for one in self.world.store.plans("demo") if one.state in ("held", "approved")]
        if held:
            one = self.draw.choice(held)
            state = self.draw.choice(("approved", "approved", "rejected"))
            record(self.world.store, Word(one.digest, state, "ana", "looked at it", self.now()))
            if state == "approved":
                self.approved.add(one.digest)
            self._cycle()

    def _cycle(self) -> None:
        run_cycle(self.world.account, now=self.now)

    def _dies(self) -> None:
        crashpoints.arm(self.draw.choice(_POINTS), at=self.draw.randint(1, 4))
        try:
            (self._plan if self.draw.random() < 0.8 else self._approve)()
        except crashpoints.Crash:
            self.world.account.waiting = None
        finally:
            crashpoints.disarm()

    def _time(self) -> None:
        self.world.desk.advance(self.draw.choice((60, 3600, 6 * 3600, 86_399, 86_400, 2 * 86_400)))

    def _jump(self) -> None:
        """A wrong clock, for a while; and right again."""
        wrong = timedelta(hours=self.draw.choice((-30, -2, 5, 30, 24 * 365)))
        self.skew = timedelta(0) if self.skew else wrong

    def _person(self) -> None:
        number = str(self.draw.randint(1, TICKETS))
        if self.draw.random() < 0.5:
            self.world.desk.customer_reply(number, "hello")
        self.world.desk.agent_edit(number, status="in_process", priority=self.draw.choice(("low", "high")))

    # --- plans -------------------------------------------------------------------------------------------------------
    def _drawn(self) -> Plan:
        actions = [self._action() for _ in range(self.draw.choice((1, 1, 2, 3, 5, 9)))]
        # As a plan has them: toggles first, then ticket by ticket.
        actions.sort(key=lambda one: (one.kind != "toggle", one.ticket))
        digest = digest_of("demo", self.world.account.policy.digest, actions)
        return Plan(
            digest, self.world.account.policy.digest, "demo", self.now(), True, tuple(actions),
            population=self.draw.choice((TICKETS, 1000)),
        )  # fmt: skip

    def _action(self) -> Action:
        number = str(self.draw.randint(1, TICKETS))
        kind = self.draw.choices(("set", "note", "toggle", "assign", "notify", "reply"), (6, 4, 5, 1, 2, 2))[0]
        seen = self.world.desk.get(number)
        self._key += 1
        key = f"{kind}:{number}:{self._key}"
        changes: dict[str, Any] = {}
        details: dict[str, Any] = {}
        if kind == "set":
            changes = {"priority": (seen.priority, self.draw.choice(("low", "high", "urgent", "normal")))}
        elif kind == "assign":
            changes = {"agent": (seen.agent, "Laura Boss")}
        elif kind == "toggle":
            changes = {"status": (seen.status, "in_process")}
            closes = self.now() + timedelta(hours=self.draw.choice((1, 40)))
            details = {
                "through": "completed", "back": "in_process", "cap": 50, "count": 0, "closes": closes.isoformat(),
            }  # fmt: skip
        rule = RuleRef("test", self.draw.choice(_RULES), "rules.yaml", 1)
        return Action(
            id=action_id("demo", number, kind, key, changes), ticket=number, kind=kind, rule=rule, key=key,
            changes=changes, text="Hello" if kind in ("note", "reply", "notify") else None, due=self.now(),
            to=("boss",) if kind == "notify" else (), expected={"status": seen.status}, details=details,
            reaches_customer=kind in _CUSTOMER,
        )  # fmt: skip


def limits_of(draw: random.Random) -> Limits:
    """Limits small enough to be met."""
    return Limits(
        actions=draw.choice((0, 2, 4, None)), per_rule=draw.choice((1, 3, None)),
        customer_facing=draw.choice((0, 1, None)), share=draw.choice((0.2, 0.5, None)), share_from=2, population=None,
        policy_change=None, per_ticket=draw.choice((0, 1, 2, 3)), toggles=draw.choice((0, 1, 3)),
        toggles_per_ticket=draw.choice((1, 2)), toggle_grace=draw.choice((0, 6)),
    )  # fmt: skip


def run(seed: int, steps: int = 14) -> tuple[list[str], Counter[str]]:
    """What a sequence broke (empty: nothing), and how often each step and write came in it."""
    draw = random.Random(seed)
    world = World(*(ticket(number, escalation_type=None, escalated_at=None) for number in range(1, TICKETS + 1)))
    world.account.policy, world.account.limits = _policy(), limits_of(draw)
    one = _Sequence(draw, world)
    world.account.clock = one.now
    world.desk.before_write = one.wrote
    try:
        for _ in range(steps):
            try:
                one.step()
            except Fenced:
                one.steps["fenced"] += 1
        broken = [*_windows(one, world.account.limits), *_plans(one, world.account.limits)]
        return broken, one.steps + Counter(f"wrote {kind}" for _, _, kind in one.written)
    finally:
        world.store.close()


def _windows(one: _Sequence, limits: Limits) -> Iterator[str]:
    by_ticket: dict[str, list[tuple[datetime, str]]] = {}
    for at, number, kind in one.written:
        by_ticket.setdefault(number, []).append((at, kind))
    notices = _notices(one)
    for number, writes in by_ticket.items():
        for place, (at, kind) in enumerate(writes):
            before = [(when, what) for when, what in writes[:place] if timedelta(0) <= at - when < _DAY]
            toggles = sum(what == "toggle" for _, what in before)
            if kind == "toggle":
                if limits.toggles_per_ticket is not None and toggles >= limits.toggles_per_ticket:
                    yield f"ticket {number}: toggle {toggles + 1} in 24 h, allowed {limits.toggles_per_ticket}"
            elif limits.per_ticket is not None and len(before) - notices.get(number, 0) >= limits.per_ticket:
                if kind == "note" and notices.get(number, 0):
                    continue  # the notice itself, which says that the ticket rests
                yield f"ticket {number}: {kind} after {len(before)} writes in 24 h, allowed {limits.per_ticket}"


def _notices(one: _Sequence) -> Counter[str]:
    since = one.world.desk.clock - timedelta(days=4000)
    return Counter(
        intent.action.ticket for intent in one.world.store.intents("demo", since=since) if intent.plan == "guard"
    )


def _plans(one: _Sequence, limits: Limits) -> Iterator[str]:
    """What was sent of each plan that nobody approved."""
    since = one.world.desk.clock - timedelta(days=4000)
    sent: dict[str, list[Action]] = {}
    for intent in one.world.store.intents("demo", since=since):
        if intent.step > 0 and intent.plan not in one.approved and intent.plan != "guard":
            sent.setdefault(intent.plan, []).append(intent.action)
    for digest, actions in sent.items():
        weighed = [action for action in actions if action.kind != "toggle"]
        population = one.plans[digest].population if digest in one.plans else TICKETS
        rules = Counter(action.rule.name for action in weighed)
        mails = sum(action.reaches_customer for action in weighed)
        writing = [action for action in weighed if action.kind not in _NOT_COUNTED]
        share = len({action.ticket for action in writing}) / population
        counted = (
            ("actions", len(weighed), limits.actions),
            ("per_rule", max(rules.values(), default=0), limits.per_rule),
            ("customer_facing", mails, limits.customer_facing),
            ("share", share if len(writing) >= (limits.share_from or 0) else 0, limits.share),
        )
        for name, found, allowed in counted:
            if allowed is not None and found > allowed:
                yield f"plan {digest[:8]}: {name} {found}, allowed {allowed}, and nobody approved it"
        unpressed = Counter(
            action.rule.name for action in actions if action.kind == "toggle" and not _pressing(one, action, limits)
        )
        if limits.toggles is not None and max(unpressed.values(), default=0) > limits.toggles:
            yield f"plan {digest[:8]}: {unpressed} toggles of a rule, allowed {limits.toggles}"


def _pressing(one: _Sequence, action: Action, limits: Limits) -> bool:
    if limits.toggles == 0 or limits.toggle_grace is None:
        return False
    made = next(plan.now for plan in one.plans.values() if any(each.id == action.id for each in plan.actions))
    return datetime.fromisoformat(str(action.details["closes"])) - made < timedelta(hours=limits.toggle_grace)


def main() -> int:
    """Try sequences and say how many; 1 where one broke a limit."""
    parser = argparse.ArgumentParser(description="Sequences of plans against the guard's limits.")
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    seen: Counter[str] = Counter()
    broken = 0
    for seed in range(asked.seed, asked.seed + asked.sequences):
        problems, steps = run(seed)
        seen += steps
        broken += bool(problems)
        for problem in problems:
            print(f"FAILED sequence {seed}: {problem}")
    told = ", ".join(f"{count} {name}" for name, count in sorted(seen.items()))
    print(f"{asked.sequences} sequences, {broken} beyond a limit ({told})")
    return 1 if broken else 0


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sys.exit(main())
