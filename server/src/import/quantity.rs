//! Lines that stand for several people.
//!
//! A quantity beside one barcode is how often it enters where the line is all that there is of its order. Where
//! an order has several lines, its quantity may be that of the order, told on each: then somebody must say.
//! A line for nobody is a ticket that was taken back.

use super::columns::Column;
use super::report::Warning;
use super::{Import, ImportedTicket, Source, State, Text};
use std::collections::HashMap;

/// Why a ticket is refused that is for nobody.
const FOR_NOBODY: &str = "its quantity is 0";

/// Takes quantities over as entries where they are clear, and tells of the others.
pub(super) fn judge(import: &mut Import) {
    let mut lines: HashMap<Box<str>, u32> = HashMap::new();
    for order in import
        .tickets
        .iter()
        .filter_map(|ticket| ticket.order.as_ref())
    {
        *lines.entry(order.clone()).or_default() += 1;
    }
    let is_alone = |ticket: &ImportedTicket| {
        let order = ticket.order.as_ref();
        order.is_some_and(|order| lines.get(order) == Some(&1))
    };
    let (mut several, mut unclear, mut nobody) = (0, 0, 0);
    let for_nobody = Text::from(FOR_NOBODY);
    for ticket in &mut import.tickets {
        let Some(quantity) = ticket.quantity else {
            continue;
        };
        if quantity == 0 {
            nobody += 1;
            if !matches!(ticket.state, State::Cancelled { .. }) {
                let reason = Text::clone(&for_nobody);
                ticket.state = State::Cancelled { reason };
            }
            continue;
        }
        if quantity == 1 {
            continue;
        }
        // A column of entries says more.
        if ticket.entries.is_some() {
            continue;
        }
        if is_alone(ticket) {
            ticket.entries = Some(quantity.into());
            several += 1;
        } else {
            unclear += 1;
        }
    }
    if nobody > 0 {
        let (count, header) = (nobody, header(import));
        import.warnings.push(Warning::ForNobody { count, header });
    }
    if several > 0 {
        import
            .warnings
            .push(Warning::SeveralPeople { count: several });
    }
    if unclear > 0 {
        let count = unclear;
        let header = header(import);
        import
            .warnings
            .push(Warning::QuantityUnclear { count, header });
    }
}

fn header(import: &Import) -> String {
    let Source::Csv(found) = &import.source else {
        return String::new();
    };
    let mut columns = found.columns.iter();
    let column = columns.find(|found| found.column == Column::Quantity);
    column.map_or_else(String::new, |column| match &column.header {
        Some(header) => header.to_string(),
        None => column.number.to_string(),
    })
}
