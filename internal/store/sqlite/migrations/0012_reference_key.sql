-- The key that signed an encrypted access token inside, so that it ends with that key. What
-- was stored before does not say it: an encrypted one among it is refused, a new one is fetched.

ALTER TABLE reference_tokens ADD COLUMN kid TEXT NOT NULL DEFAULT '';
