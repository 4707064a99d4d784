"""`repeat`: a customer insists on an earlier request; a decision table says what is done about it.

The table is data and is checked when it is loaded: every combination of facts is decided by exactly one row. See
docs/repeat.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connector.core import kin
from connector.core.model import Call, Decision, Memory, Reason, RuleRef, Ticket
from connector.core.policy import Condition, Context, Policy
from connector.core.rules._common import answer, earliest, gate, iso, reason
from connector.core.rules._repeat_facts import (
    BUILT_IN,
    Deadline,
    Fact,
    Found,
    Linking,
    Matter,
    built_in,
    declared,
    find,
    unread_since,
)
from connector.core.rules._repeat_fields import EXAMPLE, FIELDS
from connector.core.rules._repeat_wants import Case, Create, Escalate, Outcome, parts
from connector.core.spec import RuleKind, RuleProblem, defaults
from connector.core.tables import Cube, Table, TableError, told
from connector.core.tri import Tri

_SENSE, _HOLE, _OVERLAP, _DEAD_ROW, _NO_FACT = "E050", "E061", "E062", "E063", "E064"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: for which facts, and what is decided."""

    cube: Cube
    outcome: Outcome
    name: str | None = None

    @property
    def words(self) -> str:
        """What the row is called in reasons."""
        return self.name or told(self.cube)


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """One rule under `repeat:`."""

    ref: RuleRef
    by: Linking
    answered: Condition | None
    deadline: Deadline
    follow_up_deadline: Deadline
    facts: Mapping[str, Fact]
    rows: tuple[Row, ...]
    table: Table
    again: timedelta
    tell_by: str

    def conditions(self) -> Iterator[Condition]:
        """All of them: of the insistence, of follow-ups, of answers and of every declared fact."""
        yield self.by.insists
        yield self.by.is_follow_up
        if self.answered is not None:
            yield self.answered
        for fact in self.facts.values():
            yield from fact.when.values()

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns: a ticket that insists on nothing need not be asked about."""
        return None, self.by.insists

    def decide(self, ctx: Context) -> Decision:
        """ACT where all rows that may hold decide the same and it is not done yet; UNKNOWN where they differ."""
        told_when = gate(ctx, None, self.by.insists)
        if told_when.tri is not Tri.YES:
            return answer(ctx, self.ref, told_when.call, told_when.reasons, wake_at=told_when.wake_at)
        reasons = list(told_when.reasons)
        itself = self.by.is_follow_up.test(ctx)
        if itself is not Tri.NO:
            text = "the ticket is a follow-up itself" if itself is Tri.YES else "whether it is a follow-up is not known"
            why = reason("IS_FOLLOW_UP" if itself is Tri.YES else "FOLLOW_UP_UNSURE", text)
            call = Call.NO if itself is Tri.YES else Call.UNKNOWN
            return answer(ctx, self.ref, call, (*reasons, why), wake_at=told_when.wake_at)
        if ctx.beside.related is None:
            text = "the customer's earlier tickets were not looked up, so what it insists on is not known"
            return answer(ctx, self.ref, Call.UNKNOWN, (*reasons, reason("RELATED_UNKNOWN", text)))
        found = find(ctx, self.by, ctx.beside.related)
        reasons += found.reasons
        again = ctx.now + self.again
        if found.unsure is not None:
            return answer(ctx, self.ref, Call.UNKNOWN, (*reasons, found.unsure), wake_at=again)
        if found.first is None:
            return answer(ctx, self.ref, Call.NO, reasons, wake_at=told_when.wake_at)
        return self._decide_found(ctx, found, reasons, earliest(told_when.wake_at, again))

    def _decide_found(self, ctx: Context, found: Found, reasons: list[Reason], wake: datetime | None) -> Decision:
        assert found.first is not None
        if unread_since(ctx, found, self.answered):
            assert found.follow_up is not None
            text = f"follow-up {found.follow_up.id} was filed and answered since; the customer has not insisted again"
            why = reason("ANSWERED_SINCE", text, first=found.first.id, follow_up=found.follow_up.id)
            return answer(ctx, self.ref, Call.NO, (*reasons, why), wake_at=wake)
        known, more, next_at = self._known(ctx, found)
        reasons += more
        wake = earliest(wake, next_at)
        numbers, _ = self.table.possible(known)
        outcomes = {repr(self.rows[number].outcome): number for number in reversed(numbers)}
        if len(outcomes) != 1:
            return answer(ctx, self.ref, Call.UNKNOWN, (*reasons, self._undecided(known, numbers)), wake_at=wake)
        row = self.rows[next(iter(outcomes.values()))]
        shown = " or ".join(dict.fromkeys(self.rows[number].words for number in numbers))
        text = f"the table decides for {shown}: {row.outcome.words()}"
        reasons.append(reason("ROW", text, rows=[number + 1 for number in numbers], outcome=row.outcome.words()))
        kept, since = self._since(ctx, found.first, row)
        case = Case(
            self.ref.name, found.first, found.follow_up, self._deadline(ctx, found), found.earlier, told(row.cube),
            self.tell_by, self.by.link, since, ctx.ticket.body,
        )  # fmt: skip
        steps = list(parts(ctx, case, row.outcome))
        wants = [step.want for step in steps if step.want is not None]
        reasons += [step.why for step in steps]
        if wants:
            call = Call.ACT
        elif any(step.stuck for step in steps):
            call = Call.UNKNOWN
        else:
            call = Call.WAIT
        return replace(answer(ctx, self.ref, call, reasons, wants=wants, wake_at=wake), keeps=kept)

    def _since(self, ctx: Context, first: Ticket, row: Row) -> tuple[Mapping[str, Any], datetime]:
        """(what to remember, when this row was first seen to hold for this request)."""
        name = f"repeat:{self.ref.name}"
        kept = ctx.memory.extra.get(name)
        if kept is not None and kept["first"] == first.id and kept["row"] == told(row.cube):
            return {}, datetime.fromisoformat(kept["since"])
        now = ctx.now.replace(microsecond=0)
        return {name: {"first": first.id, "row": told(row.cube), "since": iso(now)}}, now

    def _known(self, ctx: Context, found: Found) -> tuple[dict[str, tuple[str, ...]], list[Reason], datetime | None]:
        known: dict[str, tuple[str, ...]] = {}
        reasons: list[Reason] = []
        wakes: list[datetime | None] = []
        for fact, values, next_at in built_in(ctx, found, self.answered, self.deadline, self.follow_up_deadline):
            known[fact] = values
            wakes.append(next_at)
        for fact, one in self.facts.items():
            known[fact], evidence, next_at = declared(ctx, found, one)
            reasons += evidence
            wakes.append(next_at)
        spoken = {fact: values for fact, values in known.items() if len(values) < len(self.table.facts[fact])}
        text = "; ".join(f"{fact} is {' or '.join(values)}" for fact, values in spoken.items()) or "nothing is known"
        shown = {fact: list(values) for fact, values in known.items()}
        clocks = {
            name: {"ticket": one.id, **deadline.told(ctx, one)}
            for name, deadline, one in (
                ("first", self.deadline, found.first), ("follow_up", self.follow_up_deadline, found.follow_up),
            )
            if one is not None and not ctx.brief
        }  # fmt: skip
        reasons.append(reason("FACTS", text, facts=shown, due=self._deadline(ctx, found), clocks=clocks))
        return known, reasons, earliest(*wakes)

    def _deadline(self, ctx: Context, found: Found) -> datetime | None:
        """The deadline the customer is to be told: of the follow-up where there is one, else of the request."""
        assert found.first is not None
        if found.follow_up is not None:
            return self.follow_up_deadline.of(ctx, found.follow_up)
        return self.deadline.of(ctx, found.first)

    def _undecided(self, known: Cube, numbers: Sequence[int]) -> Reason:
        if not numbers:
            return reason("FACTS_CONTRADICT", "what is known of the facts can't be true together; no row is for it")
        open_facts = self.table.open_facts(known)
        rows = "; ".join(f"{self.rows[number].words}: {self.rows[number].outcome.words()}" for number in numbers[:6])
        text = f"which row holds depends on {', '.join(open_facts)}, which is not known ({rows})"
        return reason("ROW_UNDECIDED", text, facts=list(open_facts), rows=[number + 1 for number in numbers])


@dataclass(frozen=True, slots=True)
class Reach:
    """Which other tickets a ticket's rules need: of these customers (keys of `kin`), created since then."""

    keys: tuple[str, ...]
    since: datetime


def reach(policy: Policy, ticket: Ticket, memory: Memory, now: datetime) -> Reach | None:
    """What must be looked up before the ticket is decided on; None where no repeat rule can concern it."""
    rules = [rule for rule in policy.rules if isinstance(rule, RepeatRule)]
    if not rules or not ticket.is_open or ticket.status == "completed":
        return None
    ctx = Context(policy, ticket, memory, now)
    asking = [rule for rule in rules if rule.by.insists.test(ctx) is Tri.YES]
    if not asking:
        return None
    keys = dict.fromkeys(key for rule in asking for key in rule.by.keys(ticket).values())
    begin = ticket.created_at or now
    return Reach(tuple(keys), min(begin - rule.by.window for rule in asking))


# --- building -------------------------------------------------------------------------------------------------------
def _build(ref: RuleRef, values: Mapping[str, Any]) -> RepeatRule:
    given = defaults(FIELDS, values)
    same = {"person": ("email", "phone"), "contract": True, "exclude": (), **(given["same"] or {})}
    matter = {"fields": ("category", "type"), "words": None, "ignore": (), **(given["matter"] or {})}
    facts = _facts(given["facts"] or {})
    rows = tuple(_row(number, each) for number, each in enumerate(given["table"]))
    if matter["words"] is not None and not 0 < matter["words"] <= 1:
        text = f"`words` is a share of the words in common, above 0 and at most 1, not {matter['words']}"
        raise RuleProblem(_SENSE, text, "matter.words")
    if not same["person"] and not same["contract"]:
        raise RuleProblem(_SENSE, "nothing is left to know a customer by: name `person` or `contract`", "same")
    deadline = _deadline(given["deadline"] or {}, given["calendar"])
    follow_up, later = given["follow_up"], given["follow_up"].get("deadline")
    return RepeatRule(
        ref=ref,
        by=Linking(
            given["when"], follow_up["when"], tuple(same["person"]), same["contract"], kin.any_keys(same["exclude"]),
            Matter(tuple(matter["fields"]), matter["words"], ignored=kin.folded(matter["ignore"] or ()),
                   unsaid=bool(matter.get("unsaid"))),
            timedelta(seconds=given["window"].amount), given["link"],
        ),
        answered=given["answered"],
        deadline=deadline,
        follow_up_deadline=_deadline(later, given["calendar"]) if later else deadline,
        facts=facts,
        rows=rows,
        table=_checked(facts, rows, given["impossible"] or ()),
        again=timedelta(seconds=given["again"].amount),
        tell_by=given["tell_by"],
    )  # fmt: skip


def _deadline(given: Mapping[str, Any], calendar: str | None) -> Deadline:
    return Deadline(given.get("field") or "due_by", given.get("after"), calendar)


def _facts(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Fact]:
    facts = {}
    for name, each in given.items():
        when, otherwise = each.get("values") or {}, each.get("otherwise")
        if name in BUILT_IN:
            raise RuleProblem(_SENSE, f"the fact '{name}' is there already; choose another name", f"facts.{name}")
        if not when and otherwise is None:
            text = f"the fact '{name}' has no values; give it `values`, or the one it always has as `otherwise`"
            raise RuleProblem(_SENSE, text, f"facts.{name}")
        values = tuple(dict.fromkeys((*when, *(() if otherwise is None else (otherwise,)))))
        facts[name] = Fact(values, when, tuple(each.get("of") or ("insistence",)), otherwise)
    return facts


def _row(number: int, given: Mapping[str, Any]) -> Row:
    create, escalate = given.get("create"), given.get("escalate")
    if create is not None and escalate is not None:
        text = f"row {number + 1} both creates and escalates; where a case goes up, no second follow-up is filed"
        raise RuleProblem(_SENSE, text, f"table[{number}].create")
    outcome = Outcome(
        given.get("tell"), given.get("customer_files"), None if create is None else _create(create),
        None if escalate is None else Escalate(
            escalate.get("assign"), tuple(escalate.get("notify") or ()), escalate.get("priority"), escalate.get("note")
        ),
    )  # fmt: skip
    if outcome == Outcome() or outcome.escalate == Escalate():
        text = f"row {number + 1} decides nothing; give it `tell`, `customer_files`, `create` or `escalate`"
        raise RuleProblem(_SENSE, text, f"table[{number}]")
    return Row({fact: tuple(values) for fact, values in given["if"].items()}, outcome, given.get("name"))


def _create(given: Mapping[str, Any]) -> Create:
    typed = {name: given.get(name) for name in ("type", "category", "group", "agent", "tags", "priority", "status")}
    typed = {name: value for name, value in typed.items() if value not in (None, ())} | dict(given.get("fields") or {})
    return Create(
        given["kind"], given["subject"], given["body"], typed, given.get("channels") or {},
        tuple(given.get("copy") or ()), tuple(given.get("needs") or ()),
    )  # fmt: skip


def _checked(facts: Mapping[str, Fact], rows: Sequence[Row], impossible: Sequence[Mapping[str, Any]]) -> Table:
    """The table, enumerated; RuleProblem with every hole, overlap and row without effect."""
    values = {**BUILT_IN, **{name: fact.values for name, fact in facts.items()}}
    never = tuple({fact: tuple(each) for fact, each in cube.items()} for cube in impossible)
    try:
        table = Table(values, tuple(row.cube for row in rows), never)
    except TableError as bad:
        place = None if bad.where is None else _place(*bad.where)
        raise RuleProblem(_NO_FACT, str(bad), place) from None
    problems = [
        RuleProblem(_HOLE, f"no row of the table decides: {told(hole)}", "table") for hole in table.holes()
    ] + [
        RuleProblem(
            _OVERLAP,
            f"rows {one.first + 1} and {one.second + 1} of the table both decide: {'; or '.join(map(told, one.cubes))}",
            f"table[{one.second}]",
            also=(f"table[{one.first}]",),
        )
        for one in table.overlaps()
    ] + [
        RuleProblem(_DEAD_ROW, f"row {number + 1} of the table is for what can't occur", f"table[{number}]")
        for number in table.dead()
    ]  # fmt: skip
    if problems:
        first, *others = problems
        raise RuleProblem(first.code, str(first), first.field, also=first.also, beside=tuple(others))
    return table


def _place(part: str, number: int, fact: str) -> str:
    return f"table[{number}].if.{fact}" if part == "rows" else f"impossible[{number}].{fact}"


KIND = RuleKind(
    name="repeat",
    doc="Links an insistence to its earlier request and does what a table decides, checked for holes and overlaps.",
    fields=FIELDS,
    build=_build,
    example=EXAMPLE,
)
