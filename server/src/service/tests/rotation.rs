//! New keys come into use with the document that delegates to them, and take everything along.

use super::*;
use crate::service::Error;
use usher_domain::api::reports::IncidentKind;
use usher_domain::api::rules::RulesChange;
use usher_domain::api::venue::{OrganizerKeys, SessionChange};
use usher_domain::cose::{self, KeyId, PublicKey};
use usher_domain::ids::OrganizerId;
use usher_domain::log::verify_batch;
use usher_domain::rules::{EntryMode, EntryRule};
use usher_domain::table::TableId;

/// Whether the keys before stay good.
pub(super) enum Before {
    Kept,
    Revoked,
}

/// A trust document of version 2 that delegates to `next` beside the keys in use.
pub(super) fn trust_with(organizer: &Organizer, next: &OrganizerKeys, before: &Before) -> NewTrust {
    let one = |key: PublicKey, purpose: &Purpose, revoked_at| Delegation {
        key,
        purpose: purpose.clone(),
        not_before: NOON.shifted(-DAY_MS),
        not_after: NOON.shifted(30 * DAY_MS),
        revoked_at,
    };
    let revoked_at = match before {
        Before::Kept => None,
        // By a clock that is ahead of the server's.
        Before::Revoked => Some(NOON.shifted(5_000)),
    };
    let code = Purpose::Code {
        accesses: Limit::All,
        types: Limit::All,
    };
    let all = |keys: &OrganizerKeys, revoked_at| {
        [
            one(keys.roster, &Purpose::Roster, revoked_at),
            one(keys.set, &Purpose::Set, revoked_at),
            one(keys.code, &code, revoked_at),
        ]
    };
    let delegations = [all(&organizer.keys, revoked_at), all(next, None)].concat();
    let trust = Trust {
        organizer: organizer.id,
        version: Version {
            epoch: 1,
            number: 2,
        },
        issued_at: NOON,
        expires_at: NOON.shifted(30 * DAY_MS),
        server: organizer.server,
        delegations,
    };
    NewTrust {
        root: root().public(),
        document: STANDARD.encode(sign(&trust, &root())),
    }
}

impl House {
    async fn change_rules(&self, mode: EntryMode) {
        let entry = EntryRule {
            mode,
            ..EntryRule::default()
        };
        let change = SessionChange {
            rules: Some(RulesChange {
                entry: Some(entry.into()),
                ..RulesChange::default()
            }),
            ..SessionChange::default()
        };
        self.service
            .change_session(self.organizer, "show".into(), "first".into(), change)
            .await
            .unwrap();
    }

    async fn first(&self) -> Session {
        self.service
            .session(self.organizer, "show".into(), "first".into())
            .await
            .unwrap()
    }

    /// Which keys signed the batches of the first session's scope.
    async fn signers(&self) -> Vec<KeyId> {
        let scope = self.first().await.scope;
        self.service
            .read(move |txn| {
                let feed = txn.feed(scope, 0, 100)?;
                let kid = |head: &[u8]| cose::parse(head).unwrap().kid();
                Ok(feed.iter().map(|(_, batch)| kid(&batch.head)).collect())
            })
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn keys_that_no_document_delegates_to_sign_nothing() {
    let house = House::open().await;
    let before = house.service.organizer("house".into()).await.unwrap();
    let next = house.service.make_next_keys(before.id).await.unwrap();
    assert_ne!(next, before.keys);
    let renewed = trust_for(&before, 2, NOON);
    let after = house.service.take_trust(before.id, renewed).await.unwrap();
    assert_eq!(after.keys, before.keys);
    house.service.seal_now().await.unwrap();
}

#[tokio::test]
async fn keys_that_waited_when_a_backup_was_stolen_never_come_into_use() {
    let house = House::open().await;
    let before = house.service.organizer("house".into()).await.unwrap();
    let stolen = house.service.make_next_keys(before.id).await.unwrap();
    let drawn = house.service.make_next_keys(before.id).await.unwrap();
    assert_ne!(drawn.roster, stolen.roster);
    assert_ne!(drawn.set, stolen.set);
    assert_ne!(drawn.code, stolen.code);
    let trust = trust_with(&before, &drawn, &Before::Revoked);
    let after = house.service.take_trust(before.id, trust).await.unwrap();
    assert_eq!(after.keys, drawn);
}

#[tokio::test]
async fn devices_sign_in_anew_once_keys_are_replaced_or_a_restore_is_declared() {
    let house = House::open().await;
    let secret = house.service.device_token_secret().await.unwrap();
    let held = || *secret.borrow().reveal();
    let first = held();
    let before = house.service.organizer("house".into()).await.unwrap();
    let next = house.service.make_next_keys(before.id).await.unwrap();
    assert_eq!(held(), first);
    let trust = trust_with(&before, &next, &Before::Revoked);
    house.service.take_trust(before.id, trust).await.unwrap();
    let second = held();
    assert_ne!(second, first);
    house.service.raise_epoch().await.unwrap();
    assert!(![first, second].contains(&held()));
    // The next start of the program takes that one.
    let stored = house.service.device_token_secret().await.unwrap();
    assert_eq!(*stored.borrow().reveal(), held());
}

#[tokio::test]
async fn a_document_brings_the_next_keys_into_use_and_everything_is_signed_anew() {
    let house = House::open().await;
    house.change_rules(EntryMode::Reentry).await;
    house.service.seal_now().await.unwrap();
    let before = house.service.organizer("house".into()).await.unwrap();
    let session = house.first().await;
    let next = house.service.make_next_keys(before.id).await.unwrap();
    let trust = trust_with(&before, &next, &Before::Revoked);
    let after = house
        .service
        .take_trust(before.id, trust.clone())
        .await
        .unwrap();
    assert_eq!(after.keys, next);
    assert_eq!(
        house.service.trust_in_force(before.id).await.unwrap(),
        trust
    );

    // The server's own log, then and now.
    assert_eq!(house.signers().await, [next.set.kid()]);
    house.change_rules(EntryMode::Times(2)).await;
    assert_eq!(house.signers().await, [next.set.kid(); 2]);
    let scope = session.scope;
    let feed = house
        .service
        .read(move |txn| Ok(txn.feed(scope, 0, 10)?))
        .await
        .unwrap();
    for (_, batch) in &feed {
        verify_batch(batch, &next.set).unwrap();
    }
    let audit = house
        .service
        .audit(before.id, "show".into(), "first".into())
        .await
        .unwrap();
    assert_eq!(audit.faults, []);

    // Every table, issued no earlier than the old keys ended.
    house.service.seal_now().await.unwrap();
    for (table, key) in [
        (TableId::Roster(before.id), next.roster),
        (TableId::Set(session.id), next.set),
    ] {
        let head = house
            .service
            .read(move |txn| Ok(txn.table_head(table)?.unwrap()))
            .await
            .unwrap();
        assert_eq!(cose::parse(&head.manifest).unwrap().kid(), key.kid());
        let manifest = crate::service::tables::manifest(&head).unwrap();
        assert_eq!(manifest.issued_at, NOON.shifted(5_000));
    }
    let again = house.service.make_next_keys(before.id).await.unwrap();
    assert_ne!(again, next);
}

#[tokio::test]
async fn what_a_key_signed_that_stays_good_is_left_as_it_is() {
    let house = House::open().await;
    house.change_rules(EntryMode::Reentry).await;
    let before = house.service.organizer("house".into()).await.unwrap();
    let next = house.service.make_next_keys(before.id).await.unwrap();
    let trust = trust_with(&before, &next, &Before::Kept);
    house.service.take_trust(before.id, trust).await.unwrap();
    house.change_rules(EntryMode::Times(2)).await;
    let signers = house.signers().await;
    assert_eq!(signers, [before.keys.set.kid(), next.set.kid()]);
}

#[tokio::test]
async fn before_the_first_document_there_is_none_to_go_on_from() {
    let house = House::open().await;
    let new = NewOrganizer {
        slug: "other".into(),
        name: "Other".into(),
    };
    let other = house.service.create_organizer(new).await.unwrap();
    let none = house.service.trust_in_force(other.id).await;
    assert!(matches!(none, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_trust_document_that_is_handed_back_waits_until_one_unites_it_and_no_other_revives_a_key()
{
    let house = House::open().await;
    let north = house.device(1).await;
    let organizer = house.service.organizer("house".to_owned()).await.unwrap();
    let next = house.service.make_next_keys(organizer.id).await.unwrap();
    // What a restored server lost: the keys in use were revoked.
    let lost = trust_with(&organizer, &next, &Before::Revoked);
    let document = STANDARD.decode(&lost.document).unwrap();
    let hand_back = async |document: &[u8]| {
        let request = usher_domain::protocol::TrustHandBack {
            document: document.to_vec().into(),
        };
        house.service.hand_back_trust(north, request).await
    };
    let kept = async || {
        let kept = house.service.trust_handed_back(organizer.id).await;
        kept.unwrap().documents
    };
    let told = async || {
        let open = house.service.incidents(organizer.id, None, 100);
        let open = open.await.unwrap().items.into_iter();
        open.filter(|one| one.kind == IncidentKind::TrustHandedBack)
            .count()
    };
    // Twice, for the answer may be lost.
    for _ in 0..2 {
        hand_back(&document).await.unwrap();
        assert_eq!(kept().await, std::slice::from_ref(&lost.document));
        assert_eq!(told().await, 1);
    }
    // It is in force for nobody yet; but nothing that revives its keys is taken.
    let in_force = house.service.trust_in_force(organizer.id).await.unwrap();
    assert_ne!(in_force.document, lost.document);
    let revived = house
        .service
        .take_trust(organizer.id, trust_for(&organizer, 3, NOON))
        .await;
    assert!(matches!(revived, Err(Error::Conflict(_))), "{revived:?}");
    let united = house.service.take_trust(organizer.id, lost).await.unwrap();
    assert_eq!(united.keys, next);
    assert_eq!((kept().await.len(), told().await), (0, 0));
    // Handed back once more it says nothing new.
    hand_back(&document).await.unwrap();
    assert_eq!((kept().await.len(), told().await), (0, 0));
    let revived = house
        .service
        .take_trust(organizer.id, trust_for(&organizer, 3, NOON))
        .await;
    assert!(matches!(revived, Err(Error::Conflict(_))), "{revived:?}");
}

#[tokio::test]
async fn a_forged_trust_document_or_another_organizers_is_not_kept() {
    let house = House::open().await;
    let north = house.device(1).await;
    let organizer = house.service.organizer("house".to_owned()).await.unwrap();
    let other = Organizer {
        id: OrganizerId::from_bytes([9; 16]),
        ..organizer.clone()
    };
    let bytes = |trust: NewTrust| STANDARD.decode(trust.document).unwrap();
    let good = bytes(trust_for(&organizer, 9, NOON));
    let (mut broken, theirs) = (good.clone(), bytes(trust_for(&other, 9, NOON)));
    *broken.last_mut().unwrap() ^= 1;
    let thief = SigningKey::from_seed(&Seed::new([78; 32]));
    let verified = usher_domain::document::verify_trust(&good, &root().public(), None).unwrap();
    let forged = sign(verified.value(), &thief);
    for document in [broken, theirs, forged, Vec::new()] {
        let request = usher_domain::protocol::TrustHandBack {
            document: document.into(),
        };
        let refused = house.service.hand_back_trust(north, request).await;
        assert!(
            matches!(refused, Err(Error::NotAuthentic(_))),
            "{refused:?}"
        );
    }
    let kept = house.service.trust_handed_back(organizer.id).await.unwrap();
    assert_eq!(kept.documents, [""; 0]);
    let open = house.service.incidents(organizer.id, None, 100);
    assert_eq!(open.await.unwrap().items, []);
}
