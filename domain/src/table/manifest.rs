//! Checking manifests.

use super::{Digests, Manifest, TableId};
use crate::cose::ContentType;
use crate::document::{Document, TrustedKeys, Untrusted, Verified};

/// What the manifest of a table is signed as.
#[must_use]
pub const fn content_type_of(table: TableId) -> ContentType {
    match table {
        TableId::Set(_) => ContentType::SET,
        TableId::Roster(_) => ContentType::ROSTER,
        TableId::Directory(_) => ContentType::DIRECTORY,
    }
}

impl Document for Manifest {
    fn content_type(&self) -> ContentType {
        content_type_of(self.table)
    }
}

/// Checks who signed a manifest and that it speaks of `expected`.
///
/// # Errors
/// [`Untrusted`] with the first reason found.
pub fn verify_manifest(
    bytes: &[u8],
    keys: &TrustedKeys,
    expected: TableId,
) -> Result<Verified<Manifest>, Untrusted> {
    let manifest: Verified<Manifest> =
        keys.verify(bytes, content_type_of(expected), |m: &Manifest| m.issued_at)?;
    let value = manifest.value();
    if value.table != expected {
        return Err(Untrusted::OtherTable);
    }
    match (expected, &value.terms) {
        (TableId::Set(session), Some(terms)) => {
            if terms.organizer != keys.organizer() {
                return Err(Untrusted::OtherOrganizer);
            }
            if terms.session.id != session {
                return Err(Untrusted::OtherTable);
            }
        }
        (TableId::Set(_), None) => {
            return Err(Untrusted::Inconsistent("a ticket set without its terms"));
        }
        (TableId::Roster(_) | TableId::Directory(_), Some(_)) => {
            return Err(Untrusted::Inconsistent("terms of a session out of place"));
        }
        (TableId::Roster(organizer), None) if organizer != keys.organizer() => {
            return Err(Untrusted::OtherOrganizer);
        }
        (TableId::Roster(_) | TableId::Directory(_), None) => {}
    }
    Ok(manifest)
}

/// Why rows are not the ones that a manifest speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableMismatch {
    /// Other rows.
    #[error("the rows are not the ones of the manifest")]
    Digest,
    /// The rows fit, but the manifest counts them wrongly.
    #[error("{held} rows in place of the {told} that the manifest tells")]
    Count {
        /// Rows counted.
        held: u64,
        /// Rows that the manifest tells.
        told: u64,
    },
}

impl TableMismatch {
    /// Stable code for logs, incidents and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Digest => "table_digest_mismatch",
            Self::Count { .. } => "table_count_mismatch",
        }
    }
}

impl Manifest {
    /// Checks that a copy is the one this manifest speaks of, before it is swapped in.
    ///
    /// # Errors
    /// [`TableMismatch`].
    pub fn check(&self, digests: &Digests, rows: u64) -> Result<(), TableMismatch> {
        if digests.table_digest() != self.digest {
            Err(TableMismatch::Digest)
        } else if rows != self.rows {
            Err(TableMismatch::Count {
                held: rows,
                told: self.rows,
            })
        } else {
            Ok(())
        }
    }
}
