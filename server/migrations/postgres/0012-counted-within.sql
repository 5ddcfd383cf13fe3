-- runs beside 10
-- A licence's end is that of all its sessions: an instant with very many lines is counted in pieces. `lines`: how many lines of
-- the instant `within` are in the sums, in order of their numbers; it counts only where that is `up_to`, which servers of
-- before move on alone.
ALTER TABLE seatkeeper.counted ADD COLUMN within bigint, ADD COLUMN lines bigint NOT NULL DEFAULT 0;
