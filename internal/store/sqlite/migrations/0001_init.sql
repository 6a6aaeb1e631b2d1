-- Times are milliseconds since 1970 UTC, 0 for none; lists are JSON arrays of text.

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  username TEXT NOT NULL,
  username_key TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  roles TEXT NOT NULL,
  permissions TEXT NOT NULL,
  disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
  version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE clients (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  public INTEGER NOT NULL CHECK (public IN (0, 1)),
  grant_types TEXT NOT NULL,
  redirect_uris TEXT NOT NULL,
  scopes TEXT NOT NULL,
  audiences TEXT NOT NULL,
  roles TEXT NOT NULL,
  permissions TEXT NOT NULL,
  access_token_lifetime INTEGER NOT NULL, -- milliseconds, 0 for the default
  skip_consent INTEGER NOT NULL CHECK (skip_consent IN (0, 1)),
  disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
  version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  secret_hash BLOB, -- NULL for a public client
  created INTEGER NOT NULL,
  CHECK (public = 1 OR length(secret_hash) = 32)
) STRICT;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  cookie_hash BLOB NOT NULL UNIQUE,
  amr TEXT NOT NULL,
  auth_time INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  ended INTEGER NOT NULL CHECK (ended IN (0, 1))
) STRICT;
CREATE INDEX sessions_subject ON sessions (subject, id);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE consents (
  subject TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  scopes TEXT NOT NULL,
  PRIMARY KEY (subject, client_id)
) STRICT;
CREATE INDEX consents_client_id ON consents (client_id);

CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  session_id TEXT NOT NULL REFERENCES sessions (id),
  scopes TEXT NOT NULL,
  audiences TEXT NOT NULL,
  amr TEXT NOT NULL,
  auth_time INTEGER NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL, -- the absolute end
  ends INTEGER NOT NULL,    -- the end unless it is used again before
  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1))
) STRICT;
CREATE INDEX grants_subject ON grants (subject, id);
CREATE INDEX grants_client_id ON grants (client_id);
CREATE INDEX grants_session_id ON grants (session_id);
CREATE INDEX grants_ends ON grants (ends);

CREATE TABLE codes (
  hash BLOB PRIMARY KEY,
  grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,
  nonce TEXT NOT NULL,
  expires INTEGER NOT NULL,
  spent INTEGER NOT NULL CHECK (spent IN (0, 1))
) STRICT;
CREATE INDEX codes_grant_id ON codes (grant_id);
CREATE INDEX codes_expires ON codes (expires) WHERE spent = 0;

CREATE TABLE refresh_tokens (
  hash BLOB PRIMARY KEY,
  grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  spent INTEGER NOT NULL, -- when; 0 while it is not
  successor BLOB,         -- its hash
  sealed BLOB             -- itself, under the token that it followed; NULL after the grace
) STRICT;
CREATE INDEX refresh_tokens_grant_id ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_spent ON refresh_tokens (spent) WHERE sealed IS NOT NULL;

CREATE TABLE signing_keys (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  master_id TEXT NOT NULL,
  public BLOB NOT NULL,
  sealed BLOB NOT NULL,
  created INTEGER NOT NULL,
  activates INTEGER NOT NULL,
  retires INTEGER NOT NULL,
  gone INTEGER NOT NULL
) STRICT;

-- Counts the changes of signing_keys: whoever changes them names the count they saw.
CREATE TABLE signing_keys_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  generation INTEGER NOT NULL
) STRICT;
INSERT INTO signing_keys_head (one, generation) VALUES (1, 0);

CREATE TABLE revocation_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  log_id TEXT NOT NULL,
  seq INTEGER NOT NULL
) STRICT;
INSERT INTO revocation_head (one, log_id, seq) VALUES (1, lower(hex(randomblob(16))), 0);

CREATE TABLE revocations (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('token', 'grant', 'session', 'subject', 'client', 'key')),
  id TEXT NOT NULL CHECK (id <> ''),
  version INTEGER NOT NULL,
  before INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX revocations_id ON revocations (kind, id);
CREATE INDEX revocations_expires ON revocations (expires);

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor_kind TEXT NOT NULL CHECK (actor_kind <> ''),
  actor_id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action <> ''),
  target_kind TEXT NOT NULL,
  target_id TEXT NOT NULL,
  detail TEXT NOT NULL -- a JSON object
) STRICT;
CREATE INDEX audit_actor ON audit (actor_id);
CREATE INDEX audit_action ON audit (action);
CREATE INDEX audit_target ON audit (target_id);

-- Append-only. REPLACE deletes without asking the trigger on DELETE, unless
-- recursive_triggers is on, so a number that is taken is refused before it.
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TABLE positions (
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  instance TEXT NOT NULL,
  log_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  lag_ms INTEGER NOT NULL,
  version TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (client_id, instance)
) STRICT;
CREATE INDEX positions_at ON positions (at);
