//! What must hold of every verdict at once, by what its gate knew.

use super::device::{Device, Program};
use super::held::Held;
use super::reference::Records;
use super::world::{Bought, World};
use std::collections::BTreeSet;
use usher_core::gate::{Answer, ScanRequest};
use usher_domain::hash::Hash;
use usher_domain::log::{Frame, Line};
use usher_domain::merge::LIFT_MAX_MS;
use usher_domain::record::{Body, Certainty, Direction, Outcome, Subject};
use usher_domain::table::TableId;
use usher_domain::table::rows::{TicketRow, TicketState};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

/// What a gate knew of a ticket when it was asked.
pub(super) struct Knowledge {
    /// Records about the ticket and those that concern all.
    lines: Vec<Line>,
    /// Where the records stand of the logs that were cut.
    places: Vec<(Frame, Hash)>,
    highest: Option<usher_domain::time::UnixMillis>,
    pub(super) row: Option<TicketRow>,
}

impl Knowledge {
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }
}

impl World {
    pub(super) fn knowledge(&self, program: &Program, bought: &Bought) -> Knowledge {
        let scope = self.house.session.scope;
        program.with(|store| {
            let subject = Subject::Ticket(bought.id);
            let mut lines = store.records_about(scope, &subject).unwrap_or_default();
            let ground = store
                .scope_wide_records(scope, self.house.organizer.server)
                .unwrap_or_default();
            // Which records a cut lets count, the chain of the whole log says.
            let mut places = Vec::new();
            for line in &ground {
                if let Body::Cut(cut) = &line.record.body {
                    let log = store.log_records(cut.log, 0, u32::MAX).unwrap_or_default();
                    let log = Held::of(log.iter().map(|(_, bytes)| bytes.as_slice()));
                    places.extend(log.places);
                }
            }
            lines.extend(ground);
            let highest = Records::of(self.house.organizer.server, &lines).latest(subject);
            let highest = highest.map(UnixMillis::new);
            // Of a pass the newest image counts, in whatever set it stands.
            let images = self.house.sessions().filter_map(|session| {
                let copy = store.serving(TableId::Set(session.id)).ok().flatten();
                copy.and_then(|copy| store.ticket(copy, bought.id).ok().flatten())
            });
            let row = images.max_by_key(|row| row.revision);
            Knowledge {
                lines,
                places,
                highest,
                row,
            }
        })
    }

    /// What must hold of an answer, by what its gate knew.
    pub(super) fn judge(
        &self,
        device: &Device,
        program: &Program,
        bought: &Bought,
        request: &ScanRequest,
        answer: &Answer,
        known: &Knowledge,
    ) {
        let admitted = answer.verdict.outcome() == Outcome::Admit;
        let (name, ticket) = (device.name, &bought.name);
        self.story.check(
            "an admission has its record",
            !admitted || answer.record.is_some(),
            format_args!("{name} admitted {ticket} without one"),
        );
        let Some(hash) = answer.record else { return };
        let Some(line) = program.with(|store| store.record(hash).ok().flatten()) else {
            return;
        };
        if known.lines.iter().any(|before| before.hash == hash) {
            return;
        }
        // A code that it cannot follow is nobody's ticket to the gate.
        self.judge_session(device, program, bought, (&line, answer));
        let is_followed = line.record.subject() == Some(Subject::Ticket(bought.id));
        if is_followed {
            self.check_stamp(device, program, bought, &line, known);
        }
        self.story.check(
            "a device that knows of its revocation admits nobody",
            !admitted || !self.knows_of_revocation(device, program),
            format_args!("{name} admitted {ticket}"),
        );
        let entered = admitted && request.direction == Direction::Entry;
        let decided = entered && answer.verdict.reason() != Reason::FreeFlow;
        let cancelled = known
            .row
            .as_ref()
            .is_some_and(|row| matches!(row.state, TicketState::Cancelled(_)));
        self.story.check(
            "a cancelled ticket is not admitted where that is known",
            !decided || !cancelled,
            format_args!("{name} admitted {ticket}"),
        );
        // What the authority knows beside, it does not tell.
        let alone = matches!(
            answer.certainty,
            Certainty::Local { .. } | Certainty::Isolated { .. }
        );
        if decided && alone {
            // It decided on what it knows by now: an exchange may have ended meanwhile.
            let now = self.knowledge(program, bought);
            let server = self.house.organizer.server;
            let records = Records::among(server, &now.lines, &now.places);
            let states = records.fold(Subject::Ticket(bought.id));
            // By which rule entries count is said in the feed, and a set may come before it.
            let mut lines = now.lines.iter();
            let session = line.record.body.as_scan().map(|scan| scan.session);
            let knows_rules = lines.any(
                |line| matches!(&line.record.body, Body::Rule(rule) if Some(rule.session) == session),
            );
            let excess = knows_rules && states.values().any(|state| state.excess.contains(&hash));
            self.story.check(
                "what a gate admits is no excess by what it knows",
                !excess,
                format_args!(
                    "{name} admitted {ticket} by {:?}: {states:?}",
                    line.record.body
                ),
            );
            let several = bought.entries_in_all().is_some_and(|entries| entries > 1);
            let subject = Subject::Ticket(bought.id);
            self.story.check(
                "what a home holds back it does not let in alone",
                several || !records.holds_back(device.id, subject),
                format_args!("{name} admitted {ticket}"),
            );
        }
    }

    /// A record comes after all that its gate knew of the ticket when it was written, but what others wrote lifts
    /// it by minutes only.
    fn check_stamp(
        &self,
        device: &Device,
        program: &Program,
        bought: &Bought,
        line: &Line,
        known: &Knowledge,
    ) {
        let stamp = line.record.stamp;
        let is_after = |highest: Option<UnixMillis>| highest.is_none_or(|highest| highest < stamp);
        if is_after(known.highest) {
            return;
        }
        // Since it was asked the gate may have read when records arrived, which lowers their stamps.
        let now = self.knowledge(program, bought);
        let before: BTreeSet<Hash> = known.lines.iter().map(|line| line.hash).collect();
        let records = Records::of(self.house.organizer.server, &now.lines);
        let latest = |is_own: bool| {
            let of_kind = |other: &Line| {
                before.contains(&other.hash)
                    && is_own == (other.record.log.device == line.record.log.device)
            };
            let latest = records.latest_of(Subject::Ticket(bought.id), of_kind);
            latest.map(UnixMillis::new)
        };
        // The gate's own clock may be behind by as long as the evening lasts.
        let is_lifted = stamp.since(self.time.now()) > LIFT_MAX_MS / 2;
        let (own, others) = (latest(true), latest(false));
        if is_lifted {
            let scope = self.house.session.scope;
            let parked = program.with(|store| store.parked(scope).map(|parked| parked.len()));
            self.story.tell(
                device.name,
                format_args!("goes before what it cannot date: {parked:?} batches lack a key"),
            );
        }
        self.story.check(
            "a record comes after all that its gate knew of the ticket",
            is_after(own) && (is_after(others) || is_lifted),
            format_args!(
                "{}: {} at {stamp}, after {own:?} and {others:?}",
                device.name,
                self.story.called(&line.hash),
            ),
        );
    }

    /// A server that was put back may have forgotten that it revoked a device, which takes its word for it from
    /// the first answer on.
    fn knows_of_revocation(&self, device: &Device, program: &Program) -> bool {
        let is_told_otherwise = || {
            let was_restored = self.memory.borrow().was_restored;
            was_restored && program.with(|store| store.revoked().is_ok_and(|since| since.is_none()))
        };
        device.revoked.get() && !is_told_otherwise()
    }
}
