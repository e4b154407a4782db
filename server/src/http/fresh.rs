//! What anybody may ask for and costs something: made anew once a second at most, however many ask.

use std::future::Future;
use tokio::sync::Mutex;
use usher_domain::time::UnixMillis;

/// How long it is told again, in milliseconds.
pub(crate) const FRESH_MS: u64 = 1_000;

/// Something that is made when it is asked for and then told again for a second.
pub(crate) struct Fresh<T>(Mutex<Option<(UnixMillis, T)>>);

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Fresh<T> {
    /// What was made within the last second, or what is made now. Whoever asks meanwhile waits for that.
    pub(crate) async fn get<E>(
        &self,
        now: UnixMillis,
        make: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut held = self.0.lock().await;
        if let Some((at, told)) = &*held
            && now.get().abs_diff(at.get()) < FRESH_MS
        {
            return Ok(told.clone());
        }
        let made = make.await?;
        *held = Some((now, made.clone()));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    #[tokio::test]
    async fn it_is_made_once_a_second_and_a_failure_is_not_kept() {
        let made = AtomicU32::new(0);
        let fresh = Fresh::default();
        let get = async |now| {
            let make = async { Ok::<_, ()>(made.fetch_add(1, Ordering::SeqCst)) };
            fresh.get(now, make).await
        };
        assert_eq!(fresh.get(NOW, async { Err("broken") }).await, Err("broken"));
        assert_eq!(get(NOW).await, Ok(0));
        assert_eq!(get(NOW.shifted(999)).await, Ok(0));
        assert_eq!(get(NOW.shifted(1_000)).await, Ok(1));
        assert_eq!(get(NOW.shifted(-5_000)).await, Ok(2), "a clock set back");
    }
}
