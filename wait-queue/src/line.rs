//! The line itself: slots in one vector, linked by their indices.
//!
//! Nothing moves when a waiter in the middle leaves, and a slot that became free is used again, so a wait costs no
//! allocation and every operation takes constant time (growing and giving back the vector: amortised).
//!
//! # Invariants
//!
//! 1. Each slot is waiting, granted or vacant. One that is not vacant has exactly one ticket, and only the call that
//!    consumes this ticket vacates it. So an index out of a ticket of this line never leads to another's slot.
//! 2. The waiting slots, and no others, are linked from `first` to `last` in the order in which they joined; `before`
//!    and `after` mirror each other, and end in `NONE`.
//! 3. The vacant slots, and no others, are chained from `vacant`.
//! 4. `waiting` and `granted` count the slots of their kind.
//! 5. A line without tickets holds at most `KEPT` slots: a burst of waiters does not bind memory for ever.

use std::mem;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use crate::queue::Left;

/// In place of an index: there is none.
const NONE: u32 = u32::MAX;

/// How many slots a line keeps while it has no tickets.
const KEPT: usize = 32;

/// How many slots the check looks at one by one; in a longer line it looks at the ends.
const CHECKED: usize = 16;

/// Tells the lines of a process apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineId(NonZeroUsize);

impl LineId {
    /// One locked instruction for each queue that is ever waited in. On 32 bits it takes 2^32 such queues to repeat.
    fn unique() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let id = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Self(NonZeroUsize::new(id).unwrap_or(NonZeroUsize::MIN))
    }
}

pub(crate) struct Line<G, P> {
    id: LineId,
    slots: Vec<Slot<G, P>>,
    first: u32,
    last: u32,
    vacant: u32,
    waiting: u32,
    granted: u32,
}

enum Slot<G, P> {
    Waiting(Waiter<P>),
    Granted(G),
    Vacant { next: u32 },
}

struct Waiter<P> {
    waker: Waker,
    payload: P,
    before: u32,
    after: u32,
}

impl<G, P> Line<G, P> {
    pub(crate) fn new() -> Self {
        Self { id: LineId::unique(), slots: Vec::new(), first: NONE, last: NONE, vacant: NONE, waiting: 0, granted: 0 }
    }

    #[inline]
    pub(crate) fn id(&self) -> LineId {
        self.id
    }

    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting as usize
    }

    pub(crate) fn granted(&self) -> usize {
        self.granted as usize
    }

    #[inline]
    pub(crate) fn first_payload(&self) -> Option<&P> {
        match self.slots.get(self.first as usize)? {
            Slot::Waiting(waiter) => Some(&waiter.payload),
            Slot::Granted(_) | Slot::Vacant { .. } => None,
        }
    }

    /// The waker of a waiter that has no grant.
    #[inline]
    pub(crate) fn waker(&self, slot: u32) -> Option<&Waker> {
        match &self.slots[slot as usize] {
            Slot::Waiting(waiter) => Some(&waiter.waker),
            Slot::Granted(_) | Slot::Vacant { .. } => None,
        }
    }

    pub(crate) fn waker_mut(&mut self, slot: u32) -> Option<&mut Waker> {
        match &mut self.slots[slot as usize] {
            Slot::Waiting(waiter) => Some(&mut waiter.waker),
            Slot::Granted(_) | Slot::Vacant { .. } => None,
        }
    }

    pub(crate) fn join(&mut self, payload: P, waker: Waker) -> u32 {
        let joined = Slot::Waiting(Waiter { waker, payload, before: self.last, after: NONE });
        let slot = match self.slots.get_mut(self.vacant as usize) {
            Some(vacancy) => {
                let Slot::Vacant { next } = *vacancy else { unreachable!("by invariant 3") };
                *vacancy = joined;
                mem::replace(&mut self.vacant, next)
            }
            None => {
                let slot = u32::try_from(self.slots.len()).ok().filter(|&slot| slot != NONE);
                let slot = slot.expect("fewer than 2^32 - 1 waiters");
                self.slots.push(joined);
                slot
            }
        };
        match self.last {
            NONE => self.first = slot,
            last => self.linked(last).after = slot,
        }
        self.last = slot;
        self.waiting += 1;
        self.check();
        slot
    }

    /// Grants to the first in line what `make` makes of its payload. Somebody must be waiting.
    ///
    /// `make` also returns what the caller wants to keep of the payload.
    #[inline]
    pub(crate) fn grant_first<R>(&mut self, make: impl FnOnce(P) -> (G, R)) -> (Waker, R) {
        self.grant_at(self.first, make)
    }

    /// The first in line from `from` on (or from the front) whose payload `matches`.
    pub(crate) fn next_matching(&self, from: Option<u32>, mut matches: impl FnMut(&P) -> bool) -> Option<u32> {
        let mut at = from.unwrap_or(self.first);
        while let Some(Slot::Waiting(waiter)) = self.slots.get(at as usize) {
            if matches(&waiter.payload) {
                return Some(at);
            }
            at = waiter.after;
        }
        None
    }

    /// The one behind a waiter.
    pub(crate) fn after(&self, slot: u32) -> u32 {
        match &self.slots[slot as usize] {
            Slot::Waiting(waiter) => waiter.after,
            Slot::Granted(_) | Slot::Vacant { .. } => NONE,
        }
    }

    /// As [`grant_first`](Self::grant_first), to the one in this slot, who must be waiting.
    pub(crate) fn grant_at<R>(&mut self, slot: u32, make: impl FnOnce(P) -> (G, R)) -> (Waker, R) {
        let slot = slot as usize;
        let Slot::Waiting(waiter) = mem::replace(&mut self.slots[slot], Slot::Vacant { next: NONE }) else {
            unreachable!("by invariant 2")
        };
        self.unlink(waiter.before, waiter.after);
        let (grant, kept) = make(waiter.payload);
        self.slots[slot] = Slot::Granted(grant);
        self.granted += 1;
        self.check();
        (waiter.waker, kept)
    }

    #[inline]
    pub(crate) fn claim(&mut self, slot: u32) -> Option<G> {
        if self.waker(slot).is_some() {
            return None;
        }
        let Slot::Granted(grant) = mem::replace(&mut self.slots[slot as usize], Slot::Vacant { next: self.vacant })
        else {
            unreachable!("by invariant 1")
        };
        self.granted -= 1;
        self.vacate(slot);
        Some(grant)
    }

    pub(crate) fn leave(&mut self, slot: u32) -> Left<G, P> {
        let left = match mem::replace(&mut self.slots[slot as usize], Slot::Vacant { next: self.vacant }) {
            Slot::Waiting(Waiter { waker, payload, before, after }) => {
                self.unlink(before, after);
                Left::Waiting { waker, payload }
            }
            Slot::Granted(grant) => {
                self.granted -= 1;
                Left::Granted(grant)
            }
            Slot::Vacant { .. } => unreachable!("by invariant 1"),
        };
        self.vacate(slot);
        left
    }

    /// This slot is the first of the vacant ones now.
    #[inline]
    fn vacate(&mut self, slot: u32) {
        self.vacant = slot;
        if self.slots.len() > KEPT && self.waiting + self.granted == 0 {
            self.shrink();
        }
        self.check();
    }

    #[cold]
    fn shrink(&mut self) {
        self.slots.clear();
        self.slots.shrink_to(KEPT);
        self.vacant = NONE;
    }

    #[inline]
    fn unlink(&mut self, before: u32, after: u32) {
        match before {
            NONE => self.first = after,
            before => self.linked(before).after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.linked(after).before = before,
        }
        self.waiting -= 1;
    }

    #[inline]
    fn linked(&mut self, slot: u32) -> &mut Waiter<P> {
        match &mut self.slots[slot as usize] {
            Slot::Waiting(waiter) => waiter,
            Slot::Granted(_) | Slot::Vacant { .. } => unreachable!("by invariant 2"),
        }
    }

    #[inline]
    fn check(&self) {
        if !cfg!(debug_assertions) {
            return;
        }
        let (waiting, granted, slots) = (self.waiting(), self.granted(), self.slots.len());
        let ends = [self.first, self.last].map(|slot| self.slots.get(slot as usize));
        match ends {
            [None, None] => assert_eq!(waiting, 0, "invariant 2: an empty line has no ends"),
            [Some(Slot::Waiting(first)), Some(Slot::Waiting(last))] => {
                assert!(waiting > 0 && first.before == NONE && last.after == NONE, "invariant 2: the ends are ends");
            }
            _ => panic!("invariant 2: only who waits is in line"),
        }
        assert_eq!(self.vacant == NONE, waiting + granted == slots, "invariant 3: what is not in use is vacant");
        assert!(waiting + granted > 0 || slots <= KEPT, "invariant 5: no tickets, few slots");
        if slots <= CHECKED {
            self.check_every_slot();
        }
    }

    fn check_every_slot(&self) {
        let count = |kind: fn(&Slot<G, P>) -> bool| self.slots.iter().filter(|slot| kind(slot)).count();
        assert_eq!(count(|slot| matches!(slot, Slot::Waiting(_))), self.waiting(), "invariant 4: who waits is counted");
        assert_eq!(count(|slot| matches!(slot, Slot::Granted(_))), self.granted(), "invariant 4: grants are counted");

        let (mut before, mut at) = (NONE, self.first);
        for _ in 0..self.waiting {
            let Slot::Waiting(waiter) = &self.slots[at as usize] else {
                panic!("invariant 2: only who waits is in line")
            };
            assert_eq!(waiter.before, before, "invariant 2: the links mirror each other");
            (before, at) = (at, waiter.after);
        }
        assert_eq!((before, at), (self.last, NONE), "invariant 2: the line ends with the last");

        let mut at = self.vacant;
        for _ in 0..self.slots.len() - self.waiting() - self.granted() {
            let Slot::Vacant { next } = self.slots[at as usize] else {
                panic!("invariant 3: only the vacant are chained")
            };
            at = next;
        }
        assert_eq!(at, NONE, "invariant 3: the chain ends");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(line: &mut Line<(), ()>) -> u32 {
        line.join((), Waker::noop().clone())
    }

    #[test]
    fn a_free_slot_is_used_again() {
        let mut line = Line::new();
        for _ in 0..1000 {
            let (leaving, granted) = (join(&mut line), join(&mut line));
            assert!(matches!(line.leave(leaving), Left::Waiting { .. }));
            let _ = line.grant_first(|()| ((), ()));
            assert_eq!(line.claim(granted), Some(()));
        }
        assert_eq!(line.slots.len(), 2);
    }

    #[test]
    fn a_burst_of_waiters_does_not_bind_memory_for_ever() {
        let mut line = Line::new();
        let burst: Vec<u32> = (0..10_000).map(|_| join(&mut line)).collect();
        let (last, others) = burst.split_last().unwrap();
        for &slot in others {
            let _ = line.leave(slot);
        }
        assert_eq!(line.slots.len(), 10_000);
        let _ = line.leave(*last);
        assert!(line.slots.capacity() <= KEPT);
        assert_eq!(join(&mut line), 0);
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_wait_without_a_payload_takes_32_bytes() {
        assert_eq!(size_of::<Slot<(), ()>>(), 32);
        assert_eq!(size_of::<Slot<[u64; 3], ()>>(), 32);
    }
}
