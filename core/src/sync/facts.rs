//! What the device and the server have: the facts that a plan is made of.

use super::error::SyncError;
use super::live::SILENCE;
use super::offset::Sample;
use super::parts::Access;
use super::plan::{Local, LocalFeed, LocalLogs, LocalTable, Parked, Remote, Unlisted};
use super::report::Progress;
use super::retry::Timer;
use super::run::Exchange;
use crate::clock::Reading;
use crate::http::Channel;
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::pin::pin;
use usher_domain::document::Held;
use usher_domain::ids::ScopeId;
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::{
    Acknowledged, HEADS_MAX, Heard, Heartbeat, HeartbeatAnswer, SyncApi, TABLES_MAX, TableVersion,
};
use usher_domain::table::{TableId, Version};
use usher_domain::time::{ClockTrust, UnixMillis};

/// How long after its end a session's tables stay, although the server lists them no more.
const KEPT_AFTER_END_MS: u64 = 24 * 60 * 60 * 1000;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Asks how far the server is, and compares the clocks by the way.
    pub(super) async fn greet(&mut self) -> Result<Remote, SyncError> {
        let heartbeat = self.heartbeat()?;
        let (answer, asked, answered) = self.beat(&heartbeat).await?;
        (self.parts.progress)(Progress::Connected);
        if answer.device != self.device {
            return Err(
                Problem::new(Code::BadAnswer, "the server took this device for another").into(),
            );
        }
        // What the server waited for what changed before is no part of the way.
        let waited_ms = answer.waited_ms.unwrap_or(0).min(asked.until_ms(answered));
        let sent = asked.later(waited_ms);
        self.compare_clocks(sent, answer.server_time, answered)?;
        self.parts.claims.probed(sent, answered);
        self.greeted_at = self.at(asked)?;
        self.heed_duty(&heartbeat, &answer)?;
        self.parts
            .store
            .with(|store| store.note_copied(answer.copied))?;
        self.epoch = answer.epoch;
        if self.memory.instance != answer.instance {
            self.memory.instance = answer.instance;
            self.memory.offered.clear();
        }
        self.memory.heard = Some(Heard {
            at: answer.server_time,
            epoch: answer.epoch,
        });
        Ok(Remote {
            epoch: answer.epoch,
            trust: answer.trust,
            tables: answer.tables,
            feeds: answer.feeds,
        })
    }

    /// Gives a sign of life. While the server is silent for too long, this device is alone: it does not wait
    /// for the end of the request to say so.
    async fn beat(
        &self,
        heartbeat: &Heartbeat,
    ) -> Result<(HeartbeatAnswer, Reading, Reading), SyncError> {
        let mut beating = pin!(self.ask_timed(|| self.parts.api.heartbeat(heartbeat.clone())));
        if let Some(answer) = self.parts.timer.within(SILENCE, beating.as_mut()).await {
            return Ok(answer?);
        }
        let (now, _) = self.now()?;
        self.parts.store.with(|store| store.lost(now))?;
        Ok(beating.await?)
    }

    fn heartbeat(&self) -> Result<Heartbeat, StoreError> {
        let reading = self.parts.clock.read();
        self.parts.store.with(|store| {
            // What this folder wrote as another device, before it was enrolled anew, proves nothing of this one.
            let mut logs = store.own_logs()?;
            logs.retain(|log| log.end.head.log.device == self.device);
            // What is told must hold everything that is not sent, or it proves nothing.
            logs.sort_by_key(|log| log.unsent() == 0);
            let untold = logs.split_off(logs.len().min(HEADS_MAX));
            let is_whole = untold.iter().all(|log| log.unsent() == 0);
            let heads = logs
                .iter()
                .map(|log| log.end.head)
                .filter(|head| head.sequence > 0)
                .collect();
            let mut acknowledged = Vec::new();
            for log in logs.iter().filter(|log| log.on_server > 0) {
                acknowledged.push(Acknowledged {
                    log: log.end.head.log,
                    sequence: log.on_server,
                    // The feed is read from its beginning only after the logs were compared.
                    epoch: store.feed_place(log.end.scope)?.epoch,
                });
            }
            let mut tables = store.tables()?;
            tables.truncate(TABLES_MAX);
            let digests = tables
                .iter()
                .map(|held| Ok(store.digests(held.table)?.table_digest()))
                .collect::<Result<_, StoreError>>()?;
            let clock = store.observe_clock(reading)?;
            Ok(Heartbeat {
                device_time: reading.wall,
                heads,
                tables,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                clock_offset_ms: clock.offset_ms(),
                storage_left: store.room_left(),
                // A damaged store proves nothing.
                digests: (!store.is_suspect()).then_some(digests),
                acknowledged: Some(acknowledged),
                heard: self.memory.heard.filter(|_| is_whole),
                trust: store.held_trust()?.map(|held| held.version),
                instance: self.parts.instance,
            })
        })
    }

    /// Takes the server's time in, if it is proved to be the server's.
    pub(super) fn compare_clocks(
        &mut self,
        asked: Reading,
        server_time: UnixMillis,
        answered: Reading,
    ) -> Result<(), StoreError> {
        if self.parts.channel == Channel::Open {
            return Ok(());
        }
        let sample = Sample::of(asked, server_time, answered);
        let offsets = &mut self.memory.offsets;
        self.parts.store.with(|store| {
            store.saw_server_time(server_time)?;
            let mut state = store.observe_clock(answered)?;
            match sample {
                Some(sample) if offsets.take(sample, state.trust()) => {
                    state.measured(sample.server(), answered);
                    store.set_clock_state(Some(state))
                }
                Some(_) | None => Ok(()),
            }
        })
    }

    /// The best knowledge of the time, and whether it is proved.
    pub(super) fn now(&self) -> Result<(UnixMillis, ClockTrust), StoreError> {
        let reading = self.parts.clock.read();
        let state = self
            .parts
            .store
            .with(|store| store.observe_clock(reading))?;
        Ok((state.corrected(reading), state.trust()))
    }

    /// The time of a reading by the best knowledge of now.
    fn at(&self, reading: Reading) -> Result<UnixMillis, StoreError> {
        let now = self.parts.clock.read();
        let state = self.parts.store.with(|store| store.observe_clock(now))?;
        let passed = i64::try_from(reading.until_ms(now)).unwrap_or(i64::MAX);
        Ok(state.corrected(now).shifted(-passed))
    }

    /// What the device has.
    pub(super) fn local(&self, remote: &Remote) -> Result<Local, StoreError> {
        let (now, clock) = self.now()?;
        let compared = &self.memory.compared;
        let tried = self.memory.parked_tried;
        self.parts.store.with(|store| {
            let mut logs: BTreeMap<ScopeId, u64> = BTreeMap::new();
            let own = store.own_logs()?.into_iter();
            for log in own.filter(|log| log.end.head.log.device == self.device) {
                *logs.entry(log.end.scope).or_default() += log.unsent();
            }
            let mut feeds = Vec::new();
            for end in &remote.feeds {
                let place = store.feed_place(end.scope)?;
                feeds.push(LocalFeed {
                    scope: end.scope,
                    epoch: place.epoch,
                    position: place.position,
                    refused_by: store.refused_by(end.scope)?,
                });
            }
            let mut tables = Vec::new();
            for TableVersion { table, version } in store.tables()? {
                tables.push(LocalTable {
                    table,
                    version,
                    when_unlisted: when_unlisted(store, table, now, clock)?,
                });
            }
            let parked = if tried == Some(documents(store)?) {
                Parked::Settled
            } else {
                Parked::Retry
            };
            Ok(Local {
                trust: store
                    .held_trust()?
                    .map_or_else(Version::default, |held| held.version),
                tables,
                logs: logs
                    .into_iter()
                    .map(|(scope, unsent)| LocalLogs {
                        scope,
                        unsent,
                        compared: compared.get(&scope).copied(),
                    })
                    .collect(),
                feeds,
                parked,
            })
        })
    }
}

/// Versions of the documents that decide what can be verified.
pub(super) fn documents(store: &Store) -> Result<(Version, Version), StoreError> {
    let version = |held: Option<Held>| held.map_or_else(Version::default, |held| held.version);
    let (_, enrollment) = store.enrolled()?;
    let roster = store.held_manifest(TableId::Roster(enrollment.organizer))?;
    Ok((version(store.held_trust()?), version(roster)))
}

fn when_unlisted(
    store: &Store,
    table: TableId,
    now: UnixMillis,
    clock: ClockTrust,
) -> Result<Unlisted, StoreError> {
    let session = match table {
        TableId::Set(session) | TableId::Directory(session) => session,
        TableId::Roster(_) => return Ok(Unlisted::Stays),
    };
    // A directory's manifest names no times; its session's set does.
    let terms = store
        .manifest(TableId::Set(session))?
        .and_then(|manifest| manifest.terms);
    let over = terms.is_none_or(|terms| now.since(terms.session.ends) > KEPT_AFTER_END_MS);
    Ok(if over && clock == ClockTrust::Proved {
        Unlisted::Goes
    } else {
        Unlisted::Stays
    })
}
