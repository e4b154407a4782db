//! Lines that stand for several people.
//!
//! A quantity beside one barcode is how often it enters where the line is all that there is of its order. Where
//! an order has several lines, its quantity may be that of the order, told on each: then somebody must say.

use super::columns::Column;
use super::report::Warning;
use super::{Import, ImportedTicket, Source};
use std::collections::HashMap;

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
    let (mut several, mut unclear) = (0, 0);
    for ticket in &mut import.tickets {
        let Some(quantity) = ticket.quantity else {
            continue;
        };
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
