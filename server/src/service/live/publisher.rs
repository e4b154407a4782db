//! The task that tells what is new.

use super::{Hints, Live, News, text, told};
use crate::service::error::Result;
use crate::service::{Service, epoch, organizers};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use usher_domain::ids::{OrganizerId, ScopeId};
use usher_domain::protocol::live::{
    ByeReason, FeedNews, LiveEvent, PING_EVERY_MS, Ping, TableNews, TrustNews,
};
use usher_domain::table::{TableId, Version};

/// What comes within this time after something was told is told together.
const PAUSE: Duration = Duration::from_millis(25);
/// Events of one scope in one look at most; the next look goes on.
const EVENTS_MAX: usize = 32;

/// The running publisher. Dropping it lets it run on; [`Publisher::stop`] ends it.
#[derive(Debug)]
pub struct Publisher {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Says goodbye to everybody and ends the task.
    pub async fn stop(self) {
        let _gone = self.stop.send(true);
        let _panicked = self.task.await;
    }
}

/// What the task remembers from one look to the next.
#[derive(Debug, Default)]
pub(in crate::service) struct Memory {
    epoch: Option<u32>,
    /// The version of each table that was last told.
    tables: BTreeMap<TableId, Version>,
}

/// What one look found.
struct Found {
    epoch: u32,
    feeds: Vec<FeedNews>,
    tables: Vec<TableNews>,
    trusts: Vec<(OrganizerId, TrustNews)>,
    /// Whether there is more of a feed.
    more: bool,
}

impl Service {
    /// Starts the task that tells devices what is new.
    #[must_use]
    pub fn start_publisher(&self) -> Publisher {
        let (stop, stopped) = watch::channel(false);
        let service = self.clone();
        let task = tokio::spawn(async move { service.keep_telling(stopped).await });
        Publisher { stop, task }
    }

    async fn keep_telling(&self, mut stopped: watch::Receiver<bool>) {
        let live = self.live();
        let mut memory = Memory::default();
        let mut pings = tokio::time::interval(Duration::from_millis(PING_EVERY_MS));
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*stopped.borrow() {
            tokio::select! {
                _ = stopped.changed() => {}
                _ = pings.tick() => {
                    let ping = Ping { server_time: self.now() };
                    live.send(News::All(text(&LiveEvent::Ping(ping))));
                }
                () = live.woken.notified() => {
                    let begun = Instant::now();
                    self.look(&mut memory).await;
                    tokio::select! {
                        _ = stopped.changed() => {}
                        () = tokio::time::sleep_until(begun + PAUSE) => {}
                    }
                }
            }
        }
        live.seats().close();
        live.send(News::Over(ByeReason::Closing));
    }

    /// Tells what is new since the last look.
    pub(in crate::service) async fn look(&self, memory: &mut Memory) {
        let live = self.live();
        let mut hints = std::mem::take(&mut *live.hints());
        let scopes = {
            let seats = live.seats();
            if seats.is_empty() {
                return;
            }
            hints.tables.retain(|table| seats.is_watched(*table));
            seats.scopes()
        };
        match self.find(scopes, &hints, memory).await {
            Ok(found) => live.tell(found, memory),
            Err(error) => {
                tracing::warn!(%error, code = %error.code(), "looking for what is new failed");
                live.look_again(hints);
            }
        }
    }

    async fn find(
        &self,
        scopes: Vec<(ScopeId, u64)>,
        hints: &Hints,
        memory: &Memory,
    ) -> Result<Found> {
        let tables: Vec<_> = hints
            .tables
            .iter()
            .map(|table| (*table, memory.tables.get(table).copied()))
            .collect();
        let trusts = hints.trusts.clone();
        self.read(move |txn| {
            let mut found = Found {
                epoch: epoch(txn)?,
                feeds: Vec::new(),
                tables: Vec::new(),
                trusts: Vec::new(),
                more: false,
            };
            for (scope, mut after) in scopes {
                let mut told = 0;
                while let Some(news) = told::feed(txn, scope, found.epoch, after)? {
                    if told == EVENTS_MAX {
                        found.more = true;
                        break;
                    }
                    (told, after) = (told + 1, news.end);
                    found.feeds.push(news);
                }
            }
            for (table, version) in tables {
                let news = told::table(txn, table, version)?;
                found
                    .tables
                    .extend(news.filter(|news| Some(news.version) != version));
            }
            for organizer in trusts {
                let trust = organizers::trust(txn, organizer)?;
                let version = trust.map(|trust| trust.keys.trust().version);
                let news = version.map(|version| (organizer, TrustNews { version }));
                found.trusts.extend(news);
            }
            Ok(found)
        })
        .await
    }
}

impl Live {
    fn tell(&self, found: Found, memory: &mut Memory) {
        if memory.epoch.is_some_and(|before| before != found.epoch) {
            self.send(News::Epoch(found.epoch));
        }
        memory.epoch = Some(found.epoch);
        for news in found.feeds {
            let (scope, after, end) = (news.scope, news.after, news.end);
            let text = text(&LiveEvent::Feed(news));
            self.send(News::Feed {
                scope,
                after,
                end,
                text,
            });
            self.seats().told(scope, end);
            self.figures.told.inc();
        }
        for news in found.tables {
            let (table, version) = (news.table, news.version);
            self.send(News::Table(table, text(&LiveEvent::Table(news))));
            memory.tables.insert(table, version);
            self.figures.told.inc();
        }
        for (organizer, news) in found.trusts {
            self.send(News::Organizer(organizer, text(&LiveEvent::Trust(news))));
            self.figures.told.inc();
        }
        if found.more {
            self.wake();
        }
    }

    /// Keeps what could not be looked at for the next look.
    fn look_again(&self, before: Hints) {
        let mut hints = self.hints();
        hints.tables.extend(before.tables);
        hints.trusts.extend(before.trusts);
        drop(hints);
        self.wake();
    }
}
