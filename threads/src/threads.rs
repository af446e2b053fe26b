//! What a `run` has of this crate: its worker threads and its default limiter.

use std::sync::Arc;

use anyio_cancel_scope::RunRecord;
use anyio_runtime::host;
use anyio_sync::CapacityLimiter;

use crate::pool::{Pool, System};

/// How many closures run at once, unless another limiter is given.
const DEFAULT_TOKENS: usize = 40;

/// One for each `run`, and one for what is outside of any.
pub(crate) struct Threads {
    pub(crate) pool: Arc<Pool>,
    pub(crate) limiter: CapacityLimiter,
}

impl Threads {
    /// Those of `run`.
    pub(crate) fn of(run: &RunRecord) -> Arc<Self> {
        if let Some(threads) = run.find() {
            return threads;
        }
        // What is outside of any `run` has no end, and nobody who would take a panic.
        let ends = host::is_run(run);
        let new = Arc::new(Pool::new(ends, System::default()));
        let threads = run.entry(|| Self { pool: new.clone(), limiter: CapacityLimiter::new(DEFAULT_TOKENS) });
        // Another thread may have been faster.
        if ends && Arc::ptr_eq(&threads.pool, &new) {
            host::end_with(run, new);
        }
        threads
    }
}
