"""The statements of erasure and pruning, once for both databases; run rarely, so they may read whole tables."""

from __future__ import annotations

KEY_COLUMNS = {"email": "email_key", "phone": "phone_key", "name": "name_key", "contract": "contract_key"}
TICKETS_OF = "SELECT id FROM tickets WHERE account = ? AND {column} = ? ORDER BY id"

TICKET = "SELECT ticket, memory FROM tickets WHERE account = ? AND id = ?"
SET_TICKET = (
    "UPDATE tickets SET ticket = ?, memory = ?, email_key = NULL, phone_key = NULL, name_key = NULL,"
    " contract_key = NULL WHERE account = ? AND id = ?"
)
INTENTS = "SELECT id, action, observed FROM intents WHERE account = ? AND ticket = ? ORDER BY n"
SET_INTENT = "UPDATE intents SET action = ?, observed = ? WHERE account = ? AND id = ?"
ESCALATIONS = "SELECT id, body, cause FROM escalations WHERE account = ? AND ticket = ? ORDER BY id"
SET_ESCALATION = "UPDATE escalations SET body = ?, cause = ?, comments = ? WHERE account = ? AND id = ?"
PLANS = "SELECT digest, body FROM plans WHERE account = ? ORDER BY digest"
_WAITING = "('held', 'approved')"
EMPTY_PLAN = (
    f"UPDATE plans SET body = ?, state = CASE WHEN state IN {_WAITING} THEN 'expired' ELSE state END"  # noqa: S608
    " WHERE digest = ?"
)
EVENTS_OF_TICKET = "SELECT seq FROM audit WHERE account = ? AND ticket = ? AND redacted IS NULL"
EVENT_TEXTS = (
    "SELECT seq, kind, body FROM audit WHERE account = ? AND seq > ? AND redacted IS NULL ORDER BY seq LIMIT ?"
)
#: Where a word may stand beside the customer's own tickets: what to read by account, and how to write it back by key.
MASKED = (
    (
        "SELECT id, ticket, memory, email_key, phone_key, name_key, contract_key FROM tickets WHERE account = ?",
        (
            "UPDATE tickets SET ticket = ?, memory = ?, email_key = ?, phone_key = ?, name_key = ?, contract_key = ?"
            " WHERE account = ? AND id = ?"
        ),
    ),
    (
        "SELECT id, action, observed FROM intents WHERE account = ? ORDER BY n",
        "UPDATE intents SET action = ?, observed = ? WHERE account = ? AND id = ?",
    ),
    (
        "SELECT id, body, cause, outcome, satisfaction, follow_ups, comments FROM escalations WHERE account = ?",
        (
            "UPDATE escalations SET body = ?, cause = ?, outcome = ?, satisfaction = ?, follow_ups = ?, comments = ?"
            " WHERE account = ? AND id = ?"
        ),
    ),
    (
        "SELECT name, value FROM facts WHERE account = ? ORDER BY name",
        "UPDATE facts SET value = ? WHERE account = ? AND name = ?",
    ),
    (
        "SELECT digest, reason FROM plans WHERE account = ? ORDER BY digest",
        "UPDATE plans SET reason = ? WHERE account = ? AND digest = ?",
    ),
)

PRUNE_PLANS = (
    f"UPDATE plans SET body = ? WHERE account = ? AND saved_at < ? AND state NOT IN {_WAITING}"  # noqa: S608
    " AND length(body) > ?"
)
# What is open keeps its whole journal: by it nothing is done twice, however long the ticket stays open.
PRUNE_INTENTS = (
    "DELETE FROM intents WHERE account = ? AND created_at < ? AND updated_at < ?"
    " AND outcome NOT IN ('intended', 'sent') AND NOT EXISTS (SELECT 1 FROM tickets"
    " WHERE tickets.account = intents.account AND tickets.id = intents.ticket AND tickets.is_open = 1)"
)
PRUNE_TICKETS = (
    "DELETE FROM tickets WHERE account = ? AND is_open = 0 AND updated_at < ? AND NOT EXISTS (SELECT 1 FROM intents"
    " WHERE intents.account = tickets.account AND intents.ticket = tickets.id)"
)
