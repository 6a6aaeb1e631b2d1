-- Claims of a person that were allowed one by one (OpenID Connect Core 5.5).

ALTER TABLE grants ADD COLUMN id_token_claims TEXT NOT NULL DEFAULT '[]';
ALTER TABLE grants ADD COLUMN userinfo_claims TEXT NOT NULL DEFAULT '[]';

-- Where clients are told that a session ended (Back-Channel and Front-Channel Logout 1.0).

ALTER TABLE clients ADD COLUMN backchannel_logout_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN backchannel_logout_session_required INTEGER NOT NULL DEFAULT 0 CHECK (backchannel_logout_session_required IN (0, 1));
ALTER TABLE clients ADD COLUMN frontchannel_logout_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN frontchannel_logout_session_required INTEGER NOT NULL DEFAULT 0 CHECK (frontchannel_logout_session_required IN (0, 1));

-- Clients that got an ID token in a session. Grants are forgotten earlier than sessions.
CREATE TABLE session_clients (
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  PRIMARY KEY (session_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_clients_client_id ON session_clients (client_id);

-- What clients are still to be told. Neither the session nor the person need be there any more.
CREATE TABLE logouts (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  subject TEXT NOT NULL,
  session_id TEXT NOT NULL,
  due INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX logouts_due ON logouts (due);
CREATE INDEX logouts_client_id ON logouts (client_id);

ALTER TABLE clients ADD COLUMN jwks_uri TEXT NOT NULL DEFAULT ''; -- in place of jwks: keys that are fetched
