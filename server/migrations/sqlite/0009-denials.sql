-- What the denial log is filtered by stands in its indexes, and a client's denials have one of their own: nothing is looked
-- up for lines that are not asked for, however many there are.
DROP INDEX denials_of_license;
DROP INDEX denials_of_vendor;
CREATE INDEX denials_of_license ON history (isv_no, license_no, license_id, no, at, denial) WHERE denial IS NOT NULL;
CREATE INDEX denials_of_vendor ON history (isv_no, no, at, denial) WHERE denial IS NOT NULL;
CREATE INDEX denials_of_client ON history (isv_no, client_id, no) WHERE denial IS NOT NULL;
