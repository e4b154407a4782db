//! An authority in memory that keeps the contract of claims, and a line to it that fails when told.

use super::*;
use crate::gate::judge::scan_of;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use usher_domain::document::batch::Batch;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::merge::{Ground, endings};
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::claim::*;
use usher_domain::protocol::*;
use usher_domain::record::{Certainty, Direction, Outcome, Subject};
use usher_domain::session::Authority;
use usher_domain::table::{TableId, Version};
use usher_domain::verdict::{Admit, OpenAdmission, PriorScan};

pub(super) const OFFICE: Authority = Authority {
    server: SERVER,
    term: 1,
};

/// What the line does to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    Clear,
    /// It never arrives, and nobody is told.
    Dead,
    /// It arrives, and the answer does not.
    AnswerLost,
    /// Nobody is there.
    Down,
}

/// The server of these tests.
pub(super) struct Server {
    pub(super) weather: Cell<Weather>,
    /// Reservations by attempt.
    pub(super) open: RefCell<BTreeMap<AttemptId, (DeviceId, Subject)>>,
    /// Records that it has.
    pub(super) records: RefCell<Vec<Line>>,
    pub(super) asked: RefCell<Vec<ClaimRequest>>,
    pub(super) answer: RefCell<Option<ClaimAnswer>>,
    pub(super) certainty: Cell<Certainty>,
    /// Happens while a claim waits for its answer.
    pub(super) meanwhile: RefCell<Option<Box<dyn FnOnce()>>>,
}

/// A ground on which no supervisor's key is listed.
fn ground() -> Ground {
    Ground::new(SCOPE, SERVER)
}

impl Server {
    pub(super) fn new() -> Self {
        Self {
            weather: Cell::new(Weather::Clear),
            open: RefCell::default(),
            records: RefCell::default(),
            asked: RefCell::default(),
            answer: RefCell::default(),
            certainty: Cell::new(Certainty::Confirmed),
            meanwhile: RefCell::default(),
        }
    }

    /// Takes in what a device recorded, as an upload does, and ends what it ends.
    pub(super) fn take(&self, lines: impl IntoIterator<Item = Line>) {
        let mut records = self.records.borrow_mut();
        records.extend(lines);
        let ended = endings(&ground(), &*records);
        self.open
            .borrow_mut()
            .retain(|attempt, (device, _)| !ended.has_ended(*device, *attempt));
    }

    fn decide(&self, request: &ClaimRequest) -> ClaimAnswer {
        if let Some(answer) = &*self.answer.borrow() {
            return answer.clone();
        }
        assert_eq!(request.authority, OFFICE);
        let subject = subject_of(request);
        let unsent = request.unsent.iter();
        let unsent = unsent.map(|bytes| Line::read(bytes).unwrap());
        let mut lines: Vec<Line> = self
            .records
            .borrow()
            .iter()
            .cloned()
            .chain(unsent)
            .collect();
        lines.sort_by_key(|line| line.record.stamp);
        let ended = endings(&ground(), &lines);
        if ended.has_ended(DEVICE, request.attempt) {
            let aborts = |line: &&Line| matches!(&line.record.body, Body::Abort(abort) if abort.attempt == request.attempt);
            let scans =
                |line: &&Line| scan_of(line).is_some_and(|scan| scan.attempt == request.attempt);
            let of = lines.iter().find(|line| scans(line) || aborts(line));
            let record = of.unwrap().record.encode().into();
            return ClaimAnswer::Ended { record };
        }
        let mut open = self.open.borrow_mut();
        let other = open.iter().find(|(attempt, (device, of))| {
            **attempt != request.attempt && *of == subject && !ended.has_ended(*device, **attempt)
        });
        let inside = lines
            .iter()
            .filter(|line| line.record.subject() == Some(subject))
            .filter_map(|line| Some((line, scan_of(line)?)))
            .rfind(|(_, scan)| scan.outcome == Outcome::Admit)
            .filter(|(_, scan)| scan.direction == Direction::Entry);
        let verdict = match (other, inside, request.direction) {
            (Some((attempt, (device, _))), _, _) => {
                Verdict::Refuse(Refusal::BeingAdmitted(OpenAdmission {
                    attempt: Some(*attempt).filter(|_| *device == DEVICE),
                    device: *device,
                    gate: Some(NORTH),
                    since: UnixMillis::new(NOW),
                }))
            }
            (None, Some((line, scan)), Direction::Entry) => {
                Verdict::Refuse(Refusal::AlreadyInside(PriorScan {
                    at: line.record.stamp,
                    device: line.record.log.device,
                    record: line.hash,
                    session: scan.session,
                    gate: scan.gate,
                    zone: scan.zone,
                    operator: scan.operator,
                }))
            }
            (None, None, Direction::Exit) => Verdict::Refuse(Refusal::NotInside),
            (None, Some(_), Direction::Exit) => admit(AdmitWhy::Exit),
            (None, None, Direction::Entry) => admit(AdmitWhy::Listed),
        };
        if let Verdict::Admit(_) = verdict {
            open.insert(request.attempt, (DEVICE, subject));
        }
        ClaimAnswer::Decided(Decided {
            verdict,
            certainty: self.certainty.get(),
            at: UnixMillis::new(NOW),
            after: lines.iter().map(|line| line.record.stamp).max(),
        })
    }
}

fn admit(why: AdmitWhy) -> Verdict {
    Verdict::Admit(Admit {
        why,
        cautions: Vec::new(),
    })
}

/// Barcodes in these tests are `SHOP-number`; the authority knows whose they are.
pub(super) fn subject_of(request: &ClaimRequest) -> Subject {
    if let Some(ticket) = request.shown.ticket() {
        return Subject::Ticket(ticket);
    }
    let shown = request.shown.medium();
    let number = (0..50).find(|number| shown == Some(medium(&barcode(*number))));
    Subject::Ticket(ticket_id(number.unwrap()))
}

impl SyncApi for Server {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, Problem> {
        // What travels is what the codec makes of it.
        let request: ClaimRequest =
            usher_domain::cbor::decode(&usher_domain::cbor::encode(&request)).unwrap();
        self.asked.borrow_mut().push(request.clone());
        if let Some(meanwhile) = self.meanwhile.borrow_mut().take() {
            meanwhile();
        }
        match self.weather.get() {
            Weather::Clear => Ok(self.decide(&request)),
            Weather::Dead => pending().await,
            Weather::AnswerLost => {
                let _lost = self.decide(&request);
                pending().await
            }
            Weather::Down => Err(Problem::new(Code::Unreachable, "down")),
        }
    }

    async fn sign_off(&self, _: Vec<Head>) -> Result<(), Problem> {
        unreachable!()
    }

    async fn enroll(&self, _: EnrollRequest) -> Result<EnrollAnswer, Problem> {
        unreachable!()
    }

    async fn assignment(&self) -> Result<Assignment, Problem> {
        unreachable!()
    }

    async fn snapshot(&self, _: SnapshotRequest) -> Result<SnapshotPart, Problem> {
        unreachable!()
    }

    async fn changes(&self, _: TableId, _: Version) -> Result<Changes, Problem> {
        unreachable!()
    }

    async fn buckets(&self, _: TableId) -> Result<BucketDigests, Problem> {
        unreachable!()
    }

    async fn bucket_rows(&self, _: TableId, _: Vec<u16>) -> Result<BucketRows, Problem> {
        unreachable!()
    }

    async fn hand_back(&self, _: HandBack) -> Result<HandBackAnswer, Problem> {
        unreachable!()
    }

    async fn hand_back_trust(&self, _: TrustHandBack) -> Result<(), Problem> {
        unreachable!()
    }

    async fn push(&self, _: Batch) -> Result<PushAnswer, Problem> {
        unreachable!()
    }

    async fn heads(&self, _: ScopeId, _: Whose) -> Result<HeadsAnswer, Problem> {
        unreachable!()
    }

    async fn feed(&self, _: FeedRequest) -> Result<FeedPage, Problem> {
        unreachable!()
    }

    async fn heartbeat(&self, _: Heartbeat) -> Result<HeartbeatAnswer, Problem> {
        unreachable!()
    }
}
