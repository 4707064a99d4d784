"""`matrix`: escalation by levels, each due some time after an event; deeper for higher priorities.

Only the highest level that is due acts: lower ones are told as passed over, not made up for late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.core.conditions_base import Clause
from connector.core.model import EMPTY, PRIORITIES, Call, Decision, Reason, RuleRef
from connector.core.policy import Condition, Context, Policy, Span
from connector.core.rules import _quiet
from connector.core.rules._common import answer, earliest, evidence, gate, held_since, iso, reason
from connector.core.rules._deadlines import clock
from connector.core.rules._matrix_events import BEGINNINGS, METRICS, begin_of
from connector.core.rules._steps import KINDS, PARTS, STEP_FIELDS, Step, Taking, parts_of
from connector.core.spec import (
    Count,
    Duration,
    Field,
    Many,
    Name,
    Record,
    RuleKind,
    RuleProblem,
    Table,
    When,
    Word,
    defaults,
)
from connector.core.tri import Tri

_BAD_LEVELS = "E053"
_NO_SUCH_LEVEL = "E054"


@dataclass(frozen=True, slots=True)
class Level:
    """One level: when it is due, and what it does."""

    after: Span
    step: Step


@dataclass(frozen=True, slots=True)
class MatrixRule:
    """One rule under `matrix:`; the fields are those an admin writes."""

    ref: RuleRef
    situations: tuple[str, ...]
    when: Condition | None
    since: str
    calendar: str | None
    depth: Mapping[str, int]
    start: tuple[tuple[Condition, int], ...]
    levels: tuple[Level, ...]
    close_within: Span | None = None
    metrics: tuple[str, ...] = ()
    #: Whether each level is known to come later than the one before: spans of one unit are in order.
    rising: bool = False

    def conditions(self) -> Iterator[Condition]:
        """The rule's `when:` and those of its `start:` entries."""
        if self.when is not None:
            yield self.when
        for condition, _ in self.start:
            yield condition

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns: about all other tickets it need not be asked."""
        return self.situations or None, self.when

    def quietly(self, policy: Policy, left: Clause | None) -> _quiet.Quiet | None:
        """Until when it says nothing: see `shortlist.Quietly`."""
        if not self.rising or self.start or self.close_within or not self.levels:
            return None
        calendar, first = policy.calendar(self.calendar), self.levels[0].after
        return _quiet.matrix(left, calendar, first, self.depth, self.since, self.ref.name, self.metrics)

    def decide(self, ctx: Context) -> Decision:
        """ACT with every undone part of the highest level due; WAIT until the next level is."""
        told = gate(ctx, self.situations or None, self.when)
        if told.tri is not Tri.YES:
            return answer(ctx, self.ref, told.call, told.reasons, wake_at=told.wake_at)
        begin, doubt = begin_of(ctx, self.since, self.ref.name, self.metrics)
        if begin is None:
            assert doubt is not None
            call, why = doubt
            return answer(ctx, self.ref, call, (*told.reasons, why), wake_at=told.wake_at)
        lifted, lifts, unsure, lift_wake = self._lifted(ctx)
        reach = self._reach(ctx, lifted)
        if isinstance(reach, Reason):
            return answer(ctx, self.ref, Call.UNKNOWN, (*told.reasons, reach), wake_at=told.wake_at)

        instants, reach, closing = self._instants(ctx, begin, reach)
        due = max((n for n, at in enumerate(instants[:reach], 1) if at <= ctx.now or n <= lifted), default=0)
        fired = self._fired(ctx, begin)
        coming = self._coming(ctx, instants, max(due, fired), reach, closing)
        wake = earliest(told.wake_at, lift_wake, *coming[:1])
        lifted_at, keeps = self._lifted_since(ctx, begin, lifted)
        reasons = (*told.reasons, *lifts)
        rest = Call.UNKNOWN if unsure else Call.WAIT if coming else Call.NO
        if ctx.brief and rest is not Call.UNKNOWN and (due == 0 or due < fired):
            return answer(ctx, self.ref, rest, (), wake_at=wake, keeps=keeps)
        if due == 0 or due < fired:
            code, text = (
                ("LEVEL_LATER", f"level {self._first_to_come(instants, coming)} is due at {iso(coming[0])}")
                if due == 0 and coming
                else ("LEVEL_DONE", f"level {fired} is done; no lower one follows it")
                if fired
                else ("NO_LEVEL", f"priority {ctx.ticket.priority} reaches no level")
            )
            why = reason(
                code, text, since=begin, level=fired or None, next=coming[0] if coming else None,
                **self._ladder(ctx, begin, instants, coming[0] if coming else None),
            )  # fmt: skip
            return answer(ctx, self.ref, rest, (*reasons, why, *unsure), wake_at=wake, keeps=keeps)

        at = min(instants[due - 1], lifted_at) if due <= lifted else instants[due - 1]
        why = self._due_reason(ctx, begin, due, instants, closing)
        taking = Taking(lambda part: self._key(ctx, begin, due, part), at, due, why)
        parts = list(parts_of(ctx, self.levels[due - 1].step, taking))
        wants = tuple(part.want for part in parts if part.want is not None)
        reasons = (
            *reasons,
            why,
            *self._passed(fired, due),
            *(each for part in parts for each in part.reasons),
            *unsure,
        )
        call = Call.ACT if wants else Call.UNKNOWN if any(part.unknown for part in parts) else rest
        keeps = {**keeps, **{name: value for part in parts for name, value in part.keeps.items()}}
        return answer(ctx, self.ref, call, reasons, wants=wants, wake_at=wake, keeps=keeps)

    # --- which level ------------------------------------------------------------------------------------------------
    def _instants(self, ctx: Context, begin: datetime, reach: int) -> tuple[list[datetime], int, datetime | None]:
        """(when each level is due, how many may be reached, when the last one is due whatever the depth)."""
        calendar = ctx.policy.calendar(self.calendar)
        instants = [level.after.after(begin, calendar) for level in self.levels]
        if self.close_within is None:
            return instants, reach, None
        closing = self.close_within.after(begin, calendar)
        if reach == len(instants):
            instants[-1] = min(instants[-1], closing)
        elif closing <= ctx.now:
            reach, instants[-1] = len(instants), closing
        return instants, reach, closing

    @staticmethod
    def _coming(
        ctx: Context, instants: Sequence[datetime], done: int, reach: int, closing: datetime | None
    ) -> list[datetime]:
        coming = [at for at in instants[done:reach] if at > ctx.now]
        if closing is not None and closing > ctx.now and done < len(instants):
            coming.append(closing)
        return sorted(coming)

    @staticmethod
    def _first_to_come(instants: Sequence[datetime], coming: Sequence[datetime]) -> int:
        return next((n for n, at in enumerate(instants, 1) if at == coming[0]), len(instants))

    def _lifted(self, ctx: Context) -> tuple[int, list[Reason], list[Reason], datetime | None]:
        """(level at which the ticket starts at once, why, what could not be told about higher ones, next look)."""
        if not self.start:
            return 0, [], [], None
        lifted, why, doubts = 0, [], []
        wake: datetime | None = None
        for condition, level in self.start:
            wake = earliest(wake, condition.wake(ctx))
            if ctx.brief and condition.test(ctx) is Tri.NO:
                continue
            told = condition.tell(ctx)
            if told.tri is Tri.YES and level > lifted:
                lifted = level
                why = [*evidence(told), reason("STARTS_AT", f"it starts at level {level} at once", level=level)]
            elif told.tri is Tri.UNKNOWN:
                text = f"whether it starts at level {level} can't be told"
                doubts.append((level, [reason("START_UNKNOWN", text, level=level), *evidence(told)]))
        unsure = [each for level, reasons in doubts if level > lifted for each in reasons]
        return lifted, why, unsure, wake

    def _lifted_since(self, ctx: Context, begin: datetime, lifted: int) -> tuple[datetime, Mapping[str, Any]]:
        """(since when the ticket is lifted so high in this episode, what to remember of it).

        The instant stays as it is while the level waits to be carried out: the evidence, the digest of a held plan and
        what a person did since rest on it. A ticket first seen lifted was so since the event, or since its condition
        held; one that was seen without is lifted now.
        """
        if not self.start:
            return ctx.now, EMPTY
        name, since = f"lift:{self.ref.name}", iso(begin)
        kept = ctx.memory.extra.get(name)
        kept = kept if kept is not None and kept["since"] == since else None
        if kept is not None and kept["level"] == lifted:
            return datetime.fromisoformat(kept["at"]), EMPTY
        if not lifted or kept is not None:
            at = ctx.now.replace(microsecond=0)
        else:
            at = min(held_since(ctx, begin, when) for when, level in self.start if level == lifted)
        if ctx.memory.first_seen is None:
            return at, EMPTY  # nobody remembers: an export, or a single look
        return at, {name: {"since": since, "level": lifted, "at": iso(at)}}

    def _reach(self, ctx: Context, lifted: int) -> int | Reason:
        """How many levels the ticket may reach: by the depth of its priority, and at least where it was lifted to."""
        if not self.depth:
            return len(self.levels)
        tri, priority = ctx.value("priority")
        if tri is not Tri.YES:
            return reason("PRIORITY_UNKNOWN", "the priority, which tells how many levels count, is not known")
        return min(len(self.levels), max(lifted, self.depth.get(priority, len(self.levels))))

    def _fired(self, ctx: Context, begin: datetime) -> int:
        """The highest level of this episode of which anything is done; 0 for none."""
        if not ctx.memory.done:
            return 0
        for number in range(len(self.levels), 0, -1):
            if any(self._key(ctx, begin, number, part) in ctx.memory.done for part in PARTS):
                return number
        return 0

    def _ladder(
        self, ctx: Context, begin: datetime, instants: Sequence[datetime], until: datetime | None
    ) -> dict[str, Any]:
        """For explanations: when each level is due, and what was counted of the way to `until`."""
        if ctx.brief:
            return {}
        levels = [
            {"level": n, "after": level.after.text, "due": iso(at)}
            for n, (level, at) in enumerate(zip(self.levels, instants, strict=True), 1)
        ]
        if until is None:
            return {"levels": levels}
        spans = (*(level.after for level in self.levels), *([self.close_within] if self.close_within else ()))
        name = self.calendar or ctx.policy.default_calendar
        calendar = ctx.policy.calendar(name)
        span = next((each for each in spans if each.after(begin, calendar) == until), spans[0])
        return {"levels": levels, **clock(span, begin, ctx.now, calendar, name, until)}

    def _due_reason(
        self, ctx: Context, begin: datetime, number: int, instants: Sequence[datetime], closing: datetime | None
    ) -> Reason:
        level, at = self.levels[number - 1], instants[number - 1]
        lifted = at > ctx.now
        values: dict[str, Any] = {"level": number, "since": begin, "after": level.after.text, "due": at}
        values |= self._ladder(ctx, begin, instants, at)
        if lifted:
            text = f"level {number} is due at once, before {level.after.text} since {self.since} have passed"
        elif closing is not None and at == closing and self.close_within is not None:
            within = self.close_within.text
            text = (
                f"it is not closed {within} after {self.since} ({iso(begin)}), so level {number} was due at {iso(at)}"
            )
            return reason("NOT_CLOSED", text, **values, close_within=within, lifted=False)
        else:
            text = f"level {number} was due {level.after.text} after {self.since} ({iso(begin)}), at {iso(at)}"
        return reason("LEVEL_DUE", text, **values, lifted=lifted)

    @staticmethod
    def _passed(fired: int, due: int) -> Iterator[Reason]:
        for number in range(fired + 1, due):
            text = f"level {number} is passed over: level {due} is due, and it is not made up for"
            yield reason("PASSED", text, level=number)

    def _key(self, ctx: Context, begin: datetime, number: int, part: str) -> str:
        return f"matrix:{self.ref.name}:{ctx.ticket.id}:{iso(begin)}:L{number}:{part}"


FIELDS = (
    Field("situations", Many(Name("situation")), "Only tickets in these situations.", default=()),
    Field("when", When(), "Which tickets it concerns; without it and `situations`: every open ticket."),
    Field(
        "since",
        Word(BEGINNINGS),
        "The event from which the levels count; each new one starts the levels anew.",
        default="created",
    ),
    Field(
        "metrics",
        Many(Word(METRICS)),
        "With `since: breach`: only breaches of these; left out: of any.",
        default=(),
    ),
    Field("calendar", Name("calendar"), "The calendar in which business spans are counted."),
    Field("depth", Table(Count(), keys=PRIORITIES), "How many levels a priority may reach; others reach all."),
    Field(
        "start",
        Many(
            Record(
                (
                    Field("when", When(), "Which tickets start higher.", required=True),
                    Field("level", Count(least=1), "The level they start at, due at once.", required=True),
                )
            )
        ),
        "Tickets that start at a level at once, whatever their priority's depth.",
        default=(),
    ),
    Field(
        "close_within",
        Duration(),
        "A ticket still open so long after the event is due for the last level, whatever its priority's depth.",
    ),
    Field("kind", Word(KINDS), "The `kind` of every level that says none."),
    Field(
        "levels",
        Many(
            Record(
                (
                    Field("after", Duration(), "When the level is due, counted from the event.", required=True),
                    *STEP_FIELDS,
                )
            ),
            least=1,
        ),
        "The levels, lowest first.",
        required=True,
    ),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> MatrixRule:
    given = defaults(FIELDS, values)
    levels = tuple(
        Level(each["after"], Step.of({**each, "kind": each.get("kind") or given["kind"]})) for each in given["levels"]
    )
    rule = MatrixRule(
        ref=ref,
        situations=tuple(given["situations"] or ()),
        when=given["when"],
        since=given["since"],
        calendar=given["calendar"],
        depth=given["depth"] or EMPTY,
        start=tuple((each["when"], each["level"]) for each in given["start"] or ()),
        levels=levels,
        close_within=given["close_within"],
        rising=len({level.after.unit for level in levels}) == 1,
        metrics=tuple(given["metrics"] or ()),
    )
    _check(rule)
    return rule


def _check(rule: MatrixRule) -> None:
    """Refuse levels out of order, levels that do nothing, and names of levels that do not exist."""
    for number, level in enumerate(rule.levels, 1):
        if level.step.is_empty:
            text = f"level {number} does nothing; give it `assign`, `notify`, `priority` or `note`"
            raise RuleProblem(_BAD_LEVELS, text, "levels")
    for number, (lower, upper) in enumerate(zip(rule.levels, rule.levels[1:], strict=False), 1):
        if lower.after.unit == upper.after.unit and upper.after.amount <= lower.after.amount:
            text = f"level {number + 1} ({upper.after.text}) must come later than level {number} ({lower.after.text})"
            raise RuleProblem(_BAD_LEVELS, text, "levels")
    if rule.metrics and rule.since != "breach":
        text = f"`metrics` picks breaches, but the levels count from {rule.since}; write `since: breach`"
        raise RuleProblem(_BAD_LEVELS, text, "metrics")
    within, first = rule.close_within, rule.levels[0].after
    if within is not None and within.unit == first.unit and within.amount <= first.amount and len(rule.levels) > 1:
        text = f"`close_within` ({within.text}) is over before level 1 ({first.text}) is due"
        raise RuleProblem(_BAD_LEVELS, text, "close_within")
    count = len(rule.levels)
    for _, level_number in rule.start:
        if level_number > count:
            raise RuleProblem(
                _NO_SUCH_LEVEL, f"`start` names level {level_number}, but there are only {count}", "start"
            )
    for priority, depth in rule.depth.items():
        if depth > count:
            raise RuleProblem(
                _NO_SUCH_LEVEL, f"`depth` gives {priority} {depth} levels, but there are only {count}", "depth"
            )


KIND = RuleKind(
    name="matrix",
    doc="Escalates by levels: some time after an event the ticket is reassigned, people are told, the priority rises.",
    fields=FIELDS,
    build=_build,
    example="""\
matrix:
  - name: ladder
    since: created
    levels:
      - after: 24h
        priority: high
      - after: 3d
        priority: urgent
""",
)
