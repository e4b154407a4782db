//! Scanning with claims.

use super::{App, ScanInput, ScanView};
use crate::gate::{Asking, Party, ScanRequest, ask};
use crate::sync::Timer;

impl App {
    /// Answers one showing, after asking the scope's authority where that can matter and the line to it is
    /// good. There is always a verdict; without an answer in time it is this device's own.
    pub async fn claim_scan(&self, input: ScanInput, timer: &impl Timer) -> ScanView {
        let mut views = self.claim(input.clone(), Party::One, timer).await;
        // There is one answer; if there were none, a verdict is owed all the same.
        views.pop().unwrap_or_else(|| self.scan(input))
    }

    /// Answers the showing of one ticket for all tickets of its order, the one shown first, as
    /// [`Self::claim_scan`] does: each ticket is claimed by itself, all at once.
    pub async fn claim_scan_order(&self, input: ScanInput, timer: &impl Timer) -> Vec<ScanView> {
        self.claim(input, Party::Order, timer).await
    }

    async fn claim(&self, input: ScanInput, party: Party, timer: &impl Timer) -> Vec<ScanView> {
        let Ok(connection) = self.connection() else {
            return match party {
                Party::One => vec![self.scan(input)],
                Party::Order => self.scan_order(input),
            };
        };
        let text = input.text.clone();
        let asking = Asking {
            api: &*connection,
            channel: connection.channel(),
            gate: self,
            timer,
            clock: &*self.clock,
            entropy: &*self.entropy,
            claims: &self.claims,
        };
        let answers = ask(&asking, ScanRequest::from(input), party).await;
        answers
            .into_iter()
            .map(|answer| ScanView::of(answer, &text))
            .collect()
    }
}
