//! What a device on duty owes the authority: to give up what it was granted and does not use, and to hold
//! back tickets of which it is the home while others let them in.

use super::claim::Question;
use super::judge::scan_of;
use super::{Means, Moment, moment};
use crate::claims::Claims;
use crate::store::StoreError;
use usher_domain::ids::{AttemptId, DeviceId, ScopeId};
use usher_domain::log::Line;
use usher_domain::merge::{Ground, WALKING_MS, endings, next_stamp};
use usher_domain::protocol::claim::{OpenReservation, YieldRequest};
use usher_domain::record::{Abort, Body, Outcome, Subject, Yield};
use usher_domain::verdict::OpenAdmission;

/// Gives up the attempts for which the authority holds a reservation although nobody is making them and
/// no record ended them: a process before this one was killed, or a granted scan could not be written.
/// One that was referred stays open for as long as somebody may be looking at it. Says how many records
/// were written.
///
/// # Errors
/// What reading and writing the store says.
pub fn give_up(
    means: &mut Means<'_>,
    claims: &Claims,
    open: &[OpenReservation],
) -> Result<u64, StoreError> {
    if usher_domain::mutated!(ForgetToGiveUp) {
        return Ok(0);
    }
    let moment = moment(means)?;
    let (_, enrollment) = means.store.enrolled()?;
    let own = enrollment.device;
    let mut given_up = 0;
    for reservation in open {
        if claims.is_making(reservation.attempt) {
            continue;
        }
        let known = About::read(means, reservation.scope, reservation.subject)?;
        let attempt = (own, reservation.attempt);
        if known.is_ended(attempt) || known.is_looked_at(attempt, moment) {
            continue;
        }
        known.give_up(means, moment, *reservation)?;
        given_up += 1;
    }
    Ok(given_up)
}

/// Gives up what stands in the way of a question, if it is this device's own and nobody makes it any
/// more: whoever looked at it has shown the ticket again. Says whether it did, or had before: then the
/// question's unsent records say so.
pub(super) fn drop_own(
    means: &mut Means<'_>,
    claims: &Claims,
    question: &Question,
    open: OpenAdmission,
) -> Result<bool, StoreError> {
    let (_, enrollment) = means.store.enrolled()?;
    let own = enrollment.device;
    let Some(attempt) = open.attempt.filter(|_| open.device == own) else {
        return Ok(false);
    };
    if attempt == question.request.attempt || claims.is_making(attempt) {
        return Ok(false);
    }
    let known = About::read(means, question.scope, question.subject)?;
    if !known.is_ended((own, attempt)) {
        let reservation = OpenReservation {
            scope: question.scope,
            session: question.request.session,
            subject: question.subject,
            attempt,
        };
        let moment = moment(means)?;
        known.give_up(means, moment, reservation)?;
    }
    Ok(true)
}

/// Promises to let nobody in with the tickets asked for while the attempts are open, durably. A ticket
/// that this device lets in right now, or has let in without the server knowing, is not promised. Says how
/// many records were written.
///
/// # Errors
/// What reading and writing the store says.
pub fn hold_back(
    means: &mut Means<'_>,
    claims: &Claims,
    asked: &[YieldRequest],
) -> Result<u64, StoreError> {
    let moment = moment(means)?;
    let (_, enrollment) = means.store.enrolled()?;
    let mut held = 0;
    for asked in asked.iter().filter(|asked| asked.to != enrollment.device) {
        let known = About::read(means, asked.scope, asked.subject)?;
        let attempt = (asked.to, asked.attempt);
        if known.is_ended(attempt)
            || known.is_held_back(enrollment.device, attempt)
            || claims.is_making_with(&known.aliases)
            || known.has_unsent_admission(means)?
        {
            continue;
        }
        let promise = Yield {
            attempt: asked.attempt,
            to: asked.to,
            gate: asked.gate,
            session: asked.session,
            subject: asked.subject,
        };
        known.append(means, moment, Body::Yield(promise))?;
        tracing::info!(attempt = %asked.attempt, "held back");
        held += 1;
    }
    Ok(held)
}

/// What this device knows about one ticket.
struct About {
    scope: ScopeId,
    ground: Ground,
    aliases: Vec<Subject>,
    lines: Vec<Line>,
}

impl About {
    fn read(means: &Means<'_>, scope: ScopeId, subject: Subject) -> Result<Self, StoreError> {
        let server = means.store.trusted_keys()?.server();
        let ground = means.store.ground(scope, server)?;
        let aliases = ground.aliases(ground.resolve(subject));
        let mut lines = Vec::new();
        for alias in &aliases {
            lines.extend(means.store.records_about(scope, alias)?);
        }
        Ok(Self {
            scope,
            ground,
            aliases,
            lines,
        })
    }

    fn is_ended(&self, (device, attempt): (DeviceId, AttemptId)) -> bool {
        endings(&self.ground, &self.lines).has_ended(device, attempt)
    }

    /// Whether the device referred the attempt a moment ago: a person decides.
    fn is_looked_at(&self, (device, attempt): (DeviceId, AttemptId), moment: Moment) -> bool {
        let own = self
            .lines
            .iter()
            .filter(|line| line.record.log.device == device);
        let mut referred = own.filter(|line| {
            scan_of(line)
                .is_some_and(|scan| scan.attempt == attempt && scan.outcome == Outcome::Refer)
        });
        referred.any(|line| moment.now.since(self.ground.stamp_of(&line.record)) <= WALKING_MS)
    }

    /// Whether `home` promised to hold the ticket back for an attempt of a device.
    fn is_held_back(&self, home: DeviceId, attempt: (DeviceId, AttemptId)) -> bool {
        let own = self
            .lines
            .iter()
            .filter(|line| line.record.log.device == home);
        let mut own = own.map(|line| &line.record.body);
        own.any(|body| matches!(body, Body::Yield(held) if (held.to, held.attempt) == attempt))
    }

    fn has_unsent_admission(&self, means: &Means<'_>) -> Result<bool, StoreError> {
        let (_, enrollment) = means.store.enrolled()?;
        for alias in &self.aliases {
            let unsent = means
                .store
                .unsent_about(self.scope, enrollment.device, alias)?;
            let admits = |bytes: &[u8]| {
                Line::read(bytes).is_ok_and(|line| {
                    scan_of(&line).is_some_and(|scan| scan.outcome == Outcome::Admit)
                })
            };
            if unsent.iter().any(|(_, bytes)| admits(bytes)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn give_up(
        &self,
        means: &mut Means<'_>,
        moment: Moment,
        reservation: OpenReservation,
    ) -> Result<(), StoreError> {
        let abort = Abort {
            attempt: reservation.attempt,
            session: reservation.session,
            subject: reservation.subject,
        };
        self.append(means, moment, Body::Abort(abort))?;
        tracing::info!(attempt = %reservation.attempt, "given up");
        Ok(())
    }

    /// Writes a record about the ticket at the end of this device's log.
    fn append(&self, means: &mut Means<'_>, moment: Moment, body: Body) -> Result<(), StoreError> {
        let (_, enrollment) = means.store.enrolled()?;
        let stamp = next_stamp(
            moment.reading.wall,
            moment.offset_ms,
            means.store.server_time()?,
            self.ground.known_stamps(enrollment.device, &self.lines),
        );
        let mut end = means
            .store
            .log_end(self.scope, enrollment.device, means.entropy)?;
        let entry = end.append(stamp, body);
        means.store.append(self.scope, &[entry])
    }
}
