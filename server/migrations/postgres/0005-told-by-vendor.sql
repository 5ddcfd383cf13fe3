-- Of what clients told, so many values of each vendor are kept: `place` rises with each value of one vendor. Values that two
-- servers take at once may have the same.
ALTER TABLE seatkeeper.gathered ADD COLUMN place bigint NOT NULL DEFAULT 0;
UPDATE seatkeeper.gathered SET place = no;
ALTER TABLE seatkeeper.gathered ALTER COLUMN place DROP DEFAULT;
CREATE INDEX gathered_by_place ON seatkeeper.gathered (isv_id, place);
DROP INDEX seatkeeper.gathered_by_no;
