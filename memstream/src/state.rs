//! The channel: a buffer, a line of senders and a line of receivers. Pure data; who holds the lock wakes and drops after it.
//!
//! ```text
//!   senders in line ──▶ buffer ──▶ receivers in line
//!   (each with its item)           (each is granted an item)
//! ```
//!
//! # Invariants
//! 1. Nobody in the receivers' line waits while there is an item to take: in the buffer, or with a sender in line.
//! 2. Nobody in the senders' line waits while there is room in the buffer.
//! 3. The buffer holds more than `capacity` only after an item came back from a receiver that was granted it and left.
//! 4. An item is in one place: with its sender, in the buffer, or granted to a receiver. It moves under the lock.
//! 5. When no receiver is open, the buffer is empty and no sender waits; when no sender is open, no receiver waits.

use std::{collections::VecDeque, task::Waker};

use anyio_wait_queue::{Left, Ticket, WaitQueue, WakeList};

use crate::MemoryObjectStreamStatistics;

/// Which clone it is. No number comes twice, however long clones are made.
pub(crate) type EndId = u64;

/// Why a wait ended without what it waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// The end that waited was closed.
    Closed,
    /// The other side has no end left.
    Gone,
}

/// What a sender in line is granted: that its item was taken, or the item itself.
pub(crate) type Sent<T> = Result<(), (T, Why)>;

/// What a receiver in line is granted.
pub(crate) type Received<T> = Result<T, Why>;

pub(crate) struct State<T> {
    buffer: VecDeque<T>,
    /// `None` for no bound.
    capacity: Option<usize>,
    /// The same as a number.
    limit: usize,
    senders: WaitQueue<Sent<T>, (EndId, T)>,
    receivers: WaitQueue<Received<T>, EndId>,
    open_senders: usize,
    open_receivers: usize,
    next_id: EndId,
    peak: usize,
    dropped: usize,
}

/// What a send or a receive came to.
pub(crate) enum Step<T, D> {
    /// It is done, and this is to be woken.
    Done(D, Option<Waker>),
    /// It has to wait. A send gets its item back until then.
    Wait(T),
}

impl<T> State<T> {
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        Self {
            buffer: VecDeque::new(),
            capacity,
            limit: capacity.unwrap_or(usize::MAX),
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
            open_senders: 0,
            open_receivers: 0,
            next_id: 0,
            peak: 0,
            dropped: 0,
        }
    }

    fn next_id(&mut self) -> EndId {
        self.next_id += 1;
        self.next_id
    }

    /// A new send end, open if what it was cloned from is.
    pub(crate) fn add_sender(&mut self, open: bool) -> EndId {
        self.open_senders += usize::from(open);
        self.next_id()
    }

    /// A new receive end, open if what it was cloned from is.
    pub(crate) fn add_receiver(&mut self, open: bool) -> EndId {
        self.open_receivers += usize::from(open);
        self.next_id()
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.buffer.len() < self.limit
    }

    /// How many items are buffered; without a buffer, how many wait with one, less how many wait for one.
    #[inline]
    pub(crate) fn level(&self) -> isize {
        if self.limit > 0 {
            return self.buffer.len() as isize;
        }
        self.senders.waiting() as isize - self.receivers.waiting() as isize
    }

    #[inline]
    fn put(&mut self, item: T) {
        self.buffer.push_back(item);
        if self.peak < self.buffer.len() {
            self.peak = self.buffer.len();
        }
    }

    /// Whether somebody waits for an item.
    #[inline]
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.receivers.is_empty()
    }

    /// Whether somebody waits with an item.
    #[inline]
    pub(crate) fn is_waited_with(&self) -> bool {
        !self.senders.is_empty()
    }

    /// Puts the item into the buffer, if nobody waits for it and there is room.
    #[inline]
    pub(crate) fn buffers(&mut self, item: T) -> Result<(), T> {
        if !self.has_room() || self.open_receivers == 0 {
            return Err(item);
        }
        self.put(item);
        self.check();
        Ok(())
    }

    /// Takes the next item out of the buffer, while nobody waits with another one.
    #[inline]
    pub(crate) fn takes_buffered(&mut self) -> Option<T> {
        self.buffer.pop_front()
    }

    /// Takes the next item, and lets the first in who waits with one. There is one.
    #[inline]
    pub(crate) fn lets_in(&mut self) -> (T, Option<Waker>) {
        let taken = match self.buffer.pop_front() {
            Some(item) => (item, self.refill()),
            None => match self.senders.grant(Ok(())) {
                Ok((waker, (_, item))) => (item, Some(waker)),
                Err(_) => unreachable!("somebody waits"),
            },
        };
        self.check();
        taken
    }

    /// Hands the item over, to the first receiver in line or into the buffer.
    #[inline]
    pub(crate) fn send(&mut self, item: T) -> Step<T, Sent<T>> {
        if self.is_waited_for() {
            return Step::Done(Ok(()), Some(self.hand_over(item)));
        }
        if self.open_receivers == 0 {
            return Step::Done(Err((item, Why::Gone)), None);
        }
        match self.buffers(item) {
            Ok(()) => Step::Done(Ok(()), None),
            Err(item) => Step::Wait(item),
        }
    }

    /// To the first receiver in line, of whom there is one.
    #[inline]
    pub(crate) fn hand_over(&mut self, item: T) -> Waker {
        match self.receivers.grant(Ok(item)) {
            Ok((waker, _)) => waker,
            Err(_) => unreachable!("somebody waits"),
        }
    }

    /// Takes the next item, and lets the first sender in line have the room.
    #[inline]
    pub(crate) fn receive(&mut self) -> Step<(), Received<T>> {
        if self.is_waited_with() {
            let (item, waker) = self.lets_in();
            return Step::Done(Ok(item), waker);
        }
        match self.takes_buffered() {
            Some(item) => Step::Done(Ok(item), None),
            None if self.open_senders == 0 => Step::Done(Err(Why::Gone), None),
            None => Step::Wait(()),
        }
    }

    /// Takes what is in the buffer after the last send end closed.
    pub(crate) fn take_left(&mut self) -> Received<T> {
        self.buffer.pop_front().ok_or(Why::Gone)
    }

    /// By invariant 2, after an item was taken from the buffer: room is made for one at most.
    fn refill(&mut self) -> Option<Waker> {
        if !self.has_room() {
            return None;
        }
        let (waker, (_, item)) = self.senders.grant(Ok(())).ok()?;
        self.put(item);
        Some(waker)
    }

    pub(crate) fn join_senders(&mut self, id: EndId, item: T, waker: Waker) -> Ticket {
        let ticket = self.senders.join((id, item), waker);
        self.check();
        ticket
    }

    pub(crate) fn join_receivers(&mut self, id: EndId, waker: Waker) -> Ticket {
        let ticket = self.receivers.join(id, waker);
        self.check();
        ticket
    }

    pub(crate) fn senders(&mut self) -> &mut WaitQueue<Sent<T>, (EndId, T)> {
        &mut self.senders
    }

    pub(crate) fn receivers(&mut self) -> &mut WaitQueue<Received<T>, EndId> {
        &mut self.receivers
    }

    /// A send leaves the line: what its item came to, or the item.
    pub(crate) fn leave_senders(&mut self, ticket: Ticket) -> (Result<Sent<T>, T>, Option<Waker>) {
        match self.senders.leave(ticket) {
            Left::Waiting { waker, payload: (_, item) } => (Err(item), Some(waker)),
            Left::Granted(sent) => (Ok(sent), None),
        }
    }

    /// A receive leaves the line, and takes what it was granted.
    pub(crate) fn leave_receivers(&mut self, ticket: Ticket) -> (Option<Received<T>>, Option<Waker>) {
        match self.receivers.leave(ticket) {
            Left::Waiting { waker, .. } => (None, Some(waker)),
            Left::Granted(received) => (Some(received), None),
        }
    }

    /// An item that was granted comes back: the next in line gets it, or it is the next to be taken. Gives who is to be woken,
    /// and the item if nobody is left to take it.
    pub(crate) fn pass_on(&mut self, item: T) -> (Option<Waker>, Option<T>) {
        if self.open_receivers == 0 {
            self.dropped += 1;
            return (None, Some(item));
        }
        match self.receivers.grant(Ok(item)) {
            Ok((waker, _)) => (Some(waker), None),
            Err(Ok(item)) => {
                self.buffer.push_front(item);
                self.peak = self.peak.max(self.buffer.len());
                self.check();
                (None, None)
            }
            Err(Err(_)) => unreachable!("it comes back as it was"),
        }
    }

    /// A send end closes: its own sends end, and if it was the last one, so do the receives in line.
    pub(crate) fn close_sender(&mut self, id: EndId) -> WakeList {
        self.open_senders -= 1;
        let mut woken = self.senders.grant_where(|(end, _)| *end == id, |(_, item)| Err((item, Why::Closed)));
        if self.open_senders == 0 {
            woken.append(self.receivers.grant_all(|_| Err(Why::Gone)));
        }
        self.check();
        woken
    }

    /// A receive end closes: its own receives end, and if it was the last one, so do the sends in line. What was buffered then
    /// comes out, to be dropped.
    pub(crate) fn close_receiver(&mut self, id: EndId) -> (WakeList, VecDeque<T>) {
        self.open_receivers -= 1;
        let mut woken = self.receivers.grant_where(|end| *end == id, |_| Err(Why::Closed));
        let mut left = VecDeque::new();
        if self.open_receivers == 0 {
            left = std::mem::take(&mut self.buffer);
            self.dropped += left.len();
            woken.append(self.senders.grant_all(|(_, item)| Err((item, Why::Gone))));
        }
        self.check();
        (woken, left)
    }

    pub(crate) fn statistics(&self) -> MemoryObjectStreamStatistics {
        MemoryObjectStreamStatistics {
            current_buffer_used: self.buffer.len(),
            max_buffer_size: self.capacity,
            open_send_streams: self.open_senders,
            open_receive_streams: self.open_receivers,
            tasks_waiting_send: self.senders.waiting(),
            tasks_waiting_receive: self.receivers.waiting(),
            peak_buffer_used: self.peak,
            dropped: self.dropped,
        }
    }

    fn check(&self) {
        debug_assert!(self.receivers.is_empty() || (self.buffer.is_empty() && self.senders.is_empty()), "invariant 1");
        debug_assert!(self.senders.is_empty() || !self.has_room(), "invariant 2");
        debug_assert!(self.open_receivers > 0 || (self.buffer.is_empty() && self.senders.is_empty()), "invariant 5");
        debug_assert!(self.open_senders > 0 || self.receivers.is_empty(), "invariant 5");
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use super::*;

    #[test]
    fn four_billion_clones_later_no_end_is_taken_for_another() {
        let mut state = State::<()>::new(Some(0));
        let (sender, receiver) = (state.add_sender(true), state.add_receiver(true));
        state.next_id = u32::MAX.into();
        let later: Vec<EndId> = (0..4).flat_map(|_| [state.add_sender(true), state.add_receiver(true)]).collect();
        assert!(!later.contains(&sender) && !later.contains(&receiver));
    }
}
