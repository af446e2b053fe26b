//! A pool behind its lock, which lends its spare tokens to an atomic while nobody waits.
//!
//! So who takes a token that is free, or brings one back for which nobody waits, pays one locked instruction, and no lock.
//!
//! # Invariants
//! 1. `lent` is the number of spare tokens, or `RECALLED`. Only a holder of the lock makes it `RECALLED`, or puts a number
//!    where that was. So whoever acts under the lock, after the recall, sees all that is spare.
//! 2. It is `RECALLED` while somebody waits or the pool owes: no token gets past the line.

use crate::{
    pool::{Claim, Pool},
    sync::{AtomicUsize, Mutex, Ordering},
    wait::Turnstile,
};

/// In place of a number of tokens: they are in the pool.
const RECALLED: usize = usize::MAX;

pub(crate) struct Tokens<C: Claim> {
    lent: AtomicUsize,
    pool: Mutex<Pool<C>>,
}

impl<C: Claim> Tokens<C> {
    pub(crate) const fn new(total: usize) -> Self {
        let pool = Pool::new(total);
        Self { lent: AtomicUsize::new(pool.spare().unsigned_abs()), pool: Mutex::new(pool) }
    }

    /// Brings tokens back: to the first in line, if anybody waits.
    #[inline]
    pub(crate) fn give(&self, amount: usize) {
        if !self.try_give(amount) {
            self.give_to_the_line(amount);
        }
    }

    /// Brings tokens back, if nobody waits.
    #[inline]
    pub(crate) fn try_give(&self, amount: usize) -> bool {
        self.lend(|spare| Some(spare + amount), Ordering::Release)
    }

    #[cold]
    fn give_to_the_line(&self, amount: usize) {
        let woken = self.with(|pool| pool.release(amount));
        woken.wake();
    }

    /// Changes the number that is lent, unless it is recalled or `change` has nothing for it.
    #[inline]
    fn lend(&self, change: impl Fn(usize) -> Option<usize>, order: Ordering) -> bool {
        let mut spare = self.lent.load(Ordering::Relaxed);
        while spare != RECALLED {
            let Some(changed) = change(spare) else { return false };
            match self.lent.compare_exchange_weak(spare, changed, order, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => spare = now,
            }
        }
        false
    }
}

impl<C: Claim> Turnstile for Tokens<C> {
    type Ledger = Pool<C>;

    fn with<R>(&self, act: impl FnOnce(&mut Pool<C>) -> R) -> R {
        let mut pool = self.pool.lock();
        if self.lent.load(Ordering::Relaxed) != RECALLED {
            let spare = self.lent.swap(RECALLED, Ordering::Acquire);
            pool.recall(spare);
        }
        let done = act(&mut pool);
        if pool.is_idle() {
            self.lent.store(pool.spare().unsigned_abs(), Ordering::Release);
        }
        done
    }

    #[inline]
    fn pass(&self, claim: &C) -> bool {
        let passed = self.lend(|spare| spare.checked_sub(claim.amount()), Ordering::Acquire);
        if passed {
            claim.granted();
        }
        passed
    }
}
