//! Tickets of a list's last import that this one does not name.
//!
//! An order that pretix answers is whole: a position that it lacks was cancelled or split off. A list may be
//! a part of all tickets, so what it lacks is cancelled only if somebody says so, and not half of it.

use super::Whole;
use super::refused::is_for_code;
use super::report::{counted, some_of};
use crate::service::error::{Error, Result};
use crate::service::tickets::desk::Desk;
use crate::service::tickets::said::{self, Said};
use crate::service::tickets::stored::{self, Loaded};
use crate::storage::Transaction;
use std::collections::HashSet;
use usher_domain::api::imports::{ImportMode, ImportReport, MissingTickets};
use usher_domain::ids::TicketId;
use usher_domain::table::rows::{CancelReason, TicketState};

/// Why a ticket is refused that its list lacks.
const GONE: &str = "no longer in the list of its shop";

/// Tickets read at a time.
const PAGE: u32 = 1_000;
/// So many missing tickets are cancelled without a question, however short the list.
const FEW: u64 = 2;
/// Of a longer list one in so many.
const SHARE: u64 = 10;

/// What an import does not name although an earlier one of the same list did.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Tickets of the list that may still enter, named or not.
    listed: u64,
    /// Those that are not named.
    tickets: Vec<Named>,
    /// Those that an order of the files lacks.
    of_orders: Vec<Named>,
}

/// A ticket, and what people call it: the seller's number or, where it tells none, the id.
#[derive(Debug)]
struct Named {
    id: TicketId,
    name: String,
}

impl Named {
    fn of(ticket: &Loaded) -> Self {
        let number = ticket.external.clone();
        Self {
            id: ticket.id,
            name: number.unwrap_or_else(|| ticket.id.to_string()),
        }
    }
}

/// Looks for tickets of this list among all of the event; `named` are those of which a line speaks.
pub(super) fn find(
    txn: &dyn Transaction,
    desk: &Desk,
    whole: &Whole,
    named: &HashSet<TicketId>,
) -> Result<Missing> {
    let session = whole.session(desk)?;
    let mut missing = Missing::default();
    let mut after = None;
    loop {
        let page = stored::page(txn, desk.event.id, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for ticket in &page {
            let is_here = session.is_none_or(|session| ticket.body.sessions.contains(&session));
            let is_told = is_of_list(desk, whole, ticket) && !is_for_code(&ticket.body);
            if is_cancelled(ticket) || !is_here || !is_told {
                continue;
            }
            missing.listed += 1;
            if named.contains(&ticket.id) {
                continue;
            }
            match in_order(whole, ticket) {
                InOrder::Gone => missing.of_orders.push(Named::of(ticket)),
                InOrder::Unread => {}
                InOrder::Unknown => missing.tickets.push(Named::of(ticket)),
            }
        }
    }
    Ok(missing)
}

fn is_cancelled(ticket: &Loaded) -> bool {
    matches!(ticket.body.state, TicketState::Cancelled(_))
}

/// Whether an import of this list told of the ticket. Of tickets that an older program imported the sales
/// channel tells, and of pretix the order in the number.
fn is_of_list(desk: &Desk, whole: &Whole, ticket: &Loaded) -> bool {
    if let Some(said) = &ticket.body.said {
        return said.source == whole.source_mark;
    }
    let imported = ticket.body.request.is_some() && ticket.body.signed.is_none();
    let by_channel = desk.channel_name(ticket.body.channel) == whole.channel();
    imported
        && match whole.pretix() {
            None => by_channel,
            Some(_) => order_of(ticket).is_some(),
        }
}

/// The order of a pretix position, if the ticket's number is one.
fn order_of(ticket: &Loaded) -> Option<&str> {
    let order = ticket.body.order.as_ref()?.reveal();
    let rest = ticket.external.as_deref()?.strip_prefix(order)?;
    rest.strip_prefix('-')?.parse::<u64>().ok()?;
    Some(order)
}

/// What the files say of a ticket's order.
enum InOrder {
    /// They hold the whole order, and the position is not in it.
    Gone,
    /// They hold the order, and the position may be one that is no ticket or cannot be read.
    Unread,
    /// They do not hold it.
    Unknown,
}

fn in_order(whole: &Whole, ticket: &Loaded) -> InOrder {
    let (Some(facts), Some(order)) = (whole.pretix(), order_of(ticket)) else {
        return InOrder::Unknown;
    };
    let is_other = |number: &str| facts.other_positions.contains(number);
    if ticket.external.as_deref().is_some_and(is_other) || facts.broken_orders.contains(order) {
        InOrder::Unread
    } else if facts.whole_orders.contains(order) {
        InOrder::Gone
    } else {
        InOrder::Unknown
    }
}

impl Missing {
    /// What is to be cancelled, with everything told in the report.
    ///
    /// # Errors
    /// [`Error::ImportStopped`] if so much is missing that the file is hardly the whole list.
    pub(super) fn judge(self, whole: &Whole, report: &mut ImportReport) -> Result<Vec<TicketId>> {
        let mut gone = self.of_orders;
        if !gone.is_empty() {
            let names: Vec<String> = gone.iter().map(|named| named.name.clone()).collect();
            report.warnings.push(format!(
                "{} no longer in the order it was in: cancelled ({})",
                counted(gone.len() as u64, "position is", "positions are"),
                some_of(&names)
            ));
        }
        report.missing = self.tickets.len() as u64;
        let names = self.tickets.iter().map(|named| named.name.clone());
        report.missing_tickets = names.collect();
        if report.missing > 0 {
            let told = self.listed.saturating_sub(gone.len() as u64);
            if cancels(whole, told, report)? {
                gone.extend(self.tickets);
            }
        }
        report.cancelled = gone.len() as u64;
        let (gone, names) = gone.into_iter().map(|named| (named.id, named.name)).unzip();
        report.cancelled_tickets = names;
        Ok(gone)
    }
}

/// Whether missing tickets are cancelled, with the reason told in the report.
fn cancels(whole: &Whole, listed: u64, report: &mut ImportReport) -> Result<bool> {
    let options = &whole.options;
    let missing = counted(
        report.missing,
        "ticket of the last import is",
        "tickets of the last import are",
    );
    let named = some_of(&report.missing_tickets);
    if options.missing == MissingTickets::Keep {
        let stay = if report.missing == 1 {
            "stays as it is"
        } else {
            "stay as they are"
        };
        report.warnings.push(format!(
            "{missing} not in this file and {stay}: {named}. If the file is the whole list, cancel what it lacks: --missing cancel"
        ));
        return Ok(false);
    }
    if report.read == 0 {
        let why = format!(
            "this file names no ticket at all, and {missing} not in it: nothing was imported. A file without tickets cancels none"
        );
        return stop(options.mode, why, report);
    }
    if report.bad_count > 0 {
        report.warnings.push(format!(
            "{missing} not in this file: {named}. Some lines are bad and may be the missing ones, so none is cancelled"
        ));
        return Ok(false);
    }
    let most = options
        .missing_max
        .unwrap_or_else(|| FEW.max(listed / SHARE));
    if report.missing > most {
        let why = format!(
            "{} of {listed} tickets of the last import are not in this file ({named}): is it the whole list? Nothing was imported. If so many are to be cancelled, say --missing-max {}",
            report.missing, report.missing
        );
        return stop(options.mode, why, report);
    }
    report
        .warnings
        .push(format!("{missing} not in this file: cancelled ({named})"));
    Ok(true)
}

/// Refuses an import that would cancel too much; a dry run only tells.
fn stop(mode: ImportMode, why: String, report: &mut ImportReport) -> Result<bool> {
    if mode == ImportMode::DryRun {
        report.warnings.push(why);
        return Ok(false);
    }
    Err(Error::ImportStopped(why))
}

/// Cancels a ticket that its list lacks. The list may name it again: then it is as the list says, unless it
/// was refused here.
pub(super) fn cancel(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    whole: &Whole,
    id: TicketId,
) -> Result<()> {
    let ticket = stored::load(txn, desk.event.id, id)?;
    if is_cancelled(&ticket) {
        return Ok(());
    }
    let state = TicketState::Cancelled(CancelReason::Other);
    refuse(txn, desk, whole, ticket, state, GONE)
}

/// Has a ticket refused as its list says, although no line names it.
pub(super) fn refuse(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    whole: &Whole,
    mut ticket: Loaded,
    state: TicketState,
    explanation: &str,
) -> Result<()> {
    let body = &mut ticket.body;
    let known = body.said.take();
    let known = known.or_else(|| said::of_older_program(whole.source_mark, body));
    let mut said = known.unwrap_or_else(|| Said::by(whole.source_mark, body));
    said.refused_here |= body.state != TicketState::Valid && body.state != said.state;
    said.state = state;
    body.state = said.state;
    body.explanation = Some(explanation.to_owned());
    body.said = Some(said);
    // The same line as before says something new when it comes again.
    body.request = None;
    desk.store(txn, &mut ticket)
}
