"""`priority`: sets the priority of tickets that meet a condition; raises it, unless lowering is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.core.conditions_base import Clause
from connector.core.model import PRIORITIES, Call, Decision, RuleRef, Want
from connector.core.policy import Condition, Context, Policy
from connector.core.rules import _quiet
from connector.core.rules._common import RAISES, answer, done_reason, gate, rank_of, reason, why_not_priority
from connector.core.spec import Field, Flag, RuleKind, When, Word, defaults
from connector.core.tri import Tri


@dataclass(frozen=True, slots=True)
class PriorityRule:
    """One rule under `priority:`."""

    ref: RuleRef
    when: Condition
    priority: str
    lower: bool

    def conditions(self) -> Iterator[Condition]:
        """The rule's one condition."""
        yield self.when

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns: about all other tickets it need not be asked."""
        return None, self.when

    telling = True  # see `shortlist.Quietly`

    def quietly(self, policy: Policy, left: Clause | None) -> _quiet.Quiet:  # noqa: ARG002 - the same for each policy
        """Until when it says nothing: see `shortlist.Quietly`."""
        return _quiet.priority(left, self.priority, lower=self.lower)

    def decide(self, ctx: Context) -> Decision:
        """ACT where the condition holds and the priority may be set; each step not taken has its reason."""
        told = gate(ctx, None, self.when)
        if told.tri is not Tri.YES:
            return answer(ctx, self.ref, told.call, told.reasons, wake_at=told.wake_at)
        key = f"priority:{self.ref.name}:{ctx.ticket.id}:{self.priority}"
        refusal = why_not_priority(ctx, self.priority, lower=self.lower)
        if refusal is None and key in ctx.memory.done:
            refusal = (Call.NO, done_reason(key, ctx.memory))
        if refusal is not None:
            call, why = refusal
            return answer(ctx, self.ref, call, (*told.reasons, why), wake_at=told.wake_at)
        current = ctx.ticket.priority
        raises = rank_of(self.priority) > rank_of(current)
        why = reason(
            "RAISE" if raises else "LOWER",
            f"priority {current or 'none'} becomes {self.priority}",
            priority=current,
            wanted=self.priority,
        )
        rank = rank_of(self.priority) + (RAISES if raises else 0)
        want = Want("set", key, {"priority": self.priority}, due=ctx.now, rank=rank)
        return answer(ctx, self.ref, Call.ACT, (*told.reasons, why), wants=(want,), wake_at=told.wake_at)


FIELDS = (
    Field("when", When(), "Which tickets it concerns.", required=True),
    Field("priority", Word(PRIORITIES), "The priority these tickets get.", required=True),
    Field(
        "lower",
        Flag(),
        "`true` where lowering a higher priority is meant; otherwise it is only ever raised.",
        default=False,
    ),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> PriorityRule:
    given = defaults(FIELDS, values)
    return PriorityRule(ref, given["when"], given["priority"], bool(given["lower"]))


KIND = RuleKind(
    name="priority",
    doc="Sets the priority of tickets that meet a condition; it is only ever raised unless `lower: true`.",
    fields=FIELDS,
    build=_build,
    example="""\
priority:
  - name: regulator threat
    when: {any_phrase: [profeco, procuraduría federal del consumidor]}
    priority: urgent
""",
)
