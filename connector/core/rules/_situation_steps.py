"""What a situation wants of a ticket that is in it, now: notes, escalation, follow-ups, reply, register, reminders.

Everything that is written on the ticket at one instant goes into one private note, and the note of an escalation goes
with its assignment: so even a case taken over late stays within what the guard allows a ticket in a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.core.model import Call, Decision, Reason, Want
from connector.core.policy import Condition, Context, Situation, Span
from connector.core.rules._common import answer, done_reason, earliest, evidence, held_since, iso, reason, written
from connector.core.rules._deadlines import clock
from connector.core.rules._situation_clock import Promised, first_follow_up, promised, series
from connector.core.rules._situation_course import Course, Escalate, Fact, FollowUp, HoldReminder, Reply
from connector.core.rules._situation_handing import Handing, done_assign
from connector.core.rules._steps import addressees, of_customer
from connector.core.tri import Tri

#: Order of what is merged into one note.
_ORDER = ("escalated", "missing", "follow", "checklist", "reply")
_ESCALATES = ("assign", "notify", "register")


@dataclass(slots=True)
class _Found:
    """What has been found so far."""

    reasons: list[Reason] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    sections: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    wakes: list[datetime | None] = field(default_factory=list)
    keeps: dict[str, Any] = field(default_factory=dict)
    unknown: bool = False
    waits: bool = False

    def doubt(self, why: Reason) -> None:
        """Something can't be told or filled in: reported, and nothing rests on it."""
        self.unknown = True
        self.reasons.append(why)


def decide(ctx: Context, situation: Situation) -> Decision:
    """The answer of the situation the ticket is in: ACT with all that is due, WAIT with the exact next instant."""
    return _Steps(ctx, situation).decision()


class _Steps:
    """One look at one ticket in its situation."""

    def __init__(self, ctx: Context, situation: Situation) -> None:
        self.ctx = ctx
        self.situation = situation
        self.course = situation.course or Course()
        self.start = ctx.situation_since or ctx.now
        self.episode = f"situation:{situation.id}:{ctx.ticket.id}:{iso(self.start)}"
        self.promise: Promised | None = promised(ctx, situation, self.start)
        self.noted = frozenset(self._noted())
        self.found = _Found()
        self.to: str | None = None

    def decision(self) -> Decision:
        found, course = self.found, self.course
        if self.promise is not None:
            found.reasons.append(self.promise.why)
            found.keeps.update(self.promise.keeps)
        if course.escalate is not None and course.escalate.at != "never":
            self._escalation(course.escalate)
        if course.follow_up is not None:
            self._follow_up(course.follow_up)
        if course.checklist is not None:
            self._section("checklist", "checklist", course.checklist, self.start)
        if course.reply is not None:
            self._reply(course.reply)
        if course.hold is not None:
            self._hold(course.hold)
        self._merge_note()
        wake = earliest(*found.wakes)
        call = Call.NO if wake is None and not found.waits else Call.WAIT
        call = Call.ACT if found.wants else Call.UNKNOWN if found.unknown else call
        told = answer(self.ctx, self.situation.ref, call, found.reasons, wants=found.wants, wake_at=wake)
        return Decision(told.ticket, told.rule, told.call, told.reasons, told.wants, told.wake_at, found.keeps)

    # --- notes ------------------------------------------------------------------------------------------------------
    def _noted(self) -> Iterator[str]:
        """The parts that stand in a note of this episode already."""
        head = f"{self.episode}:note:"
        for key in self.ctx.memory.done:
            if key.startswith(head):
                yield from key.removeprefix(head).split("+")

    def _values(self, **more: Any) -> dict[str, Any]:
        promise = self.promise
        known = {"promise": promise.due, "promise_least": promise.least} if promise is not None else {}
        return {name: value for name, value in {**known, **more}.items() if value is not None}

    def _section(self, part: str, kind: str, text: str, due: datetime, heading: str = "", **more: Any) -> None:
        """Put a text into the note, unless it stands there; one that can't be filled in is left out and told."""
        if part in self.noted:
            return
        filled, problem = written(self.ctx, text, due=due, **self._values(**more))
        if filled is None:
            if problem is not None:
                self.found.doubt(problem)
            return
        head = f"{heading}\n" if heading else ""
        self.found.sections[kind] = (part, f"{head}{filled.strip()}", due)

    def _merge_note(self) -> None:
        chosen = [self.found.sections[kind] for kind in _ORDER if kind in self.found.sections]
        if not chosen:
            return
        parts = [part for part, _, _ in chosen]
        key = f"{self.episode}:note:{'+'.join(parts)}"
        text = "\n\n".join(section for _, section, _ in chosen)
        details: dict[str, Any] = {"private": True, "parts": parts}
        partner = self._assigned() if "escalated" in parts else None
        if partner is None and "follow" in self.found.sections:
            partner = self._toggled(self.found.sections["follow"][0])
        if partner is not None:
            details["with"] = partner  # evidence goes, and is counted, with what it is the evidence of
        self.found.reasons.append(reason("NOTE", f"one private note: {', '.join(parts)}", parts=parts))
        note = Want("note", key, text=text, due=max(due for _, _, due in chosen), details=details)
        place = next((at for at, want in enumerate(self.found.wants, 1) if want.kind == "assign"), 0)
        self.found.wants.insert(place, note)

    def _assigned(self) -> str | None:
        """The key of the assignment of this escalation: wanted now, or done by this rule or another since it is due."""
        wanted = next((want.key for want in self.found.wants if want.kind == "assign"), None)
        return wanted or done_assign(self.ctx, self.start)

    def _toggled(self, part: str) -> str | None:
        """The key of the keep-alive toggle of this follow-up: wanted now, or done."""
        for rule in self.ctx.policy.rules:
            if rule.ref.kind == "keepalive":
                for want in rule.decide(self.ctx).wants:
                    if want.kind == "toggle":
                        return want.key
        tail = f":{iso(self.start)}:{part}"
        done = sorted(self.ctx.memory.done)
        return next((key for key in done if key.startswith("keepalive:") and key.endswith(tail)), None)

    # --- when something is ripe -------------------------------------------------------------------------------------
    def _ripe(self, name: str, base: datetime, when: Condition | None) -> datetime | None:
        """Since when `name` is due: its base has come and its condition holds; None where it is not.

        What had to wait for anything but time is due from when it was first seen ripe, and that instant is kept.
        """
        found, ctx = self.found, self.ctx
        if ctx.now < base:
            found.wakes.append(base)
            found.reasons.append(reason("LATER", f"{name} is due at {iso(base)} at the earliest", next=base))
            return None
        if when is not None:
            told = when.tell(ctx)
            found.wakes.append(when.wake(ctx))
            found.reasons.extend(evidence(told))
            if told.tri is Tri.UNKNOWN:
                found.doubt(reason("WHEN_UNKNOWN", f"whether {name} is due can't be told", step=name))
            if told.tri is not Tri.YES:
                self._wait(name)
                return None
        return self._since_ripe(name, base, when)

    def _kept(self, name: str) -> Mapping[str, Any]:
        kept = self.ctx.memory.extra.get(f"{name}:{self.situation.id}")
        return kept if kept is not None and kept["since"] == iso(self.start) else {}

    def _wait(self, name: str) -> None:
        """Remember that `name` had to wait, so that what it waited for counts as its beginning."""
        self.found.keeps[f"{name}:{self.situation.id}"] = {"since": iso(self.start), "waits": True}

    def _since_ripe(self, name: str, base: datetime, when: Condition | None) -> datetime:
        kept = self._kept(name)
        if "due" in kept:
            due = datetime.fromisoformat(kept["due"])
        elif kept.get("waits"):
            due = self.ctx.now.replace(microsecond=0)
        else:
            due = held_since(self.ctx, base, when)
        self.found.keeps[f"{name}:{self.situation.id}"] = {"since": iso(self.start), "due": iso(due)}
        return due

    # --- escalation -------------------------------------------------------------------------------------------------
    def _escalation(self, escalate: Escalate) -> None:
        name, found = "escalation", self.found
        base = self.promise.due if escalate.at == "promise" and self.promise is not None else self.start
        begun = "escalated" in self.noted or any(
            f"{self.episode}:{part}" in self.ctx.memory.done for part in _ESCALATES
        )
        if begun:
            due = self._since_ripe(name, base, escalate.when)
        else:
            ripe = self._ripe(name, base, escalate.when)
            if ripe is None:
                return
            if not self._facts_known(ripe):
                self._wait(name)
                return
            due = ripe
        text = f"the case goes up ({escalate.kind}), due {iso(due)}"
        values = {"at": escalate.at, "due": due, "kind": escalate.kind, "level": escalate.level}
        found.reasons.append(reason("ESCALATE", text, **values))
        rest = (escalate.note is None or "escalated" in self.noted) and all(
            f"{self.episode}:{part}" in self.ctx.memory.done
            for part, wanted in (("notify", escalate.notify), ("register", self.course.tab))
            if wanted
        )
        to, handing = Handing(self.ctx, escalate, self.episode, self.start, due, rest_done=rest).part()
        self.to = to
        found.reasons.extend(handing.reasons)
        if handing.unknown and not addressees(self.ctx, escalate.notify)[0]:
            text = "nobody would get it and nobody would be told, so nothing of the escalation is done yet"
            found.doubt(reason("NOBODY_TO_TAKE_IT", text))
            return
        found.unknown = found.unknown or handing.unknown
        found.keeps.update(handing.keeps)
        if handing.want is not None:
            found.wants.append(handing.want)
        if escalate.note is not None:
            self._section("escalated", "escalated", escalate.note, due, to=self._target(escalate))
        self._notify(escalate, due)
        if self.course.tab is not None:
            self._register(escalate, self.course.tab, due)

    def _facts_known(self, due: datetime) -> bool:
        """Whether everything needed is there. What is missing is listed in one note; what can't be told is reported."""
        missing = [fact for fact in self.course.facts if self._fact(fact) is Tri.NO]
        unsure = [fact for fact in self.course.facts if self._fact(fact) is Tri.UNKNOWN]
        for fact in missing:
            text = f"{fact.name} is missing, so the case does not go up yet"
            self.found.reasons.append(reason("FACT_MISSING", text, fields=list(fact.fields)))
        for fact in unsure:
            text = f"the source does not tell {fact.name} ({', '.join(fact.fields)}), so the case does not go up"
            self.found.doubt(reason("FACT_UNKNOWN", text, fields=list(fact.fields)))
        if missing and self.course.missing_note is not None:
            names = ", ".join(fact.name for fact in missing)
            self._section("missing", "missing", self.course.missing_note, due, facts=names)
            self.found.waits = True
        return not missing and not unsure

    def _fact(self, fact: Fact) -> Tri:
        answers = [self.ctx.value(name)[0] for name in fact.fields]
        if Tri.YES in answers:
            return Tri.YES
        if Tri.UNKNOWN not in answers:
            return Tri.NO
        return Tri.YES if fact.passes else Tri.UNKNOWN

    def _target(self, escalate: Escalate) -> str | None:
        """The name of whom it goes to: the assignee, else those who are told."""
        people = self.ctx.policy.people
        keys = (self.to,) if self.to else addressees(self.ctx, escalate.notify)[0]
        return ", ".join(people[key].name for key in keys) or None

    def _is_done(self, part: str) -> bool:
        key = f"{self.episode}:{part}"
        if key not in self.ctx.memory.done:
            return False
        self.found.reasons.append(done_reason(key, self.ctx.memory))
        return True

    def _notify(self, escalate: Escalate, due: datetime) -> None:
        if not escalate.notify or self._is_done("notify"):
            return
        text = None
        if escalate.note is not None:
            text, _ = written(self.ctx, escalate.note, due=due, **self._values(to=self._target(escalate)))
        details = {"level": escalate.level, "kind": escalate.kind, "urgent": escalate.urgent}
        self._tell("notify", escalate.notify, text, due, details)

    def _tell(self, part: str, to: tuple[str, ...], text: str | None, due: datetime, details: dict[str, Any]) -> None:
        keys, why = addressees(self.ctx, to)
        self.found.reasons.extend(why)
        if keys:
            key = f"{self.episode}:{part}"
            self.found.wants.append(Want("notify", key, text=text, to=keys, due=due, details=details))
        else:
            self.found.unknown = True

    def _register(self, escalate: Escalate, tab: str, due: datetime) -> None:
        """The line of the register of special escalations."""
        if self._is_done("register"):
            return
        ticket, promise = self.ctx.ticket, self.promise
        keys = (self.to,) if self.to else addressees(self.ctx, escalate.notify)[0]
        details = {
            "tab": tab,
            "ticket": ticket.id,
            "situation": self.situation.id,
            **of_customer(ticket),
            "kind": escalate.kind,
            "level": escalate.level,
            "from": {"group": ticket.group, "agent": ticket.agent},
            "to": list(keys),
            "when": iso(due),
            "why": self.situation.title,
            "promise": None if promise is None else iso(promise.due),
            "urgent": escalate.urgent,
        }
        self.found.wants.append(Want("register", f"{self.episode}:register", to=keys, due=due, details=details))

    # --- follow-ups -------------------------------------------------------------------------------------------------
    def _follow_up(self, follow_up: FollowUp) -> None:
        first = first_follow_up(self.ctx, self.situation, self.start)
        if first is None:
            return
        calendar = self.ctx.policy.calendar(self.course.calendar)
        last, number, following = series(first, follow_up.every, calendar, self.ctx.now)
        self.found.wakes.append(following)
        if last is None:
            text = f"the first follow-up is at {iso(first)}"
            values = {} if self.ctx.brief or follow_up.after is None else self._counted(follow_up.after, first)
            self.found.reasons.append(reason("FOLLOW_UP_LATER", text, since=self.start, next=first, **values))
            return
        text = f"follow-up {number} was due at {iso(last)}"
        self.found.reasons.append(
            reason("FOLLOW_UP_DUE", text, since=self.start, number=number, due=last, next=following)
        )
        if follow_up.note is not None:
            self._section(f"f{number}", "follow", follow_up.note, last, number=number, next=following)
        if follow_up.notify and not self._is_done(f"f{number}:notify"):
            told = None
            if follow_up.note is not None:
                told = written(self.ctx, follow_up.note, due=last, **self._values(number=number, next=following))[0]
            self._tell(f"f{number}:notify", follow_up.notify, told, last, {"follow_up": number})

    def _counted(self, span: Span, due: datetime) -> dict[str, Any]:
        name = self.course.calendar or self.ctx.policy.default_calendar
        return clock(span, self.start, self.ctx.now, self.ctx.policy.calendar(name), name, due)

    # --- the reply --------------------------------------------------------------------------------------------------
    def _reply(self, reply: Reply) -> None:
        """The template answer, once; a placeholder without a value stops it and is told."""
        if "reply" in self.noted or (reply.send and self._is_done("reply")):
            return
        due = self._ripe("reply", self.start, reply.when)
        if due is None:
            return
        if not reply.send:
            heading = "" if reply.heading is None else written(self.ctx, reply.heading)[0] or ""
            self._section("reply", "reply", reply.text, due, heading)
            return
        text, problem = written(self.ctx, reply.text, due=due, **self._values())
        if text is None:
            if problem is not None:
                self.found.doubt(problem)
            return
        key = f"{self.episode}:reply"
        self.found.reasons.append(reason("REPLY", "the template answer goes to the customer", due=due))
        self.found.wants.append(Want("reply", key, text=text, due=due, reaches_customer=True))

    # --- a caller who waits -----------------------------------------------------------------------------------------
    def _hold(self, hold: HoldReminder) -> None:
        end = self.start + hold.until
        number = min((self.ctx.now - self.start) // hold.every, hold.until // hold.every)
        at, following = self.start + number * hold.every, self.start + (number + 1) * hold.every
        if following <= end:
            self.found.wakes.append(following)
        if number < 1 or self.ctx.now >= max(end, at) + hold.every:
            return
        part = f"hold{number}"
        if self._is_done(part):
            return
        text = None
        if hold.note is not None:
            text, problem = written(self.ctx, hold.note, due=at, **self._values(number=number))
            if text is None and problem is not None:
                self.found.doubt(problem)
        why = f"the caller has been waiting since {iso(self.start)}: reminder {number}"
        self.found.reasons.append(reason("HOLD", why, number=number, due=at))
        self._tell(part, hold.notify, text, at, {"reminder": number, "urgent": True})
