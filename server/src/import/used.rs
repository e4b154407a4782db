//! Tickets that were let in before at the shop's own scanners: counted, and let in again or refused.

use super::report::Warning;
use super::ticket::{State, Used};
use super::{Import, ImportedTicket};
use std::collections::BTreeSet;

/// What becomes of tickets that were used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsedTickets {
    /// They are let in, and the report counts them.
    #[default]
    Admit,
    /// They are held back.
    Refuse,
}

/// Why they are held back, for the staff.
const REASON: &str = "used before at the shop's own scanners";

/// Counts the tickets that may enter and were used before, and holds them back if so asked; `lists` are the
/// shop's lists on which they were used.
pub(super) fn judge(import: &mut Import, used: UsedTickets, lists: &BTreeSet<String>) {
    let mut count = 0;
    let may_enter =
        |ticket: &&mut ImportedTicket| ticket.used == Used::Before && ticket.state == State::Valid;
    for ticket in import.tickets.iter_mut().filter(may_enter) {
        count += 1;
        if used == UsedTickets::Refuse {
            ticket.state = State::Blocked {
                reason: REASON.into(),
            };
        }
    }
    if count == 0 {
        return;
    }
    import.used_before = count;
    let lists = lists.iter().cloned().collect();
    import.warnings.push(match used {
        UsedTickets::Admit => Warning::UsedBefore { count, lists },
        UsedTickets::Refuse => Warning::UsedRefused { count, lists },
    });
}
