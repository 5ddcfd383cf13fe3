-- By how much a line of history changed the tokens in use of its pool: 1, 0 or -1. Older lines say nothing of it.
ALTER TABLE history ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN pool TEXT;
