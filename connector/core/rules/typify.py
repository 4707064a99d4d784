"""`typify`: gives tickets that meet a condition their typification: class, categories, owner, priority, channel.

What a person set while the ticket was watched stays; a priority is only ever raised. Facts that the description must
hold and that are missing are listed in one private note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.core.model import CHANNELS, EMPTY, PRIORITIES, Call, Decision, Reason, RuleRef, Want
from connector.core.policy import Condition, Context
from connector.core.rules._common import (
    RAISES,
    answer,
    done_reason,
    fold,
    gate,
    rank_of,
    reason,
    why_not_priority,
    written,
)
from connector.core.spec import Field, FieldName, Many, Name, Record, RuleKind, RuleProblem, Scalar, Table, When, Word
from connector.core.spec import defaults as filled
from connector.core.tri import Tri

_SENSE = "E050"
_SETTABLE = ("type", "category", "product", "brand", "contract")


@dataclass(frozen=True, slots=True)
class TypifyRule:
    """One rule under `typify:`. `missing` is the note's text where one of `needs` is empty."""

    ref: RuleRef
    when: Condition
    values: Mapping[str, Any] = field(default=EMPTY)
    owners: Mapping[str, str] = field(default=EMPTY)
    priority: str | None = None
    channels: Mapping[str, str] = field(default=EMPTY)
    needs: tuple[str, ...] = ()
    missing: str | None = None

    def conditions(self) -> Iterator[Condition]:
        """The rule's one condition."""
        yield self.when

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns: about all other tickets it need not be asked."""
        return None, self.when

    def decide(self, ctx: Context) -> Decision:
        """ACT for each field that is not as it should be and that nobody else set."""
        told = gate(ctx, None, self.when)
        if told.tri is not Tri.YES:
            return answer(ctx, self.ref, told.call, told.reasons, wake_at=told.wake_at)
        wants: list[Want] = []
        reasons: list[Reason] = list(told.reasons)
        more: Reason | None
        unknown = False
        owners = {name: ctx.policy.people[key].name for name, key in self.owners.items()}
        for name, wanted in {**self.values, **owners, **self._channel(ctx)}.items():
            want, why, unsure = self._field(ctx, name, wanted)
            reasons.append(why)
            unknown = unknown or unsure
            wants += [] if want is None else [want]
        for want, more, unsure in (self._raise(ctx), self._note(ctx)):
            unknown = unknown or unsure
            reasons += [] if more is None else [more]
            wants += [] if want is None else [want]
        call = Call.ACT if wants else Call.UNKNOWN if unknown else Call.NO
        return answer(ctx, self.ref, call, reasons, wants=wants, wake_at=told.wake_at)

    def _channel(self, ctx: Context) -> dict[str, str]:
        wanted = self.channels.get(ctx.ticket.channel or "")
        return {} if wanted is None else {"channel": wanted}

    def _field(self, ctx: Context, name: str, wanted: Any) -> tuple[Want | None, Reason, bool]:
        """(what is wanted, why or why not, whether that could not be told)."""
        tri, current = ctx.value(name)
        values = {"field": name, "current": current, "wanted": wanted}
        told = not {name, "custom"} & ctx.ticket.unknown
        if tri is Tri.UNKNOWN and not (name.startswith("custom.") and told):
            return None, reason("FIELD_UNKNOWN", f"{name} is not known, so it can't be compared", **values), True
        if current is not None and fold(str(current)) == fold(str(wanted)):
            return None, reason("ALREADY", f"{name} is {current} already", **values), False
        if name in ctx.memory.human:
            text = f"someone set {name} to {current} while it was watched; it is not fought over"
            return None, reason("HUMAN_SET", text, **values), False
        key = f"typify:{self.ref.name}:{ctx.ticket.id}:{name}"
        if key in ctx.memory.done:
            return None, done_reason(key, ctx.memory), False
        kind = "assign" if name in self.owners else "set"
        to = (self.owners[name],) if name in self.owners else ()
        why = reason("TYPIFY", f"{name} becomes {wanted}", **values)
        return Want(kind, key, {name: wanted}, to=to, due=ctx.now), why, False

    def _raise(self, ctx: Context) -> tuple[Want | None, Reason | None, bool]:
        if self.priority is None:
            return None, None, False
        refusal = why_not_priority(ctx, self.priority)
        if refusal is not None:
            return None, refusal[1], refusal[0] is Call.UNKNOWN
        current = ctx.ticket.priority
        key = f"typify:{self.ref.name}:{ctx.ticket.id}:priority"
        if key in ctx.memory.done:
            return None, done_reason(key, ctx.memory), False
        text = f"priority {current or 'none'} becomes {self.priority}"
        why = reason("RAISE", text, priority=current, wanted=self.priority)
        rank = RAISES + rank_of(self.priority)
        return Want("set", key, {"priority": self.priority}, due=ctx.now, rank=rank), why, False

    def _note(self, ctx: Context) -> tuple[Want | None, Reason | None, bool]:
        lacking = [name for name in self.needs if ctx.value(name)[0] is Tri.NO]
        if self.missing is None or not lacking:
            return None, None, False
        key = f"typify:{self.ref.name}:{ctx.ticket.id}:missing"
        if key in ctx.memory.done:
            return None, done_reason(key, ctx.memory), False
        why = reason("FACTS_MISSING", f"the description lacks {', '.join(lacking)}", missing=lacking)
        text, problem = written(ctx, self.missing, facts=", ".join(self._named(lacking)))
        if text is None:
            return None, problem, True
        return Want("note", key, text=text, due=ctx.now, details={"private": True}), why, False

    @staticmethod
    def _named(fields: Sequence[str]) -> Iterator[str]:
        return (name.removeprefix("custom.") for name in fields)


FIELDS = (
    Field("when", When(), "Which tickets it concerns.", required=True),
    Field("set", Table(Scalar(), keys=_SETTABLE, custom=True), "Field -> the value it gets."),
    Field("group", Name("group"), "The group that owns such tickets."),
    Field("agent", Name("agent"), "The agent who owns such tickets."),
    Field("priority", Word(PRIORITIES), "The priority they are raised to."),
    Field("channels", Table(Word(CHANNELS), keys=CHANNELS), "Channel -> the one it counts as: `{in_person: email}`."),
    Field(
        "description",
        Record(
            (
                Field("needs", Many(FieldName(), least=1), "Fields that must be filled.", required=True),
                Field("missing", Name("text"), "The private note where one is empty, `#FACTS#` in it.", required=True),
            )
        ),
        "What the ticket must tell; what it lacks is listed in one private note.",
    ),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> TypifyRule:
    given = filled(FIELDS, values)
    owners = {name: given[name] for name in ("group", "agent") if given[name] is not None}
    description = given["description"] or {}
    rule = TypifyRule(
        ref, given["when"], given["set"] or EMPTY, owners, given["priority"], given["channels"] or EMPTY,
        tuple(description.get("needs") or ()), description.get("missing"),
    )  # fmt: skip
    if not (rule.values or rule.owners or rule.priority or rule.channels or rule.missing):
        text = "the rule changes nothing; give it `set`, `group`, `agent`, `priority`, `channels` or `description`"
        raise RuleProblem(_SENSE, text)
    return rule


KIND = RuleKind(
    name="typify",
    doc="Gives tickets their typification: class, categories, owner, priority and the channel they count as.",
    fields=FIELDS,
    build=_build,
    example="""\
typify:
  - name: collection of a debt
    when: {any_phrase: [that debt is not mine]}
    set: {type: Complaint, category: Collection}
    group: supervision
    priority: high
    channels: {in_person: email}
""",
)
