"""`matrix`: escalation by levels, each due some time after an event; deeper for higher priorities.

Only the highest level that is due acts: lower ones are told as passed over, not made up for late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.core.model import EMPTY, PRIORITIES, Call, Decision, Reason, RuleRef, Want
from connector.core.policy import Condition, Context, Span
from connector.core.rules._common import (
    RAISES,
    answer,
    done_reason,
    earliest,
    evidence,
    fold,
    gate,
    human_since,
    iso,
    rank_of,
    reason,
    unresolved,
    why_not_priority,
    written,
)
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

#: What `since:` may say -> the ticket's own instant. `escalated` is the start of the situation instead.
_EVENTS = {
    "created": "created_at",
    "status": "status_since",
    "agent_reply": "agent_responded_at",
    "customer_reply": "customer_responded_at",
}
_BAD_LEVELS = "E053"
_NO_SUCH_LEVEL = "E054"
_PARTS = ("assign", "priority", "note", "notify")


@dataclass(frozen=True, slots=True)
class Level:
    """One level: when it is due, and what it does."""

    after: Span
    assign: str | None = None
    notify: tuple[str, ...] = ()
    priority: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One thing a level does: wanted now, or why not."""

    want: Want | None
    reason: Reason | None = None
    unknown: bool = False


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

    def conditions(self) -> Iterator[Condition]:
        """The rule's `when:` and those of its `start:` entries."""
        if self.when is not None:
            yield self.when
        for condition, _ in self.start:
            yield condition

    def decide(self, ctx: Context) -> Decision:
        """ACT with every undone part of the highest level due; WAIT until the next level is."""
        told = gate(ctx, self.situations or None, self.when)
        if told.tri is not Tri.YES:
            return answer(ctx, self.ref, told.call, told.reasons, wake_at=told.wake_at)
        begin, doubt = self._begin(ctx)
        if begin is None:
            assert doubt is not None
            call, why = doubt
            return answer(ctx, self.ref, call, (*told.reasons, why), wake_at=told.wake_at)
        lifted, lifts, unsure, lift_wake = self._lifted(ctx)
        reach = self._reach(ctx, lifted)
        if isinstance(reach, Reason):
            return answer(ctx, self.ref, Call.UNKNOWN, (*told.reasons, reach), wake_at=told.wake_at)

        calendar = ctx.policy.calendar(self.calendar)
        instants = [level.after.after(begin, calendar) for level in self.levels]
        due = max((n for n, at in enumerate(instants[:reach], 1) if at <= ctx.now or n <= lifted), default=0)
        fired = self._fired(ctx, begin)
        coming = instants[max(due, fired) : reach]
        wake = earliest(told.wake_at, lift_wake, *coming[:1])
        reasons = (*told.reasons, *lifts)
        rest = Call.UNKNOWN if unsure else Call.WAIT if coming else Call.NO
        if due == 0 or due < fired:
            code, text = (
                ("LEVEL_LATER", f"level 1 is due at {iso(instants[0])}")
                if due == 0 and coming
                else ("LEVEL_DONE", f"level {fired} is done; no lower one follows it")
                if fired
                else ("NO_LEVEL", f"priority {ctx.ticket.priority} reaches no level")
            )
            why = reason(code, text, since=begin, level=fired or None, next=coming[0] if coming else None)
            return answer(ctx, self.ref, rest, (*reasons, why, *unsure), wake_at=wake)

        at = min(instants[due - 1], ctx.now)
        why = self._due_reason(begin, due, instants[due - 1], lifted=instants[due - 1] > ctx.now)
        parts = list(self._parts(ctx, begin, due, at))
        wants = tuple(part.want for part in parts if part.want is not None)
        reasons = (
            *reasons,
            why,
            *self._passed(fired, due),
            *(p.reason for p in parts if p.reason is not None),
            *unsure,
        )
        call = Call.ACT if wants else Call.UNKNOWN if any(part.unknown for part in parts) else rest
        return answer(ctx, self.ref, call, reasons, wants=wants, wake_at=wake)

    # --- which level ------------------------------------------------------------------------------------------------
    def _begin(self, ctx: Context) -> tuple[datetime | None, tuple[Call, Reason] | None]:
        """The event's instant, or why there is none."""
        if self.since == "escalated":
            if ctx.situation is not None:
                return ctx.situation_since or ctx.now, None
            doubt = unresolved(ctx.policy, ctx.ticket)
            if doubt is not None:
                return None, (Call.UNKNOWN, doubt)
            return None, (Call.NO, reason("NOT_ESCALATED", "the ticket is in no situation, so nothing counts yet"))
        field = _EVENTS[self.since]
        tri, at = ctx.value(field)
        if tri is Tri.YES:
            begin: datetime = at
            return begin, None
        if tri is Tri.NO and self.since in ("agent_reply", "customer_reply"):
            why = reason("NO_SUCH_EVENT", f"there was no {self.since.replace('_', ' ')} yet", field=field)
            return None, (Call.NO, why)
        why = reason("SINCE_UNKNOWN", f"{field}, from which the levels count, is not known", field=field)
        return None, (Call.UNKNOWN, why)

    def _lifted(self, ctx: Context) -> tuple[int, list[Reason], list[Reason], datetime | None]:
        """(level at which the ticket starts at once, why, what could not be told about higher ones, next look)."""
        lifted, why, doubts = 0, [], []
        wake: datetime | None = None
        for condition, level in self.start:
            told = condition.tell(ctx)
            wake = earliest(wake, condition.wake(ctx))
            if told.tri is Tri.YES and level > lifted:
                lifted = level
                why = [*evidence(told), reason("STARTS_AT", f"it starts at level {level} at once", level=level)]
            elif told.tri is Tri.UNKNOWN:
                text = f"whether it starts at level {level} can't be told"
                doubts.append((level, [reason("START_UNKNOWN", text, level=level), *evidence(told)]))
        unsure = [each for level, reasons in doubts if level > lifted for each in reasons]
        return lifted, why, unsure, wake

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
        for number in range(len(self.levels), 0, -1):
            if any(self._key(ctx, begin, number, part) in ctx.memory.done for part in _PARTS):
                return number
        return 0

    def _due_reason(self, begin: datetime, number: int, at: datetime, *, lifted: bool) -> Reason:
        level = self.levels[number - 1]
        if lifted:
            text = f"level {number} is due at once, before {level.after.text} since {self.since} have passed"
        else:
            text = f"level {number} was due {level.after.text} after {self.since} ({iso(begin)}), at {iso(at)}"
        return reason("LEVEL_DUE", text, level=number, since=begin, after=level.after.text, due=at, lifted=lifted)

    @staticmethod
    def _passed(fired: int, due: int) -> Iterator[Reason]:
        for number in range(fired + 1, due):
            text = f"level {number} is passed over: level {due} is due, and it is not made up for"
            yield reason("PASSED", text, level=number)

    # --- what a level does ------------------------------------------------------------------------------------------
    def _key(self, ctx: Context, begin: datetime, number: int, part: str) -> str:
        return f"matrix:{self.ref.name}:{ctx.ticket.id}:{iso(begin)}:L{number}:{part}"

    def _parts(self, ctx: Context, begin: datetime, number: int, at: datetime) -> Iterator[_Part]:
        level = self.levels[number - 1]
        makers = {
            "assign": self._assign if level.assign else None,
            "priority": self._raise if level.priority else None,
            "note": self._note if level.note else None,
            "notify": self._notify if level.notify else None,
        }
        for name, make in makers.items():
            if make is None:
                continue
            key = self._key(ctx, begin, number, name)
            if key in ctx.memory.done:
                yield _Part(None, done_reason(key, ctx.memory))
            else:
                yield make(ctx, level, number, key, at)

    def _assign(self, ctx: Context, level: Level, number: int, key: str, at: datetime) -> _Part:
        person = ctx.policy.people[level.assign or ""]
        if person.kind not in ("agent", "group"):
            text = f"{person.key} is an address outside the helpdesk: no ticket can be assigned to it"
            return _Part(None, reason("NOT_ASSIGNABLE", text, to=person.key))
        field = person.kind
        tri, current = ctx.value(field)
        if tri is Tri.UNKNOWN:
            text = f"the {field} is not known, so it can't be told whether it is {person.name} already"
            return _Part(None, reason("ASSIGNEE_UNKNOWN", text, field=field), unknown=True)
        values = {"field": field, "current": current, "wanted": person.name}
        by_id = ctx.ticket.raw.get(field) in set(person.ids.values())
        if by_id or (current is not None and fold(current) == fold(person.name)):
            return _Part(None, reason("ALREADY", f"the {field} is {person.name} already", **values))
        if field in ctx.memory.human:
            since = human_since(ctx.memory, field)
            if since is None or since >= at:
                text = f"someone set the {field} to {current} after the level was due; it is not fought over"
                return _Part(None, reason("HUMAN_SET", text, **values, human=ctx.memory.human[field], since=since))
        ours = ctx.memory.ours.get(field)
        if ours is not None and fold(str(ours)) == fold(person.name):
            text = f"the {field} was set to {person.name} before and is {current} again; it is not fought over"
            return _Part(None, reason("CHANGED_BACK", text, **values, ours=ours))
        details = {"level": number}
        why = reason("ASSIGN", f"the {field} becomes {person.name}", **values)
        return _Part(
            Want("assign", key, {field: person.name}, to=(person.key,), due=at, rank=number, details=details), why
        )

    def _raise(self, ctx: Context, level: Level, number: int, key: str, at: datetime) -> _Part:
        assert level.priority is not None
        refusal = why_not_priority(ctx, level.priority)
        if refusal is not None:
            return _Part(None, refusal[1], unknown=refusal[0] is Call.UNKNOWN)
        current, rank = ctx.ticket.priority, RAISES + rank_of(level.priority)
        text = f"priority {current or 'none'} becomes {level.priority}"
        want = Want("set", key, {"priority": level.priority}, due=at, rank=rank, details={"level": number})
        return _Part(want, reason("RAISE", text, priority=current, wanted=level.priority))

    def _note(self, ctx: Context, level: Level, number: int, key: str, at: datetime) -> _Part:
        text, problem = written(ctx, level.note or "", level=number, due=at)
        if text is None:
            return _Part(None, problem)
        return _Part(Want("note", key, text=text, due=at, details={"private": True, "level": number}))

    def _notify(self, ctx: Context, level: Level, number: int, key: str, at: datetime) -> _Part:
        text = written(ctx, level.note, level=number, due=at)[0] if level.note else None
        return _Part(Want("notify", key, text=text, to=level.notify, due=at, details={"level": number}))


FIELDS = (
    Field("situations", Many(Name("situation")), "Only tickets in these situations.", default=()),
    Field("when", When(), "Which tickets it concerns; without it and `situations`: every open ticket."),
    Field(
        "since",
        Word(("created", "escalated", "status", "agent_reply", "customer_reply")),
        "The event from which the levels count; each new one starts the levels anew.",
        default="created",
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
        "levels",
        Many(
            Record(
                (
                    Field("after", Duration(), "When the level is due, counted from the event.", required=True),
                    Field("assign", Name("person"), "The agent or group that gets the ticket."),
                    Field("notify", Many(Name("person")), "Who is told.", default=()),
                    Field("priority", Word(PRIORITIES), "The priority the ticket is raised to."),
                    Field("note", Name("text"), "A private note: the name of a text, or the text itself."),
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
        Level(
            each["after"], each.get("assign"), tuple(each.get("notify") or ()), each.get("priority"), each.get("note")
        )
        for each in given["levels"]
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
    )
    _check(rule)
    return rule


def _check(rule: MatrixRule) -> None:
    """Refuse levels out of order, levels that do nothing, and names of levels that do not exist."""
    for number, level in enumerate(rule.levels, 1):
        if not (level.assign or level.notify or level.priority or level.note):
            text = f"level {number} does nothing; give it `assign`, `notify`, `priority` or `note`"
            raise RuleProblem(_BAD_LEVELS, text, "levels")
    for number, (lower, upper) in enumerate(zip(rule.levels, rule.levels[1:], strict=False), 1):
        if lower.after.unit == upper.after.unit and upper.after.amount <= lower.after.amount:
            text = f"level {number + 1} ({upper.after.text}) must come later than level {number} ({lower.after.text})"
            raise RuleProblem(_BAD_LEVELS, text, "levels")
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
