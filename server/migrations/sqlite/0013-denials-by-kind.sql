-- Denials on licences of projects are counted for each kind of token too. What is counted already stays, because sums are kept
-- for longer than history: the same is told by kind of what history and episodes still say.

-- The kind that was wanted first. Of lines that share an instant, the holder's own; names beyond ASCII are not folded here.
UPDATE tallies SET body = json_patch(body, json_object('pool', (
  SELECT h.pool FROM history AS h JOIN entities AS l ON l.no = h.license_no
  WHERE h.at = tallies.start AND h.denial = tallies.body ->> 'code' AND h.pool IN ('mono', 'team')
    AND l.isv_id = tallies.isv_id AND 'people/episodes/' || l.id = tallies.series
  ORDER BY lower(trim(coalesce(h.user_id, h.client_id))) = tallies.body ->> 'holder' DESC, h.no LIMIT 1)))
WHERE series >= 'people/episodes/' AND series < 'people/episodes0';

WITH counted (until) AS (SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'counted_until'),
told AS (
  SELECT l.isv_id, l.id AS license_id, h.at, h.pool, h.denial AS code, 1 AS attempts, 0 AS episodes, NULL AS wait_ms
  FROM history AS h JOIN entities AS l ON l.no = h.license_no
  WHERE h.denial IS NOT NULL AND h.pool IN ('mono', 'team') AND h.at < (SELECT until FROM counted)
  UNION ALL
  SELECT isv_id, substr(series, length('people/episodes/') + 1), start, body ->> 'pool', body ->> 'code', 0, 1,
    (body ->> 'servedAt') - start
  FROM tallies WHERE series >= 'people/episodes/' AND series < 'people/episodes0' AND body ->> 'pool' IS NOT NULL
),
-- A licence that was deleted counts for its vendor alone.
places AS (
  SELECT isv_id, id AS license_id, 'vendor/' || isv_id AS place FROM entities WHERE kind = 'license'
  UNION ALL
  SELECT isv_id, l.id, scope.value || '/' || iif(scope.value = 'license', l.id, l.body ->> (scope.value || '_id'))
  FROM entities AS l, json_each('["license", "product", "customer"]') AS scope WHERE kind = 'license' AND body <> 'null'
),
counts AS (
  SELECT isv_id, minutes.value || '/denials/' || place || '/' || pool AS series,
    at - at % (minutes.value * 60000) AS start, code,
    json_object('attempts', sum(attempts), 'episodes', sum(episodes), 'served', count(wait_ms),
      'servedSoon', count(iif(wait_ms <= 300000, 1, NULL)), 'waitMs', coalesce(sum(wait_ms), 0),
      'waitMaxMs', coalesce(max(wait_ms), 0)) AS body
  FROM told JOIN places USING (isv_id, license_id) JOIN json_each('[1, 15]') AS minutes
  -- Minutes are kept for two weeks.
  WHERE minutes.value = 15 OR at >= (SELECT until FROM counted) - 1209600000
  GROUP BY 1, 2, 3, 4
)
INSERT INTO tallies (isv_id, series, start, part, body)
SELECT isv_id, series, start, '', json_group_object(code, json(body)) FROM counts GROUP BY 1, 2, 3;
