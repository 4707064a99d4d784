"""How many tickets a second are decided, on one core: beside plain `re` with closures, and beside zen-engine.

    python -m bench.decide [--tickets 100000] [--sample 2000] [--rounds 5] [--seed 1]
        [--mix mixed] [--json]

Seconds are CPU seconds of this process. Every round times every engine, one after the other; figures are medians of the
rounds, ratios are medians of the ratios within a round. What each engine does and does not do stands in README.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import operator
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench import centre
from connector.core.evaluate import evaluate, remember
from connector.core.model import Call, Memory, Ticket
from connector.core.policy import Policy
from connector.core.text import PhraseIndex

#: What one engine says of a ticket: the names of the rules whose condition holds, or anything else it produces.
Engine = Callable[[Ticket], Any]
_NOTHING = Memory()
_CLOCKS = {"age": "created_at", "in_status": "status_since", "since_customer_reply": "customer_responded_at"}
_FINISHED = ("completed", "closed")


# --- escalera -------------------------------------------------------------------------------------------------------
def escalera(policy: Policy, memories: Mapping[str, Memory], *, brief: bool) -> Engine:
    """Decisions with their wants and reasons, situations, and the instant at which to look again."""
    return lambda ticket: evaluate(policy, ticket, memories[ticket.id], centre.NOW, brief=brief)


def remembered(policy: Policy, tickets: Sequence[Ticket]) -> dict[str, Memory]:
    """What the cycle before left of each ticket: promises, pauses, the situation. Nothing was carried out by it."""
    before = centre.NOW - centre.CYCLE
    return {
        ticket.id: remember(_NOTHING, evaluate(policy, ticket, _NOTHING, before, brief=True), before)
        for ticket in tickets
    }


# --- peers ----------------------------------------------------------------------------------------------------------
def facts(ticket: Ticket) -> dict[str, Any]:
    """A ticket as plain values, its clocks in hours; a clock that never started stands at -1."""
    found: dict[str, Any] = {
        "status": ticket.status,
        "channel": ticket.channel,
        "priority": ticket.priority,
        "group": ticket.group,
        "tags": list(ticket.tags),
        "situation": (ticket.escalation_type or "").replace(" ", "-"),
    }
    for clock, field in _CLOCKS.items():
        at = getattr(ticket, field)
        found[clock] = -1 if at is None else (centre.NOW - at).total_seconds() / 3600
    return found


_Test = Callable[[Mapping[str, Any]], bool]


def _among(field: str, wanted: frozenset[str]) -> _Test:
    return lambda of: of[field] in wanted


def _equals(field: str, wanted: str) -> _Test:
    return lambda of: bool(of[field] == wanted)


def _holds(field: str, wanted: str) -> _Test:
    return lambda of: wanted in of[field]


def _reaches(field: str, least: int) -> _Test:
    return lambda of: bool(of[field] >= least)


def _tests(rule: centre.Rule) -> Iterator[_Test]:
    for field, wanted in (("status", rule.statuses), ("channel", rule.channels), ("priority", rule.priorities)):
        if wanted is not None:
            yield _among(field, frozenset(wanted))
    for field, one in (("group", rule.group), ("situation", rule.situation)):
        if one is not None:
            yield _equals(field, one)
    if rule.tag is not None:
        yield _holds("tags", rule.tag)
    if rule.hours is not None:
        yield _reaches(rule.clock, rule.hours)
    if rule.phrases is not None:
        yield _holds("lists", rule.phrases)


def closures(mix: str) -> Callable[[Mapping[str, Any]], list[str]]:
    """The rules' conditions as closures: which hold. No situations detected, no deadlines, no reasons."""
    compiled = [(rule.name, tuple(_tests(rule))) for rule in centre.rules(mix)]

    def holding(of: Mapping[str, Any]) -> list[str]:
        if of["status"] in _FINISHED:
            return []
        return [name for name, tests in compiled if all(test(of) for test in tests)]

    return holding


def plain_re(seed: int, mix: str) -> Engine:
    """One alternation of all phrases, case-insensitive on word edges; accents and negation are not looked at."""
    lists: dict[str, str] = {}
    for name, phrases in centre.phrase_lists(seed).items():
        lists.update(dict.fromkeys((phrase.lower() for phrase in phrases), name))
    longest = sorted(lists, key=lambda phrase: (-len(phrase), phrase))
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest))})\b", re.IGNORECASE)
    holding = closures(mix)

    def decide(ticket: Ticket) -> list[str]:
        of = facts(ticket)
        of["lists"] = {lists[found.lower()] for found in pattern.findall(f"{ticket.subject}\n{ticket.body}")}
        return holding(of)

    return decide


def _matched(index: PhraseIndex, ticket: Ticket) -> list[str]:
    return sorted(index.affirmed(ticket.subject or "") | index.affirmed(ticket.body or ""))


def matcher_and_closures(seed: int, mix: str) -> Engine:
    """The same closures behind Escalera's phrase matcher."""
    index, holding = PhraseIndex(centre.phrase_lists(seed)), closures(mix)

    def decide(ticket: Ticket) -> list[str]:
        of = facts(ticket)
        of["lists"] = _matched(index, ticket)
        return holding(of)

    return decide


def zen_table(seed: int, mix: str) -> Engine:
    """zen-engine: one decision table, a row a rule, all that match, behind Escalera's phrase matcher."""
    columns = ("lists", "status", "channel", "priority", "group", "tags", "situation", *_CLOCKS)
    rows = []
    for number, rule in enumerate(centre.rules(mix)):
        cells = {
            "lists": rule.phrases and f'"{rule.phrases}" in $',
            "status": rule.statuses and ", ".join(f'"{one}"' for one in rule.statuses),
            "channel": rule.channels and ", ".join(f'"{one}"' for one in rule.channels),
            "priority": rule.priorities and ", ".join(f'"{one}"' for one in rule.priorities),
            "group": rule.group and f'"{rule.group}"',
            "tags": rule.tag and f'"{rule.tag}" in $',
            "situation": rule.situation and f'"{rule.situation}"',
            rule.clock: None if rule.hours is None else f">= {rule.hours}",
        }
        rows.append({"_id": str(number), **{name: cells.get(name) or "" for name in columns}, "rule": f'"{rule.name}"'})
    content = {
        "hitPolicy": "collect",
        "inputs": [{"id": name, "name": name, "field": name, "type": "expression"} for name in columns],
        "outputs": [{"id": "rule", "name": "rule", "field": "rule", "type": "expression"}],
        "rules": rows,
    }
    decide = _zen("decisionTableNode", content, seed)
    return lambda ticket: [row["rule"] for row in decide(ticket)]


def zen_expressions(seed: int, mix: str) -> Engine:
    """zen-engine: fifty expressions in one node, its fastest form, behind Escalera's phrase matcher."""
    names = [rule.name for rule in centre.rules(mix)]
    expressions = [
        {"id": str(number), "key": f"r{number}", "value": " and ".join(_expressed(rule)) or "true"}
        for number, rule in enumerate(centre.rules(mix))
    ]
    decide = _zen("expressionNode", {"expressions": expressions}, seed)

    def holding(ticket: Ticket) -> list[str]:
        found = decide(ticket)
        return [names[int(key[1:])] for key, held in found.items() if held] if found else []

    return holding


def _expressed(rule: centre.Rule) -> Iterator[str]:
    for field, wanted in (("status", rule.statuses), ("channel", rule.channels), ("priority", rule.priorities)):
        if wanted is not None:
            yield f"{field} in [{', '.join(json.dumps(one) for one in wanted)}]"
    if rule.group is not None:
        yield f"group == {json.dumps(rule.group)}"
    if rule.tag is not None:
        yield f"{json.dumps(rule.tag)} in tags"
    if rule.situation is not None:
        yield f"situation == {json.dumps(rule.situation)}"
    if rule.hours is not None:
        yield f"{rule.clock} >= {rule.hours}"
    if rule.phrases is not None:
        yield f"{json.dumps(rule.phrases)} in lists"


def _zen(kind: str, content: Mapping[str, Any], seed: int) -> Callable[[Ticket], Any]:
    import zen

    place = {"x": 0, "y": 0}
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode", "position": place},
        {"id": "rules", "name": "rules", "type": kind, "position": place, "content": content},
        {"id": "out", "name": "out", "type": "outputNode", "position": place},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "rules"},
        {"id": "2", "type": "edge", "sourceId": "rules", "targetId": "out"},
    ]
    graph = {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}
    decision = zen.ZenEngine().create_decision(json.dumps(graph))
    index = PhraseIndex(centre.phrase_lists(seed))

    def decide(ticket: Ticket) -> Any:
        if ticket.status in _FINISHED:
            return []
        of = facts(ticket)
        of["lists"] = _matched(index, ticket)
        return decision.evaluate(of)["result"]

    return decide


# --- measuring ------------------------------------------------------------------------------------------------------
def _rate(engine: Engine, tickets: Sequence[Ticket]) -> float:
    gc.collect()
    begin = time.process_time()
    for ticket in tickets:
        engine(ticket)
    return len(tickets) / max(time.process_time() - begin, 1e-9)


def _differing(engine: Engine, judge: Engine, tickets: Sequence[Ticket]) -> int:
    return sum(sorted(engine(ticket)) != sorted(judge(ticket)) for ticket in tickets)


def measure(count: int, sample: int, rounds: int, seed: int, mix: str) -> dict[str, Any]:
    """All figures of one run. `sample`: tickets the slow engines are timed on."""
    policy = centre.policy(seed, mix)
    tickets = list(centre.tickets(count, seed))
    memories = remembered(policy, tickets)
    gc.freeze()  # the tickets are no engine's garbage: nobody pays for looking through them
    some = tickets[:sample]
    engines: dict[str, tuple[Engine, Sequence[Ticket]]] = {
        "escalera": (escalera(policy, memories, brief=True), tickets),
        "escalera, every no explained": (escalera(policy, memories, brief=False), some),
        "same matcher + closures": (matcher_and_closures(seed, mix), tickets),
        "re alternation + closures": (plain_re(seed, mix), some),
    }
    try:
        engines["same matcher + zen-engine table"] = (zen_table(seed, mix), some)
        engines["same matcher + zen-engine expressions"] = (zen_expressions(seed, mix), some)
    except ImportError:
        pass  # the table then says that the peer is not installed
    judge = matcher_and_closures(seed, mix)
    wrong = {
        name: _differing(engine, judge, some)
        for name, (engine, _) in engines.items()
        if not name.startswith("escalera")
    }
    evaluated = [engines["escalera"][0](ticket) for ticket in some]
    acting = sum(any(one.call is Call.ACT for one in each.decisions) for each in evaluated)
    for engine, timed in engines.values():
        _rate(engine, timed[: max(1, sample // 10)])
    runs = [{name: _rate(engine, timed) for name, (engine, timed) in engines.items()} for _ in range(rounds)]
    gc.unfreeze()
    return {
        "python": platform.python_version(),
        "mix": mix,
        "tickets": count,
        "sample": len(some),
        "rounds": rounds,
        "rules": len([rule for rule in policy.rules if rule.ref.kind != "situation"]),
        "phrases": centre.PHRASES,
        "characters": round(statistics.mean(len(ticket.body or "") for ticket in some)),
        "finished_share": round(sum(ticket.status in _FINISHED for ticket in some) / len(some), 3),
        "acting_share": round(acting / len(some), 3),
        "waking_share": round(sum(each.wake_at is not None for each in evaluated) / len(some), 3),
        "zen_installed": "same matcher + zen-engine table" in engines,
        "engines": {
            name: {
                "per_second": round(statistics.median(run[name] for run in runs)),
                "escalera_ratio": round(statistics.median(run["escalera"] / run[name] for run in runs), 2),
                "differing": wrong.get(name),
            }
            for name in engines
        },
    }


def table(found: Mapping[str, Any]) -> str:
    """The figures for people."""
    size = f"{found['tickets']} tickets of {found['characters']} characters, {found['rules']} rules ({found['mix']})"
    happens = f"{found['finished_share']:.0%} finished, {found['acting_share']:.0%} act"
    lines = [
        f"{size}, {found['phrases']} phrases; {happens}, {found['waking_share']:.0%} wake",
        f"medians of {found['rounds']} rounds, one core",
        "",
        f"{'engine':40}{'tickets/s':>12}{'escalera is':>14}{'answers that differ':>22}",
    ]
    ordered = sorted(
        found["engines"].items(), key=lambda each: operator.itemgetter("per_second")(each[1]), reverse=True
    )
    for name, each in ordered:
        differing = "" if each["differing"] is None else f"{each['differing']} of {found['sample']}"
        lines.append(f"{name:40}{each['per_second']:>12,}{each['escalera_ratio']:>13.2f}x{differing:>22}")
    if not found["zen_installed"]:
        lines.append("zen-engine is not installed: pip install -r bench/requirements.txt")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.decide", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mix", choices=centre.MIXES, default=centre.MIXES[0])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    found = measure(given.tickets, given.sample, given.rounds, given.seed, given.mix)
    print(json.dumps(found, indent=1) if given.json else table(found))


if __name__ == "__main__":
    main()
