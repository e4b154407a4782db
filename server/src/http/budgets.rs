//! How much each request may hold, before and after it is known who asks. `docs/limits.md` is made of it.

use super::endpoint::Budget;
use usher_domain::cbor::Bounds;
use usher_domain::protocol::{BATCH_RECORDS_MAX, BODY_BYTES_MAX, HEADS_MAX, TABLES_MAX};

const fn budget(bytes: usize, items: usize, depth: usize) -> Budget {
    Budget {
        bytes,
        holds: Bounds { items, depth },
    }
}

const KIB: usize = 1024;
/// Data items of a head of a log, its own included.
const HEAD_ITEMS: usize = 8;
/// Data items that a sign of life says of a table.
const TABLE_ITEMS: usize = 10;
/// Data items beside lists.
const BESIDE: usize = 64;
/// Buckets of a table.
const BUCKETS: usize = 1_024;

/// What anybody may send. Nobody has said who he is.
pub(crate) const STRANGER: Budget = budget(16 * KIB, 32, 4);
/// A sign of life.
pub(crate) const HEARTBEAT: Budget = budget(
    512 * KIB,
    HEADS_MAX * 2 * HEAD_ITEMS + TABLES_MAX * TABLE_ITEMS + BESIDE,
    6,
);
/// The buckets of which rows are wanted.
pub(crate) const ROWS: Budget = budget(16 * KIB, BUCKETS + 1, 2);
/// Rows handed back, with the digests that prove them.
pub(crate) const HAND_BACK: Budget = budget(BODY_BYTES_MAX, BUCKETS * 2 + BESIDE, 6);
/// A trust document handed back.
pub(crate) const HAND_BACK_TRUST: Budget = budget(128 * KIB, 8, 2);
/// A batch of records.
pub(crate) const PUSH: Budget = budget(BODY_BYTES_MAX, BATCH_RECORDS_MAX + BESIDE, 4);
/// A claim, with what the device has not sent of the ticket.
pub(crate) const CLAIM: Budget = budget(128 * KIB, 512, 8);
/// The heads of a device that goes off duty.
pub(crate) const SIGN_OFF: Budget = budget(128 * KIB, HEADS_MAX * HEAD_ITEMS + BESIDE, 6);
/// Values within JSON, and lists and objects within each other.
pub(crate) const JSON: Bounds = Bounds {
    items: 50_000,
    depth: 16,
};
