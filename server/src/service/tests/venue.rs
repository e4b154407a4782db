use super::*;
use crate::service::Error;
use usher_domain::api::access::{NewToken, TokenRole};
use usher_domain::api::venue::{SessionChange, SessionTimes};
use usher_domain::cbor;
use usher_domain::document::batch::BatchHead;
use usher_domain::problem::{Code, Problem};
use usher_domain::record::{Body, Record};
use usher_domain::rules::{EntryMode, EntryRule, Rules};
use usher_domain::secret::Private;

fn show() -> String {
    "show".to_owned()
}

#[tokio::test]
async fn creating_the_same_again_answers_with_what_is_there() {
    let house = House::open().await;
    let session = new_session("first", "2027-10-30T16:00:00Z", "2027-10-30T20:00:00Z");
    let again = house
        .service
        .create_session(house.organizer, show(), session)
        .await
        .unwrap();
    let all = house
        .service
        .sessions(house.organizer, show())
        .await
        .unwrap();
    assert_eq!(all, [again]);
}

#[tokio::test]
async fn another_thing_of_the_same_name_is_told() {
    let house = House::open().await;
    let session = new_session("first", "2027-10-30 17:00", "2027-10-30 22:00");
    let refused = house
        .service
        .create_session(house.organizer, show(), session)
        .await
        .unwrap_err();
    assert_eq!(Problem::from(refused).code, Code::AlreadyExists);
}

#[tokio::test]
async fn a_slug_that_does_not_fit_into_a_path_is_refused() {
    let house = House::open().await;
    for slug in ["", "With Blanks", "a/b", &"x".repeat(41)] {
        let session = new_session(slug, "2027-10-30 17:00", "2027-10-30 22:00");
        let refused = house
            .service
            .create_session(house.organizer, show(), session)
            .await;
        assert!(matches!(refused, Err(Error::Invalid { field: "slug", .. })));
    }
}

#[tokio::test]
async fn a_night_across_the_end_of_summer_time_lasts_nine_hours() {
    let house = House::open().await;
    let night = house
        .session("night", "2027-10-30 22:00", "2027-10-31 06:00")
        .await;
    let hours = (night.ends.as_second() - night.doors.as_second()) / 3600;
    assert_eq!(hours, 9);
}

#[tokio::test]
async fn an_older_trust_document_or_another_root_is_refused() {
    let house = House::open().await;
    let organizer = house.service.organizer("house".to_owned()).await.unwrap();
    let same = trust_for(&organizer, 1, NOON);
    let newer = trust_for(&organizer, 3, NOON);
    let take = |trust| house.service.take_trust(organizer.id, trust);
    take(same.clone()).await.unwrap();
    let status = take(newer).await.unwrap().trust.unwrap();
    assert_eq!(status.number, 3);
    assert!(matches!(take(same).await, Err(Error::Conflict(_))));
    let mut other = trust_for(&organizer, 4, NOON);
    other.root = SigningKey::from_seed(&Seed::new([1; 32])).public();
    assert!(matches!(take(other).await, Err(Error::NotAuthentic(_))));
}

#[tokio::test]
async fn a_pass_joins_the_scopes_of_its_sessions() {
    let house = House::open().await;
    let first = house
        .session("first", "2027-10-30 18:00", "2027-10-30 22:00")
        .await;
    let second = house
        .session("second", "2027-10-31 18:00", "2027-10-31 22:00")
        .await;
    assert_ne!(first.scope, second.scope);
    house.kind("weekend", &["first", "second"]).await;
    let all = house
        .service
        .sessions(house.organizer, show())
        .await
        .unwrap();
    let lowest = first.scope.min(second.scope);
    assert!(all.iter().all(|session| session.scope == lowest));
    let left = first.scope.max(second.scope);
    let now_called = house
        .service
        .read(move |txn| crate::service::scopes::now_called(txn, left))
        .await
        .unwrap();
    assert_eq!(now_called, lowest);
}

#[tokio::test]
async fn a_pass_never_takes_a_scope_away_that_a_device_was_told_of() {
    let house = House::open().await;
    let first = house
        .session("first", "2027-10-30 18:00", "2027-10-30 22:00")
        .await;
    house
        .session("second", "2027-10-31 18:00", "2027-10-31 22:00")
        .await;
    // Too far ahead for devices to know of it.
    house
        .session("winter", "2027-12-30 18:00", "2027-12-30 22:00")
        .await;
    let north = house.device(1).await;
    let told = house.service.assignment(north).await.unwrap().scopes;
    assert_eq!(told.len(), 2);
    let weekend = new_type("weekend", &["first", "second"]);
    let refused = house
        .service
        .create_type(house.organizer, show(), weekend)
        .await;
    assert!(matches!(refused, Err(Error::ScopeInUse)));
    house.kind("season", &["first", "winter"]).await;
    let winter = house
        .service
        .session(house.organizer, show(), "winter".to_owned())
        .await
        .unwrap();
    assert_eq!(winter.scope, first.scope);
}

#[tokio::test]
async fn of_two_who_move_a_session_at_once_the_second_is_told_what_the_first_did() {
    let house = House::open().await;
    let first = || "first".to_owned();
    let read = house.service.session(house.organizer, show(), first());
    let before = read.await.unwrap();
    let by = jiff::SignedDuration::from_mins(30);
    let change = SessionChange {
        starts: Some((before.starts + by).to_string()),
        ends: Some((before.ends + by).to_string()),
        expects: Some(SessionTimes {
            doors: before.doors,
            starts: before.starts,
            ends: before.ends,
        }),
        ..SessionChange::default()
    };
    let moving = || {
        let change = change.clone();
        house
            .service
            .change_session(house.organizer, show(), first(), change)
    };
    let moved = moving().await.unwrap();
    let refused = moving().await.unwrap_err();
    assert!(matches!(refused, Error::OtherTimes { .. }), "{refused:?}");
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let now = moved.starts.to_zoned(zone).strftime("%Y-%m-%d %H:%M");
    let said = refused.to_string();
    assert!(said.contains(&format!("starts at {now}")), "{said}");
    assert_eq!(refused.code(), usher_domain::problem::Code::Conflict);
    let read = house.service.session(house.organizer, show(), first());
    assert_eq!(read.await.unwrap().starts, before.starts + by);
}

#[tokio::test]
async fn changed_entry_rules_are_chained_signed_records_of_the_server() {
    let house = House::open().await;
    for mode in [EntryMode::Reentry, EntryMode::Times(2)] {
        let rules = Rules {
            entry: EntryRule {
                mode,
                ..EntryRule::default()
            },
            ..Rules::default()
        };
        let change = SessionChange {
            rules: Some(rules.into()),
            ..SessionChange::default()
        };
        house
            .service
            .change_session(house.organizer, show(), "first".to_owned(), change)
            .await
            .unwrap();
    }
    let first = house
        .service
        .session(house.organizer, show(), "first".to_owned())
        .await
        .unwrap();
    let scope = first.scope;
    let feed = house
        .service
        .read(move |txn| Ok(txn.feed(scope, 0, 10)?))
        .await
        .unwrap();
    let organizer = house.service.organizer("house".to_owned()).await.unwrap();
    let mut previous = usher_domain::hash::Hash::ZERO;
    for (position, batch) in &feed {
        let envelope = usher_domain::cose::parse(&batch.head).unwrap();
        let head = envelope
            .verify(&organizer.keys.set, usher_domain::cose::ContentType::BATCH)
            .unwrap();
        let head: BatchHead = cbor::decode(head).unwrap();
        let record: Record = cbor::decode(&batch.records[0]).unwrap();
        assert_eq!((head.first, head.count), (*position, 1));
        assert_eq!(record.previous, previous);
        assert!(matches!(record.body, Body::Rule(_)));
        previous = record.hash();
        assert_eq!(head.last, previous);
    }
    assert_eq!(feed.len(), 2);
}

#[tokio::test]
async fn a_token_tells_whose_it_is_until_it_ends_or_is_revoked() {
    let house = House::open().await;
    let new = |until: Option<&str>| NewToken {
        name: "box office".to_owned(),
        role: TokenRole::Sales,
        until: until.map(|until| until.parse().unwrap()),
    };
    let create = |new| house.service.create_token(house.organizer, new);
    let ending = create(new(Some("2027-10-30T13:00:00Z"))).await.unwrap();
    let lasting = create(new(None)).await.unwrap();
    let access = house
        .service
        .authenticate(ending.secret.clone())
        .await
        .unwrap();
    assert_eq!(access.organizer(TokenRole::Sales).unwrap(), house.organizer);
    assert!(matches!(
        access.organizer(TokenRole::Organizer),
        Err(Error::Forbidden)
    ));
    house.clock.advance(3_600_000);
    house
        .service
        .revoke_token(house.organizer, lasting.token.id.clone())
        .await
        .unwrap();
    let wrong = Private::new(format!("{}.wrong", lasting.token.id));
    for secret in [ending.secret, lasting.secret, wrong, Private::new("x")] {
        let refused = house.service.authenticate(secret).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)));
    }
}

#[tokio::test]
async fn what_is_another_organizers_is_not_found() {
    let house = House::open().await;
    let other = house
        .service
        .create_organizer(NewOrganizer {
            slug: "other".to_owned(),
            name: "Other".to_owned(),
        })
        .await
        .unwrap();
    let event = house.service.event(house.organizer, show()).await.unwrap();
    let asked = house.service.event(other.id, event.id.to_string()).await;
    assert!(matches!(asked, Err(Error::NotFound("event"))));
}
