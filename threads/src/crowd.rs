//! Whether others want the processors, as the workers of a pool have seen it.
//!
//! Who lingers gives way to others. Where those want the processor it has that back milliseconds later, and all the while nobody
//! else is called for what it looks for; who is woken has it at once. So after that has happened nobody lingers for a while, and
//! for longer each time.
//!
//! Its figures are guesses: an update that is lost does no harm.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

/// Who had the processor again only then gave way to others, which use up their share of it: some milliseconds. The task of a
/// closure, or another worker, would have slept before.
const CROWDED: Duration = Duration::from_micros(500);

/// How many sleeps are begun without a look after that.
const ASIDE: RangeInclusive<u32> = 32..=4096;

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
        crowd.gave_way(CROWDED / 2);
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
}
