-- runs beside 7
-- Denials on licences of projects are counted for each kind of token too.

-- From here on nobody counts, until 0009 has told servers of the release before that they are not to: what they put among the
-- sums meanwhile would be missed below.
LOCK TABLE seatkeeper.counted IN ACCESS EXCLUSIVE MODE;

-- What is counted already stays, because sums are kept for longer than history: the same is told by kind of what history and
-- episodes still say.

-- The kind that was wanted first. Of lines that share an instant, the holder's own; names beyond ASCII are not folded here.
UPDATE seatkeeper.tallies AS t SET body = t.body || jsonb_build_object('pool', first.pool)
FROM (
  SELECT DISTINCT ON (e.isv_id, e.series, e.start, e.part) e.isv_id, e.series, e.start, e.part, h.pool
  FROM seatkeeper.tallies AS e JOIN seatkeeper.history AS h
    ON h.isv_id = e.isv_id AND 'people/episodes/' || h.license_id = e.series AND h.at = e.start AND h.denial = e.body ->> 'code'
  WHERE e.series >= 'people/episodes/' AND e.series < 'people/episodes0' AND h.pool IN ('mono', 'team')
  ORDER BY e.isv_id, e.series, e.start, e.part,
    lower(btrim(coalesce(h.user_id, h.client_id))) = e.body ->> 'holder' DESC NULLS LAST, h.no
) AS first
WHERE t.isv_id = first.isv_id AND t.series = first.series AND t.start = first.start AND t.part = first.part;

WITH told AS (
  SELECT isv_id, license_id, at, pool, denial AS code, 1 AS attempts, 0 AS episodes, NULL::bigint AS wait_ms
  FROM seatkeeper.history
  WHERE denial IS NOT NULL AND pool IN ('mono', 'team') AND at < (SELECT until FROM seatkeeper.counted)
  UNION ALL
  SELECT isv_id, substr(series, length('people/episodes/') + 1)::uuid, start, body ->> 'pool', body ->> 'code', 0, 1,
    (body ->> 'servedAt')::bigint - start
  FROM seatkeeper.tallies WHERE series >= 'people/episodes/' AND series < 'people/episodes0' AND body ? 'pool'
),
-- A licence that was deleted counts for its vendor alone.
places AS (
  SELECT isv_id, id AS license_id, 'vendor/' || isv_id AS place FROM seatkeeper.entities WHERE kind = 'license'
  UNION ALL
  SELECT isv_id, id, scope || '/' || CASE scope WHEN 'license' THEN id::text ELSE body ->> (scope || '_id') END
  FROM seatkeeper.entities, unnest(ARRAY['license', 'product', 'customer']) AS scope
  WHERE kind = 'license' AND body <> 'null'
),
counts AS (
  SELECT isv_id, minutes || '/denials/' || place || '/' || pool AS series,
    at - at % (minutes * 60000) AS start, code,
    jsonb_build_object('attempts', sum(attempts), 'episodes', sum(episodes), 'served', count(wait_ms),
      'servedSoon', count(*) FILTER (WHERE wait_ms <= 300000), 'waitMs', coalesce(sum(wait_ms), 0),
      'waitMaxMs', coalesce(max(wait_ms), 0)) AS body
  FROM told JOIN places USING (isv_id, license_id) CROSS JOIN unnest(ARRAY[1, 15]) AS minutes
  -- Minutes are kept for two weeks.
  WHERE minutes = 15 OR at >= (SELECT until FROM seatkeeper.counted) - 1209600000
  GROUP BY 1, 2, 3, 4
)
INSERT INTO seatkeeper.tallies (isv_id, series, start, part, body)
SELECT isv_id, series, start, '', jsonb_object_agg(code, body) FROM counts GROUP BY 1, 2, 3;
