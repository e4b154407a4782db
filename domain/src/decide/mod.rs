//! Deciding: what was shown, what is known of it, and the circumstances make one verdict.
//!
//! Pure and total: the same arguments give the same verdict, and every argument gives one. The steps
//! stand in one order; the first that objects gives the verdict. A refusal always wins over a referral,
//! so no supervisor is called for a ticket that cannot enter anyway.
//!
//! | step | verdicts | why here |
//! | --- | --- | --- |
//! | free flow | admit | the gate is open: nothing is asked, and nothing counts as an entry |
//! | genuine? | malformed, forged | what is not the organizer's says nothing else |
//! | whose? | wrong event, wrong session, unknown | a ticket for elsewhere is told where, whatever else ails it here |
//! | state | cancelled, superseded, blocked | what nobody at the door can mend comes first: a newer code of a cancelled ticket is none either, and an old code is not told what the new one is waiting for |
//! | time | not yet valid, no longer valid | of no interest for a ticket that never enters |
//! | place | wrong zone | worth a walk only at the right time |
//! | history | inside, exit required, entries used up | says most about other people, so it comes after what concerns this ticket alone |
//! | elsewhere | being let through | another gate is letting the ticket through right now; it may end either way |
//! | capacity | full | everything about the ticket is right; only a headcount confirmed by the authority refuses, a local one is a caution |
//! | attendance | refer: nobody is signed in where the rules require an operator, or the device stands at no gate and the ticket opens certain zones only | what no look at the ticket mends |
//! | doubts | refer: an attempt elsewhere that never ended, a type that nobody allowed yet, revoked key, unknown but signed, clock unproved, isolated or not home, stale set | in order of how much the ticket itself is in doubt |
//! | instruction | refer: check and confirm | last, so that nobody checks an identity in vain |
//!
//! A refusal for time under an unproved clock becomes a referral and takes its place among the doubts.
//!
//! Leaving asks less: who is known to be inside may leave, unless another gate lets the same ticket through
//! at this moment. Of the others, what is not genuine or
//! belongs elsewhere is refused as above, and so is a ticket with which nobody is inside, unless the
//! device is isolated: then the entry may have been at another gate and the exit is believed. Nobody is kept
//! inside for want of an operator or of a gate.

mod context;
mod doubts;
mod found;
mod look;
mod refusals;
mod shown;

pub use context::{Attendance, Connection, Context, Flow, Headcount, SetAge};
pub use found::{Elsewhere, Found, Known, Via};
pub use look::{Holdings, Honoured, Looked, look, look_honoured};
pub use shown::{Shown, SignedDate, Signer};

use crate::merge::state::SubjectState;
use crate::record::Direction;
use crate::session::SessionTerms;
use crate::verdict::{Admit, AdmitWhy, Caution, Refusal, Verdict};

/// Everything a verdict is made of.
struct Case<'a> {
    shown: &'a Shown,
    found: &'a Found<'a>,
    known: Known,
    history: &'a SubjectState,
    terms: &'a SessionTerms,
    context: &'a Context,
}

/// The verdict on one showing at a gate that serves the session of `terms`.
///
/// `history` is the merged state under the subject and unit that [`Known`] names for this session;
/// [`SubjectState::default`] if there is none.
#[must_use]
pub fn decide(
    shown: &Shown,
    found: &Found<'_>,
    history: &SubjectState,
    terms: &SessionTerms,
    context: &Context,
) -> Verdict {
    let case = Case {
        shown,
        found,
        known: Known::of(shown, found),
        history,
        terms,
        context,
    };
    match (context.flow, context.direction) {
        (Flow::Free, _) => admit(AdmitWhy::FreeFlow, Vec::new()),
        (Flow::Deciding, Direction::Entry) => case.enter(),
        (Flow::Deciding, Direction::Exit) => case.leave(),
    }
}

impl Case<'_> {
    fn enter(&self) -> Verdict {
        if let Some(refusal) = self.refuse() {
            return Verdict::Refuse(refusal);
        }
        if let Some(referral) = self.refer() {
            return Verdict::Refer(referral);
        }
        let why = if self.history.may_return.is_some() {
            AdmitWhy::BackAfterEveryoneOut
        } else if !self.is_listed() {
            AdmitWhy::UnknownSigned
        } else if self.context.honours.is_some() {
            AdmitWhy::Honoured
        } else {
            AdmitWhy::Listed
        };
        admit(why, self.cautions())
    }

    fn leave(&self) -> Verdict {
        let isolated = self.isolated();
        let refusal = match self.history.inside {
            Some(_) => None,
            None => self
                .not_genuine()
                .or_else(|| self.not_ours())
                .or_else(|| isolated.is_none().then_some(Refusal::NotInside)),
        };
        match (refusal.or_else(|| self.elsewhere_now()), self.open_doubt()) {
            (Some(refusal), _) => Verdict::Refuse(refusal),
            (None, Some(referral)) => Verdict::Refer(referral),
            (None, None) => {
                let cautions = isolated.map(|since| Caution::Isolated { since });
                admit(AdmitWhy::Exit, cautions.into_iter().collect())
            }
        }
    }
}

const fn admit(why: AdmitWhy, cautions: Vec<Caution>) -> Verdict {
    Verdict::Admit(Admit { why, cautions })
}

#[cfg(test)]
mod tests;
