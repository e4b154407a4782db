-- What an organizer configures. One table for all kinds: they are few, read whole and never joined.
CREATE TABLE entity (
    id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind   INTEGER NOT NULL,
    parent BLOB NOT NULL,
    -- NULL: the thing has no name for paths.
    slug   TEXT,
    body   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- Lists of a parent's things, by id.
CREATE INDEX entity_by_parent ON entity (kind, parent, id);
-- A thing by its name; also keeps names unique.
CREATE UNIQUE INDEX entity_by_slug ON entity (kind, parent, slug) WHERE slug IS NOT NULL;

CREATE TABLE value (
    space INTEGER NOT NULL,
    key   BLOB NOT NULL,
    value BLOB NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket (
    id       BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    event    BLOB NOT NULL,
    -- NULL: the seller told no number.
    external TEXT,
    body     BLOB NOT NULL
) STRICT;
-- Lists of an event's tickets, by id.
CREATE INDEX ticket_by_event ON ticket (event, id);
-- A ticket by its seller's number; also keeps numbers unique.
CREATE UNIQUE INDEX ticket_by_external ON ticket (event, external) WHERE external IS NOT NULL;

CREATE TABLE medium (
    organizer BLOB NOT NULL,
    key       BLOB NOT NULL CHECK (length(key) = 16),
    ticket    BLOB NOT NULL,
    PRIMARY KEY (organizer, key)
) STRICT, WITHOUT ROWID;

-- Tables that devices copy. `number` stands in their rows in place of the long name.
CREATE TABLE replica (
    number    INTEGER PRIMARY KEY,
    name      BLOB NOT NULL UNIQUE,
    dirty     INTEGER NOT NULL DEFAULT 0,
    -- NULL until the first sealing.
    epoch     INTEGER,
    version   INTEGER,
    manifest  BLOB,
    digests   BLOB,
    counts    BLOB,
    sealed_at INTEGER
) STRICT;
-- What the sealer looks for.
CREATE INDEX replica_dirty ON replica (number) WHERE dirty = 1;

-- Rows of the newest sealed version, clustered as snapshots and buckets are read.
CREATE TABLE sealed_row (
    replica  INTEGER NOT NULL,
    bucket   INTEGER NOT NULL,
    key      BLOB NOT NULL,
    revision INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    row      BLOB NOT NULL,
    PRIMARY KEY (replica, bucket, key)
) STRICT, WITHOUT ROWID;
-- What changed after a version.
CREATE INDEX sealed_row_by_version ON sealed_row (replica, version);

-- Rows that wait for sealing.
CREATE TABLE pending_row (
    replica  INTEGER NOT NULL,
    bucket   INTEGER NOT NULL,
    key      BLOB NOT NULL,
    revision INTEGER NOT NULL,
    row      BLOB NOT NULL,
    PRIMARY KEY (replica, bucket, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch (
    scope    BLOB NOT NULL,
    position INTEGER NOT NULL,
    device   BLOB NOT NULL,
    log      BLOB NOT NULL,
    head     BLOB NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (scope, position)
) STRICT, WITHOUT ROWID;

-- Records lie with their batch. One that came before in another batch is `repeated` here.
CREATE TABLE record (
    scope    BLOB NOT NULL,
    position INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    device   BLOB NOT NULL,
    log      BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    stamp    INTEGER NOT NULL,
    -- Empty: the record is about no subject.
    subject  BLOB NOT NULL,
    -- NULL: the record names no session.
    session  BLOB,
    repeated INTEGER NOT NULL,
    bytes    BLOB NOT NULL,
    PRIMARY KEY (scope, position, place)
) STRICT, WITHOUT ROWID;
-- One record by hash; also keeps records unique.
CREATE UNIQUE INDEX record_by_hash ON record (scope, hash) WHERE repeated = 0;
-- What merging a subject reads.
CREATE INDEX record_by_subject ON record (scope, subject, stamp, hash) WHERE repeated = 0;
-- What finding a fork and auditing a log read.
CREATE INDEX record_by_log ON record (device, log, sequence, hash) WHERE repeated = 0;

CREATE TABLE log_head (
    scope    BLOB NOT NULL,
    device   BLOB NOT NULL,
    log      BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (scope, device, log, sequence, hash)
) STRICT, WITHOUT ROWID;
-- Heads of a device that is revoked.
CREATE INDEX log_head_by_device ON log_head (device);

CREATE TABLE incident (
    organizer BLOB NOT NULL,
    id        TEXT NOT NULL,
    -- NULL: it concerns no session.
    session   BLOB,
    at        INTEGER NOT NULL,
    body      BLOB NOT NULL,
    PRIMARY KEY (organizer, id)
) STRICT, WITHOUT ROWID;
-- Lists in the order of time.
CREATE INDEX incident_by_time ON incident (organizer, at, id);

CREATE TABLE kept (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    organizer BLOB NOT NULL,
    device    BLOB NOT NULL,
    reason    TEXT NOT NULL,
    at        INTEGER NOT NULL,
    hash      BLOB NOT NULL UNIQUE,
    bytes     BLOB NOT NULL
) STRICT;
-- Lists in the order of coming.
CREATE INDEX kept_by_organizer ON kept (organizer, number);
