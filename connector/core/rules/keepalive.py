"""`keepalive`: restarts the helpdesk's auto-close clock of escalated tickets by a toggle of the status.

A toggle is due at each follow-up of the escalation, and in any case before the helpdesk would close the ticket. It is
bounded by a cap per escalation, by an age, and by a least time between two. See docs/decisions/0004-keepalive.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connector.core.conditions_base import Clause
from connector.core.model import STATUSES, TOGGLED, Call, Decision, Reason, RuleRef, Want
from connector.core.policy import Condition, Context, Policy, Span
from connector.core.rules import _quiet
from connector.core.rules._common import KEEPS_ALIVE, answer, earliest, gate, iso, reason, written
from connector.core.rules._situation_clock import first_follow_up, series
from connector.core.spec import Count, Duration, Either, Field, Many, Name, Record, RuleKind, RuleProblem, When, Word
from connector.core.spec import defaults as filled
from connector.core.tri import Tri

_STATUS_CLASH = "E051"
_SPAN_CLASH = "E052"
_NOTE_OWED = timedelta(hours=24)  # a note that was not left within this after its toggle is left no more
_LEAST_BUSINESS = 3600  # seconds; closer follow-ups would mean thousands of instants in one escalation


def _days(count: int) -> Span:
    return Span(count * 86_400, "elapsed", f"{count}d")


def _hours(count: int) -> Span:
    return Span(count * 3600, "elapsed", f"{count}h")


@dataclass(frozen=True, slots=True)
class _Due:
    """One cause for a toggle: when it was due, its key, and what to say."""

    at: datetime
    key: str
    cause: str
    number: int
    why: Reason


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one part (follow-up or auto-close) of the rule answers: due now or not, why, and when next."""

    due: _Due | None
    reasons: tuple[Reason, ...] = ()
    next_at: datetime | None = None
    known: bool = True


@dataclass(frozen=True, slots=True)
class KeepaliveRule:
    """One rule under `keepalive:`; the fields are those an admin writes.

    `by_situation`: the follow-ups are those of the situation the ticket is in, where that one says `toggle: true`.
    """

    ref: RuleRef
    situations: tuple[str, ...]
    when: Condition | None
    after: Span | None
    every: Span | None
    autoclose: timedelta
    margin: timedelta
    through: str
    back: str
    cap: int | None
    until: timedelta
    apart: timedelta
    note: str | None
    calendar: str | None
    by_situation: bool = False

    def conditions(self) -> Iterator[Condition]:
        """The rule's `when:`, if it has one."""
        if self.when is not None:
            yield self.when

    def only_for(self) -> tuple[tuple[str, ...] | None, Condition | None]:
        """Whom it concerns: about all other tickets it need not be asked."""
        return self.situations, self.when

    telling = True  # see `shortlist.Quietly`

    def quietly(self, policy: Policy, left: Clause | None) -> _quiet.Quiet:  # noqa: ARG002 - the same for each policy
        """Until when it says nothing: see `shortlist.Quietly`."""
        return _quiet.keepalive(left, self.back)

    def decide(self, ctx: Context) -> Decision:
        """ACT where a toggle is due and no bound forbids it; WAIT with the exact next instant otherwise."""
        told = gate(ctx, self.situations, self.when)
        if told.tri is not Tri.YES:
            return answer(ctx, self.ref, told.call, told.reasons, wake_at=told.wake_at)
        tri, status = ctx.value("status")
        if tri is Tri.UNKNOWN:
            why = reason("STATUS_UNKNOWN", "the status is not known, so the ticket is not toggled", field="status")
            return answer(ctx, self.ref, Call.UNKNOWN, (*told.reasons, why), wake_at=told.wake_at)
        if status != self.back:
            why = reason(
                "OTHER_STATUS", f"the status is {status}; only {self.back} is toggled", status=status, back=self.back
            )
            return answer(ctx, self.ref, Call.NO, (*told.reasons, why), wake_at=told.wake_at)
        return self._decide_escalated(ctx, told.reasons, told.wake_at)

    def _decide_escalated(self, ctx: Context, reasons: tuple[Reason, ...], wake: datetime | None) -> Decision:
        decision = self._decide_toggle(ctx, reasons, wake)
        owed = self._owed(ctx)
        if owed is None:
            return decision
        why = reason("NOTE_OWED", "the note of the last toggle was not left with it; it is left now")
        wants = (owed, *decision.wants)
        return replace(decision, call=Call.ACT, reasons=(*decision.reasons, why), wants=wants)

    def _decide_toggle(self, ctx: Context, reasons: tuple[Reason, ...], wake: datetime | None) -> Decision:
        start = ctx.situation_since or ctx.now
        # A day mistyped into the future must not lift the bounds: they count from when the ticket was first seen.
        begin = start if start <= ctx.now else ctx.memory.first_seen or ctx.now
        end = begin + self.until
        toggles = [at for at in ctx.memory.toggles if at >= begin]
        bound = self._bound(ctx, begin, len(toggles))
        if bound is not None:
            return answer(ctx, self.ref, Call.NO, (*reasons, bound), wake_at=wake)

        follow_up = self._follow_up(ctx, start, toggles)
        autoclose = self._autoclose(ctx, start)
        # The auto-close instant goes into every toggle: it says how urgent the toggle is.
        due = follow_up.due or autoclose.due
        reasons = (*reasons, *follow_up.reasons, self._used(begin, toggles), *autoclose.reasons)
        last = max(ctx.memory.toggles, default=None)
        next_at = earliest(wake, follow_up.next_at, autoclose.next_at, end)
        if due is None:
            if autoclose.known:
                return answer(ctx, self.ref, Call.WAIT, reasons, wake_at=next_at)
            # The protection itself can't be told: reported, though a follow-up will still act in its time.
            return answer(ctx, self.ref, Call.UNKNOWN, reasons, wake_at=next_at)
        if last is not None and ctx.now < last + self.apart:
            why = reason(
                "TOO_SOON",
                f"the last toggle was at {iso(last)}; two are at least {self.apart} apart",
                last=last,
                earliest=last + self.apart,
            )
            return answer(ctx, self.ref, Call.WAIT, (*reasons, why), wake_at=earliest(wake, last + self.apart, end))
        wants, more = self._wants(ctx, due, len(toggles))
        return answer(ctx, self.ref, Call.ACT, (*reasons, due.why, *more), wants=wants, wake_at=next_at)

    def _bound(self, ctx: Context, start: datetime, count: int) -> Reason | None:
        age = ctx.now - start
        if age >= self.until:
            text = (
                f"escalated {age.days} days ago, longer than the {self.until.days} days it may be kept alive: "
                "it must go up instead"
            )
            return reason("TOO_OLD", text, since=start, until=start + self.until)
        if self.cap is not None and count >= self.cap:
            text = f"toggled {count} times in this escalation, at most {self.cap} are allowed: it must go up instead"
            return reason("CAP_REACHED", text, count=count, cap=self.cap)
        return None

    def _used(self, begin: datetime, toggles: list[datetime]) -> Reason:
        """How much of its bounds this escalation has used."""
        cap = "any number" if self.cap is None else str(self.cap)
        text = f"toggled {len(toggles)} times of at most {cap} in this escalation, until {iso(begin + self.until)}"
        told = [iso(at) for at in toggles]
        return reason("TOGGLES", text, toggles=told, cap=self.cap, since=begin, until=begin + self.until)

    # --- the follow-up ----------------------------------------------------------------------------------------------
    def _follow_up(self, ctx: Context, start: datetime, toggles: list[datetime]) -> _Asked:
        instants = self._instants(ctx, start)
        if isinstance(instants, _Asked):
            return instants
        last, number, following = instants
        if last is None:
            text = f"the first follow-up is at {iso(following or start)}"
            why = reason("FOLLOW_UP_LATER", text, since=start, next=following)
            return _Asked(None, (why,), following)
        key = f"{self._episode(ctx, start)}:f{number}"
        since = ctx.ticket.status_since
        if key in ctx.memory.done or any(at >= last for at in toggles):
            why = reason("FOLLOW_UP_DONE", f"follow-up {number} of {iso(last)} is done", number=number, at=last)
            return _Asked(None, (why,), following)
        if since is not None and last <= since <= ctx.now:
            text = f"the status changed at {iso(since)}, after follow-up {number} of {iso(last)}: the clock runs anew"
            return _Asked(None, (reason("CLOCK_RESTARTED", text, number=number, at=last, since=since),), following)
        text = f"follow-up {number} of the escalation was due at {iso(last)}"
        why = reason("FOLLOW_UP_DUE", text, number=number, due=last, since=start)
        return _Asked(_Due(last, key, "follow_up", number, why), (), following)

    def _instants(self, ctx: Context, start: datetime) -> tuple[datetime | None, int, datetime | None] | _Asked:
        """(last follow-up instant not after now or None, its number from 1, the one after it); or why there is none."""
        if not self.by_situation:
            if self.after is None:
                return _Asked(None)
            calendar = ctx.policy.calendar(self.calendar)
            return series(self.after.after(start, calendar), self.every, calendar, ctx.now)
        situation = ctx.policy.situations[ctx.situation or ""]
        course, first = situation.course, first_follow_up(ctx, situation, start)
        if course is None or course.follow_up is None or first is None or not course.toggle:
            text = f"situation {situation.id} asks for no toggle at its follow-ups, only not to be closed"
            return _Asked(None, (reason("NO_FOLLOW_UP_TOGGLE", text, situation=situation.id),))
        return series(first, course.follow_up.every, ctx.policy.calendar(course.calendar), ctx.now)

    # --- the helpdesk's own clock -----------------------------------------------------------------------------------
    def _clock(self, ctx: Context) -> datetime | None:
        """From when the helpdesk counts; a toggle known to be effective counts although the mirror lags behind."""
        tri, clock = ctx.value("autoclose_clock")
        if tri is not Tri.YES:
            return None
        latest: datetime = max(clock, *ctx.memory.toggles) if ctx.memory.toggles else clock
        return latest

    def _autoclose(self, ctx: Context, start: datetime) -> _Asked:
        base = self._clock(ctx)
        if base is None:
            text = "the clock of the helpdesk's auto-close is not known, so only follow-ups keep the ticket alive"
            return _Asked(None, (reason("AUTOCLOSE_CLOCK_UNKNOWN", text, field="autoclose_clock"),), known=False)
        closes, at = base + self.autoclose, base + self.autoclose - self.margin
        if ctx.now < at:
            text = f"the helpdesk would close it at {iso(closes)}; the toggle comes at {iso(at)} at the latest"
            return _Asked(None, (reason("AUTOCLOSE_LATER", text, clock=base, closes=closes, next=at),), at)
        key = f"{self._episode(ctx, start)}:c{iso(base)}"
        if key in ctx.memory.done:
            text = f"the clock of {iso(base)} was restarted already, and the helpdesk does not show it yet"
            return _Asked(None, (reason("AUTOCLOSE_DONE", text, clock=base),))
        text = f"the helpdesk would close it at {iso(closes)}, counted from {iso(base)}"
        why = reason("AUTOCLOSE_DUE", text, clock=base, closes=closes, due=at)
        return _Asked(_Due(at, key, "autoclose", 0, why))

    # --- what is wanted ---------------------------------------------------------------------------------------------
    def _episode(self, ctx: Context, start: datetime) -> str:
        return f"keepalive:{self.ref.name}:{ctx.ticket.id}:{iso(start)}"

    def _wants(self, ctx: Context, due: _Due, count: int) -> tuple[tuple[Want, ...], tuple[Reason, ...]]:
        clock = self._clock(ctx)
        details = {
            "through": self.through,
            "back": self.back,
            "cap": self.cap,
            "count": count,
            "clock": None if clock is None else iso(clock),
            "closes": None if clock is None else iso(clock + self.autoclose),
            "cause": due.cause,
            "number": due.number,
        }
        toggle = Want("toggle", due.key, {"status": self.back}, due=due.at, rank=KEEPS_ALIVE, details=details)
        if self.note is None:
            return (toggle,), ()
        text, problem = written(ctx, self.note, due=due.at, number=due.number, count=count + 1, cap=self.cap)
        if text is None:
            return (toggle,), () if problem is None else (problem,)
        key = f"{due.key}:note"
        if key in ctx.memory.done:
            return (toggle,), ()
        note = Want("note", key, text=text, due=due.at, details={"private": True, "with": due.key})
        return (toggle, note), ()

    def _owed(self, ctx: Context) -> Want | None:
        """The note of the last effective toggle, where the daemon died or failed between the two."""
        last = ctx.memory.extra.get(TOGGLED)
        if self.note is None or not isinstance(last, Mapping):
            return None
        key = str(last["key"])
        at = ctx.memory.done.get(key)
        ours = key.startswith(f"keepalive:{self.ref.name}:{ctx.ticket.id}:")
        if not ours or at is None or f"{key}:note" in ctx.memory.done:
            return None
        if not timedelta(0) <= ctx.now - datetime.fromisoformat(at) < _NOTE_OWED:
            return None
        due = None if last["due"] is None else datetime.fromisoformat(last["due"])
        number, count = int(last["number"]), int(last["count"])
        text, _ = written(ctx, self.note, due=due, number=number, count=count + 1, cap=self.cap)
        if text is None:
            return None
        details = {"private": True, "with": key, "owed": True}
        return Want("note", f"{key}:note", text=text, due=due, details=details)


FIELDS = (
    Field("situations", Many(Name("situation")), "Only tickets in these situations; left out: in any.", default=()),
    Field("when", When(), "A further condition on the ticket."),
    Field(
        "follow_up",
        Either(
            Word(("situation",)),
            Record(
                (
                    Field("after", Duration(), "The first follow-up, counted from the escalation.", required=True),
                    Field("every", Duration(), "The time from each follow-up to the next; left out: only one."),
                )
            ),
        ),
        "When the case is followed up; each follow-up restarts the helpdesk's clock by a toggle. `situation`: as the "
        "situation itself says, where it has `toggle: true`.",
    ),
    Field(
        "autoclose",
        Record(
            (
                Field("after", Duration(business=False), "After how long the helpdesk closes it.", default=_days(14)),
                Field("margin", Duration(business=False), "How long before that the toggle comes.", default=_hours(12)),
            )
        ),
        "The helpdesk's own auto-close rule.",
        default={"after": _days(14), "margin": _hours(12)},
    ),
    Field("through", Word(STATUSES), "The status passed through for a moment.", default="completed"),
    Field("back", Word(STATUSES), "The status a ticket must be in, and returns to.", default="in_process"),
    Field("cap", Count(unlimited=True), "At most so many toggles in one escalation.", default=8),
    Field("until", Duration(business=False), "Escalations older than this are kept alive no more.", default=_days(60)),
    Field("apart", Duration(business=False), "The least time between two toggles of a ticket.", default=_hours(24)),
    Field("note", Name("text"), "A private note left with each toggle: the name of a text, or the text itself."),
    Field("calendar", Name("calendar"), "The calendar in which business spans are counted."),
)


def _elapsed(span: Span) -> timedelta:
    return timedelta(seconds=span.amount)


def _build(ref: RuleRef, values: Mapping[str, Any]) -> KeepaliveRule:
    given = filled(FIELDS, values)
    autoclose = {"after": _days(14), "margin": _hours(12), **(given["autoclose"] or {})}
    by_situation = given["follow_up"] == "situation"
    follow_up = {} if by_situation else given["follow_up"] or {}
    rule = KeepaliveRule(
        ref=ref,
        situations=tuple(given["situations"] or ()),
        when=given["when"],
        after=follow_up.get("after"),
        every=follow_up.get("every"),
        autoclose=_elapsed(autoclose["after"]),
        margin=_elapsed(autoclose["margin"]),
        through=given["through"],
        back=given["back"],
        cap=given["cap"],
        until=_elapsed(given["until"]),
        apart=_elapsed(given["apart"]),
        note=given["note"],
        calendar=given["calendar"],
        by_situation=by_situation,
    )
    _check(rule)
    return rule


def _check(rule: KeepaliveRule) -> None:
    """Refuse values that together could not keep a ticket alive, or would do harm."""
    if rule.back in ("completed", "closed"):
        raise RuleProblem(
            _STATUS_CLASH, f"`back: {rule.back}` would leave the ticket finished; name a working status", "back"
        )
    if rule.through in (rule.back, "closed"):
        what = "is the status it comes from" if rule.through == rule.back else "closes the ticket for good"
        raise RuleProblem(_STATUS_CLASH, f"`through: {rule.through}` {what}; name another status", "through")
    if rule.margin >= rule.autoclose:
        text = f"`margin` ({rule.margin}) must be shorter than the auto-close itself ({rule.autoclose})"
        raise RuleProblem(_SPAN_CLASH, text, "autoclose")
    if rule.apart > rule.autoclose - rule.margin:
        within = rule.autoclose - rule.margin
        text = f"`apart` ({rule.apart}) is longer than the time in which a toggle must come ({within})"
        raise RuleProblem(_SPAN_CLASH, text, "apart")
    if rule.every is None:
        return
    if rule.every.unit == "elapsed" and _elapsed(rule.every) < max(rule.apart, timedelta(seconds=1)):
        text = f"follow-ups every {rule.every.text} are closer than two toggles may be ({rule.apart})"
        raise RuleProblem(_SPAN_CLASH, text, "follow_up")
    if rule.every.amount < (_LEAST_BUSINESS if rule.every.unit == "business_seconds" else 1):
        raise RuleProblem(_SPAN_CLASH, f"follow-ups every {rule.every.text} are too close together", "follow_up")


KIND = RuleKind(
    name="keepalive",
    doc="Keeps escalated tickets from being closed by the helpdesk's own clock: a bounded toggle of the status.",
    fields=FIELDS,
    build=_build,
    example="""\
keepalive:
  - name: weekly follow-up
    situations: [no-diagnosis]
    follow_up: {after: 7d, every: 7d}
    cap: 8
    until: 60d
""",
)
