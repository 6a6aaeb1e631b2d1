-- ID tokens that are encrypted for their client (OpenID Connect Dynamic Client
-- Registration 2): key management and content encryption.

ALTER TABLE clients ADD COLUMN id_token_encrypted_response_alg TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN id_token_encrypted_response_enc TEXT NOT NULL DEFAULT '';
