"""Runs the cases of a pack with the very evaluation and planning the daemon uses, and says what came instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.cases import Case, Partial
from connector.core.evaluate import evaluate
from connector.core.model import Action, Evaluation, Plan, Reason, RuleRef
from connector.core.plan_json import action_to_json
from connector.core.planning import make_plan
from connector.core.policy import Beside, Policy, Reply
from connector.core.records import CAUSE
from connector.core.rules.vocabulary import VocabularyRule

_DETECTED = {"SITUATION_SUGGESTED": "suggest", "SITUATION_DETECTED": "enter"}


@dataclass(frozen=True, slots=True)
class Came:
    """Something that came of a case: a planned action, or what a situation's `detect:` did."""

    kind: str
    rule: RuleRef
    reasons: tuple[Reason, ...]
    action: Action | None = None

    def words(self) -> str:
        """It in one line, for a failure's report."""
        place = f"{self.rule.kind} '{self.rule.name}' ({self.rule.file}:{self.rule.line})"
        if self.action is None:
            return f"{self.kind} by {place}"
        changes = action_to_json(self.action)["changes"]
        told = "; ".join(f"{name}: {' -> '.join(str(v) for v in values)}" for name, values in changes.items())
        to = f" to {', '.join(self.action.to)}" if self.action.to else ""
        due = f", due {self.action.due.isoformat()}" if self.action.due else ""
        return f"{self.kind}{to} {told}".rstrip() + f" by {place}{due}"


@dataclass(frozen=True, slots=True)
class Result:
    """One case run: `failures` are sentences (none: it passed); `came` is everything that came."""

    case: Case
    failures: tuple[str, ...]
    came: tuple[Came, ...]
    fired: frozenset[tuple[str, str]]
    still: frozenset[str]


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A rule without a case in which it acts, or without one in which it is said not to."""

    rule: RuleRef
    fires: bool
    holds_still: bool

    def words(self) -> str:
        """What is missing."""
        lacks = [
            *([] if self.fires else ["in which it acts (`expect`)"]),
            *([] if self.holds_still else ["in which it does not (`never`, with `rule:`)"]),
        ]
        rule = self.rule
        return f"{rule.file}:{rule.line}  {rule.kind} '{rule.name}': no case {', nor one '.join(lacks)}"


def run_case(policy: Policy, case: Case) -> Result:
    """Evaluate and plan the one ticket, and compare. Nothing is raised for a failure."""
    reply = None if case.reply is None else Reply(case.reply, case.ticket.agent_responded_at)
    beside = Beside(case.related, reply=reply)
    evaluation = evaluate(policy, case.ticket, case.memory, case.now, case.duty, beside=beside)
    plan = make_plan(
        policy, "case", [evaluation], {case.ticket.id: case.memory}, case.now, complete=True, rejected=(),
        population=1,
    )  # fmt: skip
    came = tuple(_came(plan, evaluation))
    failures: list[str] = []
    left = list(came)
    fired: set[tuple[str, str]] = set()
    for partial in _strictest_first(case.expect):
        match = next((one for one in left if _fits(partial, one)), None)
        if match is None:
            failures.append(f"line {partial.line}: nothing came that fits {_shown(partial)}")
        else:
            left.remove(match)
            fired.add((match.rule.kind, match.rule.name))
    for partial in case.never:
        failures += [f"line {partial.line}: {one.words()} must not come" for one in came if _fits(partial, one)]
    if case.only:
        failures += [f"`only`: {one.words()} came too" for one in left if one.action is not None]
    for partial in case.unknown:
        if not any(_unsure_fits(partial, unsure.rule, unsure.reasons) for unsure in plan.unknown):
            failures.append(f"line {partial.line}: no rule was unable to tell as {_shown(partial)} says")
    if case.situation is not None and (evaluation.situation or "none") != case.situation:
        failures.append(f"the situation is {evaluation.situation or 'none'}, not {case.situation}")
    still = frozenset(one.rule for one in case.never if one.rule is not None)
    return Result(case, tuple(failures), came, frozenset(fired), still)


def uncovered(policy: Policy, results: Sequence[Result]) -> list[Uncovered]:
    """Every rule (of situations: those with a `detect:`) that lacks a firing or a non-firing case."""
    fired = {rule for result in results for rule in result.fired}
    still = {name for result in results for name in result.still}
    found = []
    for rule in policy.rules:
        ref = rule.ref
        if isinstance(rule, VocabularyRule) and rule.note is None:
            continue  # it is about the pack's own texts, and acts on no ticket
        if ref.kind == "situation" and not any(True for _ in rule.conditions()):
            continue
        one = Uncovered(ref, (ref.kind, ref.name) in fired, ref.name in still)
        if not (one.fires and one.holds_still):
            found.append(one)
    return found


def _came(plan: Plan, evaluation: Evaluation) -> Iterator[Came]:
    for action in plan.actions:
        yield Came(action.kind, action.rule, action.reasons, action)
    for decision in evaluation.decisions:
        kinds = {_DETECTED[one.code] for one in decision.reasons if one.code in _DETECTED}
        for kind in sorted(kinds):
            yield Came(kind, decision.rule, decision.reasons)


def _strictest_first(partials: Iterable[Partial]) -> list[Partial]:
    """Those that say most choose first, so that a loose one does not take what a strict one needs."""
    return sorted(partials, key=lambda one: -len(one.given))


def _fits(partial: Partial, came: Came) -> bool:
    given, action = partial.given, came.action
    if "kind" in given and given["kind"] != came.kind:
        return False
    if "kind" not in given and action is None and set(given) - {"rule", "reason"}:
        return False
    if "rule" in given and given["rule"] != came.rule.name:
        return False
    if "reason" in given and given["reason"] not in {one.code for one in came.reasons}:
        return False
    return action is None or _action_fits(given, action)


def _action_fits(given: Any, action: Action) -> bool:
    shown = action_to_json(action)["changes"]
    for field, wanted in given.get("changes", {}).items():
        values = shown.get(field)
        if values is None or (list(wanted) != values if len(wanted) > 1 else wanted[0] != values[-1]):
            return False
    if "to" in given and set(given["to"]) != set(action.to):
        return False
    if "due" in given and given["due"] != action.due:
        return False
    if "cause" in given and given["cause"] != (action.details.get(CAUSE) or {}).get("cause"):
        return False
    return "text" not in given or given["text"] in (action.text or "")


def _unsure_fits(partial: Partial, rule: RuleRef, reasons: Sequence[Reason]) -> bool:
    given = partial.given
    if "rule" in given and given["rule"] != rule.name:
        return False
    return "reason" not in given or given["reason"] in {one.code for one in reasons}


def _shown(partial: Partial) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in partial.given.items())


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, tuple):
        return " -> ".join(str(one) for one in value)
    return f"'{value}'" if isinstance(value, str) and " " in value else str(value)
