//! The timers of the whole process: one wheel, a waker per timer.
//!
//! A timer is a deadline and a waker. [`arm`] puts both into the wheel and returns a small key; from then on exactly
//! one of two things happens: the waker is woken once, when the deadline has passed, or [`disarm`] hands it back.
//!
//! * **Lateness.** Never early. The wheel turns in steps of 1 ms, and a deadline is rounded up to the next step, so a
//!   timer is up to 1 ms late, plus what the operating system and the thread that drives the reactor need.
//! * **Order.** Timers that are due together are woken in the order of their steps.
//! * **Locks.** One short lock per call, and no foreign code runs under it: wakers are not cloned, woken or dropped
//!   there. None of these functions wakes anything, not even for a deadline that lies in the past.
//! * **Cost.** No allocation once the pool of nodes has grown (it never shrinks), no clock read. The system is told
//!   only when a deadline becomes the earliest of all.
//! * **Wakers** are woken on the thread that drives the reactor, while async-io holds the lock that gives it that
//!   right. A waker must therefore neither block nor drive a reactor. It may call every function of this module. One
//!   that panics is caught, and the other timers fire all the same.

use std::task::Waker;
use std::time::Instant;

use crate::driver::driver;

pub use crate::wheel::TimerKey;

/// Arms a timer: `waker` is woken once, as soon as `deadline` has passed.
///
/// A deadline that already lies in the past fires from the reactor's thread like any other, never from inside this
/// call. A key that is forgotten leaves its timer armed until it fires.
///
/// # Panics
///
/// The first use in a process starts the reactor, and panics if the system refuses it.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::task::{Wake, Waker};
/// use std::thread::{self, Thread};
/// use std::time::{Duration, Instant};
///
/// use anyio_reactor::timer;
///
/// struct Unpark(Thread);
///
/// impl Wake for Unpark {
///     fn wake(self: Arc<Self>) {
///         self.0.unpark();
///     }
/// }
///
/// let deadline = Instant::now() + Duration::from_millis(2);
/// timer::arm(deadline, Waker::from(Arc::new(Unpark(thread::current()))));
/// while Instant::now() < deadline {
///     thread::park();
/// }
/// ```
#[must_use = "a timer whose key is lost cannot be disarmed"]
pub fn arm(deadline: Instant, waker: Waker) -> TimerKey {
    driver().arm(deadline, waker)
}

/// Moves a timer to another deadline, earlier or later, and says whether it was still armed.
///
/// `false` means that the timer has fired or was disarmed; nothing is revived.
pub fn rearm(key: TimerKey, deadline: Instant) -> bool {
    driver().rearm(key, deadline)
}

/// Gives a timer another waker.
///
/// The old waker comes back, so that the caller can drop it where it holds no lock.
///
/// # Errors
///
/// When the timer has fired or was disarmed, `waker` itself comes back.
pub fn replace_waker(key: TimerKey, waker: Waker) -> Result<Waker, Waker> {
    driver().replace_waker(key, waker)
}

/// Disarms a timer and returns its waker, which will not be woken by it any more.
///
/// `None` means that the timer has fired (its waker was woken, or is about to be by another thread) or had been
/// disarmed before.
pub fn disarm(key: TimerKey) -> Option<Waker> {
    driver().disarm(key)
}
