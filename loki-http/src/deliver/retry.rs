//! Trying again, at growing distances.

use super::client::Error;
use std::future::Future;
use std::time::Duration;

/// The wait behind the first failure; it doubles with every further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Tries `attempt` up to `most` times, until it succeeds or fails for good.
pub(super) async fn retry<F>(most: u32, mut attempt: impl FnMut() -> F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..most {
        match attempt().await {
            Err(error) if error.is_worth_a_retry() => tracing::debug!(%error, "delivery failed; trying again"),
            done => return done,
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    attempt().await
}
