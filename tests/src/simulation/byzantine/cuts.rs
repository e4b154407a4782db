//! Revoking a stolen device, and what it writes afterwards: logs written anew, under the same name or another.

use super::Branch;
use super::conduct::Deed;
use super::plain_entry;
use crate::simulation::held::Held;
use crate::simulation::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use usher_domain::hash::Hash;
use usher_domain::ids::LogId;
use usher_domain::log::Frame;
use usher_domain::merge;
use usher_domain::record::{Body, Cut, CutBy, LogRef, Scan};
use usher_server::service::{Error, Service};
use usher_server::storage::LogPlace;

/// Branches and logs that it has at most.
const BRANCHES_MAX: usize = 12;
/// How long the devices have to read of a cut before the server is put back, in milliseconds.
const READ_WITHIN_MS: u64 = 12_000;

/// The records of the thief that the server had, each time that somebody may have cut its logs.
#[derive(Debug, Default)]
pub(super) struct Seen {
    at: Vec<BTreeMap<LogRef, Vec<(Frame, Hash)>>>,
    /// When it was revoked the first of two times.
    revoked_at: Option<u64>,
}

impl Seen {
    /// The records of a log that a cut lets count, if it was made of what was there at one of these times.
    fn counted_by(&self, cut: &Cut) -> Option<BTreeSet<Hash>> {
        let named: BTreeSet<Hash> = cut.heads.iter().flatten().copied().collect();
        let of_log = self.at.iter().map(|seen| seen.get(&cut.log));
        let mut found = of_log.filter_map(|places| {
            let places = places.map(Vec::as_slice).unwrap_or_default();
            let heads = merge::heads(places.iter().map(|(frame, hash)| (frame, *hash)));
            let heads: BTreeSet<Hash> = heads.heads.iter().map(|head| head.hash).collect();
            (heads == named).then(|| places.iter().map(|(_, hash)| *hash).collect())
        });
        found.next()
    }
}

impl World {
    /// Notes what the server has of the thief's logs: a cut that is made now lets that count and no more.
    pub(super) async fn note_thief_logs(&self, service: &Service) -> bool {
        let Some(thief) = &self.thief else {
            return false;
        };
        let id = {
            let thief = thief.borrow();
            if thief.conduct.is_none() {
                return true;
            }
            thief.id
        };
        let read = service.store().read(move |txn| {
            let heads = txn.heads_of_device(id)?;
            let logs: BTreeSet<LogRef> = heads.iter().map(|(_, head)| head.log).collect();
            let mut records = Vec::new();
            for log in logs {
                let all = txn.records_of_log(log, LogPlace::before(0), u32::MAX)?;
                records.extend(all.into_iter().map(|(_, record)| record.bytes));
            }
            Ok::<_, Error>(records)
        });
        let Ok(records) = read.await else {
            return false;
        };
        let held = Held::of(records.iter().map(Vec::as_slice));
        let mut seen: BTreeMap<LogRef, Vec<_>> = BTreeMap::new();
        for (frame, hash) in held.places {
            seen.entry(frame.log).or_default().push((frame, hash));
        }
        if let Some(conduct) = &mut thief.borrow_mut().conduct {
            conduct.seen.at.push(seen);
        }
        true
    }

    /// The thief writes a log anew from its first record on, or begins another, and hands it in.
    pub(super) async fn thief_writes_anew(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let records = {
            let mut thief = thief.borrow_mut();
            let id = thief.id;
            if thief.branches.len() >= BRANCHES_MAX || !self.memory.borrow().revoked.contains(&id) {
                return;
            }
            let first = thief.branches[0].end.head.log;
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            let log = if conduct.dice.u8(..3) == 0 {
                let mut log = [0; 16];
                conduct.dice.fill(&mut log);
                LogRef {
                    device: id,
                    log: LogId::from_bytes(log),
                }
            } else {
                first
            };
            let mut branch = Branch::empty(log, self.house.session.scope);
            for _ in 0..conduct.dice.u8(2..7) {
                let ticket = self.ticket_for_thief(&mut conduct.dice);
                let entry = Scan {
                    attempt: conduct.attempt(),
                    ..plain_entry(self.house.session.id, ticket)
                };
                branch.write(service.now(), Body::Scan(entry));
            }
            let records = branch.records.clone();
            thief.branches.push(branch);
            self.memory.borrow_mut().forked.insert(id);
            records
        };
        self.story.tell("thief", format_args!("writes a log anew"));
        self.thief_pushes(service, records).await;
    }

    /// The thief hands in what it wrote last in its first branch, and all of it where something before is missing.
    pub(super) async fn thief_hands_in_new(&self, service: &Service) {
        const LAST: usize = 40;
        let Some(thief) = &self.thief else { return };
        let all = thief.borrow().branches[0].records.clone();
        if all.is_empty() {
            return;
        }
        let last = all[all.len().saturating_sub(LAST)..].to_vec();
        let is_all = last.len() == all.len();
        let answer = self.thief_pushes(service, last).await;
        if !is_all && matches!(answer, Some(Ok(usher_domain::protocol::PushAnswer::Gap(_)))) {
            self.thief_pushes(service, all).await;
        }
    }

    /// The thief is revoked; the server is put back from a backup of before, and counts on with what it handed in
    /// meanwhile; then it is revoked again. What the first cut took away stays away once devices hand it back.
    pub(super) async fn revoke_thief_twice(self: &Rc<Self>, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let revoked_at = {
            let thief = thief.borrow();
            thief
                .conduct
                .as_ref()
                .and_then(|conduct| conduct.seen.revoked_at)
        };
        let has_backup = self.memory.borrow().backup.is_some();
        match revoked_at {
            None if has_backup => {
                let now = self.time.passed_ms();
                self.thief_lets_in(service).await;
                self.revoke_thief(service).await;
                if let Some(conduct) = &mut thief.borrow_mut().conduct {
                    conduct.seen.revoked_at = Some(now);
                }
            }
            None => self.back_up_or_restore().await,
            Some(at) if has_backup && self.time.passed_ms() > at + READ_WITHIN_MS => {
                self.thief_lets_in(service).await;
                self.back_up_or_restore().await;
                let Some(service) = self.server.service() else {
                    return;
                };
                self.thief_hands_in_new(&service).await;
                self.revoke_thief(&service).await;
            }
            Some(_) => {}
        }
    }

    /// The thief lets some people in and hands that in.
    async fn thief_lets_in(&self, service: &Service) {
        if let Some(thief) = &self.thief {
            let mut thief = thief.borrow_mut();
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            let mut bodies = Vec::new();
            for _ in 0..3 {
                let ticket = self.ticket_for_thief(&mut conduct.dice);
                bodies.push(Body::Scan(Scan {
                    attempt: conduct.attempt(),
                    ..plain_entry(self.house.session.id, ticket)
                }));
            }
            for body in bodies {
                thief.branches[0].write(service.now(), body);
            }
        }
        self.thief_hands_in_new(service).await;
    }

    /// In the end every ticket stands as if the thief had written nothing after its logs were cut, and nobody had
    /// cut them.
    pub(super) fn check_thief_cuts(&self, held: &Held) {
        let Some(thief) = &self.thief else { return };
        let thief = thief.borrow();
        let Some(conduct) = &thief.conduct else {
            return;
        };
        let authority = self.house.organizer.server;
        let mut gone: BTreeSet<Hash> = BTreeSet::new();
        let mut cuts: Vec<&Cut> = Vec::new();
        for line in held
            .lines
            .iter()
            .filter(|line| line.record.log.device == authority)
        {
            if let Body::Cut(cut) = &line.record.body
                && cut.log.device == thief.id
            {
                cuts.push(cut);
                gone.insert(line.hash);
            }
        }
        let by_people: BTreeSet<LogRef> = cuts
            .iter()
            .filter(|cut| cut.by == Some(CutBy::Person))
            .map(|cut| cut.log)
            .collect();
        for cut in cuts {
            if by_people.contains(&cut.log) && cut.by != Some(CutBy::Person) {
                continue;
            }
            let Some(counted) = conduct.seen.counted_by(cut) else {
                self.story
                    .broken("a cut is made of what was there", format_args!("{cut:?}"));
                continue;
            };
            let of_log = held.places.iter().filter(|(frame, _)| frame.log == cut.log);
            let after = of_log.filter(|(_, hash)| !counted.contains(hash));
            gone.extend(after.map(|(_, hash)| *hash));
        }
        let scope = self.house.session.scope;
        let with = held.states(scope, authority);
        let without = held.without(&gone).states(scope, authority);
        self.story.check(
            "what a revoked device writes changes nothing",
            with == without,
            format_args!("{} records after its cuts", gone.len()),
        );
        if conduct.does(Deed::WriteAnew) || conduct.does(Deed::RevokedTwice) {
            let count = gone.len();
            self.story.tell(
                "world",
                format_args!("{count} records of the thief count for nothing"),
            );
        }
    }
}
