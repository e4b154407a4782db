-- The last record of the batch at the position up to which a feed was read: a server that has another one there
-- was put back from a backup. NULL while it is not known.
ALTER TABLE scopes ADD COLUMN last BLOB CHECK (last IS NULL OR length(last) = 32);
