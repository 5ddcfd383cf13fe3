-- Everything stands in a schema of its own. Every table of the hot path begins its key with the vendor and the licence,
-- so that it can be distributed by licence; nothing unique and no foreign key crosses licences.

-- The vendor's catalogue: one document a row, with the revision that wrote it last.
CREATE TABLE seatkeeper.entities (
  isv_id   uuid NOT NULL,
  kind     text NOT NULL,
  id       uuid NOT NULL,
  body     jsonb NOT NULL,
  applied  jsonb,
  revision bigint NOT NULL,
  PRIMARY KEY (isv_id, kind, id)
);
CREATE INDEX entities_by_revision ON seatkeeper.entities (revision);

-- One row: the catalogue's newest revision. Its lock makes changes of the catalogue follow one another.
CREATE TABLE seatkeeper.catalog_head (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision bigint NOT NULL
);
INSERT INTO seatkeeper.catalog_head (revision) VALUES (0);

-- One row: when a server last said that it is alive, and the number of the last outage.
CREATE TABLE seatkeeper.alive (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  alive_at bigint,
  outage   bigint NOT NULL
);
INSERT INTO seatkeeper.alive (alive_at, outage) VALUES (NULL, 0);

-- Times in which no server was alive. Each licence is credited with what it has missed when it is next decided on.
CREATE TABLE seatkeeper.outages (
  no        bigint PRIMARY KEY,
  from_at   bigint NOT NULL,
  length_ms bigint NOT NULL
);

-- One row a licence, locked by whoever decides on it. `version` counts the transactions that changed it.
CREATE TABLE seatkeeper.licenses (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  version    bigint NOT NULL DEFAULT 0,
  -- The instant of the last decision, in milliseconds: time never goes back for a licence.
  decided_at bigint NOT NULL DEFAULT 0,
  -- The number of the last outage that it was credited with.
  outage     bigint NOT NULL,
  -- Nothing of it is over before this instant; null: nothing is live. Where the sweeper looks next.
  look_at    bigint,
  -- Until when it is left to the sweeper that took it last.
  swept_to   bigint,
  PRIMARY KEY (isv_id, license_id)
) WITH (fillfactor = 50);
CREATE INDEX licenses_by_look ON seatkeeper.licenses (look_at) WHERE look_at IS NOT NULL;

-- What each version changed, in JSON, of an extend its numbers alone: written with the decision, read by servers that
-- know an older version, and folded into `sessions` a little later. Text, because the key of a session may hold NUL as JSON writes it.
CREATE TABLE seatkeeper.changes (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  version    bigint NOT NULL,
  changes    text NOT NULL,
  PRIMARY KEY (isv_id, license_id, version)
);

-- Up to which version a licence's sessions stand in `sessions`.
CREATE TABLE seatkeeper.folds (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  folded_to  bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (isv_id, license_id)
);

-- Sessions as of `folds.folded_to`. `key` is the session's key as a JSON string.
CREATE TABLE seatkeeper.sessions (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  key        text COLLATE "C" NOT NULL,
  body       jsonb NOT NULL,
  PRIMARY KEY (isv_id, license_id, key)
) WITH (fillfactor = 70);

-- Clients that a licence knows, with or without their token. Always current.
CREATE TABLE seatkeeper.assignments (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  client_key text COLLATE "C" NOT NULL,
  token_key  uuid NOT NULL,
  user_key   text COLLATE "C",
  body       jsonb NOT NULL,
  PRIMARY KEY (isv_id, license_id, client_key)
) WITH (fillfactor = 70);
CREATE INDEX assignments_by_client ON seatkeeper.assignments (isv_id, client_key);
CREATE INDEX assignments_by_token ON seatkeeper.assignments (isv_id, token_key);
CREATE INDEX assignments_by_user ON seatkeeper.assignments (isv_id, user_key) WHERE user_key IS NOT NULL;

-- Projects of licences that count them. Always current.
CREATE TABLE seatkeeper.projects (
  isv_id     uuid NOT NULL,
  license_id uuid NOT NULL,
  id         uuid NOT NULL,
  body       jsonb NOT NULL,
  PRIMARY KEY (isv_id, license_id, id)
);
CREATE INDEX projects_by_id ON seatkeeper.projects (isv_id, id);

-- What happened. `no` rises within a licence in the order of commits, and says nothing between licences.
CREATE TABLE seatkeeper.history (
  isv_id     uuid NOT NULL,
  -- All zeros for a licence that does not exist: `asked_for` is then what the client wrote.
  license_id uuid NOT NULL,
  no         bigint GENERATED ALWAYS AS IDENTITY,
  at         bigint NOT NULL,
  kind       text NOT NULL,
  denial     text,
  client_id  text,
  user_id    text,
  session_id text,
  project_id uuid,
  in_use     bigint NOT NULL,
  max_tokens bigint NOT NULL,
  is_overuse boolean NOT NULL,
  length_ms  bigint,
  -- By how much it changed the tokens in use of its pool: 1, 0 or -1.
  tokens     smallint NOT NULL,
  pool       text,
  asked_for  text,
  PRIMARY KEY (isv_id, license_id, no)
);
CREATE INDEX denials_of_license ON seatkeeper.history (isv_id, license_id, at, no) WHERE denial IS NOT NULL;
CREATE INDEX denials_of_vendor ON seatkeeper.history (isv_id, at, no) WHERE denial IS NOT NULL;

-- Analytics count history in order of time, and its oldest lines are forgotten first.
CREATE INDEX history_by_time ON seatkeeper.history (at);

-- What analytics have counted (`analytics/tally.ts`): one small sum a row, as JSON.
CREATE TABLE seatkeeper.tallies (
  isv_id uuid NOT NULL,
  series text COLLATE "C" NOT NULL,
  start  bigint NOT NULL,
  part   text COLLATE "C" NOT NULL,
  body   jsonb NOT NULL,
  PRIMARY KEY (isv_id, series, start, part)
);

-- What names people is kept as long as history, sums of minutes for some days, the others for years.
CREATE INDEX people_by_start ON seatkeeper.tallies (start) WHERE series >= 'people/';
CREATE INDEX minutes_by_start ON seatkeeper.tallies (start) WHERE series < '10';
CREATE INDEX sums_by_start ON seatkeeper.tallies (start) WHERE series >= '10' AND series < 'people/';

-- One row: up to which instant history is counted.
CREATE TABLE seatkeeper.counted (
  one   boolean PRIMARY KEY DEFAULT true CHECK (one),
  until bigint NOT NULL
);
INSERT INTO seatkeeper.counted (until) VALUES (0);

CREATE TABLE seatkeeper.settings (
  name  text PRIMARY KEY,
  value text NOT NULL
);
