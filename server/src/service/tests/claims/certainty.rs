//! How sure an answer is: who is on duty, and whose log is proved.

use super::*;
use crate::service::tests::service_in;
use usher_domain::api::access::DeviceChange;
use usher_domain::rules::SilentRule;
use usher_domain::verdict::{Referral, Verdict};

const fn except(device: DeviceId, since: UnixMillis, others: u16) -> Certainty {
    Certainty::ConfirmedExcept {
        device,
        since,
        others,
    }
}

#[tokio::test]
async fn an_admission_is_confirmed_while_every_other_log_is_proved() {
    let tickets = (1..=4).map(|number| new_ticket(&format!("A-{number}"), &[]));
    let doors = Doors::with(Rules::default(), tickets.collect()).await;
    let (north, mut south) = (doors.gate(1).await, doors.gate(2).await);
    let zero = UnixMillis::default();
    assert_eq!(
        doors.claim(&north, 1, 0).await.certainty,
        except(south.id, zero, 0)
    );
    doors.beat(&south, Some(DOORS)).await;
    assert_eq!(
        doors.claim(&north, 2, 1).await.certainty,
        Certainty::Confirmed
    );
    doors.house.clock.advance(15_000);
    assert_eq!(
        doors.claim(&north, 3, 2).await.certainty,
        Certainty::Confirmed
    );
    doors.house.clock.advance(1);
    assert_eq!(
        doors.claim(&north, 4, 3).await.certainty,
        except(south.id, DOORS, 0)
    );
    // A log that goes on proves nothing before the server has all of it.
    south.write(DOORS, Body::Scan(doors.scan(9, 3, Outcome::Refer)));
    let now = doors.service().now();
    doors.beat(&south, Some(now)).await;
    assert_eq!(
        doors.claim(&north, 5, 3).await.certainty,
        except(south.id, DOORS, 0)
    );
    doors.service().push(south.id, south.all()).await.unwrap();
    doors.beat(&south, Some(now)).await;
    assert_eq!(
        doors.claim(&north, 6, 3).await.certainty,
        Certainty::Confirmed
    );
}

#[tokio::test]
async fn a_statement_about_the_future_or_of_another_epoch_proves_nothing() {
    let doors = Doors::open().await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.beat(&south, Some(DOORS.shifted(1))).await;
    let zero = UnixMillis::default();
    assert_eq!(
        doors.claim(&north, 1, 0).await.certainty,
        except(south.id, zero, 0)
    );
}

#[tokio::test]
async fn nobody_is_proved_after_the_servers_clock_was_set_back() {
    for (back_ms, proves_at_once) in [(1_000, false), (3_600_000, true)] {
        let doors = Doors::open().await;
        let (north, south) = (doors.gate(1).await, doors.gate(2).await);
        doors.house.clock.advance(4_000_000);
        let before = doors.service().now();
        doors.beat(&south, Some(before)).await;
        doors.house.clock.set(before.shifted(-back_ms));
        let zero = UnixMillis::default();
        let nobody = except(south.id, zero, 0);
        assert_eq!(doors.claim(&north, 1, 0).await.certainty, nobody);
        doors.aborts(&mut north.copy(), 1, 0).await;
        // What is said now proves as before; if the clock was set back by little, once it is where it was.
        doors.beat(&south, Some(doors.service().now())).await;
        let asked = doors.claim(&north, 2, 0).await;
        assert_eq!(asked.certainty == Certainty::Confirmed, proves_at_once);
        doors.house.clock.set(before.shifted(1));
        doors.beat(&south, Some(before.shifted(1))).await;
        assert_eq!(
            doors.claim(&south, 3, 0).await.certainty,
            except(north.id, zero, 0)
        );
    }
}

#[tokio::test]
async fn logs_of_a_former_device_in_the_same_folder_prove_nothing_and_hide_nothing() {
    let doors = Doors::open().await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    let mut former = doors.gate(3).await;
    former.write(DOORS, Body::Scan(doors.scan(9, 0, Outcome::Refer)));
    let retire = DeviceChange::Revoke;
    let change =
        doors
            .service()
            .change_device(doors.house.organizer, former.id.to_string(), retire);
    change.await.unwrap();
    let mut told = doors.sign_of_life(&south, Some(DOORS));
    told.heads.push(former.end.head);
    doors.service().heartbeat(south.id, told).await.unwrap();
    assert_eq!(
        doors.claim(&north, 1, 0).await.certainty,
        Certainty::Confirmed
    );
}

#[tokio::test]
async fn the_longest_silent_device_is_named_and_the_others_are_counted() {
    let doors = Doors::open().await;
    let (north, south, west) = (
        doors.gate(1).await,
        doors.gate(2).await,
        doors.gate(3).await,
    );
    doors.beat(&south, Some(DOORS)).await;
    doors.house.clock.advance(5_000);
    doors.beat(&west, Some(DOORS.shifted(5_000))).await;
    doors.house.clock.advance(60_000);
    assert_eq!(
        doors.claim(&north, 1, 0).await.certainty,
        except(south.id, DOORS, 1)
    );
}

#[tokio::test]
async fn a_session_may_refer_what_a_silent_device_could_have_admitted() {
    let rules = Rules {
        silent: SilentRule::Refer,
        ..Rules::default()
    };
    let doors = Doors::with(rules, vec![new_ticket("A-1", &[])]).await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    let asked = doors.claim(&north, 1, 0).await;
    let Verdict::Refer(Referral::PeerSilent { device, .. }) = asked.verdict else {
        panic!("{asked:?}");
    };
    assert_eq!((device, doors.open_count().await), (south.id, 0));
    doors.beat(&south, Some(DOORS)).await;
    assert!(admitted(&doors.claim(&north, 1, 0).await));
}

#[tokio::test]
async fn duty_begins_when_a_set_is_given_and_ends_at_a_persons_or_the_devices_word() {
    let tickets = (1..=6).map(|number| new_ticket(&format!("A-{number}"), &[]));
    let doors = Doors::with(Rules::default(), tickets.collect()).await;
    let north = doors.gate(1).await;
    let mut south = Gate::enroll(&doors.house, 2, &doors.session).await;
    assert_eq!(
        doors.claim(&north, 1, 0).await.certainty,
        Certainty::Confirmed
    );
    let table = TableId::Set(doors.session.id);
    let rows = doors.service().bucket_rows(south.id, table, vec![1]);
    rows.await.unwrap();
    let silent = except(south.id, UnixMillis::default(), 0);
    assert_eq!(doors.claim(&north, 2, 1).await.certainty, silent);

    south.write(DOORS, Body::Scan(doors.scan(9, 5, Outcome::Refer)));
    let sign_off = |heads| doors.service().sign_off(south.id, heads);
    let early = sign_off(vec![south.end.head]).await;
    assert!(matches!(early, Err(Error::Conflict(_))));
    doors.service().push(south.id, south.all()).await.unwrap();
    sign_off(vec![south.end.head]).await.unwrap();
    assert_eq!(
        doors.claim(&north, 3, 2).await.certainty,
        Certainty::Confirmed
    );

    doors.beat(&south, None).await;
    assert_eq!(doors.claim(&north, 4, 3).await.certainty, silent);
    let (organizer, name) = (doors.house.organizer, south.id.to_string());
    doors
        .service()
        .stand_down(organizer, name.clone())
        .await
        .unwrap();
    assert_eq!(
        doors.claim(&north, 5, 4).await.certainty,
        Certainty::Confirmed
    );

    doors.beat(&south, None).await;
    let revoke = doors
        .service()
        .change_device(organizer, name, DeviceChange::Revoke);
    revoke.await.unwrap();
    assert_eq!(
        doors.claim(&north, 6, 5).await.certainty,
        Certainty::Confirmed
    );
}

#[tokio::test]
async fn a_device_signs_off_only_after_its_attempts_ended() {
    let doors = Doors::open().await;
    let (north, mut south) = (doors.gate(1).await, doors.gate(2).await);
    doors.claim(&south, 1, 0).await;
    let early = doors.service().sign_off(south.id, Vec::new()).await;
    assert!(matches!(early, Err(Error::Conflict(_))));
    let refused = doors.scan(1, 0, Outcome::Refuse);
    south.write(DOORS, Body::Scan(refused));
    doors.service().push(south.id, south.all()).await.unwrap();
    let heads = vec![south.end.head];
    doors.service().sign_off(south.id, heads).await.unwrap();
    assert!(admitted(&doors.claim(&north, 2, 0).await));
}

#[tokio::test]
async fn after_a_restart_duty_is_known_and_nobody_is_proved() {
    let doors = Doors::open().await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.beat(&south, Some(DOORS)).await;
    let request = doors.request(1, 0).await;
    let Doors { house, .. } = doors;
    let House {
        service,
        clock,
        folder,
        ..
    } = house;
    drop(service);
    let service = service_in(&folder, &clock);
    let answer = service.claim(north.id, request).await.unwrap();
    let ClaimAnswer::Decided(decided) = answer else {
        panic!("{answer:?}");
    };
    let zero = UnixMillis::default();
    assert_eq!(decided.certainty, except(south.id, zero, 0));
}

#[tokio::test]
async fn after_a_restore_every_device_is_on_duty_until_it_is_heard() {
    let mut doors = Doors::open().await;
    let north = doors.gate(1).await;
    // It went on duty after the backup was made, or signed off before: the backup does not know.
    let south = Gate::enroll(&doors.house, 2, &doors.session).await;
    doors.service().raise_epoch().await.unwrap();
    doors.seal().await;
    let claim = async |number: u8| {
        let mut request = doors.request(number, 0).await;
        request.epoch = 2;
        request.authority.term = 2;
        doors.decided(&north, request).await.certainty
    };
    let zero = UnixMillis::default();
    assert_eq!(claim(1).await, except(south.id, zero, 0));
    let beat = Heartbeat {
        device_time: DOORS,
        heads: Vec::new(),
        tables: Vec::new(),
        program: "usher 0.1.0".to_owned(),
        clock_offset_ms: None,
        storage_left: None,
        digests: None,
        acknowledged: None,
        heard: None,
        trust: None,
        instance: None,
    };
    doors.service().heartbeat(south.id, beat).await.unwrap();
    assert_eq!(claim(2).await, Certainty::Confirmed);
}
