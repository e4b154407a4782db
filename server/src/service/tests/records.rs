//! Records in: repeated, overlapping, forked, quarantined, linked, and cut off between storing and
//! interpreting.

mod arrivals;
mod claims;
mod cuts;
mod forbidden;
mod interpreting;
mod merging;
mod numbers;
mod reports;
mod unknown_codes;

use super::{House, NOON, service_in};
use crate::service::devices::{self, StoredDevice};
use crate::service::things::{self, Loaded};
use crate::service::{Error, records};
use usher_domain::api::access::{DeviceChange, DeviceState};
use usher_domain::api::reports::{Incident, IncidentKind};
use usher_domain::api::venue::Session;
use usher_domain::code::{Identity, TicketCodeText};
use usher_domain::cose::SigningKey;
use usher_domain::document::batch::Batch;
use usher_domain::ids::{AttemptId, DeviceId, LogId, TicketId};
use usher_domain::log::{Line, LogEnd, sign_batch};
use usher_domain::protocol::{FeedRequest, PushAnswer, Whose};
use usher_domain::record::{
    Body, Certainty, Direction, LogRef, Outcome, RulingWord, Scan, Subject, Undo,
};
use usher_domain::secret::Seed;
use usher_domain::table::rows::DeviceRole;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

/// A device as its own program sees it: a key and one log.
pub(super) struct Gate {
    pub(super) id: DeviceId,
    key: SigningKey,
    pub(super) end: LogEnd,
    pub(super) records: Vec<Vec<u8>>,
}

impl Gate {
    /// A device that the roster lists, with an empty log of the session's scope.
    pub(super) async fn enroll(house: &House, number: u8, session: &Session) -> Self {
        let key = SigningKey::from_seed(&Seed::new([number; 32]));
        let id = DeviceId::from_bytes([number; 16]);
        let device = Loaded {
            id: *id.as_bytes(),
            parent: *house.organizer.as_bytes(),
            value: StoredDevice {
                organizer: house.organizer,
                key: key.public(),
                name: format!("gate {number}"),
                role: DeviceRole::Gate,
                gate: None,
                state: DeviceState::Active,
                digits: None,
                nonce: None,
                events: Vec::new(),
                enrolled_at: NOON,
                first_gate: None,
                first_name: None,
                retired: false,
            },
        };
        house
            .service
            .write(move |txn, _| {
                things::put(txn, &device)?;
                devices::put_row(txn, &device, None)
            })
            .await
            .unwrap();
        Self::with_log(id, key, number, session)
    }

    fn with_log(id: DeviceId, key: SigningKey, log: u8, session: &Session) -> Self {
        let log = LogRef {
            device: id,
            log: LogId::from_bytes([log; 16]),
        };
        Self {
            id,
            key,
            end: LogEnd::empty(log, session.scope),
            records: Vec::new(),
        }
    }

    /// The same device after it was copied: another hand, the same log so far.
    pub(super) fn copy(&self) -> Self {
        Self {
            id: self.id,
            key: SigningKey::from_seed(&Seed::new([self.id.as_bytes()[0]; 32])),
            end: self.end,
            records: self.records.clone(),
        }
    }

    pub(super) fn write(&mut self, stamp: UnixMillis, body: Body) -> Line {
        let entry = self.end.append(stamp, body);
        self.records.push(entry.encoded.clone());
        entry.line().unwrap()
    }

    pub(super) fn admit(&mut self, at: UnixMillis, session: &Session, subject: Subject) -> Line {
        self.write(at, Body::Scan(scan(session, subject, Direction::Entry)))
    }

    /// Records `from..to`, counted from 1, as one signed batch.
    pub(super) fn batch(&self, from: usize, to: usize) -> Batch {
        sign_batch(&self.key, self.records[from - 1..to - 1].to_vec()).unwrap()
    }

    pub(super) fn all(&self) -> Batch {
        self.batch(1, self.records.len() + 1)
    }
}

pub(super) fn ticket(number: u8) -> Subject {
    Subject::Ticket(TicketId::from_bytes([number; 16]))
}

pub(super) fn scan(session: &Session, subject: Subject, direction: Direction) -> Scan {
    Scan {
        session: session.id,
        gate: None,
        operator: None,
        subject,
        direction,
        outcome: Outcome::Admit,
        reason: match direction {
            Direction::Entry => Reason::Listed,
            Direction::Exit => Reason::Exit,
        },
        certainty: Certainty::Local { peers_as_of: NOON },
        attempt: AttemptId::from_bytes([9; 16]),
        issue: None,
        type_number: None,
        access: None,
        zone: None,
        entries: None,
        sanction: None,
        confirmed: None,
        takes_over: None,
        honours: None,
        key: None,
    }
}

fn at(ms: i64) -> UnixMillis {
    NOON.shifted(ms)
}

pub(super) async fn first(house: &House) -> Session {
    let sessions = house.service.sessions(house.organizer, "show".to_owned());
    sessions.await.unwrap().remove(0)
}

pub(super) async fn open_incidents(house: &House) -> Vec<Incident> {
    let page = house.service.incidents(house.organizer, None, 1_000).await;
    page.unwrap().items
}

async fn kinds(house: &House) -> Vec<IncidentKind> {
    let open = open_incidents(house).await;
    open.iter().map(|incident| incident.kind).collect()
}

#[tokio::test]
async fn a_batch_is_stored_once_however_often_it_comes() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    for number in 1..=4 {
        north.admit(at(number.into()), &session, ticket(number));
    }
    let push = |batch| house.service.push(north.id, batch);
    assert_eq!(push(north.batch(3, 5)).await.unwrap(), PushAnswer::Gap(1));
    assert_eq!(
        push(north.batch(1, 3)).await.unwrap(),
        PushAnswer::Stored(2)
    );
    assert_eq!(push(north.batch(1, 3)).await.unwrap(), PushAnswer::Known(2));
    assert_eq!(push(north.batch(1, 2)).await.unwrap(), PushAnswer::Known(2));
    assert_eq!(push(north.batch(4, 5)).await.unwrap(), PushAnswer::Gap(3));
    assert_eq!(
        push(north.batch(2, 5)).await.unwrap(),
        PushAnswer::Stored(4)
    );
    assert_eq!(push(north.all()).await.unwrap(), PushAnswer::Known(4));
    assert_eq!(kinds(&house).await, []);
    let counted = house
        .service
        .statistics(
            house.organizer,
            "show".to_owned(),
            "first".to_owned(),
            crate::service::Names::Hidden,
        )
        .await
        .unwrap();
    assert_eq!(
        (counted.entries, counted.inside, counted.arrived),
        (4, 4, 4)
    );
    let heads = house
        .service
        .heads(north.id, session.scope, Whose::Own)
        .await
        .unwrap();
    assert_eq!(heads.heads, [north.end.head]);
}

#[tokio::test]
async fn a_second_admission_is_one_incident_and_goes_when_it_is_taken_back() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    let mut south = Gate::enroll(&house, 2, &session).await;
    north.admit(at(1), &session, ticket(1));
    let twice = south.admit(at(2), &session, ticket(1));
    let thrice = south.admit(at(3), &session, ticket(1));
    house.service.push(south.id, south.all()).await.unwrap();
    house.service.push(north.id, north.all()).await.unwrap();
    let open = open_incidents(&house).await;
    let [incident] = open.as_slice() else {
        panic!("one incident, not {open:?}");
    };
    assert_eq!(incident.kind, IncidentKind::ExcessAdmission);
    let scans: Vec<_> = incident.scans.iter().map(|s| s.record.clone()).collect();
    assert_eq!(scans, [twice.hash.to_string(), thrice.hash.to_string()]);
    for of in [twice.hash, thrice.hash] {
        south.write(
            at(9),
            Body::Undo(Undo {
                of,
                session: session.id,
                subject: ticket(1),
                operator: None,
                approval: None,
            }),
        );
    }
    house.service.push(south.id, south.all()).await.unwrap();
    assert_eq!(kinds(&house).await, []);
}

#[tokio::test]
async fn a_copied_device_makes_one_incident_and_both_branches_count() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(1), &session, ticket(1));
    let mut copy = north.copy();
    north.admit(at(2), &session, ticket(2));
    copy.admit(at(3), &session, ticket(3));
    copy.admit(at(4), &session, ticket(4));
    let push = |batch| house.service.push(north.id, batch);
    assert_eq!(push(north.all()).await.unwrap(), PushAnswer::Stored(2));
    assert_eq!(push(copy.batch(3, 4)).await.unwrap(), PushAnswer::Gap(1));
    assert_eq!(push(copy.all()).await.unwrap(), PushAnswer::Forked(3));
    assert_eq!(push(copy.all()).await.unwrap(), PushAnswer::Forked(3));
    copy.admit(at(5), &session, ticket(5));
    assert_eq!(push(copy.batch(4, 5)).await.unwrap(), PushAnswer::Forked(4));
    assert_eq!(kinds(&house).await, [IncidentKind::ForkedLog]);
    let heads = house
        .service
        .heads(north.id, session.scope, Whose::Own)
        .await
        .unwrap();
    let mut ends = vec![north.end.head, copy.end.head];
    ends.sort_unstable();
    assert_eq!(heads.heads, ends);
    let counted = house
        .service
        .statistics(
            house.organizer,
            "show".to_owned(),
            "first".to_owned(),
            crate::service::Names::Hidden,
        )
        .await
        .unwrap();
    assert_eq!(counted.entries, 5);
}

#[tokio::test]
async fn records_after_a_revocation_wait_until_a_person_rules() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(1), &session, ticket(1));
    house.service.push(north.id, north.all()).await.unwrap();
    house
        .service
        .change_device(house.organizer, north.id.to_string(), DeviceChange::Revoke)
        .await
        .unwrap();
    let late = north.admit(at(2), &session, ticket(2));
    let later = north.admit(at(3), &session, ticket(3));
    let answer = house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(answer, PushAnswer::Stored(3));
    // A log that the revoked device begins has no accepted record.
    let key = SigningKey::from_seed(&Seed::new([1; 32]));
    let mut fresh = Gate::with_log(north.id, key, 77, &session);
    fresh.admit(at(4), &session, ticket(4));
    house.service.push(north.id, fresh.all()).await.unwrap();
    let entries = async || {
        house
            .service
            .statistics(
                house.organizer,
                "show".to_owned(),
                "first".to_owned(),
                crate::service::Names::Hidden,
            )
            .await
            .unwrap()
            .entries
    };
    assert_eq!(entries().await, 1);
    let waiting = [IncidentKind::Quarantined, IncidentKind::Quarantined];
    assert_eq!(kinds(&house).await, waiting);

    let rule = |records: Vec<Line>, word| {
        let records = records.iter().map(|line| line.hash.to_string()).collect();
        let new = usher_domain::api::reports::NewRulings { records, word };
        house
            .service
            .rule(house.organizer, "show".to_owned(), "first".to_owned(), new)
    };
    rule(vec![late.clone()], RulingWord::Accept).await.unwrap();
    assert_eq!(entries().await, 2);
    rule(vec![later], RulingWord::Void).await.unwrap();
    assert_eq!(entries().await, 2);
    assert_eq!(kinds(&house).await, [IncidentKind::Quarantined]);
    rule(vec![late], RulingWord::Void).await.unwrap();
    assert_eq!(entries().await, 1);
}

#[tokio::test]
async fn a_long_batch_waits_for_its_turn_and_a_short_one_is_stored_beside_it() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    let mut south = Gate::enroll(&house, 2, &session).await;
    for number in 0..60 {
        north.admit(at(1), &session, ticket(number));
    }
    south.admit(at(2), &session, ticket(99));
    let turn = house.service.turn_to_write_long().await;
    let long = house.service.push(north.id, north.all());
    tokio::pin!(long);
    let short = records::store_only(&house.service, south.id, south.all());
    tokio::select! {
        biased;
        _ = &mut long => panic!("it did not wait for its turn"),
        stored = short => stored.unwrap(),
    }
    drop(turn);
    assert_eq!(long.await.unwrap(), PushAnswer::Stored(60));
}

#[tokio::test]
async fn what_was_stored_and_not_interpreted_is_interpreted_at_the_next_start() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(1), &session, ticket(1));
    north.admit(at(2), &session, ticket(1));
    // The process dies right after storing: nothing of the second half has happened.
    let (id, batch) = (north.id, north.all());
    records::store_only(&house.service, id, batch)
        .await
        .unwrap();
    let counted = house
        .service
        .read(move |txn| records::tally::load(txn, session.scope, session.id))
        .await
        .unwrap();
    assert!(counted.is_empty());
    let House {
        service,
        clock,
        organizer,
        folder,
    } = house;
    drop(service);
    let service = service_in(&folder, &clock);
    service.interpret_pending().await.unwrap();
    let house = House {
        service,
        clock,
        organizer,
        folder,
    };
    let counted = house
        .service
        .read(move |txn| records::tally::load(txn, session.scope, session.id))
        .await
        .unwrap();
    assert!(!counted.is_empty());
    let answer = house.service.push(id, north.all()).await.unwrap();
    assert_eq!(answer, PushAnswer::Known(2));
    assert_eq!(kinds(&house).await, [IncidentKind::ExcessAdmission]);
}

#[tokio::test]
async fn an_authentic_batch_without_a_scope_is_kept_beside_an_incident() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut elsewhere = session.clone();
    elsewhere.scope = usher_domain::ids::ScopeId::from_bytes([200; 16]);
    let mut north = Gate::enroll(&house, 1, &elsewhere).await;
    north.admit(at(1), &session, ticket(1));
    let refused = house.service.push(north.id, north.all()).await;
    assert!(matches!(refused, Err(Error::NotFound("scope"))));
    let kept = house
        .service
        .read({
            let organizer = house.organizer;
            move |txn| Ok(txn.kept(organizer, 0, 10)?)
        })
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kinds(&house).await, [IncidentKind::Unreadable]);
}

#[tokio::test]
async fn forged_and_foreign_batches_are_refused() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    let mut south = Gate::enroll(&house, 2, &session).await;
    north.admit(at(1), &session, ticket(1));
    south.admit(at(1), &session, ticket(1));
    // South signs with its own key what says that it is north's log.
    let stolen = sign_batch(&south.key, north.records.clone()).unwrap();
    let refused = house.service.push(south.id, stolen).await;
    assert!(matches!(refused, Err(Error::NotAuthentic(_))));
    let mut tampered = south.all();
    tampered.records[0][60] ^= 1;
    let refused = house.service.push(south.id, tampered).await;
    assert!(matches!(refused, Err(Error::NotAuthentic(_))));
    let nobody = DeviceId::from_bytes([99; 16]);
    assert!(house.service.push(nobody, south.all()).await.is_err());
}

#[tokio::test]
async fn a_clock_years_ahead_is_an_incident_and_spoils_nothing_else() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(UnixMillis::new(u64::MAX), &session, ticket(1));
    let answer = house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(answer, PushAnswer::Stored(1));
    assert_eq!(kinds(&house).await, [IncidentKind::ClockJump]);
}

#[tokio::test]
async fn a_medium_that_was_let_in_is_linked_to_its_ticket_when_its_record_arrives() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    let code = TicketCodeText::new("WRISTBAND-77").unwrap();
    let identity = Identity::of(house.organizer, &code);
    let (event, owner) = (session.event, TicketId::from_bytes([7; 16]));
    house
        .service
        .write(move |txn, _| Ok(txn.put_medium(event, &identity.medium_key(), owner)?))
        .await
        .unwrap();
    north.admit(at(1), &session, Subject::Medium(identity));
    north.admit(at(2), &session, ticket(7));
    house.service.push(north.id, north.all()).await.unwrap();
    let open = open_incidents(&house).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].ticket, Some(owner));
}

#[tokio::test]
async fn a_feed_begins_anew_in_another_epoch_and_pages_without_gaps() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    for number in 1..=5 {
        north.admit(at(number.into()), &session, ticket(number));
        let newest = north.records.len();
        let batch = north.batch(newest, newest + 1);
        house.service.push(north.id, batch).await.unwrap();
    }
    let page = async |epoch, after| {
        let request = FeedRequest {
            scope: session.scope,
            epoch,
            after,
            limit: 2,
            last: None,
        };
        let page = house.service.feed(north.id, request).await.unwrap();
        assert_eq!((page.epoch, page.end), (1, 5));
        let batches = page.batches.into_iter();
        batches.map(|batch| batch.position).collect::<Vec<_>>()
    };
    assert_eq!(page(1, 0).await, [1, 2]);
    assert_eq!(page(1, 2).await, [3, 4]);
    assert_eq!(page(1, 4).await, [5]);
    assert_eq!(page(1, 5).await, [0_u64; 0]);
    assert_eq!(page(9, 4).await, [1, 2]);
}

#[tokio::test]
async fn a_badge_in_use_here_there_and_here_again_is_one_incident() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    let mut south = Gate::enroll(&house, 2, &session).await;
    let staff = usher_domain::ids::StaffId::from_bytes([5; 16]);
    let operated = |number, ms| {
        let scan = Scan {
            operator: Some(staff),
            ..scan(&session, ticket(number), Direction::Entry)
        };
        (at(ms), Body::Scan(scan))
    };
    house.clock.advance(70_000);
    // Walking over is no incident.
    for (gate, number, ms) in [(&mut north, 1, 0), (&mut south, 2, 30_000)] {
        let (stamp, body) = operated(number, ms);
        gate.write(stamp, body);
        house.service.push(gate.id, gate.all()).await.unwrap();
    }
    assert_eq!(kinds(&house).await, []);
    let (stamp, body) = operated(3, 50_000);
    north.write(stamp, body);
    let (stamp, body) = operated(4, 70_000);
    south.write(stamp, body);
    house.service.push(south.id, south.all()).await.unwrap();
    assert_eq!(kinds(&house).await, []);
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(kinds(&house).await, [IncidentKind::BadgeTwice]);
}
