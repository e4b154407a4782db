//! A rehearsal of writing: what a job would write is kept in memory, over what a reader sees.
//!
//! It is made of a shared reference to a transaction, so nothing that runs on it can reach the database.

mod handed;

use super::{
    Belonging, Claims, Duty, Entity, Id, Kept, Kind, LogPlace, NewBatch, Pending, Records,
    Reservation, Result, Space, Stamped, StorageError, StoredIncident, StoredRecord, StoredRow,
    StoredTicket, TableHead, Tables, Things, Tickets, Transaction,
};
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use usher_domain::code::MediumKey;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::{
    AttemptId, DeviceId, EventId, OrganizerId, ScopeId, SessionId, TicketId, ZoneId,
};
use usher_domain::protocol::Head;
use usher_domain::record::{LogRef, Subject};
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;

/// A transaction whose writes go nowhere.
///
/// Things, values, tickets and media that were put are read back, and a name or a medium that is taken
/// is told, as a backend would. Rows of tables, records, incidents, reservations and duties that were put
/// are forgotten at once: reading those shows what the database holds.
pub struct Overlay<'a> {
    under: &'a dyn Transaction,
    entities: BTreeMap<Id, Entity>,
    values: HashMap<(Space, Vec<u8>), Vec<u8>>,
    tickets: BTreeMap<TicketId, StoredTicket>,
    numbers: HashMap<(EventId, String), TicketId>,
    media: HashMap<(EventId, MediumKey), TicketId>,
}

impl<'a> Overlay<'a> {
    /// Nothing written yet.
    pub fn new(under: &'a dyn Transaction) -> Self {
        Self {
            under,
            entities: BTreeMap::new(),
            values: HashMap::new(),
            tickets: BTreeMap::new(),
            numbers: HashMap::new(),
            media: HashMap::new(),
        }
    }
}

/// A page of two sorted lists; where both have an id, the one put later counts.
fn page<I: Ord + Copy, T>(
    under: Vec<T>,
    over: impl Iterator<Item = T>,
    id: impl Fn(&T) -> I,
    limit: u32,
) -> Vec<T> {
    let mut all: BTreeMap<I, T> = under.into_iter().map(|thing| (id(&thing), thing)).collect();
    all.extend(over.map(|thing| (id(&thing), thing)));
    all.into_values().take(limit as usize).collect()
}

impl Things for Overlay<'_> {
    fn entity(&self, kind: Kind, id: &Id) -> Result<Option<Entity>> {
        match self.entities.get(id) {
            Some(entity) => Ok((entity.kind == kind).then(|| entity.clone())),
            None => self.under.entity(kind, id),
        }
    }

    fn entity_named(&self, kind: Kind, parent: &Id, slug: &str) -> Result<Option<Entity>> {
        let own = self.entities.values().find(|entity| {
            entity.kind == kind && entity.parent == *parent && entity.slug.as_deref() == Some(slug)
        });
        if let Some(entity) = own {
            return Ok(Some(entity.clone()));
        }
        let under = self.under.entity_named(kind, parent, slug)?;
        // One that was put again here goes by another name now.
        Ok(under.filter(|entity| !self.entities.contains_key(&entity.id)))
    }

    fn entities(
        &self,
        kind: Kind,
        parent: &Id,
        after: Option<&Id>,
        limit: u32,
    ) -> Result<Vec<Entity>> {
        let under = self.under.entities(kind, parent, after, limit)?;
        let own = self.entities.values().filter(|entity| {
            entity.kind == kind
                && entity.parent == *parent
                && after.is_none_or(|after| entity.id > *after)
        });
        Ok(page(under, own.cloned(), |entity| entity.id, limit))
    }

    fn belonging(&self, id: &Id) -> Result<Option<Belonging>> {
        match self.entities.get(id) {
            Some(entity) => Ok(Some(Belonging {
                kind: entity.kind as u8,
                parent: entity.parent,
            })),
            None => self.under.belonging(id),
        }
    }

    fn put_entity(&mut self, entity: &Entity) -> Result<()> {
        let own = Belonging {
            kind: entity.kind as u8,
            parent: entity.parent,
        };
        if self.belonging(&entity.id)?.is_some_and(|held| held != own) {
            return Err(StorageError::OtherOwner {
                doing: "writing a thing",
            });
        }
        if let Some(slug) = &entity.slug
            && let Some(there) = self.entity_named(entity.kind, &entity.parent, slug)?
            && there.id != entity.id
        {
            return Err(StorageError::Taken {
                doing: "writing a thing",
            });
        }
        self.entities.insert(entity.id, entity.clone());
        Ok(())
    }

    fn value(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.values.get(&(space, key.to_vec())) {
            Some(value) => Ok(Some(value.clone())),
            None => self.under.value(space, key),
        }
    }

    fn put_value(&mut self, space: Space, key: &[u8], value: &[u8], _at: UnixMillis) -> Result<()> {
        self.values.insert((space, key.to_vec()), value.to_vec());
        Ok(())
    }

    /// What is old stays readable here; nobody may rely on its going.
    fn forget_values(&mut self, _space: Space, _before: UnixMillis) -> Result<()> {
        Ok(())
    }
}

impl Tickets for Overlay<'_> {
    fn ticket(&self, id: TicketId) -> Result<Option<StoredTicket>> {
        match self.tickets.get(&id) {
            Some(ticket) => Ok(Some(ticket.clone())),
            None => self.under.ticket(id),
        }
    }

    fn ticket_by_external(&self, event: EventId, external: &str) -> Result<Option<StoredTicket>> {
        match self.numbers.get(&(event, external.to_owned())) {
            Some(id) => self.ticket(*id),
            None => self.under.ticket_by_external(event, external),
        }
    }

    fn medium_owner(&self, event: EventId, medium: &MediumKey) -> Result<Option<TicketId>> {
        match self.media.get(&(event, *medium)) {
            Some(owner) => Ok(Some(*owner)),
            None => self.under.medium_owner(event, medium),
        }
    }

    fn tickets(
        &self,
        event: EventId,
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<StoredTicket>> {
        let under = self.under.tickets(event, after, limit)?;
        let own = self
            .tickets
            .values()
            .filter(|ticket| ticket.event == event && after.is_none_or(|after| ticket.id > after));
        Ok(page(under, own.cloned(), |ticket| ticket.id, limit))
    }

    fn put_ticket(&mut self, ticket: &StoredTicket) -> Result<()> {
        let held = self.ticket(ticket.id)?;
        if held.is_some_and(|held| held.event != ticket.event) {
            return Err(StorageError::OtherOwner {
                doing: "writing a ticket",
            });
        }
        if let Some(external) = &ticket.external {
            let there = self.ticket_by_external(ticket.event, external)?;
            if there.is_some_and(|there| there.id != ticket.id) {
                return Err(StorageError::Taken {
                    doing: "writing a ticket",
                });
            }
            let number = (ticket.event, external.clone());
            self.numbers.insert(number, ticket.id);
        }
        self.tickets.insert(ticket.id, ticket.clone());
        Ok(())
    }

    fn put_medium(&mut self, event: EventId, medium: &MediumKey, ticket: TicketId) -> Result<()> {
        match self.medium_owner(event, medium)? {
            Some(owner) if owner != ticket => Err(StorageError::Taken {
                doing: "giving a medium to a ticket",
            }),
            Some(_) => Ok(()),
            None => {
                self.media.insert((event, *medium), ticket);
                Ok(())
            }
        }
    }
}

impl Tables for Overlay<'_> {
    fn table_head(&self, table: TableId) -> Result<Option<TableHead>> {
        self.under.table_head(table)
    }

    fn table_version(&self, table: TableId) -> Result<Option<Version>> {
        self.under.table_version(table)
    }

    fn dirty_tables(&self) -> Result<Vec<TableId>> {
        self.under.dirty_tables()
    }

    fn aged_tables(&self, sealed_before: UnixMillis, epoch: u32) -> Result<Vec<TableId>> {
        self.under.aged_tables(sealed_before, epoch)
    }

    fn newest_row(&self, table: TableId, bucket: u16, key: &[u8; 16]) -> Result<Option<StoredRow>> {
        self.under.newest_row(table, bucket, key)
    }

    fn newest_image(&self, table: TableId, bucket: u16, key: &[u8; 16]) -> Result<Option<Vec<u8>>> {
        self.under.newest_image(table, bucket, key)
    }

    fn sealed_rows(
        &self,
        table: TableId,
        buckets: RangeInclusive<u16>,
        visit: &mut dyn FnMut(u16, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.under.sealed_rows(table, buckets, visit)
    }

    fn changed_rows(
        &self,
        table: TableId,
        number: u64,
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.under.changed_rows(table, number, visit)
    }

    fn pending_rows(
        &self,
        table: TableId,
        limit: u32,
        visit: &mut dyn FnMut(Pending<'_>) -> Result<()>,
    ) -> Result<()> {
        self.under.pending_rows(table, limit, visit)
    }

    fn put_row(&mut self, _table: TableId, _row: &StoredRow) -> Result<()> {
        Ok(())
    }

    fn mark_dirty(&mut self, _table: TableId) -> Result<()> {
        Ok(())
    }

    fn seal_pending(&mut self, _table: TableId, _number: u64, _limit: u32) -> Result<()> {
        Ok(())
    }

    fn put_table_head(&mut self, _table: TableId, _head: &TableHead) -> Result<()> {
        Ok(())
    }
}

impl Records for Overlay<'_> {
    fn append_batch(&mut self, batch: &NewBatch) -> Result<u64> {
        Ok(self.under.feed_end(batch.scope)? + 1)
    }

    fn feed(&self, scope: ScopeId, after: u64, limit: u32) -> Result<Vec<(u64, Batch)>> {
        self.under.feed(scope, after, limit)
    }

    fn batch_heads(&self, device: DeviceId) -> Result<Vec<(ScopeId, u64, Vec<u8>)>> {
        self.under.batch_heads(device)
    }

    fn first_batches_since(
        &self,
        device: DeviceId,
        since: UnixMillis,
    ) -> Result<Vec<(ScopeId, u64)>> {
        self.under.first_batches_since(device, since)
    }

    fn put_batch_head(&mut self, _scope: ScopeId, _position: u64, _head: &[u8]) -> Result<()> {
        Ok(())
    }

    fn last_record_at(&self, scope: ScopeId, position: u64) -> Result<Option<Hash>> {
        self.under.last_record_at(scope, position)
    }

    fn feed_end(&self, scope: ScopeId) -> Result<u64> {
        self.under.feed_end(scope)
    }

    fn record(&self, scope: ScopeId, hash: &Hash) -> Result<Option<StoredRecord>> {
        self.under.record(scope, hash)
    }

    fn records_about(
        &self,
        scope: ScopeId,
        subject: Option<&Subject>,
    ) -> Result<Vec<StoredRecord>> {
        self.under.records_about(scope, subject)
    }

    fn records_of_log(
        &self,
        log: LogRef,
        after: LogPlace,
        limit: u32,
    ) -> Result<Vec<(LogPlace, StoredRecord)>> {
        self.under.records_of_log(log, after, limit)
    }

    fn stamped_after(&self, scope: ScopeId, at: UnixMillis) -> Result<Vec<Stamped>> {
        self.under.stamped_after(scope, at)
    }

    fn visit_records(
        &self,
        scope: ScopeId,
        session: Option<SessionId>,
        visit: &mut dyn FnMut(StoredRecord) -> Result<()>,
    ) -> Result<()> {
        self.under.visit_records(scope, session, visit)
    }

    fn heads(&self, scope: ScopeId) -> Result<Vec<Head>> {
        self.under.heads(scope)
    }

    fn heads_of_device(&self, device: DeviceId) -> Result<Vec<(ScopeId, Head)>> {
        self.under.heads_of_device(device)
    }

    fn put_heads(&mut self, _scope: ScopeId, _log: LogRef, _heads: &[Head]) -> Result<()> {
        Ok(())
    }

    fn records_between(&self, scope: ScopeId, after: u64, upto: u64) -> Result<Vec<StoredRecord>> {
        self.under.records_between(scope, after, upto)
    }

    fn visit_by_subject(
        &self,
        scope: ScopeId,
        visit: &mut dyn FnMut(Subject, StoredRecord) -> Result<()>,
    ) -> Result<()> {
        self.under.visit_by_subject(scope, visit)
    }

    fn incident(&self, organizer: OrganizerId, id: &str) -> Result<Option<StoredIncident>> {
        self.under.incident(organizer, id)
    }

    fn incidents(
        &self,
        organizer: OrganizerId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredIncident>> {
        self.under.incidents(organizer, after, limit)
    }

    fn put_incident(&mut self, _organizer: OrganizerId, _incident: &StoredIncident) -> Result<()> {
        Ok(())
    }

    fn drop_incident(&mut self, _organizer: OrganizerId, _id: &str) -> Result<()> {
        Ok(())
    }

    fn keep(&mut self, _organizer: OrganizerId, _kept: &Kept) -> Result<()> {
        Ok(())
    }

    fn kept(&self, organizer: OrganizerId, after: u64, limit: u32) -> Result<Vec<(u64, Kept)>> {
        self.under.kept(organizer, after, limit)
    }
}

impl Claims for Overlay<'_> {
    fn reservation(&self, device: DeviceId, attempt: AttemptId) -> Result<Option<Reservation>> {
        self.under.reservation(device, attempt)
    }

    fn reservations_about(&self, scope: ScopeId, subject: &Subject) -> Result<Vec<Reservation>> {
        self.under.reservations_about(scope, subject)
    }

    fn reservations_of(&self, device: DeviceId, limit: u32) -> Result<Vec<Reservation>> {
        self.under.reservations_of(device, limit)
    }

    fn open_reservations(&self, limit: u32) -> Result<Vec<Reservation>> {
        self.under.open_reservations(limit)
    }

    fn count_reservations_of(&self, device: DeviceId) -> Result<u64> {
        self.under.count_reservations_of(device)
    }

    fn reserved_entries(&self, session: SessionId, zone: ZoneId) -> Result<u32> {
        self.under.reserved_entries(session, zone)
    }

    fn count_reservations(&self) -> Result<u64> {
        self.under.count_reservations()
    }

    fn put_reservation(&mut self, _reservation: &Reservation) -> Result<()> {
        Ok(())
    }

    fn end_reservation(&mut self, _device: DeviceId, _attempt: AttemptId) -> Result<bool> {
        Ok(false)
    }

    fn duties_in(&self, scope: ScopeId) -> Result<Vec<Duty>> {
        self.under.duties_in(scope)
    }

    fn duties_of(&self, device: DeviceId) -> Result<Vec<Duty>> {
        self.under.duties_of(device)
    }

    fn put_duty(&mut self, _duty: &Duty) -> Result<()> {
        Ok(())
    }
}
