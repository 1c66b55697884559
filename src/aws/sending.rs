//! What `pack send` asks for, and what came of it.

use std::num::NonZeroU32;

use crate::error::Error;

/// Messages that are to be on a queue.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The queue's name or URL.
    pub queue: String,
    /// How many messages.
    pub count: u64,
    /// What is in each; none for `{"number": N}`.
    pub body: Option<String>,
    /// Batches that are on their way at once.
    pub concurrency: u32,
    /// Messages a second at most.
    pub rate: Option<NonZeroU32>,
}

/// What came of it.
#[derive(Debug)]
pub struct Sent {
    /// The queue's URL.
    pub url: String,
    /// Messages that the queue has taken.
    pub sent: u64,
    /// Entries of batches that it did not take the first time.
    pub retried: u64,
    /// Messages that may be there twice: the answer to their batch was lost, and they were sent again.
    pub maybe_twice: u64,
    /// Why the rest was not sent.
    pub failure: Option<Error>,
}
