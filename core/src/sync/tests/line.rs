//! The server's answers, as one device reaches them over a line that fails when told.

use super::server::{Server, Table, digests, pack};
use super::things::*;
use usher_domain::cbor;
use usher_domain::document::batch::Batch;
use usher_domain::document::verify_trust;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::merge;
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};
use usher_domain::protocol::*;
use usher_domain::table::{Row, TableId, Version};
use usher_domain::time::UnixMillis;

/// A server as one device reaches it.
pub(super) struct Line<'s> {
    pub(super) server: &'s Server,
    pub(super) device: DeviceId,
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "no such table")
}

impl Line<'_> {
    fn with_table<T>(
        &self,
        table: TableId,
        work: impl FnOnce(&Table) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let state = self.server.state.borrow();
        work(state.tables.get(&table).ok_or_else(not_found)?)
    }

    fn versions(&self) -> Vec<TableVersion> {
        let state = self.server.state.borrow();
        let all = state.tables.iter();
        all.map(|(&table, entry)| TableVersion {
            table,
            version: entry.version,
        })
        .collect()
    }
}

impl SyncApi for Line<'_> {
    async fn enroll(&self, _: EnrollRequest) -> Result<EnrollAnswer, Problem> {
        Err(Problem::new(Code::EnrollmentRefused, "not here"))
    }

    async fn assignment(&self) -> Result<Assignment, Problem> {
        self.server
            .call(|| {
                let state = self.server.state.borrow();
                assert!(verify_trust(&state.trust, &root().public(), None).is_ok());
                Ok(Assignment {
                    trust: state.trust.clone().into(),
                    tables: self.versions(),
                    scopes: vec![SCOPE],
                    gate: None,
                    server_time: UnixMillis::new(self.server.time.get()),
                    epoch: state.epoch,
                })
            })
            .await
    }

    async fn snapshot(&self, request: SnapshotRequest) -> Result<SnapshotPart, Problem> {
        self.server
            .call(|| {
                self.with_table(request.table, |table| {
                    let (version, bytes, manifest) = &table.snapshot;
                    if request.of.is_some_and(|of| of != *version) {
                        return Err(Problem::new(Code::SnapshotGone, "gone"));
                    }
                    // Smaller parts than asked for, so that there are several.
                    let from = usize::try_from(request.from).unwrap().min(bytes.len());
                    let to = (from + 700).min(bytes.len());
                    Ok(SnapshotPart {
                        version: *version,
                        total: bytes.len() as u64,
                        from: request.from,
                        bytes: bytes[from..to].to_vec(),
                        manifest: manifest.clone(),
                    })
                })
            })
            .await
    }

    async fn changes(&self, table: TableId, since: Version) -> Result<Changes, Problem> {
        self.server
            .call(|| {
                self.with_table(table, |table| {
                    if since == table.version {
                        return Ok(Changes::UpToDate);
                    }
                    if since.epoch != table.version.epoch || since > table.version {
                        return Ok(Changes::TakeSnapshot);
                    }
                    let newer = |key: &&(Version, [u8; 16])| key.0 > since;
                    let keys: std::collections::BTreeSet<_> = table
                        .changed
                        .iter()
                        .filter(newer)
                        .map(|(_, key)| *key)
                        .collect();
                    let rows = table.rows.iter().filter(|((_, key), _)| keys.contains(key));
                    Ok(Changes::Segment {
                        manifest: table.manifest.clone().into(),
                        rows: pack(rows.map(|(_, row)| row)).into(),
                    })
                })
            })
            .await
    }

    async fn buckets(&self, table: TableId) -> Result<BucketDigests, Problem> {
        self.server
            .call(|| {
                self.with_table(table, |table| {
                    Ok(BucketDigests {
                        manifest: table.manifest.clone().into(),
                        digests: digests(table).hashes().to_vec(),
                    })
                })
            })
            .await
    }

    async fn bucket_rows(&self, table: TableId, buckets: Vec<u16>) -> Result<BucketRows, Problem> {
        self.server
            .call(|| {
                self.with_table(table, |table| {
                    let wanted = table
                        .rows
                        .iter()
                        .filter(|((b, _), _)| buckets.contains(&b.get()));
                    Ok(BucketRows {
                        manifest: table.manifest.clone().into(),
                        rows: pack(wanted.map(|(_, row)| row)).into(),
                    })
                })
            })
            .await
    }

    async fn hand_back(&self, request: HandBack) -> Result<HandBackAnswer, Problem> {
        self.server
            .call(|| {
                if let Some(code) = self.server.refuses_rows.get() {
                    return Err(Problem::new(code, "no"));
                }
                let mut stream = Vec::new();
                let mut packed: &[u8] = &request.rows;
                let mut decoder = ruzstd::decoding::StreamingDecoder::new(&mut packed).unwrap();
                std::io::Read::read_to_end(&mut decoder, &mut stream).unwrap();
                let mut higher = Vec::new();
                let mut reader = usher_domain::table::RowReader::default();
                reader
                    .push(&stream, |row| {
                        let state = self.server.state.borrow();
                        let held = state.tables[&request.table]
                            .rows
                            .get(&(row.bucket(), *row.key().as_bytes()));
                        let revision = held.map_or(0, |held| Row::parse(held).unwrap().revision());
                        if row.revision() > revision {
                            higher.push(row.bytes().to_vec());
                        }
                        Ok::<_, usher_domain::table::RowError>(())
                    })
                    .unwrap();
                if self.server.asks_a_person.get() {
                    let waiting = &mut self.server.state.borrow_mut().waiting;
                    let count = higher.len() as u64;
                    for row in higher {
                        let row = (request.table, row);
                        if !waiting.contains(&row) {
                            waiting.push(row);
                        }
                    }
                    return Ok(HandBackAnswer {
                        taken: 0,
                        waiting: Some(count),
                    });
                }
                if !higher.is_empty() {
                    self.server.change(request.table, &higher);
                }
                Ok(HandBackAnswer {
                    taken: higher.len() as u64,
                    waiting: Some(0),
                })
            })
            .await
    }

    async fn hand_back_trust(&self, request: TrustHandBack) -> Result<(), Problem> {
        self.server
            .call(|| {
                if let Some(code) = self.server.refuses_trust.get() {
                    return Err(Problem::new(code, "not taken"));
                }
                let mut given = self.server.trust_given.borrow_mut();
                given.push(request.document.to_vec());
                Ok(())
            })
            .await
    }

    async fn push(&self, batch: Batch) -> Result<PushAnswer, Problem> {
        self.server.call(|| self.server.push_batch(&batch)).await
    }

    async fn heads(&self, _: ScopeId, whose: Whose) -> Result<HeadsAnswer, Problem> {
        self.server
            .call(|| {
                let fails = self.server.fails_heads.get();
                if whose == Whose::Everybody && fails > 0 {
                    self.server.fails_heads.set(fails - 1);
                    return Err(Problem::new(Code::Internal, "a fault of the server"));
                }
                let state = self.server.state.borrow();
                let asked = state.records.iter().filter(|(key, _)| match whose {
                    Whose::Own => key.0.device == self.device,
                    Whose::Everybody => true,
                });
                let frames: Vec<_> = asked
                    .map(|(key, bytes)| (cbor::decode(bytes).unwrap(), key.2))
                    .collect();
                let heads = merge::heads(frames.iter().map(|(frame, hash)| (frame, *hash)));
                Ok(HeadsAnswer {
                    heads: heads.heads,
                    epoch: state.epoch,
                })
            })
            .await
    }

    async fn feed(&self, request: FeedRequest) -> Result<FeedPage, Problem> {
        self.server
            .call(|| {
                let state = self.server.state.borrow();
                let after = if request.epoch == state.epoch {
                    request.after
                } else {
                    0
                };
                let from = usize::try_from(after).unwrap().min(state.feed.len());
                let here = from.checked_sub(1).and_then(|at| state.feed.get(at));
                let here = here.and_then(|batch| batch.records.last());
                let here = here.map(|record| Hash::of(&[record]));
                if request.epoch == state.epoch && request.last.is_some_and(|at| here != Some(at)) {
                    return Err(Problem::new(Code::Conflict, "another batch is there"));
                }
                let page = state.feed.iter().enumerate().skip(from).take(2);
                Ok(FeedPage {
                    epoch: state.epoch,
                    batches: page
                        .map(|(index, batch)| FeedBatch {
                            position: index as u64 + 1,
                            batch: batch.clone(),
                        })
                        .collect(),
                    end: state.feed.len() as u64,
                })
            })
            .await
    }

    async fn heartbeat(&self, told: Heartbeat) -> Result<HeartbeatAnswer, Problem> {
        self.server
            .call(|| {
                *self.server.told.borrow_mut() = Some(told.clone());
                self.server.go_on();
                let state = self.server.state.borrow();
                Ok(HeartbeatAnswer {
                    server_time: UnixMillis::new(self.server.time.get()),
                    epoch: state.epoch,
                    tables: self.versions(),
                    feeds: vec![FeedEnd {
                        scope: SCOPE,
                        position: state.feed.len() as u64,
                    }],
                    trust: state.trust_version,
                    device: self.device,
                    open: None,
                    yields: None,
                    waited_ms: None,
                    instance: Some(self.server.instance.get()),
                    copied: None,
                })
            })
            .await
    }

    async fn claim(&self, _: ClaimRequest) -> Result<ClaimAnswer, Problem> {
        Ok(ClaimAnswer::NotAuthority { authority: None })
    }

    async fn sign_off(&self, _: Vec<Head>) -> Result<(), Problem> {
        Ok(())
    }
}
