-- Version 2: the register's record of each escalation, from the day it went up to its outcome.

CREATE TABLE escalations (
  account      TEXT COLLATE "C" NOT NULL,
  id           TEXT COLLATE "C" NOT NULL,
  ticket       TEXT COLLATE "C" NOT NULL,
  tab          TEXT COLLATE "C",
  opened_at    TEXT COLLATE "C" NOT NULL,
  is_open      INTEGER NOT NULL CHECK (is_open IN (0, 1)),
  body         TEXT COLLATE "C" NOT NULL,
  cause        TEXT COLLATE "C" NOT NULL,
  outcome      TEXT COLLATE "C" NOT NULL,
  satisfaction TEXT COLLATE "C" NOT NULL,
  follow_ups   TEXT COLLATE "C" NOT NULL,
  comments     TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account, id)
);

CREATE INDEX escalations_by_time ON escalations (account, opened_at, id);
CREATE INDEX escalations_by_ticket ON escalations (account, ticket, opened_at, id);
CREATE INDEX escalations_open ON escalations (account, opened_at, id) WHERE is_open = 1;
