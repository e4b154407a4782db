//! A ticket for people: what it is, what it opens, and the codes that are presented for it.

use super::Drawing;
use crate::client::Client;
use crate::error::CliError;
use crate::files;
use crate::shell::Shell;
use crate::values::{local, word};
use std::str::FromStr;
use usher_core::app::words;
use usher_domain::api::access::Device;
use usher_domain::api::tickets::{MediumKind, MediumStanding, Ticket, TicketMedium};
use usher_domain::api::venue::{Event, Session};
use usher_domain::code::TicketCodeText;
use usher_domain::code::strength::{STRONG_BITS, bits_alone};
use usher_domain::ids::DeviceId;
use usher_domain::problem::Code;
use usher_domain::secret::Private;
use usher_domain::table::rows::TicketState;

/// Which medium of a ticket is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one of this number, counted from 1.
    Number(usize),
    /// The first of this kind that opens the ticket.
    Kind(MediumKind),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("signed", _) => Ok(Self::Kind(MediumKind::Signed)),
            ("barcode", _) => Ok(Self::Kind(MediumKind::Barcode)),
            (_, Ok(number)) if number > 0 => Ok(Self::Number(number)),
            _ => Err("one of: signed, barcode, or a number of ticket show".to_owned()),
        }
    }
}

/// A state in words.
pub(in crate::command) fn state(state: TicketState) -> String {
    match state {
        TicketState::Cancelled(reason) => format!("cancelled: {}", words::cancelled(reason)),
        TicketState::Valid => "valid".to_owned(),
        TicketState::Blocked => "held back".to_owned(),
    }
}

/// Shows a ticket with the names of its event and its sessions.
///
/// # Errors
/// [`CliError`].
pub(super) async fn show(
    shell: &mut Shell,
    client: &Client,
    event: &str,
    ticket: &Ticket,
) -> Result<(), CliError> {
    let all: Vec<Session> = client.list(&["events", event, "sessions"]).await?;
    let event: Event = client.get(&["events", event]).await?;
    let home = match ticket.home {
        Some(home) => Some(device_named(client, home).await?),
        None => None,
    };
    shell.output.show(ticket, |page| {
        page.line(format_args!("Ticket {}", ticket.id));
        page.field("event", format_args!("{} ({})", event.name, event.slug));
        for session in all.iter().filter(|one| ticket.sessions.contains(&one.slug)) {
            let doors = local(session.doors, &event.time_zone);
            let told = format_args!("{} ({}), {doors}", session.name, session.slug);
            page.field("session", told);
        }
        for session in all
            .iter()
            .filter(|one| ticket.left_inside.contains(&one.slug))
        {
            let told = format_args!(
                "{} ({}): its holder came in there and was not seen leaving",
                session.name, session.slug
            );
            page.field("still inside", told);
        }
        page.field("type", &ticket.kind);
        page.field("state", state(ticket.state));
        page.field("issue", ticket.issue);
        page.field("channel", &ticket.channel);
        let time = |at| local(at, &event.time_zone);
        let optional = [
            ("why", ticket.explanation.clone()),
            ("restored because", ticket.restored.clone()),
            ("number", ticket.external.clone()),
            ("order", ticket.order.as_ref().map(revealed)),
            ("holder", ticket.holder.as_ref().map(revealed)),
            ("seat", ticket.seat.clone()),
            ("valid from", ticket.valid_from.map(time)),
            ("valid until", ticket.valid_until.map(time)),
            ("instruction", ticket.instruction.clone()),
            ("zone", ticket.zone.clone()),
            ("entries", ticket.entries.map(|count| count.to_string())),
            ("home device", home),
        ];
        for (label, value) in optional {
            if let Some(value) = value {
                page.field(label, value);
            }
        }
        for (number, medium) in (1..).zip(&ticket.media) {
            page.field(&format!("medium {number}"), said(medium));
        }
    })?;
    Ok(())
}

/// Name and id of a device; only the id, where this token may not list devices.
async fn device_named(client: &Client, id: DeviceId) -> Result<String, CliError> {
    let known = match client.list::<Device>(&["devices"]).await {
        Ok(known) => known,
        Err(CliError::Server(problem)) if problem.code == Code::Forbidden => Vec::new(),
        Err(error) => return Err(error),
    };
    let named = known.into_iter().find(|device| device.id == id);
    Ok(named.map_or_else(
        || id.to_string(),
        |device| format!("{} ({id})", device.name),
    ))
}

/// Says of barcodes that are easily guessed what that means. Only the company of all of a shop's barcodes
/// says more, as an import does.
///
/// # Errors
/// [`CliError`] if it cannot be written.
pub(super) fn warn_of_weak(shell: &mut Shell, media: &[Private]) -> Result<(), CliError> {
    let texts = media
        .iter()
        .filter_map(|one| TicketCodeText::new(one.reveal()).ok());
    let weak = texts.filter(|text| bits_alone(text) < STRONG_BITS).count();
    if weak > 0 {
        shell.output.note(format_args!(
            "Warning: {weak} of {} barcodes have less than {STRONG_BITS} bits of entropy: they could be guessed or forged, and names cannot be protected by them.",
            media.len()
        ))?;
    }
    Ok(())
}

fn revealed(text: &Private) -> String {
    text.reveal().to_owned()
}

/// A medium in words, with its text where that may be seen.
fn said(medium: &TicketMedium) -> String {
    let standing = match medium.standing {
        MediumStanding::Current => "",
        MediumStanding::Former => ", replaced: refused",
    };
    let code = medium.code.as_ref();
    let code = code.map(|code| format!("  {}", code.reveal()));
    format!(
        "{}{standing}{}",
        word(&medium.kind),
        code.unwrap_or_default()
    )
}

/// Draws a medium of a ticket; with none named the one that its holder got first.
///
/// # Errors
/// [`CliError`].
pub(super) fn draw(
    shell: &mut Shell,
    ticket: &Ticket,
    which: Option<Which>,
    drawing: &Drawing,
) -> Result<(), CliError> {
    let code = code_of(ticket, which)?;
    match &drawing.out {
        Some(file) => {
            let caption = ticket.external.as_deref().unwrap_or_default();
            files::create_private(file, &drawing.png(code, caption)?)?;
            shell
                .output
                .show(&serde_json::json!({ "file": file }), |page| {
                    page.line(format_args!("Drawn in {}", file.display()));
                })?;
        }
        None => {
            let drawn = drawing.terminal(code)?;
            shell
                .output
                .show(&serde_json::json!({ "code": code }), |page| {
                    page.block(&drawn)
                })?;
        }
    }
    Ok(())
}

/// The text of the medium that is meant.
fn code_of(ticket: &Ticket, which: Option<Which>) -> Result<&str, CliError> {
    let code = match which {
        None => &ticket.code,
        Some(Which::Number(number)) => {
            &number
                .checked_sub(1)
                .and_then(|place| ticket.media.get(place))
                .ok_or_else(|| CliError::Invalid(format!("the ticket has no medium {number}")))?
                .code
        }
        Some(Which::Kind(kind)) => {
            let current = |one: &&TicketMedium| one.standing == MediumStanding::Current;
            let mut media = ticket.media.iter().filter(current);
            let found = media.find(|one| one.kind == kind);
            &found
                .ok_or(CliError::Missing(match kind {
                    MediumKind::Signed => {
                        "the ticket has no signed code: usher ticket reissue makes one"
                    }
                    MediumKind::Barcode => "the ticket has no barcode",
                }))?
                .code
        }
    };
    code.as_ref().map(Private::reveal).ok_or(CliError::Missing(
        "the server does not show this ticket's code to this token",
    ))
}
