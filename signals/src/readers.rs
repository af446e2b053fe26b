//! The open receivers, as plain data: who gets a delivery, who waits, what is unread.
//!
//! The owner's lock is held around each transition. What is to be woken or dropped is handed out.
//!
//! # Invariants
//! 1. Of a receiver, somebody waits without a grant only while nothing is unread. So who comes new overtakes nobody, and
//!    what is taken comes in order.
//! 2. A delivery goes to every receiver that is in the map and asked for the signal: once, granted or unread.

use std::{collections::BTreeMap, task::Waker};

use anyio_wait_queue::{Left, Ticket, WaitQueue, WakeList};

use crate::{Signal, set::SignalSet, unread::Unread};

/// The name of an open receiver, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ReaderId(u64);

/// In the order in which they were opened, which is the order in which their tasks are woken.
pub(crate) struct Readers {
    open: BTreeMap<ReaderId, Reader>,
    opened: u64,
}

/// What belongs to one receiver.
pub(crate) struct Reader {
    signals: SignalSet,
    unread: Unread,
    waiting: WaitQueue<Signal>,
}

/// What became of an attempt to take a delivery.
pub(crate) enum Take {
    Taken(Signal),
    Waiting,
    /// To wait, it takes a waker.
    NeedsWaker,
}

impl Readers {
    pub(crate) const fn new() -> Self {
        Self { open: BTreeMap::new(), opened: 0 }
    }

    pub(crate) fn open(&mut self, signals: SignalSet) -> ReaderId {
        let id = ReaderId(self.opened);
        self.opened += 1;
        self.open.insert(id, Reader { signals, unread: Unread::new(), waiting: WaitQueue::new() });
        id
    }

    #[must_use = "drop it after unlocking"]
    pub(crate) fn close(&mut self, id: ReaderId) -> Option<Reader> {
        self.open.remove(&id)
    }

    pub(crate) fn deliver(&mut self, signal: Signal, woken: &mut WakeList) {
        for reader in self.open.values_mut().filter(|reader| reader.signals.contains(signal)) {
            match reader.waiting.grant(signal) {
                Ok((waker, ())) => woken.push(waker),
                Err(signal) => reader.unread.push(signal),
            }
            reader.check();
        }
    }

    /// Notes that `count` deliveries of the signal did not get here.
    pub(crate) fn lose(&mut self, signal: Signal, count: u64) {
        for reader in self.open.values_mut().filter(|reader| reader.signals.contains(signal)) {
            reader.unread.lose(count);
        }
    }

    pub(crate) fn lost(&self, id: ReaderId) -> u64 {
        self.open.get(&id).map_or(0, |reader| reader.unread.lost())
    }

    /// Takes the next delivery, for somebody who does not wait.
    pub(crate) fn take(&mut self, id: ReaderId) -> Option<Signal> {
        self.open.get_mut(&id)?.unread.pop()
    }

    /// Takes what was granted to the ticket, or the next delivery if there is no ticket; else sees whether it waits
    /// already with this waker.
    pub(crate) fn poll(&mut self, id: ReaderId, ticket: &mut Option<Ticket>, waker: &Waker) -> Take {
        let Some(reader) = self.open.get_mut(&id) else { return Take::NeedsWaker };
        let taken = if ticket.is_some() { reader.waiting.claim(ticket) } else { reader.unread.pop() };
        match (taken, &*ticket) {
            (Some(signal), _) => Take::Taken(signal),
            (None, Some(held)) if reader.waiting.will_wake(held, waker) => Take::Waiting,
            (None, _) => Take::NeedsWaker,
        }
    }

    /// The same, with a waker to wait with. The one that is not needed any more comes back.
    pub(crate) fn wait(&mut self, id: ReaderId, ticket: &mut Option<Ticket>, waker: Waker) -> (Take, Option<Waker>) {
        match (self.poll(id, ticket, &waker), self.open.get_mut(&id), &*ticket) {
            (Take::NeedsWaker, Some(reader), Some(held)) => (Take::Waiting, Some(reader.waiting.refresh(held, waker))),
            (Take::NeedsWaker, Some(reader), None) => {
                *ticket = Some(reader.waiting.join((), waker));
                reader.check();
                (Take::Waiting, None)
            }
            (taken, ..) => (taken, Some(waker)),
        }
    }

    /// Ends a wait. What was granted to it, and the waker that is no longer needed, come out.
    pub(crate) fn leave(&mut self, id: ReaderId, ticket: Ticket) -> (Option<Signal>, Option<Waker>) {
        match self.open.get_mut(&id).map(|reader| reader.waiting.leave(ticket)) {
            Some(Left::Granted(signal)) => (Some(signal), None),
            Some(Left::Waiting { waker, payload: () }) => (None, Some(waker)),
            None => (None, None),
        }
    }

    /// Ends a wait, and passes on what was granted to it: to the next in line, or back to the front.
    pub(crate) fn pass_on(&mut self, id: ReaderId, ticket: Ticket) -> PassedOn {
        let (granted, stale) = self.leave(id, ticket);
        let mut passed = PassedOn { woken: None, _stale: stale };
        if let (Some(signal), Some(reader)) = (granted, self.open.get_mut(&id)) {
            match reader.waiting.grant(signal) {
                Ok((waker, ())) => passed.woken = Some(waker),
                Err(signal) => reader.unread.give_back(signal),
            }
            reader.check();
        }
        passed
    }
}

/// Wakers that come out of [`Readers::pass_on`].
#[must_use = "wake it after unlocking"]
pub(crate) struct PassedOn {
    woken: Option<Waker>,
    _stale: Option<Waker>,
}

impl PassedOn {
    pub(crate) fn wake(self) {
        if let Some(waker) = self.woken {
            waker.wake();
        }
    }
}

impl Reader {
    pub(crate) fn signals(&self) -> SignalSet {
        self.signals
    }

    fn check(&self) {
        debug_assert!(self.unread.is_empty() || self.waiting.is_empty(), "invariant 1");
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, task::Wake};

    use super::*;

    fn set(signals: &[Signal]) -> SignalSet {
        SignalSet::new(signals).unwrap()
    }

    fn deliver(readers: &mut Readers, signals: &[Signal]) -> usize {
        let mut woken = WakeList::new();
        signals.iter().for_each(|&signal| readers.deliver(signal, &mut woken));
        woken.len()
    }

    fn waits(readers: &mut Readers, id: ReaderId) -> Option<Ticket> {
        let mut ticket = None;
        assert!(matches!(readers.wait(id, &mut ticket, Waker::noop().clone()), (Take::Waiting, None)));
        assert!(ticket.is_some());
        ticket
    }

    fn taken(readers: &mut Readers, id: ReaderId, ticket: &mut Option<Ticket>) -> Option<Signal> {
        match readers.poll(id, ticket, Waker::noop()) {
            Take::Taken(signal) => Some(signal),
            _ => None,
        }
    }

    #[test]
    fn every_reader_gets_what_it_asked_for() {
        let mut readers = Readers::new();
        let both = readers.open(set(&[Signal::USR1, Signal::USR2]));
        let one = readers.open(set(&[Signal::USR2]));
        deliver(&mut readers, &[Signal::USR1, Signal::USR2, Signal::TERM]);
        let late = readers.open(set(&[Signal::USR2]));
        assert_eq!(
            [readers.take(both), readers.take(both), readers.take(both)],
            [Some(Signal::USR1), Some(Signal::USR2), None]
        );
        assert_eq!([readers.take(one), readers.take(one)], [Some(Signal::USR2), None]);
        assert_eq!(readers.take(late), None);
    }

    #[test]
    fn deliveries_are_handed_to_those_who_wait_in_their_order() {
        let mut readers = Readers::new();
        let id = readers.open(set(&[Signal::USR1, Signal::USR2]));
        let (mut first, mut second) = (waits(&mut readers, id), waits(&mut readers, id));
        assert_eq!(deliver(&mut readers, &[Signal::USR1, Signal::USR2, Signal::USR1]), 2);
        assert_eq!(taken(&mut readers, id, &mut second), Some(Signal::USR2));
        assert_eq!(taken(&mut readers, id, &mut first), Some(Signal::USR1));
        assert_eq!(readers.take(id), Some(Signal::USR1));
    }

    #[test]
    fn who_leaves_after_the_grant_passes_it_on() {
        let mut readers = Readers::new();
        let id = readers.open(set(&[Signal::USR1, Signal::USR2]));
        let (first, mut second) = (waits(&mut readers, id), waits(&mut readers, id));
        deliver(&mut readers, &[Signal::USR1]);
        assert!(readers.pass_on(id, first.unwrap()).woken.is_some());
        assert_eq!(taken(&mut readers, id, &mut second), Some(Signal::USR1));
    }

    #[test]
    fn what_nobody_else_waits_for_goes_back_to_the_front() {
        let mut readers = Readers::new();
        let id = readers.open(set(&[Signal::USR1, Signal::USR2]));
        let only = waits(&mut readers, id);
        deliver(&mut readers, &[Signal::USR1, Signal::USR2]);
        assert!(readers.pass_on(id, only.unwrap()).woken.is_none());
        assert_eq!([readers.take(id), readers.take(id)], [Some(Signal::USR1), Some(Signal::USR2)]);
    }

    #[test]
    fn a_replaced_waker_comes_back() {
        let mut readers = Readers::new();
        let id = readers.open(set(&[Signal::USR1]));
        let (first, second) = (Waker::from(Arc::new(Nothing)), Waker::from(Arc::new(Nothing)));
        let mut ticket = None;
        assert!(matches!(readers.wait(id, &mut ticket, first.clone()), (Take::Waiting, None)));
        assert!(matches!(readers.poll(id, &mut ticket, &first), Take::Waiting));
        assert!(matches!(readers.poll(id, &mut ticket, &second), Take::NeedsWaker));
        let (take, stale) = readers.wait(id, &mut ticket, second);
        assert!(matches!(take, Take::Waiting));
        assert!(stale.unwrap().will_wake(&first));
    }

    struct Nothing;

    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn losses_are_counted_for_those_who_asked_for_the_signal() {
        let mut readers = Readers::new();
        let (one, other) = (readers.open(set(&[Signal::USR1])), readers.open(set(&[Signal::USR2])));
        readers.lose(Signal::USR1, 3);
        assert_eq!((readers.lost(one), readers.lost(other)), (3, 0));
    }

    #[test]
    fn a_closed_reader_takes_what_it_has_along() {
        let mut readers = Readers::new();
        let (one, other) = (readers.open(set(&[Signal::USR1])), readers.open(set(&[Signal::USR1])));
        deliver(&mut readers, &[Signal::USR1]);
        assert_eq!(readers.close(one).unwrap().signals(), set(&[Signal::USR1]));
        assert!(readers.close(one).is_none());
        assert_eq!(readers.take(other), Some(Signal::USR1));
    }
}
