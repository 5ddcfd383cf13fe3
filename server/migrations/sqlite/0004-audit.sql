-- From here on an entity's body may be the JSON null: it was deleted, and its number stays because history names it.

-- Who changed what: one line a change, committed with it. Only ever appended to.
CREATE TABLE audit (
  no           INTEGER PRIMARY KEY,
  at           INTEGER NOT NULL,
  isv_id       TEXT NOT NULL,
  -- The API key that it was done with; null: without one.
  key_id       TEXT,
  author       TEXT NOT NULL,
  on_behalf_of TEXT,
  act          TEXT NOT NULL,
  kind         TEXT NOT NULL,
  id           TEXT NOT NULL,
  -- The entity before and after, as JSON; null: there was none.
  before       TEXT,
  after        TEXT
) STRICT;

CREATE INDEX audit_of_vendor ON audit (isv_id, no);
CREATE INDEX audit_of_thing ON audit (isv_id, kind, id, no);
