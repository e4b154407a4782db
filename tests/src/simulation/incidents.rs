//! Incidents: what must be told is told, of whom it must be told, and nothing is told of others.

use super::byzantine::named;
use super::held::Held;
use super::world::World;
use usher_domain::api::reports::{Incident, IncidentKind};

impl World {
    /// Every excess admission is in one incident, and nothing else is; whoever did what a device may not do is
    /// named, and nobody else is.
    pub(super) async fn check_incidents(&self, held: &Held) {
        let service = self.server.service().unwrap();
        let page = service.incidents(self.house.organizer.id, None, 1_000);
        let open = page.await.unwrap().items;
        self.check_excess(held, &open);
        self.check_unproved(held, &open);
        self.check_thief(held, &open);
        self.check_honest(&open);
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
            IncidentKind::Quarantined => memory.revoked.contains(&device),
            IncidentKind::OverrideNotAllowed => false,
            IncidentKind::SetDiffers
            | IncidentKind::DocumentMismatch
            | IncidentKind::ServerBehind => {
                memory.was_restored || self.habits.bad_disks || memory.forked.contains(&device)
            }
            // It says what was shown at a device, and blames nobody.
            IncidentKind::UnknownCodes => true,
            // These are compared with what the reference says.
            IncidentKind::ExcessAdmission
            | IncidentKind::BadgeTwice
            | IncidentKind::FalseClaims
            | IncidentKind::UnprovedOverride
            | IncidentKind::UnprovedUndo => true,
        }
    }

    /// Whether a device's own clock may have been far ahead.
    fn is_clock_off(&self, device: usher_domain::ids::DeviceId) -> bool {
        let mut devices = self.devices.iter();
        let own = devices.find(|one| one.id == device);
        self.habits.clocks || own.is_some_and(|own| own.clock.is_far_ahead())
    }
}
