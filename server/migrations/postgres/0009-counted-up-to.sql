-- runs beside 7
-- Servers of the release before would go on counting, and know nothing of kinds (0008): from here on it stands in `up_to` how
-- far history is counted, and to them all of it is. In the same row, because whoever forgets a user, of either release, keeps
-- whoever counts away by it.
ALTER TABLE seatkeeper.counted ADD COLUMN up_to bigint NOT NULL DEFAULT 0;
UPDATE seatkeeper.counted SET up_to = until, until = 9007199254740991;
