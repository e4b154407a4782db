//! How hard the barcodes of an import are to guess.

use super::Import;
use super::report::Warning;
use usher_domain::code::TicketCodeText;
use usher_domain::code::strength::{STRONG_BITS, bits_in_list};

/// Judges every barcode in the company of all others, and warns of weak ones.
pub(super) fn estimate(import: &mut Import) {
    let codes: Vec<&TicketCodeText> = import
        .tickets
        .iter()
        .filter_map(|ticket| ticket.code.as_ref())
        .collect();
    let bits = bits_in_list(&codes);
    let weak = bits.iter().filter(|bits| **bits < STRONG_BITS).count();
    if weak > 0 {
        import.warnings.push(Warning::WeakBarcodes {
            weak,
            all: bits.len(),
        });
    }
    let with_code = import.tickets.iter_mut().filter(|t| t.code.is_some());
    for (ticket, bits) in with_code.zip(bits) {
        ticket.bits = bits;
    }
}
