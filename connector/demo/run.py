"""Lives the days of the demonstration twice on a loopback emulator: without the daemon, and with it.

Both lives start from the same seed and hear the same script. With the daemon, one cycle runs at each full hour through
the real HTTP client, the real guard and a real state database; the only clock is the helpdesk's own, so a rerun tells
the same story to the digit.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector import emulator
from connector.audit import verify
from connector.core.model import Action
from connector.core.policy import Policy
from connector.core.records import Escalation
from connector.cycle.run import Account, CycleReport, run_cycle
from connector.demo.operator import approve_held
from connector.demo.record import Case, Closing, Deed, Demonstration, Life, Mail, Told, tickets
from connector.demo.seed import DAYS, START, contact_centre, script
from connector.demo.situations import escalated_as
from connector.emulator.control import apply_event
from connector.errors import ConfigurationError, UsageError
from connector.mapping.load import load_policy
from connector.packs import shipped
from connector.settings import AccountSettings, Settings
from connector.store.opening import open_store
from connector.wiring import open_account, present

ACCOUNT = "demo"
PACK = "appliance-mx"
STATE = "state.db"
_KEY = "demo-key-of-the-loopback-emulator"
#: Status 8 is "En proceso" in the seed; what stays in it for 14 days the helpdesk closes.
_AUTOCLOSE = "8=14d"
_HOUR = timedelta(hours=1)

Event = tuple[datetime, dict[str, Any]]


def demonstrate(
    folder: Path,
    *,
    days: int = DAYS,
    pack: Path | None = None,
    seed: Mapping[str, Any] | None = None,
    events: Iterable[Event] | None = None,
    progress: Callable[[str], None] = lambda _line: None,
) -> Demonstration:
    """Both lives. `folder` takes the daemon's state, and must not hold one. `seed` and `events`: another story.

    Raises UsageError for a folder in use or no days, ConfigurationError for a pack with mistakes.
    """
    if days < 1:
        msg = f"a demonstration lives at least one day, not {days}"
        raise UsageError(msg)
    if (folder / STATE).exists():
        msg = f"{folder / STATE} exists: the demonstration starts from nothing; name another folder or remove it"
        raise UsageError(msg)
    where = pack or shipped_pack()
    policy = load_policy(where)
    story = dict(seed) if seed is not None else contact_centre()
    told = list(events) if events is not None else script(story)
    begin = _instant(story["now"]) if "now" in story else START
    end = begin + timedelta(days=days)
    progress(f"{len(story['tickets'])} tickets, {days} days, hour by hour: first without the daemon ...")
    without = _Desk(story, told, policy, Life("without", begin, end)).live(lambda _desk, _life: None)
    progress(
        f"without: {len(tickets(without.lost))} escalated tickets closed by the helpdesk's own clock; now with it ..."
    )
    with contextlib.ExitStack() as stack:
        guarded, register = _guarded(stack, folder, where, _Desk(story, told, policy, Life("with", begin, end)))
    titles = {situation.id: situation.title for situation in policy.situations.values()}
    return Demonstration(policy.name or PACK, days, without, guarded, titles, register)


def shipped_pack(name: str = PACK) -> Path:
    """The folder of a shipped pack. Raises ConfigurationError where it was not installed."""
    known = shipped()
    if name not in known:
        msg = f"the shipped pack '{name}' is missing (there are: {', '.join(known) or 'none'}); install Escalera anew"
        raise ConfigurationError(msg)
    return known[name]


def settings_for(folder: Path, url: str, pack: Path) -> Settings:
    """The configuration of the demonstration, made here and not read: no environment variable changes the story."""
    account = AccountSettings(name=ACCOUNT, helpdesk="freshdesk", url=url, mappings=str(pack.resolve()))
    return Settings.model_construct(state=STATE, accounts=(account,), base=folder)


class _Desk:
    """The contact centre on its emulator: the clock, the people of the script, and what the helpdesk did by itself."""

    def __init__(self, seed: Mapping[str, Any], events: Iterable[Event], policy: Policy, life: Life) -> None:
        self.policy = policy
        self.life = life
        self._events = sorted(events, key=lambda entry: entry[0])
        self._next = 0
        self.emulator = emulator.serve(dict(seed), key=_KEY, clock="virtual", autoclose=_AUTOCLOSE)

    def live(self, cycle: Callable[[_Desk, Life], None]) -> Life:
        """Live from start to end; `cycle` is called at the start and then at each full hour."""
        with self.emulator:
            now = self.life.start
            self._observe()
            cycle(self, self.life)
            while now < self.life.end:
                now += _HOUR
                self._people_until(now)
                seen = len(self.emulator.world.outbox)
                self._closings(self.emulator.advance(int(_HOUR.total_seconds())))
                self._mails(seen)
                cycle(self, self.life)
            self._observe()
            self._count_requests()
        return self.life

    def cycle(self, account: Account, clock: Callable[[], datetime]) -> None:
        """One cycle of the daemon, then the operator's answer to what the guard holds."""
        seen = len(self.emulator.world.outbox)
        report = run_cycle(account, now=clock)
        self.life.cycles += 1
        self.life.deeds.extend(deeds(report))
        if report.trouble is not None or report.quarantined or not report.complete:
            what = report.trouble or ", ".join(report.quarantined) or "something was not read whole"
            self.life.troubles.append(f"{report.now:%Y-%m-%d %H:%M}: {what}")
        toggled = {int(one.action.ticket) for one in report.applied if one.action.kind == "toggle" and not one.repeated}
        self._mails(seen, by_daemon=True, toggled=frozenset(toggled))
        self.life.held.extend(approve_held(account, report.now))

    def _people_until(self, now: datetime) -> None:
        """Tell the emulator what people do in the hour that begins; it lets each act at their own instant."""
        with self.emulator.world.lock:
            while self._next < len(self._events) and self._events[self._next][0] <= now:
                at, event = self._events[self._next]
                apply_event(self.emulator.helpdesk, {**event, "at": at.strftime("%Y-%m-%dT%H:%M:%SZ")})
                self._next += 1

    def _closings(self, ran: Iterable[Mapping[str, Any]]) -> None:
        for entry in ran:
            if entry["type"] == "autoclose":
                number = int(entry["ticket"])
                situation = escalated_as(self.policy, self.emulator.world.tickets[number].fields)
                self.life.closings.append(Closing(_instant(entry["at"]), number, situation))

    def _mails(self, seen: int, *, by_daemon: bool = False, toggled: frozenset[int] = frozenset()) -> None:
        for entry in itertools.islice(self.emulator.world.outbox, seen, None):
            number = int(entry["ticket"])
            self.life.mails.append(
                Mail(
                    at=_instant(entry["at"]),
                    ticket=number,
                    to=str(entry["to"]),
                    cause=str(entry["cause"]),
                    to_customer=entry["audience"] == "requester",
                    by_daemon=by_daemon,
                    by_toggle=number in toggled,
                )
            )

    def _observe(self) -> None:
        """Note every ticket as it stands now."""
        account = self.emulator.world.account
        words = {code: word for word, codes in self.policy.maps["freshdesk"].statuses.items() for code in codes}
        for row in self.emulator.world.snapshot():
            person = account.person(row["requester_id"]) or {}
            labels = account.statuses.get(row["status"], [])
            status = words.get(str(row["status"])) or next((words[label] for label in labels if label in words), None)
            number = int(row["id"])
            self.life.cases[number] = Case(
                number, str(row["subject"]), str(person.get("name") or ""), escalated_as(self.policy, row), status
            )

    def _count_requests(self) -> None:
        for entry in self.emulator.world.requests:
            if entry["method"] == "GET":
                self.life.reads += 1
            else:
                self.life.writes += 1


@dataclass(frozen=True, slots=True)
class _Daemon:
    account: Account

    def __call__(self, desk: _Desk, _life: Life) -> None:
        # As every `escalera once --clock server` does: its clock is as old as the helpdesk's last answer.
        desk.cycle(self.account, present(self.account, None, "server"))


def _guarded(stack: contextlib.ExitStack, folder: Path, pack: Path, desk: _Desk) -> tuple[Life, tuple[Escalation, ...]]:
    """The life with the daemon, with the check of its evidence, and its register."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = settings_for(folder, desk.emulator.url, pack)
    store = open_store(settings.state_path())
    stack.callback(store.close)
    account = open_account(settings, settings.account(ACCOUNT), store, key=lambda: _KEY)
    life = desk.live(_Daemon(account))
    checked = verify(store)
    life.audit_events, life.audit_sound, life.audit_says = checked.checked, checked.ok, checked.text
    life.audit = list(_audited(account))
    return life, tuple(store.escalations(ACCOUNT))


def deeds(report: CycleReport) -> Iterator[Deed]:
    """What a cycle carried out, or tried to."""
    for one in report.applied:
        if one.repeated:
            continue
        action = one.action
        cap = action.details.get("cap")
        yield Deed(
            at=report.now, ticket=int(action.ticket), kind=action.kind, outcome=one.outcome.value,
            rule=action.rule.name, file=action.rule.file, line=action.rule.line,
            reasons=tuple((reason.code, reason.text) for reason in action.reasons), changes=_changes(action),
            to=action.to, cap=cap if isinstance(cap, int) else None, why=one.why,
        )  # fmt: skip


def _changes(action: Action) -> tuple[tuple[str, Any, Any], ...]:
    if action.kind == "toggle":
        return (("status", action.details["back"], action.details["through"]),)
    return tuple((name, old, new) for name, (old, new) in sorted(action.changes.items()))


def _audited(account: Account) -> Iterator[Told]:
    """The audit's lines about single tickets."""
    for event in account.store.audit(account.name):
        if event.ticket is None or not event.ticket.isdecimal():
            continue
        body = event.body
        rule = body.get("rule") or {}
        seen = body.get("observed") or {}
        evidence = tuple(
            (name, str(seen[name])) for name in ("clock_before", "clock_after", "why") if seen.get(name) is not None
        )
        yield Told(
            seq=event.seq, at=event.at, ticket=int(event.ticket), kind=str(body.get("kind") or event.kind),
            outcome=str(body.get("outcome") or ""), rule=str(rule.get("name") or ""),
            place=f"{rule['file']}:{rule['line']}" if rule else "",
            changes=tuple((name, old, new) for name, (old, new) in sorted((body.get("changes") or {}).items())),
            evidence=evidence,
        )  # fmt: skip


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
