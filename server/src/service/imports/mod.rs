//! Imports: what [`crate::import`] read becomes tickets.
//!
//! Importing the same again changes nothing, also where tickets were changed here in the meantime: a
//! line that is the same as last time says nothing new. A line that differs changes what it changed since the
//! last import and nothing else: [`merge`] keeps what was said here, so that no ticket that was refused here
//! comes back to life by a list. [`missing`] tells what the last import named and this one does not, and
//! [`journal`] knows an old list when it comes again.
//!
//! # Nothing unless all is good, and nobody waits for long
//! An import of half a million lines must not keep the scans of a door waiting. So it has two parts:
//!
//! 1. [`check`] rehearses all lines on a reader, which holds nobody up. One bad line refuses the whole
//!    unless bad lines are skipped. A dry run ends here.
//! 2. [`write`] writes what changes something, some thousand lines a transaction. Between two of them
//!    whoever waits to write has its turn.
//!
//! What is true wherever it ends, by a crash, a kill or a full disk: **every line is imported whole or
//! not at all, and importing the same files again does exactly the rest.** Before the first transaction
//! nothing is there; between two, the lines of the first ones are; after the last one everything is, and
//! importing again changes nothing, so a lost answer is harmless. What was cut off is noted with the event
//! until an import into it ends, and told by the next one. Whoever asked may hang up: the second part goes
//! on to its end.
//!
//! Imports run one after the other. A sale or a change of a ticket may come in between: each line is
//! judged again in the transaction that writes it, and one that does not fit any more is left out and
//! reported as bad, while the others are imported. That can only be something that changed within the
//! seconds since the check.

mod apply;
mod check;
mod check_in;
mod journal;
mod kinds;
mod lines;
mod merge;
mod missing;
mod options;
mod refused;
mod report;
mod shop;
mod used;
mod write;

use super::error::{Error, Result};
use super::tickets::desk::Desk;
use super::tickets::said::Mark;
use super::{Service, events};
use crate::import::{
    self, Import, ImportedTicket, NamedBytes, PretixFacts, PretixSubevent, Source,
};
use std::sync::Arc;
use usher_domain::api::imports::{BadLines, ImportMode, ImportOptions, ImportReport};
use usher_domain::code::TicketCodeText;
use usher_domain::hash::Hash;
use usher_domain::ids::{OrganizerId, SessionId, TicketId};

/// What all lines of an import share.
struct Whole {
    organizer: OrganizerId,
    event: String,
    options: ImportOptions,
    source: Source,
    /// The list that the files are of: their kind, the sales channel, and the shop if it tells its name.
    source_mark: Mark,
    /// Digest of the files.
    digest: Hash,
}

impl Whole {
    fn new(
        organizer: OrganizerId,
        event: String,
        options: ImportOptions,
        source: Source,
        digest: Hash,
    ) -> Self {
        let (kind, shop) = match &source {
            Source::Csv(_) => ("csv", None),
            Source::Pretix(facts) => ("pretix", facts.slug.as_deref()),
        };
        let source_mark = Mark::of(&(kind, options.channel.as_deref(), shop));
        Self {
            organizer,
            event,
            options,
            source,
            source_mark,
            digest,
        }
    }

    /// The session that somebody named for the tickets.
    fn session(&self, desk: &Desk) -> Result<Option<SessionId>> {
        let named = self.options.session.as_deref();
        named.map(|name| desk.session_named(name)).transpose()
    }

    /// The list as the journal of imports knows it.
    fn list(&self, desk: &Desk) -> Result<journal::List> {
        Ok(journal::List {
            mark: self.source_mark,
            session: self.session(desk)?,
        })
    }

    /// What pretix told besides the tickets.
    const fn pretix(&self) -> Option<&PretixFacts> {
        match &self.source {
            Source::Csv(_) => None,
            Source::Pretix(facts) => Some(facts),
        }
    }

    /// Sales channel of tickets whose line names none.
    fn channel(&self) -> &str {
        let kind = match &self.source {
            Source::Csv(_) => "csv",
            Source::Pretix(_) => "pretix",
        };
        self.options.channel.as_deref().unwrap_or(kind)
    }

    fn surroundings(&self) -> lines::Surroundings<'_> {
        let subevents: &[PretixSubevent] = self.pretix().map_or(&[], |facts| &facts.subevents);
        lines::Surroundings {
            session: self.options.session.as_deref(),
            channel: self.channel(),
            subevents,
            source: self.source_mark,
        }
    }
}

/// Something that an import changes. They are written in the order of this list: rules come first, so that no
/// gate has tickets before it knows what lets them in, and the event's keys come last, so that no gate knows how to read a signed secret before it knows which are refused.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are tickets: boxing them would only cost"
)]
enum Step {
    /// The rules of check-in lists.
    CheckInLists,
    /// A line as a ticket, and its id if it is a new one.
    Ticket(ImportedTicket, TicketId),
    /// A ticket that the files no longer name.
    Gone(TicketId),
    /// A secret that pretix refuses.
    Refused(TicketCodeText, refused::Why),
    /// The event's keys and products.
    Keys,
    /// That these files were imported.
    Note,
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
    /// nothing and answers with what would be done, bad lines or not.
    ///
    /// # Errors
    /// [`Error::ImportRefused`] with the bad lines, [`Error::ImportStopped`] for half a list or an old one, [`Error::Invalid`] for unreadable files or options,
    /// [`Error::NotFound`].
    pub async fn import(
        &self,
        organizer: OrganizerId,
        event: String,
        files: Vec<(String, Vec<u8>)>,
        options: ImportOptions,
    ) -> Result<ImportReport> {
        let turn = self.turn_to_import().await;
        let found = {
            let event = event.clone();
            self.read(move |txn| events::find(txn, organizer, &event))
                .await?
        };
        let reading = options::reading(&options, &found.value)?;
        let reading = tokio::task::spawn_blocking(move || {
            Ok::<_, Error>((read_files(&files, &reading)?, journal::digest(&files)))
        });
        let (read, digest) = reading
            .await
            .map_err(|_| Error::Internal("reading an import broke off"))??;
        let now = self.now();
        let checked = self
            .read(move |txn| {
                let (whole, lines, report) = report::begin(read, organizer, event, options, digest);
                check::check(txn, whole, lines, report, now)
            })
            .await?;
        let options = &checked.whole.options;
        if options.mode == ImportMode::DryRun {
            return Ok(checked.report);
        }
        if options.bad_lines == BadLines::Refuse && checked.report.bad_count > 0 {
            return Err(Error::ImportRefused(Box::new(checked.report)));
        }
        let service = self.clone();
        // A task of its own: whoever asked may have hung up.
        let writing = tokio::spawn(async move {
            let report = service.write_import(checked).await;
            drop(turn);
            report
        });
        writing
            .await
            .map_err(|_| Error::Internal("writing an import broke off"))?
    }

    async fn write_import(&self, checked: check::Checked) -> Result<ImportReport> {
        let check::Checked {
            whole,
            report,
            steps,
        } = checked;
        let report = write::write(self, Arc::new(whole), steps, report).await?;
        let imported = report.created + report.updated;
        self.figures().imported.inc_by(imported);
        // Whoever imports and then syncs a device must find the tickets on it.
        if let Err(error) = self.seal_now().await {
            tracing::warn!(code = %error.code(), "an import is not sealed yet: {error}");
            self.wake_sealer();
        }
        Ok(report)
    }
}
