-- runs beside 13
-- A licence that is created takes over the denials of those who asked for it before: they are found by its id, not among all
-- that anybody ever asked for in vain.
CREATE INDEX denials_asked_for ON seatkeeper.history (isv_id, asked_for) WHERE asked_for IS NOT NULL;
