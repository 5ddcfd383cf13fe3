-- From here on an entity's body may be the JSON null: it was deleted. The row stays, so that every server hears of it.

-- Who changed what: one line a change, committed with it. Only ever appended to.
CREATE TABLE seatkeeper.audit (
  no           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           bigint NOT NULL,
  isv_id       uuid NOT NULL,
  -- The API key that it was done with; null: without one.
  key_id       uuid,
  author       text NOT NULL,
  on_behalf_of text,
  act          text NOT NULL,
  kind         text NOT NULL,
  id           text NOT NULL,
  -- The entity before and after; null: there was none.
  before       jsonb,
  after        jsonb
);
CREATE INDEX audit_of_vendor ON seatkeeper.audit (isv_id, no);
CREATE INDEX audit_of_thing ON seatkeeper.audit (isv_id, kind, id, no);
