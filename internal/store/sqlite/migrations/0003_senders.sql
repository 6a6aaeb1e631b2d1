-- How clients prove who they are and which key is theirs, and what they push.

ALTER TABLE clients ADD COLUMN jwks TEXT NOT NULL DEFAULT '';             -- a JWK Set of public keys; '' where there is a secret
ALTER TABLE clients ADD COLUMN previous_secret_hash BLOB;                 -- the secret before, while both hold
ALTER TABLE clients ADD COLUMN previous_secret_expires INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN dpop_bound_access_tokens INTEGER NOT NULL DEFAULT 0 CHECK (dpop_bound_access_tokens IN (0, 1));
ALTER TABLE clients ADD COLUMN require_pushed_authorization_requests INTEGER NOT NULL DEFAULT 0 CHECK (require_pushed_authorization_requests IN (0, 1));
ALTER TABLE clients ADD COLUMN post_logout_redirect_uris TEXT NOT NULL DEFAULT '[]';

ALTER TABLE grants ADD COLUMN jkt TEXT NOT NULL DEFAULT '';               -- the key that its refresh tokens are bound to
ALTER TABLE codes ADD COLUMN jkt TEXT NOT NULL DEFAULT '';                -- the key that the code is bound to

-- What may be used once, such as a client's assertion, by a hash of it.
CREATE TABLE used (
  key TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_until ON used (until);

CREATE TABLE pushed_requests (
  hash BLOB PRIMARY KEY,
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  parameters TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  spent INTEGER NOT NULL CHECK (spent IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX pushed_requests_client_id ON pushed_requests (client_id);
CREATE INDEX pushed_requests_expires ON pushed_requests (expires);

-- Devices that wait for a person at another screen (RFC 8628).
CREATE TABLE devices (
  hash BLOB PRIMARY KEY,                -- of the device_code
  user_code_hash BLOB NOT NULL UNIQUE,
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  grant_id TEXT REFERENCES grants (id) ON DELETE CASCADE, -- NULL until it is allowed
  scopes TEXT NOT NULL,
  audiences TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'allowed', 'denied', 'spent')),
  expires INTEGER NOT NULL,
  polled INTEGER NOT NULL,              -- when it asked last; 0 before
  interval INTEGER NOT NULL             -- milliseconds that it has to wait between
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_client_id ON devices (client_id);
CREATE INDEX devices_grant_id ON devices (grant_id);
CREATE INDEX devices_expires ON devices (expires);
