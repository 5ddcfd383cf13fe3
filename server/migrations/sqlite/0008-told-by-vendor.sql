-- Of what clients told, so many values of each vendor are kept: `place` rises with each value of one vendor.
ALTER TABLE gathered ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE gathered SET place = no;
CREATE INDEX gathered_by_place ON gathered (isv_no, place);
