-- What an operator took from a client that registered itself, it does not take back.

ALTER TABLE clients ADD COLUMN narrowed INTEGER NOT NULL DEFAULT 0 CHECK (narrowed IN (0, 1));
