//! What the server says on the line must be so: by its database, and by what came with the question.

use super::held::Held;
use super::house::House;
use super::reference::{Records, Ticket};
use super::story::Story;
use super::zones;
use std::cell::RefCell;
use std::collections::BTreeSet;
use usher_domain::code::TicketCode;
use usher_domain::decide::Shown;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::log::Line;
use usher_domain::protocol::PushAnswer;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};
use usher_domain::record::{Body, Subject};
use usher_domain::verdict::{Reason, Verdict};
use usher_server::service::{Error, Service};
use usher_server::storage::LogPlace;

/// Records that the server said it stored.
#[derive(Debug, Default)]
pub(super) struct Promises(RefCell<BTreeSet<Hash>>);

impl Promises {
    /// A server that was put back promised nothing.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }

    /// The server answered a push.
    pub(super) async fn made(
        &self,
        story: &Story,
        service: &Service,
        batch: &Batch,
        answer: &Result<PushAnswer, Error>,
        scope: ScopeId,
    ) {
        if !matches!(answer, Ok(PushAnswer::Stored(_) | PushAnswer::Forked(_))) {
            return;
        }
        let hashes = batch.records.iter().map(|bytes| Hash::of(&[bytes]));
        let hashes: Vec<Hash> = hashes.collect();
        self.0.borrow_mut().extend(&hashes);
        look_for(story, service, scope, hashes).await;
    }

    /// Everything that was promised is there.
    pub(super) async fn check(&self, story: &Story, service: &Service, scope: ScopeId) {
        let hashes = self.0.borrow().iter().copied().collect();
        look_for(story, service, scope, hashes).await;
    }
}

async fn look_for(story: &Story, service: &Service, scope: ScopeId, hashes: Vec<Hash>) {
    let read = service.store().read(move |txn| {
        let mut missing = Vec::new();
        for hash in hashes {
            if txn.record(scope, &hash)?.is_none() {
                missing.push(hash);
            }
        }
        Ok::<_, Error>(missing)
    });
    // A disk that cannot be read says nothing.
    let Ok(missing) = read.await else { return };
    story.check(
        "what the server said it stored is in its database",
        missing.is_empty(),
        format_args!("{} records are not", missing.len()),
    );
}

/// What the server knew when a claim was made, or when it was answered.
struct Moment {
    authority: DeviceId,
    epoch: u32,
    held: Held,
}

/// Answers a claim, and checks the answer by what the server knew before and after.
pub(super) async fn claim(
    (story, room): (&Story, Option<u32>),
    house: &House,
    service: &Service,
    device: DeviceId,
    request: &ClaimRequest,
) -> Result<ClaimAnswer, Error> {
    let Shown::Code { code, .. } = &request.shown else {
        return service.claim(device, request.clone()).await;
    };
    let subject = Subject::Ticket(code.ticket);
    let before = moment(service, house, subject).await;
    let around = zones::Surroundings::of(service, house, (device, request), room).await;
    let answer = service.claim(device, request.clone()).await;
    let after = moment(service, house, subject).await;
    if let (Some(before), Ok(ClaimAnswer::Decided(decided))) = (around, &answer)
        && let Some(after) = zones::Surroundings::of(service, house, (device, request), room).await
    {
        let said = (request, decided);
        zones::check_claim(story, house, said, room, (&before, &after));
    }
    if let (Ok(before), Ok(after), Ok(ClaimAnswer::Decided(decided))) = (before, after, &answer) {
        let moments = [before, after];
        story.check(
            "a claim of another epoch is not decided",
            moments.iter().any(|known| known.epoch == request.epoch),
            format_args!("it was of epoch {}", request.epoch),
        );
        story.check(
            "who lacks an entry that the gate knows of decides nothing",
            moments.iter().any(|known| known.has_last_entry(request)),
            format_args!("{:?}", decided.verdict),
        );
        story.check(
            "an attempt that ended is not decided again",
            moments.iter().any(|known| !known.is_ended(device, request)),
            format_args!("{:?}", decided.verdict),
        );
        story.check(
            "a claim is decided by all that is known and came with it",
            moments
                .iter()
                .any(|known| known.allows(house, (request, code), &decided.verdict)),
            format_args!("{:?}", decided.verdict),
        );
    }
    answer
}

async fn moment(service: &Service, house: &House, subject: Subject) -> Result<Moment, Error> {
    let scope = house.session.scope;
    let epoch = service.epoch().await?;
    let read = service.store().read(move |txn| {
        let mut records = txn.records_about(scope, Some(&subject))?;
        let general = txn.records_about(scope, None)?;
        // What a cut lets count, the chain of the whole log says.
        for record in &general {
            if let Ok(line) = Line::read(&record.bytes)
                && let Body::Cut(cut) = &line.record.body
            {
                let log = txn.records_of_log(cut.log, LogPlace::before(0), u32::MAX)?;
                records.extend(log.into_iter().map(|(_, record)| record));
            }
        }
        records.extend(general);
        Ok::<_, Error>(records)
    });
    let records = read.await?;
    let held = Held::of(records.iter().map(|stored| stored.bytes.as_slice()));
    Ok(Moment {
        authority: house.organizer.server,
        epoch,
        held,
    })
}

impl Moment {
    fn with(&self, request: &ClaimRequest) -> Vec<Line> {
        let came = request.unsent.iter();
        let came = came.map(|bytes| Line::read(bytes).unwrap());
        self.held.lines.iter().cloned().chain(came).collect()
    }

    /// Whether the entry that a claim names is known, or came with it.
    fn has_last_entry(&self, request: &ClaimRequest) -> bool {
        let known = self.with(request);
        request
            .last_entry
            .is_none_or(|last| known.iter().any(|line| line.hash == last))
    }

    fn is_ended(&self, device: DeviceId, request: &ClaimRequest) -> bool {
        let lines = self.with(request);
        let records = Records::among(self.authority, &lines, &self.held.places);
        records.is_ended(device, request.attempt)
    }

    /// Whether the verdict follows from what happened; what else it follows from is not looked at.
    fn allows(
        &self,
        house: &House,
        (request, code): (&ClaimRequest, &TicketCode),
        verdict: &Verdict,
    ) -> bool {
        let subject = Subject::Ticket(code.ticket);
        let lines = self.with(request);
        let records = Records::among(self.authority, &lines, &self.held.places);
        // A ticket of the other session is counted there.
        let mut sessions = house.sessions();
        let own = sessions.find(|session| session.access == code.access);
        let own = own.map_or(request.session, |session| session.id);
        let unit = records.unit_now(request.session, own, (code.type_number, code.access));
        let state: Ticket = records.fold(subject).remove(&unit).unwrap_or_default();
        match verdict.reason() {
            Reason::AlreadyInside => state.inside.is_some() || state.last_entry.is_some(),
            Reason::ExitRequired => state.inside.is_some(),
            Reason::EntriesUsedUp => state.entries > 0,
            Reason::NotInside => state.inside.is_none(),
            _ => true,
        }
    }
}
