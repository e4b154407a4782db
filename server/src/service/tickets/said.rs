//! What the last import said of a ticket: the base against which the next one is compared, so that what was
//! said here since is told from what the seller changed.

use super::stored::{Body, Standing};
use minicbor::{Decode, Encode};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::table::rows::{CancelReason, TicketState};

/// Former lines of a ticket that are known again, the latest ones.
const EARLIER_MAX: usize = 8;

/// A short hash of something a list said. It is compared and never read back, so that no name or code stands
/// in the database a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Mark(#[n(0)] u64);

impl Mark {
    /// The mark of a value.
    pub(crate) fn of<T: Encode<()>>(value: &T) -> Self {
        Self::of_hash(&Hash::of(&[&cbor::encode(value)]))
    }

    /// The mark of what has a hash already.
    pub(crate) fn of_hash(hash: &Hash) -> Self {
        let first = hash.as_bytes().first_chunk::<8>();
        Self(first.map_or(0, |bytes| u64::from_be_bytes(*bytes)))
    }

    /// The mark of a detail that is not there.
    pub(crate) fn nothing() -> Self {
        Self::of(&None::<u8>)
    }
}

/// A detail of a ticket that lists tell, by its place in [`Said::details`]. New ones are added at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Type,
    Entrance,
    Channel,
    Media,
    ValidFrom,
    ValidUntil,
    Order,
    Holder,
    Zone,
    Seat,
    Instruction,
    Entries,
}

/// What the last import said of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Said {
    /// The list that told of it: kind of files, sales channel, shop.
    #[n(0)]
    pub(crate) source: Mark,
    /// Whether the ticket may enter.
    #[n(1)]
    pub(crate) state: TicketState,
    /// Everything else, in the order of [`Detail`].
    #[n(2)]
    pub(crate) details: Vec<Mark>,
    /// Whether somebody refused the ticket here, whatever lists said of it afterwards.
    #[n(3)]
    pub(crate) refused_here: bool,
    /// Lines before the last one.
    #[n(4)]
    pub(crate) earlier: Vec<Mark>,
}

impl Said {
    /// What a line says that was never changed here.
    pub(crate) fn by(source: Mark, line: &Body) -> Self {
        Self {
            source,
            state: line.state,
            details: details(line),
            refused_here: false,
            earlier: Vec::new(),
        }
    }

    /// What it says of a detail; none if the program that wrote it did not know the detail.
    pub(crate) fn detail(&self, detail: Detail) -> Option<Mark> {
        self.details.get(detail as usize).copied()
    }

    /// Takes over the lines known before, and the last one of them.
    pub(crate) fn follow(&mut self, before: Option<&Self>, last: Option<&Hash>) {
        self.earlier = before.map_or_else(Vec::new, |before| before.earlier.clone());
        if let Some(last) = last {
            let last = Mark::of_hash(last);
            self.earlier.retain(|line| *line != last);
            self.earlier.push(last);
        }
        let surplus = self.earlier.len().saturating_sub(EARLIER_MAX);
        self.earlier.drain(..surplus);
    }
}

/// The marks of all details, in the order of [`Detail`].
fn details(body: &Body) -> Vec<Mark> {
    let mut media: Vec<_> = body
        .media
        .iter()
        .filter(|medium| medium.standing == Standing::Current)
        .map(|medium| medium.key)
        .collect();
    media.sort_unstable();
    vec![
        Mark::of(&body.type_number),
        Mark::of(&(&body.sessions, body.access)),
        Mark::of(&body.channel),
        Mark::of(&media),
        Mark::of(&body.valid_from),
        Mark::of(&body.valid_until),
        Mark::of(&body.order),
        Mark::of(&body.holder),
        Mark::of(&body.zone),
        Mark::of(&body.seat),
        Mark::of(&body.instruction),
        Mark::of(&body.entries),
    ]
}

/// What the last import said of a ticket that an older program stored, if it can be told: its hash is that of
/// the ticket as it is, perhaps in another state.
pub(crate) fn of_older_program(source: Mark, body: &Body) -> Option<Said> {
    use CancelReason::{ChargedBack, Exchanged, Other, Refunded};
    let request = body.request.as_ref()?;
    let mut line = as_line(body);
    let states = [TicketState::Valid, TicketState::Blocked]
        .into_iter()
        .chain([Other, Refunded, Exchanged, ChargedBack].map(TicketState::Cancelled));
    for state in states {
        line.state = state;
        if fingerprint(&line) == *request {
            return Some(Said::by(source, &line));
        }
    }
    None
}

/// A ticket without what only this server says of it.
fn as_line(body: &Body) -> Body {
    let mut line = body.clone();
    line.revision = 0;
    line.issue = usher_domain::numbers::IssueNumber::new(1);
    line.home = None;
    line.request = None;
    line.group = None;
    line.signed = None;
    line.said = None;
    line.left = None;
    line.explanation = None;
    line.images = None;
    line.restored = None;
    line.media
        .retain(|medium| medium.standing == Standing::Current);
    line
}

/// What a line says, to know the same line again. How hard its code is to guess depends on the other
/// lines and does not count.
pub(crate) fn fingerprint(line: &Body) -> Hash {
    let mut said = line.clone();
    for medium in &mut said.media {
        medium.bits = 0;
    }
    Hash::of(&[b"import", &cbor::encode(&said)])
}
