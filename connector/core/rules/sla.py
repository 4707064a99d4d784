"""`sla`: deadlines for the first response, the next response and the resolution, with reminders and what a breach does.

Each rule is one policy; the first in the order of the files that concerns a ticket is the one that holds for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.core.conditions_base import Clause
from connector.core.model import EMPTY, PRIORITIES, Call, Decision, Reason, RuleRef, Want
from connector.core.policy import Condition, Context, Policy, Span
from connector.core.rules._common import Gate, answer, done_reason, earliest, gate, iso, reason, written
from connector.core.rules._deadlines import back_from
from connector.core.rules._matrix_events import METRICS
from connector.core.rules._pauses import observed_pauses
from connector.core.rules._sla_clock import Breach, Deadline, Reminder, Target, deadline_of, reminder_key, running
from connector.core.rules._sla_quiet import Quiet, quietly
from connector.core.rules._steps import STEP_FIELDS, TO, Step, Taking, addressees, parts_of, span_fields
from connector.core.spec import (
    Duration,
    Either,
    Field,
    Many,
    Name,
    Record,
    RuleKind,
    RuleProblem,
    When,
    Word,
    defaults,
)
from connector.core.tri import Tri
from connector.core.worktime import WorkCalendar

_REMINDER = "E055"
_NO_TARGET = "E032"
#: Reminders come no later than this before the deadline.
_LEAST = timedelta(minutes=30)
_HALF_HOUR = Span(1800, "elapsed", "30 min")
_WAITING = ("waiting_customer", "waiting_other")
_PAUSES = {"first_response": (), "next_response": (), "resolution": _WAITING}

Targets = Span | Mapping[str, Span | None]


@dataclass(slots=True)
class _Told:
    """What the metrics of one ticket add up to."""

    reasons: list[Reason] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    keeps: dict[str, Any] = field(default_factory=dict)
    wake: datetime | None = None
    unknown: bool = False
    waits: bool = False

    @property
    def call(self) -> Call:
        return Call.ACT if self.wants else Call.UNKNOWN if self.unknown else Call.WAIT if self.waits else Call.NO


@dataclass(frozen=True, slots=True)
class SlaRule:
    """One policy under `sla:`; the fields are those an admin writes."""

    ref: RuleRef
    situations: tuple[str, ...]
    when: Condition | None
    calendar: str | None
    targets: Mapping[str, Targets]
    pauses: Mapping[str, tuple[str, ...]]
    remind: tuple[Reminder, ...]
    breach: tuple[Breach, ...]

    def conditions(self) -> Iterator[Condition]:
        """The policy's `when:`."""
        if self.when is not None:
            yield self.when

    one_of_several = True  # see `shortlist.Selective`: an earlier policy may hold

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns; the first policy is asked about all, since it keeps the pauses for the others."""
        return self.situations or None, self.when

    def together(self, policy: Policy, asked: Sequence[tuple[Any, Clause | None]]) -> Quiet:
        """Until when none of the policies says anything: see `shortlist.TogetherQuietly`."""
        return quietly(policy, asked)

    def decide(self, ctx: Context) -> Decision:
        """ACT where a reminder is due or a deadline is broken; WAIT for the next of them; NO under another policy."""
        # A policy asked before this one has learnt the pauses already.
        pauses = EMPTY if ctx.brief and "sla" in ctx.shared else observed_pauses(ctx)
        ctx.learn(pauses)
        own, refusal, wake = self._holds(ctx)
        if refusal is not None:
            return answer(ctx, self.ref, refusal, own, wake_at=wake, keeps=pauses)
        told = _Told(list(own), keeps=dict(pauses), wake=wake)
        for metric in METRICS:
            if metric in self.targets:
                self._ask(ctx, metric, told)
        return answer(ctx, self.ref, told.call, told.reasons, wants=told.wants, wake_at=told.wake, keeps=told.keeps)

    # --- which policy -----------------------------------------------------------------------------------------------
    def _holds(self, ctx: Context) -> tuple[tuple[Reason, ...], Call | None, datetime | None]:
        """(why this policy holds or not, None where it holds, when time alone could change that)."""
        asked, wake = _asked(ctx), None
        for rule, told in asked:
            wake = earliest(wake, told.wake_at)
            if rule is self:
                holds = told.tri is Tri.YES
                if ctx.brief:
                    return (), None if holds else told.call, wake
                first = reason("POLICY", f"policy {self.ref.name!r} is the first that concerns the ticket")
                return (*told.reasons, first) if holds else told.reasons, None if holds else told.call, wake
        last, why = asked[-1]
        if why.tri is Tri.YES:
            if ctx.brief:
                return (), Call.NO, wake
            text = f"policy {last.ref.name!r} concerns the ticket and comes first ({last.ref.file}:{last.ref.line})"
            return (reason("OTHER_POLICY", text, policy=last.ref.name),), Call.NO, wake
        own = gate(ctx, self.situations or None, self.when)
        if own.tri is Tri.NO:
            return own.reasons, Call.NO, earliest(wake, own.wake_at)
        text = f"whether policy {last.ref.name!r}, which comes first, concerns the ticket can't be told"
        unsure = reason("OTHER_POLICY_UNKNOWN", text, policy=last.ref.name)
        return (*own.reasons, unsure), Call.UNKNOWN, earliest(wake, own.wake_at)

    # --- one metric -------------------------------------------------------------------------------------------------
    def _ask(self, ctx: Context, metric: str, told: _Told) -> None:
        clock = running(ctx, metric)
        if clock.start is None:
            told.unknown = told.unknown or clock.unknown
            told.reasons += [clock.why] if clock.why is not None else []
            return
        target = self._target(ctx, metric)
        if isinstance(target, Reason):
            told.unknown = told.unknown or target.code != "NO_TARGET"
            told.reasons.append(target)
            return
        if ctx.value("status")[0] is Tri.UNKNOWN and (target.pauses or metric == "resolution"):
            text = f"the status is not known, so whether the clock of {metric} stands still can't be told"
            told.reasons.append(reason("STATUS_UNKNOWN", text, metric=metric, field="status"))
            told.unknown = True
            return
        state = deadline_of(ctx, metric, clock, target)
        told.reasons += state.reasons
        told.keeps.update(state.keeps)
        if state.met is not None:
            return
        if state.breached is not None:
            self._broken(ctx, metric, state, state.breached, told)
        elif state.due is None:
            told.waits = True  # for a person, not for time
        else:
            told.waits = True
            told.wake = earliest(told.wake, state.due)
            self._remind(ctx, metric, state, target.calendar, told)

    def _target(self, ctx: Context, metric: str) -> Target | Reason:
        targets = self.targets[metric]
        priority: str | None = None
        if isinstance(targets, Span):
            span: Span | None = targets
        else:
            tri, priority = ctx.value("priority")
            if tri is Tri.UNKNOWN:
                text = f"the priority, which tells the target of {metric}, is not known"
                return reason("PRIORITY_UNKNOWN", text, metric=metric, field="priority")
            span = targets.get(priority or "")
        if span is None:
            text = f"the policy promises no {metric.replace('_', ' ')} for priority {priority or 'none'}"
            return reason("NO_TARGET", text, metric=metric, priority=priority)
        name = self.calendar or ctx.policy.default_calendar
        calendar, matrix = ctx.policy.calendar(name), self.matrix_of(metric)
        return Target(self.ref.name, span, priority, calendar, self.pauses[metric], matrix, name)

    def matrix_of(self, metric: str) -> str | None:
        """The matrix rule whose levels count from a breach of this metric."""
        return next((each.matrix for each in self._breach_of(metric) if each.matrix is not None), None)

    def _breach_of(self, metric: str) -> tuple[Breach, ...]:
        return tuple(each for each in self.breach if not each.metrics or metric in each.metrics)

    def _broken(self, ctx: Context, metric: str, state: Deadline, at: datetime, told: _Told) -> None:
        for number, breach in enumerate(self._breach_of(metric), 1):
            # Without the policy's name: a ticket that moves to another policy has broken its deadline once, not twice.
            begin = f"sla:{ctx.ticket.id}:{iso(state.start)}:{metric}:breach{number}"
            why = reason("BREACH", f"the {metric.replace('_', ' ')} was due at {iso(at)}", metric=metric, due=at)
            record = {"metric": metric, "cause": "sla_broken", "policy": self.ref.name}
            taking = Taking(
                lambda part, begin=begin: f"{begin}:{part}",  # type: ignore[misc]
                at,
                0,
                why,
                details={"metric": metric},
                record=record,
            )
            for part in parts_of(ctx, breach.step, taking):
                told.reasons += part.reasons
                told.keeps.update(part.keeps)
                told.unknown = told.unknown or part.unknown
                if part.want is not None:
                    told.wants.append(part.want)

    def _remind(self, ctx: Context, metric: str, state: Deadline, calendar: WorkCalendar, told: _Told) -> None:
        assert state.due is not None
        for number, reminder in enumerate(self.remind, 1):
            if reminder.metrics and metric not in reminder.metrics:
                continue
            at = back_from(state.due, reminder.before, calendar)
            values = {"metric": metric, "before": reminder.before.text, "due": state.due, "at": at}
            if at <= state.start:
                text = f"the deadline is less than {reminder.before.text} after the start: there is no reminder"
                told.reasons.append(reason("REMINDER_NONE", text, **values))
                continue
            if ctx.now < at:
                told.wake = earliest(told.wake, at)
                if not ctx.brief:
                    told.reasons.append(reason("REMINDER_LATER", f"a reminder comes at {iso(at)}", **values))
                continue
            key = reminder_key(ctx.ticket, state.start, metric, number, state.due)
            if key in ctx.memory.done:
                told.reasons.append(done_reason(key, ctx.memory))
                continue
            to, why = addressees(ctx, reminder.notify)
            told.reasons += [reason("REMINDER_DUE", f"{reminder.before.text} before {iso(state.due)}", **values), *why]
            text_of = None
            if reminder.text is not None:
                text_of, problem = written(ctx, reminder.text, due=state.due)
                told.reasons += [] if problem is None else [problem]
            if to:
                details = {"metric": metric, "deadline": iso(state.due)}
                told.wants.append(Want("notify", key, text=text_of, to=to, due=at, details=details))


def _asked(ctx: Context) -> list[tuple[SlaRule, Gate]]:
    """The policies up to the first that concerns the ticket, or might, each with what its condition says."""
    found: list[tuple[SlaRule, Gate]] | None = ctx.shared.get("sla")
    if found is None:
        found = []
        for rule in ctx.policy.rules:
            if isinstance(rule, SlaRule):
                told = gate(ctx, rule.situations or None, rule.when)
                found.append((rule, told))
                if told.tri is not Tri.NO:
                    break
        ctx.shared["sla"] = found
    return found


_METRICS = Field("metrics", Many(Word(METRICS)), "Only for these; left out: for all.", default=())
_TARGET = Either(Duration(), Record(span_fields("The target of tickets of this priority.")))
_STOPS = Many(Word(_WAITING))

FIELDS = (
    Field("situations", Many(Name("situation")), "Only tickets in these situations.", default=()),
    Field("when", When(), "Which tickets it concerns; without it: all. The first policy that fits holds."),
    Field("calendar", Name("calendar"), "The calendar in which business spans are counted."),
    Field("first_response", _TARGET, "From creation to an agent's first answer: one span, or one for each priority."),
    Field("next_response", _TARGET, "From the customer's first word after the agent's to the agent's answer."),
    Field("resolution", _TARGET, "From creation to the end of the work."),
    Field(
        "pauses",
        Either(
            _STOPS,
            Record(
                (
                    Field("first_response", _STOPS, "Statuses that stop this clock; none unless said.", default=()),
                    Field("next_response", _STOPS, "Statuses that stop this clock; none unless said.", default=()),
                    Field("resolution", _STOPS, "Statuses that stop this clock.", default=_WAITING),
                )
            ),
        ),
        "Statuses in which a clock stands still. A list is the resolution's; the others stop only where named.",
        default=_WAITING,
    ),
    Field(
        "remind",
        Many(
            Record(
                (
                    Field("before", Duration(), "How long before the deadline; half an hour at least."),
                    Field("notify", TO, "Who is told; `assignee` is whoever has the ticket.", required=True),
                    Field("text", Name("text"), "What they are told: the name of a text, or the text itself."),
                    _METRICS,
                )
            )
        ),
        "Reminders before a deadline; without `before`: half an hour.",
        default=(),
    ),
    Field(
        "breach",
        Many(
            Record(
                (
                    *STEP_FIELDS,
                    Field("matrix", Name("matrix"), "The matrix rule (`since: breach`) whose levels count from it."),
                    _METRICS,
                )
            )
        ),
        "What is done when a deadline is broken; once for each run of a clock.",
        default=(),
    ),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> SlaRule:
    given = defaults(FIELDS, values)
    pauses = given["pauses"]
    rule = SlaRule(
        ref=ref,
        situations=tuple(given["situations"] or ()),
        when=given["when"],
        calendar=given["calendar"],
        targets={metric: given[metric] for metric in METRICS if given[metric] is not None},
        pauses={
            **_PAUSES,
            **(
                {metric: tuple(each) for metric, each in pauses.items() if each is not None}
                if isinstance(pauses, Mapping)
                else {"resolution": tuple(pauses or ())}
            ),
        },
        remind=tuple(
            Reminder(
                each.get("before") or _HALF_HOUR,
                tuple(each["notify"]),
                each.get("text"),
                tuple(each.get("metrics") or ()),
            )
            for each in given["remind"] or ()
        ),
        breach=tuple(
            Breach(Step.of(each), each.get("matrix"), tuple(each.get("metrics") or ()))
            for each in given["breach"] or ()
        ),
    )
    _check(rule)
    return rule


def _check(rule: SlaRule) -> None:
    """Refuse policies that promise nothing, reminders too late to help, and breaches that do nothing."""
    if not rule.targets:
        raise RuleProblem(_NO_TARGET, f"a policy promises at least one of {', '.join(METRICS)}")
    for metric, targets in rule.targets.items():
        if not isinstance(targets, Span) and not any(targets.values()):
            raise RuleProblem(_NO_TARGET, f"`{metric}` names no priority", metric)
        for span in _spans(targets):
            if span.amount == 0:
                raise RuleProblem(_REMINDER, f"`{metric}: {span.text}` is over as soon as it begins", metric)
    for reminder in rule.remind:
        before = reminder.before
        if before.amount < (1 if before.unit == "business_days" else _LEAST.total_seconds()):
            text = f"a reminder {before.text} before the deadline is too late; half an hour is the least"
            raise RuleProblem(_REMINDER, text, "remind")
        for metric in reminder.metrics or tuple(rule.targets):
            spans = list(_spans(rule.targets.get(metric, {})))
            if spans and all(span.unit == before.unit and span.amount <= before.amount for span in spans):
                text = f"a reminder {before.text} before the deadline comes before the clock of `{metric}` has begun"
                raise RuleProblem(_REMINDER, text, "remind")
    for breach in rule.breach:
        if breach.step.is_empty and breach.matrix is None:
            text = "a breach does nothing; give it `notify`, `assign`, `priority`, `note` or `matrix`"
            raise RuleProblem(_REMINDER, text, "breach")


def _spans(targets: Targets) -> Iterator[Span]:
    if isinstance(targets, Span):
        yield targets
    else:
        yield from (targets[priority] for priority in PRIORITIES if targets.get(priority) is not None)  # type: ignore[misc]


KIND = RuleKind(
    name="sla",
    doc="Deadlines for first response, next response and resolution; reminders before them, and what a breach does.",
    fields=FIELDS,
    build=_build,
    example="""\
sla:
  - name: standard
    first_response: {urgent: 1h, high: 4h, normal: 8h, low: 24h}
    resolution: {urgent: 8h, high: 24h, normal: 3d, low: 5d}
    remind: {before: 30 min, notify: assignee}
    breach: {notify: [assignee, supervisor], priority: high}
""",
)
