//! Endings of others' attempts: while a gate waits for its answer, or for somebody to walk through.

use super::approvals::{Flaw, Signatory, overriding};
use super::plain_entry;
use crate::simulation::world::World;
use std::collections::BTreeSet;
use std::rc::Rc;
use usher_domain::ids::{AttemptId, DeviceId};
use usher_domain::record::{Abort, Body, Outcome, Scan, Subject, Yield};
use usher_domain::verdict::Reason;
use usher_server::service::{Error, Service};
use usher_server::storage::Reservation;

/// Attempts that it looks at.
const ATTEMPTS_MAX: u32 = 100;

impl World {
    async fn open_attempts(&self, service: &Service) -> Option<Vec<Reservation>> {
        let read = service
            .store()
            .read(|txn| Ok::<_, Error>(txn.open_reservations(ATTEMPTS_MAX)?));
        read.await.ok()
    }

    /// The thief writes that an attempt of another device is over, and hands that in at once. It must stay open,
    /// and soon somebody shows the same ticket elsewhere.
    pub(super) async fn thief_ends_attempts(self: &Rc<Self>, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let Some(open) = self.open_attempts(service).await else {
            return;
        };
        let named = open.iter().filter_map(|held| match held.subject {
            Subject::Ticket(ticket) => Some((held, ticket)),
            Subject::Medium(_) | Subject::Nothing => None,
        });
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            return;
        }
        let now = service.now();
        let (ticket, holder, is_followed) = {
            let mut thief = thief.borrow_mut();
            let id = thief.id;
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            let (held, ticket) = named[conduct.dice.usize(..named.len())];
            let same = Scan {
                attempt: held.attempt,
                ..plain_entry(held.session, ticket)
            };
            let body = match conduct.dice.u8(..6) {
                0 | 1 => Body::Abort(Abort {
                    attempt: held.attempt,
                    session: held.session,
                    subject: held.subject,
                }),
                2 => Body::Scan(Scan {
                    outcome: Outcome::Refuse,
                    reason: Reason::AlreadyInside,
                    ..same
                }),
                3 => Body::Scan(Scan {
                    outcome: Outcome::Refer,
                    reason: Reason::HomeSilent,
                    ..same
                }),
                4 => Body::Yield(Yield {
                    attempt: held.attempt,
                    to: held.device,
                    gate: None,
                    session: held.session,
                    subject: held.subject,
                }),
                _ => {
                    let entry = Scan {
                        attempt: conduct.attempt(),
                        takes_over: Some(held.attempt),
                        ..same
                    };
                    let flaw = Flaw::drawn(&mut conduct.dice);
                    Body::Scan(overriding((entry, id), now, &Signatory::unknown(), flaw))
                }
            };
            self.story.tell("thief", format_args!("ends {body:?}"));
            let is_followed = conduct.dice.bool();
            let (ticket, holder) = (ticket, held.device);
            thief.branches[0].write(now, body);
            (ticket, holder, is_followed)
        };
        self.thief_hands_in_new(service).await;
        self.check_attempts(service, &open).await;
        let number = {
            let memory = self.memory.borrow();
            let mut tickets = memory.tickets.iter();
            tickets.position(|bought| bought.id == ticket)
        };
        let elsewhere = self.devices.iter().position(|device| device.id != holder);
        if let (Some(number), Some(elsewhere), true) = (number, elsewhere, is_followed) {
            self.show_later(elsewhere, number, self.draw(5, 150));
        }
    }

    /// What was open is open still, whatever the thief handed in: unless a lost badge signed it.
    async fn check_attempts(&self, service: &Service, before: &[Reservation]) {
        let (Some(thief), Some(now)) = (&self.thief, self.open_attempts(service).await) else {
            return;
        };
        let (id, has_approval) = {
            let thief = thief.borrow();
            let conduct = thief.conduct.as_ref();
            (
                thief.id,
                conduct.is_some_and(|conduct| conduct.has_approval),
            )
        };
        let still: BTreeSet<(DeviceId, AttemptId)> =
            now.iter().map(|held| (held.device, held.attempt)).collect();
        let mut others = before.iter().filter(|held| held.device != id);
        let ended = others.find(|held| !still.contains(&(held.device, held.attempt)));
        self.story.check(
            "nobody else ends an attempt",
            ended.is_none() || has_approval,
            format_args!("{:?}", ended.map(|held| self.name_of(held.device))),
        );
    }
}
