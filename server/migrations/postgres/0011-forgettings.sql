-- runs beside 10
-- Who counts remembers sums by name between two rounds, on every server: by this it sees that some have other names by now.
ALTER TABLE seatkeeper.counted ADD COLUMN forgettings bigint NOT NULL DEFAULT 0;
