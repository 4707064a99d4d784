"""Hand-made conditions, policies and tickets for the tests of rules, planning and guard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.evaluate import evaluate
from connector.core.model import Action, Call, Decision, Memory, Plan, Reason, RuleRef, Ticket
from connector.core.planning import action_id, digest_of, make_plan
from connector.core.policy import Condition, Context, Person, Policy, Rule, Situation, Span, Told, Unfillable
from connector.core.rules import kinds
from connector.core.tri import Tri
from connector.core.worktime import WorkCalendar

#: A Monday.
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OFFICE = WorkCalendar("UTC", {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")})


@dataclass(frozen=True, slots=True)
class Says:
    """A condition with a fixed answer."""

    tri: Tri = Tri.YES
    code: str = "SAID"
    wake_at: datetime | None = None

    def test(self, ctx: Context) -> Tri:
        return self.tri

    def tell(self, ctx: Context) -> Told:
        return Told(self.tri, Reason(self.code, f"it is {self.tri.value}"))

    def wake(self, ctx: Context) -> datetime | None:
        return self.wake_at

    def phrases(self) -> Iterator[tuple[str, Sequence[str]]]:
        return iter(())


@dataclass(frozen=True, slots=True)
class SubjectHas:
    """A condition on the subject."""

    word: str

    def test(self, ctx: Context) -> Tri:
        tri, subject = ctx.value("subject")
        return tri if tri is not Tri.YES else Tri.of(self.word in subject)

    def tell(self, ctx: Context) -> Told:
        return Told(self.test(ctx), Reason("SUBJECT", f"subject has {self.word}", {"word": self.word}))

    def wake(self, ctx: Context) -> datetime | None:
        return None

    def phrases(self) -> Iterator[tuple[str, Sequence[str]]]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Template:
    """A text with one value, `{due}` for instance."""

    name: str
    text: str

    def render(self, values: Mapping[str, Any]) -> str:
        try:
            return self.text.format(**values)
        except KeyError as missing:
            msg = f"no value for {missing}"
            raise Unfillable(msg) from None


def span(text: str) -> Span:
    """`14d`, `12h`, `5bd` (business days), `8bh` (business hours)."""
    if text.endswith("bd"):
        return Span(int(text[:-2]), "business_days", text)
    if text.endswith("bh"):
        return Span(int(text[:-2]) * 3600, "business_seconds", text)
    return Span(int(text[:-1]) * {"d": 86_400, "h": 3600, "m": 60}[text[-1]], "elapsed", text)


def rule(kind: str, name: str = "r", line: int = 1, **values: Any) -> Rule:
    """A rule of a kind as the loader builds it."""
    return kinds()[kind].build(RuleRef(kind, name, f"{kind}.yaml", line), values)


def situation(name: str, detect: Condition | None = None, *, suggest: bool = True, title: str = "") -> Situation:
    return Situation(name, RuleRef("situation", name, "situations.yaml", 1), title or name, detect, suggest)


PEOPLE = {
    "boss": Person("boss", "agent", "Laura Núñez", "laura@example.com", {"freshdesk": "9001"}),
    "team": Person("team", "group", "Supervisión"),
    "office": Person("office", "address", "Office", "office@example.com"),
}


def policy(*rules: Rule, situations: Sequence[Situation] = (situation("stuck"),), **more: Any) -> Policy:
    return Policy(
        name="test",
        digest="d" * 64,
        rules=rules,
        situations={each.id: each for each in situations},
        calendars={"default": OFFICE},
        people=PEOPLE,
        **more,
    )


def ticket(number: int | str = 1, **values: Any) -> Ticket:
    given = {"status": "in_process", "priority": "normal", "updated_at": NOW - timedelta(hours=5), **values}
    return Ticket(str(number), **given)


def answer_of(one: Rule, of: Ticket, memory: Memory | None = None, now: datetime = NOW, **more: Any) -> Decision:
    """What one rule says of a ticket, asked the way the daemon asks it."""
    evaluation = evaluate(policy(one, **more), of, memory or Memory(), now)
    return next(each for each in evaluation.decisions if each.rule == one.ref)


def codes(decision: Decision | Action) -> list[str]:
    return [each.code for each in decision.reasons]


def plan_of(one: Policy, pairs: Sequence[tuple[Ticket, Memory]], now: datetime = NOW, **more: Any) -> Plan:
    evaluations = [evaluate(one, each, memory, now) for each, memory in pairs]
    memories = {each.id: memory for each, memory in pairs}
    given = {"complete": True, "rejected": (), "population": 1000, **more}
    return make_plan(one, "acme", evaluations, memories, now, **given)


def action(
    number: int | str = 1, kind: str = "set", rule_name: str = "r", key: str | None = None, **values: Any
) -> Action:
    """A planned action, as far as the guard looks at it."""
    key = key or f"{kind}:{rule_name}:{number}"
    changes = values.pop("changes", {"priority": ("low", "high")} if kind == "set" else {})
    if kind == "toggle":
        changes = {"status": ("in_process", "in_process")}
        closes = values.pop("closes", NOW + timedelta(hours=10))
        values.setdefault("details", {"through": "completed", "cap": 8, "count": 0, "closes": closes.isoformat()})
    return Action(
        id=action_id("acme", str(number), kind, key, changes),
        ticket=str(number),
        kind=kind,
        rule=RuleRef("keepalive" if kind == "toggle" else "priority", rule_name, "f.yaml", 1),
        key=key,
        changes=changes,
        due=values.pop("due", NOW),
        **values,
    )


def plan(*actions: Action, **more: Any) -> Plan:
    given = {"policy": "p" * 64, "account": "acme", "now": NOW, "complete": True, "population": 1000, **more}
    return Plan(digest=digest_of("acme", given["policy"], actions), actions=actions, **given)


__all__ = ["NOW", "Call", "Says", "SubjectHas", "Template"]
