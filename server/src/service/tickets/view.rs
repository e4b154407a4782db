//! Tickets as the organizer and the seller see them.

use super::desk::Desk;
use super::left;
use super::stored::{Loaded, Medium, Standing};
use crate::service::error::{Error, Result};
use crate::service::things;
use crate::storage::Transaction;
use jiff::Timestamp;
use usher_domain::api::access::TokenRole;
use usher_domain::api::tickets::{MediumKind, MediumStanding, Ticket, TicketMedium};
use usher_domain::api::venue::Zone;
use usher_domain::code::TicketCodeText;
use usher_domain::ids::{OrganizerId, ZoneId};
use usher_domain::secret::Private;

/// Whether a role sees names and codes, and may look for tickets by them.
pub(crate) fn sees_codes(role: TokenRole) -> bool {
    role >= TokenRole::Sales
}

/// A ticket as far as `role` may see it: a viewer sees neither names nor codes.
pub(crate) fn describe(
    txn: &dyn Transaction,
    desk: &Desk,
    ticket: &Loaded,
    role: TokenRole,
) -> Result<Ticket> {
    let may_see = sees_codes(role);
    let private = |value: &Option<Private>| value.clone().filter(|_| may_see);
    let body = &ticket.body;
    let kind = desk
        .types()
        .iter()
        .find(|kind| kind.number == body.type_number);
    let kind = match kind {
        Some(kind) => kind.slug.clone(),
        None => crate::service::types::of_number(txn, ticket.event, body.type_number)?.slug,
    };
    Ok(Ticket {
        id: ticket.id,
        kind,
        access: body.access,
        state: body.state,
        explanation: body.explanation.clone(),
        restored: body.restored.clone(),
        issue: body.issue,
        revision: body.revision,
        external: ticket.external.clone(),
        order: private(&body.order),
        channel: desk.channel_name(body.channel).to_owned(),
        holder: private(&body.holder),
        seat: body.seat.clone(),
        instruction: body.instruction.clone(),
        zone: body
            .zone
            .map(|zone| zone_slug(txn, desk.organizer, zone))
            .transpose()?,
        entries: body.entries,
        home: body.home,
        sessions: desk.slugs_of(&body.sessions),
        left_inside: desk.slugs_of(&left::inside(txn, desk, ticket)?),
        valid_from: body.valid_from.map(moment).transpose()?,
        valid_until: body.valid_until.map(moment).transpose()?,
        code: ticket.code(&desk.code_key).map(shown).filter(|_| may_see),
        media: media(desk, ticket, may_see),
    })
}

/// The slug of a zone, or its id if it is not there (any more) or is none of the organizer's, which a row
/// that was handed back may name.
fn zone_slug(txn: &dyn Transaction, organizer: OrganizerId, zone: ZoneId) -> Result<String> {
    match things::get_of::<Zone>(txn, organizer, zone.as_bytes()) {
        Ok(zone) => Ok(zone.value.slug),
        Err(Error::NotFound(_)) => Ok(zone.to_string()),
        Err(error) => Err(error),
    }
}

fn moment(seconds: u32) -> Result<Timestamp> {
    Timestamp::from_second(i64::from(seconds))
        .map_err(|_| Error::Internal("a time is out of range"))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is map's")]
fn shown(code: TicketCodeText) -> Private {
    Private::new(code.reveal())
}

/// Everything that is or was presented: the signed code, then barcodes, those that open it first.
fn media(desk: &Desk, ticket: &Loaded, with_codes: bool) -> Vec<TicketMedium> {
    let signed = ticket.has_signed_code().then(|| TicketMedium {
        kind: MediumKind::Signed,
        standing: MediumStanding::Current,
        code: Some(shown(ticket.signed_code(&desk.code_key))),
    });
    let barcodes = |standing| {
        let of_standing = move |medium: &&Medium| medium.standing == standing;
        let told = move |medium: &Medium| TicketMedium {
            kind: MediumKind::Barcode,
            standing: match standing {
                Standing::Current => MediumStanding::Current,
                Standing::Former => MediumStanding::Former,
            },
            code: medium.text().map(shown),
        };
        ticket.body.media.iter().filter(of_standing).map(told)
    };
    let all = signed
        .into_iter()
        .chain(barcodes(Standing::Current))
        .chain(barcodes(Standing::Former));
    all.map(|medium| TicketMedium {
        code: medium.code.filter(|_| with_codes),
        ..medium
    })
    .collect()
}
