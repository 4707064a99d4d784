"""Plans, actions and verdicts as JSON and back: the contract of `plan --format json`, and the form they are saved in.

Reading back is strict: a saved plan comes from a file that anyone may have changed, so sizes, types and names are
checked, and both the digest (what would be done) and the checksum (everything else) must fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from connector.core._plan_reading import PlanRefused, Reading, refused
from connector.core.model import ACTION_KINDS, Action, Hold, Plan, Reason, Rejected, RuleRef, Unsure, Verdict
from connector.core.planning import action_id, canonical, digest_of, plain
from connector.core.rules._common import iso

__all__ = [
    "PlanRefused", "action_from_json", "action_to_json", "dumps", "loads", "plan_from_json", "plan_to_json",
    "verdict_from_json", "verdict_to_json",
]  # fmt: skip

#: Largest saved plan that is read, in characters.
MAX_SIZE = 64 * 1024 * 1024


# --- writing --------------------------------------------------------------------------------------------------------
def plan_to_json(plan: Plan, verdict: Verdict | None = None) -> dict[str, Any]:
    """The plan as the contract has it, JSON-ready; without a verdict, `verdict` is null."""
    body: dict[str, Any] = {
        "plan": plan.digest,
        "policy": plan.policy,
        "account": plan.account,
        "now": iso(plan.now),
        "complete": plan.complete,
        "population": plan.population,
        "actions": [action_to_json(action) for action in plan.actions],
        "verdict": None if verdict is None else verdict_to_json(verdict),
        "unknown": [
            {"ticket": each.ticket, "rule": _rule_out(each.rule), "reasons": _reasons_out(each.reasons)}
            for each in plan.unknown
        ],
        "rejected": [{"place": one.place, "ticket": one.ticket, "problem": one.problem} for one in plan.rejected],
    }
    return {**body, "checksum": _checksum(body)}


def action_to_json(action: Action) -> dict[str, Any]:
    """One action as the contract has it; a toggle's change is shown as the way there and back."""
    changes = {field: [plain(old), plain(new)] for field, (old, new) in action.changes.items()}
    if action.kind == "toggle" and "through" in action.details:
        old, new = action.changes["status"]
        changes["status"] = [old, action.details["through"], new]
    return {
        "id": action.id,
        "ticket": action.ticket,
        "kind": action.kind,
        "changes": changes,
        "text": action.text,
        "to": list(action.to) or None,
        "due": None if action.due is None else iso(action.due),
        "rule": _rule_out(action.rule),
        "reasons": _reasons_out(action.reasons),
        "expected": plain(action.expected),
        "key": action.key,
        "reaches_customer": action.reaches_customer,
        "details": plain(action.details),
    }


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """The guard's word as the contract has it."""
    holds = [
        {"limit": each.limit, "found": each.found, "allowed": each.allowed, "text": each.text}
        for each in verdict.holds
    ]  # fmt: skip
    return {"go": verdict.go, "holds": holds, "deferred": list(verdict.deferred), "exempt": list(verdict.exempt)}


def dumps(plan: Plan, verdict: Verdict | None = None) -> str:
    """The plan as one JSON text, readable by people."""
    return json.dumps(plan_to_json(plan, verdict), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _rule_out(rule: RuleRef) -> dict[str, Any]:
    return {"kind": rule.kind, "name": rule.name, "file": rule.file, "line": rule.line}


def _reasons_out(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [{"code": each.code, "text": each.text, "values": plain(each.values)} for each in reasons]


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(body).encode("utf-8", "surrogatepass")).hexdigest()


# --- reading --------------------------------------------------------------------------------------------------------
def loads(text: str | bytes) -> tuple[Plan, Verdict | None]:
    """A saved plan and its verdict. Raises PlanRefused for anything but what `dumps` writes."""
    if len(text) > MAX_SIZE:
        msg = f"the plan can't be used: it has {len(text)} characters, at most {MAX_SIZE} are read"
        raise PlanRefused(msg)
    try:
        whole = text if isinstance(text, str) else text.decode("utf-8")
        body = json.loads(whole, object_pairs_hook=_once, parse_constant=_no_number)
    except PlanRefused:
        raise
    except (ValueError, RecursionError) as error:
        msg = f"the plan can't be used: it is no JSON ({str(error)[:120]}); make a new one"
        raise PlanRefused(msg) from None
    plan = plan_from_json(body)
    return plan, None if body["verdict"] is None else verdict_from_json(body["verdict"])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "the plan can't be used: a key stands twice in one object; make a new one"
        raise PlanRefused(msg)
    return found


def _no_number(name: str) -> NoReturn:
    msg = f"the plan can't be used: {name} is no number; make a new one"
    raise PlanRefused(msg)


def plan_from_json(body: Any) -> Plan:
    """The plan of a `plan_to_json`. Raises PlanRefused where anything was changed since, or is of a wrong type."""
    names = ("plan", "policy", "account", "now", "complete", "actions", "verdict", "unknown", "rejected")
    reading = Reading(body, "", (*names, "population", "checksum"))
    account, policy = reading.text("account"), reading.text("policy")
    plan = Plan(
        digest=reading.text("plan"),
        policy=policy,
        account=account,
        now=reading.instant("now"),
        complete=reading.flag("complete"),
        actions=tuple(_action_in(value, place) for value, place in reading.items("actions")),
        unknown=tuple(_unsure_in(value, place) for value, place in reading.items("unknown")),
        rejected=tuple(_rejected_in(value, place) for value, place in reading.items("rejected")),
        population=reading.count("population"),
    )
    if body["verdict"] is not None:
        verdict_from_json(body["verdict"])
    _check_sums(plan, body, reading.text("checksum"))
    return plan


def _check_sums(plan: Plan, body: Mapping[str, Any], checksum: str) -> None:
    changed = "it was changed after it was made; make a new one"
    ids: set[str] = set()
    for action in plan.actions:
        if action.id != action_id(plan.account, action.ticket, action.kind, action.key, action.changes):
            msg = f"the plan can't be used: the id of action {action.id[:16]} does not fit what it does: {changed}"
            raise PlanRefused(msg)
        if action.id in ids:
            msg = f"the plan can't be used: action {action.id[:16]} stands twice: {changed}"
            raise PlanRefused(msg)
        ids.add(action.id)
    if plan.digest != digest_of(plan.account, plan.policy, plan.actions):
        msg = f"the plan can't be used: its digest does not fit its actions: {changed}"
        raise PlanRefused(msg)
    if checksum != _checksum({name: value for name, value in body.items() if name != "checksum"}):
        msg = f"the plan can't be used: its checksum does not fit: {changed}"
        raise PlanRefused(msg)


def action_from_json(body: Any) -> Action:
    """The action of an `action_to_json`. Raises PlanRefused."""
    return _action_in(body, "action")


def _action_in(body: Any, place: str) -> Action:
    reading = Reading(
        body,
        place,
        ("id", "ticket", "kind", "changes", "text", "to", "due", "rule", "reasons", "expected", "key"),
        ("reaches_customer", "details"),
    )
    kind = reading.word("kind", ACTION_KINDS)
    details = reading.mapping("details") if reading.raw("details") is not None else {}
    changes = reading.mapping("changes")
    return Action(
        id=reading.text("id"),
        ticket=reading.text("ticket"),
        kind=kind,
        rule=_rule_in(reading.raw("rule"), f"{place}.rule"),
        key=reading.text("key"),
        changes={name: _change_in(name, value, kind, details, place) for name, value in changes.items()},
        text=reading.text_or_none("text"),
        to=() if reading.raw("to") is None else reading.texts("to"),
        due=reading.instant_or_none("due"),
        reasons=_reasons_in(reading),
        expected=reading.mapping("expected"),
        reaches_customer=reading.raw("reaches_customer") is not None and reading.flag("reaches_customer"),
        details=details,
    )


def _change_in(name: str, value: Any, kind: str, details: Mapping[str, Any], place: str) -> tuple[Any, Any]:
    toggles = kind == "toggle" and name == "status" and "through" in details
    if not isinstance(value, list | tuple) or len(value) != (3 if toggles else 2):
        where = f"{place}.changes.{name[:40]}"
        raise refused(where, "is no change from an old to a new value")
    if toggles and value[1] != details["through"]:
        raise refused(place, "passes through another status than its details say")
    return value[0], value[-1]


def _rule_in(body: Any, place: str) -> RuleRef:
    reading = Reading(body, place, ("kind", "name", "file", "line"))
    return RuleRef(reading.text("kind"), reading.text("name"), reading.text("file"), reading.count("line"))


def _reasons_in(reading: Reading) -> tuple[Reason, ...]:
    found = []
    for value, place in reading.items("reasons"):
        each = Reading(value, place, ("code", "text", "values"))
        found.append(Reason(each.text("code"), each.text("text"), each.mapping("values")))
    return tuple(found)


def _unsure_in(body: Any, place: str) -> Unsure:
    reading = Reading(body, place, ("ticket", "rule", "reasons"))
    return Unsure(reading.text("ticket"), _rule_in(reading.raw("rule"), f"{place}.rule"), _reasons_in(reading))


def _rejected_in(body: Any, place: str) -> Rejected:
    reading = Reading(body, place, ("place", "ticket", "problem"))
    return Rejected(reading.text("place"), reading.text_or_none("ticket"), reading.text("problem"))


def verdict_from_json(body: Any) -> Verdict:
    """The verdict of a `verdict_to_json`. Raises PlanRefused."""
    reading = Reading(body, "verdict", ("go", "holds"), ("deferred", "exempt"))
    holds = []
    for value, place in reading.items("holds"):
        each = Reading(value, place, ("limit", "found", "allowed", "text"))
        holds.append(Hold(each.text("limit"), each.number("found"), each.number("allowed"), each.text("text")))
    deferred = reading.texts("deferred") if reading.raw("deferred") is not None else ()
    exempt = reading.texts("exempt") if reading.raw("exempt") is not None else ()
    return Verdict(reading.flag("go"), tuple(holds), deferred, exempt)
