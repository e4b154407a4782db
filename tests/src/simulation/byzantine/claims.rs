//! False claims of a stolen device: about tickets, gates, and the attempts of others.

use super::Thief;
use usher_domain::ids::{AttemptId, DeviceId, GateId, SessionId, TicketId};
use usher_domain::numbers::{AccessNumber, TypeNumber};
use usher_domain::record::{Abort, Body, Direction, Outcome, Scan, Yield};
use usher_domain::verdict::Reason;

impl Thief {
    /// What it writes of a ticket, and whether that is a lie about the ticket or the gate. `others` are
    /// attempts that it heard of.
    pub(super) fn writes(
        &mut self,
        session: SessionId,
        ticket: TicketId,
        gates: &[GateId],
        others: &[(DeviceId, AttemptId)],
    ) -> (Body, bool) {
        let scan = self.scan(session, ticket);
        let entry = Scan {
            direction: Direction::Entry,
            ..scan.clone()
        };
        let other = self.dice.usize(..others.len().max(1));
        let other = others.get(other).copied();
        let gate = gates.get(self.dice.usize(..gates.len().max(1))).copied();
        match self.dice.u8(..10) {
            0 => {
                let entries = Some(60_000);
                (Body::Scan(Scan { entries, ..entry }), true)
            }
            1 => {
                let type_number = Some(TypeNumber::new(9_999));
                (
                    Body::Scan(Scan {
                        type_number,
                        ..entry
                    }),
                    true,
                )
            }
            2 => {
                let access = Some(AccessNumber::new(self.dice.u32(1_000_000..)));
                (Body::Scan(Scan { access, ..entry }), true)
            }
            3 => {
                let lie = Scan {
                    honours: Some(SessionId::from_bytes([9; 16])),
                    reason: Reason::Honoured,
                    ..entry
                };
                (Body::Scan(lie), true)
            }
            4 => {
                // Gates are open in some evenings, and then it may be true.
                let free = Scan {
                    gate,
                    reason: Reason::FreeFlow,
                    ..scan
                };
                (Body::Scan(free), false)
            }
            5 => {
                let attempt = other.map_or(scan.attempt, |(_, attempt)| attempt);
                let outcome = if self.dice.bool() {
                    Outcome::Refuse
                } else {
                    Outcome::Refer
                };
                let ends = Scan {
                    attempt,
                    outcome,
                    reason: Reason::HomeSilent,
                    takes_over: Some(attempt),
                    ..scan
                };
                (Body::Scan(ends), false)
            }
            6 => {
                let abort = Abort {
                    attempt: other.map_or(scan.attempt, |(_, attempt)| attempt),
                    session,
                    subject: scan.subject,
                };
                (Body::Abort(abort), false)
            }
            7 => {
                let (to, attempt) = other.unwrap_or((self.id, scan.attempt));
                let held = Yield {
                    attempt,
                    to,
                    gate,
                    session,
                    subject: scan.subject,
                };
                (Body::Yield(held), false)
            }
            8 => {
                let reason = Reason::Cancelled;
                (Body::Scan(Scan { reason, ..entry }), false)
            }
            _ => (Body::Scan(scan), false),
        }
    }
}
