-- On a project licence the client alone is the session of an open without session_id. It was client and user before, so a
-- client may have several: the newest goes on as the client's, and the others run out under their own ids. Letters beyond
-- ASCII are folded by the server alone: such a client's all run out.
UPDATE sessions SET session_id = id
WHERE project_id IS NOT NULL AND session_id IS NULL AND (
  client_id GLOB '*[^ -~]*' OR no NOT IN (
    SELECT max(no) FROM sessions WHERE project_id IS NOT NULL AND session_id IS NULL
    GROUP BY license_no, lower(trim(client_id))
  )
);
