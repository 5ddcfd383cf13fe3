-- Denials on licences of projects are counted for each kind of token too: history is counted again from its beginning.
DELETE FROM tallies;
DELETE FROM settings WHERE name = 'counted_until';
