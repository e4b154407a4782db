//! Imports: what [`crate::import`] read becomes tickets, in one transaction.
//!
//! Importing the same again changes nothing, also where tickets were changed here in the meantime: a
//! line that is the same as last time says nothing new. So no ticket that was cancelled here comes back
//! to life by an old list.

mod apply;
mod kinds;
mod lines;
mod options;

use super::error::{Error, Result};
use super::tickets::desk::Desk;
use super::{Service, events};
use crate::import::{self, Import, NamedBytes};
use crate::storage::StorageError;
use usher_domain::api::imports::{ImportMode, ImportOptions, ImportReport};
use usher_domain::ids::OrganizerId;

/// Bad lines that a report lists.
const FAULTS_MAX: usize = 1_000;

/// Why an import's transaction is rolled back.
enum Undone {
    /// It went wrong.
    Failed(Error),
    /// It was only asked what it would do.
    DryRun(Box<ImportReport>),
}

impl From<StorageError> for Undone {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn read_files(files: &[(String, Vec<u8>)], options: &import::Options) -> Result<Import> {
    let files: Vec<NamedBytes<'_>> = files
        .iter()
        .map(|(name, bytes)| NamedBytes { name, bytes })
        .collect();
    import::read(&files, options).map_err(|error| Error::invalid("files", error.to_string()))
}

impl Service {
    /// Imports tickets from files into an event, all or, with `skip`, all good lines. A dry run writes
    /// nothing and answers with what would be done.
    ///
    /// # Errors
    /// [`Error::ImportRefused`] with the bad lines, [`Error::Invalid`] for unreadable files or options,
    /// [`Error::NotFound`].
    pub async fn import(
        &self,
        organizer: OrganizerId,
        event: String,
        files: Vec<(String, Vec<u8>)>,
        options: ImportOptions,
    ) -> Result<ImportReport> {
        let found = {
            let event = event.clone();
            self.read(move |txn| events::find(txn, organizer, &event))
                .await?
        };
        let reading = options::reading(&options, &found.value)?;
        let import = tokio::task::spawn_blocking(move || read_files(&files, &reading))
            .await
            .map_err(|_| Error::Internal("reading an import broke off"))??;
        let now = self.now();
        let outcome = self
            .store()
            .write(move |txn| {
                let mut desk = Desk::open(txn, organizer, &event, now)?;
                let mut report = apply::apply(txn, &mut desk, import, &options)?;
                match options.mode {
                    ImportMode::DryRun => Err(Undone::DryRun(Box::new(report))),
                    ImportMode::Write => {
                        report.written = true;
                        Ok(report)
                    }
                }
            })
            .await;
        match outcome {
            Ok(report) => {
                // Whoever imports and then syncs a device must find the tickets on it.
                if let Err(error) = self.seal_now().await {
                    tracing::warn!(code = %error.code(), "an import is not sealed yet: {error}");
                }
                Ok(report)
            }
            Err(Undone::DryRun(report)) => Ok(*report),
            Err(Undone::Failed(error)) => Err(error),
        }
    }
}
