-- Version 2: the register's record of each escalation, from the day it went up to its outcome.

CREATE TABLE escalations (
  account      TEXT NOT NULL,
  id           TEXT NOT NULL,
  ticket       TEXT NOT NULL,
  tab          TEXT,
  opened_at    TEXT NOT NULL,
  is_open      INTEGER NOT NULL CHECK (is_open IN (0, 1)),
  body         TEXT NOT NULL,
  cause        TEXT NOT NULL,
  outcome      TEXT NOT NULL,
  satisfaction TEXT NOT NULL,
  follow_ups   TEXT NOT NULL,
  comments     TEXT NOT NULL,
  PRIMARY KEY (account, id)
) STRICT;

CREATE INDEX escalations_by_time ON escalations (account, opened_at, id);
CREATE INDEX escalations_by_ticket ON escalations (account, ticket, opened_at, id);
CREATE INDEX escalations_open ON escalations (account, opened_at, id) WHERE is_open = 1;
