//! One device that listens.

use super::seats::Seat;
use super::{News, full, text, told};
use crate::service::error::Result;
use crate::service::{Service, assignment, epoch};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Sleep;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::protocol::live::{Bye, ByeReason, Hello, LiveEvent, LiveRequest};
use usher_domain::protocol::{FeedEnd, TableVersion};
use usher_domain::table::TableId;

/// What a device is told, from its place on. Dropping it frees its seat.
pub struct Listener {
    seat: OwnSeat,
    ring: Receiver<News>,
    organizer: OrganizerId,
    epoch: u32,
    /// How far each scope was told.
    places: BTreeMap<ScopeId, u64>,
    tables: Vec<TableId>,
    /// Texts that come before whatever the ring brings.
    waiting: VecDeque<Bytes>,
    /// Scopes of which something lies between the place and the ring.
    behind: Vec<ScopeId>,
    /// Until when the device's token counts.
    until: Pin<Box<Sleep>>,
    over: bool,
}

/// A seat, with everything that is watched for the sake of it.
struct OwnSeat {
    service: Service,
    device: DeviceId,
    number: u64,
    scopes: Vec<ScopeId>,
    tables: Vec<TableId>,
}

impl Drop for OwnSeat {
    fn drop(&mut self) {
        let live = self.service.live();
        let mut seats = live.seats();
        self.scopes.iter().for_each(|it| seats.leave_scope(*it));
        self.tables.iter().for_each(|it| seats.leave_table(*it));
        seats.leave(self.device, self.number);
        live.figures.listening(seats.count());
    }
}

impl OwnSeat {
    fn take(service: &Service, device: DeviceId) -> Result<Self> {
        let live = service.live();
        let mut seats = live.seats();
        let number = match seats.take(device) {
            Seat::New(number) => number,
            Seat::Instead(number) => {
                live.send(News::Replaced(device, number));
                number
            }
            Seat::None => return Err(full()),
        };
        live.figures.listening(seats.count());
        drop(seats);
        Ok(Self {
            service: service.clone(),
            device,
            number,
            scopes: Vec::new(),
            tables: Vec::new(),
        })
    }

    /// Asks for what comes after what was read. What came since then, the next look finds.
    fn watch(&mut self, begun: &Begun) {
        let live = self.service.live();
        let mut seats = live.seats();
        for end in &begun.feeds {
            seats.watch_scope(end.scope, end.position);
            self.scopes.push(end.scope);
        }
        for table in &begun.names {
            seats.watch_table(*table);
            self.tables.push(*table);
        }
        drop(seats);
        live.hints().tables.extend(&begun.names);
        live.wake();
    }
}

/// How everything stands when a device begins to listen.
struct Begun {
    organizer: OrganizerId,
    epoch: u32,
    trust: usher_domain::table::Version,
    /// Tables of the assignment, sealed already or not.
    names: Vec<TableId>,
    tables: Vec<TableVersion>,
    /// Scopes asked for that are the device's, and the ends of their feeds.
    feeds: Vec<FeedEnd>,
}

impl Service {
    /// Begins to tell a device what is new after its places, for as long as its token counts.
    ///
    /// # Errors
    /// As [`Service::assignment`]; [`super::Error::Full`] if too many listen, or the server stops.
    pub async fn listen(
        &self,
        device: DeviceId,
        request: LiveRequest,
        counts_for: Duration,
    ) -> Result<Listener> {
        let until = Box::pin(tokio::time::sleep(counts_for));
        let mut seat = OwnSeat::take(self, device)?;
        // Everything from here on is heard, whatever is read below.
        let ring = self.live().ring.subscribe();
        let asked: Vec<ScopeId> = request.places.iter().map(|place| place.scope).collect();
        let begun = self.begin(device, asked).await?;
        seat.watch(&begun);
        let mut places = BTreeMap::new();
        let mut behind = Vec::new();
        for end in &begun.feeds {
            let of_scope = request.places.iter().filter(|it| it.scope == end.scope);
            // A place beyond the end is of a feed that this server does not have.
            let known = of_scope
                .filter(|it| it.epoch == begun.epoch && it.position <= end.position)
                .map(|it| it.position);
            let place = known.max().unwrap_or(0);
            places.insert(end.scope, place);
            if place < end.position {
                behind.push(end.scope);
            }
        }
        let hello = LiveEvent::Hello(Hello {
            server_time: self.now(),
            epoch: begun.epoch,
            tables: begun.tables,
            feeds: begun.feeds,
            trust: begun.trust,
        });
        Ok(Listener {
            seat,
            ring,
            organizer: begun.organizer,
            epoch: begun.epoch,
            behind,
            places,
            tables: begun.names,
            waiting: VecDeque::from([text(&hello)]),
            until,
            over: false,
        })
    }

    async fn begin(&self, device: DeviceId, asked: Vec<ScopeId>) -> Result<Begun> {
        let now = self.now();
        let settings = self.settings().clone();
        self.read(move |txn| {
            let held = assignment::holdings(txn, device, &settings, now)?;
            let mut feeds = Vec::new();
            for scope in held.scopes.into_iter().filter(|it| asked.contains(it)) {
                let position = txn.feed_end(scope)?;
                feeds.push(FeedEnd { scope, position });
            }
            Ok(Begun {
                organizer: held.organizer,
                epoch: epoch(txn)?,
                trust: held.trust,
                names: held.names,
                tables: held.tables,
                feeds,
            })
        })
        .await
    }
}

impl Listener {
    /// The text of the next event; none once the goodbye was told. The future may be dropped.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(text) = self.waiting.pop_front() {
                return Some(text);
            }
            if self.over {
                return None;
            }
            if let Some(scope) = self.behind.last().copied() {
                self.read_on(scope).await;
                continue;
            }
            let news = tokio::select! {
                biased;
                () = &mut self.until => {
                    self.end(ByeReason::SignInAnew);
                    continue;
                }
                news = self.ring.recv() => news,
            };
            match news {
                Ok(news) => self.hear(news),
                Err(RecvError::Lagged(_)) => {
                    self.seat.service.live().figures.too_slow.inc();
                    self.end(ByeReason::TooSlow);
                }
                Err(RecvError::Closed) => self.end(ByeReason::Closing),
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Feed {
                scope,
                after,
                end,
                text,
            } => {
                let Some(place) = self.places.get_mut(&scope) else {
                    return;
                };
                if after == *place {
                    *place = end;
                    self.waiting.push_back(text);
                } else if end > *place {
                    // Part of it was told before, or something before it was not: storage knows.
                    self.behind.push(scope);
                }
            }
            News::Table(table, text) if self.tables.contains(&table) => {
                self.waiting.push_back(text);
            }
            News::Organizer(organizer, text) if organizer == self.organizer => {
                self.waiting.push_back(text);
            }
            News::Device(device, text) if device == self.seat.device => {
                self.waiting.push_back(text);
            }
            News::All(text) => self.waiting.push_back(text),
            News::Replaced(device, newest)
                if device == self.seat.device && newest > self.seat.number =>
            {
                self.end(ByeReason::Replaced);
            }
            News::Revoked(device) if device == self.seat.device => self.end(ByeReason::Revoked),
            News::Epoch(now_in) if now_in != self.epoch => self.end(ByeReason::NewEpoch),
            News::Over(reason) => self.end(reason),
            News::Table(..)
            | News::Organizer(..)
            | News::Device(..)
            | News::Replaced(..)
            | News::Revoked(_)
            | News::Epoch(_) => {}
        }
    }

    /// Tells what storage has of a scope after its place.
    async fn read_on(&mut self, scope: ScopeId) {
        let place = self.places.get(&scope).copied().unwrap_or(0);
        let told_in = self.epoch;
        let read = self.seat.service.read(move |txn| {
            let news = told::feed(txn, scope, told_in, place)?;
            Ok((epoch(txn)?, news))
        });
        match read.await {
            Ok((now_in, _)) if now_in != told_in => self.end(ByeReason::NewEpoch),
            Ok((_, Some(news))) => {
                self.places.insert(scope, news.end);
                self.waiting.push_back(text(&LiveEvent::Feed(news)));
            }
            Ok((_, None)) => self.behind.retain(|behind| *behind != scope),
            Err(error) => {
                tracing::warn!(%error, code = %error.code(), "a listener's feed is not readable");
                self.end(ByeReason::Closing);
            }
        }
    }

    fn end(&mut self, reason: ByeReason) {
        self.over = true;
        self.behind.clear();
        self.waiting
            .push_back(text(&LiveEvent::Bye(Bye { reason })));
    }
}
