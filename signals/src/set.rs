//! A set of signals in one word, as the handler can read it.

use std::{fmt, io};

use crate::{Signal, SignalError};

/// The highest number of a signal that can be received.
pub(crate) const HIGHEST: usize = 64;

/// Signals that can be received, at least one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignalSet(u64);

impl SignalSet {
    /// The set of what stands in the list, each once.
    pub(crate) fn new(signals: &[Signal]) -> io::Result<Self> {
        let mut bits = 0;
        for &signal in signals {
            bits |= bit(SignalError::check(signal)?);
        }
        if bits == 0 { Err(SignalError::Empty.into()) } else { Ok(Self(bits)) }
    }

    pub(crate) fn contains(self, signal: Signal) -> bool {
        self.0 & bit(signal) != 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Signal> {
        (1..=HIGHEST as i32).map(Signal::from_raw).filter(move |&signal| self.contains(signal))
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The place of a signal in a set; none for what is no signal. It is called in the handler, and cannot panic.
pub(crate) const fn bit(signal: Signal) -> u64 {
    match signal.as_raw() {
        number @ 1..=64 => 1 << (number - 1),
        _ => 0,
    }
}
