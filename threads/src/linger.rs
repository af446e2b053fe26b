//! How long a worker that finds no job, or waits for the answer of its task, goes on looking before it sleeps.
//!
//! Waking a sleeper takes some 5 µs, and ten times that on a virtual processor that was halted; looking takes a processor from
//! others. So it looks for longer after a sleep so short that a few more looks would have spared it, and for less long after
//! any other: who is called time and again stays awake, who is called now and then does not.
//!
//! Where others want the processor, who gives way has it back milliseconds later, and all the while nobody else is called for
//! what it looks for; who is woken has it at once. So after that has happened it does not look at all for a while, and for
//! longer each time.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

/// A sleep that the longest look would have spared, as far as one can tell: with what it takes to be woken, it is twice as long.
const SHORT: Duration = Duration::from_micros(100);

/// How often, at least and at most: some 0.4 µs each.
pub(crate) const LOOKS: RangeInclusive<usize> = if cfg!(anyio_loom) { 0..=0 } else { 32..=128 };

/// Who had the processor again only then gave way to somebody: on one that nobody else wants it takes less than 1 µs.
const CROWDED: Duration = Duration::from_micros(50);

/// How many sleeps are begun without a look after that.
const ASIDE: RangeInclusive<u32> = 32..=4096;

/// Of one worker.
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

/// Whether others want the processors, as the workers of a pool have seen it.
///
/// Its figures are guesses: an update that is lost does no harm.
pub(crate) struct Crowd {
    /// So many sleeps are still to be begun without a look.
    aside: AtomicU32,
    /// How many it will be the next time.
    next: AtomicU32,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        Self { aside: AtomicU32::new(0), next: AtomicU32::new(*ASIDE.start()) }
    }

    /// Whether it is better not to look.
    pub(crate) fn is_there(&self) -> bool {
        self.aside.load(Relaxed) > 0
    }

    /// Learns from a worker that gave way, which took so long.
    pub(crate) fn gave_way(&self, took: Duration) {
        if took >= CROWDED && !self.is_there() {
            let next = self.next.load(Relaxed);
            self.aside.store(next, Relaxed);
            self.next.store((next * 2).min(*ASIDE.end()), Relaxed);
        }
    }

    /// A worker lies down.
    pub(crate) fn lies_down(&self) {
        match self.aside.load(Relaxed) {
            0 => {
                let next = self.next.load(Relaxed);
                self.next.store((next / 2).max(*ASIDE.start()), Relaxed);
            }
            aside => self.aside.store(aside - 1, Relaxed),
        }
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

    /// How many sleeps go by until somebody looks again.
    fn sleeps_without_a_look(crowd: &Crowd) -> usize {
        let mut sleeps = 0;
        while crowd.is_there() {
            crowd.lies_down();
            sleeps += 1;
        }
        sleeps
    }

    #[test]
    fn where_others_want_the_processor_nobody_looks_for_a_while_and_for_longer_each_time() {
        let crowd = Crowd::new();
        crowd.gave_way(Duration::from_micros(1));
        assert!(!crowd.is_there());
        for aside in [32, 64, 128] {
            crowd.gave_way(LONG);
            // Another worker that came back late at the same time.
            crowd.gave_way(LONG);
            assert_eq!(sleeps_without_a_look(&crowd), aside);
        }
        (0..9).for_each(|_| crowd.lies_down());
        crowd.gave_way(LONG);
        assert_eq!(sleeps_without_a_look(&crowd), 32);
    }

    #[test]
    fn it_keeps_to_its_bounds() {
        assert_eq!(after(&[LONG; 9]), 16);
        assert_eq!(after(&[Duration::ZERO; 9]), 128);
    }
}
