//! A forger: whoever has the keys of gates that work writes what the formats allow, under its own valid key, and claims what only
//! a supervisor may do. Nobody may believe it, and the server tells which device it is.

use super::device::{Device, Program};
use super::reference::Records;
use super::world::World;
use std::collections::BTreeSet;
use std::rc::Rc;
use usher_core::clock::Clock as _;
use usher_domain::api::reports::{Incident, IncidentKind};
use usher_domain::cose::SigningKey;
use usher_domain::document;
use usher_domain::document::sanction::{Sanction, SanctionReason};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, StaffId};
use usher_domain::log::Line;
use usher_domain::record::{Body, Certainty, Direction, Outcome, Scan, Subject, Undo};
use usher_domain::secret::Seed;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

/// What makes the chance by which a forger acts another one.
pub(super) const FORGERY: u64 = 0x7E_F7ED;

/// The member of staff as whom a forger signs.
const NOBODY: StaffId = StaffId::from_bytes([250; 16]);

impl World {
    /// Whoever has the keys of working gates writes something, now and then.
    pub(super) fn forge_now_and_then(&self) {
        let Some(dice) = &self.forger else {
            return;
        };
        let mut dice = dice.borrow_mut();
        if dice.u8(..5) != 0 {
            return;
        }
        let device = Rc::clone(&self.devices[dice.usize(..self.devices.len())]);
        let Some(program) = device.program() else {
            return;
        };
        let lines = self.known_to(&program);
        let now = device.clock.read().wall;
        let body = match dice.u8(..4) {
            0 => used_again(&device, &lines),
            1 | 2 => taken_back(&device, &lines, &mut dice),
            _ => self.forged(&device, &lines, now, &mut dice),
        };
        if let Some(body) = body {
            self.forge(&device, &program, now, body);
        }
    }

    fn known_to(&self, program: &Program) -> Vec<Line> {
        let scope = self.house.session.scope;
        let known = program.with(|store| store.records_after(scope, 0, u32::MAX));
        let known = known.map(|page| page.lines).unwrap_or_default();
        known.into_iter().map(|(_, line)| line).collect()
    }

    /// Writes a record as the gate does.
    fn forge(&self, device: &Device, program: &Program, now: UnixMillis, body: Body) {
        let scope = self.house.session.scope;
        let written = program.at_gate(device, |_, means| {
            let mut end = means.store.log_end(scope, device.id, means.entropy)?;
            let entry = end.append(now, body);
            let hash = entry.hash;
            means.store.append(scope, &[entry]).map(|()| hash)
        });
        match written {
            Ok(hash) => {
                self.story.name(hash, "a forged record".to_owned());
                self.story
                    .tell(device.name, format_args!("was stolen, and forges a record"));
            }
            Err(error) => self
                .story
                .tell(device.name, format_args!("cannot forge: {error}")),
        }
    }

    /// An override that a supervisor signed whom nobody knows, or nobody.
    fn forged(
        &self,
        device: &Device,
        lines: &[Line],
        now: UnixMillis,
        dice: &mut fastrand::Rng,
    ) -> Option<Body> {
        let memory = self.memory.borrow();
        let bought = &memory.tickets[dice.usize(..memory.tickets.len())];
        let mut attempt = [0; 16];
        dice.fill(&mut attempt);
        let attempt = AttemptId::from_bytes(attempt);
        let others = lines.iter().filter_map(|line| line.record.body.as_scan());
        let others: Vec<&Scan> = others.collect();
        let over = (!others.is_empty()).then(|| others[dice.usize(..others.len())].attempt);
        let subject = Subject::Ticket(bought.id);
        let session = self.house.session.id;
        let sanction = Sanction {
            session,
            subject,
            refused: over.unwrap_or(attempt),
            attempt,
            device: device.id,
            supervisor: NOBODY,
            reason: SanctionReason::Other,
            expires_at: now.shifted(60_000),
            record: Hash::ZERO,
        };
        let key = SigningKey::from_seed(&Seed::new([250; 32]));
        let signed = match dice.u8(..2) {
            0 => b"forged".to_vec(),
            _ => document::sign(&sanction, &key),
        };
        Some(Body::Scan(Scan {
            session,
            gate: None,
            operator: None,
            subject,
            direction: Direction::Entry,
            outcome: Outcome::Admit,
            reason: Reason::Override,
            certainty: Certainty::Isolated {
                since: UnixMillis::default(),
            },
            attempt,
            issue: None,
            type_number: None,
            access: None,
            zone: None,
            entries: None,
            sanction: Some(signed.into()),
            confirmed: None,
            takes_over: over,
            honours: None,
        }))
    }

    /// Whoever claims what nothing proves is named, and nobody else is.
    pub(super) fn check_named(&self, lines: &[Line], open: &[Incident]) {
        let records = Records::of(self.house.organizer.server, lines);
        let claiming = records.claiming();
        let named = |kind| {
            let of_kind = open.iter().filter(move |incident| incident.kind == kind);
            of_kind
                .filter_map(|incident| incident.device)
                .collect::<BTreeSet<DeviceId>>()
        };
        for (kind, of) in [
            (IncidentKind::UnprovedOverride, claiming.overrides),
            (IncidentKind::UnprovedUndo, claiming.undos),
        ] {
            self.story.check(
                "who claims what nothing proves is named, and nobody else",
                named(kind) == of,
                format_args!("{of:?} are told as {:?}", named(kind)),
            );
        }
    }
}

/// An override of this device once more, as it was signed.
fn used_again(device: &Device, lines: &[Line]) -> Option<Body> {
    let mut own = lines
        .iter()
        .rev()
        .filter(|line| line.record.log.device == device.id);
    own.find_map(|line| {
        let scan = line.record.body.as_scan()?;
        scan.claims_override().then(|| Body::Scan(scan.clone()))
    })
}

/// The undo of an admission of another device.
fn taken_back(device: &Device, lines: &[Line], dice: &mut fastrand::Rng) -> Option<Body> {
    let admitted = lines.iter().filter_map(|line| {
        let scan = line.record.body.as_scan()?;
        let elsewhere = line.record.log.device != device.id;
        (elsewhere && scan.outcome == Outcome::Admit).then_some((line.hash, scan))
    });
    let admitted: Vec<(Hash, &Scan)> = admitted.collect();
    if admitted.is_empty() {
        return None;
    }
    let (of, scan) = admitted[dice.usize(..admitted.len())];
    Some(Body::Undo(Undo {
        of,
        session: scan.session,
        subject: scan.subject,
        operator: None,
        approval: None,
    }))
}
