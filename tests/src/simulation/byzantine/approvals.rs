//! Overrides and undos that claim a supervisor's signature: true ones of a badge that was lost, and all
//! kinds of false ones.

use super::{Thief, attempts_with, plain_entry};
use crate::simulation::world::World;
use usher_domain::cose::SigningKey;
use usher_domain::document;
use usher_domain::document::sanction::{Sanction, SanctionReason};
use usher_domain::document::undo::UndoApproval;
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, StaffId, TicketId};
use usher_domain::log::Line;
use usher_domain::record::{Body, Outcome, Scan, Subject, Undo};
use usher_domain::secret::Seed;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;
use usher_server::service::{Error, Service};

/// The seed of a key that nobody lists.
const UNLISTED: [u8; 32] = [250; 32];

/// Somebody who signs as a supervisor does.
#[derive(Debug)]
pub(in crate::simulation) struct Signatory {
    pub(super) staff: StaffId,
    pub(super) key: SigningKey,
}

impl Signatory {
    /// Nobody that the house knows.
    pub(in crate::simulation) fn unknown() -> Self {
        Self {
            staff: StaffId::from_bytes([250; 16]),
            key: SigningKey::from_seed(&Seed::new(UNLISTED)),
        }
    }
}

/// What is wrong with an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulation) enum Flaw {
    Nothing,
    /// It is no envelope at all.
    NoEnvelope,
    /// Another key signed it.
    OtherKey,
    OtherTicket,
    /// Another attempt, or another record.
    OtherAct,
    OtherDevice,
    Expired,
    /// It is good for ten minutes.
    TooLongLived,
    /// It is for another refusal than the one that is taken over.
    OtherRefusal,
}

impl Flaw {
    const ALL: [Self; 8] = [
        Self::NoEnvelope,
        Self::OtherKey,
        Self::OtherTicket,
        Self::OtherAct,
        Self::OtherDevice,
        Self::Expired,
        Self::TooLongLived,
        Self::OtherRefusal,
    ];

    pub(in crate::simulation) fn drawn(dice: &mut fastrand::Rng) -> Self {
        Self::ALL[dice.usize(..Self::ALL.len())]
    }

    fn subject(self, subject: Subject) -> Subject {
        match self {
            Self::OtherTicket => Subject::Ticket(TicketId::from_bytes([8; 16])),
            _ => subject,
        }
    }

    fn device(self, device: DeviceId) -> DeviceId {
        match self {
            Self::OtherDevice => DeviceId::from_bytes([8; 16]),
            _ => device,
        }
    }

    fn expires_at(self, now: UnixMillis) -> UnixMillis {
        now.shifted(match self {
            Self::Expired => -1,
            Self::TooLongLived => 600_000,
            _ => 60_000,
        })
    }

    fn sign<D: document::Document>(self, approval: &D, by: &Signatory) -> Vec<u8> {
        match self {
            Self::NoEnvelope => b"forged".to_vec(),
            Self::OtherKey => document::sign(approval, &Signatory::unknown().key),
            _ => document::sign(approval, &by.key),
        }
    }
}

/// An admission at a time that claims to be an override.
pub(in crate::simulation) fn overriding(
    (scan, device): (Scan, DeviceId),
    now: UnixMillis,
    by: &Signatory,
    flaw: Flaw,
) -> Scan {
    let other = AttemptId::from_bytes([8; 16]);
    let refused = scan.takes_over.unwrap_or(scan.attempt);
    let sanction = Sanction {
        session: scan.session,
        subject: flaw.subject(scan.subject),
        refused: if flaw == Flaw::OtherRefusal {
            other
        } else {
            refused
        },
        attempt: if flaw == Flaw::OtherAct {
            other
        } else {
            scan.attempt
        },
        device: flaw.device(device),
        supervisor: by.staff,
        reason: SanctionReason::Other,
        expires_at: flaw.expires_at(now),
        record: Hash::ZERO,
    };
    Scan {
        reason: Reason::Override,
        sanction: Some(flaw.sign(&sanction, by).into()),
        ..scan
    }
}

/// An undo of somebody's scan, with what is said to be an approval; `of` is the scan's record.
pub(in crate::simulation) fn undoing(
    (of, scan): (Hash, &Scan),
    device: DeviceId,
    now: UnixMillis,
    approved: Option<(&Signatory, Flaw)>,
) -> Undo {
    let approval = approved.map(|(by, flaw)| {
        let approval = UndoApproval {
            session: scan.session,
            subject: flaw.subject(scan.subject),
            of: if flaw == Flaw::OtherAct {
                Hash::ZERO
            } else {
                of
            },
            device: flaw.device(device),
            supervisor: by.staff,
            reason: SanctionReason::Other,
            expires_at: flaw.expires_at(now),
        };
        flaw.sign(&approval, by).into()
    });
    Undo {
        of,
        session: scan.session,
        subject: scan.subject,
        operator: None,
        approval,
    }
}

impl World {
    /// The thief lets somebody in by an override: one that the lost badge signed, one that it used before, or
    /// one that is false in some way.
    pub(super) async fn thief_overrides(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let ticket = {
            let mut thief = thief.borrow_mut();
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            self.ticket_for_thief(&mut conduct.dice)
        };
        let others = attempts_with(service, self.house.session.scope, ticket).await;
        let now = service.now();
        let mut thief = thief.borrow_mut();
        let id = thief.id;
        let Some(conduct) = &mut thief.conduct else {
            return;
        };
        let over = others.get(conduct.dice.usize(..others.len().max(1)));
        let entry = Scan {
            attempt: conduct.attempt(),
            takes_over: over.map(|(_, attempt)| *attempt),
            ..plain_entry(self.house.session.id, ticket)
        };
        let again = conduct.used.len();
        let (what, scan) = match (conduct.dice.u8(..8), &conduct.supervisor) {
            (0..3, Some(supervisor)) => {
                let scan = overriding((entry, id), now, supervisor, Flaw::Nothing);
                conduct.used.push(scan.clone());
                conduct.has_approval = true;
                self.memory.borrow_mut().overrode = true;
                ("as the lost badge lets it", scan)
            }
            (3..5, Some(_)) if again > 0 => {
                let again = conduct.dice.usize(..again);
                ("once more", conduct.used[again].clone())
            }
            (_, supervisor) => {
                let nobody = Signatory::unknown();
                let by = supervisor.as_ref().unwrap_or(&nobody);
                let flaw = Flaw::drawn(&mut conduct.dice);
                let flaw = match (flaw, entry.takes_over) {
                    (Flaw::OtherRefusal, None) => Flaw::OtherKey,
                    (flaw, _) => flaw,
                };
                ("falsely", overriding((entry, id), now, by, flaw))
            }
        };
        self.story.tell("thief", format_args!("overrides {what}"));
        thief.branches[0].write(now, Body::Scan(scan));
    }

    /// The thief takes back what another device recorded.
    pub(super) async fn thief_undoes(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let ticket = {
            let mut thief = thief.borrow_mut();
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            self.ticket_for_thief(&mut conduct.dice)
        };
        let admitted = self.admitted_by_others(service, ticket).await;
        let now = service.now();
        let mut thief = thief.borrow_mut();
        let id = thief.id;
        let Some(conduct) = &mut thief.conduct else {
            return;
        };
        if admitted.is_empty() {
            return;
        }
        let (of, scan) = &admitted[conduct.dice.usize(..admitted.len())];
        let (what, undo) = match (conduct.dice.u8(..8), &conduct.supervisor) {
            (0, Some(supervisor)) => {
                conduct.has_approval = true;
                self.memory.borrow_mut().overrode = true;
                let approved = Some((supervisor, Flaw::Nothing));
                (
                    "as the lost badge lets it",
                    undoing((*of, scan), id, now, approved),
                )
            }
            (1..5, Some(supervisor)) => {
                let flaw = match Flaw::drawn(&mut conduct.dice) {
                    Flaw::OtherRefusal => Flaw::Expired,
                    flaw => flaw,
                };
                let approved = Some((supervisor, flaw));
                ("falsely", undoing((*of, scan), id, now, approved))
            }
            _ => ("by itself", undoing((*of, scan), id, now, None)),
        };
        let called = self.story.called(of);
        self.story
            .tell("thief", format_args!("takes {called} back {what}"));
        thief.branches[0].write(now, Body::Undo(undo));
    }

    async fn admitted_by_others(&self, service: &Service, ticket: TicketId) -> Vec<(Hash, Scan)> {
        let (scope, thief) = (
            self.house.session.scope,
            self.thief.as_ref().map(|thief| thief.borrow().id),
        );
        let read = service.store().read(move |txn| {
            let about = txn.records_about(scope, Some(&Subject::Ticket(ticket)))?;
            let lines = about.iter().flat_map(|record| Line::read(&record.bytes));
            let others = lines.filter(|line| Some(line.record.log.device) != thief);
            let admitted = others.filter_map(|line| {
                let scan = line.record.body.as_scan()?.clone();
                (scan.outcome == Outcome::Admit).then_some((line.hash, scan))
            });
            Ok::<_, Error>(admitted.collect())
        });
        read.await.unwrap_or_default()
    }

    /// The badge that was lost is revoked.
    pub(super) async fn revoke_the_badge(&self, service: &Service) {
        let Some(staff) = self.thief.as_ref().and_then(lost_badge) else {
            return;
        };
        let organizer = self.house.organizer.id;
        match service.revoke_staff(organizer, staff.to_string()).await {
            Ok(_) => self
                .story
                .tell("office", format_args!("revokes the lost badge")),
            Err(error) => self
                .story
                .tell("office", format_args!("cannot revoke the badge: {error}")),
        }
    }
}

fn lost_badge(thief: &std::cell::RefCell<Thief>) -> Option<StaffId> {
    let thief = thief.borrow();
    let supervisor = thief.conduct.as_ref()?.supervisor.as_ref()?;
    Some(supervisor.staff)
}
