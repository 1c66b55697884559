//! How fast calls are made: so many at once, and those of Lambda's control plane no faster than it takes them.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (API requests: 15 a second, `GetFunction` 100).

use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use crate::deploy::Call;

/// Between two calls of Lambda's control plane.
const APART: Duration = Duration::from_millis(67);

/// Parts of uploads at once.
const PARTS: usize = 4;

#[derive(Debug)]
pub(super) struct Pace {
    at_once: Semaphore,
    /// Parts of uploads, which are held in memory.
    parts: Semaphore,
    /// When the next call of the control plane may be made.
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(at_once: usize) -> Self {
        Self { at_once: Semaphore::new(at_once), parts: Semaphore::new(PARTS), next: Mutex::new(Instant::now()) }
    }

    /// Waits until a part of an upload may be read.
    pub(super) async fn part(&self) -> Option<SemaphorePermit<'_>> {
        self.parts.acquire().await.ok()
    }

    /// Waits until a call may be made; it is over when what is given back is dropped.
    pub(super) async fn turn(&self, call: Call) -> Option<SemaphorePermit<'_>> {
        // A semaphore that nobody closes always gives a permit.
        let permit = self.at_once.acquire().await.ok();
        if call.action().starts_with("lambda:") && call != Call::GetFunction {
            let mut next = self.next.lock().await;
            let now = Instant::now().max(*next);
            *next = now + APART;
            drop(next);
            sleep_until(now).await;
        }
        permit
    }
}
