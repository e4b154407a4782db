//! Changes of tickets on their way to the gates.

use usher_domain::api::tickets::{TicketChange, TicketDetails};
use usher_domain::record::Outcome;
use usher_domain::secret::Private;
use usher_domain::table::rows::CancelReason;
use usher_domain::verdict::{Reason, Refusal, Verdict};
use usher_tests::office::usual;
use usher_tests::{Said as _, Venue};

#[tokio::test]
async fn a_cancelled_ticket_is_refused_at_all_gates_with_its_reason() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    venue.cancel(&ticket).await;
    venue.sync_all().await;
    for gate in [&north, &south] {
        let answer = gate.scan(&ticket.code);
        let reason = CancelReason::Refunded;
        assert_eq!(
            answer.verdict,
            Verdict::Refuse(Refusal::Cancelled { reason })
        );
    }
}

#[tokio::test]
async fn a_reissued_ticket_is_known_by_its_new_code_alone() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    let reissued = venue.reissue(&ticket).await;
    assert_ne!(ticket.code, reissued.code);
    venue.sync_all().await;
    let old = north.scan(&ticket.code);
    assert_eq!(old.said(), (Outcome::Refuse, Reason::Superseded));
    assert!(north.scan(&reissued.code).is_admitted());
}

#[tokio::test]
async fn a_code_reissued_after_the_last_exchange_is_admitted_and_the_old_one_later_refused() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    venue.cut_all();
    let reissued = venue.reissue(&ticket).await;
    assert!(north.scan(&reissued.code).is_admitted());
    venue.heal_all();
    venue.sync_all().await;
    let old = south.scan(&ticket.code);
    assert_eq!(old.said(), (Outcome::Refuse, Reason::Superseded));
    assert!(venue.incidents().await.is_empty());
}

#[tokio::test]
async fn a_blocked_ticket_is_refused_until_it_is_unblocked() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    venue.change(ticket.id, TicketChange::Block).await;
    venue.sync_all().await;
    let blocked = north.scan(&ticket.code);
    assert_eq!(blocked.said(), (Outcome::Refuse, Reason::Blocked));
    venue.change(ticket.id, TicketChange::Unblock).await;
    venue.sync_all().await;
    assert!(north.scan(&ticket.code).is_admitted());
}

#[tokio::test]
async fn what_was_changed_before_an_exchange_began_comes_with_it() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    // Nobody asks the server to seal: it does so by itself, a moment after each answer.
    for _ in 0..5 {
        venue.change(ticket.id, TicketChange::Block).await;
        north.sync().await;
        let blocked = north.scan(&ticket.code);
        assert_eq!(blocked.said(), (Outcome::Refuse, Reason::Blocked));
        venue.change(ticket.id, TicketChange::Unblock).await;
        north.sync().await;
        let other = north.scan(&ticket.code).said();
        assert_ne!(other, (Outcome::Refuse, Reason::Blocked));
    }
}

#[tokio::test]
async fn a_ticket_for_one_zone_is_shown_the_gates_that_lead_there() {
    let venue = Venue::new().await;
    venue.zone("balcony").await;
    venue.zone("stalls").await;
    let mut new = usual();
    new.zone = Some("balcony".to_owned());
    let ticket = venue.sell_this(new).await;
    let stalls = venue.gate_to("left", Some("stalls")).await;
    let balcony = venue.gate_to("stairs", Some("balcony")).await;
    venue.sync_all().await;
    let answer = stalls.scan(&ticket.code);
    let gates = vec!["gate stairs".to_owned()];
    assert_eq!(
        answer.verdict,
        Verdict::Refuse(Refusal::WrongZone { gates })
    );
    assert!(balcony.scan(&ticket.code).is_admitted());
}

#[tokio::test]
async fn an_attached_wristband_opens_the_same_ticket_once() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    let band = Private::new("WRIST-5512-9931-7741-2280");
    let medium = band.clone();
    venue
        .change(ticket.id, TicketChange::Attach { medium })
        .await;
    venue.sync_all().await;
    let answer = north.scan(&band);
    assert!(answer.is_admitted());
    assert_eq!(answer.ticket, Some(ticket.id));
    let again = north.scan(&ticket.code);
    assert_eq!(again.said(), (Outcome::Refuse, Reason::AlreadyInside));
}

#[tokio::test]
async fn what_staff_must_check_is_referred_until_they_confirm() {
    let venue = Venue::new().await;
    let mut new = usual();
    new.instruction = Some("check student ID".to_owned());
    let ticket = venue.sell_this(new).await;
    let north = venue.gate("north").await;
    let asked = north.scan(&ticket.code);
    assert_eq!(asked.said(), (Outcome::Refer, Reason::Instruction));
    assert!(north.confirm(&ticket.code, &asked).is_admitted());
    venue.sync_all().await;
    venue.assert_agreement().await;
}

#[tokio::test]
async fn a_name_is_shown_only_to_whoever_has_the_code() {
    let venue = Venue::new().await;
    let mut new = usual();
    new.holder = Some(Private::new("Wilhelmine Sonderbar"));
    let named = venue.sell_this(new).await;
    let mut weak = usual();
    weak.holder = Some(Private::new("Leberecht Kurzcode"));
    weak.media = vec![Private::new("12345")];
    let weak = venue.sell_this(weak).await;
    let north = venue.gate("north").await;
    let answer = north.scan(&named.code);
    let name = answer.holder.unwrap().name;
    assert_eq!(name.reveal(), "Wilhelmine Sonderbar");
    let answer = north.scan(&weak.code);
    assert!(answer.is_admitted());
    assert_eq!(answer.holder, None);
    north.stop();
    for file in std::fs::read_dir(north.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in ["Wilhelmine", "Leberecht", named.code.reveal()] {
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} is readable on the device");
        }
    }
}

#[tokio::test]
async fn a_new_name_reaches_the_gates() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    let details = TicketDetails {
        holder: Some(Private::new("Neue Inhaberin")),
        ..TicketDetails::default()
    };
    venue.change(ticket.id, TicketChange::Update(details)).await;
    venue.sync_all().await;
    let holder = north.scan(&ticket.code).holder.unwrap();
    assert_eq!(holder.name.reveal(), "Neue Inhaberin");
}

#[tokio::test]
async fn tickets_of_an_imported_list_are_admitted_by_their_barcodes() {
    let venue = Venue::new().await;
    let list = "barcode;name;type\n\
                QX7M2K9P4T8W3R6Z;Anna Beispiel;regular\n\
                B4N8C2V6X9L5K3J7;Bernd Muster;regular\n";
    let report = venue.import(list).await;
    assert_eq!((report.created, report.bad_count), (2, 0), "{report:?}");
    let again = venue.import(list).await;
    assert_eq!((again.created, again.unchanged), (0, 2));
    let north = venue.gate("north").await;
    assert!(north.scan(&Private::new("QX7M2K9P4T8W3R6Z")).is_admitted());
    assert!(north.scan(&Private::new("B4N8C2V6X9L5K3J7")).is_admitted());
    let unknown = north.scan(&Private::new("QX7M2K9P4T8W3R6A"));
    assert_eq!(unknown.said(), (Outcome::Refuse, Reason::Unknown));
}

#[tokio::test]
async fn one_code_of_an_order_lets_all_its_people_in() {
    let venue = Venue::new().await;
    let mut sold = Vec::new();
    for _ in 0..4 {
        let mut new = usual();
        new.order = Some(Private::new("ORDER-77"));
        sold.push(venue.sell_this(new).await);
    }
    venue.cancel(&sold[3]).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&sold[1].code).is_admitted());
    let answers = north.scan_order(&sold[0].code);
    let said: Vec<_> = answers.iter().map(|answer| answer.said().1).collect();
    assert_eq!(answers[0].ticket, Some(sold[0].id));
    assert_eq!(
        said.iter()
            .filter(|reason| **reason == Reason::Listed)
            .count(),
        2
    );
    assert_eq!(
        said.iter()
            .filter(|reason| **reason == Reason::AlreadyInside)
            .count(),
        1
    );
    assert_eq!(
        said.iter()
            .filter(|reason| **reason == Reason::Cancelled)
            .count(),
        1
    );
    venue.sync_all().await;
    let known = south.scan(&sold[2].code);
    assert_eq!(known.said(), (Outcome::Refuse, Reason::AlreadyInside));
}
