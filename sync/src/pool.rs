//! A number of tokens and the line of those who wait for some of them, as plain data.
//!
//! # Invariants
//! 1. `spare` is what there may be, less what is borrowed: below zero when the total was lowered under what is out.
//! 2. The first in line wants more than what is spare. So nobody waits for what is there.
//! 3. Tokens are granted in the order of the line, and nobody comes in between.

use anyio_wait_queue::WaitQueue;

use crate::wait::{Ledger, Place, Woken};

/// As many tokens as there can be.
pub(crate) const MOST: usize = isize::MAX as usize;

/// What is asked of a pool.
pub(crate) trait Claim: Clone {
    /// How many tokens.
    fn amount(&self) -> usize;

    /// They were handed over.
    fn granted(&self) {}

    /// Where they were asked for, if that is to be known of who has them.
    fn place(&self) -> Option<Place> {
        None
    }
}

impl Claim for usize {
    fn amount(&self) -> usize {
        *self
    }
}

pub(crate) struct Pool<C> {
    /// As it was asked for; what is above `MOST` counts as that.
    total: usize,
    spare: isize,
    queue: WaitQueue<(), C>,
    /// The place of the last claim that was granted here.
    granted_to: Option<Place>,
}

impl<C: Claim> Pool<C> {
    pub(crate) const fn new(total: usize) -> Self {
        Self { total, spare: capped(total), queue: WaitQueue::new(), granted_to: None }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) const fn spare(&self) -> isize {
        self.spare
    }

    pub(crate) fn borrowed(&self) -> usize {
        (capped(self.total) - self.spare).unsigned_abs()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    pub(crate) fn take_granted_to(&mut self) -> Option<Place> {
        self.granted_to.take()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.spare >= 0 && self.queue.is_empty()
    }

    /// Has so many spare tokens again, which were lent out meanwhile.
    pub(crate) fn recall(&mut self, spare: usize) {
        self.spare = capped(spare);
    }

    pub(crate) fn release(&mut self, amount: usize) -> Woken {
        self.spare += capped(amount);
        self.settle()
    }

    /// Changes what there may be: grants at once what that allows, and takes back nothing.
    pub(crate) fn set_total(&mut self, total: usize) -> Woken {
        self.spare += capped(total) - capped(self.total);
        self.total = total;
        self.settle()
    }

    /// What is borrowed does not come back, and there is so much less.
    pub(crate) fn forget(&mut self, amount: usize) {
        self.total -= amount;
    }

    fn has(&self, amount: usize) -> bool {
        usize::try_from(self.spare).is_ok_and(|spare| spare >= amount)
    }

    /// Grants to the first in line for as long as there is enough.
    fn settle(&mut self) -> Woken {
        let mut woken = Woken::Nobody;
        while let Some(amount) = self.queue.first().map(C::amount).filter(|&amount| self.has(amount)) {
            let Ok((waker, claim)) = self.queue.grant(()) else { break };
            self.spare -= capped(amount);
            // It is not the last one of what it shares: the wait has another.
            self.note(&claim);
            woken.push(waker);
        }
        self.check();
        woken
    }

    fn note(&mut self, claim: &C) {
        claim.granted();
        self.granted_to = claim.place().or(self.granted_to);
    }

    fn check(&self) {
        debug_assert!(self.queue.first().is_none_or(|first| !self.has(first.amount())), "invariant 2");
        debug_assert!(self.spare <= capped(self.total), "invariant 1");
    }
}

impl<C: Claim> Ledger for Pool<C> {
    type Claim = C;

    fn queue(&mut self) -> &mut WaitQueue<(), C> {
        &mut self.queue
    }

    fn take(&mut self, claim: &C) -> bool {
        if !self.queue.is_empty() || !self.has(claim.amount()) {
            return false;
        }
        self.spare -= capped(claim.amount());
        self.note(claim);
        self.check();
        true
    }

    fn give_back(&mut self, claim: &C) -> Woken {
        self.release(claim.amount())
    }

    /// The next one may want less.
    fn close_ranks(&mut self) -> Woken {
        self.settle()
    }
}

const fn capped(tokens: usize) -> isize {
    if tokens > MOST { isize::MAX } else { tokens as isize }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use anyio_wait_queue::{Left, Ticket};

    use super::*;

    fn join(pool: &mut Pool<usize>, amount: usize) -> Option<Ticket> {
        assert!(!pool.take(&amount));
        Some(pool.queue.join(amount, Waker::noop().clone()))
    }

    fn woken(woken: Woken) -> usize {
        match woken {
            Woken::Nobody => 0,
            Woken::One(_) => 1,
            Woken::Several(several) => several.len(),
        }
    }

    #[test]
    fn what_is_released_goes_to_those_who_wait_in_their_order() {
        let mut pool = Pool::<usize>::new(0);
        let (mut first, mut second) = (join(&mut pool, 1), join(&mut pool, 1));
        assert_eq!(woken(pool.release(1)), 1);
        assert_eq!(pool.queue.claim(&mut second), None);
        assert_eq!(pool.queue.claim(&mut first), Some(()));
        assert_eq!(pool.spare(), 0);
    }

    #[test]
    fn two_that_are_released_at_once_wake_two() {
        let mut pool = Pool::<usize>::new(0);
        let tickets = [join(&mut pool, 1), join(&mut pool, 1), join(&mut pool, 1)];
        assert_eq!(woken(pool.release(2)), 2);
        let [mut first, mut second, mut third] = tickets;
        assert!(pool.queue.claim(&mut first).is_some() && pool.queue.claim(&mut second).is_some());
        assert!(pool.queue.claim(&mut third).is_none());
    }

    #[test]
    fn one_who_wants_many_is_waited_for_and_lets_the_next_go_when_it_leaves() {
        let mut pool = Pool::<usize>::new(2);
        let many = join(&mut pool, 3).unwrap();
        let mut one = join(&mut pool, 1);
        assert_eq!((pool.spare(), pool.queue.claim(&mut one)), (2, None));
        assert!(matches!(pool.queue.leave(many), Left::Waiting { .. }));
        assert_eq!(woken(pool.close_ranks()), 1);
        assert_eq!((pool.queue.claim(&mut one), pool.spare()), (Some(()), 1));
    }

    #[test]
    fn a_total_that_is_lowered_and_raised_grants_no_more_than_it_is() {
        let mut pool = Pool::<usize>::new(3);
        assert!((0..3).all(|_| pool.take(&1)));
        assert_eq!(woken(pool.set_total(1)), 0);
        assert_eq!((pool.spare(), pool.borrowed()), (-2, 3));
        let _tickets = [join(&mut pool, 1), join(&mut pool, 1)];
        assert_eq!(woken(pool.release(1)), 0);
        assert_eq!(woken(pool.release(1)), 0);
        assert_eq!((pool.spare(), pool.borrowed()), (0, 1));
        assert_eq!(woken(pool.set_total(2)), 1);
        assert_eq!(pool.borrowed(), 2);
    }

    #[test]
    fn a_total_without_limit_is_kept_as_it_was_given() {
        let mut pool = Pool::<usize>::new(usize::MAX);
        assert_eq!((pool.total(), pool.spare()), (usize::MAX, isize::MAX));
        assert!(pool.take(&1));
        let _ = pool.set_total(usize::MAX - 1);
        assert_eq!((pool.borrowed(), pool.spare()), (1, isize::MAX - 1));
        let _ = pool.set_total(0);
        assert_eq!((pool.borrowed(), pool.spare()), (1, -1));
    }
}
