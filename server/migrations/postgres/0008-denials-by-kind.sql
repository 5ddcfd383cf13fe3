-- Denials on licences of projects are counted for each kind of token too: history is counted again from its beginning.
DELETE FROM seatkeeper.tallies;
UPDATE seatkeeper.counted SET until = 0;
