//! The queue as its owners see it: tickets are checked here, and everything else is the `Line`'s.

use std::fmt;
use std::task::Waker;

use crate::line::{Line, LineId};
use crate::wake_list::WakeList;

/// A first-in, first-out queue of waiting tasks, to whom something is handed over.
///
/// `G` is what a waiter is granted (a permit `()`, an item), `P` is what it brings along (the item of a sender). The
/// owner holds the queue as plain data under its own lock. No method runs foreign code: wakers are never cloned, woken
/// or dropped inside but handed out, and so are grants and payloads. Wake and drop them after unlocking.
///
/// A new queue is one word and owns no memory; the first waiter allocates, and the slots are used again.
///
/// # Examples
///
/// ```
/// use std::task::Waker;
/// use anyio_wait_queue::WaitQueue;
///
/// let mut queue = WaitQueue::<&str>::new();
/// let mut ticket = Some(queue.join((), Waker::noop().clone()));
/// assert_eq!(queue.claim(&mut ticket), None);
///
/// let (waker, ()) = queue.grant("your turn").unwrap();
/// waker.wake();
///
/// assert_eq!(queue.claim(&mut ticket), Some("your turn"));
/// assert!(ticket.is_none());
/// ```
pub struct WaitQueue<G = (), P = ()> {
    line: Option<Box<Line<G, P>>>,
}

impl<G, P> WaitQueue<G, P> {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { line: None }
    }

    /// Goes to the back of the line.
    ///
    /// The ticket ends in [`claim`](Self::claim) or in [`leave`](Self::leave), whatever happens to the waiting future.
    #[inline]
    pub fn join(&mut self, payload: P, waker: Waker) -> Ticket {
        let line = self.line.get_or_insert_with(|| Box::new(Line::new()));
        Ticket { line: line.id(), slot: line.join(payload, waker) }
    }

    /// Grants to the first in line that has no grant yet, and takes its payload.
    ///
    /// The waiter is woken by the caller, after unlocking, and finds the grant when it claims.
    ///
    /// # Errors
    ///
    /// Gives the grant back if nobody waits.
    #[inline]
    pub fn grant(&mut self, grant: G) -> Result<(Waker, P), G> {
        match &mut self.line {
            Some(line) if line.waiting() > 0 => Ok(line.grant_first(|payload| (grant, payload))),
            _ => Err(grant),
        }
    }

    /// Grants to the first `limit` in line, or to all if there are fewer.
    ///
    /// `make` turns each payload into the grant, so what a waiter brought along can be given back to it. The length of
    /// the list says how many got one. `make` runs under the caller's lock and must not panic: that waiter would have
    /// neither payload nor grant, and those before it would not be woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::task::Waker;
    /// use anyio_wait_queue::WaitQueue;
    ///
    /// // A permit count: two come back, one is waited for.
    /// let (mut permits, mut queue) = (0, WaitQueue::<()>::new());
    /// let mut ticket = Some(queue.join((), Waker::noop().clone()));
    ///
    /// let woken = queue.grant_many(2, |()| ());
    /// permits += 2 - woken.len();
    /// woken.wake();
    ///
    /// assert_eq!(queue.claim(&mut ticket), Some(()));
    /// assert_eq!(permits, 1);
    /// ```
    pub fn grant_many(&mut self, limit: usize, mut make: impl FnMut(P) -> G) -> WakeList {
        let Some(line) = &mut self.line else { return WakeList::new() };
        let count = limit.min(line.waiting());
        let mut woken = WakeList::with_capacity(count);
        for _ in 0..count {
            woken.push(line.grant_first(|payload| (make(payload), ())).0);
        }
        woken
    }

    /// Grants to everybody in line: an event is set, a channel closes.
    ///
    /// `make` is that of [`grant_many`](Self::grant_many).
    pub fn grant_all(&mut self, make: impl FnMut(P) -> G) -> WakeList {
        self.grant_many(usize::MAX, make)
    }

    /// Grants to everybody whose payload `matches`, wherever they stand in line: one of several owners is gone.
    ///
    /// It looks at each waiter. `make` is that of [`grant_many`](Self::grant_many), and `matches` must not panic either.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::task::Waker;
    /// use anyio_wait_queue::WaitQueue;
    ///
    /// let mut queue = WaitQueue::<&str, char>::new();
    /// let mut tickets = ['a', 'b', 'a'].map(|owner| Some(queue.join(owner, Waker::noop().clone())));
    ///
    /// queue.grant_where(|&owner| owner == 'a', |_| "closed").wake();
    /// assert_eq!(tickets.each_mut().map(|ticket| queue.claim(ticket)), [Some("closed"), None, Some("closed")]);
    /// ```
    pub fn grant_where(&mut self, mut matches: impl FnMut(&P) -> bool, mut make: impl FnMut(P) -> G) -> WakeList {
        let mut woken = WakeList::new();
        let Some(line) = &mut self.line else { return woken };
        let mut from = None;
        while let Some(slot) = line.next_matching(from, &mut matches) {
            from = Some(line.after(slot));
            woken.push(line.grant_at(slot, |payload| (make(payload), ())).0);
        }
        woken
    }

    /// Takes the grant if it is there, and with it the ticket: the wait is over.
    ///
    /// `None` means to go on waiting, or to [`join`](Self::join) if there is no ticket.
    ///
    /// # Panics
    ///
    /// When the ticket is another queue's.
    #[must_use = "what was granted is lost if it is not used"]
    #[inline]
    pub fn claim(&mut self, ticket: &mut Option<Ticket>) -> Option<G> {
        // Taken out first: a future that panics here with a foreign ticket does not panic again when it is dropped.
        let taken = ticket.take()?;
        let grant = self.line_of(&taken).claim(taken.slot);
        if grant.is_none() {
            *ticket = Some(taken);
        }
        grant
    }

    /// Steps out of the line, before or after the grant.
    ///
    /// A waiting future calls it when it is dropped or cancelled. Who leaves with a grant passes it on.
    ///
    /// # Panics
    ///
    /// When the ticket is another queue's.
    pub fn leave(&mut self, ticket: Ticket) -> Left<G, P> {
        self.line_of(&ticket).leave(ticket.slot)
    }

    /// Whether the task of `waker` is the one that a grant will wake, so that no other waker need be cloned.
    ///
    /// `false` once there is a grant: [`claim`](Self::claim) comes first.
    ///
    /// # Panics
    ///
    /// When the ticket is another queue's.
    #[inline]
    pub fn will_wake(&self, ticket: &Ticket, waker: &Waker) -> bool {
        match &self.line {
            Some(line) if line.id() == ticket.line => line.waker(ticket.slot).is_some_and(|held| held.will_wake(waker)),
            _ => foreign_ticket(),
        }
    }

    /// Exchanges the waker of a waiter, which keeps its place.
    ///
    /// Returns the one to drop after unlocking: the old one, or the given one if the grant is there already.
    ///
    /// # Panics
    ///
    /// When the ticket is another queue's.
    #[must_use = "drop it after unlocking"]
    pub fn refresh(&mut self, ticket: &Ticket, waker: Waker) -> Waker {
        match self.line_of(ticket).waker_mut(ticket.slot) {
            Some(held) => std::mem::replace(held, waker),
            None => waker,
        }
    }

    /// What the first in line without a grant brought along.
    #[inline]
    pub fn first(&self) -> Option<&P> {
        self.line.as_ref()?.first_payload()
    }

    /// How many wait for a grant.
    #[inline]
    pub fn waiting(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.waiting())
    }

    /// How many have been granted something that they have not claimed yet.
    pub fn granted(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.granted())
    }

    /// Whether nobody waits for a grant; some may still have one to claim.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiting() == 0
    }

    #[inline]
    fn line_of(&mut self, ticket: &Ticket) -> &mut Line<G, P> {
        match &mut self.line {
            Some(line) if line.id() == ticket.line => line,
            _ => foreign_ticket(),
        }
    }
}

impl<G, P> Default for WaitQueue<G, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G, P> fmt::Debug for WaitQueue<G, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue").field("waiting", &self.waiting()).field("granted", &self.granted()).finish()
    }
}

/// A place in the line of one [`WaitQueue`].
///
/// There is one for each wait, it cannot be copied, and whatever ends the wait consumes it: no ticket is ever stale.
/// One that is merely dropped stays in line, and what is granted to it is lost.
#[must_use = "claim or leave with it, or what is granted to it is lost"]
pub struct Ticket {
    line: LineId,
    slot: u32,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// What a waiter that left the line takes away. There is no third case.
#[must_use = "pass the grant on, and drop the waker after unlocking"]
pub enum Left<G = (), P = ()> {
    /// It had no grant.
    Waiting {
        /// To drop after unlocking.
        waker: Waker,
        /// What it brought along.
        payload: P,
    },
    /// It had this grant, and its waker has been handed out.
    Granted(G),
}

impl<G, P> fmt::Debug for Left<G, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { .. } => f.debug_struct("Waiting").finish_non_exhaustive(),
            Self::Granted(_) => f.write_str("Granted(..)"),
        }
    }
}

#[cold]
#[track_caller]
fn foreign_ticket() -> ! {
    panic!("the ticket belongs to another wait queue")
}
