//! A ticket as a shop describes it.

use super::report::Place;
use std::collections::HashSet;
use std::sync::Arc;
use usher_domain::code::TicketCodeText;
use usher_domain::secret::Private;

/// A text that many tickets share (a type, a zone): stored once.
pub type Text = Arc<str>;

/// One ticket of another seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedTicket {
    /// Where it stands in the input.
    pub place: Place,
    /// What its barcode says. Only a cancelled ticket may lack it: then `external` names the ticket.
    pub code: Option<TicketCodeText>,
    /// How hard the code is to guess, judged with the whole list: bits of entropy, 0 without a code.
    pub bits: u32,
    /// The seller's own lasting number of this ticket, so that importing twice changes nothing.
    pub external: Option<Box<str>>,
    /// The seller's order number.
    pub order: Option<Box<str>>,
    /// The name of its type, with the variation.
    pub type_name: Text,
    /// The seller's number of the type (pretix: `item` or `item/variation`).
    pub type_id: Option<Text>,
    /// Whose it is.
    pub holder: Option<Private>,
    /// Seat.
    pub seat: Option<Box<str>>,
    /// Zone.
    pub zone: Option<Text>,
    /// Whether it may enter.
    pub state: State,
    /// Not valid before (unix seconds).
    pub valid_from: Option<i64>,
    /// Not valid at or after (unix seconds).
    pub valid_until: Option<i64>,
    /// How often it may enter.
    pub entries: Option<u32>,
    /// How many people the line stands for, if it says so and has one barcode for them all.
    pub quantity: Option<u16>,
    /// What the staff must do or say before admitting.
    pub instruction: Option<Text>,
    /// The seller's name or number of the session it is for.
    pub session: Option<Text>,
    /// Other sessions of the same ticket, where it stands as one line for each.
    pub other_sessions: Vec<Text>,
    /// The sales channel.
    pub channel: Option<Text>,
    /// Whether it was let in before at the shop's own scanners.
    pub used: Used,
}

/// Whether a ticket was let in before at the shop's own scanners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Used {
    /// It was not, or the shop does not tell.
    #[default]
    Never,
    /// It was, and its holder was not seen leaving.
    Before,
}

/// Whether a ticket may enter, as its seller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It may.
    Valid,
    /// Not yet paid or approved.
    Pending,
    /// Blocked for a time.
    Blocked {
        /// Why, for the staff.
        reason: Text,
    },
    /// No longer valid.
    Cancelled {
        /// Why, for the staff.
        reason: Text,
    },
}

impl State {
    /// How strictly it keeps people out.
    pub(super) const fn severity(&self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Pending => 1,
            Self::Blocked { .. } => 2,
            Self::Cancelled { .. } => 3,
        }
    }
}

/// Gives out one copy of each text.
#[derive(Default)]
pub(super) struct Shared(HashSet<Text>);

impl Shared {
    pub(super) fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.0.get(text) {
            return Text::clone(known);
        }
        let new = Text::from(text);
        self.0.insert(Text::clone(&new));
        new
    }
}
