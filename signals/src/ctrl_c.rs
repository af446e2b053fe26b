//! Ctrl-C, in one word.

use std::{
    future::Future,
    io,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{Signal, SignalReceiver, receiver::open_at, turn::Turn};

/// Waits for Ctrl-C: the next `SIGINT` from the first poll on.
///
/// While it waits, the signal ends nothing. When it is done or dropped, the previous disposition is back, so a second
/// Ctrl-C ends the program as usual. To hold Ctrl-C from an earlier moment on, or from one wait to the next, open a
/// [receiver](crate::open_signal_receiver).
///
/// # Errors
/// [`Cancelled`](anyio_cancel_scope::Cancelled) inside of an [`io::Error`] in an effectively cancelled scope. What
/// [`open_signal_receiver`](crate::open_signal_receiver) fails with.
///
/// # Panics
/// The first use in a process starts the reactor, and panics if the system refuses it.
///
/// # Cancel safety
/// Dropped after a Ctrl-C that it has not returned yet, that one is lost.
///
/// # Examples
/// ```no_run
/// # async fn f() -> std::io::Result<()> {
/// anyio_signals::ctrl_c().await?;
/// println!("good bye");
/// # Ok(()) }
/// ```
#[track_caller]
pub fn ctrl_c() -> CtrlC {
    let place = Location::caller();
    CtrlC { turn: Turn::new(&"ctrl_c", place), place, receiver: None }
}

/// The future of [`ctrl_c`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct CtrlC {
    turn: Turn,
    place: &'static Location<'static>,
    receiver: Option<SignalReceiver>,
}

impl Future for CtrlC {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.turn.poll_entry(cx))?;
        let receiver = match &mut this.receiver {
            Some(receiver) => receiver,
            none => none.insert(open_at(&[Signal::INT], this.place)?),
        };
        let taken = ready!(this.turn.poll(receiver, cx));
        this.receiver = None;
        taken?;
        Poll::Ready(Ok(()))
    }
}

impl Drop for CtrlC {
    fn drop(&mut self) {
        if let Some(receiver) = &self.receiver {
            self.turn.leave(receiver);
        }
    }
}
