-- Where a session was opened from, as a number that stands for the address, and as JSON how it moved since; null: nobody knows,
-- and it never did. In `extends` the moves stand behind voucher and renewal of the sessions that have any.
ALTER TABLE sessions ADD COLUMN address INTEGER;
ALTER TABLE sessions ADD COLUMN moves TEXT;
