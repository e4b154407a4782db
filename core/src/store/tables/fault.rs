//! What can go wrong while rows of a stream are written.

use super::{StoreError, bad_rows};
use usher_domain::table::{RowError, TableId};

/// What can go wrong with one row of a stream.
pub(super) enum RowFault {
    Row(RowError),
    Store(StoreError),
}

impl From<RowError> for RowFault {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

impl From<StoreError> for RowFault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl RowFault {
    pub(super) fn of(self, table: TableId) -> StoreError {
        match self {
            Self::Row(error) => bad_rows(table, error.code()),
            Self::Store(error) => error,
        }
    }
}
