//! A forger has the keys of gates that work, and writes with them what only a supervisor may do. Nobody may
//! believe it, and the server tells which device it is.

use super::byzantine::{Flaw, Signatory, overriding, plain_entry, undoing};
use super::device::{Device, Program};
use super::world::World;
use std::rc::Rc;
use usher_core::clock::Clock as _;
use usher_domain::hash::Hash;
use usher_domain::ids::AttemptId;
use usher_domain::log::Line;
use usher_domain::record::{Body, Certainty, Outcome, Scan, Subject};
use usher_domain::time::UnixMillis;

/// What makes the chance by which a forger acts another one. Under it the evenings that fell before have none.
const FORGERY: u64 = 0x7E_F7F0;

/// One evening in so many has a forger.
const ONE_IN: u8 = 6;

/// The chance of a forger, if the evening has one.
pub(super) fn drawn(seed: u64) -> Option<fastrand::Rng> {
    let mut dice = fastrand::Rng::with_seed(seed ^ FORGERY);
    (dice.u8(..ONE_IN) == 0).then_some(dice)
}

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
            1 | 2 => taken_back(&device, &lines, now, &mut dice),
            _ => Some(self.forged(&device, &lines, now, &mut dice)),
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
        let forged = body.as_scan().map(|scan| scan.subject);
        let what = match forged {
            Some(_) => "an override",
            None => "an undo",
        };
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
                    .tell(device.name, format_args!("was stolen, and forges {what}"));
                // It is an entry like any other, by which the person is elsewhere now.
                if let Some(Subject::Ticket(ticket)) = forged {
                    self.hall.leaves(ticket);
                }
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
    ) -> Body {
        let (ticket, session) = {
            let memory = self.memory.borrow();
            let bought = &memory.tickets[dice.usize(..memory.tickets.len())];
            (bought.id, bought.valid_at[0])
        };
        let mut attempt = [0; 16];
        dice.fill(&mut attempt);
        let others = lines.iter().filter_map(|line| line.record.body.as_scan());
        let others: Vec<&Scan> = others.collect();
        let over = others.get(dice.usize(..others.len().max(1)));
        let entry = Scan {
            attempt: AttemptId::from_bytes(attempt),
            takes_over: over.map(|scan| scan.attempt),
            certainty: Certainty::Isolated {
                since: UnixMillis::default(),
            },
            ..plain_entry(session, ticket)
        };
        let flaw = Flaw::drawn(dice);
        let by = Signatory::unknown();
        Body::Scan(overriding((entry, device.id), now, &by, flaw))
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

/// The undo of an admission of another device, with a false approval or none.
fn taken_back(
    device: &Device,
    lines: &[Line],
    now: UnixMillis,
    dice: &mut fastrand::Rng,
) -> Option<Body> {
    let admitted = lines.iter().filter_map(|line| {
        let scan = line.record.body.as_scan()?;
        let elsewhere = line.record.log.device != device.id;
        (elsewhere && scan.outcome == Outcome::Admit).then_some((line.hash, scan))
    });
    let admitted: Vec<(Hash, &Scan)> = admitted.collect();
    if admitted.is_empty() {
        return None;
    }
    let of = admitted[dice.usize(..admitted.len())];
    let by = Signatory::unknown();
    let flaw = Flaw::drawn(dice);
    let approved = dice.bool().then_some((&by, flaw));
    Some(Body::Undo(undoing(of, device.id, now, approved)))
}
