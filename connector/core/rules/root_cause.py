"""`root_cause`: why a case went up, suggested for its record; where another team owes the answer, it gets the case.

The rules are asked in their order and the first one that holds gives the cause; one that can't be told keeps those
after it silent. What a person has set on the ticket goes before every suggestion. Only tickets with an open record are
spoken of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.core.model import EMPTY, Call, Decision, Reason, RuleRef, Want
from connector.core.policy import Condition, Context, Person, Policy
from connector.core.records import CAUSE, registered
from connector.core.rules._common import answer, done_reason, earliest, fold, gate, reason, written
from connector.core.rules._root_cause_facts import Fact, Load, overloaded, owing_team, promise_broken, sla_broken
from connector.core.rules._steps import assign_to
from connector.core.spec import (
    Count,
    Field,
    FieldName,
    Flag,
    Many,
    Name,
    Number,
    Record,
    RuleKind,
    RuleProblem,
    Text,
    When,
    Word,
    defaults,
)
from connector.core.tri import Tri

CAUSES = (
    "overloaded_agent", "waiting_on_team", "promise_broken", "sla_broken", "agent_conduct", "agent_skill", "other",
)  # fmt: skip
_KIND = "root_cause"
_CLASH = "E050"
_BROKEN = ("broken",)
Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RootCauseRule:
    """One rule under `root_cause:`; the fields are those an admin writes."""

    ref: RuleRef
    cause: str
    situations: tuple[str, ...] = ()
    when: Condition | None = None
    load: Load | None = None
    promise: bool = False
    sla: bool = False
    team: str | None = None
    team_field: str | None = None
    hand_over: bool = False
    note: str | None = None
    field: str | None = None
    labels: tuple[str, ...] = ()

    def conditions(self) -> Iterator[Condition]:
        """The rule's `when:`, if it has one."""
        if self.when is not None:
            yield self.when

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns; a rule that reads what people set is asked about every ticket."""
        return (None, None) if self.field is not None else (self.situations or None, self.when)

    def decide(self, ctx: Context) -> Decision:
        """ACT with the cause for every record that has none, and the hand-over that goes with it."""
        entries = registered(ctx.memory)
        told = gate(ctx, self.situations or None, self.when)
        if self.field is None and told.tri is Tri.NO:
            return answer(ctx, self.ref, told.call, told.reasons, wake_at=told.wake_at)
        if not entries:
            why = reason("NOT_REGISTERED", "no escalation of this ticket stands in the register and is open")
            return answer(ctx, self.ref, Call.NO, (why,), wake_at=told.wake_at)
        first = ctx.shared.get(_KIND, self.ref.name)
        said = _said(ctx)
        if said is not None and first == self.ref.name:
            ctx.shared[_KIND] = self.ref.name
            return self._by_person(ctx, entries, said, told.wake_at)
        if first != self.ref.name:
            why = reason("CAUSE_TOLD_BEFORE", f"{_KIND} '{first}' speaks of it already", rule=first)
            return answer(ctx, self.ref, Call.NO, (why,), wake_at=told.wake_at)
        if told.tri is Tri.NO:
            return answer(ctx, self.ref, Call.NO, told.reasons, wake_at=told.wake_at)
        lacking = [id_ for id_, entry in entries.items() if entry.get("cause") is None]
        if not lacking:
            return self._told(ctx, entries, told.reasons, told.wake_at)
        if told.tri is Tri.UNKNOWN:
            ctx.shared[_KIND] = self.ref.name
            return answer(ctx, self.ref, Call.UNKNOWN, told.reasons, wake_at=told.wake_at)
        return self._suggested(ctx, entries, lacking, told.reasons, told.wake_at)

    # --- what a person set ------------------------------------------------------------------------------------------
    def _by_person(self, ctx: Context, entries: Entries, said: _Said, wake: datetime | None) -> Decision:
        stale = [id_ for id_, entry in entries.items() if entry.get("cause") != said.cause or not entry.get("set")]
        values = {"field": said.field, "value": said.value, "cause": said.cause}
        if not stale:
            text = f"{said.field} says {said.value!r}, and so does the register"
            return answer(ctx, self.ref, Call.NO, (reason("CAUSE_SET", text, **values),), wake_at=wake)
        times = max(int(entries[id_].get("set", 0)) for id_ in stale) + 1
        key = f"{_KIND}:{self.ref.name}:{stale[0]}:set{times}"
        cause = {
            "cause": said.cause,
            "by": "set",
            "team": None,
            "evidence": {"field": said.field, "value": said.value},
        }
        text = f"{said.field} says {said.value!r}: that is the cause, whatever was suggested"
        want = Want("register", key, due=ctx.now, details={CAUSE: cause, "of": stale})
        return answer(ctx, self.ref, Call.ACT, (reason("CAUSE_SET", text, **values),), wants=(want,), wake_at=wake)

    # --- a suggestion -----------------------------------------------------------------------------------------------
    def _suggested(
        self, ctx: Context, entries: Entries, lacking: Sequence[str], seen: Sequence[Reason], wake: datetime | None
    ) -> Decision:
        facts, team = self._facts(ctx, entries[lacking[0]])
        reasons = (*seen, *(fact.why for fact in facts))
        wake = earliest(wake, *(fact.wake_at for fact in facts))
        answers = [fact.tri for fact in facts]
        if Tri.NO in answers:
            rest = Call.NO if wake is None else Call.WAIT
            return answer(ctx, self.ref, rest, reasons, wake_at=wake)
        ctx.shared[_KIND] = self.ref.name
        if Tri.UNKNOWN in answers:
            return answer(ctx, self.ref, Call.UNKNOWN, reasons, wake_at=wake)
        evidence = {name: value for fact in facts for name, value in fact.evidence.items()}
        words = [one.code for one in seen]
        cause = {
            "cause": self.cause,
            "by": "suggested",
            "team": None if team is None else team.key,
            "evidence": {"rule": self.ref.name, **({"when": words} if words else {}), **evidence},
        }
        text = f"the cause suggested is {self.cause}"
        why = reason("CAUSE", text, cause=self.cause, team=None if team is None else team.key)
        want = Want("register", self._key(lacking[0], "cause"), due=ctx.now, details={CAUSE: cause, "of": lacking})
        over = self._hand_over(ctx, entries, team)
        calls = (*reasons, why, *over.reasons)
        return answer(ctx, self.ref, Call.ACT, calls, wants=(want, *over.wants), wake_at=wake, keeps=over.keeps)

    def _facts(self, ctx: Context, entry: Mapping[str, Any]) -> tuple[list[Fact], Person | None]:
        facts: list[Fact] = []
        team = None if self.team is None else ctx.policy.people[self.team]
        if self.load is not None:
            facts.append(overloaded(ctx, self.load, entry.get("agent")))
        if self.promise:
            facts.append(promise_broken(ctx))
        if self.sla:
            facts.append(sla_broken(ctx))
        if self.team_field is not None:
            fact, team = owing_team(ctx, self.team_field)
            facts.append(fact)
        return facts, team

    def _told(self, ctx: Context, entries: Entries, seen: Sequence[Reason], wake: datetime | None) -> Decision:
        """Every record has its cause: what is left is the hand-over of one that this rule told."""
        mine = any(self._key(id_, "cause") in ctx.memory.done for id_ in entries)
        why = reason("CAUSE_DONE", "every record of the ticket has its cause", causes=_causes(entries))
        if not (mine and self.hand_over):
            return answer(ctx, self.ref, Call.NO, (*seen, why), wake_at=wake)
        team = None if self.team is None else ctx.policy.people[self.team]
        if self.team_field is not None:
            fact, team = owing_team(ctx, self.team_field)
            seen = (*seen, fact.why)
        over = self._hand_over(ctx, entries, team)
        call = Call.ACT if over.wants else Call.UNKNOWN if over.unknown else Call.NO
        reasons = (*seen, why, *over.reasons)
        return answer(ctx, self.ref, call, reasons, wants=over.wants, wake_at=wake, keeps=over.keeps)

    # --- the hand-over ----------------------------------------------------------------------------------------------
    def _hand_over(self, ctx: Context, entries: Entries, team: Person | None) -> _Over:
        """The case to the team, once in an escalation; a team that has it, or a person's own choice, ends it."""
        if not self.hand_over or team is None:
            return _Over()
        anchor, opened = next(iter(entries.items()))
        key, settled = self._key(anchor, "assign"), f"{_KIND}:{self.ref.name}"
        if key in ctx.memory.done:
            over = _Over((), (done_reason(key, ctx.memory),))
        elif ctx.memory.extra.get(settled) == anchor:
            why = reason("HANDED_OVER", "who has the case was settled before in this escalation", team=team.key)
            return _Over((), (why,))
        elif (higher := self._handed_on(ctx, entries)) is not None:
            text = "another rule has handed it on since the cause was told: it is not brought back"
            return _Over((), (reason("HANDED_ON", text, key=higher),))
        else:
            due = datetime.fromisoformat(opened["at"])
            part = assign_to(ctx, team, key, min(due, ctx.now), 0, {"cause": self.cause, "kind": "functional"})
            if part.want is None:
                keeps = {} if part.unknown else {settled: anchor}
                return _Over((), part.reasons, keeps, part.unknown)
            over = _Over((part.want,), part.reasons)
        return over if self.note is None else self._with_note(ctx, over, key, team, self.note)

    def _handed_on(self, ctx: Context, entries: Entries) -> str | None:
        """The key of an assignment that another rule carried out after this one had told the cause."""
        done = ctx.memory.done
        told = [done[key] for key in (self._key(id_, "cause") for id_ in entries) if key in done]
        return next((key for key in sorted(done) if told and key.endswith(":assign") and done[key] > min(told)), None)

    def _with_note(self, ctx: Context, over: _Over, key: str, team: Person, note: str) -> _Over:
        note_key = f"{key}:note"
        if note_key in ctx.memory.done:
            return over
        text, problem = written(ctx, note, to=team.name)
        if text is None:
            return _Over(over.wants, (*over.reasons, *(() if problem is None else (problem,))), unknown=True)
        told = Want("note", note_key, text=text, due=ctx.now, details={"private": True, "with": key})
        return _Over((*over.wants, told), over.reasons)

    def _key(self, id_: str, part: str) -> str:
        return f"{_KIND}:{self.ref.name}:{id_}:{part}"


@dataclass(frozen=True, slots=True)
class _Over:
    """What a hand-over wants now, and why."""

    wants: tuple[Want, ...] = ()
    reasons: tuple[Reason, ...] = ()
    keeps: Mapping[str, Any] = EMPTY
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """The cause a person set on the ticket: in which field, as which value, and the word it means."""

    field: str
    value: str
    cause: str


def _said(ctx: Context) -> _Said | None:
    """What a person set, by the first field of the policy's rules that is filled; a word no rule knows is `other`."""
    for name, meanings in _fields(ctx.policy).items():
        tri, value = ctx.value(name)
        if tri is Tri.YES:
            return _Said(name, str(value), meanings.get(fold(str(value)), "other"))
    return None


def _fields(policy: Policy) -> Mapping[str, Mapping[str, str]]:
    """Field -> folded value -> cause, of all rules of this kind; worked out once a policy."""
    known: dict[str, dict[str, str]] | None = policy.memo.get(_KIND)
    if known is None:
        rules = [rule for rule in policy.rules if isinstance(rule, RootCauseRule)]
        words = {fold(word): word for word in CAUSES}
        words.update({fold(label): rule.cause for rule in rules for label in rule.labels})
        known = policy.memo[_KIND] = {rule.field: words for rule in rules if rule.field is not None}
    return known


def _causes(entries: Entries) -> list[str]:
    return sorted({str(entry.get("cause")) for entry in entries.values()})


FIELDS = (
    Field("cause", Word(CAUSES), "The cause that is suggested where everything below holds.", required=True),
    Field("situations", Many(Name("situation")), "Only tickets in these situations.", default=()),
    Field("when", When(), "Which escalated tickets it concerns."),
    Field(
        "load",
        Record(
            (
                Field("times_peers", Number(), "So many times the median of the peers, or more.", required=True),
                Field("least", Count(least=1), "And at least so many open tickets.", required=True),
                Field(
                    "peers",
                    Many(Name("agent")),
                    "The agents to compare with; left out: everybody else who has a ticket.",
                    default=(),
                ),
            )
        ),
        "Whoever had the ticket when it went up has too many open ones.",
    ),
    Field("promise", Word(_BROKEN), "`broken`: what was promised in the situation has passed."),
    Field("sla", Word(_BROKEN), "`broken`: a deadline of the ticket is broken and not met yet."),
    Field("team", Name("group"), "The team that owes the answer."),
    Field("team_field", FieldName(), "The field that names that team, in place of `team`."),
    Field("hand_over", Flag(), "`true`: the case goes to that team, once in an escalation.", default=False),
    Field("note", Name("text"), "A private note with the hand-over: the name of a text, or the text itself."),
    Field("field", FieldName(), "The field in which people set the cause; it goes before every suggestion."),
    Field("label", Many(Text()), "Values of that field that mean this cause, besides its own word.", default=()),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> RootCauseRule:
    given = defaults(FIELDS, values)
    load = given["load"]
    rule = RootCauseRule(
        ref=ref,
        cause=given["cause"],
        situations=tuple(given["situations"] or ()),
        when=given["when"],
        load=None if load is None else Load(load["times_peers"], load["least"], tuple(load.get("peers") or ())),
        promise=given["promise"] is not None,
        sla=given["sla"] is not None,
        team=given["team"],
        team_field=given["team_field"],
        hand_over=given["hand_over"],
        note=given["note"],
        field=given["field"],
        labels=tuple(given["label"] or ()),
    )
    _check(rule)
    return rule


def _check(rule: RootCauseRule) -> None:
    """Refuse values that are each well-formed but make no sense together."""
    asks = (rule.situations, rule.when, rule.load, rule.promise, rule.sla, rule.team_field)
    wrong = (
        (
            not any(asks) and rule.cause != "other",
            "it would be the cause of every escalation: give it `when`, `load`, `promise`, `sla` or `team_field`",
            None,
        ),
        (rule.team is not None and rule.team_field is not None, "`team` and `team_field` name the same thing", "team"),
        (
            rule.hand_over and rule.team is None and rule.team_field is None,
            "`hand_over` needs the team: `team` or `team_field`",
            "hand_over",
        ),
        (rule.note is not None and not rule.hand_over, "`note` goes with `hand_over: true`", "note"),
        (
            rule.load is not None and rule.load.times_peers < 1,
            "`times_peers` below 1 calls agents overloaded who have less than their peers",
            "load",
        ),
    )
    for bad, text, field in wrong:
        if bad:
            raise RuleProblem(_CLASH, text, field)


KIND = RuleKind(
    name=_KIND,
    doc="Suggests for the register why a case went up, and hands it to the team that owes the answer.",
    fields=FIELDS,
    build=_build,
    example="""\
root_cause:
  - name: the agent had too much
    cause: overloaded_agent
    load: {times_peers: 1.5, least: 10}
  - name: the promise was not kept
    cause: promise_broken
    promise: broken
""",
)
