"""`situations`: the situations a ticket can be in, how each is recognised, and the course a ticket in it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.core.model import Call, Decision, RuleRef
from connector.core.policy import Condition, Context, Situation, Span
from connector.core.rules import _situation_steps
from connector.core.rules._common import answer, evidence, reason
from connector.core.rules._situation_course import Course, Escalate, Fact, FollowUp, HoldReminder, Promise, Reply
from connector.core.rules._steps import HAND_TO, KINDS, TO, handed_to
from connector.core.spec import (
    Count,
    Duration,
    Either,
    Field,
    FieldName,
    Flag,
    Many,
    Name,
    Record,
    RuleKind,
    RuleProblem,
    Text,
    When,
    Word,
    defaults,
)
from connector.core.tri import Tri

_CLASH = "E050"
_SPANS = "E052"
_LEAST_FOLLOW_UP = 3600  # seconds


@dataclass(frozen=True, slots=True)
class SituationRule:
    """One entry under `situations:`. `situation` is its value for `Policy.situations`."""

    ref: RuleRef
    situation: Situation

    def conditions(self) -> Iterator[Condition]:
        """Its `detect:`, if it has one, and those of its course."""
        if self.situation.detect is not None:
            yield self.situation.detect
        if self.situation.course is not None:
            yield from self.situation.course.conditions()

    def decide(self, ctx: Context) -> Decision:
        """For a ticket that is in it, what its course wants now; for any other, what the detection says."""
        if ctx.situation == self.situation.id and self.situation.course is not None:
            return _situation_steps.decide(ctx, self.situation)
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


PROMISE = Either(
    Duration(),
    Record(
        (
            Field("least", Duration(), "The earliest the customer is told.", required=True),
            Field("most", Duration(), "The latest: the promise has passed then.", required=True),
        )
    ),
)
_FACT = Either(
    FieldName(),
    Record(
        (
            Field("field", FieldName(), "The field that must be filled.", required=True),
            Field("or", Many(FieldName()), "Fields that do as well.", default=()),
            Field("name", Text(), "What people call it."),
            Field(
                "if_unknown",
                Word(("wait", "pass")),
                "What happens where the source does not tell the field: `wait` (reported as unknown), or `pass`: it is "
                "not asked for.",
                default="wait",
            ),
        )
    ),
)
FIELDS = (
    Field("title", Text(), "What people call it; a helpdesk's escalation field may hold it.", required=True),
    Field("detect", When(), "Recognises the situation on tickets that no field or tag puts into one."),
    Field(
        "detection",
        Word(("suggest", "act")),
        "Whether `detect` only suggests the situation to people, or puts the ticket into it.",
        default="suggest",
    ),
    Field("promise", PROMISE, "Within what time the customer is told to have an answer; once made, it is kept."),
    Field("calendar", Name("calendar"), "The calendar in which business spans are counted."),
    Field(
        "escalate",
        Record(
            (
                Field(
                    "at",
                    Word(("once", "promise", "condition", "never")),
                    "When it goes up: at once, when the promise has passed, when `when` holds, or never.",
                    default="once",
                ),
                Field("when", When(), "What must hold besides."),
                Field(
                    "to", HAND_TO, "The agent or group that gets the ticket, or the assignment rule that chooses it."
                ),
                Field("notify", TO, "Who is told; `assignee` is whoever has the ticket.", default=()),
                Field("note", Name("text"), "The private note, and the message to those told."),
                Field(
                    "kind",
                    Word(KINDS),
                    "To those who have the means (`functional`) or to someone senior (`hierarchical`).",
                    default="hierarchical",
                ),
                Field("level", Count(least=1), "The level it reaches, for the record.", default=1),
                Field("urgent", Flag(), "Whether the message is marked as urgent.", default=False),
            )
        ),
        "When and to whom the case goes up.",
    ),
    Field(
        "follow_up",
        Record(
            (
                Field("after", Duration(), "The first follow-up, counted from the start of the situation."),
                Field("at", Word(("promise",)), "In place of `after`: when the promise has passed."),
                Field("every", Duration(), "The time from each follow-up to the next; left out: only one."),
                Field("note", Name("text"), "The private note left as evidence."),
                Field("notify", TO, "Who is told.", default=()),
            )
        ),
        "When the case is followed up.",
    ),
    Field(
        "toggle",
        Flag(),
        "Whether the keep-alive toggle comes at each follow-up (of keep-alive rules with `follow_up: situation`).",
        default=False,
    ),
    Field("facts", Many(_FACT), "What must be known before it goes up; it waits for what is missing.", default=()),
    Field("missing_note", Name("text"), "The one private note that lists what is missing (`#FACTS#`)."),
    Field("checklist", Name("text"), "The steps for the agent, in one private note at the start."),
    Field(
        "reply",
        Record(
            (
                Field("text", Name("text"), "The answer to the customer.", required=True),
                Field("mode", Word(("draft", "send")), "Left as a draft in a private note, or sent.", default="draft"),
                Field("when", When(), "What must hold; without it: at the start."),
                Field("heading", Name("text"), "A line before a draft, for the agent."),
            )
        ),
        "The template answer.",
    ),
    Field(
        "register",
        Record((Field("tab", Text(), "The tab of the workbook.", required=True),)),
        "The line in the register of special escalations, written when it goes up.",
    ),
    Field(
        "hold",
        Record(
            (
                Field("every", Duration(business=False), "The time between two reminders.", required=True),
                Field("until", Duration(business=False), "For how long they come.", required=True),
                Field("notify", TO, "Who is reminded.", required=True),
                Field("note", Name("text"), "The message."),
            )
        ),
        "Reminds of a caller who waits on the line.",
    ),
)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> SituationRule:
    given = defaults(FIELDS, values)
    suggest = given["detection"] != "act"
    course = _course(given)
    _check(course)
    kept = None if course == Course() else course
    return SituationRule(ref, Situation(ref.name, ref, given["title"] or ref.name, given["detect"], suggest, kept))


def _course(given: Mapping[str, Any]) -> Course:
    promise, escalate, follow_up = given["promise"], given["escalate"], given["follow_up"]
    reply, hold = given["reply"], given["hold"]
    to, by = handed_to((escalate or {}).get("to"))
    if promise is not None and not isinstance(promise, Promise):
        promise = Promise(promise) if isinstance(promise, Span) else Promise(promise["most"], promise["least"])
    return Course(
        promise=promise,
        calendar=given["calendar"],
        escalate=None
        if escalate is None
        else Escalate(
            escalate.get("at") or "once",
            escalate.get("when"),
            to,
            tuple(escalate.get("notify") or ()),
            escalate.get("note"),
            escalate.get("kind") or "hierarchical",
            bool(escalate.get("urgent")),
            escalate.get("level") or 1,
            by,
        ),
        follow_up=None if follow_up is None else _follow_up(follow_up),
        toggle=bool(given["toggle"]),
        facts=tuple(_fact(each) for each in given["facts"] or ()),
        missing_note=given["missing_note"],
        checklist=given["checklist"],
        reply=None
        if reply is None
        else Reply(reply["text"], reply.get("mode") == "send", reply.get("when"), reply.get("heading")),
        tab=None if given["register"] is None else given["register"]["tab"],
        hold=None
        if hold is None
        else HoldReminder(
            timedelta(seconds=hold["every"].amount),
            timedelta(seconds=hold["until"].amount),
            tuple(hold["notify"]),
            hold.get("note"),
        ),
    )


def _follow_up(given: Mapping[str, Any]) -> FollowUp:
    if (given.get("after") is None) == (given.get("at") is None):
        text = "`follow_up` needs either `after` (a stretch of time) or `at: promise`"
        raise RuleProblem(_CLASH, text, "follow_up")
    return FollowUp(given.get("after"), given.get("every"), given.get("note"), tuple(given.get("notify") or ()))


def _fact(given: str | Mapping[str, Any]) -> Fact:
    if isinstance(given, str):
        return Fact((given,), given)
    fields = (given["field"], *(given.get("or") or ()))
    return Fact(fields, given.get("name") or given["field"], given.get("if_unknown") == "pass")


def _check(course: Course) -> None:
    """Refuse values that could never act together, or would act otherwise than they read."""
    escalate, follow_up, promise = course.escalate, course.follow_up, course.promise
    goes_up = escalate is not None and escalate.at != "never"
    for wrong, text, where in (
        (
            promise is None and escalate is not None and escalate.at == "promise",
            "`at: promise` needs a `promise`",
            "escalate.at",
        ),
        (
            escalate is not None and escalate.at == "condition" and escalate.when is None,
            "`at: condition` needs a `when`",
            "escalate.at",
        ),
        (
            goes_up
            and escalate is not None
            and not (escalate.to or escalate.by or escalate.notify or escalate.note or course.tab),
            "the escalation does nothing; give it `to`, `notify`, `note`, or a `register`",
            "escalate",
        ),
        (bool(course.facts) and not goes_up, "`facts` are asked before it goes up, and it never does", "facts"),
        (
            bool(course.facts) and course.missing_note is None,
            "`facts` need a `missing_note` that lists what is missing",
            "facts",
        ),
        (course.tab is not None and not goes_up, "`register` is written when it goes up: never", "register"),
        (course.toggle and follow_up is None, "`toggle: true` needs a `follow_up`", "toggle"),
        (
            promise is None and follow_up is not None and follow_up.after is None,
            "a follow-up `at: promise` needs a `promise`",
            "follow_up",
        ),
    ):
        if wrong:
            raise RuleProblem(_CLASH, text, where)
    _check_spans(course)


def _check_spans(course: Course) -> None:
    promise, follow_up, hold = course.promise, course.follow_up, course.hold
    if promise is not None and promise.least is not None:
        same = promise.least.unit == promise.most.unit
        if same and promise.least.amount >= promise.most.amount:
            text = f"`least` ({promise.least.text}) must be shorter than `most` ({promise.most.text})"
            raise RuleProblem(_SPANS, text, "promise")
    every = None if follow_up is None else follow_up.every
    if every is not None and every.amount < (_LEAST_FOLLOW_UP if every.unit != "business_days" else 1):
        raise RuleProblem(_SPANS, f"follow-ups every {every.text} are too close together", "follow_up")
    if hold is not None and not timedelta(seconds=30) <= hold.every <= hold.until:
        text = f"reminders every {hold.every} for {hold.until}: at least 30 s apart, and one must come before the end"
        raise RuleProblem(_SPANS, text, "hold")


KIND = RuleKind(
    name="situation",
    doc="A situation a ticket can be in: how it is recognised, and what is promised, escalated and followed up. Its "
    "`id` is what other rules, tags (`esc:<id>`) and field maps name.",
    fields=FIELDS,
    build=_build,
    example="""\
situations:
  - id: no-diagnosis
    title: No diagnosis
    detect: {any_phrase: [no diagnosis, still not diagnosed]}
    promise: 72h
    escalate: {at: promise, note: "#DATE#: no answer in time, escalated."}
    follow_up: {after: 7d, every: 7d, note: "#DATE#: follow-up #NUMBER#."}
    toggle: true
""",
)
