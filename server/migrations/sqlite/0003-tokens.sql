-- By how much a line of history changed the tokens in use of its pool: 1, 0 or -1. Older lines say nothing of it.
ALTER TABLE history ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN pool TEXT;

-- Analytics count history in order of time, and its oldest lines are forgotten first.
CREATE INDEX history_by_time ON history (at);

-- What analytics have counted (`analytics/tally.ts`): one small sum a row, as JSON.
CREATE TABLE tallies (
  isv_id TEXT NOT NULL,
  series TEXT NOT NULL,
  start  INTEGER NOT NULL,
  part   TEXT NOT NULL,
  body   TEXT NOT NULL,
  PRIMARY KEY (isv_id, series, start, part)
) STRICT, WITHOUT ROWID;

-- What names people is kept as long as history, sums of minutes for some days, the others for years.
CREATE INDEX people_by_start ON tallies (start) WHERE series >= 'people/';
CREATE INDEX minutes_by_start ON tallies (start) WHERE series < '10';
CREATE INDEX sums_by_start ON tallies (start) WHERE series >= '10' AND series < 'people/';
