"""What a cycle needs of an account, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connector.apply.actions import Applied
from connector.audit.sign import Signer
from connector.core.guard import Limits
from connector.core.model import EMPTY, Outcome, Plan, Rejected, Verdict
from connector.core.policy import Policy
from connector.helpdesks.base import Reader, Writer
from connector.notifiers.base import Notifier
from connector.store.base import Intent, Store


@dataclass(slots=True)
class Account:
    """One account: where to read and write, the state, and the policy that holds now.

    `policy` is swapped whole, in one assignment, when a mapping changed. `files`: its texts (file -> text), kept with
    each version as evidence. `older`: finds a kept older version by digest, for escalations that hold one.
    `page`: tickets evaluated per transaction. `window`: age of its due instant at which a message expires unsent.
    `waiting`: the held plan last read, kept to spare reading it in every cycle; the state has the truth.
    `signer`: signs the audit's head at the end of each cycle.
    """

    name: str
    reader: Reader
    store: Store
    policy: Policy
    limits: Limits = field(default_factory=Limits)
    writer: Writer | None = None
    notifiers: Sequence[Notifier] = ()
    files: Mapping[str, str] = field(default=EMPTY)
    page: int = 500
    window: timedelta | None = None
    holder: str = "escalera"
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    rebind: Callable[[Policy], tuple[Reader, Writer | None]] | None = None
    waiting: Plan | None = None
    signer: Signer | None = None


@dataclass(slots=True)
class CycleReport:
    """What one cycle did. `trouble`: why the helpdesk stopped it; `blocked` where only a person can end that.

    `changed`: tickets the feed brought anew. `evaluated`: tickets looked at. `held`: digest of the plan that waits for
    approval, `announced` where this cycle was the first to say so. `left`: actions whose effect is not settled yet.
    `failed`: tickets that could not be decided because the program failed on them; `quarantined`: all that rest.
    """

    account: str
    now: datetime
    dry_run: bool = False
    changed: int = 0
    evaluated: int = 0
    complete: bool = True
    plan: Plan | None = None
    verdict: Verdict | None = None
    applied: list[Applied] = field(default_factory=list)
    recovered: list[tuple[Intent, Outcome]] = field(default_factory=list)
    left: list[Intent] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    held: str | None = None
    announced: bool = False
    stopped: bool = False
    trouble: str | None = None
    blocked: bool = False
    retry_after: float | None = None
    policy_changed: bool = False

    def counts(self) -> dict[str, int]:
        """How many actions ended in each way, by outcome."""
        found: dict[str, int] = {}
        for result in self.applied:
            found[result.outcome.value] = found.get(result.outcome.value, 0) + 1
        return found

    @property
    def acted(self) -> int:
        """How many actions were carried out and verified."""
        return sum(1 for result in self.applied if result.outcome is Outcome.DONE and not result.repeated)

    @property
    def exit_code(self) -> int:
        """By the command-line contract: 1 blocked, 4 not read or decided whole, 3 held, 2 pending (dry run), 0 else."""
        if self.blocked:
            return 1
        if not self.complete or self.trouble is not None or self.failed:
            return 4
        if self.held is not None or (self.verdict is not None and not self.verdict.go):
            return 3
        if self.dry_run and self.plan is not None and self.plan.actions:
            return 2
        return 0
