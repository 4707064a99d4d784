"""Plans as JSON: the contract's keys, the way back, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connector.core.guard import History, Limits, judge
from connector.core.model import Hold, Memory, Rejected, Verdict
from connector.core.plan_json import (
    PlanRefused,
    action_from_json,
    action_to_json,
    dumps,
    loads,
    plan_from_json,
    plan_to_json,
)
from connector.core.tri import Tri
from tests.unit.core.rule_kit import NOW, Says, plan_of, policy, rule, span, ticket

RULES = (
    rule("priority", "threat", line=12, when=Says(), priority="urgent"),
    rule("keepalive", "weekly", follow_up={"after": span("7d")}, note="kept alive"),
    rule("matrix", "ladder", levels=({"after": span("1d"), "assign": "team", "notify": ("boss",)},)),
    rule("priority", "dark", when=Says(Tri.UNKNOWN), priority="low"),
)
STUCK = ticket(
    "1042", escalation_type="stuck", escalated_at=NOW - timedelta(days=8), created_at=NOW - timedelta(days=9),
    autoclose_clock=NOW - timedelta(days=8), status_since=NOW - timedelta(days=8),
)  # fmt: skip
PLAN = plan_of(policy(*RULES), [(STUCK, Memory())], rejected=[Rejected("a.csv:3", None, "no id")])
VERDICT = judge(PLAN, Limits(), History())


def test_the_keys_are_those_of_the_contract():
    """Scripts rely on these names; more keys may stand beside them."""
    body = plan_to_json(PLAN, VERDICT)
    assert set(body) >= {"plan", "policy", "account", "now", "complete", "actions", "verdict", "unknown", "rejected"}
    assert (body["plan"], body["account"], body["complete"]) == (PLAN.digest, "acme", True)
    action = next(each for each in body["actions"] if each["kind"] == "set")
    assert set(action) >= {
        "id", "ticket", "kind", "changes", "text", "to", "due", "rule", "reasons", "expected",
    }  # fmt: skip
    assert action["changes"] == {"priority": ["normal", "urgent"]}
    assert action["rule"] == {"kind": "priority", "name": "threat", "file": "priority.yaml", "line": 12}
    assert (action["text"], action["to"], action["due"]) == (None, None, "2026-03-02T12:00:00+00:00")
    assert set(action["reasons"][0]) == {"code", "text", "values"}
    assert body["verdict"]["go"] is True
    assert body["verdict"]["holds"] == []
    assert body["rejected"] == [{"place": "a.csv:3", "ticket": None, "problem": "no id"}]
    assert [each["rule"]["name"] for each in body["unknown"]] == ["dark"]


def test_a_toggle_shows_the_way_there_and_back():
    """In-process, completed, in-process: an admin must see that the status passes through completed."""
    toggle = plan_to_json(PLAN)["actions"][0]
    assert (toggle["kind"], toggle["changes"]) == ("toggle", {"status": ["in_process", "completed", "in_process"]})


def test_what_is_written_is_read_back_the_same():
    """Plan and verdict survive; written again, the text is the same to the byte."""
    held = Verdict(False, (Hold("actions", 51, 50, "too many"),), ("a",), ("b",))
    for verdict in (VERDICT, held, None):
        text = dumps(PLAN, verdict)
        plan, read = loads(text)
        assert (read, dumps(plan, read)) == (verdict, text)
        assert [dict(each.changes) for each in plan.actions] == [dict(each.changes) for each in PLAN.actions]
        assert (plan.digest, plan.now, plan.unknown[0].rule) == (PLAN.digest, PLAN.now, PLAN.unknown[0].rule)
        assert plan.actions == PLAN.actions
    assert loads(dumps(PLAN).encode()) == loads(dumps(PLAN))


def test_an_action_alone_goes_there_and_back():
    """The journal keeps single actions."""
    for action in PLAN.actions:
        assert action_from_json(json.loads(json.dumps(action_to_json(action)))) == action


def changed(*path: Any, to: Any) -> str:
    body = plan_to_json(PLAN, VERDICT)
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return json.dumps(body)


SET = next(number for number, each in enumerate(PLAN.actions) if each.kind == "set")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("actions", SET, "changes", "priority"), ["normal", "low"]),
        (("actions", SET, "ticket"), "1043"),
        (("actions", SET, "key"), "other"),
        (("actions", SET, "expected", "updated_at"), "2026-01-01T00:00:00+00:00"),
        (("actions", SET, "reasons"), []),
        (("actions", SET, "due"), None),
        (("actions", 0, "changes", "status"), ["in_process", "closed", "in_process"]),
        (("actions", 0, "details", "cap"), 800),
        (("actions",), []),
        (("account",), "other"),
        (("policy",), "0" * 64),
        (("now",), "2027-01-01T00:00:00+00:00"),
        (("complete",), False),
        (("population",), 1),
        (("verdict", "go"), False),
        (("unknown",), []),
    ],
)
def test_a_changed_file_is_refused(path, value):
    """Whatever was changed by hand after the plan was made, the plan is not used."""
    with pytest.raises(PlanRefused, match="can't be used"):
        loads(changed(*path, to=value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("actions",), {}),
        (("actions", 0), 7),
        (("actions", SET, "kind"), "delete"),
        (("actions", SET, "changes", "priority"), ["normal"]),
        (("actions", SET, "to"), "boss"),
        (("actions", SET, "to"), [1]),
        (("actions", SET, "due"), "2026-03-02T12:00:00"),
        (("actions", SET, "due"), "yesterday"),
        (("actions", SET, "rule", "line"), -1),
        (("actions", SET, "rule", "line"), True),
        (("actions", SET, "extra"), 1),
        (("actions", SET, "text"), "x" * 300_000),
        (("complete",), "yes"),
        (("verdict", "holds"), [{"limit": "x"}]),
        (("verdict",), []),
        (("population",), 1.5),
        (("actions", SET, "reasons", 0, "values"), {"x": float("inf")}),
        (
            ("actions", SET, "details"),
            {"x": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
        ),
        (("surprise",), 1),
        (("unknown",), [None]),
    ],
)
def test_values_of_a_wrong_type_are_refused_by_name(path, value):
    """The message says where; no other exception comes out."""
    with pytest.raises(PlanRefused):
        loads(changed(*path, to=value))


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{", '{"plan": 1, "plan": 2}', "[" * 100_000, '{"now": NaN}', b"\xff\xfe", "1e400",
        "{}",
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(text):
    """No text whatever makes reading fail in another way."""
    with pytest.raises(PlanRefused):
        loads(text)


def test_a_missing_key_is_named():
    """A truncated or foreign file says what it lacks."""
    body = plan_to_json(PLAN, VERDICT)
    del body["account"], body["now"]
    with pytest.raises(PlanRefused, match="account, now"):
        plan_from_json(body)


def test_an_action_that_stands_twice_is_refused():
    """One plan does a thing once."""
    body = plan_to_json(PLAN, VERDICT)
    body["actions"].append(body["actions"][0])
    with pytest.raises(PlanRefused, match="twice"):
        plan_from_json(body)
