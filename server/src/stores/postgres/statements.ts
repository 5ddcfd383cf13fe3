/** Every statement of the hot path. They know rows and keys, and decide nothing. */

/**
 * $1 vendors, $2 licences. In the order of their keys, so that no two servers wait for each other. `isSkipping`: without
 * those that another one has locked.
 */
export const lockLicenses = (isSkipping: boolean) => `
  SELECT l.isv_id, l.license_id, l.version, l.decided_at, l.outage, l.look_at
  FROM unnest($1::uuid[], $2::uuid[]) AS k (isv_id, license_id)
  JOIN seatkeeper.licenses AS l ON l.isv_id = k.isv_id AND l.license_id = k.license_id
  ORDER BY l.isv_id, l.license_id FOR NO KEY UPDATE OF l ${isSkipping ? "SKIP LOCKED" : ""}`;

/**
 * Changes when the database is another one: restored, promoted from a standby that lacks commits, or made anew; or when it has
 * recovered from a crash, which takes back what was committed and not yet kept. PostgreSQL forgets its statistics then.
 */
export const lineage = `
  extract(epoch FROM pg_postmaster_start_time()) || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database())
    || ' ' || coalesce((SELECT extract(epoch FROM stats_reset) FROM pg_stat_archiver), 0)`;

/** $1 vendors, $2 licences, $3 the version that is known of each. */
export const changesSince = `
  SELECT c.isv_id, c.license_id, c.version, c.changes
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k (isv_id, license_id, version)
  JOIN seatkeeper.changes AS c ON c.isv_id = k.isv_id AND c.license_id = k.license_id AND c.version > k.version
  ORDER BY c.version`;

/** A statement of its own: the clock and the rows that it reads are those after the wait for the locks. */
export const readHead = `
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now, revision, alive_at, outage, ${lineage} AS lineage
  FROM seatkeeper.catalog_head AS c, seatkeeper.alive AS a WHERE c.one AND a.one`;

/** $1 vendors, $2 licences, $3 the version that is known of each. One row of the log a row, or one row without any of it. */
export const readHeadAndLog = `
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now, revision, alive_at, outage, ${lineage} AS lineage,
    log.isv_id, log.license_id, log.version, log.changes
  FROM seatkeeper.catalog_head AS c CROSS JOIN seatkeeper.alive AS a
  LEFT JOIN (${changesSince}) AS log ON true
  WHERE c.one AND a.one ORDER BY log.version`;

/**
 * $1 vendors, $2 licences, $3 versions, $4 where the sweeper looks next, $5 changes if any, $6 the instant, $7 the last outage,
 * $8 the catalogue's revision. Divides by zero where that is an older one by now: whoever has joined since it was read may have
 * asked after the change.
 */
export const saveLicenses = `
  WITH k AS MATERIALIZED (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[])
      AS k (isv_id, license_id, version, look_at, changes)),
    logged AS (INSERT INTO seatkeeper.changes (isv_id, license_id, version, changes)
      SELECT isv_id, license_id, version, changes FROM k WHERE changes IS NOT NULL)
  UPDATE seatkeeper.licenses AS l SET version = k.version, look_at = k.look_at, decided_at = $6, outage = $7
  FROM k WHERE l.isv_id = k.isv_id AND l.license_id = k.license_id
    AND 1 / (SELECT (revision <= $8)::int FROM seatkeeper.catalog_head WHERE one) = 1`;

const historyColumns = `isv_id, license_id, at, kind, denial, client_id, user_id, session_id, project_id,
    in_use, max_tokens, is_overuse, length_ms, tokens, pool, asked_for`;

/** As many arrays as there are columns, in their order: a third cheaper than rows as JSON. */
export const insertHistory = `
  INSERT INTO seatkeeper.history (${historyColumns})
  SELECT ${historyColumns}
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[],
    $10::bigint[], $11::bigint[], $12::boolean[], $13::bigint[], $14::smallint[], $15::text[], $16::text[])
    WITH ORDINALITY AS k (${historyColumns}, ordinality)
  ORDER BY ordinality`;

/** $1 vendors, $2 licences, $3 client keys, $4 token keys, $5 user keys, $6 bodies. */
export const putAssignments = `
  INSERT INTO seatkeeper.assignments (isv_id, license_id, client_key, token_key, user_key, body)
  SELECT isv_id, license_id, client_key, token_key, user_key, body::jsonb
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[])
    AS k (isv_id, license_id, client_key, token_key, user_key, body)
  ON CONFLICT (isv_id, license_id, client_key) DO UPDATE
    SET token_key = excluded.token_key, user_key = excluded.user_key, body = excluded.body`;

/** $1 vendors, $2 licences, $3 ids, $4 bodies. */
export const putProjects = `
  INSERT INTO seatkeeper.projects (isv_id, license_id, id, body)
  SELECT isv_id, license_id, id, body::jsonb
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS k (isv_id, license_id, id, body)
  ON CONFLICT (isv_id, license_id, id) DO UPDATE SET body = excluded.body`;

/** $1 vendors, $2 licences, $3 months, $4 counts. */
export const putCheckIns = `
  INSERT INTO seatkeeper.check_ins (isv_id, license_id, month, count)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[])
  ON CONFLICT (isv_id, license_id) DO UPDATE SET month = excluded.month, count = excluded.count`;

/** $1 vendors, $2 licences, $3 ids. */
export const deleteProjects = `
  DELETE FROM seatkeeper.projects AS p USING unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS k (isv_id, license_id, id)
  WHERE p.isv_id = k.isv_id AND p.license_id = k.license_id AND p.id = k.id`;

/** $1 vendors, $2 licences, $3 kinds, $4 keys, $5 bodies. */
export const putItems = `
  INSERT INTO seatkeeper.items (isv_id, license_id, kind, key, body)
  SELECT isv_id, license_id, kind, key, body::jsonb
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) AS k (isv_id, license_id, kind, key, body)
  ON CONFLICT (isv_id, license_id, kind, key) DO UPDATE SET body = excluded.body`;

/** $1 vendors, $2 licences, $3 kinds, $4 keys. */
export const deleteItems = `
  DELETE FROM seatkeeper.items AS i
  USING unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS k (isv_id, license_id, kind, key)
  WHERE i.isv_id = k.isv_id AND i.license_id = k.license_id AND i.kind = k.kind AND i.key = k.key`;

/** $1 rows as JSON. */
export const insertGathered = `
  INSERT INTO seatkeeper.gathered (isv_id, license_id, at, kind, client_id, user_id, subject_id, body, place)
  SELECT isv_id, license_id, at, kind, client_id, user_id, subject_id, body,
    ordinality + coalesce((SELECT max(g.place) FROM seatkeeper.gathered AS g WHERE g.isv_id = told.isv_id), 0)
  FROM ROWS FROM (json_to_recordset($1::json) AS (isv_id uuid, license_id uuid, at bigint, kind text,
    client_id text, user_id text, subject_id text, body jsonb)) WITH ORDINALITY AS told
  ORDER BY ordinality`;

/** $1 numbers of locks, one for each client that is being activated: its moves follow one another on all servers. */
export const lockClients = `
  SELECT pg_advisory_xact_lock(k) FROM (SELECT k FROM unnest($1::bigint[]) AS u (k) ORDER BY k) AS sorted`;

/** $1 vendors, $2 client keys. Where activations may take their clients from. */
export const licensesOfClients = `
  SELECT DISTINCT isv_id, license_id FROM seatkeeper.assignments
  WHERE (isv_id, client_key) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))`;
