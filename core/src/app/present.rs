//! What an input delivered: a ticket, a staff badge, an enrollment code, or anything else.

use super::{App, OperatorView, ScanInput, ScanView};
use crate::gate::Party;
use crate::sync::Timer;
use serde::Serialize;
use usher_domain::code::unwrapped;
use usher_domain::document::{badge, enrollment};
use usher_domain::secret::Private;

/// What came of one presented text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PresentedView {
    /// It was scanned: one verdict, or one for each ticket of the order.
    Scanned(Vec<ScanView>),
    /// It was the badge of somebody who may work here, and who is signed in now.
    SignedIn(OperatorView),
}

/// What a text is by its beginning, after what scanners put around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Badge,
    EnrollmentCode,
    /// A ticket, or nothing that is known.
    Ticket,
}

impl Kind {
    pub(super) fn of(text: &Private) -> Self {
        let text = unwrapped(text.reveal());
        if text.starts_with(badge::PREFIX) {
            Self::Badge
        } else if text.starts_with(enrollment::PREFIX) {
            Self::EnrollmentCode
        } else {
            Self::Ticket
        }
    }
}

impl App {
    /// Takes what a scanner, a camera or a keyboard delivered as one text. It is data and never a command,
    /// whatever stands in it: a badge signs its owner in, and everything else gets a verdict. Neither confirms
    /// an instruction, takes a scan back or overrides a verdict; for those a shell has inputs of its own.
    pub async fn present(
        &self,
        input: ScanInput,
        party: Party,
        timer: &impl Timer,
    ) -> PresentedView {
        let text = input.text.clone();
        let refused = match Kind::of(&text) {
            Kind::Badge => match self.sign_in(&Private::new(unwrapped(text.reveal()))) {
                Ok(operator) => return PresentedView::SignedIn(operator),
                Err(error) => Some(error),
            },
            Kind::EnrollmentCode | Kind::Ticket => None,
        };
        let mut views = match party {
            Party::One => vec![self.claim_scan(input, timer).await],
            Party::Order => self.claim_scan_order(input, timer).await,
        };
        if let (Some(view), Some(error)) = (views.first_mut(), refused) {
            view.message = format!("A staff badge that does not sign in: {}.", error.message);
        }
        PresentedView::Scanned(views)
    }
}
