//! Staff at the gates: signing in, searching, overriding. All of it without a network.

use usher_core::gate::{GateError, OverrideRequest};
use usher_domain::document::sanction::SanctionReason;
use usher_domain::hash::Hash;
use usher_domain::record::Outcome;
use usher_domain::secret::Private;
use usher_domain::table::rows::StaffRole;
use usher_domain::verdict::Reason;
use usher_tests::office::{Person, usual};
use usher_tests::{Said as _, Venue};

fn request(record: Option<Hash>, by: &Person) -> OverrideRequest {
    OverrideRequest {
        record: record.unwrap(),
        badge: by.badge.clone(),
        pin: by.pin.clone(),
        reason: SanctionReason::IdentityChecked,
    }
}

#[tokio::test]
async fn staff_sign_in_at_an_isolated_gate_and_their_scans_name_them() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let steward = venue.employ(1, "Stefan Einlass", StaffRole::Steward).await;
    let north = venue.gate("north").await;
    venue.cut_all();
    let signed = north.at_work(|gate, means| gate.sign_in(means, steward.badge.reveal()));
    let signed = signed.unwrap();
    assert_eq!(signed.name.reveal(), "Stefan Einlass");
    north.scan(&ticket.code);
    let scope = venue.scope().await;
    let records = usher_tests::compare::records_of(&north, scope);
    let operator = records.iter().find_map(|line| match &line.record.body {
        usher_domain::record::Body::Scan(scan) => scan.operator,
        _ => None,
    });
    assert_eq!(operator, Some(signed.staff));
}

#[tokio::test]
async fn an_override_needs_badge_and_pin_and_works_once() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let steward = venue.employ(1, "Stefan Einlass", StaffRole::Steward).await;
    let boss = venue.employ(2, "Ida Aufsicht", StaffRole::Supervisor).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    venue.cut_all();
    assert!(north.scan(&ticket.code).is_admitted());
    let refused = north.scan(&ticket.code);
    assert_eq!(refused.said(), (Outcome::Refuse, Reason::AlreadyInside));
    let by_steward = north.override_verdict(&request(refused.record, &steward));
    assert!(
        matches!(by_steward, Err(GateError::NoSupervisor(_))),
        "{by_steward:?}"
    );
    let wrong = Person {
        pin: Private::new("000000"),
        ..boss.clone()
    };
    let wrong = north.override_verdict(&request(refused.record, &wrong));
    assert!(matches!(wrong, Err(GateError::WrongPin)), "{wrong:?}");
    let right = request(refused.record, &boss);
    let overridden = north.override_verdict(&right).unwrap();
    assert_eq!(overridden.said(), (Outcome::Admit, Reason::Override));
    let again = north.override_verdict(&right);
    assert!(matches!(again, Err(GateError::DoneBefore)), "{again:?}");
    venue.heal_all();
    venue.sync_all().await;
    assert!(
        venue.incidents().await.is_empty(),
        "an override is no excess"
    );
    assert_eq!(south.scan(&ticket.code).said().0, Outcome::Refuse);
    venue.sync_all().await;
    let known = venue.assert_agreement().await;
    assert_eq!(
        known
            .states
            .values()
            .map(|state| state.entries)
            .sum::<u32>(),
        2
    );
}

#[tokio::test]
async fn a_revoked_badge_signs_nobody_in() {
    let venue = Venue::new().await;
    let steward = venue.employ(1, "Stefan Einlass", StaffRole::Steward).await;
    let north = venue.gate("north").await;
    let service = venue.service();
    let staff = service.staff(venue.organizer.id).await.unwrap();
    let id = staff[0].id.to_string();
    service.revoke_staff(venue.organizer.id, id).await.unwrap();
    venue.sync_all().await;
    let refused = north.at_work(|gate, means| gate.sign_in(means, steward.badge.reveal()));
    assert!(
        matches!(refused, Err(GateError::BadgeNotValid)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn nobody_searches_where_no_names_are_held() {
    let venue = Venue::new().await;
    let mut new = usual();
    new.holder = Some(Private::new("Wilhelmine Sonderbar"));
    new.order = Some(Private::new("ORDER-77"));
    venue.sell_this(new).await;
    let steward = venue.employ(1, "Stefan Einlass", StaffRole::Steward).await;
    let boss = venue.employ(2, "Ida Aufsicht", StaffRole::Supervisor).await;
    let north = venue.gate("north").await;
    let session = venue.show_session("evening").await.id;
    let search = |badge: &Private| {
        north.at_work(|gate, means| {
            gate.sign_in(means, badge.reveal()).unwrap();
            gate.search(means, session, "sonder", 10)
        })
    };
    // A gate device does not hold names at all; only one of the box office does.
    for badge in [&steward.badge, &boss.badge] {
        assert!(matches!(search(badge), Err(GateError::NoNames)));
    }
}
