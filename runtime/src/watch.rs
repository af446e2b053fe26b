//! The signals that cancel a `run`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_cancel_scope::{CancelScope, Cancelled, Cause};
use anyio_signals::{
    Signal,
    host::{KillOnSecond, kill_on_second, raise_default},
    open_signal_receiver,
};
use futures_core::Stream;

type Deliveries = Pin<Box<dyn Stream<Item = Result<Signal, Cancelled>> + Send>>;

/// Cancels a scope at the first signal; the second one kills, which the handler sees to by itself.
pub(crate) struct Watch {
    scope: CancelScope,
    deliveries: Deliveries,
    _kill: KillOnSecond,
}

impl Watch {
    pub(crate) fn new(signals: &[Signal], scope: CancelScope) -> io::Result<Self> {
        let kill = kill_on_second(signals)?;
        let deliveries = Box::pin(open_signal_receiver(signals)?.into_stream());
        Ok(Self { scope, deliveries, _kill: kill })
    }

    /// Looks for the first signal, outside of any scope. Gives it when it has cancelled the scope.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Option<i32> {
        let Poll::Ready(Some(Ok(signal))) = self.deliveries.as_mut().poll_next(cx) else { return None };
        self.scope.cancel_with(Cause::Signal(signal.as_raw()));
        Some(signal.as_raw())
    }
}

/// Ends the process by that signal, as if nobody had caught it.
pub(crate) fn end_by(signal: i32) -> ! {
    raise_default(Signal::from_raw(signal))
}
