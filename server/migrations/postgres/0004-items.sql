-- The small things of a licence: quotas, consumptions that can be rolled back, registered users. Always current.
CREATE TABLE seatkeeper.items (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  kind       text NOT NULL,
  key        text COLLATE "C" NOT NULL,
  body       jsonb NOT NULL,
  PRIMARY KEY (isv_id, license_id, kind, key)
) WITH (fillfactor = 70);
CREATE INDEX items_by_key ON seatkeeper.items (isv_id, kind, key);

-- What clients told of their use, a value a row. `no` rises within a licence in the order of commits.
CREATE TABLE seatkeeper.gathered (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  no         bigint GENERATED ALWAYS AS IDENTITY,
  at         bigint NOT NULL,
  kind       text NOT NULL,
  client_id  text NOT NULL,
  user_id    text,
  subject_id text NOT NULL,
  -- The other members.
  body       jsonb NOT NULL,
  PRIMARY KEY (isv_id, license_id, no)
);
CREATE INDEX gathered_by_vendor ON seatkeeper.gathered (isv_id, at, no);
CREATE INDEX gathered_by_license ON seatkeeper.gathered (isv_id, license_id, at, no);
-- The oldest rows are forgotten first, by age and by number.
CREATE INDEX gathered_by_time ON seatkeeper.gathered (at);
CREATE INDEX gathered_by_no ON seatkeeper.gathered (no);
