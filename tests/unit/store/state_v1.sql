-- A state of version 1 with rows, as `sqlite3 state.db .dump` prints it. Never edited: later versions must read it.
PRAGMA application_id = 1163084609;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
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
INSERT INTO "audit" VALUES(1,'2026-01-05T09:30:00.000000Z','mx','set','2','{"día":"ñ","n":1}','0000000000000000000000000000000000000000000000000000000000000000','778df2962a343ee0b8ee832941e7a2eae8ede708816685e8ad08b940f35eee52');
INSERT INTO "audit" VALUES(2,'2026-01-05T09:31:00.000000Z','cl','hold',NULL,'{}','778df2962a343ee0b8ee832941e7a2eae8ede708816685e8ad08b940f35eee52','b3a5738a9c619461fa4d59ac4545bf065f50bf61c062c4cff84ac06bb69ada85');
CREATE TABLE audit_head (
  one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  seq  INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;
INSERT INTO "audit_head" VALUES(1,2,'b3a5738a9c619461fa4d59ac4545bf065f50bf61c062c4cff84ac06bb69ada85');
CREATE TABLE counts (
  account      TEXT NOT NULL PRIMARY KEY,
  open_tickets INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "counts" VALUES('mx',1);
CREATE TABLE cursors (
  account    TEXT NOT NULL PRIMARY KEY,
  feed       TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "cursors" VALUES('mx','2026-01-05T09:30:00Z','2026-01-05T09:30:00.000000Z');
CREATE TABLE epochs (
  account  TEXT NOT NULL PRIMARY KEY,
  epoch    INTEGER NOT NULL,
  holder   TEXT NOT NULL,
  taken_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "epochs" VALUES('mx',1,'host','2026-01-05T09:30:00.000000Z');
CREATE TABLE facts (
  account    TEXT NOT NULL,
  name       TEXT NOT NULL,
  value      TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (account, name)
) STRICT;
INSERT INTO "facts" VALUES('mx','populations','[1,2]','2026-01-05T09:30:00.000000Z');
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
INSERT INTO "intents" VALUES(1,'mx','i1','pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp','7','set','intended',0,1,'2026-01-05T09:30:00.000000Z','2026-01-05T09:30:00.000000Z','{"id":"i1","ticket":"7","kind":"set","rule":["priority","p","p.yaml",3],"key":"k:i1"}','{}');
INSERT INTO "intents" VALUES(2,'mx','i2','pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp','7','set','done',0,1,'2026-01-05T09:31:00.000000Z','2026-01-05T09:31:00.000000Z','{"id":"i2","ticket":"7","kind":"set","rule":["priority","p","p.yaml",3],"key":"k:i2"}','{}');
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
INSERT INTO "plans" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','mx','held','2026-01-05T09:30:00.000000Z','2026-01-05T11:30:00.000000Z',NULL,NULL,NULL,'{"actions":[1,{"$tuple":["a","b"]}]}');
CREATE TABLE policies (
  digest   TEXT NOT NULL PRIMARY KEY,
  saved_at TEXT NOT NULL,
  body     TEXT NOT NULL
) STRICT;
INSERT INTO "policies" VALUES('p','2026-01-05T09:30:00.000000Z','{"a.yaml":"x"}');
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
INSERT INTO "tickets" VALUES('mx','1042','in_process','high','whatsapp','Supervisión','Laura Núñez','no-parts','2025-12-29T10:50:00.000000Z','2026-01-05T09:30:00.123456Z',0,'archived','2026-01-05T09:35:00.000000Z','{"id":"1042","status":"in_process","priority":"high","channel":"whatsapp","subject":"","body":"Mi licuadora no funciona; «ya llamé» tres veces.","type":"Reclamo","tags":["esc:no-parts","vip"],"group":"Supervisión","agent":"Laura Núñez","product":"Licuadora","brand":"Marca","category":"Reparación","customer":"ACME","requester":"José Ibáñez","requester_email":"jose@example.com","requester_phone":"+52 55 0000 0000","contract":"C-1","escalation_type":"no-parts","custom":{"text":"Máquina — «no funciona»\n\t\u0000 😀 \ud83d","empty":"","none":null,"yes":true,"no":false,"number":42,"large":1208925819614629174706176,"negative":-7,"fraction":0.1,"infinite":{"$float":"inf"},"money":{"$decimal":"1234.50"},"day":{"$date":"2026-02-28"},"hour":{"$time":"09:30:00"},"span":{"$span":[3,5,7]},"instant":{"$instant":"2026-01-31T23:59:59.999999Z"},"local":{"$local":"2026-01-31T23:59:59"},"list":[1,"two",null,[3.5]],"pair":{"$tuple":["a",{"$tuple":["b",1]}]},"set":{"$set":["x","y"]},"frozen":{"$frozenset":[1,2]},"nested":{"deep":{"deeper":[{"$tuple":["t"]},{"$map":[["$date","not a tag but a key"]]}]}},"tagged":{"$map":[["$tuple",[1,2]]]},"odd keys":{"$map":[[1,"one"],[null,"none"],[{"$tuple":[1,2]},"pair"]]}},"created_at":"2025-12-29T10:50:00.000000Z","updated_at":"2026-01-05T09:30:00.123456Z","status_since":"2026-01-01T22:10:00.000000Z","agent_responded_at":"2026-01-02T14:50:00.000000Z","customer_responded_at":"2026-01-03T07:30:00.000000Z","first_responded_at":"2025-12-30T03:30:00.000000Z","resolved_at":"2026-01-04T00:10:00.000000Z","closed_at":"2026-01-04T16:50:00.000000Z","due_by":"2026-01-06T02:10:00.000000Z","first_response_due":"2026-01-05T17:50:00.000000Z","escalated_at":"2026-01-02T06:30:00.000000Z","autoclose_clock":"2026-01-01T22:10:00.000000Z","gone":"archived","raw":{"status":"En proceso","priority":"3"},"unknown":["contract","custom.serie"],"place":"export.csv:17"}','{"first_seen":"2025-12-29T10:50:00.000000Z","situation":"no-parts","situation_since":"2026-01-02T06:30:00.000000Z","done":{"keepalive:1042:1":"2026-01-05T09:30:00Z"},"toggles":["2026-01-05T07:50:00.000000Z","2026-01-05T08:40:00.000000Z"],"ours":{"priority":"high","tags":{"$tuple":["a","b"]}},"human":{"agent":"Laura Núñez","group":null},"writes":["2026-01-05T09:25:00.000000Z","2026-01-05T09:27:00.000000Z"],"own_updated_at":["2026-01-05T09:29:00Z"],"policy":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff","quarantined_until":"2026-01-05T10:30:00.000000Z","extra":{"flaps":2,"when":{"$instant":"2026-01-05T09:31:00.000000Z"}}}','email:jose@example.com','phone:00000000','name:jose ibañez','contract:c1');
INSERT INTO "tickets" VALUES('mx','2','in_process',NULL,NULL,NULL,NULL,NULL,'2026-01-05T09:30:00.000000Z','2026-01-05T09:30:00.000000Z',1,NULL,'2026-01-05T09:39:00.000000Z','{"id":"2","status":"in_process","subject":"No funciona","body":"hola","created_at":"2026-01-05T09:30:00.000000Z","updated_at":"2026-01-05T09:30:00.000000Z"}','{"first_seen":"2026-01-05T09:30:00.000000Z"}',NULL,NULL,NULL,NULL);
INSERT INTO "tickets" VALUES('mx','3','closed',NULL,NULL,NULL,NULL,NULL,'2026-01-05T09:30:00.000000Z','2026-01-05T09:30:00.000000Z',0,NULL,NULL,'{"id":"3","status":"closed","subject":"No funciona","body":"hola","created_at":"2026-01-05T09:30:00.000000Z","updated_at":"2026-01-05T09:30:00.000000Z"}','{"first_seen":"2026-01-05T09:30:00.000000Z"}',NULL,NULL,NULL,NULL);
CREATE INDEX tickets_due ON tickets (account, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX tickets_open ON tickets (account, id) WHERE is_open = 1;
CREATE INDEX tickets_by_email ON tickets (account, email_key, created_at, id) WHERE email_key IS NOT NULL;
CREATE INDEX tickets_by_phone ON tickets (account, phone_key, created_at, id) WHERE phone_key IS NOT NULL;
CREATE INDEX tickets_by_name ON tickets (account, name_key, created_at, id) WHERE name_key IS NOT NULL;
CREATE INDEX tickets_by_contract ON tickets (account, contract_key, created_at, id) WHERE contract_key IS NOT NULL;
CREATE INDEX intents_unended ON intents (account, created_at, n) WHERE outcome IN ('intended', 'sent');
CREATE INDEX intents_by_time ON intents (account, created_at, n);
CREATE INDEX intents_by_ticket ON intents (account, ticket, created_at, n);
CREATE INDEX audit_by_account ON audit (account, seq);
CREATE INDEX audit_by_ticket ON audit (ticket, seq) WHERE ticket IS NOT NULL;
CREATE INDEX audit_by_time ON audit (at, seq);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;
CREATE INDEX plans_by_account ON plans (account, saved_at, digest);
CREATE INDEX plans_by_time ON plans (saved_at, digest);
COMMIT;
