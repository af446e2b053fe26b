//! Who waits until nothing can run.
//!
//! # Invariants
//! 1. `count` is the number of those in the table who were not told yet. It is raised before the one who waits returns `Pending`.
//! 2. Wakers are woken and dropped outside the lock.

use std::task::Waker;

use slab::Slab;

use crate::sync::{AtomicUsize, Mutex, Ordering};

pub(crate) struct Idlers {
    count: AtomicUsize,
    /// `None`: it was told.
    waiting: Mutex<Slab<Option<Waker>>>,
}

impl Idlers {
    pub(crate) fn new() -> Self {
        Self { count: AtomicUsize::new(0), waiting: Mutex::new(Slab::new()) }
    }

    pub(crate) fn join(&self, waker: Waker) -> usize {
        let mut waiting = self.waiting.lock();
        self.count.fetch_add(1, Ordering::SeqCst);
        waiting.insert(Some(waker))
    }

    /// Whether this one was told; if not it is woken by `waker` from now on.
    pub(crate) fn is_over(&self, key: usize, waker: &Waker) -> bool {
        let new = waker.clone();
        let old = {
            let mut waiting = self.waiting.lock();
            match waiting.get_mut(key) {
                Some(Some(at)) => std::mem::replace(at, new),
                Some(None) | None => return true,
            }
        };
        drop(old);
        false
    }

    pub(crate) fn leave(&self, key: usize) {
        let gone = {
            let mut waiting = self.waiting.lock();
            let gone = waiting.try_remove(key).flatten();
            if gone.is_some() {
                self.count.fetch_sub(1, Ordering::SeqCst);
            }
            gone
        };
        drop(gone);
    }

    pub(crate) fn is_any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// Nothing can run: tells all.
    pub(crate) fn tell(&self) {
        let woken: Vec<Waker> = {
            let mut waiting = self.waiting.lock();
            let woken: Vec<Waker> = waiting.iter_mut().filter_map(|(_, at)| at.take()).collect();
            self.count.fetch_sub(woken.len(), Ordering::SeqCst);
            woken
        };
        woken.into_iter().for_each(Waker::wake);
    }
}
