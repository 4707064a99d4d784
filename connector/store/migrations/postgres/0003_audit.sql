-- Version 3: audit events that can be erased without breaking the chain, its beginning pruned, its head signed.

-- v: the version of the hash formula (connector/store/chain.py). commitment: SHA-256 over salt, body and ticket.
-- redacted: seq of the `erasure` event by which body, ticket and salt were erased; the body is then empty text.
ALTER TABLE audit ADD COLUMN v INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN salt TEXT COLLATE "C";
ALTER TABLE audit ADD COLUMN commitment TEXT COLLATE "C";
ALTER TABLE audit ADD COLUMN redacted BIGINT;

-- The newest event that was pruned from the beginning: the chain goes on from there.
CREATE TABLE audit_anchor (
  one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  seq  BIGINT NOT NULL,
  hash TEXT COLLATE "C" NOT NULL
);

INSERT INTO audit_anchor (one, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- The newest signature of the head. began: the first event that was the head when signing began.
CREATE TABLE audit_signature (
  one       INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  seq       BIGINT NOT NULL,
  hash      TEXT COLLATE "C" NOT NULL,
  at        TEXT COLLATE "C" NOT NULL,
  began     BIGINT NOT NULL,
  key_id    TEXT COLLATE "C" NOT NULL,
  signature TEXT COLLATE "C" NOT NULL
);

DROP TRIGGER audit_no_update ON audit;
DROP TRIGGER audit_no_delete ON audit;

CREATE FUNCTION audit_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF old.seq > (SELECT seq FROM audit_anchor WHERE one = 1) THEN
    RAISE EXCEPTION 'the audit is append-only';
  END IF;
  RETURN old;
END
$$;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit FOR EACH ROW
WHEN (NOT coalesce(
  old.redacted IS NULL AND new.redacted > old.seq AND new.body = '' AND new.salt IS NULL AND new.ticket IS NULL
  AND new.seq = old.seq AND new.at = old.at AND new.account = old.account AND new.kind = old.kind
  AND new.prev = old.prev AND new.hash = old.hash AND new.v = old.v
  AND new.commitment IS NOT DISTINCT FROM old.commitment, FALSE
))
EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse_delete();
