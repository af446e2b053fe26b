//! Who asked that a second signal ends the process, as the handler can read it.
//!
//! A list that only grows, by one place for each that was in use at the same time. A place that is free is used again.
//!
//! # Invariants
//! 1. `signals` of a place is not 0 only while somebody uses it.
//! 2. `state` is twice the number of the use, and one more when a signal has come in it. It moves on to the next use while
//!    `signals` is 0. So when a handler finds `state` unchanged after it read `signals`, those were of the same use, and a
//!    handler that was slow counts for no later one.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use crate::{
    Signal,
    set::{SignalSet, bit},
};

static FIRST: OnceLock<&'static Place> = OnceLock::new();
static FREE: Mutex<Vec<&'static Place>> = Mutex::new(Vec::new());

struct Place {
    signals: AtomicU64,
    state: AtomicU64,
    next: OnceLock<&'static Place>,
}

/// From when it is made until it is dropped, the second delivery of any of its signals is one that kills.
pub(crate) struct Watch(&'static Place);

impl Watch {
    pub(crate) fn new(signals: SignalSet) -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let place = free.pop().unwrap_or_else(append);
        place.state.store((place.state.load(SeqCst) | 1) + 1, SeqCst);
        place.signals.store(signals.bits(), SeqCst);
        Self(place)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.signals.store(0, SeqCst);
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self.0);
    }
}

/// Called under the lock of `FREE`, so that no two go to the same end.
fn append() -> &'static Place {
    let new: &'static Place =
        Box::leak(Box::new(Place { signals: AtomicU64::new(0), state: AtomicU64::new(0), next: OnceLock::new() }));
    let mut end = &FIRST;
    while let Some(place) = end.get() {
        end = &place.next;
    }
    end.get_or_init(|| new)
}

/// Counts a delivery, and tells whether it is the second one for somebody. It is called in the handler: atomics only.
pub(crate) fn is_second(signal: Signal) -> bool {
    let mut second = false;
    let mut next = FIRST.get();
    while let Some(place) = next {
        second |= place.counts(bit(signal));
        next = place.next.get();
    }
    second
}

impl Place {
    fn counts(&self, bit: u64) -> bool {
        loop {
            let state = self.state.load(SeqCst);
            if self.signals.load(SeqCst) & bit == 0 {
                return false;
            }
            // Invariant 2.
            if self.state.compare_exchange(state, state | 1, SeqCst, SeqCst).is_ok() {
                return state & 1 == 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(signals: &[Signal]) -> Watch {
        Watch::new(SignalSet::new(signals).unwrap())
    }

    // One test, as the list is the process's.
    #[test]
    fn the_second_of_any_counts_and_a_new_watch_counts_anew() {
        assert!(!is_second(Signal::INT));
        let one = watch(&[Signal::INT, Signal::TERM]);
        assert!(!is_second(Signal::HUP));
        assert!(!is_second(Signal::INT));
        assert!(is_second(Signal::TERM));
        assert!(is_second(Signal::INT));

        let other = watch(&[Signal::HUP, Signal::TERM]);
        assert!(!is_second(Signal::HUP));
        assert!(is_second(Signal::TERM));
        drop(one);
        assert!(!is_second(Signal::INT));
        assert!(is_second(Signal::HUP));
        drop(other);
        assert!(!is_second(Signal::HUP));

        let again = watch(&[Signal::INT]);
        assert!(!is_second(Signal::INT));
        drop(again);
        assert_eq!(FREE.lock().unwrap().len(), 2);
    }
}
