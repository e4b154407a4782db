//! What the records about one subject add to counts and incidents.

use super::approvals::{UnprovedRecords, unproved};
use super::forbidden::{self, ForbiddenAdmissions};
use super::tally::{Count, QUARTER_MS};
use minicbor::bytes::ByteVec;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use usher_domain::document::approval::{Approval, read_unverified};
use usher_domain::document::sanction::Sanction;
use usher_domain::document::undo::UndoApproval;
use usher_domain::hash::Hash;
use usher_domain::ids::{SessionId, StaffId};
use usher_domain::log::Line;
use usher_domain::merge::state::SubjectState;
use usher_domain::merge::{
    Excess, Ground, Let, States, effective_undos, fold_subject, incidents, movements,
};
use usher_domain::record::{Body, Direction, Outcome, Subject};
use usher_domain::verdict::PriorScan;

const MINUTE_MS: u64 = 60_000;

/// What one subject adds.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Counts by session.
    pub(super) counts: Vec<(SessionId, Count)>,
    /// Admissions to sessions that admitted the ticket too often.
    pub(super) excess: BTreeMap<SessionId, TooMany>,
    /// Records that claim what nothing proves.
    pub(super) unproved: UnprovedRecords,
    /// Admissions that the ticket's state forbade.
    pub(super) forbidden: ForbiddenAdmissions,
}

/// The admissions of one ticket to one session that admitted it too often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TooMany {
    /// Those that the rule did not allow.
    pub(super) excess: Vec<PriorScan>,
    /// The others.
    pub(super) allowed: Vec<PriorScan>,
}

impl Account {
    /// The account of a subject on some ground; `lines` are all records about it and its aliases, `facts`
    /// what its admissions are judged by.
    pub(super) fn of<'a>(
        ground: &Ground,
        (subject, facts): (Subject, &forbidden::Facts),
        lines: impl Iterator<Item = &'a Line> + Clone,
    ) -> Self {
        let mut account = Self::default();
        let states: States = fold_subject(ground, subject, lines.clone())
            .into_iter()
            .map(|(unit, state)| ((unit, subject), state))
            .collect();
        for inside in states.values().flat_map(SubjectState::everybody_inside) {
            account
                .counts
                .push((inside.session, Count::Inside(inside.zone)));
        }
        account.excess = incidents(&states)
            .into_iter()
            .map(
                |Excess {
                     session,
                     admissions,
                     ..
                 }| {
                    let too_many = TooMany {
                        excess: admissions,
                        allowed: Vec::new(),
                    };
                    (session, too_many)
                },
            )
            .collect();
        account.unproved = unproved(ground, subject, lines.clone());
        if subject != Subject::Nothing {
            account.forbidden = forbidden::among(ground, (subject, facts), lines.clone());
            for (session, device, by, _) in account.forbidden.keys() {
                let count = Count::Forbidden(*device, *by);
                account.counts.push((*session, count));
            }
            account.count_movements(ground, subject, lines.clone());
            account.count_undos(ground, subject, lines);
        }
        account
    }

    fn count_movements<'a>(
        &mut self,
        ground: &Ground,
        subject: Subject,
        lines: impl Iterator<Item = &'a Line>,
    ) {
        let mut arrived = BTreeSet::new();
        let not_allowed: BTreeSet<Hash> = (self.excess.values())
            .flat_map(|too_many| too_many.excess.iter().map(|scan| scan.record))
            .collect();
        for movement in movements(ground, subject, lines) {
            let scan = movement.scan;
            if scan.direction == Direction::Entry
                && let Some(too_many) = self.excess.get_mut(&scan.session)
                && !not_allowed.contains(&movement.evidence.record)
            {
                too_many.allowed.push(movement.evidence);
            }
            let mut count = |count| self.counts.push((scan.session, count));
            match scan.direction {
                Direction::Exit => count(Count::Exit),
                Direction::Entry => {
                    count(Count::Entry(scan.gate));
                    count(Count::OfType(movement.claims.type_number));
                    let at = movement.evidence.at.get();
                    count(Count::InMinute(at / MINUTE_MS));
                    count(Count::InQuarter(scan.gate, at / QUARTER_MS));
                    if movement.by == Let::Supervisor {
                        let signed = supervisor::<Sanction>(scan.sanction.as_ref());
                        count(Count::Overridden(signed.or(scan.operator)));
                    }
                    // What no ticket lists may be let in, and is nobody who was awaited.
                    let is_ticket = matches!(subject, Subject::Ticket(_));
                    if is_ticket && arrived.insert(scan.session) {
                        count(Count::Arrived);
                    }
                }
            }
        }
    }

    fn count_undos<'a>(
        &mut self,
        ground: &Ground,
        subject: Subject,
        lines: impl Iterator<Item = &'a Line> + Clone,
    ) {
        let own = lines.filter(|line| {
            let of = line.record.subject();
            of.is_some_and(|of| ground.resolve(of) == subject)
        });
        for undo in effective_undos(ground, own) {
            let signed = supervisor::<UndoApproval>(undo.approval.as_ref());
            let count = Count::TakenBack(signed.or(undo.operator));
            self.counts.push((undo.session, count));
        }
    }
}

/// Who signed an approval that was found to hold, or that a person accepted.
fn supervisor<T: Approval>(approval: Option<&ByteVec>) -> Option<StaffId> {
    let (_, approval) = read_unverified::<T>(approval?).ok()?;
    Some(approval.approved().supervisor)
}

/// What a refusal adds, if the record is one and counts.
pub(super) fn refusal(ground: &Ground, line: &Line) -> Option<(SessionId, Count)> {
    match &line.record.body {
        Body::Scan(scan) if scan.outcome == Outcome::Refuse && ground.counts(line) => {
            Some((scan.session, Count::Refused(scan.gate, scan.reason)))
        }
        Body::Scan(_)
        | Body::Undo(_)
        | Body::Link(_)
        | Body::Rule(_)
        | Body::Cut(_)
        | Body::Ruling(_)
        | Body::EveryoneOut(_)
        | Body::FreeFlow(_)
        | Body::Abort(_)
        | Body::Yield(_)
        | Body::StandDown(_)
        | Body::Honour(_)
        | Body::Notice(_)
        | Body::Delay(_)
        | Body::OverrideKey(_)
        | Body::Arrival(_)
        | Body::OutTakenBack(_)
        | Body::Correction(_) => None,
    }
}
