//! What `run` builds on: the second signal that kills, and the end that a shell understands. No part of the promise to
//! users.

use std::{fmt, io};

use crate::{Signal, SignalError, exchange::Exchange, second::Watch, set::SignalSet, sys};

/// While it lives, the first delivery of any of its signals is an ordinary one, and the second of any of them ends the
/// process by that signal.
///
/// The handler itself does that, so it works when every thread is busy for ever. Receivers of the same signals get the first
/// delivery as always. Nobody need receive it: it then has no effect.
pub struct KillOnSecond {
    _watch: Watch,
    held: Held,
}

/// See [`KillOnSecond`].
///
/// # Errors
/// Those of [`open_signal_receiver`](crate::open_signal_receiver), and of kind [`InvalidInput`](io::ErrorKind::InvalidInput)
/// for a signal that does not end a process by default. After an error nothing is installed.
pub fn kill_on_second(signals: &[Signal]) -> io::Result<KillOnSecond> {
    for &signal in signals {
        SignalError::check_ends(signal)?;
    }
    let signals = SignalSet::new(signals)?;
    let exchange = Exchange::open()?;
    exchange.hold(signals)?;
    Ok(KillOnSecond { _watch: Watch::new(signals), held: Held { exchange, signals } })
}

impl fmt::Debug for KillOnSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KillOnSecond").field("signals", &self.held.signals).finish()
    }
}

struct Held {
    exchange: &'static Exchange,
    signals: SignalSet,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.exchange.let_go(self.signals);
    }
}

/// Ends the process as if nobody had caught the signal: a shell sees 128 and its number.
///
/// If the signal does not end the process by default, or the process is the first of its container, which no signal ends
/// by default, it exits with that code.
pub fn raise_default(signal: Signal) -> ! {
    sys::end_by(signal)
}
