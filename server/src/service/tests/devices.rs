use super::*;
use crate::service::{Error, ServerAddress};
use usher_domain::api::access::{
    Confirmation, DeviceChange, DeviceState, EnrollmentState, IssuedEnrollment, NewEnrollment,
    NewStaff,
};
use usher_domain::challenge::prove_enrollment;
use usher_domain::cose::PublicKey;
use usher_domain::document::enrollment::{ConfirmationNonce, EnrollmentCode, confirmation_digits};
use usher_domain::document::{TrustedKeys, verify_enrollment, verify_trust};
use usher_domain::ids::DeviceId;
use usher_domain::protocol::{Changes, EnrollAnswer, EnrollRequest, SnapshotRequest};
use usher_domain::secret::Private;
use usher_domain::table::rows::{DeviceRole, RosterEntry, RosterRow, StaffRole};
use usher_domain::table::{
    RowReader, SnapshotDigest, TableId, Version, decode_row, verify_manifest,
};

fn enrollment(uses: u32, confirmation: Confirmation) -> NewEnrollment {
    NewEnrollment {
        gate: None,
        role: DeviceRole::Gate,
        uses,
        until: None,
        confirmation,
        events: Vec::new(),
        server: None,
    }
}

impl House {
    async fn code(&self, new: NewEnrollment) -> IssuedEnrollment {
        let address = ServerAddress {
            url: "http://127.0.0.1:8080".to_owned(),
            spki: None,
        };
        self.service
            .create_enrollment(self.organizer, new, address)
            .await
            .unwrap()
    }

    async fn enroll(&self, code: &IssuedEnrollment, seed: u8) -> Result<EnrollAnswer, Error> {
        let code = EnrollmentCode::parse(code.code.reveal()).unwrap();
        let key = SigningKey::from_seed(&Seed::new([seed; 32]));
        let request = EnrollRequest {
            proof: prove_enrollment(&code.token, &key),
            token: code.token,
            key: key.public(),
            name: format!("device {seed}"),
        };
        self.service.enroll(request).await
    }

    pub(super) async fn device(&self, seed: u8) -> DeviceId {
        let code = self.code(enrollment(1, Confirmation::None)).await;
        let answer = self.enroll(&code, seed).await.unwrap();
        self.id_of(&answer, seed)
    }

    fn id_of(&self, answer: &EnrollAnswer, seed: u8) -> DeviceId {
        let EnrollAnswer::Enrolled {
            document,
            trust,
            root,
        } = answer
        else {
            panic!("not enrolled");
        };
        let trust = verify_trust(trust, root, Some(self.organizer)).unwrap();
        let own = SigningKey::from_seed(&Seed::new([seed; 32])).public();
        let document = verify_enrollment(document, &TrustedKeys::from(&trust), &own).unwrap();
        document.value().device
    }

    async fn keys(&self) -> TrustedKeys {
        let document = self.service.trust_document(self.organizer).await;
        let (root, bytes) = document.unwrap().unwrap();
        TrustedKeys::from(&verify_trust(&bytes, &root, None).unwrap())
    }

    async fn roster_row(&self, device: DeviceId, key: [u8; 16]) -> RosterRow {
        self.service.seal_now().await.unwrap();
        let table = TableId::Roster(self.organizer);
        let buckets = (0..1024).collect();
        let rows = self
            .service
            .bucket_rows(device, table, buckets)
            .await
            .unwrap();
        let stream = zstd::stream::decode_all(rows.rows.as_slice()).unwrap();
        let mut found = None;
        let mut reader = RowReader::default();
        reader
            .push::<usher_domain::table::RowError>(&stream, |row| {
                if row.key().as_bytes() == &key {
                    found = Some(decode_row(row.bytes())?);
                }
                Ok(())
            })
            .unwrap();
        found.unwrap()
    }
}

#[tokio::test]
async fn a_use_belongs_to_the_key_that_took_it() {
    let house = House::open().await;
    let code = house.code(enrollment(1, Confirmation::None)).await;
    let first = house.enroll(&code, 1).await.unwrap();
    house.clock.advance(24 * 3_600_000);
    assert_eq!(house.enroll(&code, 1).await.unwrap(), first);
    let other = house.enroll(&code, 2).await;
    assert!(matches!(other, Err(Error::EnrollmentRefused)));
}

#[tokio::test]
async fn a_code_past_its_time_is_refused() {
    let house = House::open().await;
    let code = house.code(enrollment(5, Confirmation::None)).await;
    house.clock.advance(3_600_000);
    let late = house.enroll(&code, 1).await;
    assert!(matches!(late, Err(Error::EnrollmentRefused)));
}

#[tokio::test]
async fn a_device_waits_until_its_digits_are_confirmed() {
    let house = House::open().await;
    let code = house.code(enrollment(1, Confirmation::Digits)).await;
    let waiting = house.enroll(&code, 1).await.unwrap();
    assert!(matches!(waiting, EnrollAnswer::Waiting { .. }));
    let device = house
        .service
        .devices(house.organizer)
        .await
        .unwrap()
        .remove(0);
    let digits = device.digits.unwrap();
    let confirm = |digits: &str| {
        let what = DeviceChange::Confirm {
            digits: digits.to_owned(),
        };
        house
            .service
            .change_device(house.organizer, device.id.to_string(), what)
    };
    assert!(matches!(confirm("x").await, Err(Error::Invalid { .. })));
    assert_eq!(confirm(&digits).await.unwrap().state, DeviceState::Active);
    let enrolled = house.enroll(&code, 1).await.unwrap();
    assert_eq!(house.id_of(&enrolled, 1), device.id);
}

#[tokio::test]
async fn who_waits_by_a_code_that_was_withdrawn_is_not_confirmed() {
    let house = House::open().await;
    let code = house.code(enrollment(1, Confirmation::Digits)).await;
    let (_, digits) = waiting(&house, &code, 1).await;
    let (service, organizer) = (&house.service, house.organizer);
    let device = service.devices(organizer).await.unwrap().remove(0);
    let withdrawn = service.withdraw_enrollment(organizer, code.id.clone());
    withdrawn.await.unwrap();
    let confirm = DeviceChange::Confirm { digits };
    let refused = service.change_device(organizer, device.id.to_string(), confirm);
    assert!(matches!(refused.await, Err(Error::Conflict(_))));
}

/// The nonce that a waiting device is told, and the digits that an organizer sees of it.
async fn waiting(house: &House, code: &IssuedEnrollment, seed: u8) -> (ConfirmationNonce, String) {
    let answer = house.enroll(code, seed).await.unwrap();
    let EnrollAnswer::Waiting { nonce, .. } = answer else {
        panic!("not waiting");
    };
    let name = format!("device {seed}");
    let devices = house.service.devices(house.organizer).await.unwrap();
    let mut shown = devices.into_iter().filter(|device| device.name == name);
    (nonce, shown.next().unwrap().digits.unwrap())
}

#[tokio::test]
async fn what_digits_a_key_has_is_decided_after_the_key_is_stored_and_stays() {
    let house = House::open().await;
    let code = house.code(enrollment(2, Confirmation::Digits)).await;
    let first = waiting(&house, &code, 1).await;
    // The answer was lost: the same key asks again.
    assert_eq!(waiting(&house, &code, 1).await, first);
    // Whoever photographed the code and computed with everything that was shown before has chosen a key
    // whose digits would be the same. It is given another nonce.
    let second = waiting(&house, &code, 2).await;
    assert_ne!(second.0, first.0);
    assert_ne!(second.1, first.1);
    let parsed = EnrollmentCode::parse(code.code.reveal()).unwrap();
    let key = SigningKey::from_seed(&Seed::new([2; 32])).public();
    let guessed = confirmation_digits(&parsed.token, &key, &first.0);
    assert_ne!(guessed.reveal(), second.1);
    let shown = confirmation_digits(&parsed.token, &key, &second.0);
    assert_eq!(shown.reveal(), second.1);
}

#[tokio::test]
async fn no_two_waiting_devices_show_the_same_digits() {
    let house = House::open().await;
    let code = house.code(enrollment(60, Confirmation::Digits)).await;
    let mut all = std::collections::BTreeSet::new();
    for seed in 1..=60 {
        assert!(all.insert(waiting(&house, &code, seed).await.1));
    }
}

#[tokio::test]
async fn a_revoked_device_is_told_and_stands_in_the_roster() {
    let house = House::open().await;
    let (north, south) = (house.device(1).await, house.device(2).await);
    house
        .service
        .change_device(house.organizer, north.to_string(), DeviceChange::Revoke)
        .await
        .unwrap();
    let asked = house.service.assignment(north).await;
    assert!(matches!(asked, Err(Error::DeviceRevoked)));
    let row = house.roster_row(south, *north.as_bytes()).await;
    let RosterEntry::Device(entry) = row.entry else {
        panic!("a device");
    };
    assert_eq!(row.revision, 2);
    assert_eq!(entry.revoked.unwrap().at, NOON);
}

#[tokio::test]
async fn a_badge_belongs_to_one_person_and_is_revoked_in_the_roster() {
    let house = House::open().await;
    let north = house.device(1).await;
    let badge: PublicKey = SigningKey::from_seed(&Seed::new([9; 32])).public();
    let new = |name: &str| NewStaff {
        name: Private::new(name),
        role: StaffRole::Steward,
        gates: Vec::new(),
        badge,
        override_key: None,
        valid_from: None,
        valid_until: None,
    };
    let add = |name| house.service.add_staff(house.organizer, new(name));
    let ada = add("Ada").await.unwrap();
    assert_eq!(add("Ada").await.unwrap(), ada);
    assert!(matches!(
        add("Bob").await,
        Err(Error::AlreadyExists { by: "badge", .. })
    ));
    let revoke = house
        .service
        .revoke_staff(house.organizer, ada.id.to_string());
    assert!(revoke.await.unwrap().revoked);
    let row = house.roster_row(north, *ada.id.as_bytes()).await;
    let RosterEntry::Staff(entry) = row.entry else {
        panic!("a member of staff");
    };
    assert_eq!(entry.revoked_at, Some(NOON));
}

#[tokio::test]
async fn a_snapshot_taken_in_parts_fits_its_signed_manifest() {
    let house = House::open().await;
    let north = house.device(1).await;
    house.service.seal_now().await.unwrap();
    let assignment = house.service.assignment(north).await.unwrap();
    let keys = house.keys().await;
    for wanted in assignment.tables {
        let table = wanted.table;
        let (mut bytes, mut of) = (Vec::new(), None);
        let manifest = loop {
            let request = SnapshotRequest {
                table,
                of,
                from: bytes.len() as u64,
                length: 7,
            };
            let part = house.service.snapshot(north, request).await.unwrap();
            of = Some(part.version);
            bytes.extend(part.bytes);
            if bytes.len() as u64 == part.total {
                break part.manifest;
            }
        };
        let manifest = verify_manifest(&manifest, &keys, table)
            .unwrap()
            .into_value();
        let mut digest = SnapshotDigest::default();
        RowReader::default()
            .push(
                &zstd::stream::decode_all(bytes.as_slice()).unwrap(),
                |row| digest.push(&row).map(drop),
            )
            .unwrap();
        let (digests, rows) = digest.finish();
        assert_eq!(
            (digests.table_digest(), rows),
            (manifest.digest, manifest.rows)
        );
    }
}

#[tokio::test]
async fn a_change_is_a_segment_and_another_history_a_snapshot() {
    let house = House::open().await;
    let north = house.device(1).await;
    house.service.seal_now().await.unwrap();
    assert_eq!(house.service.seal_now().await.unwrap(), 0);
    let table = TableId::Roster(house.organizer);
    let since = house.service.assignment(north).await.unwrap().tables[0].version;
    let changes = |since| house.service.changes(north, table, since);
    assert_eq!(changes(since).await.unwrap(), Changes::UpToDate);
    house.device(2).await;
    house.service.seal_now().await.unwrap();
    assert!(matches!(
        changes(since).await.unwrap(),
        Changes::Segment { .. }
    ));
    let other = Version { epoch: 9, ..since };
    assert_eq!(changes(other).await.unwrap(), Changes::TakeSnapshot);
}

#[tokio::test]
async fn an_old_manifest_is_signed_anew_and_so_is_every_one_of_an_older_epoch() {
    let house = House::open().await;
    let north = house.device(1).await;
    house.service.seal_now().await.unwrap();
    house.clock.advance(25 * 3_600_000);
    assert!(house.service.seal_now().await.unwrap() > 0);
    assert_eq!(house.service.raise_epoch().await.unwrap(), 2);
    house.service.seal_now().await.unwrap();
    let tables = house.service.assignment(north).await.unwrap().tables;
    assert!(tables.iter().all(|table| table.version.epoch == 2));
}

#[tokio::test]
async fn an_expired_delegation_leaves_a_table_unsealed_and_the_change_waiting() {
    let house = House::open().await;
    house.device(1).await;
    house.service.seal_now().await.unwrap();
    house.clock.advance(40 * 24 * 3_600_000);
    house.gate("north", None).await;
    assert_eq!(house.service.seal_now().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_sealer_seals_what_waits_before_it_stops() {
    let house = House::open().await;
    house.device(1).await;
    house.service.start_sealer().stop().await;
    assert_eq!(house.service.seal_now().await.unwrap(), 0);
}

#[tokio::test]
async fn a_gate_device_may_not_hold_a_directory() {
    let house = House::open().await;
    let north = house.device(1).await;
    house.service.seal_now().await.unwrap();
    let show = "show".to_owned();
    let session = house
        .service
        .session(house.organizer, show, "first".to_owned());
    let table = TableId::Directory(session.await.unwrap().id);
    let asked = house.service.buckets(north, table).await;
    assert!(matches!(asked, Err(Error::Forbidden)));
}

/// The same venue, sealed with other pauses than usual.
fn paced(house: &House, settings: Settings) -> Service {
    let clock = Arc::<ManualClock>::clone(&house.clock);
    Service::new(house.service.store().clone(), clock, settings)
}

async fn new_gate(service: &Service, organizer: OrganizerId, slug: &str) {
    let gate = NewGate {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        zone: None,
    };
    service.create_gate(organizer, gate).await.unwrap();
}

async fn versions(service: &Service, device: DeviceId) -> Vec<u64> {
    let tables = service.assignment(device).await.unwrap().tables;
    tables.iter().map(|table| table.version.number).collect()
}

#[tokio::test]
async fn what_was_answered_before_an_exchange_began_is_in_that_exchange() {
    let house = House::open().await;
    let north = house.device(1).await;
    let settings = Settings {
        seal_every_ms: 20,
        settle_within_ms: 60_000,
        ..house.service.settings().clone()
    };
    let service = paced(&house, settings);
    let sealer = service.start_sealer();
    let mut before = versions(&service, north).await;
    for gate in 0..20 {
        new_gate(&service, house.organizer, &format!("gate-{gate}")).await;
        let after = versions(&service, north).await;
        let newer = after
            .iter()
            .zip(&before)
            .any(|(after, before)| after > before);
        assert!(newer, "gate {gate} is missing: {before:?}, {after:?}");
        let waiting = service.read(|txn| Ok(txn.dirty_tables()?)).await.unwrap();
        assert_eq!(waiting, []);
        before = after;
    }
    sealer.stop().await;
}

#[tokio::test]
async fn the_first_change_is_sealed_at_once_and_no_device_waits_for_the_next_without_end() {
    let house = House::open().await;
    let north = house.device(1).await;
    house.service.seal_now().await.unwrap();
    let settings = Settings {
        seal_every_ms: 3_600_000,
        settle_within_ms: 60_000,
        ..house.service.settings().clone()
    };
    let service = paced(&house, settings.clone());
    let mut rounds = service.rounds().subscribe();
    let sealer = service.start_sealer();
    rounds.wait_for(|rounds| rounds.ended > 0).await.unwrap();
    let before = versions(&service, north).await;
    new_gate(&service, house.organizer, "first").await;
    let at_once = versions(&service, north).await;
    assert_ne!(before, at_once);
    // The pause after it is an hour long: whoever asks meanwhile is answered with what is sealed.
    new_gate(&service, house.organizer, "second").await;
    let hasty = Service::new(
        service.store().clone(),
        Arc::<ManualClock>::clone(&house.clock),
        Settings {
            settle_within_ms: 1,
            ..settings
        },
    );
    hasty.rounds().send_modify(|rounds| rounds.running = true);
    assert_eq!(versions(&hasty, north).await, at_once);
    sealer.stop().await;
    assert_ne!(versions(&service, north).await, at_once);
}

#[tokio::test]
async fn a_restore_withdraws_the_codes_of_before() {
    let house = House::open().await;
    let code = house.code(enrollment(5, Confirmation::None)).await;
    let first = house.enroll(&code, 1).await.unwrap();
    house.service.raise_epoch().await.unwrap();
    let other = house.enroll(&code, 2).await;
    assert!(matches!(other, Err(Error::EnrollmentRefused)), "{other:?}");
    assert_eq!(house.enroll(&code, 1).await.unwrap(), first);
}

#[tokio::test]
async fn a_withdrawn_code_enrolls_nobody_and_who_used_it_stays() {
    let house = House::open().await;
    let code = house.code(enrollment(5, Confirmation::None)).await;
    let first = house.enroll(&code, 1).await.unwrap();
    let listed = house.service.enrollments(house.organizer).await.unwrap();
    let one = listed.iter().find(|one| one.id == code.id).unwrap();
    assert_eq!((one.state, one.devices.len()), (EnrollmentState::Open, 1));
    let withdraw = || {
        let service = &house.service;
        service.withdraw_enrollment(house.organizer, code.id.clone())
    };
    assert_eq!(withdraw().await.unwrap().state, EnrollmentState::Withdrawn);
    assert_eq!(withdraw().await.unwrap().state, EnrollmentState::Withdrawn);
    let other = house.enroll(&code, 2).await;
    assert!(matches!(other, Err(Error::EnrollmentRefused)));
    assert_eq!(house.enroll(&code, 1).await.unwrap(), first);
}

#[tokio::test]
async fn a_renamed_device_is_called_so_everywhere_and_its_document_stays() {
    let house = House::open().await;
    let code = house.code(enrollment(1, Confirmation::None)).await;
    let first = house.enroll(&code, 1).await.unwrap();
    let device = house.id_of(&first, 1);
    for name in ["till 1", "till one"] {
        let name = name.to_owned();
        let rename = DeviceChange::Rename { name };
        let renamed = house
            .service
            .change_device(house.organizer, device.to_string(), rename);
        renamed.await.unwrap();
    }
    assert_eq!(house.enroll(&code, 1).await.unwrap(), first);
    let row = house.roster_row(device, *device.as_bytes()).await;
    let RosterEntry::Device(entry) = row.entry else {
        panic!("no device");
    };
    assert_eq!(entry.name, "till one");
    let empty = DeviceChange::Rename {
        name: " ".to_owned(),
    };
    let refused = house
        .service
        .change_device(house.organizer, device.to_string(), empty);
    assert!(matches!(refused.await, Err(Error::Invalid { .. })));
}
