//! Copies of a server's data folder, and their way back.
//!
//! A backup is a folder with the database as it was at one moment, settings, certificate and key, and
//! a list of them with their digests ([`Manifest`]). Tokens are not in it. [`make`] makes one beside a running
//! server, [`restore`] puts one in the place of a server that is gone.
//!
//! # What must hold
//! * A folder with the name that was asked for is a whole backup, or was never made.
//! * A restored database never serves in the epoch that it was copied in: devices would take its answers
//!   for old ones, or, worse, another content under a version that they know. The epoch is raised in the
//!   copy, before the copy is where a server would find it.
//! * Nothing that was in the data folder is deleted. It is set aside.
//! * Whatever breaks off at any point is completed by the same command, and until then no server opens
//!   what is there ([`crate::storage::StorageError::RestoreUnfinished`]).

mod error;
mod files;
mod make;
mod manifest;
mod place;
mod restore;
#[cfg(test)]
mod tests;

pub use error::BackupError;
pub use make::{Made, make};
pub use manifest::{Contents, Listed, MANIFEST, Manifest};
pub use restore::{Declared, Present, Restored, declare, restore};

use crate::storage::StorageError;
use crate::storage::sqlite::Look;
use std::path::Path;

/// What a database says of itself.
struct Facts {
    contents: Contents,
    epoch: u32,
}

/// Reads all of a database that nobody works with.
fn facts(file: &Path) -> Result<Facts, StorageError> {
    let look = Look::at(file)?;
    look.check()?;
    Ok(Facts {
        contents: look.totals()?.into(),
        epoch: look.read(crate::service::epoch)?,
    })
}
