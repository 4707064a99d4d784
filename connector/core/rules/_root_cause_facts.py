"""What a cause rests on beside a condition: a load beyond the peers, a promise or deadline broken, an owing team."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from connector.core.model import EMPTY, Reason
from connector.core.policy import Context, Person
from connector.core.rules._common import fold, iso, reason, unresolved
from connector.core.rules._matrix_events import METRICS, kept_as
from connector.core.tri import Tri


@dataclass(frozen=True, slots=True)
class Load:
    """When an agent counts as overloaded: so many times the median of the peers, and at least so many tickets.

    `peers`: roster keys of the agents to compare with; empty: everybody else who has a ticket.
    """

    times_peers: float
    least: int
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """An answer with its reason; `evidence` goes into the record, `wake_at` is when time alone could change it."""

    tri: Tri
    why: Reason
    evidence: Mapping[str, Any] = field(default=EMPTY)
    wake_at: datetime | None = None


def overloaded(ctx: Context, load: Load, agent: str | None) -> Fact:
    """Whether the agent who had the ticket when it went up has far more open tickets than the peers."""
    if agent is None:
        return Fact(Tri.NO, reason("NOBODY_HAD_IT", "no agent had the ticket when it went up"))
    counted = ctx.duty.load
    if counted is None:
        text = "the open tickets of the agents are not counted here, so whether one has too many can't be told"
        return Fact(Tri.UNKNOWN, reason("LOAD_UNKNOWN", text, agent=agent))
    loads: dict[str, int] = {}
    for name, count in counted.items():
        loads[fold(name)] = loads.get(fold(name), 0) + count
    own = loads.get(fold(agent), 0)
    if load.peers:
        names = [fold(ctx.policy.people[key].name) for key in load.peers]
        others = [loads.get(name, 0) for name in names if name != fold(agent)]
    else:
        others = [count for name, count in loads.items() if name != fold(agent)]
    if not others:
        return Fact(Tri.NO, reason("NO_PEERS", f"there is nobody to compare {agent} with", agent=agent, load=own))
    middle = float(median(others))
    values: dict[str, Any] = {
        "agent": agent, "load": own, "peers": len(others), "median": middle, "times": load.times_peers,
        "least": load.least,
    }  # fmt: skip
    beyond = own >= load.least and own >= load.times_peers * middle
    text = (
        f"{agent} has {own} open tickets and the median of {len(others)} peers is {middle:g}; "
        f"too many are {load.times_peers:g} times as many, and at least {load.least}"
    )
    evidence = {name: values[name] for name in ("agent", "load", "median", "peers")}
    return Fact(Tri.of(beyond), reason("OVERLOADED" if beyond else "LOAD_USUAL", text, **values), evidence)


def promise_broken(ctx: Context) -> Fact:
    """Whether the promise of the situation the ticket is in has passed."""
    if ctx.situation is None:
        doubt = unresolved(ctx.policy, ctx.ticket)
        if doubt is not None:
            return Fact(Tri.UNKNOWN, doubt)
        return Fact(Tri.NO, reason("NOT_IN_SITUATION", "the ticket is in no situation, so nothing was promised"))
    kept = ctx.memory.extra.get(f"promise:{ctx.situation}")
    if not isinstance(kept, Mapping) or kept.get("made") != iso(ctx.situation_since or ctx.now):
        text = f"nothing was promised in situation {ctx.situation}"
        return Fact(Tri.NO, reason("NOTHING_PROMISED", text, situation=ctx.situation))
    due = datetime.fromisoformat(kept["due"])
    if ctx.now < due:
        text = f"what was promised is due at {iso(due)}"
        return Fact(Tri.NO, reason("PROMISE_RUNS", text, due=due, situation=ctx.situation), wake_at=due)
    text = f"what was promised was due at {iso(due)}"
    return Fact(Tri.YES, reason("PROMISE_BROKEN", text, due=due, situation=ctx.situation), {"promise": iso(due)})


def sla_broken(ctx: Context) -> Fact:
    """Whether a deadline of the ticket is broken and still not met."""
    broken = {}
    for metric in METRICS:
        kept = ctx.memory.extra.get(kept_as(metric))
        if isinstance(kept, Mapping) and kept.get("breached") and not kept.get("met"):
            broken[metric] = kept["breached"]
    if not broken:
        return Fact(Tri.NO, reason("NO_BREACH", "no deadline of the ticket is broken"))
    told = ", ".join(f"{metric.replace('_', ' ')} at {at}" for metric, at in broken.items())
    return Fact(Tri.YES, reason("SLA_BROKEN", f"broken: {told}", **broken), {"sla": broken})


def owing_team(ctx: Context, name: str) -> tuple[Fact, Person | None]:
    """The team that a field of the ticket names as the one that owes the answer: a group of the roster."""
    tri, value = ctx.value(name)
    if tri is Tri.UNKNOWN:
        return Fact(tri, reason("TEAM_UNKNOWN", f"{name}, which names the team, is not known", field=name)), None
    if tri is Tri.NO:
        return Fact(tri, reason("NO_TEAM", f"{name} names no team", field=name)), None
    wanted = fold(str(value))
    for person in ctx.policy.people.values():
        if person.kind == "group" and wanted in (fold(person.name), fold(person.key)):
            return _owes(person, name), person
    text = f"{name} says {str(value)!r}, which is no group under `people:`; add it"
    return Fact(Tri.UNKNOWN, reason("TEAM_NOT_LISTED", text, field=name, value=str(value))), None


def _owes(person: Person, name: str) -> Fact:
    why = reason("TEAM_OWES", f"{person.name} owes the answer, by {name}", team=person.key, field=name)
    return Fact(Tri.YES, why, {"team_field": name})
