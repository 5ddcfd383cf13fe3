-- The small things of a licence: quotas, consumptions that can be rolled back, registered users. One JSON document a row.
CREATE TABLE items (
  license_no INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  key        TEXT NOT NULL,
  body       TEXT NOT NULL,
  PRIMARY KEY (license_no, kind, key)
) STRICT, WITHOUT ROWID;

-- What clients told of their use, a value a row, in order of its commit. The oldest rows are forgotten first.
CREATE TABLE gathered (
  no         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  isv_no     INTEGER NOT NULL,
  license_no INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  client_id  TEXT NOT NULL,
  user_id    TEXT,
  subject_id TEXT NOT NULL,
  -- The other members, as JSON.
  body       TEXT NOT NULL
) STRICT;
CREATE INDEX gathered_by_license ON gathered (license_no, no);
CREATE INDEX gathered_by_vendor ON gathered (isv_no, no);
CREATE INDEX gathered_by_time ON gathered (at);
