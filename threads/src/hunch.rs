//! Whether a task had better wait a moment than sleep: for the end of a closure that a worker is looking for, or for what a
//! thread does next that had its answer.
//!
//! A closure that is over before its task is asleep costs that task a sleep and the worker a wake-up: far more than itself.
//! Nobody knows beforehand, so this goes by what happened lately: each try that found something makes it worth another, and
//! one that did not counts twice. Where none is worth it, one in [`ENOUGH`] is made all the same.
//!
//! Only a task that brings the second closure in a row tries: it does one thing after the other. Of many that come together
//! each would wait for its own closure alone, while the others could be under way.
//!
//! Its figures are guesses: an update that is lost does no harm.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
    task::Waker,
};

/// From here on a try is worth it.
const ENOUGH: u8 = 16;
/// More is not remembered.
const MOST: u8 = ENOUGH + 8;
/// How often a try looks: a few microseconds at most, which is less than a sleep takes.
const LOOKS: usize = 64;

#[derive(Default)]
pub(crate) struct Hunch {
    score: AtomicU8,
    /// Who came last: where its waker points to.
    last: AtomicUsize,
}

impl Hunch {
    /// Whether this one comes for the second time in a row.
    pub(crate) fn comes_again(&self, who: &Waker) -> bool {
        let who = who.data().addr();
        let again = self.last.load(Relaxed) == who;
        if !again {
            self.last.store(who, Relaxed);
        }
        again
    }

    /// Whether a try is worth it.
    pub(crate) fn is_good(&self) -> bool {
        self.score.load(Relaxed) >= ENOUGH
    }

    /// A try was left out.
    fn left_out(&self) {
        let score = self.score.load(Relaxed);
        self.score.store(score.saturating_add(1).min(ENOUGH), Relaxed);
    }

    /// Tries if it is worth it, and leaves it out otherwise.
    pub(crate) fn follow(&self, is_over: impl FnMut() -> bool) {
        if self.is_good() {
            self.try_it(is_over);
        } else {
            self.left_out();
        }
    }

    /// Looks again and again for a moment.
    fn try_it(&self, mut is_over: impl FnMut() -> bool) {
        let found = (0..LOOKS).any(|_| {
            let found = is_over();
            if !found {
                spin_loop();
            }
            found
        });
        let score = self.score.load(Relaxed);
        let new = match (found, score.saturating_sub(2)) {
            (true, _) => score.saturating_add(1).min(MOST),
            (false, less @ ENOUGH..) => less,
            // It begins anew.
            (false, _) => 0,
        };
        self.score.store(new, Relaxed);
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use std::{sync::Arc, task::Wake};

    use super::*;

    /// After as many tries as were left out at the start.
    fn good() -> Hunch {
        let hunch = Hunch::default();
        for _ in 0..ENOUGH {
            assert!(!hunch.is_good());
            hunch.left_out();
        }
        hunch
    }

    #[test]
    fn at_first_only_one_try_in_sixteen_is_worth_it() {
        let hunch = good();
        assert!(hunch.is_good());
        hunch.try_it(|| false);
        for _ in 0..ENOUGH {
            assert!(!hunch.is_good());
            hunch.left_out();
        }
        assert!(hunch.is_good());
    }

    #[test]
    fn tries_that_found_something_outweigh_some_that_did_not() {
        let hunch = good();
        (0..100).for_each(|_| hunch.try_it(|| true));
        for _ in 0..4 {
            assert!(hunch.is_good());
            hunch.try_it(|| false);
        }
        assert!(hunch.is_good());
        hunch.try_it(|| false);
        assert!(!hunch.is_good());
    }

    #[test]
    fn only_who_comes_twice_in_a_row_comes_again() {
        let (one, other) = (Arc::new(Sleeper).into(), Arc::new(Sleeper).into());
        let hunch = Hunch::default();
        assert!(!hunch.comes_again(&one));
        assert!(hunch.comes_again(&one));
        assert!(!hunch.comes_again(&other));
        assert!(!hunch.comes_again(&one));
    }

    struct Sleeper;

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_try_ends_with_the_first_look_that_finds_something_and_otherwise_soon() {
        let hunch = good();
        let mut looks = 0;
        hunch.try_it(|| {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, 3);
        hunch.try_it(|| {
            looks += 1;
            false
        });
        assert_eq!(looks, 3 + LOOKS);
    }
}
