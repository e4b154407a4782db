//! Asking the server, and asking again.

use super::parts::Access;
use super::report::Progress;
use super::retry::{Attempts, Next, Pauses, Timer};
use super::run::Exchange;
use crate::clock::Reading;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::SyncApi;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Makes a request, and makes it again after pauses while that can help.
    pub(super) async fn ask<V, F>(&self, request: impl Fn() -> F) -> Result<V, Problem>
    where
        F: Future<Output = Result<V, Problem>>,
    {
        self.ask_timed(request).await.map(|(value, _, _)| value)
    }

    /// The same, with both clocks before and after the request that was answered.
    pub(super) async fn ask_timed<V, F>(
        &self,
        request: impl Fn() -> F,
    ) -> Result<(V, Reading, Reading), Problem>
    where
        F: Future<Output = Result<V, Problem>>,
    {
        let mut attempts = Attempts::new(Pauses::REQUEST);
        loop {
            let asked = self.parts.clock.read();
            let problem = match request().await {
                Ok(value) => return Ok((value, asked, self.parts.clock.read())),
                Err(problem) => problem,
            };
            match attempts.failed(&problem, self.parts.entropy) {
                Next::GiveUp => {
                    self.hear_of_revocation(&problem);
                    return Err(problem);
                }
                Next::AskAgain(pause) => {
                    let code = problem.code.as_str();
                    (self.parts.progress)(Progress::Waiting { pause, code });
                    self.parts.timer.sleep(pause).await;
                }
            }
        }
    }

    /// Whatever was asked: a device that was told of its revocation admits nobody any more. Over plain
    /// HTTP somebody else may have said so; then the gate refers, which is the safe side.
    fn hear_of_revocation(&self, problem: &Problem) {
        let enrolled = self.parts.store.with(|store| store.enrolled());
        let is_own = enrolled.is_ok_and(|(_, enrollment)| enrollment.device == self.device);
        if problem.code != Code::DeviceRevoked || !is_own {
            return;
        }
        let noted = self
            .now()
            .and_then(|(now, _)| self.parts.store.with(|store| store.note_revoked(now)));
        if let Err(error) = noted {
            tracing::error!(code = error.code(), "the revocation is not kept: {error}");
        }
    }
}

/// Lets others run, such as a scan that waits for the store.
pub(super) async fn breathe() {
    struct Breath(bool);

    impl Future for Breath {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            if self.0 {
                return Poll::Ready(());
            }
            self.0 = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    Breath(false).await;
}
