//! One line of an import as a ticket.

use super::kinds::{self, Told};
use crate::import::{ImportedTicket, PretixSubevent, State};
use crate::service::error::{Error, Result};
use crate::service::rules::INSTRUCTION_BYTES_MAX;
use crate::service::things::{NAME_BYTES_MAX, check_text};
use crate::service::tickets::create::{
    NUMBER_BYTES_MAX, SEAT_BYTES_MAX, check_entries, check_validity,
};
use crate::service::tickets::desk::Desk;
use crate::service::tickets::said::{self, Mark};
use crate::service::tickets::stored::{Body, Medium};
use crate::storage::Transaction;
use usher_domain::api::venue::{Session, TicketType};
use usher_domain::secret::Private;
use usher_domain::table::rows::{CancelReason, TicketState};

/// What lines say only together with the import as a whole.
pub(super) struct Surroundings<'a> {
    /// Session of tickets whose line names none.
    pub(super) session: Option<&'a str>,
    /// Sales channel of tickets whose line names none.
    pub(super) channel: &'a str,
    /// Dates of a pretix series.
    pub(super) subevents: &'a [PretixSubevent],
    /// The list that the lines are of.
    pub(super) source: Mark,
}

/// A line as a ticket that was never changed here.
pub(super) fn body(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    line: &ImportedTicket,
    around: &Surroundings<'_>,
    created: &mut Vec<String>,
) -> Result<Body> {
    check_texts(line)?;
    let told = Told {
        source: around.source,
        product: line.type_id.as_deref(),
        name: &line.type_name,
    };
    let kind = kinds::of_list(txn, desk, told, created)?;
    check_days(desk, &kind, line, around)?;
    let session = match (&kind.access, &line.session) {
        (Some(_), _) => None,
        (None, Some(name)) => Some(session(desk.sessions(), name, around.subevents)?),
        (None, None) => around.session.map(str::to_owned),
    };
    let (sessions, access) = desk.entrance(&kind, session.as_deref())?;
    let seconds = |field, moment: Option<i64>| {
        moment
            .map(u32::try_from)
            .transpose()
            .map_err(|_| Error::invalid(field, "not between 1970 and 2106"))
    };
    let valid_from = seconds("valid_from", line.valid_from)?;
    let valid_until = seconds("valid_until", line.valid_until)?;
    check_validity(valid_from, valid_until)?;
    let entries = line
        .entries
        .map(u16::try_from)
        .transpose()
        .map_err(|_| Error::invalid("entries", "65535 at most"))?;
    check_entries(entries)?;
    let channel = desk.channel(txn, line.channel.as_deref().unwrap_or(around.channel))?;
    let zone = match &line.zone {
        Some(zone) => Some(desk.zone_called(txn, zone)?),
        None => None,
    };
    let media = line.code.iter();
    let media = media.map(|code| Medium::new(desk.organizer, code, line.bits));
    let mut body = Body {
        sessions,
        state: state(&line.state),
        media: media.collect(),
        valid_from,
        valid_until,
        order: line.order.as_deref().map(Private::new),
        holder: line.holder.clone(),
        zone,
        seat: line.seat.as_deref().map(str::to_owned),
        instruction: line.instruction.as_deref().map(str::to_owned),
        entries,
        explanation: explanation(&line.state),
        ..Body::new(kind.number, access, channel)
    };
    body.request = Some(said::fingerprint(&body));
    Ok(body)
}

fn check_texts(line: &ImportedTicket) -> Result<()> {
    let texts = [
        ("type", Some(&*line.type_name), NAME_BYTES_MAX),
        ("external", line.external.as_deref(), NUMBER_BYTES_MAX),
        ("order", line.order.as_deref(), NUMBER_BYTES_MAX),
        (
            "holder",
            line.holder.as_ref().map(Private::reveal),
            NAME_BYTES_MAX,
        ),
        ("seat", line.seat.as_deref(), SEAT_BYTES_MAX),
        (
            "instruction",
            line.instruction.as_deref(),
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

/// A ticket that stands as one line for each session is a pass for just these.
fn check_days(
    desk: &Desk,
    kind: &TicketType,
    line: &ImportedTicket,
    around: &Surroundings<'_>,
) -> Result<()> {
    if line.other_sessions.is_empty() {
        return Ok(());
    }
    if kind.access.is_none() {
        return Err(Error::invalid(
            "session",
            "its barcode stands in lines for several sessions: if it is a pass, create its type first with these sessions, at the command line with usher type create",
        ));
    }
    let opens = desk.slugs_of(&kind.sessions);
    for name in line.session.iter().chain(&line.other_sessions) {
        if !opens.contains(&session(desk.sessions(), name, around.subevents)?) {
            return Err(Error::invalid(
                "session",
                "its lines name a session that its type does not open",
            ));
        }
    }
    Ok(())
}

/// The slug of the session that a line names, by slug, id or name, or by the number of a pretix date.
pub(super) fn session(
    sessions: &[Session],
    name: &str,
    subevents: &[PretixSubevent],
) -> Result<String> {
    let date = subevents.iter().find(|date| date.id.to_string() == name);
    let named = |session: &&Session| {
        session.slug == name || session.name == name || session.id.to_string() == name
    };
    let dated = |session: &&Session| {
        date.is_some_and(|date| {
            session.name == date.name
                || date.dates.begin == Some(session.starts.as_second())
                || date.dates.begin == Some(session.doors.as_second())
        })
    };
    sessions
        .iter()
        .find(named)
        .or_else(|| sessions.iter().find(dated))
        .map(|session| session.slug.clone())
        .ok_or(Error::NotFound("session"))
}

fn state(state: &State) -> TicketState {
    match state {
        State::Valid => TicketState::Valid,
        State::Pending | State::Blocked { .. } => TicketState::Blocked,
        State::Cancelled { reason } => TicketState::Cancelled(cancel_reason(reason)),
    }
}

/// Why a ticket may not enter, in the seller's words. What the state says already needs no words.
fn explanation(state: &State) -> Option<String> {
    let told = match state {
        State::Valid => return None,
        State::Pending => return Some("not paid yet".to_owned()),
        State::Blocked { reason } | State::Cancelled { reason } => reason,
    };
    let says_nothing = ["cancelled", "refunded", ""].contains(&&**told);
    let mut text = told.to_string();
    text.truncate(text.floor_char_boundary(EXPLANATION_BYTES_MAX));
    (!says_nothing).then_some(text)
}

/// Bytes of an explanation that a gate is told.
const EXPLANATION_BYTES_MAX: usize = 200;

/// Sellers give reasons in their own words; only the clear ones are told apart.
fn cancel_reason(words: &str) -> CancelReason {
    let words = words.to_lowercase();
    let says = |part: &str| words.contains(part);
    if says("chargeback") || says("charged back") {
        CancelReason::ChargedBack
    } else if says("refund") || says("erstattet") {
        CancelReason::Refunded
    } else if says("exchange") || says("umgetauscht") {
        CancelReason::Exchanged
    } else {
        CancelReason::Other
    }
}
