//! Reservations and duties.

use super::*;
use crate::storage::{Duty, DutyState, Reservation};
use usher_domain::ids::{AttemptId, GateId, ZoneId};
use usher_domain::record::Direction;

const SCOPE: ScopeId = ScopeId::from_bytes([3; 16]);
const SESSION: SessionId = SessionId::from_bytes([4; 16]);
const ZONE: ZoneId = ZoneId::from_bytes([5; 16]);

fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

fn attempt(number: u8) -> AttemptId {
    AttemptId::from_bytes([number; 16])
}

fn subject(number: u8) -> Subject {
    Subject::Ticket(TicketId::from_bytes([number; 16]))
}

fn reservation(number: u8, of: u8, holder: u8, direction: Direction) -> Reservation {
    Reservation {
        attempt: attempt(number),
        scope: SCOPE,
        subject: subject(of),
        device: device(holder),
        gate: Some(GateId::from_bytes([6; 16])),
        direction,
        session: SESSION,
        zone: Some(ZONE),
        at: UnixMillis::new(7),
        answer: vec![number],
    }
}

pub(crate) async fn a_reservation_is_found_by_attempt_subject_device_and_zone(store: Store) {
    let inside = reservation(1, 1, 1, Direction::Entry);
    let out = reservation(2, 1, 2, Direction::Exit);
    let spare = Reservation {
        gate: None,
        zone: None,
        subject: Subject::Medium(usher_domain::code::Identity::from_bytes([9; 32])),
        ..reservation(3, 2, 1, Direction::Entry)
    };
    let all = [inside.clone(), out.clone(), spare.clone()];
    write(&store, move |txn| {
        all.iter().try_for_each(|one| txn.put_reservation(one))
    })
    .await
    .unwrap();
    let found = read(&store, |txn| {
        Ok((
            txn.reservation(device(2), attempt(2))?,
            txn.reservations_about(SCOPE, &subject(1))?,
            txn.reservations_of(device(1), 10)?,
            txn.reserved_entries(SESSION, ZONE)?,
            txn.count_reservations()?,
        ))
    })
    .await;
    let of_one = vec![inside.clone(), spare];
    assert_eq!(found, (Some(out.clone()), vec![inside, out], of_one, 1, 3));
    let other = ScopeId::from_bytes([1; 16]);
    let elsewhere = read(&store, move |txn| {
        txn.reservations_about(other, &subject(1))
    });
    assert_eq!(elsewhere.await, []);
}

pub(crate) async fn an_attempt_of_a_device_has_one_reservation_and_its_holder_ends_it(
    store: Store,
) {
    let held = reservation(1, 1, 1, Direction::Entry);
    let again = held.clone();
    write(&store, move |txn| txn.put_reservation(&held))
        .await
        .unwrap();
    let other = Reservation {
        subject: subject(2),
        ..again.clone()
    };
    let twice = write(&store, move |txn| txn.put_reservation(&other)).await;
    assert!(matches!(twice, Err(StorageError::Taken { .. })));
    // Another device may make an attempt of the same id, with the same ticket or another.
    let elsewhere = Reservation {
        device: device(2),
        ..again
    };
    let ended = write(&store, move |txn| {
        let by_another = txn.end_reservation(device(2), attempt(1))?;
        txn.put_reservation(&elsewhere)?;
        let of_another = txn.end_reservation(device(2), attempt(1))?;
        let still_held = txn.reservation(device(1), attempt(1))?.is_some();
        let by_holder = txn.end_reservation(device(1), attempt(1))?;
        let again = txn.end_reservation(device(1), attempt(1))?;
        Ok([by_another, of_another, still_held, by_holder, again])
    });
    assert_eq!(ended.await.unwrap(), [false, true, true, true, false]);
    assert_eq!(read(&store, |txn| txn.count_reservations()).await, 0);
}

pub(crate) async fn duties_are_replaced_and_listed_by_scope_and_device(store: Store) {
    let duty = |scope: u8, of: u8, state, since| Duty {
        scope: ScopeId::from_bytes([scope; 16]),
        device: device(of),
        state,
        since: UnixMillis::new(since),
    };
    let one = duty(3, 1, DutyState::SignedOff, 2);
    let two = duty(3, 2, DutyState::StoodDown, 0);
    let elsewhere = duty(4, 1, DutyState::Revoked, 4);
    write(&store, move |txn| {
        txn.put_duty(&duty(3, 1, DutyState::OnDuty, 1))?;
        [one, two, elsewhere]
            .iter()
            .try_for_each(|duty| txn.put_duty(duty))
    })
    .await
    .unwrap();
    let found = read(&store, |txn| {
        Ok((txn.duties_in(SCOPE)?, txn.duties_of(device(1))?))
    });
    assert_eq!(found.await, (vec![one, two], vec![one, elsewhere]));
}
