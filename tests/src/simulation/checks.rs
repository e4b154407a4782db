//! What must hold in the end, when everything has healed.

use super::device::{Device, Program};
use super::held::Held;
use super::weather::Weather;
use super::world::{World, note_exchange};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;
use usher_core::store::Recipient;
use usher_core::sync::SyncError;
use usher_domain::hash::Hash;
use usher_domain::ids::SessionId;
use usher_domain::log::Frame;
use usher_domain::merge;
use usher_domain::protocol::Heads;
use usher_domain::record::{Certainty, LogRef, Scan, Subject};
use usher_domain::verdict::Reason;
use usher_server::service::Error;
use usher_vfs::Faults;

/// Rounds of sealing and exchanging that everybody gets to come into step.
const ROUNDS: u32 = 10;

/// The places of a log's records, by their sequence.
type BySequence<'p> = BTreeMap<u64, Vec<&'p (Frame, Hash)>>;

/// What one end knows of the scope.
struct Known {
    held: Held,
    heads: Heads,
    digest: Hash,
    states: merge::States,
}

impl World {
    /// Everything heals: then all must come into step, and nothing may be missing.
    pub(super) async fn heal(&self) {
        self.story.tell("world", format_args!("everything heals"));
        self.bury().await;
        self.server.disk.set_faults(Faults::default());
        if !self.server.is_up() {
            self.start_server().await;
        }
        if self.undeclared.get() {
            self.declare_restored().await;
        }
        self.check_trust_comes_back().await;
        if self.owes_trust.take()
            && let Some(service) = self.server.service()
        {
            self.hand_in_trust(&service).await;
        }
        // Whoever was cut off for a while is back.
        sleep(Duration::from_secs(15)).await;
        self.bury().await;
        for device in &self.devices {
            device.line.set(Weather::CLEAR);
            device.disk.set_faults(Faults::default());
            // The exchanges below are the only ones from now on.
            device.rest().await;
            if !device.is_on() && !self.is_never_made(device) {
                device.start(self.time.now()).await;
            }
        }
        // Whoever was looked at has gone home.
        sleep(Duration::from_secs(60)).await;
        self.come_into_step().await;
        if self.story.failure().is_none() {
            self.check_the_end().await;
        }
    }

    async fn come_into_step(&self) {
        let mut was_put_off = false;
        for round in 1..=ROUNDS {
            self.seal().await;
            // What the last device hands back after it was put off, those before it read in the next round.
            let mut clean = !was_put_off;
            let mut is_put_off = false;
            for device in &self.devices {
                let Some(program) = device.program() else {
                    continue;
                };
                let Some(done) = program.exchange(device).await else {
                    continue;
                };
                note_exchange(device, &self.story, &done);
                self.watch_rows(device);
                let scope = self.house.session.scope;
                let refused_by = program.with(|store| store.refused_by(scope).unwrap());
                is_put_off |= refused_by == Some(Recipient::NOBODY);
                match done {
                    Ok(report) => {
                        clean &= report.is_clean() && report.sent == 0 && report.received == 0;
                        if round == ROUNDS && !report.is_clean() {
                            self.story.tell(device.name, format_args!("{report:?}"));
                        }
                    }
                    Err(SyncError::Revoked {
                        unsent: 0, sent, ..
                    }) => clean &= sent == 0,
                    Err(error) => {
                        clean = false;
                        self.story.tell(device.name, format_args!("{error:?}"));
                    }
                }
            }
            if is_put_off {
                // A writer wrote too much: what a device holds of it goes within an hour, and nothing is a trouble
                // until then.
                clean = false;
                sleep(Duration::from_secs(3_700)).await;
            }
            was_put_off = is_put_off;
            if clean && self.take_what_waits().await == 0 {
                return;
            }
        }
        self.story.broken(
            "everybody comes into step",
            format_args!("not within {ROUNDS} rounds"),
        );
    }

    /// All records of the scope on the server, with how often each stands there.
    async fn on_server(&self) -> Vec<Vec<u8>> {
        let scope = self.house.session.scope;
        let service = self.server.service().unwrap();
        let read = service.store().read(move |txn| {
            let mut records = Vec::new();
            txn.visit_records(scope, None, &mut |record| {
                records.push(record.bytes);
                Ok(())
            })?;
            Ok::<_, Error>(records)
        });
        read.await.unwrap()
    }

    fn folded(&self, held: Held, heads: Heads) -> Known {
        let scope = self.house.session.scope;
        let states = held.states(scope, self.house.organizer.server);
        Known {
            digest: merge::state_digest(scope, &heads, &states),
            held,
            heads,
            states,
        }
    }

    async fn check_the_end(&self) {
        let records = self.on_server().await;
        let held = Held::of(records.iter().map(Vec::as_slice));
        let heads = held.heads();
        let server = self.folded(held, heads);
        self.check_once(&records);
        self.check_chains(&server.held.places);
        self.check_fold("the server", &server);
        let scope = self.house.session.scope;
        for device in self.devices.iter().filter(|device| !device.revoked.get()) {
            let Some(program) = device.program() else {
                continue;
            };
            let heads = program.with(|store| store.heads(scope).unwrap());
            let known = self.folded(Held::at(&program, scope), heads);
            self.check_fold(device.name, &known);
            self.check_rows(device).await;
            self.check_times(device, &program).await;
            self.story.check(
                "all know the same in the end",
                self.lost(&known, &server).is_empty() && self.lost(&server, &known).is_empty(),
                format_args!(
                    "{} lacks {:?}, the server {:?}",
                    device.name,
                    self.lost(&server, &known),
                    self.lost(&known, &server),
                ),
            );
            self.story.check(
                "equal heads have equal states",
                known.heads != server.heads || known.digest == server.digest,
                format_args!("{}", device.name),
            );
            self.check_ground(device, &program, &server);
        }
        self.check_enrolled().await;
        self.check_incidents(&server.held).await;
        self.check_hall(&server.held).await;
        self.check_grants(&server);
        self.check_reservations().await;
    }

    /// The authority grants no ticket more often than it may enter, and a ticket with a home is admitted
    /// no more often at all.
    fn check_grants(&self, server: &Known) {
        let records = server.held.records(self.house.organizer.server);
        let memory = self.memory.borrow();
        for bought in &memory.tickets {
            let Some(allowed) = bought.entries else {
                continue;
            };
            let entries = records.entries(Subject::Ticket(bought.id));
            // The most entries of one session, or of all together where they are counted so.
            let count = |fits: &dyn Fn(&Scan) -> bool| {
                let ordinary = entries.iter().filter(|scan| {
                    let why = [Reason::Listed, Reason::UnknownSigned, Reason::Honoured];
                    why.contains(&scan.reason)
                });
                let mut counted: BTreeMap<Option<SessionId>, u32> = BTreeMap::new();
                for scan in ordinary.filter(|scan| fits(scan)) {
                    *counted.entry(bought.counted_at(scan.session)).or_default() += 1;
                }
                counted.into_values().max().unwrap_or_default()
            };
            let states = records.fold(Subject::Ticket(bought.id));
            let exceeds = states.values().any(|state| !state.excess.is_empty());
            if !exceeds || memory.sent_out {
                continue;
            }
            let confirmed = count(&|scan| scan.certainty == Certainty::Confirmed);
            self.story.check(
                "no confirmed admission exceeds a confirmed one",
                confirmed <= allowed || self.had_copies(),
                format_args!("{}: {confirmed} of {allowed}", bought.name),
            );
            let granted = count(&|scan| {
                matches!(
                    scan.certainty,
                    Certainty::Confirmed | Certainty::ConfirmedExcept { .. }
                )
            });
            let is_freed = records.is_overridden(Subject::Ticket(bought.id));
            self.story.check(
                "the authority grants no more than there is",
                granted <= allowed || memory.was_restored || is_freed || self.had_copies(),
                format_args!("{}: {granted} of {allowed}", bought.name),
            );
            let Some(home) = bought.home else { continue };
            // Whoever is stood down is not asked any more, which is written down.
            let may_differ = [&memory.forked, &memory.revoked, &memory.stood_down];
            // Nor does a stolen device leave a ticket to its home.
            let is_stolen = self.thief_admitted(&server.held.lines, bought.id);
            let whole = self.home_only
                && !self.had_copies()
                && !is_freed
                && !is_stolen
                && !may_differ.iter().any(|them| them.contains(&home));
            let admitted = count(&|scan| scan.reason != Reason::UnknownSigned);
            self.story.check(
                "a ticket with a home is not admitted twice",
                admitted <= allowed || !whole || memory.was_restored,
                format_args!("{}: {admitted} of {allowed}", bought.name),
            );
        }
    }

    /// When nobody stands at a gate any more, nothing is reserved.
    async fn check_reservations(&self) {
        let service = self.server.service().unwrap();
        for device in self.devices.iter().filter(|device| !device.revoked.get()) {
            let id = device.id;
            let read = service
                .store()
                .read(move |txn| txn.reservations_of(id, u32::MAX));
            let held = read.await.unwrap();
            self.story.check(
                "nothing stays reserved for nobody",
                held.is_empty(),
                format_args!("{}: {} attempts", device.name, held.len()),
            );
        }
    }

    /// A device that follows logs back by itself, as far as cuts need it, comes to the same states as whoever
    /// knows all records.
    fn check_ground(&self, device: &Device, program: &Program, server: &Known) {
        let authority = self.house.organizer.server;
        let ground = program.with(|store| store.ground(self.house.session.scope, authority));
        let states = merge::fold(&ground.unwrap(), &server.held.lines);
        self.story.check(
            "what a device follows back counts as it must",
            states == server.states,
            format_args!("{}", device.name),
        );
    }

    /// Records that one end has and the other does not.
    fn lost(&self, of: &Known, at: &Known) -> Vec<String> {
        let there: BTreeSet<Hash> = at.held.places.iter().map(|(_, hash)| *hash).collect();
        let all = of.held.places.iter();
        let lacking = all.filter(|(_, hash)| !there.contains(hash));
        let told = lacking.map(|(frame, hash)| {
            format!(
                "{} ({} of {})",
                self.story.called(hash),
                frame.sequence,
                self.name_of(frame.log.device)
            )
        });
        told.collect()
    }

    /// Every shown verdict whose record is on some disk is on the server once.
    fn check_once(&self, records: &[Vec<u8>]) {
        let mut times: BTreeMap<Hash, u32> = BTreeMap::new();
        for bytes in records {
            *times.entry(Hash::of(&[bytes])).or_default() += 1;
        }
        for device in &self.devices {
            for record in device.on_disk.borrow().iter() {
                let found = times.get(record).copied().unwrap_or(0);
                self.story.check(
                    "what was shown is on the server once",
                    found == 1,
                    format_args!(
                        "{} of {}: {found} times",
                        self.story.called(record),
                        device.name
                    ),
                );
            }
        }
        self.story.check(
            "what was shown is on the server once",
            times.values().all(|found| *found == 1),
            format_args!("a record stands there twice"),
        );
    }

    /// Every log is a chain from its first record, with two branches only where there may be.
    fn check_chains(&self, places: &[(Frame, Hash)]) {
        let mut logs: BTreeMap<LogRef, BySequence<'_>> = BTreeMap::new();
        for place in places {
            let of_log = logs.entry(place.0.log).or_default();
            of_log.entry(place.0.sequence).or_default().push(place);
        }
        let forked = &self.memory.borrow().forked;
        for (log, by_sequence) in logs {
            let mut before: BTreeSet<Hash> = [Hash::ZERO].into();
            for (expected, (sequence, here)) in (1_u64..).zip(&by_sequence) {
                let chained = here
                    .iter()
                    .all(|(frame, _)| before.contains(&frame.previous));
                self.story.check(
                    "a log is a chain",
                    *sequence == expected && chained,
                    format_args!("{} of {}", sequence, self.name_of(log.device)),
                );
                self.story.check(
                    "a log has one branch unless its device was copied",
                    here.len() == 1 || forked.contains(&log.device),
                    format_args!("{} of {}", sequence, self.name_of(log.device)),
                );
                before = here.iter().map(|(_, hash)| *hash).collect();
            }
        }
    }

    fn check_fold(&self, who: &str, known: &Known) {
        let records = known.held.records(self.house.organizer.server);
        let differs = records.differs(&known.states);
        self.story.check(
            "states are what the reference says",
            differs.is_none(),
            format_args!("{who}: {}", differs.unwrap_or_default()),
        );
    }
}
