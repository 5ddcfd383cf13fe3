-- The newest voucher of a session and what its client's next open carries, as JSON; null: there never was one. In `extends` they
-- stand behind the numbers of the sessions that have any.
ALTER TABLE sessions ADD COLUMN voucher TEXT;
ALTER TABLE sessions ADD COLUMN renewal TEXT;

-- Vouchers that were given up before their end, in the month (`2026-11`, by UTC) of the last one.
CREATE TABLE check_ins (
  license_no INTEGER PRIMARY KEY,
  month      TEXT NOT NULL,
  count      INTEGER NOT NULL
) STRICT;
