//! A server in memory that loses requests, loses answers, repeats requests, and stands still when told.

use super::things::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use usher_domain::cbor;
use usher_domain::cose::SigningKey;
use usher_domain::document::batch::Batch;
use usher_domain::document::enrollment::Enrollment;
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::document::{sign, verify_trust};
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::log::{LogEnd, sign_batch, unverified_head, verify_batch};
use usher_domain::problem::{AT_WRITER, Code, Problem};
use usher_domain::protocol::*;
use usher_domain::record::{Body, LogRef, Notice};
use usher_domain::table::rows::{
    DeviceEntry, DeviceRole, RosterEntry, RosterRow, TicketRow, TicketState,
};
use usher_domain::table::{
    Bucket, Digests, Manifest, Row, TableId, Version, bucket_digest, encode_row, write_row,
};
use usher_domain::time::UnixMillis;

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// The request does not arrive.
    RequestLost,
    /// It arrives, and the answer does not.
    AnswerLost,
    /// It arrives twice.
    Repeated,
    /// The request never ends and never arrives: the plug is pulled.
    CutBefore,
    /// It arrives, and then the plug is pulled.
    CutAfter,
}

#[derive(Clone)]
pub(super) struct Table {
    pub(super) rows: BTreeMap<(Bucket, [u8; 16]), Vec<u8>>,
    pub(super) changed: Vec<(Version, [u8; 16])>,
    pub(super) version: Version,
    pub(super) manifest: Vec<u8>,
    pub(super) snapshot: (Version, Vec<u8>, Vec<u8>),
}

/// Everything that a backup would hold.
#[derive(Clone)]
pub(super) struct State {
    pub(super) epoch: u32,
    pub(super) trust: Vec<u8>,
    pub(super) trust_version: Version,
    pub(super) tables: BTreeMap<TableId, Table>,
    pub(super) feed: Vec<Batch>,
    pub(super) records: BTreeMap<(LogRef, u64, Hash), Vec<u8>>,
    /// Rows handed back that wait for a person.
    pub(super) waiting: Vec<(TableId, Vec<u8>)>,
}

pub(super) struct Server {
    pub(super) state: RefCell<State>,
    pub(super) faults: RefCell<Box<dyn FnMut(u64) -> Fault>>,
    pub(super) calls: Cell<u64>,
    /// Set when the plug is pulled.
    pub(super) cut: Cell<bool>,
    pub(super) time: Cell<u64>,
    /// Whether something is recorded elsewhere before every sign of life is answered.
    pub(super) busy: Cell<bool>,
    /// Before it answers the call of this number, it is put back from this backup.
    pub(super) put_back: RefCell<Option<(u64, State)>>,
    /// Before it answers the call of this number, its state is this one again, and nobody tells it.
    pub(super) put_back_untold: RefCell<Option<(u64, State)>>,
    /// Which start of its program this is.
    pub(super) instance: Cell<u64>,
    /// Trust documents that were handed back.
    pub(super) trust_given: RefCell<Vec<Vec<u8>>>,
    /// What it answers to whoever hands a trust document back.
    pub(super) refuses_trust: Cell<Option<Code>>,
    /// Whether a person decides what of the rows handed back is taken.
    pub(super) asks_a_person: Cell<bool>,
    /// What it answers to whoever hands rows back.
    pub(super) refuses_rows: Cell<Option<Code>>,
    /// The last sign of life.
    pub(super) told: RefCell<Option<Heartbeat>>,
    /// The writer of whom it takes nothing more this hour, and how often it said so.
    pub(super) full_of: Cell<Option<DeviceId>>,
    pub(super) put_off: Cell<u32>,
    /// How many more times it fails to say what it has of everybody's logs.
    pub(super) fails_heads: Cell<u32>,
    /// The writer of whom it fails to store anything.
    pub(super) fails_to_store: Cell<Option<DeviceId>>,
    /// The writer whom it does not know.
    pub(super) knows_not: Cell<Option<DeviceId>>,
}

impl Server {
    pub(super) fn new() -> Self {
        let delegate = |key: SigningKey, purpose| Delegation {
            key: key.public(),
            purpose,
            not_before: UnixMillis::new(0),
            not_after: UnixMillis::new(NOW + YEAR),
            revoked_at: None,
        };
        let version = Version {
            epoch: 0,
            number: 1,
        };
        let trust = Trust {
            organizer: ORGANIZER,
            version,
            issued_at: UnixMillis::new(NOW - YEAR),
            expires_at: UnixMillis::new(NOW + YEAR),
            server: SERVER,
            delegations: vec![
                delegate(key(102), Purpose::Roster),
                delegate(key(103), Purpose::Set),
            ],
        };
        let server = Self {
            state: RefCell::new(State {
                epoch: 0,
                trust: sign(&trust, &root()),
                trust_version: version,
                tables: BTreeMap::new(),
                feed: Vec::new(),
                records: BTreeMap::new(),
                waiting: Vec::new(),
            }),
            faults: RefCell::new(Box::new(|_| Fault::None)),
            calls: Cell::new(0),
            cut: Cell::new(false),
            time: Cell::new(NOW),
            busy: Cell::new(false),
            put_back: RefCell::new(None),
            put_back_untold: RefCell::new(None),
            instance: Cell::new(1),
            trust_given: RefCell::default(),
            refuses_trust: Cell::default(),
            asks_a_person: Cell::new(false),
            refuses_rows: Cell::new(None),
            told: RefCell::new(None),
            full_of: Cell::new(None),
            put_off: Cell::new(0),
            fails_heads: Cell::new(0),
            fails_to_store: Cell::new(None),
            knows_not: Cell::new(None),
        };
        server.change(ROSTER, &[]);
        server.change(SET, &[]);
        server
    }

    /// Signs the next version of a table with these rows changed.
    pub(super) fn change(&self, table: TableId, rows: &[Vec<u8>]) {
        let mut state = self.state.borrow_mut();
        let epoch = state.epoch;
        let entry = state.tables.entry(table).or_insert_with(|| Table {
            rows: BTreeMap::new(),
            changed: Vec::new(),
            version: Version::default(),
            manifest: Vec::new(),
            snapshot: Default::default(),
        });
        let number = if entry.version.epoch == epoch {
            entry.version.number + 1
        } else {
            1
        };
        entry.version = Version { epoch, number };
        for bytes in rows {
            let row = Row::parse(bytes).unwrap();
            let key = *row.key().as_bytes();
            entry.rows.insert((row.bucket(), key), bytes.clone());
            entry.changed.push((entry.version, key));
        }
        let manifest = Manifest {
            table,
            version: entry.version,
            rows: entry.rows.len() as u64,
            digest: digests(entry).table_digest(),
            issued_at: UnixMillis::new(NOW),
            expires_at: UnixMillis::new(NOW + YEAR),
            terms: matches!(table, TableId::Set(_)).then(terms),
        };
        let signer = if matches!(table, TableId::Roster(_)) {
            key(102)
        } else {
            key(103)
        };
        entry.manifest = sign(&manifest, &signer);
    }

    /// Makes the newest version the snapshot that is offered.
    pub(super) fn prepare(&self, table: TableId) {
        let mut state = self.state.borrow_mut();
        let entry = state.tables.get_mut(&table).unwrap();
        let packed = pack(entry.rows.values());
        entry.snapshot = (entry.version, packed, entry.manifest.clone());
    }

    pub(super) fn sell(&self, tickets: std::ops::Range<u32>, revision: u64, state: TicketState) {
        let rows: Vec<_> = tickets.map(|n| ticket_row(n, revision, state)).collect();
        self.change(SET, &rows);
    }

    /// Puts a device into the roster and says what it gets at enrollment.
    pub(super) fn enroll_device(&self, number: u8) -> (Vec<u8>, Vec<u8>) {
        let device = device_id(number);
        let public = SigningKey::from_seed(&device_key(number)).public();
        let entry = RosterRow {
            key: (*device.as_bytes()).into(),
            revision: 1,
            entry: RosterEntry::Device(DeviceEntry {
                device,
                key: public,
                name: format!("gate {number}"),
                role: DeviceRole::Gate,
                gate: None,
                revoked: None,
            }),
        };
        self.change(ROSTER, &[encode_row(&entry).unwrap()]);
        let enrollment = Enrollment {
            organizer: ORGANIZER,
            device,
            key: public,
            name: format!("gate {number}"),
            role: DeviceRole::Gate,
            gate: None,
            issued_at: UnixMillis::new(NOW),
        };
        (
            sign(&enrollment, &key(102)),
            self.state.borrow().trust.clone(),
        )
    }

    /// Puts a trust document of a higher epoch in force. Returns the one before.
    pub(super) fn renew_trust(&self) -> Vec<u8> {
        let mut state = self.state.borrow_mut();
        let mut trust = verify_trust(&state.trust, &root().public(), None)
            .unwrap()
            .value()
            .clone();
        trust.version.epoch += 1;
        state.trust_version = trust.version;
        std::mem::replace(&mut state.trust, sign(&trust, &root()))
    }

    /// Records something if this is a busy evening.
    pub(super) fn go_on(&self) {
        if self.busy.get() {
            self.say(Body::Notice(Notice {
                session: None,
                gate: None,
                text: Hash::ZERO,
                until: UnixMillis::new(NOW),
            }));
        }
    }

    /// Writes a record into the server's own log.
    pub(super) fn say(&self, body: Body) {
        let log = LogRef {
            device: SERVER,
            log: usher_domain::ids::LogId::from_bytes([9; 16]),
        };
        let mut state = self.state.borrow_mut();
        let last = state
            .records
            .keys()
            .filter(|(l, ..)| *l == log)
            .map(|k| (k.1, k.2))
            .max();
        let mut end = LogEnd::empty(log, SCOPE);
        if let Some((sequence, hash)) = last {
            end.head = Head {
                log,
                sequence,
                hash,
            };
        }
        let entry = end.append(UnixMillis::new(NOW), body);
        state.records.insert(
            (log, entry.frame.sequence, entry.hash),
            entry.encoded.clone(),
        );
        state
            .feed
            .push(sign_batch(&key(103), vec![entry.encoded]).unwrap());
    }

    pub(super) fn root_key() -> usher_domain::cose::PublicKey {
        root().public()
    }

    /// All records by log, sequence and hash.
    pub(super) fn records(&self) -> Vec<(LogRef, u64, Hash)> {
        self.state.borrow().records.keys().copied().collect()
    }

    /// How many records of a device it has.
    pub(super) fn records_of(&self, number: u8) -> usize {
        let records = self.records();
        let of = |log: &LogRef| log.device == device_id(number);
        records.iter().filter(|(log, ..)| of(log)).count()
    }

    pub(super) fn version(&self, table: TableId) -> Version {
        self.state.borrow().tables[&table].version
    }

    pub(super) fn digest(&self, table: TableId) -> Hash {
        digests(&self.state.borrow().tables[&table]).table_digest()
    }

    pub(super) fn row(&self, ticket: u32) -> TicketRow {
        let state = self.state.borrow();
        let id = ticket_id(ticket);
        let bucket = Bucket::of(&id.into());
        cbor::decode(&state.tables[&SET].rows[&(bucket, *id.as_bytes())]).unwrap()
    }

    /// Comes back from a backup under a new epoch, with everything signed anew.
    pub(super) fn restore(&self, backup: State) {
        let epoch = self.state.borrow().epoch + 1;
        *self.state.borrow_mut() = State { epoch, ..backup };
        self.change(ROSTER, &[]);
        self.change(SET, &[]);
        self.prepare(ROSTER);
        self.prepare(SET);
    }

    /// Whether the last sign of life proved that the device holds all of a table.
    pub(super) fn hears_whole(&self, table: TableId) -> bool {
        let told = self.told.borrow();
        let Some(told) = &*told else { return false };
        let digests = told.digests.iter().flatten();
        let mut proved = told.tables.iter().zip(digests);
        proved.any(|(held, digest)| held.table == table && *digest == self.digest(table))
    }

    /// Does something while so many calls are answered, and no more.
    pub(super) fn answering_only<T>(&self, calls: u64, work: impl FnOnce() -> T) -> T {
        let last = self.calls.get() + calls;
        *self.faults.borrow_mut() = Box::new(move |call| match call {
            call if call <= last => Fault::None,
            _ => Fault::RequestLost,
        });
        let done = work();
        *self.faults.borrow_mut() = Box::new(|_| Fault::None);
        done
    }

    pub(super) async fn call<T>(
        &self,
        work: impl Fn() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let number = self.calls.get() + 1;
        self.calls.set(number);
        self.time.set(self.time.get() + 1);
        let due = self.put_back.borrow_mut().take_if(|due| due.0 == number);
        if let Some((_, backup)) = due {
            self.restore(backup);
        }
        let due = self
            .put_back_untold
            .borrow_mut()
            .take_if(|due| due.0 == number);
        if let Some((_, backup)) = due {
            *self.state.borrow_mut() = backup;
        }
        let fault = (self.faults.borrow_mut())(number);
        let lost = || Problem::new(Code::Unreachable, "lost");
        match fault {
            Fault::None => work(),
            Fault::RequestLost => Err(lost()),
            Fault::AnswerLost => {
                let _gone = work();
                Err(lost())
            }
            Fault::Repeated => {
                let _first = work();
                work()
            }
            Fault::CutBefore => {
                self.cut.set(true);
                pending().await
            }
            Fault::CutAfter => {
                let _gone = work();
                self.cut.set(true);
                pending().await
            }
        }
    }

    pub(super) fn push_batch(&self, batch: &Batch) -> Result<PushAnswer, Problem> {
        let writer = unverified_head(batch).unwrap().log.device;
        if self.full_of.get() == Some(writer) {
            self.put_off.set(self.put_off.get() + 1);
            let mut problem = Problem::new(Code::RateLimited, "too much within an hour");
            problem.retry_after = Some(600);
            problem.errors.push(usher_domain::problem::Fault {
                at: AT_WRITER.to_owned(),
                code: Code::RateLimited.as_str().to_owned(),
                detail: String::new(),
            });
            return Err(problem);
        }
        if self.fails_to_store.get() == Some(writer) {
            return Err(Problem::new(Code::Internal, "a fault of the server"));
        }
        if self.knows_not.get() == Some(writer) {
            return Err(Problem::new(Code::NotFound, "no such device"));
        }
        let public = if writer == SERVER {
            key(103).public()
        } else {
            SigningKey::from_seed(&device_key(writer.as_bytes()[0])).public()
        };
        let verified = verify_batch(batch, &public)
            .map_err(|e| Problem::new(Code::NotAuthentic, e.to_string()))?;
        let head = verified.head().clone();
        let mut state = self.state.borrow_mut();
        let ends = |state: &State| {
            let of_log = state.records.keys().filter(|key| key.0 == head.log);
            of_log.map(|key| key.1).max().unwrap_or(0)
        };
        let before = (head.log, head.first - 1, head.before);
        if head.first > 1 && !state.records.contains_key(&before) {
            // The chain before is missing, or is another branch.
            let common = ends(&state).min(head.first - 1);
            return Ok(PushAnswer::Gap(common.max(1)));
        }
        let mut new = 0;
        for entry in verified.entries() {
            let place = (head.log, entry.frame.sequence, entry.hash);
            let known = state.records.insert(place, entry.encoded.clone());
            new += u64::from(known.is_none());
        }
        if new > 0 {
            state.feed.push(batch.clone());
        }
        let mut sequences: Vec<_> = state
            .records
            .keys()
            .filter(|k| k.0 == head.log)
            .map(|k| k.1)
            .collect();
        let all = sequences.len();
        sequences.dedup();
        Ok(match (new, sequences.len() < all) {
            (0, _) => PushAnswer::Known(ends(&state)),
            (_, true) => PushAnswer::Forked(ends(&state)),
            (_, false) => PushAnswer::Stored(ends(&state)),
        })
    }
}

pub(super) fn digests(table: &Table) -> Digests {
    let mut by_bucket: BTreeMap<Bucket, Vec<&[u8]>> = BTreeMap::new();
    for ((bucket, _), row) in &table.rows {
        by_bucket.entry(*bucket).or_default().push(row);
    }
    let mut digests = Digests::empty();
    for (bucket, rows) in by_bucket {
        digests.set(bucket, bucket_digest(rows));
    }
    digests
}

pub(super) fn pack<'r>(rows: impl IntoIterator<Item = &'r Vec<u8>>) -> Vec<u8> {
    let mut stream = Vec::new();
    for row in rows {
        write_row(&mut stream, row);
    }
    super::super::hand_back::pack(&stream)
}
