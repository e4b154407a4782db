//! The network between one device and the server: calls are delayed, lost, answered in vain, repeated
//! later, answered by a cache and cut off. Everything that travels is written as bytes and read again.

use super::copies;
use super::duty::{Duties, Left};
use super::promises;
use super::renewal;
use super::server::Server;
use super::sessions::Sessions;
use super::story::Story;
use super::weather::Weather;
use minicbor::{Decode, Encode};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;
use usher_domain::api::access::DeviceState;
use usher_domain::cbor;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};
use usher_domain::protocol::{
    Assignment, BucketDigests, BucketRows, Changes, EnrollAnswer, EnrollRequest, FeedPage,
    FeedRequest, HandBack, HandBackAnswer, Head, HeadsAnswer, Heartbeat, HeartbeatAnswer,
    PushAnswer, SnapshotPart, SnapshotRequest, SyncApi, TrustHandBack, Whose,
};
use usher_domain::table::{TableId, Version};
use usher_server::service::{Error, Service};

/// How long a device waits for an answer that does not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which devices the server hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Active,
    EvenRevoked,
}

/// The last record of each batch that was handed out of the feed of a scope and epoch.
type Handed = BTreeMap<(ScopeId, u32), BTreeMap<u64, Hash>>;

/// The way of one device to the server.
pub struct Line {
    device: DeviceId,
    name: &'static str,
    server: Rc<Server>,
    story: Story,
    weather: Cell<Weather>,
    dice: RefCell<fastrand::Rng>,
    /// What was handed out of the feed of a scope and epoch: the last record of the batch at each position.
    handed: Rc<RefCell<Handed>>,
    /// The first assignment, which a cache on the way keeps.
    cached: OnceCell<Assignment>,
}

/// What arrives of a value that travels.
fn travels<T: Encode<()> + for<'b> Decode<'b, ()>>(value: &T) -> T {
    cbor::decode(&cbor::encode(value)).unwrap()
}

impl Line {
    /// A clear line.
    #[must_use]
    pub fn new(
        device: DeviceId,
        name: &'static str,
        server: Rc<Server>,
        story: Story,
        dice: fastrand::Rng,
    ) -> Self {
        Self {
            device,
            name,
            server,
            story,
            weather: Cell::new(Weather::CLEAR),
            dice: RefCell::new(dice),
            handed: Rc::default(),
            cached: OnceCell::new(),
        }
    }

    /// A clear line of a copy: it was handed what its original was.
    #[must_use]
    pub fn of_copy(&self, original: &Self) -> Self {
        Self {
            device: self.device,
            name: self.name,
            server: Rc::clone(&self.server),
            story: self.story.clone(),
            weather: Cell::new(Weather::CLEAR),
            dice: self.dice.clone(),
            handed: Rc::clone(&original.handed),
            cached: OnceCell::new(),
        }
    }

    /// Changes the weather.
    pub fn set(&self, weather: Weather) {
        self.weather.set(weather);
    }

    /// The weather.
    #[must_use]
    pub fn weather(&self) -> Weather {
        self.weather.get()
    }

    fn comes(&self, percent: u8) -> bool {
        percent > 0 && self.dice.borrow_mut().u8(..100) < percent
    }

    async fn way(&self) {
        let (least, most) = self.weather.get().delay_ms;
        let ms = self.dice.borrow_mut().u64(least..=most);
        sleep(Duration::from_millis(ms)).await;
    }

    async fn nothing_comes<T>(&self) -> Result<T, Problem> {
        sleep(PATIENCE).await;
        Err(unreachable())
    }

    /// One call, from the device to the server and back.
    async fn call<A: 'static, F>(
        &self,
        what: &'static str,
        who: For,
        work: impl Fn(Service) -> F + 'static,
    ) -> Result<A, Problem>
    where
        F: Future<Output = Result<A, Error>> + 'static,
    {
        if self.weather.get().cut {
            sleep(Duration::from_millis(20)).await;
            return Err(unreachable());
        }
        self.way().await;
        if self.weather.get().cut || self.comes(self.weather.get().lost) {
            self.story
                .tell(self.name, format_args!("  {what}: lost on the way"));
            return self.nothing_comes().await;
        }
        let answer = serve(&self.server, self.device, who, &work).await;
        let Some(answer) = answer else {
            return Err(unreachable());
        };
        if self.comes(self.weather.get().repeated) {
            let (server, device, name) = (Rc::clone(&self.server), self.device, self.name);
            let (pause, story) = (self.dice.borrow_mut().u64(1..4_000), self.story.clone());
            tokio::task::spawn_local(async move {
                sleep(Duration::from_millis(pause)).await;
                story.tell(name, format_args!("  {what}: arrives once more"));
                let _nobody_hears = serve(&server, device, who, &work).await;
            });
        }
        self.way().await;
        if self.weather.get().cut || self.comes(self.weather.get().unanswered) {
            self.story
                .tell(self.name, format_args!("  {what}: the answer is lost"));
            return self.nothing_comes().await;
        }
        answer.inspect_err(|problem| {
            self.story
                .tell(self.name, format_args!("  {what}: {}", problem.code));
        })
    }

    /// A copy of a batch arrives in which a bit is another.
    async fn deliver_damaged(&self, batch: &Batch) {
        let mut copy = batch.clone();
        {
            let mut dice = self.dice.borrow_mut();
            let record = dice.usize(..copy.records.len());
            let record = &mut copy.records[record];
            let mut bytes = record.to_vec();
            let at = dice.usize(..bytes.len());
            bytes[at] ^= 1 << dice.u8(..8);
            *record = bytes.into();
        }
        self.story
            .tell(self.name, format_args!("  push: a damaged copy arrives"));
        let device = self.device;
        let work = move |service: Service| {
            let copy = copy.clone();
            async move { service.push(device, copy).await }
        };
        let _refused = serve(&self.server, device, For::EvenRevoked, &work).await;
    }

    /// A page must go on where the device was, whatever pages were handed out before.
    fn check_page(&self, request: FeedRequest, here: Option<Hash>, page: &FeedPage) {
        let begin = if request.epoch == page.epoch {
            request.after
        } else {
            0
        };
        let mut last = begin;
        for batch in &page.batches {
            self.story.check(
                "the feed never skips",
                batch.position == last + 1,
                format_args!("after position {last} came {}", batch.position),
            );
            last = batch.position;
        }
        let mut handed = self.handed.borrow_mut();
        let handed = handed.entry((request.scope, page.epoch)).or_default();
        let furthest = handed.keys().max().copied().unwrap_or(0);
        self.story.check(
            "the feed never skips",
            begin <= furthest,
            format_args!("{} asks from {begin} and got up to {furthest}", self.name),
        );
        self.story.check(
            "nobody reads on in another feed than the one read so far",
            here.is_none() || begin == 0 || handed.get(&begin) == here.as_ref(),
            format_args!("{} asks from {begin}", self.name),
        );
        for batch in &page.batches {
            let last = batch.batch.records.last();
            handed.extend(last.map(|record| (batch.position, Hash::of(&[record]))));
        }
    }
}

/// What the server answers; nothing if it is off or dies meanwhile.
async fn serve<A, F>(
    server: &Server,
    device: DeviceId,
    who: For,
    work: &impl Fn(Service) -> F,
) -> Option<Result<A, Problem>>
where
    F: Future<Output = Result<A, Error>>,
{
    let service = server.service()?;
    let mut end = server.end();
    let answer = async {
        // What the server's HTTP asks of a device's token before it calls the service.
        let known = service.known_device(device).await?;
        match (known.state, who) {
            (DeviceState::Active, _) | (DeviceState::Revoked, For::EvenRevoked) => {}
            (DeviceState::Revoked, For::Active) => return Err(Error::DeviceRevoked),
            (DeviceState::Waiting, _) => return Err(Error::Forbidden),
        }
        work(service.clone()).await
    };
    tokio::select! {
        biased;
        _ = end.changed() => None,
        answer = answer => Some(answer.map_err(Problem::from)),
    }
}

/// What the server makes of a call that puts a device on duty, if there is a ticket set in it.
async fn on_duty<A>(
    duties: &Duties,
    device: DeviceId,
    mut tables: impl Iterator<Item = TableId>,
    work: impl Future<Output = Result<A, Error>>,
) -> Result<A, Error> {
    if !tables.any(|table| matches!(table, TableId::Set(_))) {
        return work.await;
    }
    let call = duties.call(device);
    let answer = work.await?;
    call.heard();
    Ok(answer)
}

fn unreachable() -> Problem {
    Problem::new(Code::Unreachable, "no answer")
}

impl SyncApi for Line {
    async fn enroll(&self, _: EnrollRequest) -> Result<EnrollAnswer, Problem> {
        Err(unreachable())
    }

    async fn assignment(&self) -> Result<Assignment, Problem> {
        let device = self.device;
        let call = self.call("assignment", For::Active, move |service| async move {
            service.assignment(device).await
        });
        let answer = travels(&call.await?);
        let first = self.cached.get_or_init(|| answer.clone());
        if *first != answer && self.weather.get().repeated > 0 && self.comes(30) {
            self.story
                .tell(self.name, format_args!("  assignment: an old one comes"));
            return Ok(first.clone());
        }
        Ok(answer)
    }

    async fn snapshot(&self, request: SnapshotRequest) -> Result<SnapshotPart, Problem> {
        let (device, duties) = (self.device, self.server.duties.clone());
        self.call("snapshot", For::Active, move |service| {
            let duties = duties.clone();
            async move {
                let tables = [request.table].into_iter();
                let work = service.snapshot(device, request);
                on_duty(&duties, device, tables, work).await
            }
        })
        .await
    }

    async fn changes(&self, table: TableId, since: Version) -> Result<Changes, Problem> {
        let (device, duties) = (self.device, self.server.duties.clone());
        let call = self.call("changes", For::Active, move |service| {
            let duties = duties.clone();
            async move {
                let work = service.changes(device, table, since);
                on_duty(&duties, device, [table].into_iter(), work).await
            }
        });
        call.await.map(|answer| travels(&answer))
    }

    async fn buckets(&self, table: TableId) -> Result<BucketDigests, Problem> {
        let device = self.device;
        let call = self.call("buckets", For::Active, move |service| async move {
            service.buckets(device, table).await
        });
        call.await.map(|answer| travels(&answer))
    }

    async fn bucket_rows(&self, table: TableId, buckets: Vec<u16>) -> Result<BucketRows, Problem> {
        let (device, duties) = (self.device, self.server.duties.clone());
        let call = self.call("rows", For::Active, move |service| {
            let (buckets, duties) = (buckets.clone(), duties.clone());
            async move {
                let work = service.bucket_rows(device, table, buckets);
                on_duty(&duties, device, [table].into_iter(), work).await
            }
        });
        call.await.map(|answer| travels(&answer))
    }

    async fn hand_back(&self, request: HandBack) -> Result<HandBackAnswer, Problem> {
        let (device, request) = (self.device, travels(&request));
        let call = self.call("hand back", For::Active, move |service| {
            let request = request.clone();
            async move { service.hand_back(device, request).await }
        });
        call.await.map(|answer| travels(&answer))
    }

    async fn hand_back_trust(&self, request: TrustHandBack) -> Result<(), Problem> {
        let (device, request) = (self.device, travels(&request));
        let (story, house) = (self.story.clone(), self.server.house);
        let call = self.call("hand back trust", For::Active, move |service| {
            let (request, story) = (request.clone(), story.clone());
            async move {
                let document = request.document.clone();
                service.hand_back_trust(device, request).await?;
                // Evenings of one session go on as they did before somebody looked.
                if house.sessions == Sessions::Two {
                    renewal::check_kept(&story, &service, house, &document).await;
                }
                Ok(())
            }
        });
        call.await
    }

    async fn push(&self, batch: Batch) -> Result<PushAnswer, Problem> {
        let (device, batch) = (self.device, travels(&batch));
        if self.comes(self.weather.get().damaged) {
            self.deliver_damaged(&batch).await;
        }
        let (server, story) = (Rc::clone(&self.server), self.story.clone());
        let call = self.call("push", For::EvenRevoked, move |service| {
            let (batch, server, story) = (batch.clone(), Rc::clone(&server), story.clone());
            async move {
                let answer = service.push(device, batch.clone()).await;
                let promises = &server.promises;
                let scope = server.house.session.scope;
                promises
                    .made(&story, &service, &batch, &answer, scope)
                    .await;
                answer
            }
        });
        call.await.map(|answer| travels(&answer))
    }

    async fn heads(&self, scope: ScopeId, whose: Whose) -> Result<HeadsAnswer, Problem> {
        let device = self.device;
        let call = self.call("heads", For::EvenRevoked, move |service| async move {
            service.heads(device, scope, whose).await
        });
        call.await.map(|answer| travels(&answer))
    }

    async fn feed(&self, request: FeedRequest) -> Result<FeedPage, Problem> {
        let device = self.device;
        let call = self.call("feed", For::Active, move |service| async move {
            let (scope, after) = (request.scope, request.after);
            let here = service
                .store()
                .read(move |txn| txn.last_record_at(scope, after));
            let here = here.await.ok().flatten();
            Ok((here, service.feed(device, request).await?))
        });
        let (here, page) = call.await?;
        self.check_page(request, here, &page);
        Ok(travels(&page))
    }

    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, Problem> {
        let (device, request) = (self.device, travels(&request));
        let (story, room) = (self.story.clone(), self.server.room.get());
        let (server, name) = (Rc::clone(&self.server), self.name);
        let call = self.call("claim", For::Active, move |service| {
            let (request, story) = (request.clone(), story.clone());
            let server = Rc::clone(&server);
            async move {
                let copied = server.copies.copied();
                let (told, house) = ((&story, room), server.house);
                let answer = promises::claim(told, house, &service, device, &request).await?;
                let attempt = (device, request.attempt);
                copies::check_claim((&story, name), &server, &copied, attempt, &answer).await;
                Ok(answer)
            }
        });
        call.await.map(|answer| travels(&answer))
    }

    async fn sign_off(&self, heads: Vec<Head>) -> Result<(), Problem> {
        let (device, heads) = (self.device, travels(&heads));
        let server = Rc::clone(&self.server);
        self.call("sign-off", For::Active, move |service| {
            let (heads, server) = (heads.clone(), Rc::clone(&server));
            async move {
                let before = server.duties.leaves(device, Left::SignedOff);
                let done = service.sign_off(device, heads).await;
                match &done {
                    Ok(()) => server.duties.has_left(device, Left::SignedOff),
                    Err(Error::Conflict(_)) => server.duties.stays(device, before),
                    Err(_) => {}
                }
                done
            }
        })
        .await
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatAnswer, Problem> {
        let (device, heartbeat) = (self.device, travels(&heartbeat));
        let (duties, copies) = (self.server.duties.clone(), self.server.copies.clone());
        let call = self.call("heartbeat", For::Active, move |service| {
            let (heartbeat, duties) = (heartbeat.clone(), duties.clone());
            let copies = copies.clone();
            async move {
                let tables: Vec<_> = heartbeat.tables.iter().map(|held| held.table).collect();
                let work = service.heartbeat(device, heartbeat.clone());
                let answer = on_duty(&duties, device, tables.into_iter(), work).await?;
                copies.heard(device, &heartbeat, answer.epoch);
                Ok(answer)
            }
        });
        call.await.map(|answer| travels(&answer))
    }
}
