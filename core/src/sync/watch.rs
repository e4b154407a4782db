//! Staying in step: one exchange after the other.

use super::error::SyncError;
use super::report::Report;
use super::retry::{Pauses, Timer, jittered};
use super::run::{Access, Memory, Parts, run};
use futures_util::future::select;
use std::ops::ControlFlow;
use std::pin::pin;
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

/// A device on duty gives a sign of life this often at least.
const DUTY_BEAT: Duration = Duration::from_secs(5);

/// Exchanges every `every`, with jitter, and sooner when somebody wants it; while the server cannot be
/// reached, less and less often. A device on duty exchanges every five seconds at least, and tries to. After
/// each, `tell` says whether to go on. It may be dropped at any moment.
pub async fn watch<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
    every: Duration,
    tell: &mut dyn FnMut(Watched) -> ControlFlow<()>,
) {
    let mut failures = 0;
    loop {
        let done = run(parts, memory).await;
        let on_duty = parts.store.with(|store| store.on_duty());
        let on_duty = on_duty.is_ok_and(|since| since.is_some());
        let (watched, pause) = match done {
            Ok(report) => {
                failures = 0;
                let every = if on_duty { every.min(DUTY_BEAT) } else { every };
                (Watched::Done(report), jittered(every, parts.entropy))
            }
            Err(error) => {
                failures += 1;
                let pauses = if on_duty {
                    Pauses::ON_DUTY
                } else {
                    Pauses::OFFLINE
                };
                let pause = pauses.after(failures, parts.entropy);
                let pause = if on_duty { pause } else { pause.max(every) };
                (Watched::Failed(error), pause)
            }
        };
        if tell(watched).is_break() {
            return;
        }
        let sleep = pin!(parts.timer.sleep(pause));
        select(sleep, pin!(parts.claims.exchange_wanted())).await;
    }
}
