//! A connection inside a transaction, and what every statement needs: context for its errors.

use crate::storage::{Result, StorageError};
use rusqlite::{CachedStatement, Connection, ErrorCode, Params, Row, types::FromSql};

/// A connection inside a transaction.
pub(super) struct Session<'c> {
    pub(super) connection: &'c Connection,
}

/// Adds to an error what was being done; never the values.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|error| explain(&error, doing))
    }
}

fn explain(error: &rusqlite::Error, doing: &'static str) -> StorageError {
    if matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)
    ) {
        return StorageError::Unreadable { doing };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StorageError::Taken { doing },
        Some(
            ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied,
        ) => StorageError::CannotWrite { doing },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StorageError::Damaged { doing }
        }
        Some(code) => StorageError::Failed {
            doing,
            detail: format!("{code:?}"),
        },
        None => StorageError::Failed {
            doing,
            detail: "the statement does not fit".to_owned(),
        },
    }
}

impl Session<'_> {
    pub(super) fn statement(
        &self,
        sql: &'static str,
        doing: &'static str,
    ) -> Result<CachedStatement<'_>> {
        self.connection.prepare_cached(sql).doing(doing)
    }

    pub(super) fn execute(
        &self,
        sql: &'static str,
        params: impl Params,
        doing: &'static str,
    ) -> Result<usize> {
        self.statement(sql, doing)?.execute(params).doing(doing)
    }

    /// The first row, if there is one.
    pub(super) fn first<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        doing: &'static str,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.statement(sql, doing)?;
        let mut rows = statement.query(params).doing(doing)?;
        rows.next().doing(doing)?.map(read).transpose().doing(doing)
    }

    /// All rows.
    pub(super) fn all<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        doing: &'static str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut out = Vec::new();
        self.each(sql, params, doing, |row| {
            out.push(read(row).doing(doing)?);
            Ok(())
        })?;
        Ok(out)
    }

    /// Visits all rows.
    pub(super) fn each(
        &self,
        sql: &'static str,
        params: impl Params,
        doing: &'static str,
        mut visit: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.statement(sql, doing)?;
        let mut rows = statement.query(params).doing(doing)?;
        while let Some(row) = rows.next().doing(doing)? {
            visit(row)?;
        }
        Ok(())
    }
}

/// SQLite's integers are signed; ours never come near the sign.
pub(super) fn int(value: u64, doing: &'static str) -> Result<i64> {
    i64::try_from(value).map_err(|_| StorageError::OutOfRange { doing })
}

/// An unsigned number of a column.
pub(super) fn uint(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// Fixed bytes of a column.
pub(super) fn bytes<const N: usize>(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; N]>
where
    [u8; N]: FromSql,
{
    row.get(column)
}
