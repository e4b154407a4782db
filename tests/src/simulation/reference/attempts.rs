//! Attempts, as the records say: which ended, and which a home holds back.

use super::Records;
use usher_domain::ids::{AttemptId, DeviceId};
use usher_domain::record::{Body, Outcome, Subject};
use usher_domain::verdict::Reason;

impl Records<'_> {
    /// Whether a supervisor let somebody through with a ticket, in or out: that frees it from whatever another
    /// gate holds open.
    pub fn is_overridden(&self, ticket: Subject) -> bool {
        let own = self.sorted.values();
        let mut own = own.filter(|line| line.record.subject() == Some(ticket));
        own.any(|line| self.is_override(line))
    }

    /// Whether a record ended an attempt of a device: the device says that somebody went through or did not,
    /// or gives the attempt up, or an override takes its place.
    #[must_use]
    pub fn is_ended(&self, device: DeviceId, attempt: AttemptId) -> bool {
        let mut counted = self.sorted.values().filter(|line| self.counts(line));
        counted.any(|line| {
            let is_own = line.record.log.device == device;
            match &line.record.body {
                Body::Scan(scan) => {
                    (is_own && scan.attempt == attempt && scan.outcome != Outcome::Refer)
                        || (scan.takes_over == Some(attempt) && self.is_override(line))
                }
                Body::Abort(abort) => is_own && abort.attempt == attempt,
                _ => false,
            }
        })
    }

    /// Whether `home` promised to hold a ticket back for an attempt of another device of which nothing more
    /// is known.
    #[must_use]
    pub fn holds_back(&self, home: DeviceId, ticket: Subject) -> bool {
        // Under an attempt that its device referred nobody is let in, but after an instruction was checked.
        let referred = |device, attempt| {
            self.sorted.values().any(|line| {
                matches!(&line.record.body, Body::Scan(scan)
                    if line.record.log.device == device
                        && scan.attempt == attempt
                        && scan.outcome == Outcome::Refer
                        && scan.reason != Reason::Instruction)
            })
        };
        let overrides = self
            .sorted
            .values()
            .any(|line| line.record.subject() == Some(ticket) && self.is_override(line));
        self.sorted.values().any(|line| match &line.record.body {
            Body::Yield(held) => {
                line.record.log.device == home
                    && line.record.subject() == Some(ticket)
                    && held.to != home
                    && !self.is_ended(held.to, held.attempt)
                    && !referred(held.to, held.attempt)
                    && !overrides
            }
            _ => false,
        })
    }
}
