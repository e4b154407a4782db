//! Taking a scan back.

use super::{Gate, GateError, Means, moment};
use usher_domain::hash::Hash;
use usher_domain::log::Line;
use usher_domain::merge::next_stamp;
use usher_domain::record::{Body, Outcome, Undo};

impl Gate {
    /// Takes the admission of a record back: it counts as if it had never been. An undo is never undone.
    /// Returns the hash of its record, which is durable.
    ///
    /// # Errors
    /// [`GateError::NoSuchScan`], [`GateError::WrongKind`] for anything but an admission, and
    /// [`GateError::DoneBefore`].
    pub fn undo(&mut self, means: &mut Means<'_>, of: Hash) -> Result<Hash, GateError> {
        let moment = moment(means)?;
        let line = means.store.record(of)?.ok_or(GateError::NoSuchScan)?;
        let Body::Scan(scan) = &line.record.body else {
            return Err(GateError::WrongKind("an admission"));
        };
        if scan.outcome != Outcome::Admit {
            return Err(GateError::WrongKind("an admission"));
        }
        let lines = means
            .store
            .records_about(line.record.scope, &scan.subject)?;
        if lines.iter().any(|line| is_undo_of(line, of)) {
            return Err(GateError::DoneBefore);
        }
        let book = self.book(means.store)?;
        let (device, operator) = (book.device, book.operator(moment));
        let stamp = next_stamp(
            moment.reading.wall,
            moment.offset_ms,
            book.server_time,
            book.known_stamps(line.record.scope, &lines),
        );
        let body = Body::Undo(Undo {
            of,
            session: scan.session,
            subject: scan.subject,
            operator,
        });
        let scope = line.record.scope;
        let mut end = means.store.log_end(scope, device, means.entropy)?;
        let entry = end.append(stamp, body);
        let hash = entry.hash;
        means.store.append(scope, &[entry])?;
        tracing::info!(attempt = %scan.attempt, "undone");
        Ok(hash)
    }
}

fn is_undo_of(line: &Line, of: Hash) -> bool {
    matches!(&line.record.body, Body::Undo(undo) if undo.of == of)
}
