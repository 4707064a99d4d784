"""What an account tells assignment: open tickets by agent, and whose turn it is; looked up only where asked for."""

from __future__ import annotations

from connector.core.model import EMPTY
from connector.core.policy import NO_DUTY, Duty, Policy
from connector.core.rules.assignment import needs_duty
from connector.store.base import Store

#: The account fact that holds how often each round robin has chosen, by the name of its rule.
TURNS = "turns"


def duty_of(store: Store, account: str, policy: Policy) -> Duty:
    """Loads and turns as they stand, as far as a rule of the policy asks for them. Raises StoreError."""
    by_load, in_turn = needs_duty(policy.rules)
    if not (by_load or in_turn):
        return NO_DUTY
    turns = store.fact(account, TURNS) if in_turn else None
    return Duty(store.loads(account) if by_load else None, turns if isinstance(turns, dict) else EMPTY)
