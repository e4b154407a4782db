//! Tickets that stand twice in one input.
//!
//! Lines that differ only in the session are one ticket, a pass written as a line a day. Of other lines of
//! one barcode the one counts that refuses, wherever it stands.

use super::report::{BadLine, BadReason, Place, Warning};
use super::{Import, ImportedTicket};
use std::collections::HashMap;
use usher_domain::hash::Hash;

/// Moves every ticket whose barcode or number stands elsewhere too to the bad lines.
pub(super) fn refuse_repeated(import: &mut Import) {
    let mut together = 0;
    let tickets = std::mem::take(&mut import.tickets);
    let mut kept = Kept::default();
    for ticket in tickets {
        match kept.of_code(&ticket) {
            Some(known) if differ_in_session(known, &ticket) => {
                together += 1;
                known.other_sessions.extend(ticket.session);
            }
            Some(known) => {
                let (first, second) = (known.place.clone(), ticket.place.clone());
                let repeated = if ticket.state.severity() > known.state.severity() {
                    *known = ticket;
                    (first, second)
                } else {
                    (second, first)
                };
                refuse(import, repeated, |first| BadReason::BarcodeRepeated {
                    first,
                });
            }
            None => kept.add(ticket),
        }
    }
    import.tickets = kept.tickets;
    refuse_numbers(import);
    import.bad.sort_by(|a, b| a.place.cmp(&b.place));
    if together > 0 {
        let count = together;
        import.warnings.push(Warning::LinesTogether { count });
    }
}

/// Tickets by their barcodes.
#[derive(Default)]
struct Kept {
    tickets: Vec<ImportedTicket>,
    /// Where each is, by the hash of its code: no code is kept a second time.
    by_code: HashMap<Hash, usize>,
}

impl Kept {
    fn of_code(&mut self, ticket: &ImportedTicket) -> Option<&mut ImportedTicket> {
        let index = *self.by_code.get(&hash_of(ticket)?)?;
        self.tickets.get_mut(index)
    }

    fn add(&mut self, ticket: ImportedTicket) {
        if let Some(hash) = hash_of(&ticket) {
            self.by_code.insert(hash, self.tickets.len());
        }
        self.tickets.push(ticket);
    }
}

fn hash_of(ticket: &ImportedTicket) -> Option<Hash> {
    let code = ticket.code.as_ref()?;
    Some(Hash::of(&[code.reveal().as_bytes()]))
}

/// Whether a line is that of a known ticket for one more session.
fn differ_in_session(known: &ImportedTicket, line: &ImportedTicket) -> bool {
    let is_new = |session| {
        known.session.as_ref() != Some(session) && !known.other_sessions.contains(session)
    };
    let same = |line: &ImportedTicket| ImportedTicket {
        place: known.place.clone(),
        session: None,
        other_sessions: Vec::new(),
        ..line.clone()
    };
    known.session.is_some()
        && line.session.as_ref().is_some_and(is_new)
        && same(known) == same(line)
}

/// Of several barcodes under one number the first counts.
fn refuse_numbers(import: &mut Import) {
    let mut seen: HashMap<Box<str>, Place> = HashMap::new();
    for ticket in std::mem::take(&mut import.tickets) {
        let Some(number) = &ticket.external else {
            import.tickets.push(ticket);
            continue;
        };
        match seen.get(number) {
            Some(first) => {
                let repeated = (ticket.place, first.clone());
                refuse(import, repeated, |first| BadReason::NumberRepeated {
                    first,
                });
            }
            None => {
                seen.insert(number.clone(), ticket.place.clone());
                import.tickets.push(ticket);
            }
        }
    }
}

fn refuse(
    import: &mut Import,
    (place, first): (Place, Place),
    reason: impl FnOnce(Place) -> BadReason,
) {
    import.bad.push(BadLine {
        place,
        column: None,
        reason: reason(first),
    });
}
