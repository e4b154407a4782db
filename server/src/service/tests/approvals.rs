//! A stolen gate writes records that claim what only a supervisor may do, with its own valid key.

use super::records::{Gate, first, open_incidents, scan, ticket};
use super::{House, NOON};
use crate::service::Names;
use usher_domain::api::access::{NewStaff, Staff};
use usher_domain::api::reports::{Incident, IncidentKind, NewRulings, StaffCount, Statistics};
use usher_domain::api::venue::Session;
use usher_domain::cose::SigningKey;
use usher_domain::document;
use usher_domain::document::sanction::{Sanction, SanctionReason};
use usher_domain::document::undo::UndoApproval;
use usher_domain::hash::Hash;
use usher_domain::ids::AttemptId;
use usher_domain::log::Line;
use usher_domain::protocol::FeedRequest;
use usher_domain::record::{Body, Direction, OverrideKey, RulingWord, Scan, Undo};
use usher_domain::secret::{Private, Seed};
use usher_domain::table::rows::StaffRole;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([seed; 32]))
}

fn override_key() -> SigningKey {
    key(201)
}

fn new_supervisor() -> NewStaff {
    NewStaff {
        name: Private::new("Ada"),
        role: StaffRole::Supervisor,
        gates: Vec::new(),
        badge: key(200).public(),
        override_key: Some(override_key().public()),
        valid_from: None,
        valid_until: None,
    }
}

/// The supervisor of a house, who is taken on the first time.
pub(super) async fn supervisor(house: &House) -> Staff {
    let added = house.service.add_staff(house.organizer, new_supervisor());
    added.await.unwrap()
}

/// A scan of a gate at a time, as the supervisor signs it.
pub(super) fn sanctioned(by: &Staff, gate: &Gate, at: UnixMillis, scan: Scan) -> Scan {
    let sanction = Sanction {
        session: scan.session,
        subject: scan.subject,
        refused: scan.takes_over.unwrap_or(scan.attempt),
        attempt: scan.attempt,
        device: gate.id,
        supervisor: by.id,
        reason: SanctionReason::Other,
        expires_at: at.shifted(60_000),
        record: Hash::ZERO,
    };
    Scan {
        reason: Reason::Override,
        sanction: Some(document::sign(&sanction, &override_key()).into()),
        ..scan
    }
}

const fn at(ms: i64) -> UnixMillis {
    UnixMillis::new(NOON.get().wrapping_add_signed(ms))
}

/// A house with a supervisor, whose one ticket is inside, and the gate that was stolen.
struct Theft {
    house: House,
    session: Session,
    supervisor: Staff,
    admitted: Line,
    stolen: Gate,
}

impl Theft {
    async fn begin() -> Self {
        let house = House::open().await;
        let session = first(&house).await;
        let mut north = Gate::enroll(&house, 1, &session).await;
        let stolen = Gate::enroll(&house, 2, &session).await;
        house.service.seal_now().await.unwrap();
        for gate in [&north, &stolen] {
            house.service.assignment(gate.id).await.unwrap();
        }
        let supervisor = supervisor(&house).await;
        let admitted = north.admit(at(1), &session, ticket(1));
        house.service.push(north.id, north.all()).await.unwrap();
        Self {
            house,
            session,
            supervisor,
            admitted,
            stolen,
        }
    }

    /// An entry of the ticket under an attempt.
    fn entry(&self, attempt: u8) -> Scan {
        Scan {
            attempt: AttemptId::from_bytes([attempt; 16]),
            ..scan(&self.session, ticket(1), Direction::Entry)
        }
    }

    /// The stolen gate writes a record and hands it in.
    async fn says(&mut self, ms: i64, body: Body) -> Line {
        let line = self.stolen.write(at(ms), body);
        let count = self.stolen.records.len();
        let batch = self.stolen.batch(count, count + 1);
        self.house
            .service
            .push(self.stolen.id, batch)
            .await
            .unwrap();
        line
    }

    async fn overrides(&mut self, ms: i64, attempt: u8) -> Line {
        let scan = self.entry(attempt);
        let signed = sanctioned(&self.supervisor, &self.stolen, at(ms), scan);
        self.says(ms, Body::Scan(signed)).await
    }

    async fn forges(&mut self, ms: i64) -> Line {
        let forged = Scan {
            reason: Reason::Override,
            sanction: Some(b"forged".to_vec().into()),
            ..self.entry(7)
        };
        self.says(ms, Body::Scan(forged)).await
    }

    async fn incident(&self, kind: IncidentKind) -> Option<Incident> {
        let mut open = open_incidents(&self.house).await.into_iter();
        open.find(|incident| incident.kind == kind)
    }

    /// The records that the incident of a kind lists.
    async fn listed(&self, kind: IncidentKind) -> Vec<String> {
        let incident = self.incident(kind).await;
        let scans = incident.map_or_else(Vec::new, |incident| incident.scans);
        scans.into_iter().map(|scan| scan.record).collect()
    }

    async fn faults(&self) -> Vec<String> {
        let (event, session) = ("show".to_owned(), "first".to_owned());
        let service = &self.house.service;
        let audit = service.audit(self.house.organizer, event, session);
        let faults = audit.await.unwrap().faults;
        faults.into_iter().map(|fault| fault.code).collect()
    }

    async fn rule(&self, of: &Line, word: RulingWord) {
        let (event, session) = ("show".to_owned(), "first".to_owned());
        let new = NewRulings {
            records: vec![of.hash.to_string()],
            word,
        };
        let service = &self.house.service;
        let ruled = service.rule(self.house.organizer, event, session, new);
        ruled.await.unwrap();
    }

    async fn entries(&self) -> u64 {
        self.statistics(Names::Hidden).await.entries
    }

    async fn statistics(&self, names: Names) -> Statistics {
        let (event, session) = ("show".to_owned(), "first".to_owned());
        let service = &self.house.service;
        let counted = service.statistics(self.house.organizer, event, session, names);
        counted.await.unwrap()
    }

    /// What the supervisor did, as a report says it.
    fn did_once(&self, names: Names) -> StaffCount {
        StaffCount {
            staff: Some(self.supervisor.id),
            name: (names == Names::Shown).then(|| self.supervisor.name.clone()),
            count: 1,
        }
    }

    /// The keys that the feed lists.
    async fn listed_keys(&self) -> Vec<OverrideKey> {
        let page = self.house.service.feed(
            self.stolen.id,
            FeedRequest {
                scope: self.session.scope,
                epoch: 1,
                after: 0,
                last: None,
                limit: 500,
            },
        );
        let batches = page.await.unwrap().batches.into_iter();
        let records = batches.flat_map(|placed| placed.batch.records);
        let lines = records.map(|record| Line::read(&record).unwrap());
        let keys = lines.filter_map(|line| {
            let Body::OverrideKey(listed) = line.record.body else {
                return None;
            };
            Some(listed)
        });
        keys.collect()
    }
}

#[tokio::test]
async fn a_forged_override_is_excess_and_an_incident_of_its_device() {
    let mut theft = Theft::begin().await;
    let forged = theft.forges(10).await.hash.to_string();
    assert_eq!(
        theft.listed(IncidentKind::ExcessAdmission).await,
        [forged.as_str()]
    );
    assert_eq!(
        theft.listed(IncidentKind::UnprovedOverride).await,
        [forged.as_str()]
    );
    let incident = theft.incident(IncidentKind::UnprovedOverride).await;
    assert_eq!(incident.unwrap().device, Some(theft.stolen.id));
    assert_eq!(theft.faults().await, ["override_not_proved"]);
    assert_eq!(theft.statistics(Names::Shown).await.overrides, []);
}

#[tokio::test]
async fn a_signed_override_is_neither() {
    let mut theft = Theft::begin().await;
    theft.overrides(10, 2).await;
    let told = theft.statistics(Names::Shown).await;
    assert_eq!(
        (told.overrides, told.undos),
        (vec![theft.did_once(Names::Shown)], vec![])
    );
    assert_eq!(open_incidents(&theft.house).await, []);
    assert_eq!(theft.faults().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_incident_of_a_device_lists_all_that_it_forged_until_they_are_accepted() {
    let mut theft = Theft::begin().await;
    let first = theft.forges(10).await;
    let second = theft.forges(20).await;
    let of = |line: &Line| line.hash.to_string();
    let kind = IncidentKind::UnprovedOverride;
    assert_eq!(theft.listed(kind).await, [of(&first), of(&second)]);
    theft.rule(&first, RulingWord::Accept).await;
    assert_eq!(theft.listed(kind).await, [of(&second)]);
    assert_eq!(
        theft.listed(IncidentKind::ExcessAdmission).await,
        [of(&second)]
    );
    theft.rule(&second, RulingWord::Void).await;
    assert_eq!(open_incidents(&theft.house).await, []);
}

#[tokio::test]
async fn a_sanction_that_was_used_lets_nobody_else_in() {
    let mut theft = Theft::begin().await;
    theft.overrides(10, 2).await;
    let again = theft.overrides(10, 2).await.hash.to_string();
    assert_eq!(
        theft.listed(IncidentKind::ExcessAdmission).await,
        [again.as_str()]
    );
    assert_eq!(theft.listed(IncidentKind::UnprovedOverride).await, [again]);
    assert_eq!(theft.faults().await, ["override_used_twice"]);
}

#[tokio::test]
async fn a_supervisor_who_was_revoked_overrides_nothing_from_then_on() {
    let mut theft = Theft::begin().await;
    theft.house.clock.set(at(50));
    let service = &theft.house.service;
    let id = theft.supervisor.id.to_string();
    let revoked = service.revoke_staff(theft.house.organizer, id);
    revoked.await.unwrap();
    // Before the revocation it was good, also if the record comes later.
    theft.overrides(49, 2).await;
    assert_eq!(open_incidents(&theft.house).await, []);
    let late = theft.overrides(50, 3).await.hash.to_string();
    assert_eq!(
        theft.listed(IncidentKind::ExcessAdmission).await,
        [late.as_str()]
    );
    assert_eq!(theft.listed(IncidentKind::UnprovedOverride).await, [late]);
    let kind = IncidentKind::OverrideNotAllowed;
    assert_eq!(theft.listed(kind).await, Vec::<String>::new());
    let ends: Vec<_> = theft.listed_keys().await;
    let ends: Vec<_> = ends.iter().map(|listed| listed.until).collect();
    assert_eq!(ends, [None, Some(at(50))]);
}

#[tokio::test]
async fn an_override_where_the_badge_does_not_count_is_an_incident_and_counts() {
    let mut theft = Theft::begin().await;
    let ended = NewStaff {
        badge: key(210).public(),
        valid_until: Some("2027-10-30T12:00:00Z".to_owned()),
        ..new_supervisor()
    };
    let service = &theft.house.service;
    theft.supervisor = service
        .add_staff(theft.house.organizer, ended)
        .await
        .unwrap();
    let record = theft.overrides(10, 2).await.hash.to_string();
    let open = open_incidents(&theft.house).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].kind, IncidentKind::OverrideNotAllowed);
    assert_eq!(open[0].scans[0].record, record);
}

#[tokio::test]
async fn nobody_is_told_of_for_what_was_forged_in_their_name() {
    let mut theft = Theft::begin().await;
    let steward = NewStaff {
        badge: key(211).public(),
        role: StaffRole::Steward,
        override_key: None,
        ..new_supervisor()
    };
    let service = &theft.house.service;
    let steward = service.add_staff(theft.house.organizer, steward);
    theft.supervisor = steward.await.unwrap();
    let forged = theft.overrides(10, 2).await.hash.to_string();
    let kind = IncidentKind::UnprovedOverride;
    assert_eq!(theft.listed(kind).await, [forged]);
    let kind = IncidentKind::OverrideNotAllowed;
    assert_eq!(theft.listed(kind).await, Vec::<String>::new());
}

#[tokio::test]
async fn no_gate_takes_back_what_another_admitted() {
    let mut theft = Theft::begin().await;
    let undo = Undo {
        of: theft.admitted.hash,
        session: theft.session.id,
        subject: ticket(1),
        operator: None,
        approval: None,
    };
    theft.says(10, Body::Undo(undo.clone())).await;
    let again = theft.says(20, Body::Scan(theft.entry(3))).await;
    assert_eq!(
        theft.listed(IncidentKind::ExcessAdmission).await,
        [again.hash.to_string()]
    );
    let incident = theft.incident(IncidentKind::UnprovedUndo).await.unwrap();
    assert_eq!(incident.device, Some(theft.stolen.id));
    assert_eq!(incident.scans[0].record, theft.admitted.hash.to_string());
    assert_eq!(theft.faults().await, ["undo_not_proved"]);

    let approval = UndoApproval {
        session: undo.session,
        subject: undo.subject,
        of: undo.of,
        device: theft.stolen.id,
        supervisor: theft.supervisor.id,
        reason: SanctionReason::GateMistake,
        expires_at: at(30).shifted(60_000),
    };
    let approved = Undo {
        approval: Some(document::sign(&approval, &override_key()).into()),
        ..undo
    };
    assert_eq!(theft.entries().await, 2);
    assert_eq!(theft.statistics(Names::Shown).await.undos, []);
    theft.says(30, Body::Undo(approved)).await;
    assert_eq!(theft.entries().await, 1);
    let told = theft.statistics(Names::Shown).await;
    assert_eq!(
        (told.overrides, told.undos),
        (vec![], vec![theft.did_once(Names::Shown)])
    );
    let told = theft.statistics(Names::Hidden).await;
    assert_eq!(told.undos, [theft.did_once(Names::Hidden)]);
    assert_eq!(theft.incident(IncidentKind::ExcessAdmission).await, None);
}

#[tokio::test]
async fn a_scope_is_given_the_keys_of_all_staff_before_a_device_is_told_of_it() {
    let theft = Theft::begin().await;
    let house = &theft.house;
    let later = house
        .session("later", "2027-10-30 19:00", "2027-10-30 23:00")
        .await;
    house.service.seal_now().await.unwrap();
    let server = house.service.organizer("house".to_owned()).await.unwrap();
    let keys = async || {
        let read = house.service.read(move |txn| {
            let records = txn.records_about(later.scope, None)?;
            Ok(records
                .iter()
                .filter_map(|record| Line::read(&record.bytes).ok())
                .filter(|line| line.record.log.device == server.server)
                .filter(|line| matches!(line.record.body, Body::OverrideKey(_)))
                .count())
        });
        read.await.unwrap()
    };
    assert_eq!(keys().await, 0);
    house.service.assignment(theft.stolen.id).await.unwrap();
    assert_eq!(keys().await, 1);
    house.service.assignment(theft.stolen.id).await.unwrap();
    assert_eq!(keys().await, 1);
}

#[tokio::test]
async fn a_scope_that_an_older_program_told_devices_of_is_given_the_keys() {
    let mut theft = Theft::begin().await;
    let scope = theft.session.scope;
    theft
        .house
        .service
        .write(move |txn, now| {
            txn.put_value(crate::storage::Space::ToldScope, scope.as_bytes(), &[], now)?;
            Ok::<_, crate::service::Error>(())
        })
        .await
        .unwrap();
    let before = theft.listed_keys().await.len();
    theft.overrides(10, 2).await;
    assert_eq!(theft.listed_keys().await.len(), before + 1);
    assert_eq!(open_incidents(&theft.house).await, []);
}
