-- Clients that are known by a certificate, and tokens that are bound to one (RFC 8705).

ALTER TABLE clients ADD COLUMN token_endpoint_auth_method TEXT NOT NULL DEFAULT 'client_secret_basic'
  CHECK (token_endpoint_auth_method IN ('none', 'client_secret_basic', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'));
UPDATE clients SET token_endpoint_auth_method = CASE WHEN public = 1 THEN 'none' WHEN jwks <> '' THEN 'private_key_jwt' ELSE 'client_secret_basic' END;
ALTER TABLE clients ADD COLUMN tls_client_auth_subject_dn TEXT NOT NULL DEFAULT ''; -- of tls_client_auth one of these is set
ALTER TABLE clients ADD COLUMN tls_client_auth_san_dns TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN tls_client_auth_san_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN tls_client_auth_san_ip TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN tls_client_auth_san_email TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN tls_client_certificate_bound_access_tokens INTEGER NOT NULL DEFAULT 0 CHECK (tls_client_certificate_bound_access_tokens IN (0, 1));

ALTER TABLE grants ADD COLUMN x5t TEXT NOT NULL DEFAULT '';               -- the certificate that its refresh tokens are bound to
