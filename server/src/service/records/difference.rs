//! The difference that a step of interpreting makes to counts and incidents.

use super::account::{Account, TooMany, refusal};
use super::approvals::{self, Reached};
use super::cuts;
use super::forbidden;
use super::lines::{Placed, aliases, lines_about, readable};
use super::progress::Extent;
use super::tally::Changes;
use crate::service::error::Result;
use crate::service::organizers::StoredOrganizer;
use crate::service::things;
use crate::storage::{LogPlace, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::code::Identity;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId, SessionId, TicketId};
use usher_domain::log::Line;
use usher_domain::merge::Ground;
use usher_domain::record::{Arrival, Body, Outcome, Subject};

/// Records of a log read at once.
const PAGE: u32 = 1_000;

/// What a step found out, before anything is written.
pub(super) struct Found {
    organizer: OrganizerId,
    scope: ScopeId,
    /// The device id of the server's own log.
    pub(super) authority: DeviceId,
    pub(super) old: Ground,
    pub(super) new: Ground,
    /// Interpreted before.
    before: Extent,
    /// Interpreted afterwards.
    after: Extent,
    aliases: BTreeMap<TicketId, BTreeSet<Identity>>,
    pub(super) changes: Changes,
    /// Incidents of excess admissions that are other than before; empty ones are settled.
    pub(super) excess: Vec<(SessionId, Subject, TooMany)>,
    /// Records that claim what nothing proves, where that is other than before.
    pub(super) unproved: approvals::Difference,
    /// Forbidden admissions, where they are others than before.
    pub(super) forbidden: forbidden::Difference,
}

/// Whom the records of a range of a log are about.
fn subjects_in(txn: &dyn Transaction, arrival: &Arrival) -> Result<BTreeSet<Subject>> {
    let mut subjects = BTreeSet::new();
    let mut after = LogPlace::before(arrival.first);
    loop {
        let page = txn.records_of_log(arrival.log, after, PAGE)?;
        let is_full = page.len() == PAGE as usize;
        for (place, record) in page {
            if place.sequence > arrival.last {
                return Ok(subjects);
            }
            after = place;
            let line = Line::read(&record.bytes).ok();
            subjects.extend(line.and_then(|line| line.record.subject()));
        }
        if !is_full {
            return Ok(subjects);
        }
    }
}

impl Found {
    pub(super) fn read(
        txn: &dyn Transaction,
        organizer: OrganizerId,
        scope: ScopeId,
        (before, after): (Extent, Extent),
        lines: &[Placed],
    ) -> Result<Self> {
        let authority = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
            .value
            .server;
        let within = |extent: &Extent| {
            let known = lines.iter().filter(|(position, _)| extent.holds(*position));
            let known = known.map(|(_, line)| line);
            cuts::ground_of(txn, scope, authority, known, |position| {
                extent.reaches(position)
            })
        };
        Ok(Self {
            organizer,
            scope,
            authority,
            old: within(&before)?,
            new: within(&after)?,
            before,
            after,
            aliases: aliases(lines),
            changes: Changes::default(),
            excess: Vec::new(),
            unproved: approvals::Difference::default(),
            forbidden: forbidden::Difference::default(),
        })
    }

    /// Counts the difference that the step makes to a subject.
    fn account(&mut self, txn: &dyn Transaction, subject: Subject, lines: &[Placed]) -> Result<()> {
        let facts = forbidden::Facts::read(txn, self.organizer, subject, lines)?;
        let of = (subject, &facts);
        let before = Account::of(&self.old, of, within(lines, &self.before));
        let now = Account::of(&self.new, of, within(lines, &self.after));
        self.forbidden.add(&before.forbidden, now.forbidden);
        self.unproved.add(&before.unproved, now.unproved);
        for (session, count) in before.counts {
            self.changes.add(session, count, -1);
        }
        for (session, count) in now.counts {
            self.changes.add(session, count, 1);
        }
        for (session, admissions) in &now.excess {
            if before.excess.get(session) != Some(admissions) {
                self.excess.push((*session, subject, admissions.clone()));
            }
        }
        for session in before.excess.into_keys() {
            if !now.excess.contains_key(&session) {
                self.excess.push((session, subject, TooMany::default()));
            }
        }
        Ok(())
    }

    /// Counts the difference that the step makes to a record of a refusal.
    fn account_refusal(&mut self, (position, line): &Placed) {
        if self.before.holds(*position)
            && let Some((session, count)) = refusal(&self.old, line)
        {
            self.changes.add(session, count, -1);
        }
        if self.after.holds(*position)
            && let Some((session, count)) = refusal(&self.new, line)
        {
            self.changes.add(session, count, 1);
        }
    }

    /// Accounts for the subjects that new records reach.
    pub(super) fn account_reached(
        &mut self,
        txn: &dyn Transaction,
        arrived: &[Placed],
    ) -> Result<()> {
        let mut reached = BTreeSet::new();
        for placed in arrived {
            self.account_refusal(placed);
            let subject = match &placed.1.record.body {
                Body::Scan(scan) if scan.outcome == Outcome::Admit => scan.subject,
                Body::Undo(undo) => undo.subject,
                Body::Link(link) => Subject::Medium(link.identity),
                Body::Arrival(arrival) if placed.1.record.log.device == self.authority => {
                    let dated = subjects_in(txn, arrival)?;
                    reached.extend(dated.iter().map(|subject| self.old.resolve(*subject)));
                    reached.extend(dated.iter().map(|subject| self.new.resolve(*subject)));
                    reached.extend(dated);
                    continue;
                }
                Body::Correction(correction) => correction.subject,
                Body::OverrideKey(_) if placed.1.record.log.device != self.authority => continue,
                Body::OverrideKey(listed) => {
                    if let Reached::Subjects(subjects) =
                        approvals::reached(txn, self.scope, listed.key.kid())?
                    {
                        reached.extend(subjects.into_iter().flat_map(|subject| {
                            [
                                subject,
                                self.old.resolve(subject),
                                self.new.resolve(subject),
                            ]
                        }));
                    }
                    continue;
                }
                Body::Scan(_)
                | Body::Rule(_)
                | Body::Cut(_)
                | Body::Ruling(_)
                | Body::EveryoneOut(_)
                | Body::OutTakenBack(_)
                | Body::FreeFlow(_)
                | Body::Abort(_)
                | Body::Yield(_)
                | Body::StandDown(_)
                | Body::Honour(_)
                | Body::Notice(_)
                | Body::Delay(_)
                | Body::Arrival(_) => continue,
            };
            reached.extend([
                subject,
                self.old.resolve(subject),
                self.new.resolve(subject),
            ]);
        }
        for subject in reached {
            let lines = lines_about(txn, self.scope, subject, &self.aliases, |position| {
                self.after.holds(position)
            })?;
            self.account(txn, subject, &lines)?;
        }
        Ok(())
    }

    /// Accounts for every subject, one after the other.
    pub(super) fn account_all(&mut self, txn: &dyn Transaction) -> Result<()> {
        let linked: BTreeSet<Subject> = self.aliases.keys().copied().map(Subject::Ticket).collect();
        let mut group: Option<(Subject, Vec<Placed>)> = None;
        let mut done = Ok(());
        txn.visit_by_subject(self.scope, &mut |subject, record| {
            if !self.after.holds(record.position) {
                return Ok(());
            }
            let Some(placed) = readable(vec![record]).next() else {
                return Ok(());
            };
            self.account_refusal(&placed);
            // What was unreadable at a gate has no state; linked tickets have records elsewhere too.
            if subject == Subject::Nothing || linked.contains(&subject) {
                return Ok(());
            }
            match &mut group {
                Some((same, lines)) if *same == subject => lines.push(placed),
                _ => {
                    if let Some((before, lines)) = group.replace((subject, vec![placed]))
                        && done.is_ok()
                    {
                        done = self.account(txn, before, &lines);
                    }
                }
            }
            Ok(())
        })?;
        done?;
        if let Some((last, lines)) = group {
            self.account(txn, last, &lines)?;
        }
        for subject in linked {
            let lines = lines_about(txn, self.scope, subject, &self.aliases, |position| {
                self.after.holds(position)
            })?;
            self.account(txn, subject, &lines)?;
        }
        Ok(())
    }
}

/// The records in the batches of an extent.
pub(super) fn within<'a>(
    lines: &'a [Placed],
    extent: &'a Extent,
) -> impl Iterator<Item = &'a Line> + Clone {
    let known = lines.iter().filter(|(position, _)| extent.holds(*position));
    known.map(|(_, line)| line)
}
