use std::any::Any;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

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

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a payload that is no text").to_owned()
}
