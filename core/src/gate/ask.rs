//! Scanning with claims: decide here, ask the authority within the budget, write, answer.

use super::answer::{Answer, Asked, ScanRequest};
use super::claim::{Claim, Question};
use super::duty::drop_own;
use super::explain::open_of;
use super::scan::{Party, Prepared};
use super::{Gate, Means};
use crate::claims::{Claims, Line, Making};
use crate::clock::{Clock, Entropy};
use crate::http::Channel;
use crate::store::StoreError;
use crate::sync::Timer;
use futures_util::future::{Either, join_all, select};
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use usher_domain::ids::AttemptId;
use usher_domain::log;
use usher_domain::problem::{Code, Problem, Retry};
use usher_domain::protocol::SyncApi;
use usher_domain::protocol::claim::{CLAIM_BUDGET_MS, ClaimAnswer, ClaimRequest};

/// Reaches a gate for a moment. It is never held while a claim waits for its answer, so other scans and
/// exchanges go on meanwhile.
pub trait AtGate {
    /// Works at the gate.
    fn at_gate<T>(&self, work: impl FnOnce(&mut Gate, &mut Means<'_>) -> T) -> T;
}

/// What scanning with claims is made of.
pub struct Asking<'p, A, G, T> {
    /// The server.
    pub api: &'p A,
    /// What its answers prove. Without proof nobody is asked: anybody could confirm anything.
    pub channel: Channel,
    /// The gate.
    pub gate: &'p G,
    /// Waits.
    pub timer: &'p T,
    /// The device's clock.
    pub clock: &'p (dyn Clock + Sync),
    /// Random bytes.
    pub entropy: &'p (dyn Entropy + Sync),
    /// The claims of this process.
    pub claims: &'p Claims,
}

/// Answers one showing, or that of a whole order, after asking the authority where that can matter. There
/// is always a verdict, at the latest a little after the budget. If this is dropped, nobody was let in;
/// what was reserved is given up with the next exchange.
pub async fn ask<A: SyncApi, G: AtGate, T: Timer>(
    with: &Asking<'_, A, G, T>,
    request: ScanRequest,
    party: Party,
) -> Vec<Answer> {
    let may_ask =
        with.channel == Channel::Authentic && with.claims.line(with.clock.read()) == Line::Good;
    let (prepared, questions) = with.gate.at_gate(|gate, means| {
        let prepared = gate.prepare(means, request, party);
        let questions = if may_ask {
            questions(gate, means, &prepared)
        } else {
            Vec::new()
        };
        (prepared, questions)
    });
    // As long as these live, nobody gives the attempts up.
    let _made: Vec<Making<'_>> = questions
        .iter()
        .map(|question| {
            with.claims
                .begin(question.request.attempt, question.subject)
        })
        .collect();
    let claims = with.claim_all(&questions, &prepared).await;
    with.gate
        .at_gate(|gate, means| gate.finish(means, prepared, &claims))
}

/// A store that cannot be read now asks nobody; what is wrong with it shows when the record is written.
fn questions(gate: &mut Gate, means: &mut Means<'_>, prepared: &Prepared) -> Vec<Question> {
    gate.questions(means, prepared).unwrap_or_else(|error| {
        tracing::warn!(code = error.code(), "nobody is asked: {error}");
        Vec::new()
    })
}

impl<A: SyncApi, G: AtGate, T: Timer> Asking<'_, A, G, T> {
    /// Asks all questions at once, each for as long as the budget lasts.
    async fn claim_all(
        &self,
        questions: &[Question],
        prepared: &Prepared,
    ) -> BTreeMap<AttemptId, Claim> {
        if questions.is_empty() {
            return BTreeMap::new();
        }
        let asked = questions
            .iter()
            .map(|question| self.within_budget(question, prepared));
        let claims: Vec<Claim> = join_all(asked).await;
        let is_bad = |claim: &Claim| matches!(claim.asked, Asked::Late | Asked::Failed);
        if claims.iter().any(is_bad) {
            self.claims.failed(self.clock.read(), self.entropy);
        } else {
            self.claims.answered();
        }
        let attempts = questions.iter().map(|question| question.request.attempt);
        attempts.zip(claims).collect()
    }

    async fn within_budget(&self, question: &Question, prepared: &Prepared) -> Claim {
        let claim = pin!(self.claim(question, prepared));
        let budget = Duration::from_millis(CLAIM_BUDGET_MS);
        match select(claim, pin!(self.timer.sleep(budget))).await {
            Either::Left((claim, _)) => claim,
            // What the authority grants from now on, the device's own record ends.
            Either::Right(_) => Claim::without_word(Asked::Late),
        }
    }

    async fn claim(&self, question: &Question, prepared: &Prepared) -> Claim {
        let answer = self.api.claim(question.request.clone()).await;
        let Some(again) = self.after_own(question, prepared, &answer) else {
            return self.read(answer);
        };
        let answer = self.api.claim(again).await;
        self.read(answer)
    }

    /// If what stands in the way is an attempt of this very device that a process before this one did not
    /// end, it is given up, and the claim is made once more.
    fn after_own(
        &self,
        question: &Question,
        prepared: &Prepared,
        answer: &Result<ClaimAnswer, Problem>,
    ) -> Option<ClaimRequest> {
        let Ok(ClaimAnswer::Decided(decided)) = answer else {
            return None;
        };
        let open = open_of(&decided.verdict)?;
        let again = self.gate.at_gate(|gate, means| {
            if !drop_own(means, self.claims, question, open)? {
                return Ok(None);
            }
            let mut questions = gate.questions(means, prepared)?.into_iter();
            Ok(questions.find(|again| again.request.attempt == question.request.attempt))
        });
        let again = again.unwrap_or_else(|error: StoreError| {
            tracing::warn!(code = error.code(), "no attempt is given up: {error}");
            None
        });
        again.map(|question| question.request)
    }

    fn read(&self, answer: Result<ClaimAnswer, Problem>) -> Claim {
        match answer {
            Ok(ClaimAnswer::Decided(decided)) => Claim::decided(decided),
            Ok(ClaimAnswer::Ended { record }) => match log::Line::read(&record) {
                Ok(line) => Claim::ended_by(line),
                Err(_) => Claim::without_word(Asked::Failed),
            },
            Ok(ClaimAnswer::Behind) => {
                self.claims.want_exchange();
                Claim::without_word(Asked::Behind)
            }
            Ok(ClaimAnswer::NotAuthority { .. }) => {
                self.claims.want_exchange();
                Claim::without_word(Asked::NotAuthority)
            }
            Err(problem) => {
                tracing::info!(code = problem.code.as_str(), "a claim failed");
                self.hear_of_revocation(&problem);
                match problem.retry() {
                    Retry::Later => Claim::without_word(Asked::Failed),
                    // Asking again has no sense, but the line is not bad.
                    Retry::Never | Retry::AfterSignIn => Claim::without_word(Asked::Refused),
                }
            }
        }
    }

    fn hear_of_revocation(&self, problem: &Problem) {
        if problem.code != Code::DeviceRevoked {
            return;
        }
        let noted = self.gate.at_gate(|_, means| {
            let now = super::moment(means)?.now;
            means.store.note_revoked(now)
        });
        // The exchange removes from the disk what was held until now.
        self.claims.want_exchange();
        if let Err(error) = noted {
            tracing::error!(code = error.code(), "the revocation is not kept: {error}");
        }
    }
}
