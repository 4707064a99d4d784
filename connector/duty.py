"""What an account tells assignment: open tickets by agent, and whose turn it is; looked up only where asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from connector.core.model import EMPTY
from connector.core.policy import NO_DUTY, Duty, Policy
from connector.core.rules.assignment import needs_duty
from connector.store.base import Store

#: The account fact that holds how often each round robin has chosen, by the name of its rule.
TURNS = "turns"


def duty_of(store: Store, account: str, policy: Policy, now: datetime | None = None) -> Duty:
    """Loads, turns and fetched rotas as they stand, as far as the policy asks for them. Raises StoreError.

    `now`: the instant at which is decided; left out, rotas at a web address are not looked up.
    """
    by_load, in_turn = needs_duty(policy.rules)
    remote = [name for name, rota in policy.rotas.items() if getattr(rota, "remote", False)]
    if not (by_load or in_turn or remote):
        return NO_DUTY
    turns = store.fact(account, TURNS) if in_turn else None
    duty = Duty(store.loads(account) if by_load else None, turns if isinstance(turns, dict) else EMPTY)
    if not remote or now is None:
        return duty
    from connector.rota_feed import fetched_rotas

    on_call, fetched = fetched_rotas(store, account, policy, now)
    return replace(duty, on_call=on_call, fetched=fetched)
