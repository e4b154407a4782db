//! Gates that are alone, and what all know once they are together again.

use usher_domain::api::reports::IncidentKind;
use usher_domain::record::{Certainty, Direction, Outcome, RulingWord};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{Admit, AdmitWhy, Caution, Reason, Refusal, Verdict};
use usher_tests::office::usual;
use usher_tests::{Said as _, Venue};

#[tokio::test]
async fn an_admission_made_alone_is_known_everywhere_after_an_exchange() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    venue.cut_all();
    let admitted = north.scan(&ticket.code);
    assert_eq!(admitted.said(), (Outcome::Admit, Reason::Listed));
    venue.heal_all();
    venue.sync_all().await;
    venue.wait_ms(61_000);
    let refused = south.scan(&ticket.code);
    let Verdict::Refuse(Refusal::AlreadyInside(prior)) = &refused.verdict else {
        panic!("{refused:?}");
    };
    assert_eq!(prior.device, north.id());
    let evidence = refused.evidence.unwrap();
    assert_eq!(evidence.gate.as_deref(), Some("gate north"));
    assert_eq!(evidence.device.as_deref(), Some("north"));
    assert_eq!(evidence.ago_ms, 61_000);
    venue.sync_all().await;
    venue.assert_agreement().await;
}

#[tokio::test]
async fn a_ticket_admitted_at_two_isolated_gates_is_one_incident_with_the_excess_admission() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    venue.cut_all();
    let allowed = north.scan(&tickets[0].code);
    venue.wait_ms(1_000);
    let excess = south.scan(&tickets[0].code);
    assert!(excess.is_admitted());
    assert!(south.scan(&tickets[1].code).is_admitted());
    venue.heal_all();
    venue.sync_all().await;
    let incidents = venue.incidents().await;
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}");
    };
    assert_eq!(incident.kind, IncidentKind::ExcessAdmission);
    assert_eq!(incident.ticket, Some(tickets[0].id));
    let [scan] = incident.scans.as_slice() else {
        panic!("{incident:?}");
    };
    assert_eq!(scan.record, excess.record.unwrap().to_string());
    assert_eq!(scan.device, south.id());
    let [before] = incident.allowed.as_slice() else {
        panic!("{incident:?}");
    };
    assert_eq!(before.record, allowed.record.unwrap().to_string());
    assert_eq!(before.device, north.id());
    let known = venue.assert_agreement().await;
    assert_eq!(usher_domain::merge::incidents(&known.states).len(), 1);
    let audit = venue.audit().await;
    assert!(audit.faults.is_empty(), "{audit:?}");
    assert_eq!(audit.state_digest, known.digest.to_string());
    // Whoever asks at either gate is told of the admission that used the ticket up.
    for gate in [&north, &south] {
        let Verdict::Refuse(Refusal::AlreadyInside(prior)) = gate.scan(&tickets[0].code).verdict
        else {
            panic!("the ticket was used");
        };
        assert_eq!(Some(prior.record), allowed.record);
    }
}

#[tokio::test]
async fn a_gate_without_the_server_says_that_it_is_alone_and_since_when() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    north.network.cut();
    north.try_sync().await.unwrap_err();
    venue.wait_ms(120_000);
    let answer = north.scan(&ticket.code);
    let Certainty::Isolated { since } = answer.certainty else {
        panic!("{answer:?}");
    };
    assert!(since > UnixMillis::new(0));
    let Verdict::Admit(Admit { cautions, .. }) = &answer.verdict else {
        panic!("{answer:?}");
    };
    assert!(cautions.contains(&Caution::Isolated { since }));
}

#[tokio::test]
async fn a_code_sold_after_the_last_exchange_is_admitted_and_counted_as_its_ticket() {
    let venue = Venue::new().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    venue.cut_all();
    let ticket = venue.sell().await;
    let answer = north.scan(&ticket.code);
    assert_eq!(answer.said(), (Outcome::Admit, Reason::UnknownSigned));
    assert!(matches!(
        answer.verdict,
        Verdict::Admit(Admit {
            why: AdmitWhy::UnknownSigned,
            ..
        })
    ));
    venue.heal_all();
    venue.sync_all().await;
    let refused = south.scan(&ticket.code);
    assert_eq!(refused.said(), (Outcome::Refuse, Reason::AlreadyInside));
    assert!(venue.incidents().await.is_empty());
    venue.sync_all().await;
    venue.assert_agreement().await;
}

#[tokio::test]
async fn an_unknown_barcode_that_a_person_let_in_counts_for_the_ticket_it_turns_out_to_be() {
    use usher_core::gate::OverrideRequest;
    use usher_domain::document::sanction::SanctionReason;
    use usher_domain::secret::Private;
    use usher_domain::table::rows::StaffRole;
    let venue = Venue::new().await;
    let boss = venue.employ(9, "Ida Aufsicht", StaffRole::Supervisor).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    venue.cut_all();
    let barcode = Private::new("7F3A-99K2-XQ4M-0C81-LATE");
    let unknown = north.scan(&barcode);
    assert_eq!(unknown.said(), (Outcome::Refuse, Reason::Unknown));
    let request = OverrideRequest {
        record: unknown.record.unwrap(),
        badge: boss.badge.clone(),
        pin: boss.pin.clone(),
        reason: SanctionReason::IdentityChecked,
    };
    assert!(north.override_verdict(&request).unwrap().is_admitted());
    let mut late = usual();
    late.media = vec![barcode.clone()];
    let ticket = venue.sell_this(late).await;
    venue.heal_all();
    venue.sync_all().await;
    venue.sync_all().await;
    let refused = south.scan(&barcode);
    assert_eq!(refused.said(), (Outcome::Refuse, Reason::AlreadyInside));
    assert_eq!(refused.ticket, Some(ticket.id));
    venue.sync_all().await;
    venue.assert_agreement().await;
}

#[tokio::test]
async fn an_undo_frees_the_entry_everywhere() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    let admitted = north.scan(&ticket.code);
    north.undo(&admitted).unwrap();
    assert!(north.undo(&admitted).is_err());
    venue.sync_all().await;
    assert!(south.scan(&ticket.code).is_admitted());
    venue.sync_all().await;
    assert!(venue.incidents().await.is_empty());
    let known = venue.assert_agreement().await;
    assert_eq!(
        known
            .states
            .values()
            .map(|state| state.entries)
            .sum::<u32>(),
        1
    );
}

#[tokio::test]
async fn after_everyone_was_sent_out_each_comes_back_once() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&ticket.code).is_admitted());
    venue.wait_ms(1_000);
    venue.sync_all().await;
    venue.everyone_out().await;
    venue.wait_ms(1_000);
    venue.sync_all().await;
    let back = south.scan(&ticket.code);
    assert_eq!(back.said(), (Outcome::Admit, Reason::BackAfterEveryoneOut));
    venue.sync_all().await;
    let again = north.scan(&ticket.code);
    assert_eq!(again.said(), (Outcome::Refuse, Reason::AlreadyInside));
    venue.sync_all().await;
    assert!(venue.incidents().await.is_empty());
    venue.assert_agreement().await;
}

#[tokio::test]
async fn everyone_out_that_was_taken_back_lets_in_nobody_a_second_time() {
    let venue = Venue::new().await;
    let (stayed, returned) = (venue.sell().await, venue.sell().await);
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    for ticket in [&stayed, &returned] {
        assert!(north.scan(&ticket.code).is_admitted());
    }
    venue.wait_ms(1_000);
    venue.sync_all().await;
    venue.everyone_out().await;
    venue.wait_ms(1_000);
    venue.sync_all().await;
    let back = south.scan(&returned.code);
    assert_eq!(back.said(), (Outcome::Admit, Reason::BackAfterEveryoneOut));
    venue.wait_ms(1_000);
    venue.sync_all().await;
    venue.take_everyone_out_back().await;
    venue.wait_ms(1_000);
    venue.sync_all().await;
    for (gate, ticket) in [(&south, &stayed), (&north, &returned)] {
        let again = gate.scan(&ticket.code);
        assert_eq!(again.said(), (Outcome::Refuse, Reason::AlreadyInside));
    }
    venue.sync_all().await;
    assert!(venue.incidents().await.is_empty());
    venue.assert_agreement().await;
}

#[tokio::test]
async fn a_gate_in_free_flow_logs_without_counting() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    let until = usher_server::clock::Clock::now(&*venue.clock).shifted(60_000);
    venue.free_flow("north", until).await;
    venue.sync_all().await;
    for _ in 0..3 {
        let answer = north.scan(&ticket.code);
        assert_eq!(answer.said(), (Outcome::Admit, Reason::FreeFlow));
    }
    venue.wait_ms(60_001);
    let counted = north.scan(&ticket.code);
    assert_eq!(counted.said(), (Outcome::Admit, Reason::Listed));
    venue.sync_all().await;
    assert!(venue.incidents().await.is_empty());
    let statistics = venue.statistics().await;
    assert_eq!((statistics.entries, statistics.inside), (1, 1));
}

#[tokio::test]
async fn who_a_revoked_device_let_in_before_anybody_else_is_counted_once_it_is_accepted() {
    use usher_domain::api::access::DeviceChange;
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    north.network.cut();
    venue.change_device(&north, DeviceChange::Revoke).await;
    let late = north.scan(&ticket.code);
    assert!(late.is_admitted());
    north.network.heal();
    assert!(north.try_sync().await.is_err());
    assert_eq!(venue.statistics().await.inside, 0);
    let record = late.record.unwrap().to_string();
    venue.rule_on(vec![record], RulingWord::Accept).await;
    let statistics = venue.statistics().await;
    assert_eq!((statistics.entries, statistics.inside), (1, 1));
    venue.seal().await;
    south.sync().await;
    assert!(south.leave(&ticket.code).is_admitted());
    south.sync().await;
    assert_eq!(venue.statistics().await.inside, 0);
}

#[tokio::test]
async fn records_of_a_revoked_device_wait_until_a_person_rules_on_them() {
    use usher_domain::api::access::DeviceChange;
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&tickets[0].code).is_admitted());
    venue.sync_all().await;
    north.network.cut();
    venue.change_device(&north, DeviceChange::Revoke).await;
    let late: Vec<_> = tickets[1..]
        .iter()
        .map(|ticket| north.scan(&ticket.code))
        .collect();
    north.network.heal();
    let error = north.try_sync().await.unwrap_err();
    assert_eq!(error.code(), "device_revoked");
    let quarantined = venue.incidents_of(IncidentKind::Quarantined).await;
    assert_eq!(quarantined.len(), 1, "{quarantined:?}");
    assert_eq!(quarantined[0].scans.len(), 2);
    assert!(quarantined[0].scans.iter().all(|scan| !scan.counts));
    let record = |index: usize| late[index].record.unwrap().to_string();
    venue.rule_on(vec![record(0)], RulingWord::Accept).await;
    venue.rule_on(vec![record(1)], RulingWord::Void).await;
    venue.seal().await;
    south.sync().await;
    let accepted = south.scan(&tickets[1].code);
    assert_eq!(accepted.said(), (Outcome::Refuse, Reason::AlreadyInside));
    assert!(south.scan(&tickets[2].code).is_admitted());
    south.sync().await;
    let scope = venue.scope().await;
    let server = venue.known_at_server(scope).await;
    assert_eq!(venue.known_at(&south, scope).digest, server.digest);
    assert!(
        venue
            .incidents_of(IncidentKind::Quarantined)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn people_who_leave_and_come_back_are_followed_over_two_gates() {
    use usher_domain::rules::{Counted, EntryMode, EntryRule, Rules};
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let rules = Rules {
        entry: EntryRule {
            mode: EntryMode::Reentry,
            counted: Counted::PerSession,
        },
        ..Rules::default()
    };
    venue.rules(rules).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&ticket.code).is_admitted());
    let twice = north.scan(&ticket.code);
    assert_eq!(twice.said(), (Outcome::Refuse, Reason::ExitRequired));
    venue.sync_all().await;
    let out = south.leave(&ticket.code);
    assert_eq!(out.said(), (Outcome::Admit, Reason::Exit));
    venue.sync_all().await;
    assert!(north.scan(&ticket.code).is_admitted());
    venue.sync_all().await;
    let known = venue.assert_agreement().await;
    assert_eq!(known.states.len(), 1);
    let scope = venue.scope().await;
    let exits = usher_tests::compare::records_of(&north, scope)
        .iter()
        .filter(|line| {
            matches!(&line.record.body, usher_domain::record::Body::Scan(scan)
                if scan.direction == Direction::Exit)
        })
        .count();
    assert_eq!(exits, 1);
}
