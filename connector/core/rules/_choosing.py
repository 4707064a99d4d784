"""Who of the candidates is there now, and which of those who are gets the ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connector.core.model import Reason
from connector.core.policy import Context, Person, Shift
from connector.core.rules._common import fold, iso, reason


@dataclass(frozen=True, slots=True)
class Chosen:
    """One person, or nobody (`person` None) because nobody is there, or because it can't be told (`unknown`)."""

    person: Person | None
    reasons: tuple[Reason, ...]
    unknown: bool = False


def skilled(person: Person, skills: Sequence[str]) -> bool:
    """Whether the person has all these skills, whatever their spelling."""
    has = {fold(skill) for skill in person.skills}
    return all(fold(skill) in has for skill in skills)


def absence(ctx: Context, person: Person) -> Reason | None:
    """Why the person is not there now: a day off, or outside their hours. None where they are there."""
    calendar = None if person.hours is None else ctx.policy.calendars[person.hours]
    zone = ZoneInfo(ctx.policy.timezone) if calendar is None else calendar.zone
    today = ctx.now.astimezone(zone).date()
    for first, last in person.out:
        if first <= today <= last:
            text = f"{person.key} is out of office from {first} to {last}"
            return reason("OUT_OF_OFFICE", text, person=person.key, first=first.isoformat(), last=last.isoformat())
    if calendar is not None and not calendar.is_open(ctx.now):
        text = f"it is outside the hours of {person.key} ({person.hours}); they begin again at "
        opens = calendar.next_open(ctx.now)
        text += iso(opens)
        return reason("OUTSIDE_HOURS", text, person=person.key, hours=person.hours, opens=opens, zone=calendar.zone.key)
    return None


def shifts_now(ctx: Context, rota: str) -> tuple[Shift, ...]:
    """Who is on call now: by the shifts the account brought, else by the pack's own file."""
    brought = ctx.duty.on_call.get(rota)
    if brought is not None:
        return tuple(shift for shift in brought if shift.start <= ctx.now < shift.end)
    return ctx.policy.rotas[rota].at(ctx.now)


def in_turn(there: Sequence[Person], candidates: Sequence[Person], turn: int) -> Chosen:
    """The next of the candidates after so many turns, passing over whoever is not there."""
    keys = {person.key for person in there}
    count = len(candidates)
    for step in range(count):
        person = candidates[(turn + step) % count]
        if person.key in keys:
            text = f"turn {turn + 1} of {count} falls to {person.key}" + (f", {step} passed over" if step else "")
            return Chosen(person, (reason("IN_TURN", text, turn=turn, person=person.key, passed=step),))
    return Chosen(None, ())


def least_loaded(ctx: Context, there: Sequence[Person]) -> Chosen:
    """The agent of those there who has the fewest open tickets; the first of equals. UNKNOWN where nobody counted."""
    agents = [person for person in there if person.kind == "agent"]
    if not agents:
        return Chosen(None, ())
    if ctx.duty.load is None:
        text = "the open tickets of the agents are not counted here, so who has least can't be told"
        return Chosen(None, (reason("LOAD_UNKNOWN", text, candidates=[person.key for person in agents]),), unknown=True)
    loads = {person.key: _load(ctx, person) for person in agents}
    person = min(agents, key=lambda one: loads[one.key])
    text = f"{person.key} has the fewest open tickets: {loads[person.key]}"
    return Chosen(person, (reason("LEAST_LOADED", text, person=person.key, loads=loads),))


def _load(ctx: Context, person: Person) -> int:
    """Open tickets of an agent; one whom the count does not name has none."""
    counted = ctx.duty.load or {}
    exact = counted.get(person.name)
    if exact is not None:
        return exact
    wanted = fold(person.name)
    return sum(count for name, count in counted.items() if fold(name) == wanted)
