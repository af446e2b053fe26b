//! From a task into a worker thread.

use anyio_cancel_scope::RunRecord;
use anyio_sync::CapacityLimiter;

pub use crate::run_sync::{RunSync, run_sync};
use crate::threads::Threads;

/// The limiter of every [`run_sync`] that is given no other: 40 tokens, which can be changed.
///
/// Each `run` has one of its own, and so has what is outside of any `run`.
///
/// Mirrors [`current_default_thread_limiter`](https://anyio.readthedocs.io/en/stable/api.html#anyio.to_thread.current_default_thread_limiter).
///
/// # Examples
/// ```
/// use anyio_threads::to_thread;
///
/// anyio_runtime::run(async {
///     let limiter = to_thread::current_default_thread_limiter();
///     assert_eq!(limiter.total_tokens(), 40);
///     limiter.set_total_tokens(100);
/// });
/// ```
pub fn current_default_thread_limiter() -> CapacityLimiter {
    Threads::of(&RunRecord::current()).limiter.clone()
}
