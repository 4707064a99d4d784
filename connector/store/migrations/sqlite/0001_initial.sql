-- The state of Escalera, version 1, for SQLite. Instants are UTC text of fixed width, so text order is time order.

CREATE TABLE tickets (
  account         TEXT NOT NULL,
  id              TEXT NOT NULL,
  status          TEXT,
  priority        TEXT,
  channel         TEXT,
  group_name      TEXT,
  agent           TEXT,
  escalation_type TEXT,
  created_at      TEXT,
  updated_at      TEXT,
  is_open         INTEGER NOT NULL CHECK (is_open IN (0, 1)),
  gone            TEXT,
  wake_at         TEXT,
  ticket          TEXT NOT NULL,
  memory          TEXT NOT NULL,
  email_key       TEXT,
  phone_key       TEXT,
  name_key        TEXT,
  contract_key    TEXT,
  PRIMARY KEY (account, id)
) STRICT;

CREATE INDEX tickets_due ON tickets (account, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX tickets_open ON tickets (account, id) WHERE is_open = 1;
-- How many tickets each agent has, for assignment by load.
CREATE INDEX tickets_load ON tickets (account, agent, status) WHERE is_open = 1 AND agent IS NOT NULL;

-- Earlier tickets of the same customer, by what its e-mail address, phone number, name and contract fold to.
CREATE INDEX tickets_by_email ON tickets (account, email_key, created_at, id) WHERE email_key IS NOT NULL;
CREATE INDEX tickets_by_phone ON tickets (account, phone_key, created_at, id) WHERE phone_key IS NOT NULL;
CREATE INDEX tickets_by_name ON tickets (account, name_key, created_at, id) WHERE name_key IS NOT NULL;
CREATE INDEX tickets_by_contract ON tickets (account, contract_key, created_at, id) WHERE contract_key IS NOT NULL;

-- How many tickets of an account are open: kept in the transaction that writes the tickets.
CREATE TABLE counts (
  account      TEXT NOT NULL PRIMARY KEY,
  open_tickets INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
  account    TEXT NOT NULL PRIMARY KEY,
  feed       TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE intents (
  n          INTEGER PRIMARY KEY,
  account    TEXT NOT NULL,
  id         TEXT NOT NULL,
  plan       TEXT NOT NULL,
  ticket     TEXT NOT NULL,
  kind       TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  step       INTEGER NOT NULL,
  epoch      INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  action     TEXT NOT NULL,
  observed   TEXT NOT NULL,
  UNIQUE (account, id)
) STRICT;

CREATE INDEX intents_unended ON intents (account, created_at, n) WHERE outcome IN ('intended', 'sent');
CREATE INDEX intents_by_time ON intents (account, created_at, n);
CREATE INDEX intents_by_ticket ON intents (account, ticket, created_at, n);

-- hash = SHA-256 over prev and the canonical JSON of the rest; the newest seq and hash also stand in audit_head.
CREATE TABLE audit (
  seq     INTEGER PRIMARY KEY,
  at      TEXT NOT NULL,
  account TEXT NOT NULL,
  kind    TEXT NOT NULL,
  ticket  TEXT,
  body    TEXT NOT NULL,
  prev    TEXT NOT NULL,
  hash    TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_account ON audit (account, seq);
CREATE INDEX audit_by_ticket ON audit (ticket, seq) WHERE ticket IS NOT NULL;
CREATE INDEX audit_by_time ON audit (at, seq);

CREATE TABLE audit_head (
  one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  seq  INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;

INSERT INTO audit_head (one, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TABLE plans (
  digest      TEXT NOT NULL PRIMARY KEY,
  account     TEXT NOT NULL,
  state       TEXT NOT NULL,
  saved_at    TEXT NOT NULL,
  expires_at  TEXT,
  approved_by TEXT,
  reason      TEXT,
  claimed_at  TEXT,
  body        TEXT NOT NULL
) STRICT;

CREATE INDEX plans_by_account ON plans (account, saved_at, digest);
CREATE INDEX plans_by_time ON plans (saved_at, digest);

CREATE TABLE policies (
  digest   TEXT NOT NULL PRIMARY KEY,
  saved_at TEXT NOT NULL,
  body     TEXT NOT NULL
) STRICT;

CREATE TABLE facts (
  account    TEXT NOT NULL,
  name       TEXT NOT NULL,
  value      TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (account, name)
) STRICT;

CREATE TABLE epochs (
  account  TEXT NOT NULL PRIMARY KEY,
  epoch    INTEGER NOT NULL,
  holder   TEXT NOT NULL,
  taken_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
