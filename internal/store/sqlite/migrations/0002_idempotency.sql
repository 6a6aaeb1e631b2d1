-- Requests of the admin API that must happen once. Both hashes are keyed by what
-- the caller chose: a body with a password cannot be guessed from its hash.
CREATE TABLE idempotency_keys (
  key_hash TEXT PRIMARY KEY,
  request_hash TEXT NOT NULL,
  target_id TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_keys_at ON idempotency_keys (at);
