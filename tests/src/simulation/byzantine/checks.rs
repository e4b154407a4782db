//! What must hold of a stolen device in the end: whatever it wrote beyond the rules names it.

use super::Thief;
use crate::simulation::held::Held;
use crate::simulation::world::World;
use std::cell::{Ref, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::{Incident, IncidentKind};
use usher_domain::ids::{DeviceId, TicketId};
use usher_domain::log::Line;
use usher_domain::merge::{CLOCK_JUMP_MS, LAST_STAMP};
use usher_domain::record::{LogRef, Outcome, Subject};

/// The devices that open incidents of a kind name.
pub(in crate::simulation) fn named(open: &[Incident], kind: IncidentKind) -> BTreeSet<DeviceId> {
    let of_kind = open.iter().filter(|incident| incident.kind == kind);
    of_kind.filter_map(|incident| incident.device).collect()
}

impl World {
    pub(in crate::simulation) fn thief(&self) -> Option<Ref<'_, Thief>> {
        self.thief.as_ref().map(RefCell::borrow)
    }

    /// Whether the thief let somebody in with a ticket.
    pub(in crate::simulation) fn thief_admitted(&self, lines: &[Line], ticket: TicketId) -> bool {
        let Some(id) = self.thief().map(|thief| thief.id()) else {
            return false;
        };
        let mut own = lines.iter().filter(|line| line.record.log.device == id);
        own.any(|line| {
            let scan = line.record.body.as_scan();
            scan.is_some_and(|scan| {
                scan.outcome == Outcome::Admit && scan.subject == Subject::Ticket(ticket)
            })
        })
    }

    /// Whoever lied is told of, and nobody else.
    pub(in crate::simulation) fn check_thief(&self, held: &Held, open: &[Incident]) {
        let told = named(open, IncidentKind::FalseClaims);
        let id = self.thief().map(|thief| thief.id());
        self.story.check(
            "no honest device is told to claim what is not so",
            told.iter().all(|device| Some(*device) == id) || self.habits.clocks,
            format_args!("{told:?}, the stolen one is {id:?}"),
        );
        let Some(thief) = self.thief() else { return };
        let ground = held.ground(self.house.session.scope, self.house.organizer.server);
        let counted = held
            .lines
            .iter()
            .filter(|line| thief.lies.contains(&line.hash) && ground.counts(line));
        let lies = counted.count();
        self.story.check(
            "who claims what is not so is told",
            lies == 0 || told.contains(&thief.id),
            format_args!("{lies} lies, told of {told:?}"),
        );
        if thief.conduct.is_some() {
            self.check_thief_is_named(&thief, held, open);
            self.check_thief_cuts(held);
        }
    }

    /// Each thing that it did beside is told of it.
    fn check_thief_is_named(&self, thief: &Thief, held: &Held, open: &[Incident]) {
        let scope = self.house.session.scope;
        let ground = held.ground(scope, self.house.organizer.server);
        let own = || {
            held.places
                .iter()
                .filter(|(frame, _)| frame.log.device == thief.id)
        };
        let mut heads: BTreeMap<LogRef, u32> = BTreeMap::new();
        for head in held.heads().heads {
            if head.log.device == thief.id {
                *heads.entry(head.log).or_default() += 1;
            }
        }
        let lines = || {
            held.lines
                .iter()
                .filter(|line| line.record.log.device == thief.id)
        };
        let now = self.time.now();
        let is_ahead = lines().any(|line| {
            let stamp = line.record.stamp;
            // While it arrives it was still further ahead.
            (ground.counts(line) && stamp.since(now) > CLOCK_JUMP_MS) || stamp > LAST_STAMP
        });
        let readable: BTreeSet<_> = lines().map(|line| line.hash).collect();
        let waits = own().any(|(frame, hash)| ground.is_place_quarantined(frame, *hash));
        let must_be = [
            (
                "who writes a log in two ways is told",
                IncidentKind::ForkedLog,
                heads.values().any(|count| *count > 1),
            ),
            (
                "who dates scans far ahead is told",
                IncidentKind::ClockJump,
                is_ahead,
            ),
            (
                "who writes what nobody can read is told",
                IncidentKind::Unreadable,
                own().any(|(_, hash)| !readable.contains(hash)),
            ),
            (
                "who writes after the revocation is told",
                IncidentKind::Quarantined,
                waits,
            ),
            (
                "who writes too much is told",
                IncidentKind::TooManyRecords,
                self.thief_wrote_too_much(),
            ),
            (
                "who hands back rows that cannot be is told",
                IncidentKind::HandedBack,
                self.thief_handed_in_impossible(),
            ),
        ];
        for (check, kind, is_due) in must_be {
            let told = named(open, kind);
            self.story.check(
                check,
                !is_due || told.contains(&thief.id),
                format_args!("{kind:?} names {told:?}"),
            );
        }
    }
}
