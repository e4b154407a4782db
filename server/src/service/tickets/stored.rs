//! A ticket as stored, and its images in ticket sets and directories.

use super::dated::Image;
use super::said::Said;
use super::view;
use crate::service::error::{Error, Result};
use crate::service::things::{self, NAME_BYTES_MAX};
use crate::storage::{StoredTicket, Transaction};
use minicbor::{Decode, Encode};
use usher_domain::api::access::TokenRole;
use usher_domain::cbor;
use usher_domain::code::strength::STRONG_BITS;
use usher_domain::code::{Identity, MediumKey, TicketCode, TicketCodeText, usher};
use usher_domain::cose::SigningKey;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, EventId, OrderId, OrganizerId, SessionId, TicketId, ZoneId};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::seal::{Holder, seal};
use usher_domain::secret::Private;
use usher_domain::table::rows::{CancelReason, DirectoryRow, TicketRow, TicketState};

/// Current media of one ticket at most.
pub(crate) const MEDIA_MAX: usize = 8;
/// Former media that a row lists, the latest ones; older ones stay with the ticket in the database.
const FORMER_IN_ROW_MAX: usize = 64;

/// Whether a medium still opens its ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Standing {
    /// It does.
    #[n(0)]
    Current,
    /// It was replaced.
    #[n(1)]
    Former,
}

/// An opaque medium of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Medium {
    #[n(0)]
    pub(crate) key: MediumKey,
    #[n(1)]
    pub(crate) standing: Standing,
    /// Bits of entropy as estimated.
    #[n(2)]
    pub(crate) bits: u32,
    /// Its code; unknown where only a row that a device handed back tells of the medium.
    #[n(3)]
    pub(crate) code: Option<Private>,
}

impl Medium {
    /// A current medium.
    pub(crate) fn new(organizer: OrganizerId, code: &TicketCodeText, bits: u32) -> Self {
        Self {
            key: Identity::of(organizer, code).medium_key(),
            standing: Standing::Current,
            bits,
            code: Some(Private::new(code.reveal())),
        }
    }

    /// Its text, if it is known.
    pub(crate) fn text(&self) -> Option<TicketCodeText> {
        TicketCodeText::new(self.code.as_ref()?.reveal()).ok()
    }

    /// Its identity, if its text is known.
    pub(crate) fn identity(&self, organizer: OrganizerId) -> Option<Identity> {
        self.text().map(|text| Identity::of(organizer, &text))
    }
}

/// Everything about a ticket but its id, event and seller's number.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Body {
    #[n(0)]
    pub(crate) revision: u64,
    #[n(1)]
    pub(crate) type_number: TypeNumber,
    #[n(2)]
    pub(crate) access: AccessNumber,
    #[n(3)]
    pub(crate) sessions: Vec<SessionId>,
    #[n(4)]
    pub(crate) state: TicketState,
    #[n(5)]
    pub(crate) issue: IssueNumber,
    #[n(6)]
    pub(crate) channel: u8,
    #[n(7)]
    pub(crate) media: Vec<Medium>,
    #[n(8)]
    pub(crate) valid_from: Option<u32>,
    #[n(9)]
    pub(crate) valid_until: Option<u32>,
    #[n(10)]
    pub(crate) order: Option<Private>,
    #[n(11)]
    pub(crate) holder: Option<Private>,
    #[n(12)]
    pub(crate) zone: Option<ZoneId>,
    #[n(13)]
    pub(crate) seat: Option<String>,
    #[n(14)]
    pub(crate) home: Option<DeviceId>,
    #[n(15)]
    pub(crate) instruction: Option<String>,
    #[n(16)]
    pub(crate) entries: Option<u16>,
    /// Hash of the request that created it, to know the same one again.
    #[n(17)]
    pub(crate) request: Option<Hash>,
    /// The order as a group, where only a row tells of it and not the seller's number.
    #[n(18)]
    pub(crate) group: Option<OrderId>,
    /// Whether its holder got a signed code of ours in this issue. Unknown of tickets that older programs
    /// stored: then those without a barcode did.
    #[n(19)]
    pub(crate) signed: Option<bool>,
    /// What the last import said of it; none of a ticket that no import told of, or only one of an older
    /// program.
    #[n(20)]
    pub(crate) said: Option<Said>,
    /// Sessions that it was for before it was moved; gates of them say where it is valid now.
    #[n(21)]
    pub(crate) left: Option<Vec<SessionId>>,
    /// Why it may not enter, in the seller's words.
    #[n(22)]
    pub(crate) explanation: Option<String>,
    /// Since when its images have counted ([`dated`](super::dated)): empty of one that was never changed,
    /// unknown of one that an older program stored.
    #[n(23)]
    pub(crate) images: Option<Vec<Image>>,
    /// Why it was let live again, in the words of who did it; none of a ticket that was not, or that was refused
    /// again since.
    #[n(24)]
    pub(crate) restored: Option<String>,
}

impl Body {
    /// A valid ticket of the first issue of which nothing else is known.
    pub(crate) const fn new(type_number: TypeNumber, access: AccessNumber, channel: u8) -> Self {
        Self {
            revision: 0,
            type_number,
            access,
            sessions: Vec::new(),
            state: TicketState::Valid,
            issue: IssueNumber::new(1),
            channel,
            media: Vec::new(),
            valid_from: None,
            valid_until: None,
            order: None,
            holder: None,
            zone: None,
            seat: None,
            home: None,
            instruction: None,
            entries: None,
            request: None,
            group: None,
            signed: None,
            said: None,
            left: None,
            explanation: None,
            images: None,
            restored: None,
        }
    }

    /// Whether its holder has a signed code of ours: barcodes and wristbands attached to it later open it
    /// beside the code.
    fn has_signed_code(&self) -> bool {
        let is_current = |medium: &Medium| medium.standing == Standing::Current;
        let has_barcode = || self.media.iter().any(is_current);
        self.signed.unwrap_or_else(|| !has_barcode())
    }

    /// Lets it be for these sessions, and says whether that is new. Those that it leaves keep an image of it.
    /// A signed code names the entrance that it opens, so there must be a new one.
    pub(crate) fn move_to(
        &mut self,
        sessions: Vec<SessionId>,
        access: AccessNumber,
    ) -> Result<bool> {
        if self.sessions == sessions && self.access == access {
            return Ok(false);
        }
        if self.has_signed_code() && self.access != access {
            self.issue = self
                .issue
                .next()
                .ok_or(Error::Conflict("the ticket has used up all its issues"))?;
        }
        let before = self.left.take().unwrap_or_default().into_iter();
        let mut left: Vec<SessionId> = before.chain(self.sessions.drain(..)).collect();
        left.retain(|session| !sessions.contains(session));
        left.sort_unstable();
        left.dedup();
        self.left = (!left.is_empty()).then_some(left);
        (self.sessions, self.access) = (sessions, access);
        Ok(true)
    }

    /// Sessions that have an image of it: those that it is for, and those that it was for.
    pub(crate) fn imaged_in(&self) -> impl Iterator<Item = SessionId> {
        let left = self.left.iter().flatten();
        self.sessions.iter().chain(left).copied()
    }

    /// Its state as a session sees it. Where it was moved away it is cancelled: its access number, which is
    /// not of that session, tells gates where it is valid.
    fn state_in(&self, session: SessionId) -> TicketState {
        match self.state {
            TicketState::Valid | TicketState::Blocked if !self.sessions.contains(&session) => {
                TicketState::Cancelled(CancelReason::Exchanged)
            }
            state @ (TicketState::Valid | TicketState::Blocked | TicketState::Cancelled(_)) => {
                state
            }
        }
    }

    /// Whether two images differ only in what imports said, and so in nothing that a gate knows.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let known = |body: &Self| Self {
            request: None,
            said: None,
            images: None,
            ..body.clone()
        };
        known(self) == known(other)
    }
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub(crate) id: TicketId,
    pub(crate) event: EventId,
    pub(crate) external: Option<String>,
    pub(crate) body: Body,
}

impl Loaded {
    fn read(stored: StoredTicket) -> Result<Self> {
        Ok(Self {
            id: stored.id,
            event: stored.event,
            body: cbor::decode(&stored.body)
                .map_err(|_| Error::Internal("a stored ticket is not readable"))?,
            external: stored.external,
        })
    }

    /// As storage takes it.
    pub(crate) fn stored(&self) -> StoredTicket {
        StoredTicket {
            id: self.id,
            event: self.event,
            external: self.external.clone(),
            body: cbor::encode(&self.body),
        }
    }

    /// Media that open it.
    pub(crate) fn current(&self) -> impl Iterator<Item = &Medium> {
        let media = self.body.media.iter();
        media.filter(|medium| medium.standing == Standing::Current)
    }

    /// Whether its holder has a signed code of ours.
    pub(crate) fn has_signed_code(&self) -> bool {
        self.body.has_signed_code()
    }

    /// The code to print or show: a signed code of ours, or the first barcode of a ticket that never had
    /// one.
    pub(crate) fn code(&self, key: &SigningKey) -> Option<TicketCodeText> {
        if self.has_signed_code() {
            return Some(self.signed_code(key));
        }
        self.current().next().and_then(Medium::text)
    }

    /// The signed code of ours for its valid issue.
    pub(crate) fn signed_code(&self, key: &SigningKey) -> TicketCodeText {
        let code = TicketCode {
            ticket: self.id,
            access: self.body.access,
            issue: self.body.issue,
            type_number: self.body.type_number,
            not_before: self.body.valid_from,
            not_after: self.body.valid_until,
        };
        usher::issue(&code, key)
    }

    /// The order as a group: derived from the seller's number, never the number itself.
    fn order_id(&self, organizer: OrganizerId) -> Option<OrderId> {
        let Some(order) = &self.body.order else {
            return self.body.group;
        };
        let parts = [
            b"usher/order/1".as_slice(),
            organizer.as_bytes(),
            self.event.as_bytes(),
            order.reveal().as_bytes(),
        ];
        let hash = Hash::of(&parts);
        let id = hash.as_bytes().first_chunk::<16>()?;
        Some(OrderId::from_bytes(*id))
    }

    /// Texts of all strong current media: what holder data are sealed with.
    fn sealing_codes(&self, key: &SigningKey) -> Vec<TicketCodeText> {
        let signed = self.has_signed_code().then(|| self.signed_code(key));
        let strong = self
            .current()
            .filter(|medium| medium.bits >= STRONG_BITS)
            .filter_map(Medium::text);
        signed.into_iter().chain(strong).collect()
    }

    /// Its image in the ticket set of a session.
    pub(crate) fn row(
        &self,
        organizer: OrganizerId,
        session: SessionId,
        key: &SigningKey,
    ) -> Result<TicketRow> {
        let body = &self.body;
        let current: Vec<MediumKey> = self.current().map(|medium| medium.key).collect();
        let former = body.media.iter().rev();
        let former = former.filter(|medium| medium.standing == Standing::Former);
        let sealed = match &body.holder {
            None => Vec::new(),
            Some(name) => {
                let holder = Holder {
                    name: name.clone(),
                    lines: Vec::new(),
                };
                self.sealing_codes(key)
                    .iter()
                    .map(|code| seal(code, session, self.id, &holder))
                    .collect::<std::result::Result<Vec<Vec<u8>>, _>>()
                    .map_err(|_| Error::too_long("the holder's name", NAME_BYTES_MAX as u64))?
            }
        };
        Ok(TicketRow {
            ticket: self.id,
            revision: body.revision,
            state: body.state_in(session),
            issue: body.issue,
            type_number: body.type_number,
            access: body.access,
            channel: body.channel,
            current: u8::try_from(current.len())
                .map_err(|_| Error::Internal("a ticket has too many media"))?,
            media: current
                .into_iter()
                .chain(former.take(FORMER_IN_ROW_MAX).map(|medium| medium.key))
                .collect(),
            valid_from: body.valid_from,
            valid_until: body.valid_until,
            order: self.order_id(organizer),
            zone: body.zone,
            seat: body.seat.clone(),
            home: body.home,
            instruction: body.instruction.clone(),
            entries: body.entries,
            explanation: body.explanation.clone(),
            sealed: (!sealed.is_empty()).then(|| sealed.into_iter().map(Into::into).collect()),
        })
    }

    /// Its image in the directory of a session.
    pub(crate) fn directory_row(&self) -> DirectoryRow {
        DirectoryRow {
            ticket: self.id,
            revision: self.body.revision,
            holder: self.body.holder.clone(),
            order: self.body.order.clone(),
        }
    }
}

/// The ticket of this id, if it is of this event: whose a ticket is, is judged here and by [`find`].
pub(crate) fn load(txn: &dyn Transaction, event: EventId, id: TicketId) -> Result<Loaded> {
    txn.ticket(id)?
        .filter(|stored| stored.event == event)
        .ok_or(Error::NotFound("ticket"))
        .and_then(Loaded::read)
}

/// What is stored of a ticket that is about to change; none of a new one, or of one that is damaged.
pub(crate) fn before(txn: &dyn Transaction, next: &Loaded) -> Result<Option<Body>> {
    match load(txn, next.event, next.id) {
        Ok(loaded) => Ok(Some(loaded.body)),
        Err(Error::NotFound(_) | Error::Internal(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Checks that a ticket's id is free, or names a ticket of this event.
pub(crate) fn check_free(txn: &dyn Transaction, event: EventId, id: TicketId) -> Result<()> {
    match txn.ticket(id)? {
        Some(held) if held.event != event => Err(Error::NotFound("ticket")),
        Some(_) | None => Ok(()),
    }
}

/// The ticket with this seller's number.
pub(crate) fn by_external(
    txn: &dyn Transaction,
    event: EventId,
    external: &str,
) -> Result<Option<Loaded>> {
    txn.ticket_by_external(event, external)?
        .map(Loaded::read)
        .transpose()
}

/// The ticket that a path names: by its id, its seller's number, or, for who may see codes, the barcode that
/// its holder shows. Whoever may not learns nothing by trying barcodes.
pub(crate) fn find(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    event: EventId,
    name: &str,
    role: TokenRole,
) -> Result<Loaded> {
    let of_event = |id| -> Result<Option<Loaded>> {
        txn.ticket(id)?
            .filter(|stored| stored.event == event)
            .map(Loaded::read)
            .transpose()
    };
    if let Some(id) = things::parse_id(name)
        && let Some(ticket) = of_event(TicketId::from_bytes(id))?
    {
        return Ok(ticket);
    }
    if let Some(ticket) = by_external(txn, event, name)? {
        return Ok(ticket);
    }
    if view::sees_codes(role)
        && let Ok(code) = TicketCodeText::new(name)
        && let medium = Identity::of(organizer, &code).medium_key()
        && let Some(owner) = txn.medium_owner(event, &medium)?
        && let Some(ticket) = of_event(owner)?
    {
        return Ok(ticket);
    }
    Err(Error::NotFound("ticket"))
}

/// Tickets of an event by id.
pub(crate) fn page(
    txn: &dyn Transaction,
    event: EventId,
    after: Option<TicketId>,
    limit: u32,
) -> Result<Vec<Loaded>> {
    txn.tickets(event, after, limit)?
        .into_iter()
        .map(Loaded::read)
        .collect()
}
