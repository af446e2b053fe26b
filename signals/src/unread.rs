//! What came for one receiver and nobody took yet.
//!
//! There is room for [`ROOM`]. When one more comes, the oldest delivery goes of which a later one of the same signal is
//! there, and is counted as lost: so a flood of one signal pushes out nothing but itself, and of each signal that came
//! the last delivery stays.
//!
//! # Invariants
//! 1. `of_each` says how often each signal is in `line`.
//! 2. There are at most [`ROOM`] deliveries, and those that were given back. As there are far fewer signals than that, one
//!    signal is there twice whenever there are more, and among the first [`HIGHEST`] and one there is such a delivery: all
//!    those before it are different.

use std::collections::VecDeque;

use crate::{Signal, set::HIGHEST};

/// How many deliveries a receiver keeps.
pub(crate) const ROOM: usize = 1024;

pub(crate) struct Unread {
    line: VecDeque<Signal>,
    of_each: [u32; HIGHEST + 1],
    lost: u64,
}

impl Unread {
    pub(crate) fn new() -> Self {
        Self { line: VecDeque::new(), of_each: [0; HIGHEST + 1], lost: 0 }
    }

    pub(crate) fn push(&mut self, signal: Signal) {
        self.line.push_back(signal);
        *self.count(signal) += 1;
        if self.line.len() > ROOM {
            self.merge();
        }
        self.check();
    }

    /// Puts one to the front that was taken from there.
    pub(crate) fn give_back(&mut self, signal: Signal) {
        self.line.push_front(signal);
        *self.count(signal) += 1;
        self.check();
    }

    pub(crate) fn pop(&mut self) -> Option<Signal> {
        let signal = self.line.pop_front()?;
        *self.count(signal) -= 1;
        self.check();
        Some(signal)
    }

    /// Notes that `count` deliveries were lost on their way here.
    pub(crate) fn lose(&mut self, count: u64) {
        self.lost = self.lost.saturating_add(count);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    fn merge(&mut self) {
        let again = |signal: &Signal| self.of_each.get(place(*signal)).is_some_and(|&count| count > 1);
        if let Some(index) = self.line.iter().position(again)
            && let Some(signal) = self.line.remove(index)
        {
            *self.count(signal) -= 1;
            self.lose(1);
        }
    }

    fn count(&mut self, signal: Signal) -> &mut u32 {
        &mut self.of_each[place(signal)]
    }

    fn check(&self) {
        debug_assert_eq!(self.of_each.iter().sum::<u32>() as usize, self.line.len(), "invariant 1");
    }
}

/// Only signals that can be received get here, and their numbers are small.
fn place(signal: Signal) -> usize {
    usize::try_from(signal.as_raw()).unwrap_or_default().min(HIGHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(unread: &mut Unread) -> Vec<Signal> {
        std::iter::from_fn(|| unread.pop()).collect()
    }

    #[test]
    fn what_came_is_taken_in_order() {
        let mut unread = Unread::new();
        let came = [Signal::USR1, Signal::USR2, Signal::USR1, Signal::TERM];
        came.into_iter().for_each(|signal| unread.push(signal));
        assert_eq!(drain(&mut unread), came);
        assert_eq!(unread.lost(), 0);
        assert!(unread.is_empty());
    }

    #[test]
    fn the_last_that_fits_loses_none_and_the_next_the_oldest() {
        let mut unread = Unread::new();
        (0..ROOM).for_each(|_| unread.push(Signal::USR1));
        assert_eq!(unread.lost(), 0);
        (0..3).for_each(|_| unread.push(Signal::USR1));
        assert_eq!(unread.lost(), 3);
        assert_eq!(drain(&mut unread).len(), ROOM);
    }

    #[test]
    fn a_flood_pushes_out_nothing_but_itself() {
        let mut unread = Unread::new();
        unread.push(Signal::TERM);
        unread.push(Signal::HUP);
        (0..5 * ROOM).for_each(|_| unread.push(Signal::WINCH));
        unread.push(Signal::INT);
        assert_eq!(unread.lost(), 4 * ROOM as u64 + 3);
        let left = drain(&mut unread);
        assert_eq!(left[..2], [Signal::TERM, Signal::HUP]);
        assert_eq!(left.last(), Some(&Signal::INT));
        assert_eq!(left.len(), ROOM);
    }

    #[test]
    fn of_two_floods_each_keeps_its_last() {
        let mut unread = Unread::new();
        (0..ROOM).for_each(|_| unread.push(Signal::USR1));
        (0..ROOM).for_each(|_| unread.push(Signal::USR2));
        let left = drain(&mut unread);
        assert_eq!(left[0], Signal::USR1);
        assert_eq!(left.iter().filter(|&&signal| signal == Signal::USR2).count(), ROOM - 1);
    }

    #[test]
    fn what_is_given_back_comes_first_and_is_kept() {
        let mut unread = Unread::new();
        (0..ROOM).for_each(|_| unread.push(Signal::USR1));
        unread.give_back(Signal::TERM);
        assert_eq!(unread.lost(), 0);
        unread.push(Signal::USR1);
        assert_eq!(unread.pop(), Some(Signal::TERM));
    }
}
