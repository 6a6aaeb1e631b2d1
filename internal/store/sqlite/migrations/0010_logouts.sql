-- What is due is looked for client by client, so that one that does not answer holds up no
-- other. Nothing looks for what is due to all.

DROP INDEX logouts_due;
DROP INDEX logouts_client_id;
CREATE INDEX logouts_client_id ON logouts (client_id, due);
