//! Taking a scan back.

use super::staff::{Credentials, good_until, signed};
use super::{Gate, GateError, Means, Moment, moment};
use usher_domain::cose::SigningKey;
use usher_domain::document::sanction::SanctionReason;
use usher_domain::document::undo::UndoApproval;
use usher_domain::hash::Hash;
use usher_domain::log::Line;
use usher_domain::merge::{is_taken_back, next_stamp};
use usher_domain::record::{Body, Outcome, Scan, Undo};
use usher_domain::secret::Private;
use usher_domain::table::rows::StaffEntry;

/// A supervisor has an admission taken back that another device recorded.
#[derive(Debug, Clone)]
pub struct UndoRequest {
    /// Hash of the record of the admission.
    pub record: Hash,
    /// Text of the supervisor's badge.
    pub badge: Private,
    /// The supervisor's PIN.
    pub pin: Private,
    /// Why.
    pub reason: SanctionReason,
}

/// Who approves of an undo, and why.
struct Approver {
    supervisor: StaffEntry,
    key: SigningKey,
    reason: SanctionReason,
}

impl Gate {
    /// Takes the admission of a record of this device back: it counts as if it had never been. An undo is
    /// never undone. Returns the hash of its record, which is durable.
    ///
    /// # Errors
    /// [`GateError::NoSuchScan`], [`GateError::WrongKind`] for anything but an admission,
    /// [`GateError::NeedsSupervisor`] for what another device recorded, and [`GateError::DoneBefore`].
    pub fn undo(&mut self, means: &mut Means<'_>, of: Hash) -> Result<Hash, GateError> {
        let moment = moment(means)?;
        let target = admission(means, of)?;
        if target.record.log.device != self.book(means.store)?.device {
            return Err(GateError::NeedsSupervisor);
        }
        self.take_back(means, &target, None, moment)
    }

    /// Takes the admission of any device back, under a supervisor's signature. Badge and PIN are forgotten at
    /// once.
    ///
    /// # Errors
    /// As [`Gate::undo`]; [`GateError`] if the supervisor may not do it; [`GateError::PinLocked`] after wrong
    /// PINs.
    pub fn undo_approved(
        &mut self,
        means: &mut Means<'_>,
        request: &UndoRequest,
    ) -> Result<Hash, GateError> {
        let credentials = Credentials::read(&request.badge, &request.pin)?;
        let moment = moment(means)?;
        let target = admission(means, request.record)?;
        let (supervisor, key) = self.unlock(means, &credentials, moment)?;
        let approver = Approver {
            supervisor,
            key,
            reason: request.reason,
        };
        self.take_back(means, &target, Some(&approver), moment)
    }

    fn take_back(
        &mut self,
        means: &mut Means<'_>,
        target: &Line,
        approver: Option<&Approver>,
        moment: Moment,
    ) -> Result<Hash, GateError> {
        let scan = scan_of(target)?;
        let scope = target.record.scope;
        let lines = means.store.records_about(scope, &scan.subject)?;
        let book = self.book(means.store)?;
        let ground = book.ground(scope);
        if ground.is_some_and(|ground| is_taken_back(ground, target, &lines)) {
            return Err(GateError::DoneBefore);
        }
        let (device, operator) = (book.device, book.operator(moment));
        let stamp = next_stamp(
            moment.reading.wall,
            moment.offset_ms,
            book.server_time,
            book.known_stamps(scope, &lines),
        );
        let approval = approver.map(|by| {
            let approval = UndoApproval {
                session: scan.session,
                subject: scan.subject,
                of: target.hash,
                device,
                supervisor: by.supervisor.staff,
                reason: by.reason,
                expires_at: good_until(stamp),
            };
            signed(&approval, &by.key, &by.supervisor, stamp)
        });
        let body = Body::Undo(Undo {
            of: target.hash,
            session: scan.session,
            subject: scan.subject,
            operator,
            approval: approval.transpose()?.map(Into::into),
        });
        let mut end = means.store.log_end(scope, device, means.entropy)?;
        let entry = end.append(stamp, body);
        let hash = entry.hash;
        means.store.append(scope, &[entry])?;
        tracing::info!(attempt = %scan.attempt, "undone");
        Ok(hash)
    }
}

/// The record of an admission.
fn admission(means: &Means<'_>, of: Hash) -> Result<Line, GateError> {
    let line = means.store.record(of)?.ok_or(GateError::NoSuchScan)?;
    scan_of(&line)?;
    Ok(line)
}

/// The admission that a record tells of.
fn scan_of(line: &Line) -> Result<&Scan, GateError> {
    let scan = line.record.body.as_scan();
    scan.filter(|scan| scan.outcome == Outcome::Admit)
        .ok_or(GateError::WrongKind("an admission"))
}
