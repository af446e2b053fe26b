//! Running one future on the current thread.

use std::future::Future;

use crate::driver::driver;

/// Runs `fut` to its end on this thread, which drives the reactor whenever `fut` waits.
///
/// It can be called inside itself and on several threads at once; one of the threads drives for all.
///
/// Entering and leaving costs more than one turn inside: something that runs many tasks should be *one* future under
/// one `block_on`, not a loop of calls.
///
/// # Panics
///
/// The first use in a process starts the reactor, which has a thread of its own, and panics if the system refuses it: `fut` has
/// not been polled then. A panic of `fut` comes out.
///
/// # Examples
///
/// ```
/// assert_eq!(anyio_reactor::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<F: Future>(fut: F) -> F::Output {
    // A panic for want of a thread inside of async-io's would be two, as it asks for one again on its way out.
    driver();
    async_io::block_on(fut)
}
