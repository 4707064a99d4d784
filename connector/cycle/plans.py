"""Plans that wait for a person: saved once, announced once, expiring, approved once, applied once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from operator import is_

import structlog

from connector.apply.actions import Application
from connector.apply.journal import Journal
from connector.core.model import Plan, Verdict
from connector.core.plan_json import plan_from_json, plan_to_json
from connector.core.planning import digest_of
from connector.cycle.account import Account
from connector.cycle.resting import Resting
from connector.errors import UsageError
from connector.store.base import SavedPlan

#: How long a held plan, and an approval of it, stands.
HELD_FOR = timedelta(hours=24)
#: A held plan that changes in part is saved and announced anew only after this.
CHANGES_AFTER = timedelta(hours=1)
_log = structlog.get_logger("escalera.guard")


def held_part(plan: Plan, verdict: Verdict, waiting: Plan | None = None) -> Plan:
    """What of a held plan waits for approval: all but what pace defers and what goes on meanwhile.

    `waiting`: the plan that waits already; where nothing changed, its digest need not be worked out again.
    """
    going = frozenset(verdict.deferred) | frozenset(verdict.exempt)
    actions = tuple(action for action in plan.actions if action.id not in going)
    if waiting is not None and len(actions) == len(waiting.actions) and all(map(is_, actions, waiting.actions)):
        return replace(plan, actions=actions, digest=waiting.digest)
    return replace(plan, actions=actions, digest=digest_of(plan.account, plan.policy, actions))


def expire(account: Account, journal: Journal, now: datetime) -> None:
    """End held and approved plans whose time has passed, each with an audit event."""
    for state in ("held", "approved"):
        for header in account.store.plans(account.name, state=state, bodies=False):
            saved = account.store.plan(header.digest) if header.expires_at and header.expires_at <= now else None
            if saved is not None:
                with journal.transaction("held"):
                    account.store.save_plan(replace(saved, state="expired"))
                    account.store.append_audit(account.name, now, "plan_expired", {"plan": saved.digest, "was": state})


def hold(
    account: Account, journal: Journal, plan: Plan, verdict: Verdict, now: datetime, resting: Resting | None = None
) -> tuple[str | None, bool]:
    """Save the held part of a plan; (its digest, whether this is the first time), (None, False) if nothing waits.

    The same digest is announced once while it waits; a rejected one is not asked about again before it expires. Where
    the plan that waits has changed in part, it stands for a while as it is: each change would be a plan of its own to
    look at, and none would be the newest when it is approved.
    """
    former = None if resting is None else resting.saved
    if former is not None and resting is not None and resting.plan is not None:
        stands = former.state == "held" and timedelta(0) <= now - former.saved_at < CHANGES_AFTER
        if stands and _share_any(plan, verdict, resting.plan):
            return former.digest, False
    part = held_part(plan, verdict, resting.plan if resting is not None else None)
    if not part.actions:
        return None, False
    known = account.store.plan(part.digest, body=False)
    waits = known is not None and known.state in ("held", "approved", "rejected")
    if known is not None and waits and (known.expires_at is None or known.expires_at > now):
        return part.digest, False
    saved = SavedPlan(
        digest=part.digest, account=account.name, state="held", body=plan_to_json(part, verdict), saved_at=now,
        expires_at=now + HELD_FOR, reason="; ".join(one.text for one in verdict.holds),
    )  # fmt: skip
    holds = [{"limit": one.limit, "found": one.found, "allowed": one.allowed} for one in verdict.holds]
    with journal.transaction("held"):
        account.store.save_plan(saved)
        account.store.append_audit(
            account.name, now, "plan_held", {"plan": part.digest, "actions": len(part.actions), "holds": holds}
        )
    _log.warning("plan held", account=account.name, plan=part.digest, actions=len(part.actions), why=saved.reason)
    return part.digest, True


def _share_any(plan: Plan, verdict: Verdict, waiting: Plan) -> bool:
    """Whether anything of the waiting plan is still held in this one."""
    going = frozenset(verdict.deferred) | frozenset(verdict.exempt)
    held = {action.id for action in plan.actions} - going
    return any(action.id in held for action in waiting.actions)


def apply_approved(
    account: Account, journal: Journal, now: datetime, act: Callable[[Plan], Application], *, stop: Callable[[], bool]
) -> list[Application]:
    """Carry out every approved plan of the account by `act`, each claimed first: one plan, one use.

    One made under another policy than the present one expires: what was approved is not what would be done.
    """
    done = []
    for saved in account.store.plans(account.name, state="approved"):
        if stop() or account.writer is None:
            break
        plan = plan_from_json(saved.body)
        if plan.policy != account.policy.digest:
            with journal.transaction("held"):
                account.store.save_plan(replace(saved, state="expired"))
                body = {"plan": saved.digest, "was": "approved", "why": "the policy changed"}
                account.store.append_audit(account.name, now, "plan_expired", body)
            continue
        if not _claim(account, journal, saved, now):
            continue
        application = act(plan)
        done.append(application)
        if application.stopped is not None:
            break
    return done


def _claim(account: Account, journal: Journal, saved: SavedPlan, at: datetime) -> bool:
    with journal.transaction("claimed"):
        if not account.store.claim_plan(saved.digest, at, states=["approved"]):
            return False
        body = {"plan": saved.digest, "by": saved.approved_by, "reason": saved.reason}
        account.store.append_audit(account.name, at, "plan_claimed", body)
    return True


def check_saved(account: Account, plan: Plan) -> None:
    """Raises UsageError for a plan that can't be applied here: another account's, an old policy's, changed, used."""
    short = plan.digest[:12]
    if plan.account != account.name:
        msg = f"plan {short} belongs to account '{plan.account}', not to '{account.name}'"
        raise UsageError(msg)
    if digest_of(plan.account, plan.policy, plan.actions) != plan.digest:
        msg = f"plan {short} was changed after it was made: its digest does not fit its actions; make a new one"
        raise UsageError(msg)
    if plan.policy != account.policy.digest:
        msg = (
            f"plan {short} was made under policy {plan.policy[:12]}, now {account.policy.digest[:12]} holds; plan anew"
        )
        raise UsageError(msg)
    known = account.store.plan(plan.digest)
    if known is not None and known.state in ("applied", "expired", "rejected"):
        msg = f"plan {short} was {known.state} before; a plan is used once: make a new one"
        raise UsageError(msg)


def claim_saved(account: Account, journal: Journal, plan: Plan, verdict: Verdict, now: datetime) -> None:
    """Claim a plan from a file for one use. Raises UsageError where someone else was first."""
    known = account.store.plan(plan.digest)
    with journal.transaction("claimed"):
        if known is None:
            body = plan_to_json(plan, verdict)
            account.store.save_plan(SavedPlan(plan.digest, account.name, "approved", body, saved_at=now))
        if not account.store.claim_plan(plan.digest, now, states=["approved", "held"]):
            msg = f"plan {plan.digest[:12]} was used by someone else; a plan is used once: make a new one"
            raise UsageError(msg)
        account.store.append_audit(account.name, now, "plan_claimed", {"plan": plan.digest, "from": "file"})
