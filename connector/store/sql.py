"""Every statement of the store, once, for both databases (`?` marks a value; `{lock}` a row lock where there is one).

A test asks SQLite for the plan of each: none that a cycle uses may read a whole table.
"""

from __future__ import annotations

# --- mirror ----------------------------------------------------------------------------------------------------------
CURSOR = "SELECT feed FROM cursors WHERE account = ?"
SET_CURSOR = (
    "INSERT INTO cursors (account, feed, updated_at) VALUES (?, ?, ?)"
    " ON CONFLICT (account) DO UPDATE SET feed = excluded.feed, updated_at = excluded.updated_at"
)
REMOVE_CURSOR = "DELETE FROM cursors WHERE account = ?"
TICKET_COLUMNS = (
    "account", "id", "status", "priority", "channel", "group_name", "agent", "escalation_type", "created_at",
    "updated_at", "is_open", "gone", "wake_at", "ticket", "memory", "email_key", "phone_key", "name_key",
    "contract_key",
)  # fmt: skip
PUT = (
    f"INSERT INTO tickets ({', '.join(TICKET_COLUMNS)}) VALUES ({', '.join('?' * len(TICKET_COLUMNS))})"  # noqa: S608 - only our own column names
    " ON CONFLICT (account, id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in TICKET_COLUMNS[2:])
)
_MIRRORED = "SELECT id, ticket, memory, wake_at FROM tickets"
MIRRORED = _MIRRORED + " WHERE account = ? AND id IN ({marks})"
DUE = _MIRRORED + " WHERE account = ? AND wake_at <= ? ORDER BY wake_at, id LIMIT ?"
NEXT_WAKE = "SELECT wake_at FROM tickets WHERE account = ? AND wake_at IS NOT NULL ORDER BY wake_at LIMIT 1"
# A ticket that is due earlier stays so: waking everything must not put anything off.
WAKE_ALL = "UPDATE tickets SET wake_at = CASE WHEN wake_at < ? THEN wake_at ELSE ? END WHERE account = ?"
WAKE_OPEN = WAKE_ALL + " AND is_open = 1"
SCAN = _MIRRORED + " WHERE account = ? AND id > ? ORDER BY id LIMIT ?"
SCAN_OPEN = _MIRRORED + " WHERE account = ? AND id > ? AND is_open = 1 ORDER BY id LIMIT ?"
# One statement a column: an OR over several would read more than the index gives.
RELATED = (
    _MIRRORED + " WHERE account = ? AND {column} = ? AND created_at >= ? ORDER BY created_at DESC, id DESC LIMIT ?"
)
OPEN_COUNT = "SELECT open_tickets FROM counts WHERE account = ?"
# Also the lock under which an account's tickets are counted and written.
ADD_OPEN = (
    "INSERT INTO counts (account, open_tickets) VALUES (?, ?)"
    " ON CONFLICT (account) DO UPDATE SET open_tickets = counts.open_tickets + excluded.open_tickets"
)
LOADS = (
    "SELECT agent, count(*) FROM tickets WHERE account = ? AND is_open = 1 AND agent IS NOT NULL"
    " AND coalesce(status, '') <> 'completed' GROUP BY agent"
)
OPEN_AMONG = "SELECT count(*) FROM tickets WHERE account = ? AND id IN ({marks}) AND is_open = 1"

# --- journal ---------------------------------------------------------------------------------------------------------
INTENT_COLUMNS = "account, id, plan, outcome, step, epoch, created_at, updated_at, action, observed"
BEGIN_INTENT = (
    f"INSERT INTO intents ({INTENT_COLUMNS}, ticket, kind) VALUES ({', '.join('?' * 12)})"  # noqa: S608 - only our own column names
    " ON CONFLICT (account, id) DO NOTHING"
)
UPDATE_INTENT = "UPDATE intents SET outcome = ?, step = ?, updated_at = ?, observed = ? WHERE account = ? AND id = ?"
_INTENT = f"SELECT {INTENT_COLUMNS} FROM intents"  # noqa: S608 - only our own column names
INTENT = _INTENT + " WHERE account = ? AND id = ?"
OPEN_INTENTS = _INTENT + " WHERE account = ? AND outcome IN ('intended', 'sent') ORDER BY created_at, n"
INTENTS = _INTENT + " WHERE account = ? AND created_at >= ? ORDER BY created_at, n"
INTENTS_OF_TICKET = _INTENT + " WHERE account = ? AND ticket = ? AND created_at >= ? ORDER BY created_at, n"

# --- plans, policies, facts ------------------------------------------------------------------------------------------
SAVE_PLAN = (
    "INSERT INTO plans (digest, account, state, saved_at, expires_at, approved_by, reason, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET account = excluded.account,"
    " state = excluded.state, saved_at = excluded.saved_at, expires_at = excluded.expires_at,"
    " approved_by = excluded.approved_by, reason = excluded.reason, body = excluded.body, claimed_at = NULL"
)
_PLAN = "SELECT digest, account, state, saved_at, expires_at, approved_by, reason, body FROM plans"
PLAN = _PLAN + " WHERE digest = ?"
#: The same without the plan's body, which may be megabytes.
_PLAN_HEAD = _PLAN.replace(", body", ", '{{}}'")
PLAN_HEAD = _PLAN_HEAD.format() + " WHERE digest = ?"
PLANS_BY_BEGINNING = _PLAN + " WHERE digest >= ? AND digest < ? ORDER BY digest LIMIT 2"
PLANS = _PLAN + "{where} ORDER BY saved_at DESC, digest"
PLAN_HEADS = _PLAN_HEAD + "{where} ORDER BY saved_at DESC, digest"
CLAIM_PLAN = (
    "UPDATE plans SET state = 'applied', claimed_at = ?"
    " WHERE digest = ? AND (expires_at IS NULL OR expires_at > ?) AND state IN ({marks})"
)
SAVE_POLICY = "INSERT INTO policies (digest, saved_at, body) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"
POLICY = "SELECT body FROM policies WHERE digest = ?"
FACT = "SELECT value FROM facts WHERE account = ? AND name = ?"
SET_FACT = (
    "INSERT INTO facts (account, name, value, updated_at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at"
)
REMOVE_FACT = "DELETE FROM facts WHERE account = ? AND name = ?"

# --- escalations -----------------------------------------------------------------------------------------------------
_ESCALATION_COLUMNS = (
    "account", "id", "ticket", "tab", "opened_at", "is_open", "body", "cause", "outcome", "satisfaction", "follow_ups",
    "comments",
)  # fmt: skip
PUT_ESCALATION = (
    f"INSERT INTO escalations ({', '.join(_ESCALATION_COLUMNS)})"  # noqa: S608 - only our own column names
    f" VALUES ({', '.join('?' * len(_ESCALATION_COLUMNS))}) ON CONFLICT (account, id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _ESCALATION_COLUMNS[2:])
)
_ESCALATION = (
    "SELECT id, ticket, tab, opened_at, body, cause, outcome, satisfaction, follow_ups, comments FROM escalations"
)
ESCALATION = _ESCALATION + " WHERE account = ? AND id = ?"
# From behind the last row of the page before; `records.py` adds what else is asked.
ESCALATIONS = _ESCALATION + " WHERE account = ? AND (opened_at, id) > (?, ?)"

# --- lease -----------------------------------------------------------------------------------------------------------
TAKE_EPOCH = (
    "INSERT INTO epochs (account, epoch, holder, taken_at) VALUES (?, 1, ?, ?) ON CONFLICT (account) DO UPDATE"
    " SET epoch = epochs.epoch + 1, holder = excluded.holder, taken_at = excluded.taken_at RETURNING epoch"
)
EPOCH = "SELECT epoch FROM epochs WHERE account = ?{lock}"
