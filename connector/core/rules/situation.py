"""`situations`: the situations a ticket can be in, and how each is recognised where no field or tag names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.core.model import Call, Decision, RuleRef
from connector.core.policy import Condition, Context, Situation
from connector.core.rules._common import answer, evidence, reason
from connector.core.spec import Field, RuleKind, Text, When, Word, defaults
from connector.core.tri import Tri


@dataclass(frozen=True, slots=True)
class SituationRule:
    """One entry under `situations:`. `situation` is its value for `Policy.situations`."""

    ref: RuleRef
    situation: Situation

    def conditions(self) -> Iterator[Condition]:
        """Its `detect:`, if it has one."""
        if self.situation.detect is not None:
            yield self.situation.detect

    def decide(self, ctx: Context) -> Decision:
        """What the detection says; a situation itself never acts."""
        return detection(ctx, self.situation)[1]


def detection(ctx: Context, situation: Situation) -> tuple[bool, Decision]:
    """(whether the ticket enters the situation by its `detect:`, the decision that says so).

    A detection that only suggests never enters; one that acts and can't be told is UNKNOWN.
    """
    if situation.detect is None:
        why = reason("NOT_DETECTED", f"situation {situation.id} has no `detect:`", situation=situation.id)
        return False, answer(ctx, situation.ref, Call.NO, (why,))
    told = situation.detect.tell(ctx)
    wake = situation.detect.wake(ctx)
    call, enters = Call.NO, False
    if told.tri is Tri.YES and situation.suggest:
        text = f"it looks like situation {situation.id} ({situation.title}), which is only suggested"
        why = reason("SITUATION_SUGGESTED", text, situation=situation.id)
    elif told.tri is Tri.YES:
        why = reason("SITUATION_DETECTED", f"situation {situation.id} is detected", situation=situation.id)
        enters = True
    elif told.tri is Tri.UNKNOWN and not situation.suggest:
        text = f"whether it is situation {situation.id} can't be told"
        why = reason("SITUATION_UNDECIDED", text, situation=situation.id)
        call = Call.UNKNOWN
    else:
        why = reason("NOT_DETECTED", f"situation {situation.id} is not detected", situation=situation.id)
    return enters, answer(ctx, situation.ref, call, (why, *evidence(told)), wake_at=wake)


FIELDS = (
    Field("title", Text(), "What people call it; a helpdesk's escalation field may hold it.", required=True),
    Field("detect", When(), "Recognises the situation on tickets that no field or tag puts into one."),
    Field(
        "detection",
        Word(("suggest", "act")),
        "Whether `detect` only suggests the situation to people, or puts the ticket into it.",
        default="suggest",
    ),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> SituationRule:
    given = defaults(FIELDS, values)
    suggest = given["detection"] != "act"
    return SituationRule(ref, Situation(ref.name, ref, given["title"] or ref.name, given["detect"], suggest))


KIND = RuleKind(
    name="situation",
    doc="A situation a ticket can be in; its `id` is what other rules, tags (`esc:<id>`) and field maps name.",
    fields=FIELDS,
    build=_build,
    example="""\
situations:
  - id: no-diagnosis
    title: No diagnosis
    detect: {any_phrase: [no diagnosis, still not diagnosed]}
    detection: suggest
""",
)
