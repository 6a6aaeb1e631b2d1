-- Clients that registered themselves (RFC 7591, RFC 7592), and the tokens that let them.

CREATE TABLE registrations (
  client_id TEXT PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
  token_hash BLOB NOT NULL CHECK (length(token_hash) = 32), -- of its registration access token
  auth_method TEXT NOT NULL                                 -- token_endpoint_auth_method
) STRICT, WITHOUT ROWID;

CREATE TABLE initial_tokens (
  id TEXT PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  uses INTEGER NOT NULL CHECK (uses >= 0),                  -- that are left
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX initial_tokens_expires ON initial_tokens (expires);
