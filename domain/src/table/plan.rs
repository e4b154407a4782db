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
