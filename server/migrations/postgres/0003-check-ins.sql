-- runs beside 2
-- Vouchers that were given up before their end, in the month (`2026-11`, by UTC) of the last one. Always current.
CREATE TABLE seatkeeper.check_ins (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  month      text NOT NULL,
  count      bigint NOT NULL,
  PRIMARY KEY (isv_id, license_id)
);
