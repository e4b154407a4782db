//! The rehearsal of an import on a reader: what each line would do.

use super::apply::{self, Effect};
use super::merge::Found;
use super::refused::{self, Why};
use super::report::{counted, is_fatal, note_fault, some_of};
use super::{Step, Whole, check_in, journal, missing, shop, used, write};
use crate::import::{ImportedTicket, PretixFacts};
use crate::service::error::{Error, Result};
use crate::service::things;
use crate::service::tickets::desk::Desk;
use crate::storage::{Overlay, Transaction};
use std::collections::HashSet;
use usher_domain::api::imports::{ImportMode, ImportReport, OldLists};
use usher_domain::code::TicketCodeText;
use usher_domain::ids::TicketId;
use usher_domain::table::{Bucket, RowKey};
use usher_domain::time::UnixMillis;

/// A rehearsed import.
pub(super) struct Checked {
    pub(super) whole: Whole,
    /// What would be done.
    pub(super) report: ImportReport,
    /// What changes something, in the order of writing.
    pub(super) steps: Vec<Step>,
}

/// Puts new ids into the order in which tables keep their rows: rows that are written one after the other
/// then lie beside each other, and a transaction touches half the pages.
fn sort_as_stored(ids: &mut [TicketId]) {
    ids.sort_by_cached_key(|id| (Bucket::of(&RowKey::from(*id)), *id.as_bytes()));
}

/// Lines that a person should know of.
#[derive(Default)]
struct Tally {
    revived: u64,
    said_before: u64,
    moved: u64,
    moved_used: u64,
}

impl Tally {
    fn count(&mut self, report: &mut ImportReport, found: Found, name: impl Fn() -> String) {
        if found.refused_here {
            report.refused_here += 1;
            report.refused_here_tickets.push(name());
        }
        report.kept_here += u64::from(found.kept_here);
        self.revived += u64::from(found.revived);
        self.said_before += u64::from(found.said_before);
        self.moved += u64::from(found.moved);
    }

    fn tell(&self, report: &mut ImportReport) {
        let refused_here = format!(
            "because of what was said here, although the list lets them in: {}",
            some_of(&report.refused_here_tickets)
        );
        let told = [
            (
                self.moved,
                "ticket is moved",
                "tickets are moved",
                "to another session",
            ),
            (
                self.moved_used,
                "of them was let in at the session that it leaves:",
                "of them were let in at the session that they leave:",
                "the report of that session counts the entry",
            ),
            (
                self.revived,
                "ticket that the list had cancelled is",
                "tickets that the list had cancelled are",
                "valid again, for the list says so now",
            ),
            (
                self.said_before,
                "line says again",
                "lines say again",
                "what an earlier list said: is this an old list?",
            ),
            (
                report.refused_here,
                "ticket stays refused",
                "tickets stay refused",
                &refused_here,
            ),
            (
                report.kept_here,
                "ticket has details",
                "tickets have details",
                "that were changed here and in the list: they stay as they were said here",
            ),
        ];
        for (count, one, more, rest) in told.into_iter().filter(|told| told.0 > 0) {
            let warning = format!("{} {rest}", counted(count, one, more));
            report.warnings.push(warning);
        }
    }
}

/// Rehearses all lines. It gets a transaction that reads, so it cannot write or hold up who writes.
///
/// # Errors
/// [`Error::ImportStopped`] for an import that is probably a mistake.
pub(super) fn check(
    stored: &dyn Transaction,
    whole: Whole,
    lines: Vec<ImportedTicket>,
    mut report: ImportReport,
    now: UnixMillis,
) -> Result<Checked> {
    let mut rehearsal = Overlay::new(stored);
    let txn = &mut rehearsal;
    let mut desk = Desk::open(txn, whole.organizer, &whole.event, now)?;
    if write::was_cut_off(txn, desk.event.id)? {
        report
            .warnings
            .push("the last import into this event was cut off: import its files again".to_owned());
    }
    let mut steps = Vec::new();
    if let Some(facts) = whole.pretix() {
        check_in::know_forgotten(txn, &desk, &whole, &mut report)?;
        let types = &mut report.types_created;
        if check_in::take_over(txn, &mut desk, &whole, facts, types)? != Effect::Unchanged {
            steps.push(Step::CheckInLists);
        }
        check_in::tell(&desk, &whole, facts, &mut report)?;
    }
    let around = whole.surroundings();
    let (mut changing, mut ids) = (Vec::new(), Vec::new());
    let (mut named, mut tally) = (HashSet::new(), Tally::default());
    for line in lines {
        let new = TicketId::from_bytes(things::new_id()?);
        let types = &mut report.types_created;
        match apply::line(txn, &mut desk, &line, new, &around, types) {
            Ok(outcome) => {
                apply::count(&mut report, outcome.effect);
                let name = || {
                    let number = line.external.as_deref();
                    number.map_or_else(|| outcome.ticket.to_string(), str::to_owned)
                };
                tally.count(&mut report, outcome.found, name);
                named.insert(outcome.ticket);
                if outcome.found.moved && used::at_former_session(stored, &desk, outcome.ticket)? {
                    tally.moved_used += 1;
                }
                if outcome.effect != Effect::Unchanged {
                    changing.push(line);
                    ids.push(new);
                }
            }
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => {
                named.extend(apply::spoken_of(txn, &desk, &line)?.map(|ticket| ticket.id));
                note_fault(&mut report, &line.place, &error);
            }
        }
    }
    tally.tell(&mut report);
    tell_of_new_types(&desk, &mut report);
    let gone = missing::find(stored, &desk, &whole, &named)?;
    let gone = gone.judge(&whole, &mut report)?;
    sort_as_stored(&mut ids);
    let tickets = changing.into_iter().zip(ids);
    steps.extend(tickets.map(|(line, id)| Step::Ticket(line, id)));
    steps.extend(gone.into_iter().map(Step::Gone));
    if let Some(facts) = whole.pretix() {
        steps.extend(refuse_codes(txn, &mut desk, &whole, facts, &mut report)?);
        let types = &mut report.types_created;
        if shop::keep(txn, &mut desk, &whole, facts, types)? != Effect::Unchanged {
            steps.push(Step::Keys);
        }
    }
    if !steps.is_empty() {
        know_old_list(stored, &desk, &whole, &mut report)?;
        steps.push(Step::Note);
    }
    Ok(Checked {
        whole,
        report,
        steps,
    })
}

/// The codes that pretix refuses and no line has, as steps; what a person should know is told.
fn refuse_codes(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    whole: &Whole,
    facts: &PretixFacts,
    report: &mut ImportReport,
) -> Result<Vec<Step>> {
    let secrets = &facts.refused;
    let waiting = refused::still_refused(txn, desk, &secrets.unblocked)?;
    let of = |secrets: &[TicketCodeText], why| -> Vec<_> {
        let secrets = secrets.iter().cloned();
        secrets.map(|secret| (secret, why)).collect()
    };
    let revoked = of(&secrets.revoked, Why::Revoked);
    let mut steps = Vec::new();
    let mut known = 0;
    for (secret, why) in revoked
        .into_iter()
        .chain(of(&secrets.blocked, Why::Blocked))
    {
        match refused::refuse(txn, desk, whole, &secret, why)? {
            Effect::Unchanged => continue,
            Effect::Updated => known += 1,
            Effect::Created | Effect::Noted => {}
        }
        steps.push(Step::Refused(secret, why));
    }
    let told = [
        (
            known,
            "ticket is refused",
            "tickets are refused",
            "because pretix revoked or blocked the code; the order is not in these files",
        ),
        (
            waiting,
            "code is blocked no longer and stays",
            "codes are blocked no longer and stay",
            "refused until the order is imported",
        ),
    ];
    for (count, one, more, rest) in told.into_iter().filter(|told| told.0 > 0) {
        let warning = format!("{} {rest}", counted(count, one, more));
        report.warnings.push(warning);
    }
    Ok(steps)
}

/// Says which new types open no zone, where rules name zones.
fn tell_of_new_types(desk: &Desk, report: &mut ImportReport) {
    let name_zones = desk
        .sessions()
        .iter()
        .any(|session| session.rules.name_zones());
    if !name_zones {
        return;
    }
    let event = &desk.event.slug;
    let new = desk
        .types()
        .iter()
        .filter(|kind| report.types_created.contains(&kind.name));
    let told: Vec<String> = new
        .map(|kind| {
            format!(
                "“{}” is a new type and opens no zone until somebody says which. If it may go everywhere: usher type allow {event}/{}",
                kind.name, kind.slug
            )
        })
        .collect();
    report.warnings.extend(told);
}

/// Stops at files that were imported before others of the same list and would change something now.
fn know_old_list(
    txn: &dyn Transaction,
    desk: &Desk,
    whole: &Whole,
    report: &mut ImportReport,
) -> Result<()> {
    let older = journal::older(txn, desk.event.id, whole.list(desk)?, whole.digest)?;
    let Some(older) = older else { return Ok(()) };
    let at = crate::service::times::local(older.at, &desk.event.time_zone)?;
    let since = counted(older.since, "newer one", "newer ones");
    let why = format!("this very list was imported before, on {at}, and {since} since");
    if whole.options.mode == ImportMode::DryRun || whole.options.old_lists == OldLists::Import {
        report.warnings.push(why);
        return Ok(());
    }
    Err(Error::ImportStopped(format!(
        "{why}: nothing was imported. If it is right all the same, say --old-list"
    )))
}
