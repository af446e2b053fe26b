//! Running one future on the current thread.

use std::future::Future;

/// Runs `fut` to its end on this thread, which drives the reactor whenever `fut` waits.
///
/// It can be called inside itself and on several threads at once; one of the threads drives for all.
///
/// Entering and leaving costs more than one turn inside: something that runs many tasks should be *one* future under
/// one `block_on`, not a loop of calls.
///
/// # Panics
///
/// The first use in a process starts the reactor, and panics if the system refuses it. A panic of `fut` comes out.
///
/// # Examples
///
/// ```
/// assert_eq!(anyio_reactor::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<F: Future>(fut: F) -> F::Output {
    async_io::block_on(fut)
}
