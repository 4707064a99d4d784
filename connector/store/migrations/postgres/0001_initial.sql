-- The state of Escalera, version 1, for PostgreSQL. Instants are UTC text of fixed width, so text order is time order;
-- the collation "C" makes every order the same as in SQLite.

CREATE TABLE tickets (
  account         TEXT COLLATE "C" NOT NULL,
  id              TEXT COLLATE "C" NOT NULL,
  status          TEXT COLLATE "C",
  priority        TEXT COLLATE "C",
  channel         TEXT COLLATE "C",
  group_name      TEXT COLLATE "C",
  agent           TEXT COLLATE "C",
  escalation_type TEXT COLLATE "C",
  created_at      TEXT COLLATE "C",
  updated_at      TEXT COLLATE "C",
  is_open         INTEGER NOT NULL CHECK (is_open IN (0, 1)),
  gone            TEXT COLLATE "C",
  wake_at         TEXT COLLATE "C",
  ticket          TEXT COLLATE "C" NOT NULL,
  memory          TEXT COLLATE "C" NOT NULL,
  email_key       TEXT COLLATE "C",
  phone_key       TEXT COLLATE "C",
  name_key        TEXT COLLATE "C",
  contract_key    TEXT COLLATE "C",
  PRIMARY KEY (account, id)
);

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
  account      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  open_tickets BIGINT NOT NULL
);

CREATE TABLE cursors (
  account    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  feed       TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL
);

CREATE TABLE intents (
  n          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account    TEXT COLLATE "C" NOT NULL,
  id         TEXT COLLATE "C" NOT NULL,
  plan       TEXT COLLATE "C" NOT NULL,
  ticket     TEXT COLLATE "C" NOT NULL,
  kind       TEXT COLLATE "C" NOT NULL,
  outcome    TEXT COLLATE "C" NOT NULL,
  step       INTEGER NOT NULL,
  epoch      BIGINT NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  action     TEXT COLLATE "C" NOT NULL,
  observed   TEXT COLLATE "C" NOT NULL,
  UNIQUE (account, id)
);

CREATE INDEX intents_unended ON intents (account, created_at, n) WHERE outcome IN ('intended', 'sent');
CREATE INDEX intents_by_time ON intents (account, created_at, n);
CREATE INDEX intents_by_ticket ON intents (account, ticket, created_at, n);

-- hash = SHA-256 over prev and the canonical JSON of the rest; the newest seq and hash also stand in audit_head.
CREATE TABLE audit (
  seq     BIGINT PRIMARY KEY,
  at      TEXT COLLATE "C" NOT NULL,
  account TEXT COLLATE "C" NOT NULL,
  kind    TEXT COLLATE "C" NOT NULL,
  ticket  TEXT COLLATE "C",
  body    TEXT COLLATE "C" NOT NULL,
  prev    TEXT COLLATE "C" NOT NULL,
  hash    TEXT COLLATE "C" NOT NULL
);

CREATE INDEX audit_by_account ON audit (account, seq);
CREATE INDEX audit_by_ticket ON audit (ticket, seq) WHERE ticket IS NOT NULL;
CREATE INDEX audit_by_time ON audit (at, seq);

CREATE TABLE audit_head (
  one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  seq  BIGINT NOT NULL,
  hash TEXT COLLATE "C" NOT NULL
);

INSERT INTO audit_head (one, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit is append-only';
END
$$;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TABLE plans (
  digest      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  account     TEXT COLLATE "C" NOT NULL,
  state       TEXT COLLATE "C" NOT NULL,
  saved_at    TEXT COLLATE "C" NOT NULL,
  expires_at  TEXT COLLATE "C",
  approved_by TEXT COLLATE "C",
  reason      TEXT COLLATE "C",
  claimed_at  TEXT COLLATE "C",
  body        TEXT COLLATE "C" NOT NULL
);

CREATE INDEX plans_by_account ON plans (account, saved_at, digest);
CREATE INDEX plans_by_time ON plans (saved_at, digest);

CREATE TABLE policies (
  digest   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  saved_at TEXT COLLATE "C" NOT NULL,
  body     TEXT COLLATE "C" NOT NULL
);

CREATE TABLE facts (
  account    TEXT COLLATE "C" NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  value      TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account, name)
);

CREATE TABLE epochs (
  account  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  epoch    BIGINT NOT NULL,
  holder   TEXT COLLATE "C" NOT NULL,
  taken_at TEXT COLLATE "C" NOT NULL
);
