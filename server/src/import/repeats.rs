//! Tickets that stand twice in one input.

use super::report::{BadLine, BadReason, Place};
use super::{Import, ImportedTicket};
use std::collections::HashMap;

/// Moves every ticket whose barcode or number stood before to the bad lines.
pub(super) fn refuse_repeated(import: &mut Import) {
    let by_code = repeated(&import.tickets, |ticket| {
        ticket.code.as_ref().map(|code| code.reveal())
    });
    let by_number = repeated(&import.tickets, |ticket| ticket.external.as_deref());
    if by_code.is_empty() && by_number.is_empty() {
        return;
    }
    let tickets = std::mem::take(&mut import.tickets);
    for (index, ticket) in tickets.into_iter().enumerate() {
        let reason = match (by_code.get(&index), by_number.get(&index)) {
            (Some(first), _) => BadReason::BarcodeRepeated {
                first: first.clone(),
            },
            (None, Some(first)) => BadReason::NumberRepeated {
                first: first.clone(),
            },
            (None, None) => {
                import.tickets.push(ticket);
                continue;
            }
        };
        import.bad.push(BadLine {
            place: ticket.place,
            column: None,
            reason,
        });
    }
    import.bad.sort_by(|a, b| a.place.cmp(&b.place));
}

/// The tickets (by index) whose key stood before, and where it stood first.
fn repeated<'t>(
    tickets: &'t [ImportedTicket],
    key: impl Fn(&'t ImportedTicket) -> Option<&'t str>,
) -> HashMap<usize, Place> {
    let mut seen: HashMap<&str, &Place> = HashMap::with_capacity(tickets.len());
    let mut repeated = HashMap::new();
    for (index, ticket) in tickets.iter().enumerate() {
        let Some(key) = key(ticket) else { continue };
        match seen.get(key) {
            Some(first) => {
                repeated.insert(index, (*first).clone());
            }
            None => {
                seen.insert(key, &ticket.place);
            }
        }
    }
    repeated
}
