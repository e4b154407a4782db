//! Writing what was read.

use super::lines::{self, Surroundings};
use super::{FAULTS_MAX, kinds};
use crate::import::{Import, ImportedTicket, PretixSubevent, Source};
use crate::service::error::{Error, Result};
use crate::service::things;
use crate::service::tickets::desk::Desk;
use crate::service::tickets::stored::{self, Body, Loaded, Medium, Standing};
use crate::storage::Transaction;
use usher_domain::api::imports::{BadLines, ImportOptions, ImportReport};
use usher_domain::code::TicketCodeText;
use usher_domain::code::strength::{STRONG_BITS, bits_alone};
use usher_domain::hash::Hash;
use usher_domain::ids::TicketId;
use usher_domain::problem::Fault;
use usher_domain::table::rows::{CancelReason, TicketState};

/// What one line did.
enum Effect {
    Created,
    Updated,
    Unchanged,
}

/// Writes an import within a transaction and reports on it.
///
/// # Errors
/// [`Error::ImportRefused`] where bad lines refuse the whole; then the transaction is rolled back.
pub(super) fn apply(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    import: Import,
    options: &ImportOptions,
) -> Result<ImportReport> {
    let mut report = begin_report(&import);
    for bad in &import.bad {
        let fault = Fault {
            at: bad.place.to_string(),
            code: bad.reason.code().to_owned(),
            detail: bad.to_string(),
        };
        note_fault(&mut report, fault);
    }
    let (channel, subevents): (_, &[PretixSubevent]) = match &import.source {
        Source::Csv(_) => ("csv", &[]),
        Source::Pretix(facts) => ("pretix", &facts.subevents),
    };
    let around = Surroundings {
        session: options.session.as_deref(),
        channel: options.channel.as_deref().unwrap_or(channel),
        subevents,
    };
    for line in &import.tickets {
        match apply_line(txn, desk, line, &around, &mut report.types_created) {
            Ok(Effect::Created) => report.created += 1,
            Ok(Effect::Updated) => report.updated += 1,
            Ok(Effect::Unchanged) => report.unchanged += 1,
            Err(error @ (Error::Storage(_) | Error::Internal(_) | Error::KeyExpired(_))) => {
                return Err(error);
            }
            Err(error) => {
                let fault = Fault {
                    at: line.place.to_string(),
                    code: error.code().as_str().to_owned(),
                    detail: format!("{}: {error}", line.place),
                };
                note_fault(&mut report, fault);
            }
        }
    }
    if options.bad_lines == BadLines::Refuse && report.bad_count > 0 {
        return Err(Error::ImportRefused {
            count: report.bad_count,
            faults: report.bad,
        });
    }
    if let Source::Pretix(facts) = &import.source {
        kinds::keep_pretix(txn, desk, facts, &mut report.types_created)?;
        for secret in &facts.revoked {
            refuse_for_ever(txn, desk, secret, around.channel)?;
        }
    }
    Ok(report)
}

fn note_fault(report: &mut ImportReport, fault: Fault) {
    report.bad_count += 1;
    if report.bad.len() < FAULTS_MAX {
        report.bad.push(fault);
    }
}

fn begin_report(import: &Import) -> ImportReport {
    let (format, columns) = match &import.source {
        Source::Pretix(_) => ("pretix".to_owned(), Vec::new()),
        Source::Csv(found) => {
            let columns = found.columns.iter().map(|column| {
                let header = column.header.as_deref();
                let header = header.map_or_else(|| column.number.to_string(), str::to_owned);
                (column.column.to_string(), header)
            });
            let format = format!("csv; {:?}; {}", found.delimiter, found.encoding.name());
            (format.to_lowercase(), columns.collect())
        }
    };
    let weak = |ticket: &&ImportedTicket| ticket.code.is_some() && ticket.bits < STRONG_BITS;
    ImportReport {
        format,
        columns,
        written: false,
        read: import.tickets.len() as u64,
        created: 0,
        updated: 0,
        unchanged: 0,
        bad: Vec::new(),
        bad_count: 0,
        weak_barcodes: import.tickets.iter().filter(weak).count() as u64,
        warnings: import.warnings.iter().map(ToString::to_string).collect(),
        types_created: Vec::new(),
    }
}

fn apply_line(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    line: &ImportedTicket,
    around: &Surroundings<'_>,
    created: &mut Vec<String>,
) -> Result<Effect> {
    let body = lines::body(txn, desk, line, around, created)?;
    let there = there_already(txn, desk, line, &body)?;
    // Checked before anything is written: a line that is skipped must leave nothing behind.
    for medium in &body.media {
        let owner = txn.medium_owner(desk.organizer, &medium.key)?;
        if owner.is_some() && owner != there.as_ref().map(|ticket| ticket.id) {
            return Err(Error::Conflict("its barcode belongs to another ticket"));
        }
    }
    let Some(mut ticket) = there else {
        let mut ticket = Loaded {
            id: TicketId::from_bytes(things::new_id()?),
            event: desk.event.id,
            external: line.external.as_deref().map(str::to_owned),
            body,
        };
        desk.store(txn, &mut ticket)?;
        return Ok(Effect::Created);
    };
    if ticket.body.request == body.request {
        return Ok(Effect::Unchanged);
    }
    take_over(&mut ticket, body)?;
    desk.store(txn, &mut ticket)?;
    Ok(Effect::Updated)
}

/// The ticket that a line speaks of: that of the seller's number, else that of the barcode.
fn there_already(
    txn: &dyn Transaction,
    desk: &Desk,
    line: &ImportedTicket,
    body: &Body,
) -> Result<Option<Loaded>> {
    if let Some(external) = &line.external
        && let Some(ticket) = stored::by_external(txn, desk.event.id, external)?
    {
        return Ok(Some(ticket));
    }
    for medium in &body.media {
        if let Some(owner) = txn.medium_owner(desk.organizer, &medium.key)? {
            let ticket = stored::load(txn, owner)?;
            // A number that the seller told before and that differs now is another ticket.
            if ticket.event == desk.event.id
                && (line.external.is_none() || ticket.external.is_none())
            {
                return Ok(Some(ticket));
            }
        }
    }
    Ok(None)
}

/// Takes over what a changed line says. Another barcode is another issue; the old one stays refused.
fn take_over(ticket: &mut Loaded, mut said: Body) -> Result<()> {
    if said.sessions != ticket.body.sessions {
        return Err(Error::Conflict(
            "the ticket was for other sessions: cancel it and give the new one another number",
        ));
    }
    let mut media = std::mem::take(&mut ticket.body.media);
    said.issue = ticket.body.issue;
    let same = |medium: &Medium| media.iter().any(|known| known.key == medium.key);
    if !said.media.iter().all(same) {
        for known in &mut media {
            known.standing = Standing::Former;
        }
        said.issue = said
            .issue
            .next()
            .ok_or(Error::Conflict("the ticket has used up all its issues"))?;
    }
    for new in std::mem::take(&mut said.media) {
        match media.iter().position(|known| known.key == new.key) {
            Some(place) => {
                if let Some(known) = media.get_mut(place) {
                    known.code = new.code;
                }
            }
            None => media.push(new),
        }
    }
    said.media = media;
    said.revision = ticket.body.revision;
    said.home = ticket.body.home;
    ticket.body = said;
    Ok(())
}

/// pretix lists secrets that it revoked without saying of which ticket. They still verify, so each
/// stands in every set of the event as the medium of a cancelled ticket.
fn refuse_for_ever(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    secret: &TicketCodeText,
    channel: &str,
) -> Result<()> {
    let medium = Medium::new(desk.organizer, secret, bits_alone(secret));
    if txn.medium_owner(desk.organizer, &medium.key)?.is_some() {
        return Ok(());
    }
    let (Some(first), Some(kind)) = (desk.sessions().first(), desk.types().first()) else {
        return Ok(());
    };
    let (access, type_number) = (first.access, kind.number);
    let sessions = desk.sessions().iter().map(|session| session.id).collect();
    let mut ticket = Loaded {
        id: TicketId::from_bytes(things::new_id()?),
        event: desk.event.id,
        external: None,
        body: Body {
            revision: 0,
            type_number,
            access,
            sessions,
            state: TicketState::Cancelled(CancelReason::Other),
            issue: usher_domain::numbers::IssueNumber::new(1),
            channel: desk.channel(txn, channel)?,
            request: Some(Hash::of(&[b"revoked", medium.key.as_bytes()])),
            media: vec![medium],
            valid_from: None,
            valid_until: None,
            order: None,
            holder: None,
            zone: None,
            seat: None,
            home: None,
            instruction: None,
            entries: None,
            group: None,
        },
    };
    desk.store(txn, &mut ticket)
}
