-- What this device read of others' logs, as it was signed: with it a server that lost records gets them
-- back from whoever read them, although their writer is gone.

-- Signed heads of batches; their records stand in `records`.
CREATE TABLE signatures (
    log_no INTEGER NOT NULL REFERENCES logs (log_no),
    last   INTEGER NOT NULL, -- sequence of the last record
    hash   BLOB    NOT NULL CHECK (length(hash) = 32), -- of the last record
    first  INTEGER NOT NULL, -- sequence of the first record
    head   BLOB    NOT NULL, -- as received
    PRIMARY KEY (log_no, last, hash)
) STRICT, WITHOUT ROWID;
