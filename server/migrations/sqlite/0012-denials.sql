-- What the denial log is filtered by stands in its indexes, so that no line is looked up that is not asked for. Both grow
-- at their ends alone: an index by client would cost each denial a page of its own.
DROP INDEX denials_of_license;
DROP INDEX denials_of_vendor;
DROP INDEX IF EXISTS denials_of_client;
CREATE INDEX denials_of_license ON history (isv_no, license_no, license_id, no, at, denial, client_id) WHERE denial IS NOT NULL;
CREATE INDEX denials_of_vendor ON history (isv_no, no, at, denial, client_id) WHERE denial IS NOT NULL;
