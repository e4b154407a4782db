//! Checking manifests.

use super::{Manifest, TableId};
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
