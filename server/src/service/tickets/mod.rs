//! Tickets, as sales systems create and change them.
//!
//! A ticket is stored once; for each of its sessions an image of it waits in the ticket set and in the
//! directory. All of them change in one transaction with one revision.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod dated;
pub(crate) mod desk;
mod former;
pub(crate) mod hand_back;
mod left;
mod list;
pub(crate) mod said;
pub(crate) mod stored;
pub(crate) mod view;

pub(crate) use former::{Entitlement, entitlements};
pub use list::TICKETS_PAGE_MAX;

use super::Service;
use super::error::{Error, Result};
use crate::storage::{Space, Transaction};
use desk::Desk;
use minicbor::{Decode, Encode};
use usher_domain::api::Page;
use usher_domain::api::access::TokenRole;
use usher_domain::api::tickets::{NewTicket, Ticket, TicketChange, TicketQuery};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{OrganizerId, TicketId};
use usher_domain::time::UnixMillis;

/// Characters of an idempotency key at most.
const KEY_CHARS_MAX: usize = 200;

/// What an idempotency key was used for. The answer is the ticket as it is now: no code or name is kept
/// a second time.
#[derive(Encode, Decode)]
struct Done {
    #[n(0)]
    request: Hash,
    #[n(1)]
    ticket: TicketId,
}

/// A request that is safe to repeat.
pub(crate) struct Repeatable {
    place: Vec<u8>,
    request: Hash,
}

impl Repeatable {
    fn new<T: serde::Serialize>(
        organizer: OrganizerId,
        key: Option<String>,
        what: &[&str],
        request: &T,
    ) -> Result<(Option<Self>, Hash)> {
        let json = serde_json::to_vec(request)
            .map_err(|_| Error::Internal("a request cannot be written"))?;
        let named = what.join("\n");
        let request = Hash::of(&[named.as_bytes(), b"\n", &json]);
        let Some(key) = key else {
            return Ok((None, request));
        };
        if key.is_empty() || key.len() > KEY_CHARS_MAX {
            let why = format!("1 to {KEY_CHARS_MAX} bytes");
            return Err(Error::invalid("idempotency-key", why));
        }
        let place = [organizer.as_bytes().as_slice(), key.as_bytes()].concat();
        Ok((Some(Self { place, request }), request))
    }

    /// The ticket of the same request before.
    fn done_before(&self, txn: &dyn Transaction) -> Result<Option<TicketId>> {
        let Some(bytes) = txn.value(Space::Idempotency, &self.place)? else {
            return Ok(None);
        };
        let done: Done =
            cbor::decode(&bytes).map_err(|_| Error::Internal("a stored answer is not readable"))?;
        if done.request == self.request {
            Ok(Some(done.ticket))
        } else {
            Err(Error::IdempotencyMismatch)
        }
    }

    fn remember(
        &self,
        txn: &mut dyn Transaction,
        ticket: TicketId,
        life_ms: u64,
        now: UnixMillis,
    ) -> Result<()> {
        let done = Done {
            request: self.request,
            ticket,
        };
        txn.put_value(Space::Idempotency, &self.place, &cbor::encode(&done), now)?;
        let life = i64::try_from(life_ms).unwrap_or(i64::MAX);
        txn.forget_values(Space::Idempotency, now.shifted(-life))?;
        Ok(())
    }
}

/// Does `work` once for each idempotency key and describes the ticket.
fn once(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    repeatable: Option<&Repeatable>,
    life_ms: u64,
    work: impl FnOnce(&mut dyn Transaction, &mut Desk) -> Result<TicketId>,
) -> Result<Ticket> {
    let before = match repeatable {
        Some(repeatable) => repeatable.done_before(txn)?,
        None => None,
    };
    let ticket = match before {
        Some(ticket) => ticket,
        None => {
            let ticket = work(txn, desk)?;
            if let Some(repeatable) = repeatable {
                repeatable.remember(txn, ticket, life_ms, desk.now)?;
            }
            ticket
        }
    };
    view::describe(
        txn,
        desk,
        &stored::load(txn, desk.event.id, ticket)?,
        TokenRole::Sales,
    )
}

impl Service {
    /// Creates a ticket. The same again, by the seller's number or by idempotency key, answers with the
    /// ticket that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the seller's number has another content, [`Error::Conflict`] if a
    /// medium belongs to another ticket, [`Error::IdempotencyMismatch`], [`Error::Invalid`],
    /// [`Error::NotFound`].
    pub async fn create_ticket(
        &self,
        organizer: OrganizerId,
        event: String,
        new: NewTicket,
        idempotency_key: Option<String>,
    ) -> Result<Ticket> {
        let (repeatable, request) =
            Repeatable::new(organizer, idempotency_key, &["create", &event], &new)?;
        let life_ms = self.settings().idempotency_ms;
        self.write(move |txn, now| {
            let mut desk = Desk::open(txn, organizer, &event, now)?;
            once(txn, &mut desk, repeatable.as_ref(), life_ms, |txn, desk| {
                create::create(txn, desk, &new, request)
            })
        })
        .await
    }

    /// Changes a ticket, named by its id or its seller's number.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] if the change does not fit the ticket's state or a medium
    /// belongs to another ticket, [`Error::IdempotencyMismatch`], [`Error::Invalid`].
    pub async fn change_ticket(
        &self,
        organizer: OrganizerId,
        event: String,
        ticket: String,
        what: TicketChange,
        idempotency_key: Option<String>,
    ) -> Result<Ticket> {
        let (repeatable, _) = Repeatable::new(
            organizer,
            idempotency_key,
            &["change", &event, &ticket],
            &what,
        )?;
        let life_ms = self.settings().idempotency_ms;
        self.write(move |txn, now| {
            let mut desk = Desk::open(txn, organizer, &event, now)?;
            once(txn, &mut desk, repeatable.as_ref(), life_ms, |txn, desk| {
                change::change(txn, desk, &ticket, &what)
            })
        })
        .await
    }

    /// A ticket, named by its id or its seller's number, as far as `role` may see it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn ticket(
        &self,
        organizer: OrganizerId,
        event: String,
        ticket: String,
        role: TokenRole,
    ) -> Result<Ticket> {
        let now = self.now();
        self.read(move |txn| {
            let desk = Desk::open(txn, organizer, &event, now)?;
            let found = stored::find(txn, desk.organizer, desk.event.id, &ticket, role)?;
            view::describe(txn, &desk, &found, role)
        })
        .await
    }

    /// Tickets of an event that `query` asks for, by id, as far as `role` may see them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn tickets(
        &self,
        organizer: OrganizerId,
        event: String,
        query: TicketQuery,
        role: TokenRole,
    ) -> Result<Page<Ticket>> {
        let now = self.now();
        self.read(move |txn| {
            let desk = Desk::open(txn, organizer, &event, now)?;
            list::page(txn, &desk, &query, role)
        })
        .await
    }
}
