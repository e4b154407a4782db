//! Changing a ticket. What changes nothing raises no revision.

use super::create::{SEAT_BYTES_MAX, check_entries, check_validity, moment};
use super::desk::{Desk, check_home};
use super::stored::{self, Loaded, Medium, Standing};
use crate::service::error::{Error, Result};
use crate::service::rules::INSTRUCTION_BYTES_MAX;
use crate::service::things::{NAME_BYTES_MAX, check_text};
use crate::service::times;
use crate::storage::Transaction;
use usher_domain::api::access::TokenRole;
use usher_domain::api::tickets::{TicketChange, TicketDetail, TicketDetails};
use usher_domain::code::strength::bits_alone;
use usher_domain::ids::TicketId;
use usher_domain::secret::Private;
use usher_domain::table::rows::{CancelReason, TicketState};

/// Changes the ticket that a path names.
pub(crate) fn change(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    name: &str,
    what: &TicketChange,
) -> Result<TicketId> {
    let before = stored::find(txn, desk.organizer, desk.event.id, name, TokenRole::Sales)?;
    let mut ticket = before.clone();
    match what {
        TicketChange::Cancel { reason } => cancel(&mut ticket, *reason),
        TicketChange::Block => {
            not_cancelled(&ticket)?;
            ticket.body.state = TicketState::Blocked;
        }
        TicketChange::Unblock => {
            not_cancelled(&ticket)?;
            ticket.body.state = TicketState::Valid;
        }
        TicketChange::Restore {
            reason,
            although_refunded,
        } => {
            let money = if *although_refunded {
                Money::MayBeBack
            } else {
                Money::IsHere
            };
            restore(&mut ticket, reason, money)?;
        }
        TicketChange::Reissue { media } => {
            not_cancelled(&ticket)?;
            reissue(desk, &mut ticket, media)?;
        }
        TicketChange::Attach { medium } => {
            not_cancelled(&ticket)?;
            attach(desk, &mut ticket, medium)?;
        }
        TicketChange::Update(details) => update(txn, desk, &mut ticket, details)?,
    }
    if let Some(said) = &mut ticket.body.said {
        // A refusal ends only by a person then, whatever lists say, also where the list had refused already.
        match what {
            TicketChange::Cancel { .. } | TicketChange::Block => said.refused_here = true,
            TicketChange::Unblock | TicketChange::Restore { .. } => said.refused_here = false,
            TicketChange::Reissue { .. }
            | TicketChange::Attach { .. }
            | TicketChange::Update(_) => {}
        }
    }
    if ticket.body.state != before.body.state {
        // What the seller said of another state is no reason of this one.
        ticket.body.explanation = None;
        if ticket.body.state != TicketState::Valid {
            ticket.body.restored = None;
        }
    }
    if ticket == before {
        return Ok(ticket.id);
    }
    if before.body.says_the_same(&ticket.body) {
        txn.put_ticket(&ticket.stored())?;
    } else {
        desk.store(txn, &mut ticket)?;
    }
    Ok(ticket.id)
}

/// Cancelling again says nothing new unless it says why.
fn cancel(ticket: &mut Loaded, reason: Option<CancelReason>) {
    ticket.body.state = match (reason, ticket.body.state) {
        (Some(reason), _) => TicketState::Cancelled(reason),
        (None, before @ TicketState::Cancelled(_)) => before,
        (None, TicketState::Valid | TicketState::Blocked) => {
            TicketState::Cancelled(CancelReason::Other)
        }
    };
}

/// Bytes of the reason for which a ticket is let live again at most.
const REASON_BYTES_MAX: usize = 300;

/// What somebody who lets a ticket live again knows of its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Money {
    /// It was paid for, and stays so.
    IsHere,
    /// It may have been given back: the ticket is to enter all the same.
    MayBeBack,
}

/// Lets a ticket that was cancelled or held back enter again. A list that refuses it would refuse it again with
/// its next import, and whose money was given back has no right to enter unless somebody says so.
fn restore(ticket: &mut Loaded, reason: &str, money: Money) -> Result<()> {
    check_text("reason", reason, REASON_BYTES_MAX)?;
    let said = ticket.body.said.as_ref().map(|said| said.state);
    if said.is_some_and(|said| said != TicketState::Valid) {
        return Err(Error::Conflict(
            "the last list that was imported refuses it: let it live again at the seller, and import the list \
             again",
        ));
    }
    let TicketState::Cancelled(cancelled) = ticket.body.state else {
        if ticket.body.state == TicketState::Blocked {
            ticket.body.restored = Some(reason.to_owned());
            ticket.body.state = TicketState::Valid;
        }
        return Ok(());
    };
    let why_not = match cancelled {
        CancelReason::Refunded => {
            "its money was given back: say so if it is to enter all the same (although_refunded; usher ticket restore --although-refunded)"
        }
        CancelReason::ChargedBack => {
            "its payment was charged back: say so if it is to enter all the same (although_refunded; usher ticket restore --although-refunded)"
        }
        CancelReason::Exchanged => {
            "another ticket took its place: say so if it is to enter all the same (although_refunded; usher ticket restore --although-refunded)"
        }
        CancelReason::Mistake | CancelReason::Withdrawn | CancelReason::Other => "",
    };
    if !why_not.is_empty() && money == Money::IsHere {
        return Err(Error::Conflict(why_not));
    }
    ticket.body.restored = Some(reason.to_owned());
    ticket.body.state = TicketState::Valid;
    Ok(())
}

fn not_cancelled(ticket: &Loaded) -> Result<()> {
    match ticket.body.state {
        TicketState::Cancelled(_) => Err(Error::Conflict("the ticket is cancelled")),
        TicketState::Valid | TicketState::Blocked => Ok(()),
    }
}

fn attach(desk: &Desk, ticket: &mut Loaded, code: &Private) -> Result<()> {
    let text = Desk::medium_text(code)?;
    Desk::attach(
        ticket,
        Medium::new(desk.organizer, &text, bits_alone(&text)),
    )
}

fn reissue(desk: &Desk, ticket: &mut Loaded, media: &[Private]) -> Result<()> {
    ticket.body.issue = ticket
        .body
        .issue
        .next()
        .ok_or(Error::Conflict("the ticket has used up all its issues"))?;
    for medium in &mut ticket.body.media {
        medium.standing = Standing::Former;
    }
    ticket.body.signed = Some(media.is_empty());
    media.iter().try_for_each(|code| attach(desk, ticket, code))
}

fn update(
    txn: &dyn Transaction,
    desk: &mut Desk,
    ticket: &mut Loaded,
    details: &TicketDetails,
) -> Result<()> {
    if let Some(name) = &details.session {
        move_to(desk, ticket, name)?;
    }
    if let Some(name) = &details.kind {
        let kind = desk.kind(name)?;
        let own = desk.sessions().iter();
        let own = own
            .clone()
            .find(|session| session.access == ticket.body.access);
        // A type may change within the same entrance; another pass or session is another ticket.
        let fits = match kind.access {
            Some(access) => access == ticket.body.access,
            None => own.is_some(),
        };
        if !fits {
            return Err(Error::Conflict(
                "this type opens other sessions: cancel the ticket and create another",
            ));
        }
        ticket.body.type_number = kind.number;
    }
    if let Some(holder) = &details.holder {
        check_text("holder", holder.reveal(), NAME_BYTES_MAX)?;
        ticket.body.holder = Some(holder.clone());
    }
    if let Some(seat) = &details.seat {
        check_text("seat", seat, SEAT_BYTES_MAX)?;
        ticket.body.seat = Some(seat.clone());
    }
    if let Some(instruction) = &details.instruction {
        check_text("instruction", instruction, INSTRUCTION_BYTES_MAX)?;
        ticket.body.instruction = Some(instruction.clone());
    }
    if let Some(zone) = &details.zone {
        ticket.body.zone = Some(desk.zone(txn, zone)?);
    }
    let zone = times::zone(&desk.event.time_zone)?;
    let valid = |field, text: &Option<String>| moment(field, text.as_deref(), &zone);
    let body = &mut ticket.body;
    body.valid_from = valid("valid_from", &details.valid_from)?.or(body.valid_from);
    body.valid_until = valid("valid_until", &details.valid_until)?.or(body.valid_until);
    if details.entries.is_some() {
        check_entries(details.entries)?;
        ticket.body.entries = details.entries;
    }
    if let Some(home) = details.home {
        check_home(txn, desk.organizer, home)?;
        ticket.body.home = Some(home);
    }
    clear(ticket, details)?;
    check_validity(ticket.body.valid_from, ticket.body.valid_until)
}

/// Lets a ticket be for another session; gates of the one it leaves say where it is valid.
fn move_to(desk: &Desk, ticket: &mut Loaded, session: &str) -> Result<()> {
    let mut types = desk.types().iter();
    let kind = types.find(|kind| kind.number == ticket.body.type_number);
    let kind = kind.ok_or(Error::NotFound("ticket type"))?;
    if kind.access.is_some() {
        return Err(Error::Conflict(
            "a pass is for all sessions of its type: it cannot be moved to one of them",
        ));
    }
    let (sessions, access) = desk.entrance(kind, Some(session))?;
    ticket.body.move_to(sessions, access).map(drop)
}

/// Takes away what is asked to go. A request that gives and takes the same thing does not say what is meant.
fn clear(ticket: &mut Loaded, details: &TicketDetails) -> Result<()> {
    let body = &mut ticket.body;
    for detail in &details.clear {
        let given = match detail {
            TicketDetail::Holder => details.holder.is_some(),
            TicketDetail::Seat => details.seat.is_some(),
            TicketDetail::Zone => details.zone.is_some(),
            TicketDetail::ValidFrom => details.valid_from.is_some(),
            TicketDetail::ValidUntil => details.valid_until.is_some(),
            TicketDetail::Instruction => details.instruction.is_some(),
            TicketDetail::Entries => details.entries.is_some(),
            TicketDetail::Home => details.home.is_some(),
        };
        if given {
            return Err(Error::invalid("clear", "names what is set as well"));
        }
        match detail {
            TicketDetail::Holder => body.holder = None,
            TicketDetail::Seat => body.seat = None,
            TicketDetail::Zone => body.zone = None,
            TicketDetail::ValidFrom => body.valid_from = None,
            TicketDetail::ValidUntil => body.valid_until = None,
            TicketDetail::Instruction => body.instruction = None,
            TicketDetail::Entries => body.entries = None,
            TicketDetail::Home => body.home = None,
        }
    }
    Ok(())
}
