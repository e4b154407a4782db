//! Staying in step: one exchange after the other.

use super::error::SyncError;
use super::report::Report;
use super::retry::{Pauses, Timer, jittered};
use super::run::{Access, Memory, Parts, run};
use std::ops::ControlFlow;
use std::time::Duration;
use usher_domain::protocol::SyncApi;

/// What one exchange of a watch came to.
#[derive(Debug)]
pub enum Watched {
    /// Device and server are in step, or the report says where not.
    Done(Report),
    /// It ended early.
    Failed(SyncError),
}

/// Exchanges every `every`, with jitter; while the server cannot be reached, less and less often. After
/// each, `tell` says whether to go on. It may be dropped at any moment.
pub async fn watch<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
    every: Duration,
    tell: &mut dyn FnMut(Watched) -> ControlFlow<()>,
) {
    let mut failures = 0;
    loop {
        let (watched, pause) = match run(parts, memory).await {
            Ok(report) => {
                failures = 0;
                (Watched::Done(report), jittered(every, parts.entropy))
            }
            Err(error) => {
                failures += 1;
                let pause = Pauses::OFFLINE.after(failures, parts.entropy).max(every);
                (Watched::Failed(error), pause)
            }
        };
        if tell(watched).is_break() {
            return;
        }
        parts.timer.sleep(pause).await;
    }
}
