//! Incidents: what must be told is told, of whom it must be told, and nothing is told of others.

use super::byzantine::named;
use super::held::Held;
use super::world::{Restriction, World};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::{ForbiddenBy, Incident, IncidentKind};
use usher_domain::record::Subject;

impl World {
    /// Every excess admission is in one incident, and nothing else is; whoever did what a device may not do is
    /// named, and nobody else is.
    pub(super) async fn check_incidents(&self, held: &Held) {
        let service = self.server.service().unwrap();
        let page = service.incidents(self.house.organizer.id, None, 1_000);
        let open = page.await.unwrap().items;
        self.check_excess(held, &open);
        self.check_unproved(held, &open);
        self.check_forbidden(held, &open);
        self.check_thief(held, &open);
        self.check_honest(&open);
        self.check_copies(&open).await;
    }

    fn check_excess(&self, held: &Held, open: &[Incident]) {
        let records = held.records(self.house.organizer.server);
        let mut excess: Vec<String> = Vec::new();
        for ticket in records.tickets() {
            for state in records.fold(ticket).into_values() {
                excess.extend(state.excess.iter().map(ToString::to_string));
            }
        }
        excess.sort();
        let mut told: Vec<String> = open
            .iter()
            .filter(|incident| incident.kind == IncidentKind::ExcessAdmission)
            .flat_map(|incident| &incident.scans)
            .map(|scan| scan.record.clone())
            .collect();
        told.sort();
        self.story.check(
            "each excess admission is in one incident",
            excess == told,
            format_args!("{excess:?} are told as {told:?}"),
        );
    }

    /// Every admission of a ticket that was cancelled by then, or by a code that was replaced by then, is told,
    /// and no other one: not what a gate admitted before, nor what a supervisor let in.
    fn check_forbidden(&self, held: &Held, open: &[Incident]) {
        let records = held.records(self.house.organizer.server);
        let told: BTreeMap<&str, &Incident> = open
            .iter()
            .filter(|incident| incident.kind == IncidentKind::ForbiddenAdmission)
            .flat_map(|incident| incident.scans.iter().map(move |scan| (scan, incident)))
            .map(|(scan, incident)| (scan.record.as_str(), incident))
            .collect();
        let memory = self.memory.borrow();
        let mut known = BTreeSet::new();
        for ticket in records.tickets() {
            let restrictions: Vec<&Restriction> = memory
                .restrictions
                .iter()
                .filter(|done| Subject::Ticket(done.ticket) == ticket)
                .collect();
            for (at, record, scan) in records.ordinary_entries(ticket) {
                let is_old = |number: usize| {
                    scan.issue
                        .is_some_and(|issue| usize::from(issue.get()) <= number)
                };
                // Each new code counts up; the first one makes the first issue an old one.
                let mut new_codes = 0;
                let (mut must, mut may) = (false, false);
                for done in &restrictions {
                    let forbids = match done.by {
                        ForbiddenBy::Superseded => {
                            new_codes += usize::from(done.answered);
                            is_old(new_codes)
                        }
                        _ => true,
                    };
                    must |= forbids && done.answered && done.between.1 < at;
                    may |= done.between.0 < at;
                }
                let record = record.to_string();
                let is_told = told.contains_key(record.as_str());
                self.story.check(
                    "who lets in a ticket that may not enter any more is told",
                    is_told || !must || memory.was_restored,
                    format_args!("{ticket:?} at {at}: {restrictions:?}"),
                );
                self.story.check(
                    "who lets in a ticket that might enter is not told for it",
                    !is_told || may || self.thief().is_some(),
                    format_args!("{ticket:?} at {at}: {restrictions:?}"),
                );
                known.insert(record);
            }
        }
        let others: Vec<_> = told
            .keys()
            .filter(|record| !known.contains(**record))
            .collect();
        self.story.check(
            "nobody is told for what was taken back, signed or does not count",
            others.is_empty(),
            format_args!("{others:?}"),
        );
    }

    /// Whoever claims what nothing proves is named, and nobody else is.
    fn check_unproved(&self, held: &Held, open: &[Incident]) {
        let records = held.records(self.house.organizer.server);
        let claiming = records.claiming();
        for (kind, of) in [
            (IncidentKind::UnprovedOverride, claiming.overrides),
            (IncidentKind::UnprovedUndo, claiming.undos),
        ] {
            let told = named(open, kind);
            self.story.check(
                "who claims what nothing proves is named, and nobody else",
                told == of,
                format_args!("{kind:?}: {of:?} are told as {told:?}"),
            );
        }
    }

    /// No honest device is named for what another one did.
    fn check_honest(&self, open: &[Incident]) {
        for incident in open {
            let device = incident.device.map(|device| self.name_of(device));
            self.story.check(
                "no device is named for what it did not do",
                self.may_be_told(incident),
                format_args!("{:?} of {device:?}: {}", incident.kind, incident.detail),
            );
        }
    }

    fn may_be_told(&self, incident: &Incident) -> bool {
        let Some(device) = incident.device else {
            return true;
        };
        let is_stolen = self.thief().is_some_and(|thief| thief.id() == device);
        let memory = self.memory.borrow();
        match incident.kind {
            IncidentKind::ForkedLog => memory.forked.contains(&device),
            // What a device's signs of life say of its clock, nobody else can have done.
            IncidentKind::ClockJump => {
                let is_of_scans = incident.detail.starts_with("scans are dated");
                is_stolen || !is_of_scans || self.is_clock_off(device)
            }
            IncidentKind::Unreadable | IncidentKind::TooManyRecords | IncidentKind::HandedBack => {
                is_stolen
            }
            IncidentKind::CopiedDevice => memory.copied.contains(&device),
            IncidentKind::Quarantined => memory.revoked.contains(&device),
            IncidentKind::OverrideNotAllowed => false,
            IncidentKind::SetDiffers
            | IncidentKind::DocumentMismatch
            | IncidentKind::ServerBehind => {
                memory.was_restored || self.habits.bad_disks || memory.forked.contains(&device)
            }
            // It says what was shown at a device, and blames nobody.
            IncidentKind::TrustHandedBack => memory.was_restored,
            IncidentKind::UnknownCodes => true,
            // These are compared with what the reference says.
            IncidentKind::ExcessAdmission
            | IncidentKind::BadgeTwice
            | IncidentKind::FalseClaims
            | IncidentKind::UnprovedOverride
            | IncidentKind::UnprovedUndo
            | IncidentKind::ForbiddenAdmission => true,
        }
    }

    /// Whether a device's own clock may have been far ahead.
    fn is_clock_off(&self, device: usher_domain::ids::DeviceId) -> bool {
        let mut own = self.devices.iter().filter(|one| one.id == device);
        self.habits.clocks || own.any(|own| own.clock.is_far_ahead())
    }
}
