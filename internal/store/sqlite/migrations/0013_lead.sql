-- Since when, or from when, tokens are signed with a key's algorithm where none is asked for;
-- 0: they are not. It was the order of the configuration alone: the first look writes it down.

ALTER TABLE signing_keys ADD COLUMN leads INTEGER NOT NULL DEFAULT 0;
