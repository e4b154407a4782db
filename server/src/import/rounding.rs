//! Files whose long numbers a spreadsheet rounded.

use super::columns::Column;
use super::dialect::Layout;
use super::fields::{Rounding, may_be_rounded};
use super::report::{BadLine, BadReason};
use super::ticket::ImportedTicket;

/// Finds files whose long numbers went through a spreadsheet, which keeps 15 digits: a single number may end
/// in zeros by chance, three out of three hardly.
#[derive(Default)]
pub(super) struct RoundedNumbers {
    possible: usize,
    excluded: usize,
}

impl RoundedNumbers {
    /// Looks at the barcode of one ticket.
    pub(super) fn count(&mut self, ticket: &ImportedTicket) {
        match ticket
            .code
            .as_ref()
            .map(|code| may_be_rounded(code.reveal()))
        {
            Some(Rounding::Possible) => self.possible += 1,
            Some(Rounding::Excluded) => self.excluded += 1,
            Some(Rounding::TooShort) | None => {}
        }
    }

    /// Moves the tickets whose barcodes lost digits to the bad lines.
    pub(super) fn refuse(
        &self,
        layout: &Layout,
        tickets: &mut Vec<ImportedTicket>,
        bad: &mut Vec<BadLine>,
    ) {
        if self.possible < 3 || self.excluded > 0 {
            return;
        }
        let rounded = |ticket: &mut ImportedTicket| {
            ticket
                .code
                .as_ref()
                .is_some_and(|code| may_be_rounded(code.reveal()) == Rounding::Possible)
        };
        bad.extend(tickets.extract_if(.., rounded).map(|ticket| BadLine {
            place: ticket.place,
            column: layout.header(Column::Barcode),
            reason: BadReason::DamagedNumber,
        }));
        bad.sort_by(|a, b| a.place.cmp(&b.place));
    }
}
