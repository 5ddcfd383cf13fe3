-- The denial log is filtered by user too: what it is filtered by stands in its indexes, see 0012.
DROP INDEX denials_of_license;
DROP INDEX denials_of_vendor;
CREATE INDEX denials_of_license ON history (isv_no, license_no, license_id, no, at, denial, client_id, user_id) WHERE denial IS NOT NULL;
CREATE INDEX denials_of_vendor ON history (isv_no, no, at, denial, client_id, user_id) WHERE denial IS NOT NULL;
