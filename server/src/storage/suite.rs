//! What every backend must do. `storage_tests!(open)` runs all of it against stores that `open` makes.

mod claims;
mod records;
mod tables;

use super::{
    BatchLine, Belonging, Entity, Kept, Kind, NewBatch, Novelty, Overlay, Result, Space,
    StorageError, Store, StoredIncident, StoredRow, StoredTicket, TableHead, Things as _,
    Tickets as _, Transaction,
};
use usher_domain::code::MediumKey;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, EventId, LogId, OrganizerId, ScopeId, SessionId, TicketId};
use usher_domain::protocol::Head;
use usher_domain::record::{LogRef, Subject};
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;

/// Names every case of the suite for one backend; `$open` makes a store and what must outlive it.
macro_rules! storage_tests {
    ($open:path) => {
        $crate::storage::suite::storage_tests!($open;
            what_is_written_is_read_after_the_answer,
            a_failing_job_leaves_nothing_and_the_others_of_its_group_stay,
            a_job_that_panics_leaves_nothing,
            a_name_is_unique_among_its_kind_in_its_parent,
            a_thing_never_changes_its_kind_or_what_it_belongs_to,
            a_ticket_never_changes_its_event,
            lists_go_on_after_the_last_thing_seen,
            values_are_replaced_and_forgotten_by_age,
            a_medium_belongs_to_one_ticket_of_an_event_for_ever,
            a_sellers_number_names_one_ticket_of_an_event,
            a_table_sealed_in_parts_stays_dirty_until_the_last,
            readers_see_sealed_rows_until_the_next_sealing,
            a_row_of_lower_revision_changes_nothing,
            a_revision_beyond_all_bounds_is_refused,
            of_a_row_handed_back_the_highest_revision_waits_until_it_is_judged,
            changes_are_the_latest_images_after_a_version,
            a_feed_has_positions_without_gaps_and_batches_as_signed,
            a_record_is_found_by_hash_subject_log_and_session,
            a_log_is_read_page_by_page_also_where_it_branches,
            heads_of_a_forked_log_stand_side_by_side,
            incidents_keep_their_time_and_go_when_nothing_is_left_of_them,
            kept_bytes_are_kept_once,
            records_are_visited_by_subject_and_read_by_position,
            the_newest_image_of_a_row_waits_or_is_sealed,
            a_reservation_is_found_by_attempt_subject_device_and_zone,
            an_attempt_of_a_device_has_one_reservation_and_its_holder_ends_it,
            duties_are_replaced_and_listed_by_scope_and_device,
        );
    };
    ($open:path; $($case:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $case() {
            let (store, _kept) = $open();
            $crate::storage::suite::$case(store).await;
        })*
    };
}
pub(crate) use claims::*;
pub(crate) use records::*;
pub(crate) use storage_tests;
pub(crate) use tables::*;

fn thing(id: u8, parent: u8, slug: &str) -> Entity {
    Entity {
        kind: Kind::Gate,
        id: [id; 16],
        parent: [parent; 16],
        slug: Some(slug.to_owned()),
        body: vec![id],
    }
}

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl FnOnce(&mut dyn Transaction) -> Result<T> + Send + 'static,
) -> Result<T> {
    store.write(job).await
}

async fn read<T: Send + 'static>(
    store: &Store,
    job: impl FnOnce(&dyn Transaction) -> Result<T> + Send + 'static,
) -> T {
    store.read(job).await.unwrap()
}

pub(crate) async fn what_is_written_is_read_after_the_answer(store: Store) {
    write(&store, |txn| txn.put_entity(&thing(1, 9, "north")))
        .await
        .unwrap();
    let found = read(&store, |txn| {
        txn.entity_named(Kind::Gate, &[9; 16], "north")
    })
    .await;
    assert_eq!(found, Some(thing(1, 9, "north")));
    assert_eq!(
        read(&store, |txn| txn.entity(Kind::Zone, &[1; 16])).await,
        None
    );
}

pub(crate) async fn a_failing_job_leaves_nothing_and_the_others_of_its_group_stay(store: Store) {
    let good = write(&store, |txn| txn.put_entity(&thing(1, 9, "north")));
    let bad = write(&store, |txn| {
        txn.put_entity(&thing(2, 9, "south"))?;
        Err::<(), _>(StorageError::Aborted)
    });
    let also_good = write(&store, |txn| txn.put_entity(&thing(3, 9, "east")));
    let (good, bad, also_good) = tokio::join!(good, bad, also_good);
    good.unwrap();
    also_good.unwrap();
    assert!(matches!(bad, Err(StorageError::Aborted)));
    let all = read(&store, |txn| txn.entities(Kind::Gate, &[9; 16], None, 10)).await;
    assert_eq!(all, [thing(1, 9, "north"), thing(3, 9, "east")]);
}

pub(crate) async fn a_job_that_panics_leaves_nothing(store: Store) {
    let outcome = write(&store, |txn| {
        txn.put_entity(&thing(1, 9, "north"))?;
        if txn.entity(Kind::Gate, &[1; 16])?.is_some() {
            panic!("a fault of the server");
        }
        Ok(())
    })
    .await;
    assert!(matches!(outcome, Err(StorageError::Aborted)));
    assert_eq!(
        read(&store, |txn| txn.entity(Kind::Gate, &[1; 16])).await,
        None
    );
}

pub(crate) async fn a_name_is_unique_among_its_kind_in_its_parent(store: Store) {
    write(&store, |txn| {
        txn.put_entity(&thing(1, 9, "north"))?;
        txn.put_entity(&thing(2, 8, "north"))?;
        txn.put_entity(&thing(1, 9, "renamed"))?;
        txn.put_entity(&thing(3, 9, "north"))
    })
    .await
    .unwrap();
    let again = write(&store, |txn| txn.put_entity(&thing(4, 9, "north"))).await;
    assert!(matches!(again, Err(StorageError::Taken { .. })));
}

pub(crate) async fn a_thing_never_changes_its_kind_or_what_it_belongs_to(store: Store) {
    write(&store, |txn| txn.put_entity(&thing(1, 9, "north")))
        .await
        .unwrap();
    let elsewhere = thing(1, 8, "south");
    let other_kind = Entity {
        kind: Kind::Device,
        ..thing(1, 9, "south")
    };
    for stolen in [elsewhere, other_kind] {
        let put = stolen.clone();
        let refused = write(&store, move |txn| txn.put_entity(&put)).await;
        assert!(matches!(refused, Err(StorageError::OtherOwner { .. })));
        let rehearsed = store
            .read(move |txn| Overlay::new(txn).put_entity(&stolen))
            .await;
        assert!(matches!(rehearsed, Err(StorageError::OtherOwner { .. })));
    }
    let found = read(&store, |txn| txn.entity(Kind::Gate, &[1; 16])).await;
    assert_eq!(found, Some(thing(1, 9, "north")));
    let belonging = Belonging {
        kind: Kind::Gate as u8,
        parent: [9; 16],
    };
    let found = read(&store, |txn| txn.belonging(&[1; 16])).await;
    assert_eq!(found, Some(belonging));
}

pub(crate) async fn a_ticket_never_changes_its_event(store: Store) {
    write(&store, |txn| txn.put_ticket(&ticket(1, 7, Some("A-1"))))
        .await
        .unwrap();
    let stolen = write(&store, |txn| txn.put_ticket(&ticket(1, 6, None))).await;
    assert!(matches!(stolen, Err(StorageError::OtherOwner { .. })));
    let rehearsed = store
        .read(|txn| Overlay::new(txn).put_ticket(&ticket(1, 6, None)))
        .await;
    assert!(matches!(rehearsed, Err(StorageError::OtherOwner { .. })));
    let id = TicketId::from_bytes([1; 16]);
    let found = read(&store, move |txn| txn.ticket(id)).await;
    assert!(found == Some(ticket(1, 7, Some("A-1"))));
}

pub(crate) async fn lists_go_on_after_the_last_thing_seen(store: Store) {
    write(&store, |txn| {
        (1..=5).try_for_each(|id| txn.put_entity(&thing(id, 9, &format!("gate-{id}"))))
    })
    .await
    .unwrap();
    let page = read(&store, |txn| {
        txn.entities(Kind::Gate, &[9; 16], Some(&[2; 16]), 2)
    })
    .await;
    assert_eq!(page, [thing(3, 9, "gate-3"), thing(4, 9, "gate-4")]);
}

pub(crate) async fn values_are_replaced_and_forgotten_by_age(store: Store) {
    let space = Space::Idempotency;
    write(&store, move |txn| {
        txn.put_value(space, b"old", b"1", UnixMillis::new(10))?;
        txn.put_value(space, b"new", b"1", UnixMillis::new(10))?;
        txn.put_value(space, b"new", b"2", UnixMillis::new(30))?;
        txn.put_value(Space::Server, b"old", b"3", UnixMillis::new(10))?;
        txn.forget_values(space, UnixMillis::new(20))
    })
    .await
    .unwrap();
    let found = read(&store, move |txn| {
        Ok([
            txn.value(space, b"old")?,
            txn.value(space, b"new")?,
            txn.value(Space::Server, b"old")?,
        ])
    })
    .await;
    assert_eq!(found, [None, Some(b"2".to_vec()), Some(b"3".to_vec())]);
}

const ORGANIZER: OrganizerId = OrganizerId::from_bytes([9; 16]);
const EVENT: EventId = EventId::from_bytes([9; 16]);

pub(crate) async fn a_medium_belongs_to_one_ticket_of_an_event_for_ever(store: Store) {
    let medium = MediumKey::from_bytes([5; 16]);
    let [one, two] = [1, 2].map(|id| TicketId::from_bytes([id; 16]));
    write(&store, move |txn| {
        txn.put_medium(EVENT, &medium, one)?;
        txn.put_medium(EVENT, &medium, one)?;
        txn.put_medium(EventId::from_bytes([8; 16]), &medium, two)
    })
    .await
    .unwrap();
    let stolen = write(&store, move |txn| txn.put_medium(EVENT, &medium, two)).await;
    assert!(matches!(stolen, Err(StorageError::Taken { .. })));
    let owner = read(&store, move |txn| txn.medium_owner(EVENT, &medium)).await;
    assert_eq!(owner, Some(one));
}

fn ticket(id: u8, event: u8, external: Option<&str>) -> StoredTicket {
    StoredTicket {
        id: TicketId::from_bytes([id; 16]),
        event: EventId::from_bytes([event; 16]),
        external: external.map(str::to_owned),
        body: vec![id],
    }
}

pub(crate) async fn a_sellers_number_names_one_ticket_of_an_event(store: Store) {
    write(&store, |txn| {
        txn.put_ticket(&ticket(1, 7, Some("A-1")))?;
        txn.put_ticket(&ticket(2, 7, None))?;
        txn.put_ticket(&ticket(3, 6, Some("A-1")))
    })
    .await
    .unwrap();
    let again = write(&store, |txn| txn.put_ticket(&ticket(4, 7, Some("A-1")))).await;
    assert!(matches!(again, Err(StorageError::Taken { .. })));
    let event = EventId::from_bytes([7; 16]);
    let (named, all) = read(&store, move |txn| {
        Ok((
            txn.ticket_by_external(event, "A-1")?,
            txn.tickets(event, None, 10)?,
        ))
    })
    .await;
    assert!(named == Some(ticket(1, 7, Some("A-1"))));
    assert_eq!(all.len(), 2);
}
