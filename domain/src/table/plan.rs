//! What to do with a row that arrives.

use super::row::{Row, RowKey};

/// What to do with a row that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowAction {
    /// It is new: insert it.
    Insert,
    /// It is newer than the image held: put it in its place.
    Replace,
    /// The image held is as new or newer: leave it.
    Keep,
}

/// Two images of one row share a revision and differ: somebody changed a row without counting. An
/// incident; neither image is better than the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two images of one row have revision {revision}")]
pub struct RowConflict {
    /// The row.
    pub key: RowKey,
    /// The revision.
    pub revision: u64,
}

impl RowConflict {
    /// Stable code for logs, incidents and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "row_conflict"
    }
}

/// The highest revision of a row: numbers up to it are exact in every program that reads JSON.
pub const REVISION_MAX: u64 = (1 << 53) - 1;

/// Changes of one row that may be lost at once: a row that is handed back is not believed to be further
/// ahead of the image held.
pub const REVISIONS_LOST_MAX: u64 = 10_000;

/// The revision after one; none if the row was changed as often as can be counted.
#[must_use]
pub const fn next_revision(revision: u64) -> Option<u64> {
    if revision < REVISION_MAX {
        Some(revision + 1)
    } else {
        None
    }
}

/// Whether a row that is handed back may have this revision, where the image held has the other one, or 0
/// if none is held.
#[must_use]
pub const fn may_be_handed_back(held: u64, revision: u64) -> bool {
    revision <= REVISION_MAX && revision <= held.saturating_add(REVISIONS_LOST_MAX)
}

/// Decides between the image held and one that arrives; the highest revision wins.
///
/// For rows that a signed manifest does not prove to be the whole of a bucket: segments, and rows handed
/// back to a server. A bucket proved by its digest replaces what is held without asking.
///
/// # Errors
/// [`RowConflict`] for an equal revision of other bytes.
pub fn plan_row(held: Option<&Row<'_>>, incoming: &Row<'_>) -> Result<RowAction, RowConflict> {
    let Some(held) = held else {
        return Ok(RowAction::Insert);
    };
    match held.revision().cmp(&incoming.revision()) {
        std::cmp::Ordering::Less => Ok(RowAction::Replace),
        std::cmp::Ordering::Greater => Ok(RowAction::Keep),
        std::cmp::Ordering::Equal if held.bytes() == incoming.bytes() => Ok(RowAction::Keep),
        std::cmp::Ordering::Equal => Err(RowConflict {
            key: incoming.key(),
            revision: incoming.revision(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor;

    fn row(revision: u64, rest: &str) -> Vec<u8> {
        cbor::encode(&(minicbor::bytes::ByteArray::from([1; 16]), revision, rest))
    }

    #[test]
    fn revisions_are_bounded() {
        assert_eq!(next_revision(0), Some(1));
        assert_eq!(next_revision(REVISION_MAX), None);
        assert_eq!(next_revision(u64::MAX), None);
        assert!(may_be_handed_back(0, REVISIONS_LOST_MAX));
        assert!(!may_be_handed_back(0, REVISIONS_LOST_MAX + 1));
        assert!(may_be_handed_back(REVISION_MAX, REVISION_MAX));
        assert!(!may_be_handed_back(REVISION_MAX, REVISION_MAX + 1));
        assert!(!may_be_handed_back(u64::MAX, u64::MAX));
    }

    #[test]
    fn the_highest_revision_wins_and_a_conflict_is_told() {
        let rows = [row(1, "a"), row(2, "b"), row(2, "c")];
        let [one, two, other] = [0, 1, 2].map(|i| Row::parse(&rows[i]).unwrap());
        assert_eq!(plan_row(None, &one), Ok(RowAction::Insert));
        assert_eq!(plan_row(Some(&one), &two), Ok(RowAction::Replace));
        assert_eq!(plan_row(Some(&two), &one), Ok(RowAction::Keep));
        assert_eq!(plan_row(Some(&two), &two), Ok(RowAction::Keep));
        assert_eq!(
            plan_row(Some(&two), &other),
            Err(RowConflict {
                key: RowKey::from_bytes([1; 16]),
                revision: 2
            })
        );
    }
}
