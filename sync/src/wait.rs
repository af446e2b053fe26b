//! One wait for a grant, which is a checkpoint: the core of every waiting operation of this crate.
//!
//! What is waited at is a [`Turnstile`]: a short lock around a [`Ledger`], plain data with a queue in it. The wait asks the
//! ledger, joins its queue, and leaves it when it is cancelled or dropped.
//!
//! # Invariants
//! 1. Nothing foreign runs under a turnstile's lock: wakers and what claims carry are cloned before it, woken and dropped
//!    after it.
//! 2. A grant is never lost: who has it returns it, or gives it back to the ledger, which hands it on.

use std::{
    fmt,
    ops::Deref,
    panic::Location,
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{Cancelled, Checkpoint, Verb};
use anyio_wait_queue::{Left, Ticket, WaitQueue, WakeList};

/// Where an operation was called.
pub(crate) type Place = &'static Location<'static>;

/// What is free, and who waits for it.
pub(crate) trait Ledger {
    /// What somebody asks for.
    type Claim: Clone;

    fn queue(&mut self) -> &mut WaitQueue<(), Self::Claim>;

    /// Takes what is claimed if it is free, for one who comes new: nothing is, as long as anybody waits (H1).
    fn take(&mut self, claim: &Self::Claim) -> bool;

    /// Hands on what was granted to one who leaves: to the next in line, or back.
    fn give_back(&mut self, claim: &Self::Claim) -> Woken;

    /// Somebody left the line who had no grant.
    fn close_ranks(&mut self) -> Woken {
        Woken::Nobody
    }
}

/// Who is to be woken after unlocking: mostly one at most.
#[must_use = "wake it after unlocking"]
pub(crate) enum Woken {
    Nobody,
    One(Waker),
    Several(Box<WakeList>),
}

impl Woken {
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        match self {
            Self::Nobody => *self = Self::One(waker),
            Self::One(_) => {
                let mut several = Box::<WakeList>::default();
                if let Self::One(first) = std::mem::replace(self, Self::Nobody) {
                    several.push(first);
                }
                several.push(waker);
                *self = Self::Several(several);
            }
            Self::Several(several) => several.push(waker),
        }
    }

    pub(crate) fn wake(self) {
        match self {
            Self::Nobody => {}
            Self::One(waker) => waker.wake(),
            Self::Several(several) => several.wake(),
        }
    }
}

/// A ledger with a lock around it.
pub(crate) trait Turnstile {
    type Ledger: Ledger;

    fn with<R>(&self, act: impl FnOnce(&mut Self::Ledger) -> R) -> R;

    /// Takes what is claimed without the lock, if that can be.
    fn pass(&self, _claim: &ClaimOf<Self>) -> bool {
        false
    }

    /// Takes what is claimed if it is free and nobody waits.
    fn try_take(&self, claim: &ClaimOf<Self>) -> bool {
        self.pass(claim) || self.with(|ledger| ledger.take(claim))
    }
}

pub(crate) type ClaimOf<T> = <<T as Turnstile>::Ledger as Ledger>::Claim;

pub(crate) struct Wait<P: Deref<Target: Turnstile>> {
    at: P,
    claim: ClaimOf<P::Target>,
    verb: Verb,
    place: Place,
    /// What a wait has that is not granted at once.
    slow: Option<Slow>,
}

struct Slow {
    checkpoint: Checkpoint,
    ticket: Option<Ticket>,
}

/// What came of a look at the ledger.
enum Look {
    Granted,
    Waiting,
    /// To wait, it takes a waker.
    NeedsWaker,
}

impl<P: Deref<Target: Turnstile>> Wait<P> {
    pub(crate) fn new(at: P, claim: ClaimOf<P::Target>, verb: Verb, place: Place) -> Self {
        Self { at, claim, verb, place, slow: None }
    }

    pub(crate) fn at(&self) -> &P {
        &self.at
    }

    #[inline]
    pub(crate) fn is_in_line(&self) -> bool {
        self.slow.as_ref().is_some_and(|slow| slow.ticket.is_some())
    }

    /// Claims something else, before it is in line.
    pub(crate) fn set_claim(&mut self, claim: ClaimOf<P::Target>) {
        self.claim = claim;
    }

    pub(crate) fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        self.begun(false).2.checkpoint.poll_entry(cx)
    }

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        let entered = self.slow.is_none() && Checkpoint::enters_at_once();
        if entered && self.at.pass(&self.claim) {
            return Poll::Ready(Ok(()));
        }
        self.poll_later(cx, entered)
    }

    /// Waits whatever is cancelled.
    pub(crate) fn poll_shielded(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (at, claim, slow) = self.begun(true);
        let polled = poll_grant(&**at, claim, &mut slow.ticket, cx);
        if polled.is_pending() {
            slow.checkpoint.note();
        }
        polled
    }

    #[inline]
    fn begun(&mut self, entered: bool) -> (&P, &ClaimOf<P::Target>, &mut Slow) {
        let Self { at, claim, verb, place, slow } = self;
        let begin = || Slow { checkpoint: Checkpoint::after(entered, verb, place), ticket: None };
        (at, claim, slow.get_or_insert_with(begin))
    }

    /// Polls a wait that was not granted what it waits for as it came.
    #[inline]
    fn poll_later(&mut self, cx: &mut Context<'_>, entered: bool) -> Poll<Result<(), Cancelled>> {
        let (at, claim, slow) = self.begun(entered);
        ready!(slow.checkpoint.poll_entry(cx))?;
        if poll_grant(&**at, claim, &mut slow.ticket, cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let cancelled = ready!(slow.checkpoint.poll_pending(cx));
        // Out of line, though the future may be kept. What came at the last moment is still taken (R3).
        Poll::Ready(if self.step_out() { Ok(()) } else { Err(cancelled) })
    }

    /// Ends the wait, and hands on what was granted to it.
    #[cold]
    fn leave(&mut self) {
        if self.step_out() {
            self.at.with(|ledger| ledger.give_back(&self.claim)).wake();
        }
    }

    /// Ends the wait. Whether it was granted what it waited for.
    fn step_out(&mut self) -> bool {
        let Some(ticket) = self.slow.as_mut().and_then(|slow| slow.ticket.take()) else { return false };
        let (left, woken) = self.at.with(|ledger| {
            let left = ledger.queue().leave(ticket);
            let woken = if matches!(left, Left::Waiting { .. }) { ledger.close_ranks() } else { Woken::Nobody };
            (left, woken)
        });
        woken.wake();
        matches!(left, Left::Granted(()))
    }
}

#[inline]
fn poll_grant<T: Turnstile + ?Sized>(
    at: &T,
    claim: &ClaimOf<T>,
    ticket: &mut Option<Ticket>,
    cx: &Context<'_>,
) -> Poll<()> {
    let looked = match ticket {
        None => Look::NeedsWaker,
        Some(_) => at.with(|ledger| look(ledger, ticket, claim, cx.waker())),
    };
    match looked {
        Look::Granted => Poll::Ready(()),
        Look::Waiting => Poll::Pending,
        Look::NeedsWaker => wait_with(at, claim, ticket, cx.waker().clone()),
    }
}

/// Looks once more, and joins the line with this waker, or keeps its place there.
fn wait_with<T: Turnstile + ?Sized>(at: &T, claim: &ClaimOf<T>, ticket: &mut Option<Ticket>, waker: Waker) -> Poll<()> {
    let brought = claim.clone();
    let (polled, unused) = at.with(|ledger| match (look(ledger, ticket, claim, &waker), &*ticket) {
        (Look::Granted, _) => (Poll::Ready(()), (Some(waker), Some(brought))),
        (_, Some(held)) => (Poll::Pending, (Some(ledger.queue().refresh(held, waker)), Some(brought))),
        (_, None) => {
            *ticket = Some(ledger.queue().join(brought, waker));
            (Poll::Pending, (None, None))
        }
    });
    drop(unused);
    polled
}

/// Takes what was granted to the ticket, or what is free if there is no ticket; else sees whether it waits already with
/// this waker.
#[inline]
fn look<L: Ledger>(ledger: &mut L, ticket: &mut Option<Ticket>, claim: &L::Claim, waker: &Waker) -> Look {
    let taken = if ticket.is_some() { ledger.queue().claim(ticket).is_some() } else { ledger.take(claim) };
    match &*ticket {
        _ if taken => Look::Granted,
        Some(held) if ledger.queue().will_wake(held, waker) => Look::Waiting,
        _ => Look::NeedsWaker,
    }
}

impl<P: Deref<Target: Turnstile>> Drop for Wait<P> {
    #[inline]
    fn drop(&mut self) {
        if self.slow.is_some() {
            if self.is_in_line() {
                self.leave();
            }
            self.slow = None;
        }
    }
}

impl<P: Deref<Target: Turnstile>> fmt::Debug for Wait<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("verb", &self.verb)
            .field("place", &self.place)
            .field("waits", &self.is_in_line())
            .finish()
    }
}
