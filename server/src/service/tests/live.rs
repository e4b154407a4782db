//! What devices are told live: each position once and in order, whoever comes, goes, lags or is revoked.

use super::records::{Gate, ticket};
use super::{House, NOON};
use crate::service::live::Memory;
use crate::service::{Error, Listener, Service, Settings};
use proptest::prelude::*;
use std::time::Duration;
use usher_domain::api::access::DeviceChange;
use usher_domain::api::venue::Session;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::FeedRequest;
use usher_domain::protocol::live::{
    ByeReason, EventReader, FeedNews, Hello, LiveEvent, LivePlace, LiveRequest, TOLD_BYTES_MAX,
    TableNews,
};
use usher_domain::record::{Body, Direction};
use usher_domain::table::TableId;

const HOUR: Duration = Duration::from_secs(3_600);

/// A house with one session, a gate that scans and one that listens.
struct Stage {
    house: House,
    session: Session,
    scanning: Gate,
    listening: Gate,
    looks: Memory,
    /// How many records were stored.
    stored: usize,
}

impl Stage {
    async fn new() -> Self {
        let house = House::open().await;
        let session = house
            .service
            .session(house.organizer, "show".into(), "first".into());
        let session = session.await.unwrap();
        let scanning = Gate::enroll(&house, 1, &session).await;
        let listening = Gate::enroll(&house, 2, &session).await;
        house.service.seal_now().await.unwrap();
        Self {
            house,
            session,
            scanning,
            listening,
            looks: Memory::default(),
            stored: 0,
        }
    }

    fn service(&self) -> &Service {
        &self.house.service
    }

    /// Stores one more batch.
    async fn store(&mut self) {
        let number = u8::try_from(self.stored % 250).unwrap();
        let at = NOON.shifted(i64::try_from(self.stored).unwrap());
        self.scanning.admit(at, &self.session, ticket(number));
        self.stored += 1;
        let batch = self.scanning.batch(self.stored, self.stored + 1);
        self.service().push(self.scanning.id, batch).await.unwrap();
    }

    /// What the publisher does when it is woken.
    async fn look(&mut self) {
        let service = self.house.service.clone();
        service.look(&mut self.looks).await;
    }

    async fn listen_as(&self, device: DeviceId, place: u64) -> Result<Listener, Error> {
        let request = LiveRequest {
            places: vec![LivePlace {
                scope: self.session.scope,
                epoch: 1,
                position: place,
            }],
        };
        self.service().listen(device, request, HOUR).await
    }

    async fn listen(&self, place: u64) -> Listener {
        self.listen_as(self.listening.id, place).await.unwrap()
    }

    /// All positions of the feed.
    async fn positions(&self) -> Vec<u64> {
        let request = FeedRequest {
            scope: self.session.scope,
            epoch: 1,
            after: 0,
            limit: 500,
            last: None,
        };
        let page = self.service().feed(self.listening.id, request).await;
        let batches = page.unwrap().batches.into_iter();
        batches.map(|batch| batch.position).collect()
    }
}

async fn next(listener: &mut Listener) -> Option<LiveEvent> {
    let text = listener.next().await?;
    let mut reader = EventReader::default();
    reader.push(&text);
    Some(reader.next_event().unwrap().unwrap())
}

/// The next event, if there is one already.
async fn ready(listener: &mut Listener) -> Option<LiveEvent> {
    // Reading storage takes a while; the ring answers at once.
    tokio::time::timeout(Duration::from_millis(50), next(listener))
        .await
        .ok()
        .flatten()
}

async fn hello(listener: &mut Listener) -> Hello {
    match next(listener).await {
        Some(LiveEvent::Hello(hello)) => hello,
        other => panic!("{other:?}"),
    }
}

async fn feed(listener: &mut Listener) -> FeedNews {
    loop {
        match next(listener).await {
            Some(LiveEvent::Feed(news)) => return news,
            Some(LiveEvent::Table(_) | LiveEvent::Trust(_) | LiveEvent::Ping(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn table(listener: &mut Listener, of: TableId) -> TableNews {
    loop {
        match next(listener).await {
            Some(LiveEvent::Table(news)) if news.table == of => return news,
            Some(LiveEvent::Table(_) | LiveEvent::Trust(_) | LiveEvent::Ping(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn bye(listener: &mut Listener) -> ByeReason {
    loop {
        match next(listener).await {
            Some(LiveEvent::Bye(bye)) => {
                assert_eq!(listener.next().await, None);
                return bye.reason;
            }
            Some(_) => {}
            None => panic!("no goodbye"),
        }
    }
}

#[tokio::test]
async fn what_is_stored_is_told_at_once_and_hello_says_how_far_the_server_is() {
    let mut stage = Stage::new().await;
    stage.store().await;
    let publisher = stage.service().start_publisher();
    let mut listener = stage.listen(0).await;
    let hello = hello(&mut listener).await;
    assert_eq!(
        (hello.epoch, hello.feeds[0].scope),
        (1, stage.session.scope)
    );
    assert!(
        hello
            .tables
            .iter()
            .any(|it| it.table == TableId::Set(stage.session.id))
    );
    let first = feed(&mut listener).await;
    assert_eq!((first.after, first.end), (0, hello.feeds[0].position));
    stage.store().await;
    let second = feed(&mut listener).await;
    assert_eq!((second.after, second.batches.len()), (first.end, 1));
    assert_eq!(stage.positions().await.last(), Some(&second.end));
    publisher.stop().await;
    assert_eq!(bye(&mut listener).await, ByeReason::Closing);
    assert!(matches!(
        stage.listen_as(stage.listening.id, 0).await,
        Err(Error::Full(_))
    ));
}

#[tokio::test]
async fn a_sealed_table_is_told_with_what_changed() {
    let mut stage = Stage::new().await;
    let mut listener = stage.listen(0).await;
    let before = hello(&mut listener).await;
    let set = TableId::Set(stage.session.id);
    let held = before.tables.iter().find(|it| it.table == set).unwrap();
    stage.look().await;
    while ready(&mut listener).await.is_some() {}
    stage.house.kind("regular", &[]).await;
    stage.service().seal_now().await.unwrap();
    stage.look().await;
    let news = table(&mut listener, set).await;
    assert!(news.version > held.version);
    assert_eq!(news.segment.unwrap().since, held.version);
    // Nothing is told again of what was told.
    stage.look().await;
    assert_eq!(ready(&mut listener).await, None);
}

#[tokio::test]
async fn a_revoked_device_hears_of_it_at_once_and_listens_no_more() {
    let stage = Stage::new().await;
    let mut listener = stage.listen(0).await;
    let other = stage.listen_as(stage.scanning.id, 0).await;
    let id = stage.listening.id;
    let revoked =
        stage
            .service()
            .change_device(stage.house.organizer, id.to_string(), DeviceChange::Revoke);
    revoked.await.unwrap();
    assert_eq!(bye(&mut listener).await, ByeReason::Revoked);
    let again = stage.listen_as(id, 0).await;
    assert!(matches!(again, Err(Error::DeviceRevoked)));
    let mut other = other.unwrap();
    hello(&mut other).await;
    assert_eq!(ready(&mut other).await, None);
}

#[tokio::test]
async fn another_epoch_ends_it_and_the_next_begins_from_the_start() {
    let mut stage = Stage::new().await;
    stage.store().await;
    let end = *stage.positions().await.last().unwrap();
    let mut listener = stage.listen(end).await;
    stage.look().await;
    stage.service().raise_epoch().await.unwrap();
    stage.look().await;
    assert_eq!(bye(&mut listener).await, ByeReason::NewEpoch);
    let mut listener = stage.listen(end).await;
    assert_eq!(hello(&mut listener).await.epoch, 2);
    assert_eq!(feed(&mut listener).await.after, 0);
}

#[tokio::test]
async fn a_device_that_listens_again_takes_the_place_of_itself() {
    let stage = Stage::new().await;
    let mut first = stage.listen(0).await;
    let mut second = stage.listen(0).await;
    assert_eq!(bye(&mut first).await, ByeReason::Replaced);
    drop(first);
    hello(&mut second).await;
    assert_eq!(ready(&mut second).await, None);
    let news = LiveEvent::Bye(usher_domain::protocol::live::Bye {
        reason: ByeReason::Other(9),
    });
    assert!(stage.service().tell_device(stage.listening.id, &news));
    assert_eq!(ready(&mut second).await, Some(news.clone()));
    drop(second);
    assert!(!stage.service().tell_device(stage.listening.id, &news));
}

#[tokio::test]
async fn a_token_whose_time_is_over_ends_it() {
    let stage = Stage::new().await;
    let listening =
        stage
            .service()
            .listen(stage.listening.id, LiveRequest::default(), Duration::ZERO);
    let mut listener = listening.await.unwrap();
    assert_eq!(bye(&mut listener).await, ByeReason::SignInAnew);
}

#[tokio::test]
async fn who_does_not_keep_up_is_sent_away_and_the_others_go_on() {
    let mut stage = Stage::new().await;
    let mut slow = stage.listen(0).await;
    let mut quick = stage.listen_as(stage.scanning.id, 0).await.unwrap();
    for turn in 0..300_u64 {
        let server_time = NOON.shifted(i64::try_from(turn).unwrap());
        let ping = LiveEvent::Ping(usher_domain::protocol::live::Ping { server_time });
        stage.service().tell_organizer(stage.house.organizer, &ping);
        assert!(ready(&mut quick).await.is_some());
    }
    assert_eq!(bye(&mut slow).await, ByeReason::TooSlow);
    assert_eq!(stage.service().figures().too_slow.get(), 1);
    stage.store().await;
    stage.look().await;
    assert_eq!(feed(&mut quick).await.after, 0);
}

#[tokio::test]
async fn a_large_batch_is_announced_and_what_comes_after_it_is_told() {
    let mut stage = Stage::new().await;
    let mut listener = stage.listen(0).await;
    hello(&mut listener).await;
    let scan = super::records::scan(&stage.session, ticket(1), Direction::Entry);
    while stage.scanning.records.iter().map(Vec::len).sum::<usize>() <= TOLD_BYTES_MAX {
        stage.scanning.write(NOON, Body::Scan(scan.clone()));
    }
    let batch = stage.scanning.all();
    stage
        .service()
        .push(stage.scanning.id, batch)
        .await
        .unwrap();
    stage.stored = stage.scanning.records.len();
    stage.look().await;
    let announced = feed(&mut listener).await;
    assert_eq!((announced.after, announced.batches.len()), (0, 0));
    assert_eq!(stage.positions().await.last(), Some(&announced.end));
    stage.store().await;
    stage.look().await;
    assert_eq!(feed(&mut listener).await.after, announced.end);
}

#[tokio::test]
async fn nobody_listens_beyond_the_bound_and_a_seat_is_free_once_it_is_left() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        listeners_max: 1,
        ..Settings::new(folder.path())
    };
    let clock = stage.house.clock.clone();
    let service = Service::new(stage.service().store().clone(), clock, settings);
    let listen = |device| service.listen(device, LiveRequest::default(), HOUR);
    let first = listen(stage.listening.id).await.unwrap();
    assert_eq!(service.figures().listeners.get(), 1);
    let refused = listen(stage.scanning.id).await;
    assert!(matches!(refused, Err(Error::Full(_))));
    drop(first);
    assert!(listen(stage.scanning.id).await.is_ok());
    assert_eq!(service.figures().listeners.get(), 0);
}

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A batch is stored.
    Store,
    /// The publisher looks.
    Look,
    /// The device listens from where it is, whatever it did before.
    Connect,
    /// The device hears one event.
    Hear,
    /// Another device comes or goes, so that the scope is watched or not.
    Other,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Store),
        4 => Just(Step::Look),
        2 => Just(Step::Connect),
        4 => Just(Step::Hear),
        1 => Just(Step::Other),
    ];
    prop::collection::vec(step, 1..40)
}

async fn plays(steps: Vec<Step>) {
    let mut stage = Stage::new().await;
    let mut listener: Option<Listener> = None;
    let mut other: Option<Listener> = None;
    let mut heard: Vec<u64> = Vec::new();
    let mut take = |event: Option<LiveEvent>| {
        if let Some(LiveEvent::Feed(news)) = event {
            assert_eq!(news.after, heard.last().copied().unwrap_or(0));
            heard.extend(news.batches.iter().map(|batch| batch.position));
            assert_eq!(heard.last(), Some(&news.end));
        }
        heard.clone()
    };
    let mut place = 0;
    for step in steps {
        match step {
            Step::Store => stage.store().await,
            Step::Look => stage.look().await,
            Step::Connect => listener = Some(stage.listen(place).await),
            Step::Hear => {
                if let Some(listener) = &mut listener {
                    let heard = take(ready(listener).await);
                    place = heard.last().copied().unwrap_or(0);
                }
            }
            Step::Other => {
                other = match other {
                    Some(_) => None,
                    None => Some(stage.listen_as(stage.scanning.id, 0).await.unwrap()),
                };
            }
        }
    }
    let mut last = match listener {
        Some(listener) => listener,
        None => stage.listen(place).await,
    };
    stage.look().await;
    let all = stage.positions().await;
    let mut heard = take(None);
    while heard.len() < all.len() {
        heard = take(next(&mut last).await);
    }
    assert_eq!(heard, all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_of_writing_looking_and_listening_tells_every_position_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(plays(steps));
    }
}
