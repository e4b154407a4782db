//! Floods of records of kinds that nobody knows, up to what a device may write in an hour and beyond.

use super::Branch;
use crate::simulation::world::World;
use minicbor::Encoder;
use usher_domain::hash::Hash;
use usher_domain::ids::LogId;
use usher_domain::protocol::{Head, PushAnswer};
use usher_domain::record::LogRef;
use usher_domain::time::UnixMillis;
use usher_server::service::{Error, Service};

/// Bytes that a device may write in an hour, in evenings with a flood: more than an honest one writes.
pub(super) const BYTES_PER_HOUR: u64 = 256 << 10;

/// Records of one wave, and bytes of each.
const WAVE: usize = 25;
const RECORD_BYTES: usize = 3_000;

/// A log of rubbish.
#[derive(Debug)]
pub(super) struct Flood {
    branch: Branch,
    /// Bytes that the server took in since it was put back last, and when that was.
    taken: u64,
    restored_at: Option<u64>,
    /// Whether it refused some since then.
    was_refused: bool,
}

impl Branch {
    /// Writes a record of a kind that this program does not know.
    fn write_unknown(&mut self, stamp: UnixMillis, bytes: usize) {
        let head = self.end.head;
        let mut encoded = Vec::new();
        let mut encoder = Encoder::new(&mut encoded);
        encoder.array(6).unwrap().encode(head.log).unwrap();
        encoder.u64(head.sequence + 1).unwrap();
        encoder.encode(head.hash).unwrap();
        encoder.encode(self.end.scope).unwrap();
        encoder.encode(stamp).unwrap();
        encoder.array(2).unwrap().u32(200).unwrap();
        encoder.bytes(&vec![7; bytes]).unwrap();
        self.end.head = Head {
            log: head.log,
            sequence: head.sequence + 1,
            hash: Hash::of(&[&encoded]),
        };
        self.records.push(encoded);
    }
}

impl World {
    /// The thief writes a wave of rubbish and hands it in, or some into the log that it scans to.
    pub(super) async fn thief_floods(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let wave = {
            let mut thief = thief.borrow_mut();
            let (id, is_full) = (thief.id, thief.has_written_enough());
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            if conduct.dice.u8(..3) == 0 && !is_full {
                self.story
                    .tell("thief", format_args!("writes what nobody can read"));
                thief.branches[0].write_unknown(service.now(), 10);
                return;
            }
            let mut log = [0; 16];
            conduct.dice.fill(&mut log);
            let flood = conduct.flood.get_or_insert_with(|| Flood {
                branch: Branch::empty(
                    LogRef {
                        device: id,
                        log: LogId::from_bytes(log),
                    },
                    self.house.session.scope,
                ),
                taken: 0,
                restored_at: None,
                was_refused: false,
            });
            let before = flood.branch.clone();
            for _ in 0..WAVE {
                flood.branch.write_unknown(service.now(), RECORD_BYTES);
            }
            let wave = flood.branch.records[before.records.len()..].to_vec();
            (before, wave)
        };
        let (before, wave) = wave;
        let answer = self.thief_pushes(service, wave).await;
        // What was not taken it writes anew the next time; what a server put back has lost, too.
        let mut thief = thief.borrow_mut();
        let Some(flood) = thief
            .conduct
            .as_mut()
            .and_then(|conduct| conduct.flood.as_mut())
        else {
            return;
        };
        match answer {
            Some(Ok(PushAnswer::Stored(_) | PushAnswer::Forked(_))) => {}
            Some(Ok(PushAnswer::Gap(from))) => {
                let kept = usize::try_from(from.saturating_sub(1)).unwrap_or(0);
                let log = before.end.head.log;
                flood.branch = up_to(before, kept);
                // Others hand back what it wrote there before the server was put back.
                self.memory.borrow_mut().forked.insert(log.device);
                self.story.tell(
                    "thief",
                    format_args!("goes back to {kept} of {:?}", log.log),
                );
            }
            Some(Ok(PushAnswer::Known(_)) | Err(_)) | None => flood.branch = before,
        }
    }

    /// Counts what the server took in of the thief: it may be no more than a device may write.
    pub(super) fn count_what_thief_hands_in(
        &self,
        size: usize,
        answer: &Result<PushAnswer, Error>,
    ) {
        let Some(thief) = &self.thief else { return };
        let mut thief = thief.borrow_mut();
        let Some(flood) = thief
            .conduct
            .as_mut()
            .and_then(|conduct| conduct.flood.as_mut())
        else {
            return;
        };
        let restored_at = self.memory.borrow().restored_at;
        if flood.restored_at != restored_at {
            flood.restored_at = restored_at;
            flood.taken = 0;
            flood.was_refused = false;
        }
        match answer {
            Ok(PushAnswer::Stored(_)) => flood.taken += size as u64,
            Err(Error::WriterOverQuota { .. }) => flood.was_refused = true,
            // Of a log with branches the answer is the same if nothing of a batch was new.
            Ok(PushAnswer::Forked(_) | PushAnswer::Known(_) | PushAnswer::Gap(_)) | Err(_) => {}
        }
        self.story.check(
            "a device writes no more than it may in an hour",
            flood.taken <= BYTES_PER_HOUR + BYTES_PER_HOUR / 4,
            format_args!("{} of {BYTES_PER_HOUR} bytes", flood.taken),
        );
    }

    /// Whether the server refused some of the thief's records and was not put back since.
    pub(super) fn thief_wrote_too_much(&self) -> bool {
        let thief = self.thief.as_ref().map(|thief| thief.borrow());
        let conduct = thief.as_ref().and_then(|thief| thief.conduct.as_ref());
        let flood = conduct.and_then(|conduct| conduct.flood.as_ref());
        let restored_at = self.memory.borrow().restored_at;
        flood.is_some_and(|flood| flood.was_refused && flood.restored_at == restored_at)
    }
}

/// The first records of a branch.
fn up_to(branch: Branch, count: usize) -> Branch {
    let mut shorter = Branch::empty(branch.end.head.log, branch.end.scope);
    shorter.records = branch.records.into_iter().take(count).collect();
    if let Some(last) = shorter.records.last() {
        shorter.end.head = Head {
            log: branch.end.head.log,
            sequence: shorter.records.len() as u64,
            hash: Hash::of(&[last]),
        };
    }
    shorter
}
