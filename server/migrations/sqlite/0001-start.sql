-- The vendor's catalogue: one document a row. `no` is the short name of a licence or vendor in the tables below.
CREATE TABLE entities (
  no      INTEGER PRIMARY KEY,
  isv_id  TEXT NOT NULL,
  kind    TEXT NOT NULL,
  id      TEXT NOT NULL,
  body    TEXT NOT NULL,
  applied TEXT,
  UNIQUE (isv_id, kind, id)
) STRICT;

-- Sessions that are live, or that an administrator ended before their end. What is over is deleted; history remembers it.
-- No secondary index: the server, sole owner of the file, finds sessions in memory and writes rows by their number.
CREATE TABLE sessions (
  no             INTEGER PRIMARY KEY,
  license_no     INTEGER NOT NULL,
  id             TEXT NOT NULL,
  client_id      TEXT NOT NULL,
  session_id     TEXT,
  user_id        TEXT,
  opened_at      INTEGER NOT NULL,
  extended_at    INTEGER NOT NULL,
  valid_until    INTEGER NOT NULL,
  checkout_until INTEGER,
  ended_at       INTEGER,
  peak_sessions  INTEGER NOT NULL,
  peak_holders   INTEGER NOT NULL,
  is_overuse     INTEGER NOT NULL
) STRICT;

-- The newest extends, one line a commit: [[sessions.no, opened_at, extended_at, valid_until, checkout_until,
-- peak_sessions, peak_holders], …]. They are folded into `sessions` a little later, in order of rows, because sessions that are
-- extended together lie apart. Read in order, the last word on a session is the truth.
CREATE TABLE extends (
  no    INTEGER PRIMARY KEY,
  spans TEXT NOT NULL
) STRICT;

-- Clients that a licence knows, with or without their token.
CREATE TABLE assignments (
  license_no      INTEGER NOT NULL,
  client_key      TEXT NOT NULL,
  id              TEXT NOT NULL,
  token_key       TEXT NOT NULL,
  client_id       TEXT NOT NULL,
  client_name     TEXT,
  description     TEXT,
  user_id         TEXT,
  software        TEXT,
  system          TEXT,
  activated_at    INTEGER NOT NULL,
  unassigned_at   INTEGER,
  suspended_until INTEGER,
  is_goodwill     INTEGER NOT NULL,
  heartbeat_at    INTEGER,
  PRIMARY KEY (license_no, client_key)
) STRICT, WITHOUT ROWID;

-- What happened, in order of its commit. Only ever appended to.
CREATE TABLE history (
  no         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  isv_no     INTEGER NOT NULL,
  license_no INTEGER,
  kind       TEXT NOT NULL,
  denial     TEXT,
  client_id  TEXT,
  user_id    TEXT,
  session_id TEXT,
  in_use     INTEGER NOT NULL,
  max_tokens INTEGER NOT NULL,
  is_overuse INTEGER NOT NULL,
  length_ms  INTEGER,
  -- The licence as the client wrote it, as long as there is none of that id; otherwise null.
  license_id TEXT
) STRICT;

-- The denial log, of one licence and of a whole vendor, newest first.
CREATE INDEX denials_of_license ON history (isv_no, license_no, license_id, no) WHERE denial IS NOT NULL;
CREATE INDEX denials_of_vendor ON history (isv_no, no) WHERE denial IS NOT NULL;

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
