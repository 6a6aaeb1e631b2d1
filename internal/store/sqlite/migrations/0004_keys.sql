-- What a client's tokens are signed with; '' for the issuer's own algorithm.

ALTER TABLE clients ADD COLUMN id_token_signed_response_alg TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN userinfo_signed_response_alg TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN access_token_signed_response_alg TEXT NOT NULL DEFAULT '';
CREATE INDEX clients_id_token_signed_response_alg ON clients (id_token_signed_response_alg, id) WHERE id_token_signed_response_alg > '';
CREATE INDEX clients_userinfo_signed_response_alg ON clients (userinfo_signed_response_alg, id) WHERE userinfo_signed_response_alg > '';
CREATE INDEX clients_access_token_signed_response_alg ON clients (access_token_signed_response_alg, id) WHERE access_token_signed_response_alg > '';

-- The keys that an edge said it can verify with, each since when.
CREATE TABLE edge_keys (
  client_id TEXT NOT NULL,
  instance TEXT NOT NULL,
  kid TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (client_id, instance, kid),
  FOREIGN KEY (client_id, instance) REFERENCES positions (client_id, instance) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
