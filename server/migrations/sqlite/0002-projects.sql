-- Projects of licences that count them. Executions are few and bounded: one JSON list in the project's row.
CREATE TABLE projects (
  license_no INTEGER NOT NULL,
  id         TEXT NOT NULL,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  opened_at  INTEGER,
  kind       TEXT,
  saved_at   INTEGER,
  executions TEXT NOT NULL,
  PRIMARY KEY (license_no, id)
) STRICT, WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN project_id TEXT;
ALTER TABLE history ADD COLUMN project_id TEXT;
