//! Creating a ticket.

use super::desk::{Desk, check_home};
use super::stored::{self, Body, Loaded, Medium};
use crate::service::error::{Error, Result};
use crate::service::rules::INSTRUCTION_BYTES_MAX;
use crate::service::things::{self, NAME_BYTES_MAX, check_text};
use crate::service::times;
use crate::storage::Transaction;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use usher_domain::api::tickets::NewTicket;
use usher_domain::code::strength::bits_alone;
use usher_domain::hash::Hash;
use usher_domain::ids::TicketId;

/// Bytes of a seller's number at most.
pub(crate) const NUMBER_BYTES_MAX: usize = 200;
/// Bytes of a seat's name at most.
pub(crate) const SEAT_BYTES_MAX: usize = 100;
const USUAL_CHANNEL: &str = "api";

/// A time as rows hold it: unix seconds.
pub(crate) fn seconds(field: &'static str, moment: Timestamp) -> Result<u32> {
    u32::try_from(moment.as_second())
        .map_err(|_| Error::invalid(field, "not between 1970 and 2106"))
}

/// A time as a request writes it, as rows hold it.
pub(crate) fn moment(
    field: &'static str,
    text: Option<&str>,
    zone: &TimeZone,
) -> Result<Option<u32>> {
    text.map(|text| seconds(field, times::read(field, text, zone)?))
        .transpose()
}

/// Checks that a validity ends after it begins.
pub(crate) fn check_validity(from: Option<u32>, until: Option<u32>) -> Result<()> {
    match (from, until) {
        (Some(from), Some(until)) if from > until => {
            Err(Error::invalid("valid_until", "ends before it begins"))
        }
        _ => Ok(()),
    }
}

fn check_texts(new: &NewTicket) -> Result<()> {
    let texts = [
        ("external", new.external.as_deref(), NUMBER_BYTES_MAX),
        (
            "order",
            new.order.as_ref().map(|o| o.reveal()),
            NUMBER_BYTES_MAX,
        ),
        (
            "holder",
            new.holder.as_ref().map(|h| h.reveal()),
            NAME_BYTES_MAX,
        ),
        ("seat", new.seat.as_deref(), SEAT_BYTES_MAX),
        (
            "instruction",
            new.instruction.as_deref(),
            INSTRUCTION_BYTES_MAX,
        ),
    ];
    for (field, text, most) in texts {
        if let Some(text) = text {
            check_text(field, text, most)?;
        }
    }
    Ok(())
}

/// Checks how often a ticket may enter.
pub(crate) fn check_entries(entries: Option<u16>) -> Result<()> {
    if entries == Some(0) {
        Err(Error::invalid("entries", "at least 1"))
    } else {
        Ok(())
    }
}

/// Creates a ticket, or finds the one that the same request created.
pub(crate) fn create(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    new: &NewTicket,
    request: Hash,
) -> Result<TicketId> {
    if let Some(external) = &new.external
        && let Some(there) = stored::by_external(txn, desk.event.id, external)?
    {
        return if there.body.request == Some(request) {
            Ok(there.id)
        } else {
            Err(Error::AlreadyExists {
                what: "ticket",
                by: "number",
            })
        };
    }
    check_texts(new)?;
    check_entries(new.entries)?;
    let (type_number, (sessions, access)) = {
        let kind = desk.kind(&new.kind)?;
        (kind.number, desk.entrance(kind, new.session.as_deref())?)
    };
    let zone = times::zone(&desk.event.time_zone)?;
    let valid_from = moment("valid_from", new.valid_from.as_deref(), &zone)?;
    let valid_until = moment("valid_until", new.valid_until.as_deref(), &zone)?;
    check_validity(valid_from, valid_until)?;
    if let Some(home) = new.home {
        check_home(txn, desk.organizer, home)?;
    }
    let channel = desk.channel(txn, new.channel.as_deref().unwrap_or(USUAL_CHANNEL))?;
    let zone = match &new.zone {
        Some(zone) => Some(desk.zone(txn, zone)?),
        None => None,
    };
    let mut ticket = Loaded {
        id: TicketId::from_bytes(things::new_id()?),
        event: desk.event.id,
        external: new.external.clone(),
        body: Body {
            sessions,
            valid_from,
            valid_until,
            order: new.order.clone(),
            holder: new.holder.clone(),
            zone,
            seat: new.seat.clone(),
            home: new.home,
            instruction: new.instruction.clone(),
            entries: new.entries,
            request: Some(request),
            signed: Some(new.media.is_empty()),
            ..Body::new(type_number, access, channel)
        },
    };
    for code in &new.media {
        let text = Desk::medium_text(code)?;
        Desk::attach(
            &mut ticket,
            Medium::new(desk.organizer, &text, bits_alone(&text)),
        )?;
    }
    desk.store(txn, &mut ticket)?;
    Ok(ticket.id)
}
