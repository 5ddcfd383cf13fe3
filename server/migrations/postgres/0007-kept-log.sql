-- A fold used to delete what the fold before it had taken: where several servers fold a licence, that was too soon for
-- one of them that is a little behind, and it had to read the licence whole. Now the log is kept for a time.
-- `kept_to`: the version up to which the log goes next; `kept_at`: when that was set, in milliseconds of the database's clock.
ALTER TABLE seatkeeper.folds ADD COLUMN kept_to bigint NOT NULL DEFAULT 0, ADD COLUMN kept_at bigint NOT NULL DEFAULT 0;
