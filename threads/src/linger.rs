//! How long a worker that finds no job, or waits for the answer of its task, goes on looking before it sleeps.
//!
//! Waking a sleeper takes some 5 µs, and ten times that on a virtual processor that was halted; looking takes a processor from
//! others. So it looks for longer after a sleep so short that a few more looks would have spared it, and for less long after
//! any other: who is called time and again stays awake, who is called now and then does not.

use std::{ops::RangeInclusive, time::Duration};

/// A sleep that the longest look would have spared, as far as one can tell: with what it takes to be woken, it is twice as long.
const SHORT: Duration = Duration::from_micros(100);

/// How often, at least and at most: some 0.4 µs each.
pub(crate) const LOOKS: RangeInclusive<usize> = if cfg!(anyio_loom) { 0..=0 } else { 32..=128 };

pub(crate) struct Linger {
    looks: usize,
    bounds: RangeInclusive<usize>,
}

impl Linger {
    /// At first as short as it gets.
    pub(crate) fn new(bounds: RangeInclusive<usize>) -> Self {
        Self { looks: *bounds.start(), bounds }
    }

    /// How often to look before the next sleep, giving way in between.
    pub(crate) fn looks(&self) -> usize {
        self.looks
    }

    /// Learns from a sleep that took so long.
    pub(crate) fn learn(&mut self, slept: Duration) {
        let looks = if slept < SHORT { self.looks * 2 } else { self.looks / 2 };
        self.looks = looks.clamp(*self.bounds.start(), *self.bounds.end());
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(1);

    fn after(sleeps: &[Duration]) -> usize {
        let mut linger = Linger::new(16..=128);
        sleeps.iter().for_each(|slept| linger.learn(*slept));
        linger.looks()
    }

    #[test]
    fn short_sleeps_make_it_look_for_longer_and_long_ones_for_less_long() {
        assert_eq!(after(&[]), 16);
        assert_eq!(after(&[Duration::ZERO]), 32);
        assert_eq!(after(&[Duration::ZERO, Duration::ZERO, LONG]), 32);
    }

    #[test]
    fn it_keeps_to_its_bounds() {
        assert_eq!(after(&[LONG; 9]), 16);
        assert_eq!(after(&[Duration::ZERO; 9]), 128);
    }
}
