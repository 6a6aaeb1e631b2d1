-- From where a session was opened, for the person whose it is: the network alone, and the
-- browser's family.

ALTER TABLE sessions ADD COLUMN network TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';
