"""What a life of the contact centre leaves behind: plain values that the table, the report and the tests read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.core.records import Escalation


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket as it stood when its life ended. `situation`: the one it is escalated in; `status`: canonical word."""

    number: int
    subject: str
    requester: str
    situation: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Closing:
    """A ticket that the helpdesk closed by itself. `situation`: what it was escalated in at that instant."""

    at: datetime
    ticket: int
    situation: str | None


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail the helpdesk would have sent.

    `to_customer`: to the requester. `by_daemon`: sent while a cycle ran, when nobody else acts. `by_toggle`: of a
    ticket that this very cycle toggled.
    """

    at: datetime
    ticket: int
    to: str
    cause: str
    to_customer: bool
    by_daemon: bool = False
    by_toggle: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """One action of the daemon and what became of it. `reasons`: (code, sentence) as the plan gave them.

    `changes`: field -> (old, new). `file`, `line`: where the rule stands. `cap`: of a toggle, how many are allowed.
    """

    at: datetime
    ticket: int
    kind: str
    outcome: str
    rule: str
    file: str
    line: int
    reasons: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, Any, Any], ...] = ()
    to: tuple[str, ...] = ()
    cap: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A plan the guard held, and that the demonstration's operator approved. `limits`: names of the limits."""

    at: datetime
    digest: str
    actions: int
    tickets: tuple[int, ...]
    limits: tuple[str, ...]
    reasons: tuple[str, ...]
    approved_by: str


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the audit about a ticket."""

    seq: int
    at: datetime
    ticket: int
    kind: str
    outcome: str
    rule: str
    place: str
    changes: tuple[tuple[str, Any, Any], ...]
    evidence: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Life:
    """One life of the contact centre, whole. Without the daemon, all that only it does stays empty or 0."""

    name: str
    start: datetime
    end: datetime
    closings: list[Closing] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    audit: list[Told] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    cases: dict[int, Case] = field(default_factory=dict)
    cycles: int = 0
    reads: int = 0
    writes: int = 0
    audit_events: int = 0
    audit_sound: bool = True
    audit_says: str = ""

    # --- counted ---------------------------------------------------------------------------------------------------
    @property
    def lost(self) -> list[Closing]:
        """Tickets under escalation that the helpdesk closed by itself."""
        return [one for one in self.closings if one.situation is not None]

    @property
    def closed_rightly(self) -> list[Closing]:
        """Tickets under no escalation that the helpdesk closed by itself."""
        return [one for one in self.closings if one.situation is None]

    def done(self, kind: str, *, of: Callable[[Deed], bool] = lambda _deed: True) -> list[Deed]:
        """The daemon's verified actions of a kind."""
        return [deed for deed in self.deeds if deed.kind == kind and deed.outcome == "done" and of(deed)]

    @property
    def toggles(self) -> list[Deed]:
        """Effective keep-alive toggles."""
        return self.done("toggle")

    @property
    def prioritised(self) -> list[Deed]:
        """Priorities raised (or, where a rule means it, lowered)."""
        return self.done("set", of=lambda deed: any(name == "priority" for name, _, _ in deed.changes))

    @property
    def reassigned(self) -> list[Deed]:
        """Tickets given to another agent or group."""
        return self.done("assign")

    @property
    def notified(self) -> list[Deed]:
        """Messages to staff."""
        return self.done("notify")

    @property
    def refused(self) -> list[Deed]:
        """Actions that were not carried out, because the ticket had moved or the helpdesk would not take them."""
        return [deed for deed in self.deeds if deed.outcome != "done"]

    @property
    def most_toggles(self) -> int:
        """The most toggles that one ticket got."""
        return max(Counter(deed.ticket for deed in self.toggles).values(), default=0)

    @property
    def cap(self) -> int | None:
        """The lowest cap under which a toggle was made, None where none was made under one."""
        return min((deed.cap for deed in self.toggles if deed.cap is not None), default=None)

    @property
    def left_completed(self) -> list[int]:
        """Tickets that stand in `completed` at the end, where a toggle must never leave one."""
        toggled = {deed.ticket for deed in self.deeds if deed.kind == "toggle"}
        return sorted(n for n in toggled if n in self.cases and self.cases[n].status == "completed")

    def mails_to(self, *, customers: bool) -> list[Mail]:
        """Mails to customers, or to staff."""
        return [mail for mail in self.mails if mail.to_customer is customers]

    @property
    def mailed_by_toggle(self) -> list[Mail]:
        """Mails to customers that a toggle caused: there must be none."""
        return [mail for mail in self.mails if mail.by_toggle and mail.to_customer]


def tickets(records: Iterable[Deed | Closing]) -> list[int]:
    """The distinct tickets of these records, in order."""
    return sorted({one.ticket for one in records})


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Both lives, the pack's words for situations (id -> title), and what the daemon entered into its register."""

    pack: str
    days: int
    without: Life
    guarded: Life
    situations: dict[str, str]
    register: tuple[Escalation, ...] = ()

    def broken(self) -> list[str]:
        """Every promise that was not kept, one sentence each; empty where all hold."""
        life = self.guarded
        found = [
            ("with the daemon the helpdesk closed escalated tickets by itself", tickets(life.lost)),
            ("a toggle left tickets in completed", life.left_completed),
            ("a toggle mailed customers of tickets", sorted({mail.ticket for mail in life.mailed_by_toggle})),
            ("tickets were toggled more often than the cap allows", self.over_cap()),
        ]
        said = [f"{what}: {_some(numbers)}" for what, numbers in found if numbers]
        if not life.audit_sound:
            said.append(f"the audit chain does not verify: {life.audit_says}")
        said += [f"a cycle met trouble: {trouble}" for trouble in life.troubles]
        return said

    def over_cap(self) -> list[int]:
        """Tickets toggled more often than the widest cap among the rules that toggled them allows."""
        made: Counter[int] = Counter()
        caps: dict[int, list[int | None]] = {}
        for deed in self.guarded.toggles:
            made[deed.ticket] += 1
            caps.setdefault(deed.ticket, []).append(deed.cap)
        widest = {
            number: max(cap for cap in found if cap is not None) for number, found in caps.items() if None not in found
        }
        return sorted(number for number, cap in widest.items() if made[number] > cap)


def _some(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:10])
    return shown if len(numbers) <= 10 else f"{shown} and {len(numbers) - 10} more"
