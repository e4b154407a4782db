//! A device as far as the server sees one.

use super::hall::{Enrolled, Hall};
use super::process::Running;
use super::wire::Connection;
use crate::queued::{admission, log_of};
use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use hyper::header::HeaderValue;
use std::sync::Arc;
use usher_domain::cbor;
use usher_domain::challenge::prove_device;
use usher_domain::code::{Identity, TicketCode, TicketCodeText};
use usher_domain::cose::parse;
use usher_domain::decide::{Shown, Signer};
use usher_domain::document::batch::Batch;
use usher_domain::document::trust::Trust;
use usher_domain::ids::{AttemptId, GateId, OrganizerId, ScopeId, SessionId, TicketId};
use usher_domain::log::{LogEnd, sign_batch};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest, Decided};
use usher_domain::protocol::{
    Assignment, FeedPage, Heard, Heartbeat, HeartbeatAnswer, PushAnswer, TableVersion, paths,
};
use usher_domain::record::{Body, Certainty, Direction, Scan};
use usher_domain::session::Authority;
use usher_domain::table::{Manifest, TableId, Version};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Verdict;
use usher_domain::wire::{Challenge, DeviceToken, SnapshotHead, TokenRequest};
use usher_server::clock::{Clock as _, SystemClock};

/// What every device of a hall knows after its exchange.
pub(crate) struct Known {
    authority: Option<Authority>,
    tables: Vec<TableVersion>,
    /// Version of the ticket set.
    pub(crate) set: Version,
    trust: Version,
    epoch: u32,
    organizer: OrganizerId,
    pub(crate) session: SessionId,
    pub(crate) scope: ScopeId,
    gate: GateId,
    access: AccessNumber,
    type_number: TypeNumber,
}

impl Known {
    /// Asks the server as a device does that begins.
    async fn learn(hall: &Hall, device: &mut Device) -> Result<Self> {
        let assignment: Assignment = device.connection.get(paths::ASSIGNMENT).await?;
        let head: SnapshotHead = device
            .connection
            .get(&in_table(paths::SNAPSHOT, hall.set()))
            .await?;
        let manifest = parse(&head.manifest).ok().context("no envelope")?;
        let manifest: Manifest = cbor::decode(manifest.unverified_payload())?;
        let terms = manifest.terms.context("a ticket set without terms")?;
        let trust = parse(&assignment.trust).ok().context("no envelope")?;
        let trust: Trust = cbor::decode(trust.unverified_payload())?;
        Ok(Self {
            authority: terms.authority,
            tables: assignment.tables,
            set: manifest.version,
            trust: trust.version,
            epoch: assignment.epoch,
            organizer: hall.organizer.id,
            session: hall.session.id,
            scope: terms.scope,
            gate: hall.gate.id,
            access: hall.session.access,
            type_number: hall.kind.number,
        })
    }

    /// Asks to let a ticket in.
    fn claim(&self, ticket: TicketId, attempt: AttemptId) -> Result<ClaimRequest> {
        // The server never sees the text itself: any will do.
        let text = TicketCodeText::new(&ticket.to_string()).ok();
        let authority = self.authority;
        Ok(ClaimRequest {
            attempt,
            session: self.session,
            authority: authority.context("the server names no authority for claims")?,
            epoch: self.epoch,
            set: self.set,
            trust: self.trust,
            shown: Shown::Code {
                code: TicketCode {
                    ticket,
                    access: self.access,
                    issue: IssueNumber::new(1),
                    type_number: self.type_number,
                    not_before: None,
                    not_after: None,
                },
                signer: Signer::Entitled,
                identity: Identity::of(self.organizer, &text.context("no code")?),
            },
            direction: Direction::Entry,
            gate: Some(self.gate),
            operator: None,
            confirmed: None,
            unsent: Vec::new(),
            last_entry: None,
        })
    }
}

/// A device that is signed in.
pub(crate) struct Device {
    pub(crate) enrolled: Enrolled,
    pub(crate) connection: Connection,
    random: fastrand::Rng,
    /// Its log, once it has recorded something.
    log: Option<LogEnd>,
    /// Whom it was told to let in and has not recorded.
    let_in: Vec<(AttemptId, TicketId)>,
}

impl Device {
    /// Opens a connection and signs in.
    pub(crate) async fn sign_in(server: &Running, enrolled: &Enrolled) -> Result<Self> {
        let mut connection = Connection::open(server.address).await?;
        let challenge: Challenge = connection.post(paths::CHALLENGE, Vec::new()).await?;
        let signed = prove_device(enrolled.id, &challenge.nonce, &enrolled.key);
        let request = TokenRequest {
            device: enrolled.id,
            signed: signed.into(),
        };
        let token: DeviceToken = connection
            .post(paths::TOKEN, cbor::encode(&request))
            .await?;
        let header = format!("Bearer {}", token.token.reveal());
        connection.token = Some(HeaderValue::try_from(header)?);
        Ok(Self {
            enrolled: enrolled.clone(),
            connection,
            random: fastrand::Rng::new(),
            log: None,
            let_in: Vec::new(),
        })
    }

    /// A new attempt to let a ticket in, by the call at `path`.
    pub(crate) async fn claim(
        &mut self,
        path: &str,
        known: &Known,
        ticket: TicketId,
    ) -> Result<ClaimAnswer> {
        let attempt = AttemptId::from_bytes(self.random.u128(..).to_be_bytes());
        let request = known.claim(ticket, attempt)?;
        let answer = self.connection.post(path, cbor::encode(&request)).await?;
        if let ClaimAnswer::Decided(Decided {
            verdict: Verdict::Admit(_),
            ..
        }) = answer
        {
            self.let_in.push((attempt, ticket));
        }
        Ok(answer)
    }

    /// Hands in the records of whom it was told to let in, which ends what is reserved for them: a device may
    /// have only so much of that at a time.
    async fn record(&mut self, known: &Known) -> Result<()> {
        if self.let_in.is_empty() {
            return Ok(());
        }
        let empty = LogEnd::empty(log_of(self.enrolled.id), known.scope);
        let end = self.log.get_or_insert(empty);
        let records = self.let_in.drain(..).map(|(attempt, ticket)| {
            let scan = Scan {
                certainty: Certainty::Confirmed,
                ..admission(known.session, ticket, attempt, UnixMillis::default())
            };
            end.append(SystemClock.now(), Body::Scan(scan)).encoded
        });
        let batch = sign_batch(&self.enrolled.key, records.collect())?;
        let answer = self.push(&batch).await?;
        ensure!(matches!(answer, PushAnswer::Stored(_)), "{answer:?}");
        Ok(())
    }

    /// Tells that it is alive and that the server has all of its log; twice, because only after the first
    /// answer it has heard of the server's time.
    async fn report(&mut self, known: &Known) -> Result<()> {
        let mut heard = None;
        for _ in 0..2 {
            let heartbeat = Heartbeat {
                device_time: heard.map_or(UnixMillis::default(), |heard: Heard| heard.at),
                heads: self.log.iter().map(|end| end.head).collect(),
                tables: known.tables.clone(),
                program: "bench".to_owned(),
                clock_offset_ms: Some(0),
                storage_left: None,
                digests: None,
                acknowledged: None,
                heard,
                trust: Some(known.trust),
                instance: None,
            };
            let body = cbor::encode(&heartbeat);
            let answer: HeartbeatAnswer = self.connection.post(paths::HEARTBEAT, body).await?;
            heard = Some(Heard {
                at: answer.server_time,
                epoch: answer.epoch,
            });
        }
        Ok(())
    }

    /// Hands a batch over.
    pub(crate) async fn push(&mut self, batch: &Batch) -> Result<PushAnswer> {
        self.connection.post(paths::PUSH, cbor::encode(batch)).await
    }

    /// A page of the scope's feed.
    pub(crate) async fn feed(&mut self, known: &Known, after: u64) -> Result<FeedPage> {
        let path = paths::FEED.replace("{scope}", &known.scope.to_string());
        let path = format!("{path}?epoch={}&after={after}", known.epoch);
        self.connection.get(&path).await
    }

    /// Where its live feed begins: after position `after`.
    pub(crate) fn live_path(known: &Known, after: u64) -> String {
        format!(
            "{}?scope={}:{}:{after}",
            paths::LIVE,
            known.scope,
            known.epoch
        )
    }
}

/// The path of a call about a table.
pub(crate) fn in_table(path: &str, table: TableId) -> String {
    path.replace("{table}", &table.to_string())
}

/// Devices of a hall, signed in and proved, and what they know.
pub(crate) async fn connect(
    hall: &Hall,
    server: &Running,
    devices: &[Enrolled],
) -> Result<(Arc<Known>, Vec<Device>)> {
    let signing = devices.iter().map(|known| Device::sign_in(server, known));
    let mut devices = try_join_all(signing).await?;
    let first = devices.first_mut().context("no devices")?;
    let known = Arc::new(Known::learn(hall, first).await?);
    prove(&known, &mut devices).await?;
    Ok((known, devices))
}

/// Lets devices hand in what they did, and tell that they are alive and that this was all.
pub(crate) async fn prove(known: &Known, devices: &mut [Device]) -> Result<()> {
    let proving = devices.iter_mut().map(|device| async {
        device.record(known).await?;
        device.report(known).await
    });
    try_join_all(proving).await?;
    Ok(())
}
