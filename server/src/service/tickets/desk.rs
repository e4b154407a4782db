//! What every change of a ticket needs, read once: the event, its types and zones, and the code key.

use super::dated::{self, Dated};
use super::former;
use super::stored::{self, Body, Loaded, MEDIA_MAX, Medium, Standing};
use crate::keys::{self, KeyUse};
use crate::service::channels::SellerType;
use crate::service::devices::StoredDevice;
use crate::service::error::{Error, Result};
use crate::service::records::forbidden::{self, Revision};
use crate::service::{channels, events, places, server_log, tables, things};
use crate::storage::{StorageError, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::venue::{Event, Session, TicketType, Zone};
use usher_domain::code::{MAX_TEXT_BYTES, TicketCodeText};
use usher_domain::cose::SigningKey;
use usher_domain::ids::{OrganizerId, ScopeId, SessionId, ZoneId};
use usher_domain::numbers::AccessNumber;
use usher_domain::record::{Body as RecordBody, Link, Subject};
use usher_domain::secret::Private;
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// Where tickets of an event are made and changed, within one transaction.
pub(crate) struct Desk {
    pub(crate) organizer: OrganizerId,
    pub(crate) event: Event,
    pub(crate) code_key: SigningKey,
    pub(crate) now: UnixMillis,
    sessions: Vec<Session>,
    types: Vec<TicketType>,
    seller_types: Vec<SellerType>,
    zones: BTreeMap<String, ZoneId>,
    channels: Vec<String>,
    /// Scopes with records: only there can a medium be known before its ticket.
    used_scopes: BTreeMap<ScopeId, bool>,
}

impl Desk {
    /// Opens the desk of the event that a path names.
    pub(crate) fn open(
        txn: &dyn Transaction,
        organizer: OrganizerId,
        event: &str,
        now: UnixMillis,
    ) -> Result<Self> {
        let event = events::find(txn, organizer, event)?.value;
        let sessions = things::current::<Session>(txn, event.id.as_bytes())?;
        let types = things::current::<TicketType>(txn, event.id.as_bytes())?;
        Ok(Self {
            organizer,
            code_key: keys::load(txn, organizer, KeyUse::Code)?,
            now,
            sessions: sessions.into_iter().map(|session| session.value).collect(),
            types: types.into_iter().map(|kind| kind.value).collect(),
            seller_types: channels::seller_types(txn, event.id)?,
            zones: BTreeMap::new(),
            channels: channels::names(txn, event.id)?,
            used_scopes: BTreeMap::new(),
            event,
        })
    }

    /// All sessions of the event.
    pub(crate) fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The session that a request names, by slug or id.
    pub(crate) fn session_named(&self, name: &str) -> Result<SessionId> {
        let mut sessions = self.sessions.iter();
        sessions
            .find(|session| session.slug == name || session.id.to_string() == name)
            .map(|session| session.id)
            .ok_or(Error::NotFound("session"))
    }

    /// Slugs of sessions of the event.
    pub(crate) fn slugs_of(&self, sessions: &[SessionId]) -> Vec<String> {
        let named = self.sessions.iter();
        named
            .filter(|session| sessions.contains(&session.id))
            .map(|session| session.slug.clone())
            .collect()
    }

    /// All types of the event.
    pub(crate) fn types(&self) -> &[TicketType] {
        &self.types
    }

    /// Takes in a type that was just created.
    pub(crate) fn add_type(&mut self, kind: TicketType) {
        self.types.push(kind);
    }

    /// Which types the products of shops became.
    pub(crate) fn seller_types(&self) -> &[SellerType] {
        &self.seller_types
    }

    /// Remembers which type a product of a shop became.
    pub(crate) fn add_seller_type(
        &mut self,
        txn: &mut dyn Transaction,
        new: SellerType,
    ) -> Result<()> {
        self.seller_types.push(new);
        channels::put_seller_types(txn, self.event.id, &self.seller_types, self.now)
    }

    /// The type that a request names, by slug or number.
    pub(crate) fn kind(&self, name: &str) -> Result<&TicketType> {
        let named = self.types.iter().find(|kind| kind.slug == name);
        named
            .or_else(|| {
                let number = name.parse().ok()?;
                self.types.iter().find(|kind| kind.number == number)
            })
            .ok_or(Error::NotFound("ticket type"))
    }

    /// Sessions and access number of a ticket of this type.
    pub(crate) fn entrance(
        &self,
        kind: &TicketType,
        session: Option<&str>,
    ) -> Result<(Vec<SessionId>, AccessNumber)> {
        match (kind.access, session) {
            (Some(access), None) => Ok((kind.sessions.clone(), access)),
            (Some(_), Some(_)) => Err(Error::invalid("session", "a pass names no session")),
            (None, Some(name)) => {
                let session = self
                    .sessions
                    .iter()
                    .find(|session| session.slug == name || session.id.to_string() == name)
                    .ok_or(Error::NotFound("session"))?;
                Ok((vec![session.id], session.access))
            }
            (None, None) => match self.sessions.as_slice() {
                [only] => Ok((vec![only.id], only.access)),
                _ => Err(Error::invalid(
                    "session",
                    "needed: the event has several sessions and the type is no pass",
                )),
            },
        }
    }

    /// The zone that a request names.
    pub(crate) fn zone(&mut self, txn: &dyn Transaction, name: &str) -> Result<ZoneId> {
        if let Some(zone) = self.zones.get(name) {
            return Ok(*zone);
        }
        let zone = places::find_zone(txn, self.organizer, name)?;
        self.zones.insert(name.to_owned(), zone);
        Ok(zone)
    }

    /// The zone that a list names, by slug, id or name.
    pub(crate) fn zone_called(&mut self, txn: &dyn Transaction, name: &str) -> Result<ZoneId> {
        match self.zone(txn, name) {
            Err(Error::NotFound(_)) => {}
            other => return other,
        }
        let zones = things::current::<Zone>(txn, self.organizer.as_bytes())?;
        let zone = zones.iter().find(|zone| zone.value.name == name);
        let zone = zone.ok_or(Error::NotFound("zone"))?.value.id;
        self.zones.insert(name.to_owned(), zone);
        Ok(zone)
    }

    /// Has the sets of all sessions of the event signed anew: their terms changed.
    pub(crate) fn mark_sets(&self, txn: &mut dyn Transaction) -> Result<()> {
        for session in &self.sessions {
            txn.mark_dirty(TableId::Set(session.id))?;
        }
        Ok(())
    }

    /// The index of a sales channel.
    pub(crate) fn channel(&mut self, txn: &mut dyn Transaction, name: &str) -> Result<u8> {
        let known = self.channels.iter().position(|channel| channel == name);
        if let Some(index) = known.and_then(|index| u8::try_from(index).ok()) {
            return Ok(index);
        }
        let index = channels::index(txn, self.event.id, name, self.now)?;
        self.channels = channels::names(txn, self.event.id)?;
        Ok(index)
    }

    /// The name of a sales channel.
    pub(crate) fn channel_name(&self, index: u8) -> &str {
        let name = self.channels.get(usize::from(index));
        name.map_or("", String::as_str)
    }

    /// Reads the text of a medium.
    pub(crate) fn medium_text(code: &Private) -> Result<TicketCodeText> {
        TicketCodeText::new(code.reveal()).map_err(|_| {
            let why = format!(
                "a barcode is a text of {MAX_TEXT_BYTES} bytes at most, without control characters"
            );
            Error::invalid("media", why)
        })
    }

    /// Adds a current medium; the same again changes nothing.
    pub(crate) fn attach(ticket: &mut Loaded, medium: Medium) -> Result<()> {
        let known = ticket
            .body
            .media
            .iter()
            .find(|known| known.key == medium.key);
        match known.map(|known| known.standing) {
            Some(Standing::Current) => Ok(()),
            Some(Standing::Former) => Err(Error::Conflict(
                "this barcode was replaced: it stays refused for ever",
            )),
            None if ticket.current().count() >= MEDIA_MAX => Err(Error::invalid(
                "media",
                format!("a ticket has {MEDIA_MAX} media at most"),
            )),
            None => {
                ticket.body.signed = Some(ticket.has_signed_code());
                ticket.body.media.push(medium);
                Ok(())
            }
        }
    }

    /// Stores a ticket with its next revision: itself, its media, its images in all its sessions, and
    /// links for media that gates have seen before.
    pub(crate) fn store(&mut self, txn: &mut dyn Transaction, ticket: &mut Loaded) -> Result<()> {
        ticket.body.revision = tables::after_revision(ticket.body.revision)?;
        let taken = |word: Error| {
            move |error| {
                if matches!(error, StorageError::Taken { .. }) {
                    word
                } else {
                    Error::Storage(error)
                }
            }
        };
        let before = stored::before(txn, ticket)?;
        dated::note(&mut ticket.body, before.as_ref(), Dated::Now(self.now));
        let revisions = self.revisions(txn, ticket, before.as_ref())?;
        if let Some(before) = &before {
            former::remember(txn, before, ticket)?;
        }
        txn.put_ticket(&ticket.stored())
            .map_err(taken(Error::AlreadyExists {
                what: "ticket",
                by: "number",
            }))?;
        for medium in &ticket.body.media {
            txn.put_medium(ticket.event, &medium.key, ticket.id)
                .map_err(taken(Error::Conflict(
                    "this barcode belongs to another ticket",
                )))?;
        }
        let directory = ticket.directory_row();
        for session in ticket.body.imaged_in() {
            let row = ticket.row(self.organizer, session, &self.code_key)?;
            tables::put(txn, TableId::Set(session), &row)?;
            tables::put(txn, TableId::Directory(session), &directory)?;
        }
        self.link(txn, ticket)?;
        for revision in revisions {
            revision.tell(txn, self.now)?;
        }
        Ok(())
    }

    /// What is told of a ticket's admissions, in each scope in which this change may make it something else.
    fn revisions(
        &mut self,
        txn: &dyn Transaction,
        ticket: &Loaded,
        before: Option<&Body>,
    ) -> Result<Vec<Revision>> {
        if before.is_none_or(|before| before.images == ticket.body.images) {
            return Ok(Vec::new());
        }
        let mut by_scope: BTreeMap<ScopeId, SessionId> = BTreeMap::new();
        for session in &self.sessions {
            if ticket.body.imaged_in().any(|id| id == session.id) {
                by_scope.insert(session.scope, session.id);
            }
        }
        let mut revisions = Vec::new();
        for (scope, session) in by_scope {
            if self.is_used(txn, scope)?
                && forbidden::is_any_later(txn, scope, ticket.id, self.now)?
            {
                revisions.push(Revision::of(txn, self.organizer, session, ticket.id)?);
            }
        }
        Ok(revisions)
    }

    /// Says whose the media are that gates have seen before they knew.
    fn link(&mut self, txn: &mut dyn Transaction, ticket: &Loaded) -> Result<()> {
        for scope in self.scopes_of(ticket) {
            if self.is_used(txn, scope)? {
                self.link_in(txn, ticket, scope)?;
            }
        }
        Ok(())
    }

    fn link_in(&self, txn: &mut dyn Transaction, ticket: &Loaded, scope: ScopeId) -> Result<()> {
        let mut links = Vec::new();
        for medium in &ticket.body.media {
            let Some(identity) = medium.identity(self.organizer) else {
                continue;
            };
            if !txn
                .records_about(scope, Some(&Subject::Medium(identity)))?
                .is_empty()
            {
                links.push(Link {
                    identity,
                    ticket: ticket.id,
                });
            }
        }
        if links.is_empty() {
            return Ok(());
        }
        // A link that was said stays said.
        let said = txn.records_about(scope, None)?;
        links.retain(|link| {
            !said.iter().any(|record| {
                usher_domain::cbor::decode::<usher_domain::record::Record>(&record.bytes)
                    .is_ok_and(|record| record.body == RecordBody::Link(link.clone()))
            })
        });
        let links = links.into_iter().map(RecordBody::Link).collect();
        server_log::append(txn, self.organizer, scope, links, self.now).map(drop)
    }

    /// The scopes of a ticket's sessions: one, unless it is refused at every session of the event.
    fn scopes_of(&self, ticket: &Loaded) -> BTreeSet<ScopeId> {
        let own = self.sessions.iter();
        own.filter(|session| ticket.body.sessions.contains(&session.id))
            .map(|session| session.scope)
            .collect()
    }

    fn is_used(&mut self, txn: &dyn Transaction, scope: ScopeId) -> Result<bool> {
        if let Some(used) = self.used_scopes.get(&scope) {
            return Ok(*used);
        }
        let used = txn.feed_end(scope)? > 0;
        self.used_scopes.insert(scope, used);
        Ok(used)
    }
}

/// Checks that a home device is one of the organizer's.
pub(crate) fn check_home(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    home: usher_domain::ids::DeviceId,
) -> Result<()> {
    things::get_of::<StoredDevice>(txn, organizer, home.as_bytes()).map(drop)
}
