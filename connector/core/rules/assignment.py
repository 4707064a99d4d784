"""`assignment`: which agent or group gets tickets of a topic: in turn, the least loaded, the first, who is on call.

Pure: loads, turns and shifts come in as `policy.Duty`. Somebody always gets the ticket: where nobody of the candidates
is there, the stated fallback does. A level of a matrix may ask a rule by its name instead of naming a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.core.conditions_base import NEVER, Clause
from connector.core.model import Call, Decision, Evaluation, Reason, RuleRef
from connector.core.policy import Condition, Context, Duty, FetchedRota, Person, Policy, Shift
from connector.core.rules import _quiet
from connector.core.rules._choosing import Chosen, absence, in_turn, least_loaded, shifts_now, skilled
from connector.core.rules._common import answer, done_reason, gate, iso, reason
from connector.core.rules._steps import Choice, assign_to, forget_choice, holds, keep_choice, kept_choice
from connector.core.rules.root_cause import RootCauseRule
from connector.core.spec import Field, Many, Name, RuleKind, RuleProblem, Text, When, Word, defaults
from connector.core.tri import Tri

_NOBODY = "E056"
_WAYS = ("first", "round_robin", "least_loaded", "on_call")


@dataclass(frozen=True, slots=True)
class AssignmentRule:
    """One rule under `assignment:`; the fields are those an admin writes."""

    ref: RuleRef
    situations: tuple[str, ...]
    when: Condition | None
    candidates: tuple[str, ...]
    skills: tuple[str, ...]
    by: str
    rota: str | None
    fallback: str

    def conditions(self) -> Iterator[Condition]:
        """The rule's `when:`, if it has one."""
        if self.when is not None:
            yield self.when

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns: nobody, where it only chooses for others; about all other tickets it is not asked."""
        if self.when is None and not self.situations:
            return None, NEVER
        return self.situations or None, self.when

    telling = True  # see `shortlist.Quietly`

    def quietly(self, policy: Policy, left: Clause | None) -> _quiet.Quiet:  # noqa: ARG002 - the same for each policy
        """Until when it says nothing: see `shortlist.Quietly`."""
        return _quiet.assignment(left)

    def decide(self, ctx: Context) -> Decision:
        """ACT where a ticket of this topic is nobody's yet. A rule without topics is only asked by others."""
        if self.when is None and not self.situations:
            text = "the rule has no `when:`; it only chooses for the rules that name it"
            return answer(ctx, self.ref, Call.NO, (reason("ASKED_BY_OTHERS", text),))
        told = gate(ctx, self.situations or None, self.when)
        if told.tri is not Tri.YES:
            return answer(ctx, self.ref, told.call, told.reasons, wake_at=told.wake_at)
        key = f"assignment:{self.ref.name}:{ctx.ticket.id}"
        if key in ctx.memory.done:
            why = done_reason(key, ctx.memory)
            forget = forget_choice(ctx, key)
            return answer(ctx, self.ref, Call.NO, (*told.reasons, why), wake_at=told.wake_at, keeps=forget)
        tri, agent = ctx.value("agent")
        if tri is Tri.YES:
            why = reason("HAS_AGENT", f"the ticket is {agent}'s already", agent=agent)
            return answer(ctx, self.ref, Call.NO, (*told.reasons, why), wake_at=told.wake_at)
        if tri is Tri.UNKNOWN:
            why = reason("ASSIGNEE_UNKNOWN", "the agent is not known, so whether it is nobody's can't be told")
            return answer(ctx, self.ref, Call.UNKNOWN, (*told.reasons, why), wake_at=told.wake_at)
        choice = self.choose(ctx, key)
        if choice.person is None:
            return answer(ctx, self.ref, Call.UNKNOWN, (*told.reasons, *choice.reasons), wake_at=told.wake_at)
        person = ctx.policy.people[choice.person]
        if person.kind == "group" and ctx.value("group")[0] is Tri.YES and not holds(ctx, person):
            why = reason("HAS_GROUP", f"the ticket is in the group {ctx.ticket.group} already", group=ctx.ticket.group)
            return answer(ctx, self.ref, Call.NO, (*told.reasons, *choice.reasons, why), wake_at=told.wake_at)
        part = assign_to(ctx, person, key, ctx.now, 0, choice.details)
        reasons = (*told.reasons, *choice.reasons, *part.reasons)
        call = Call.ACT if part.want is not None else Call.UNKNOWN if part.unknown else Call.NO
        wants, keeps = ((part.want,), choice.keeps) if part.want is not None else ((), {})
        return answer(ctx, self.ref, call, reasons, wants=wants, wake_at=told.wake_at, keeps=keeps)

    # --- choosing ---------------------------------------------------------------------------------------------------
    def choose(self, ctx: Context, key: str) -> Choice:
        """The person for what `key` names: the one chosen before while there, else the holder, else by the rule's way.

        The fallback where nobody is there; None only where it can't be told.
        """
        named = self._candidates(ctx)
        shifts = shifts_now(ctx, self.rota) if self.rota is not None else ()
        if self.rota is not None:
            on_call = [ctx.policy.people[shift.person] for shift in shifts if shift.person in ctx.policy.people]
            allowed = {person.key for person in named}
            named = tuple({one.key: one for one in on_call if not allowed or one.key in allowed}.values())
        away = {person.key: why for person in named if (why := absence(ctx, person)) is not None}
        there = [person for person in named if person.key not in away]
        before = kept_choice(ctx, key)
        if before is not None and (before == self.fallback or any(person.key == before for person in there)):
            text = f"{before} was chosen before, and it is not done yet"
            return Choice(before, (reason("CHOSEN_BEFORE", text, person=before),), {}, keep_choice(key, before))
        holder = next((person for person in there if person.kind == "agent" and holds(ctx, person)), None)
        if holder is not None:
            text = f"{holder.key}, who has the ticket, is one of the candidates"
            return Choice(holder.key, (reason("HOLDS_IT", text, person=holder.key),))
        chosen = self._one_of(ctx, there, named)
        reasons = (*away.values(), *self._on_call(ctx, shifts), *chosen.reasons)
        if chosen.unknown:
            return Choice(None, reasons)
        details: dict[str, Any] = {"assignment": self.ref.name, "by": self.by}
        if chosen.person is None:
            text = f"nobody of the candidates is there, so {self.fallback} gets it"
            why = reason("FALLBACK", text, person=self.fallback, candidates=[person.key for person in named])
            return Choice(
                self.fallback, (*reasons, why), {**details, "fallback": True}, keep_choice(key, self.fallback)
            )
        if self.by == "round_robin":
            details["turn"] = ctx.duty.turn.get(self.ref.name, 0)
        return Choice(chosen.person.key, reasons, details, keep_choice(key, chosen.person.key))

    def _candidates(self, ctx: Context) -> tuple[Person, ...]:
        people = ctx.policy.people
        if self.candidates:
            named: Iterator[Person] = (people[key] for key in self.candidates)
        elif self.skills:
            named = (person for person in people.values() if person.kind == "agent")
        else:
            return ()
        return tuple(person for person in named if person.kind == "group" or skilled(person, self.skills))

    def _one_of(self, ctx: Context, there: list[Person], named: tuple[Person, ...]) -> Chosen:
        if not there:
            return Chosen(None, ())
        if self.by == "round_robin":
            return in_turn(there, named, ctx.duty.turn.get(self.ref.name, 0))
        if self.by == "least_loaded":
            return least_loaded(ctx, there)
        person = there[0]
        what = "on call" if self.by == "on_call" else "the first candidate who is there"
        return Chosen(person, (reason("CHOSEN", f"{person.key} is {what}", person=person.key, by=self.by),))

    def _on_call(self, ctx: Context, shifts: tuple[Shift, ...]) -> Iterator[Reason]:
        if self.rota is None:
            return
        calendar = ctx.duty.fetched.get(self.rota)
        if calendar is None and getattr(ctx.policy.rotas.get(self.rota), "remote", False):
            calendar = FetchedRota(lost="its calendar stands at a web address, and nobody fetched it here")
        if calendar is not None and calendar.lost is not None:
            text = f"who is on call by {self.rota} is not known: {calendar.lost}"
            yield reason("ROTA_UNKNOWN", text, rota=self.rota, fetched_at=calendar.fetched_at)
            return
        if calendar is not None and calendar.digest is not None and calendar.fetched_at is not None:
            text = f"{self.rota} goes by the calendar {calendar.digest[:12]}, as of {iso(calendar.fetched_at)}"
            yield reason("ROTA_CALENDAR", text, rota=self.rota, digest=calendar.digest, fetched_at=calendar.fetched_at)
        for shift in shifts:
            text = f"{shift.person} is on call by {self.rota}"
            yield reason("ON_CALL", text, rota=self.rota, person=shift.person, **{"from": shift.start, "to": shift.end})
        if not shifts:
            yield reason("NOBODY_ON_CALL", f"nobody is on call by {self.rota} now", rota=self.rota)


def advanced(duty: Duty, evaluation: Evaluation) -> Duty:
    """The duty after an evaluation: turns taken and tickets given, so that one cycle does not give all to one person.

    A choice made before and only repeated moves nothing on.
    """
    turn, load = dict(duty.turn), None if duty.load is None else dict(duty.load)
    moved = False
    for decision in evaluation.decisions:
        if decision.call is not Call.ACT:
            continue
        for want in decision.wants:
            name = want.details.get("assignment")
            if name is None:
                continue
            moved = True
            if "turn" in want.details:
                turn[name] = turn.get(name, 0) + 1
            if load is not None and "agent" in want.changes:
                load[want.changes["agent"]] = load.get(want.changes["agent"], 0) + 1
    return replace(duty, load=load, turn=turn) if moved else duty


def needs_duty(rules: tuple[Any, ...]) -> tuple[bool, bool]:
    """(whether any rule goes by load, whether any chooses in turn): what the account has to look up."""
    ways = {rule.by for rule in rules if isinstance(rule, AssignmentRule)}
    weighed = any(isinstance(rule, RootCauseRule) and rule.load is not None for rule in rules)
    return weighed or "least_loaded" in ways, "round_robin" in ways


FIELDS = (
    Field("situations", Many(Name("situation")), "Only tickets in these situations.", default=()),
    Field("when", When(), "The topics; without them the rule only chooses for rules that name it."),
    Field(
        "candidates",
        Many(Name("assignee")),
        "Who may get it, in this order; left out: all with the `skills`.",
        default=(),
    ),
    Field("skills", Many(Text()), "An agent must have all of these.", default=()),
    Field(
        "by",
        Word(_WAYS),
        "`first` who is there; `round_robin`, in turn; `least_loaded`, fewest open tickets; `on_call`, by the rota.",
        default="first",
    ),
    Field("rota", Name("rota"), "Who is on call when; with `by: on_call`."),
    Field("fallback", Name("assignee"), "Who gets it where nobody of the candidates is there.", required=True),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> AssignmentRule:
    given = defaults(FIELDS, values)
    rule = AssignmentRule(
        ref=ref,
        situations=tuple(given["situations"] or ()),
        when=given["when"],
        candidates=tuple(dict.fromkeys(given["candidates"] or ())),
        skills=tuple(given["skills"] or ()),
        by=given["by"],
        rota=given["rota"],
        fallback=given["fallback"],
    )
    if (rule.by == "on_call") != (rule.rota is not None):
        text = "`by: on_call` and `rota:` belong together"
        raise RuleProblem(_NOBODY, text, "rota" if rule.rota else "by")
    if rule.by != "on_call" and not (rule.candidates or rule.skills):
        raise RuleProblem(_NOBODY, "there is nobody to choose from: give it `candidates` or `skills`")
    return rule


KIND = RuleKind(
    name="assignment",
    doc="Gives tickets of a topic to an agent or group: in turn, the least loaded, the first there, or who is on call.",
    fields=FIELDS,
    build=_build,
    example="""\
assignment:
  - name: billing
    when: {any_phrase: [invoice, payment]}
    candidates: [supervisor]
    by: first
    fallback: supervision
""",
)
