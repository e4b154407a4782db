//! Staying in step by listening: the server tells at once what it would otherwise be asked for.
//!
//! The device asks, then listens from where it is, and goes on asking more seldom. What is told is taken in
//! by the same code as what is asked for, if it goes on from the place held; anything else lets an exchange
//! ask. Where the server cannot be listened to, the device asks every few seconds, as if there were no
//! live feed.

use super::error::SyncError;
use super::feeds::{Heard as News, take_news};
use super::parts::{Access, Memory, Parts};
use super::report::{Line, Progress, Report};
use super::retry::{Pauses, Timer, jittered};
use super::run::{Exchange, catch_up, run};
use super::told::{Told, Wanted};
use crate::gate::{Means, hold_back};
use crate::store::StoreError;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::live::{
    FeedNews, Hello, LiveApi, LiveEvent, LiveEvents, LivePlace, LiveRequest, SILENCE_MS, TableNews,
};
use usher_domain::protocol::{Heard, SyncApi};
use usher_domain::time::UnixMillis;

/// A server that is silent for so long is not there.
pub(super) const SILENCE: Duration = Duration::from_millis(SILENCE_MS);
/// After each time in a row that the server could not be listened to, twice as many rounds of asking pass
/// before the next try; not more than this.
const ROUNDS_MAX: u32 = 16;

/// What one exchange came to.
#[derive(Debug)]
pub enum Watched {
    /// Device and server are in step, or the report says where not.
    Done(Report),
    /// It ended early.
    Failed(SyncError),
}

/// How often a device asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// While it cannot listen.
    pub asking: Duration,
    /// While it listens, or is on duty, at least this often: a sign of life, and a look whether anything was
    /// missed.
    pub listening: Duration,
}

impl Pace {
    /// The usual one, for a device that asks every `asking` where it cannot listen.
    #[must_use]
    pub const fn asking(asking: Duration) -> Self {
        Self {
            asking,
            listening: Duration::from_secs(5),
        }
    }
}

/// How listening ended.
enum Ended {
    /// Nobody wants to hear more.
    Stopped,
    /// It did not begin.
    Refused(Problem),
    /// It began, and broke.
    Broken(Lasted, Problem),
    /// An exchange or the store failed meanwhile.
    Failed(SyncError),
}

/// How long it lasted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasted {
    /// It broke before the server said again that it was there.
    Hardly,
    /// Longer.
    AWhile,
}

/// Stays in step with the server: listens, and asks. `bell` rings when this device recorded something, which
/// is then sent at once. After each exchange that did something, `tell` says whether to go on. It may be
/// dropped at any moment.
pub async fn follow<A: SyncApi + LiveApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
    pace: Pace,
    bell: &Notify,
    tell: &mut dyn FnMut(Watched) -> ControlFlow<()>,
) {
    let (mut failures, mut refusals, mut breaks, mut rounds) = (0, 0_u32, 0, 0);
    loop {
        let mut failed = match run(parts, memory).await {
            Ok(report) => {
                failures = 0;
                if tell(Watched::Done(report)).is_break() {
                    return;
                }
                None
            }
            Err(error) => Some(error),
        };
        if failed.is_none() && rounds == 0 {
            match listen(parts, memory, pace, bell, tell).await {
                Ended::Stopped => return,
                Ended::Refused(problem) => {
                    refusals += 1;
                    rounds = (1 << refusals.min(16)).min(ROUNDS_MAX);
                    tracing::info!(code = problem.code.as_str(), "asking: {problem}");
                }
                Ended::Broken(lasted, problem) => {
                    tracing::info!(code = problem.code.as_str(), "listening anew: {problem}");
                    refusals = 0;
                    breaks = if lasted == Lasted::AWhile {
                        1
                    } else {
                        breaks + 1
                    };
                    let pause = Pauses::LISTEN.after(breaks, parts.entropy);
                    parts.timer.sleep(pause).await;
                    continue;
                }
                Ended::Failed(error) => failed = Some(error),
            }
        }
        rounds = rounds.saturating_sub(1);
        if let Some(error) = failed {
            failures += 1;
            if tell(Watched::Failed(error)).is_break() {
                return;
            }
        }
        let pause = pause(parts, pace, failures);
        tokio::select! {
            () = parts.timer.sleep(pause) => {}
            () = parts.claims.exchange_wanted() => {}
        }
    }
}

/// How long to wait after so many failures in a row. On a device on duty others rely, and people wait.
fn pause<A, S: Access, T>(parts: &Parts<'_, A, S, T>, pace: Pace, failures: u32) -> Duration {
    let on_duty = parts.store.with(|store| store.on_duty());
    let on_duty = on_duty.is_ok_and(|since| since.is_some());
    match (failures, on_duty) {
        (0, true) => jittered(pace.asking.min(pace.listening), parts.entropy),
        (0, false) => jittered(pace.asking, parts.entropy),
        (_, true) => Pauses::ON_DUTY.after(failures, parts.entropy),
        (_, false) => {
            let pause = Pauses::OFFLINE.after(failures, parts.entropy);
            pause.max(pace.asking)
        }
    }
}

async fn listen<A: SyncApi + LiveApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
    pace: Pace,
    bell: &Notify,
    tell: &mut dyn FnMut(Watched) -> ControlFlow<()>,
) -> Ended {
    let told = Arc::clone(&memory.told);
    let request = match places(parts, memory) {
        Ok(request) => request,
        Err(error) => return Ended::Failed(error.into()),
    };
    let begun = parts.timer.within(SILENCE, parts.api.listen(request));
    let mut events = match begun.await {
        Some(Ok(events)) => events,
        Some(Err(problem)) => return Ended::Refused(problem),
        None => return Ended::Refused(silent()),
    };
    let ended = {
        let hearing = pin!(hear(parts, &mut events, &told));
        let exchanging = pin!(exchange(parts, memory, &told, (pace, bell), tell));
        tokio::select! {
            ended = hearing => ended,
            ended = exchanging => ended,
        }
    };
    told.begin(0);
    ended
}

/// Where this device is in the feeds that the server named.
fn places<A, S: Access, T>(
    parts: &Parts<'_, A, S, T>,
    memory: &Memory,
) -> Result<LiveRequest, StoreError> {
    let Some(remote) = &memory.remote else {
        return Ok(LiveRequest::default());
    };
    let mut places = Vec::new();
    for end in &remote.feeds {
        let held = parts.store.with(|store| store.feed_place(end.scope))?;
        places.push(LivePlace {
            scope: end.scope,
            epoch: held.epoch,
            position: held.position,
        });
    }
    Ok(LiveRequest { places })
}

/// Exchanges while something is told: what is wanted at once, everything from time to time.
async fn exchange<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
    told: &Told,
    (pace, bell): (Pace, &Notify),
    tell: &mut dyn FnMut(Watched) -> ControlFlow<()>,
) -> Ended {
    let pause = || parts.timer.sleep(jittered(pace.listening, parts.entropy));
    let mut beat = pin!(pause());
    loop {
        let wanted = tokio::select! {
            wanted = told.wanted() => wanted,
            () = bell.notified() => Wanted::Upload,
            () = parts.claims.exchange_wanted() => Wanted::All,
            () = &mut beat => Wanted::All,
        };
        let scopes = scopes(memory);
        let done = if wanted == Wanted::All {
            beat.set(pause());
            memory.heard = told.latest().or(memory.heard);
            run(parts, memory).await
        } else {
            catch_up(parts, memory, wanted).await
        };
        match done {
            Ok(mut report) => {
                report.line = Line::Live;
                told.count_into(&mut report);
                let worth_telling = wanted == Wanted::All || report.did_something();
                if worth_telling && tell(Watched::Done(report)).is_break() {
                    return Ended::Stopped;
                }
            }
            Err(error) => return Ended::Failed(error),
        }
        if scopes != self::scopes(memory) {
            // This device has other sessions now: others are to be listened to.
            let problem = Problem::new(Code::Unreachable, "there are other feeds to listen to");
            return Ended::Broken(Lasted::AWhile, problem);
        }
    }
}

fn scopes(memory: &Memory) -> Vec<usher_domain::ids::ScopeId> {
    let feeds = memory.remote.iter().flat_map(|remote| &remote.feeds);
    feeds.map(|end| end.scope).collect()
}

/// Takes in what is told, until the connection ends.
async fn hear<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    events: &mut impl LiveEvents,
    told: &Told,
) -> Ended {
    let mut lasted = Lasted::Hardly;
    loop {
        let event = match parts.timer.within(SILENCE, events.next()).await {
            Some(Ok(event)) => event,
            Some(Err(problem)) => return Ended::Broken(lasted, problem),
            None => return Ended::Broken(lasted, silent()),
        };
        if let LiveEvent::Bye(bye) = event {
            let detail = format!("the server ended it: {:?}", bye.reason);
            let problem = Problem::new(Code::Unavailable, detail);
            return Ended::Broken(lasted, problem);
        }
        if let LiveEvent::Ping(_) = event {
            lasted = Lasted::AWhile;
        }
        match take(parts, event, told) {
            Ok(()) => {}
            Err(SyncError::Problem(problem)) => return Ended::Broken(lasted, problem),
            Err(error) => return Ended::Failed(error),
        }
    }
}

/// Takes one event in.
fn take<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    event: LiveEvent,
    told: &Told,
) -> Result<(), SyncError> {
    match event {
        LiveEvent::Hello(hello) => begin(parts, hello, told),
        LiveEvent::Feed(news) => take_feed(parts, news, told)?,
        LiveEvent::Table(news) => take_table(parts, &news, told)?,
        LiveEvent::Trust(news) => {
            told.trust(news.version);
            told.want(Wanted::Rest);
        }
        LiveEvent::Yield(request) => {
            parts.store.with(|store| {
                let mut means = Means {
                    store,
                    clock: parts.clock,
                    entropy: parts.entropy,
                };
                hold_back(&mut means, parts.claims, &[request])
            })?;
            // The promise counts once the server has it.
            told.want(Wanted::Upload);
        }
        LiveEvent::Ping(ping) => {
            if let Some(heard) = told.latest() {
                let at = ping.server_time;
                told.heard(Heard { at, ..heard });
            }
        }
        LiveEvent::Bye(_) => {}
    }
    Ok(())
}

fn begin<A, S, T>(parts: &Parts<'_, A, S, T>, hello: Hello, told: &Told) {
    told.begin(hello.epoch);
    told.heard(Heard {
        at: hello.server_time,
        epoch: hello.epoch,
    });
    for entry in hello.tables {
        told.table(entry.table, entry.version);
    }
    told.trust(hello.trust);
    // What came between the last answer and this.
    told.want(Wanted::Rest);
    (parts.progress)(Progress::Listening);
}

fn take_feed<A, S: Access, T>(
    parts: &Parts<'_, A, S, T>,
    news: FeedNews,
    told: &Told,
) -> Result<(), SyncError> {
    let (scope, end) = (news.scope, news.end);
    told.feed(scope, end);
    let reading = parts.clock.read();
    let heard = parts.store.with(|store| {
        let (identity, enrollment) = store.enrolled()?;
        let now: UnixMillis = store.observe_clock(reading)?.corrected(reading);
        let key = identity.signing_key();
        take_news(store, news, (enrollment.device, &key), now)
    })?;
    match heard {
        News::Taken(records) => {
            told.took(records, 0);
            let (done, of) = (end, end);
            (parts.progress)(Progress::Reading { scope, done, of });
        }
        News::Known => {}
        News::Missing => told.want(Wanted::Rest),
    }
    Ok(())
}

/// Takes a table's news in. What came with it is taken at once, and only by whoever it was made for; what it
/// leaves to be done is done by an exchange.
fn take_table<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    news: &TableNews,
    told: &Told,
) -> Result<(), SyncError> {
    told.table(news.table, news.version);
    if let Some(segment) = &news.segment {
        let mut memory = Memory::default();
        let mut exchange = Exchange::new(parts, &mut memory)?;
        match exchange.take_segment(news.table, segment) {
            Ok(_) => told.took(0, exchange.report.rows),
            // What is wrong with it is found and told by asking.
            Err(error) if !error.ends_exchange() => {
                tracing::info!(code = error.code(), "a table is asked for: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    told.want(Wanted::Rest);
    Ok(())
}

fn silent() -> Problem {
    Problem::new(Code::Unreachable, "nothing was heard of the server")
}
