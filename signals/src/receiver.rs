//! Receivers of signals, and the wait for the next delivery.

use std::{
    fmt,
    future::Future,
    io,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_cancel_scope::{Cancelled, host::Opened};
use futures_core::Stream;

use crate::{Signal, exchange::Exchange, readers::ReaderId, set::SignalSet, stream::Deliveries, turn::Turn};

/// Opens a receiver of these signals. From now on, and until it is closed, it gets every delivery of them.
///
/// A signal that stands in the list twice is received once. The order of the list means nothing.
///
/// # Errors
/// Of kind [`InvalidInput`](io::ErrorKind::InvalidInput), with a [`SignalError`](crate::SignalError) inside: an empty list;
/// a signal that does not exist, that no process can catch, that tells of a fault in the thread that runs, or that the C
/// library keeps for itself. With a `SignalError` of kind [`Other`](io::ErrorKind::Other): in a process that was forked from one
/// that received signals. Else what the system says, which may refuse a pipe. After an error nothing is installed.
///
/// # Panics
/// The first use in a process starts the reactor, and panics if the system refuses it.
///
/// # Examples
/// ```no_run
/// use anyio_signals::{Signal, open_signal_receiver};
///
/// # async fn f() -> std::io::Result<()> {
/// let signals = open_signal_receiver(&[Signal::HUP, Signal::TERM])?;
/// loop {
///     match signals.next().await? {
///         Signal::HUP => println!("reading the configuration again"),
///         _ => return Ok(()),
///     }
/// }
/// # }
/// ```
#[track_caller]
pub fn open_signal_receiver(signals: &[Signal]) -> io::Result<SignalReceiver> {
    open_at(signals, Location::caller())
}

/// The same, called from `place`.
pub(crate) fn open_at(signals: &[Signal], place: &'static Location<'static>) -> io::Result<SignalReceiver> {
    let signals = SignalSet::new(signals)?;
    let exchange = Exchange::open()?;
    let (opened, woken) = exchange.open_reader(signals);
    let opened =
        opened.map(|id| SignalReceiver { exchange, id, signals, _opened: Opened::new("a signal receiver", place) });
    woken.wake();
    opened
}

/// Gets every delivery of its signals, in order, from when it was opened until it is dropped or [closed](Self::close).
///
/// It keeps up to 1024 that nobody took yet. When one more comes, the oldest goes of which a later one of the same signal
/// is there, and [`lost`](Self::lost) counts it: a flood of one signal pushes out nothing but itself, and of each signal
/// the last delivery is never lost.
///
/// When the last receiver of a signal closes, the disposition that was there before the first one is back. What was unread
/// is dropped.
///
/// Any number of tasks may take from one receiver; each delivery goes to one of them, first come, first served. For a
/// delivery to reach all of them, let each open a receiver.
pub struct SignalReceiver {
    exchange: &'static Exchange,
    id: ReaderId,
    signals: SignalSet,
    /// For the test kit.
    _opened: Opened,
}

impl SignalReceiver {
    /// Waits for the next delivery.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope. A delivery that came before the wait was polled again is returned
    /// nevertheless, and the cancellation comes at the next checkpoint.
    ///
    /// # Cancel safety
    /// Nothing is lost but the place in line. A delivery that was handed to a wait which is dropped goes to the next in
    /// line, or is the next to be taken.
    ///
    /// # Examples
    /// ```
    /// use anyio_signals::{Signal, open_signal_receiver};
    /// use std::process::{Command, id};
    ///
    /// # futures_lite::future::block_on(async {
    /// let signals = open_signal_receiver(&[Signal::USR1])?;
    /// Command::new("kill").args(["-USR1", &id().to_string()]).status()?;
    /// assert_eq!(signals.next().await?, Signal::USR1);
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn next(&self) -> Next<'_> {
        Next { receiver: self, turn: Turn::new(&"next", Location::caller()) }
    }

    /// Takes the next delivery if there is one. It is no checkpoint, and overtakes nobody who waits.
    ///
    /// # Examples
    /// ```
    /// use anyio_signals::{Signal, open_signal_receiver};
    ///
    /// let signals = open_signal_receiver(&[Signal::USR2])?;
    /// assert_eq!(signals.try_next(), None);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn try_next(&self) -> Option<Signal> {
        self.exchange.catch_up();
        self.exchange.lock().readers.take(self.id)
    }

    /// The deliveries as a stream, which borrows the receiver.
    ///
    /// Each item is what [`next`](Self::next) gives. Polled in a cancelled scope the stream gives `Err(Cancelled)` once and
    /// then ends, as one that went on would never let its loop end; polled in a scope that is not cancelled, it goes on.
    ///
    /// # Cancel safety
    /// Nothing is lost when the stream, or the wait for its next item, is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// use anyio_signals::{Signal, open_signal_receiver};
    /// use futures_lite::StreamExt;
    ///
    /// # async fn f() -> std::io::Result<()> {
    /// let receiver = open_signal_receiver(&[Signal::WINCH])?;
    /// let mut signals = receiver.stream();
    /// while let Some(signal) = signals.next().await {
    ///     println!("{}", signal?);
    /// }
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn stream(&self) -> impl Stream<Item = Result<Signal, Cancelled>> + Send + Unpin + '_ {
        Deliveries::new(self, Location::caller())
    }

    /// The same stream, which owns the receiver.
    ///
    /// # Cancel safety
    /// Nothing is lost when the wait for the next item is dropped. Dropping the stream closes the receiver.
    #[track_caller]
    pub fn into_stream(self) -> impl Stream<Item = Result<Signal, Cancelled>> + Send + Unpin + 'static {
        Deliveries::new(self, Location::caller())
    }

    /// How many deliveries did not get into this receiver's hands, since nobody took them in time.
    ///
    /// The system merges signals of one kind (real-time signals excepted) that come while one is pending; what it merged
    /// nobody can count.
    pub fn lost(&self) -> u64 {
        self.exchange.catch_up();
        self.exchange.lock().readers.lost(self.id)
    }

    /// Closes the receiver, as dropping it does. What was unread is dropped.
    pub fn close(self) {}

    pub(crate) fn exchange(&self) -> &'static Exchange {
        self.exchange
    }

    pub(crate) fn id(&self) -> ReaderId {
        self.id
    }
}

impl Drop for SignalReceiver {
    fn drop(&mut self) {
        self.exchange.close_reader(self.id);
    }
}

impl fmt::Debug for SignalReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalReceiver").field("signals", &self.signals).finish_non_exhaustive()
    }
}

/// The future of [`SignalReceiver::next`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Next<'a> {
    receiver: &'a SignalReceiver,
    turn: Turn,
}

impl Future for Next<'_> {
    type Output = Result<Signal, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.turn.poll(this.receiver, cx)
    }
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        self.turn.leave(self.receiver);
    }
}
