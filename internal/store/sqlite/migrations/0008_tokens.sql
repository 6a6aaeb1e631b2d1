-- What tokens say: access tokens that say nothing themselves (RFC 7662), by the hash of
-- their text; and claims by CEL expressions, a JSON object of name and expression.

ALTER TABLE clients ADD COLUMN access_token_format TEXT NOT NULL DEFAULT '' CHECK (access_token_format IN ('', 'jwt', 'opaque'));
ALTER TABLE clients ADD COLUMN access_token_claims TEXT NOT NULL DEFAULT '{}';
ALTER TABLE clients ADD COLUMN id_token_claims TEXT NOT NULL DEFAULT '{}';

CREATE TABLE reference_tokens (
  hash BLOB PRIMARY KEY,
  claims TEXT NOT NULL,                 -- a JSON object, as a JWT would have them
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reference_tokens_expires ON reference_tokens (expires);
