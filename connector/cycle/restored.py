"""After a restore the helpdesk may know more than the state: the first plan waits for a person, whatever it holds.

What was done between the backup and its restore is not in the journal any more. The first cycle reads everything again;
a note or reply is looked for by its reference before it is left, and a value that stands already is not written. What
can't be seen on a ticket (messages to people, new tickets, the number of toggles) could come twice: so nothing is sent
before someone approved the first plan. Only a toggle without which the helpdesk would close its ticket soon goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from connector.apply.journal import Journal
from connector.core.model import Hold, Plan, Verdict
from connector.cycle.account import Account, CycleReport

#: Fact of an account: {"at": instant of the restore, "head": the audit's head in the backup}; None once it is over.
FACT = "restored"
#: A toggle whose ticket would be closed within this time does not wait.
SOON = timedelta(hours=24)


def cautious(account: Account, plan: Plan, verdict: Verdict) -> Verdict:
    """The guard's word, and after a restore a hold on everything that can wait."""
    mark = account.store.fact(account.name, FACT)
    if mark is None:
        return verdict
    exempt = frozenset(_pressing(plan))
    waiting = [one for one in plan.actions if one.id not in exempt and one.id not in verdict.deferred]
    if not waiting:
        return verdict
    text = (
        f"the state was restored at {mark['at']} from a backup: {len(waiting)} action(s) may have been carried out"
        " since that backup; look at them, and approve what is still to be done"
    )
    hold = Hold("restored", len(waiting), 0, text)
    return Verdict(False, (hold, *verdict.holds), verdict.deferred, tuple(sorted(exempt)))


def _pressing(plan: Plan) -> Iterator[str]:
    keys = set()
    for one in plan.actions:
        closes: Any = one.details.get("closes")
        if one.kind == "toggle" and closes is not None and datetime.fromisoformat(closes) - plan.now < SOON:
            keys.add((one.ticket, one.key))
            yield one.id
    for one in plan.actions:
        if (one.ticket, one.details.get("with")) in keys:
            yield one.id


def over(account: Account, report: CycleReport) -> bool:
    """Whether a cycle ends the caution: everything was read, and nothing waits that may have been done before."""
    whole = report.complete and not report.stopped and report.trouble is None and not report.failed
    quiet = report.held is None and report.verdict is not None and report.verdict.go
    return whole and quiet and account.store.fact(account.name, FACT) is not None


def approved(account: Account, journal: Journal, now: datetime) -> None:
    """A person approved a plan of this restored state: the caution ends."""
    if account.store.fact(account.name, FACT) is None:
        return
    with journal.transaction("claimed"):
        account.store.set_fact(account.name, FACT, None, now)
        account.store.append_audit(account.name, now, "restore_settled", {"why": "a plan was approved"})
