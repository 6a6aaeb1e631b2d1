-- Claims of a person that were allowed one by one (OpenID Connect Core 5.5).

ALTER TABLE grants ADD COLUMN id_token_claims TEXT NOT NULL DEFAULT '[]';
ALTER TABLE grants ADD COLUMN userinfo_claims TEXT NOT NULL DEFAULT '[]';
