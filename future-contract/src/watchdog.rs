//! Calls that have to come to an end: on a thread of their own, which is left behind when they hang.

use std::any::Any;
use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::panics::find_words;

/// How a watched call ended.
pub(crate) enum End<T> {
    Returned(T),
    Panicked(String),
    /// Its thread, and all that it owns, is left behind.
    Hung,
}

/// Calls `call` on a thread of its own, and waits no longer than `patience` for its end.
pub(crate) fn watch<T: Send + 'static>(patience: Duration, call: impl FnOnce() -> T + Send + 'static) -> End<T> {
    // Nothing is ever sent: the sender is dropped when the call returns, and also when it panics.
    let (running, end) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let _running = running;
        call()
    });
    match end.recv_timeout(patience) {
        Err(RecvTimeoutError::Timeout) => End::Hung,
        Ok(()) | Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Ok(value) => End::Returned(value),
            Err(payload) => End::Panicked(message(&*payload)),
        },
    }
}

/// How long [`ends`] waits: longer than any test takes on a machine that is busy.
const HANGS: Duration = Duration::from_secs(60);

/// Calls `test` on a thread of its own, and returns what it returns, or panics as it does.
///
/// # Panics
///
/// When it has not ended after a minute, with what `tells` knows then.
///
/// # Examples
///
/// ```
/// assert_eq!(anyio_future_contract::ends(|| 1 + 1, || "one thread adds".to_owned()), 2);
/// ```
#[track_caller]
pub fn ends<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static, tells: impl FnOnce() -> String) -> T {
    let (done, end) = mpsc::channel();
    let thread = thread::spawn(move || drop(done.send(test())));
    match end.recv_timeout(HANGS) {
        Ok(value) => value,
        Err(RecvTimeoutError::Disconnected) => panic::resume_unwind(thread.join().expect_err("it sent nothing")),
        Err(RecvTimeoutError::Timeout) => panic!("it hangs; {}", tells()),
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    find_words(payload).unwrap_or("a payload that is no text").to_owned()
}
