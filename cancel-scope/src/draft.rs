//! A scope of which nobody knows yet: a limit or a shield that is being polled for the first time.
//!
//! Most of what has a limit is ready at once. So such a scope is a *draft* to begin with: what it says holds for the code
//! inside, but it is no place in the tree. It becomes one when somebody asks for the current scope (an operation with a
//! waker of its own, a scope inside, a look at the deadlines), and else when its future is pending. A limit around
//! what is ready costs one clock read, and neither a lock nor an allocation.
//!
//! ```text
//!   polled ──▶ draft ──ready──▶ nothing was ever made
//!                │ asked for, or pending
//!                ▼
//!              seat ──left──▶ spare ──the next draft of this thread──▶ seat
//! ```
//!
//! A seat that was left is kept for the next draft, with its alarm by the system's clock: one that goes off too early for the
//! scope that has it by then is set again (see [`expiry`](crate::expiry)), so limits that follow each other leave the timers
//! alone.
//!
//! # Invariants
//! 1. A draft is in force on one thread, for one poll, with an end that lies ahead. Nobody has a handle to it, so nothing but
//!    what is above can change what holds in it.
//! 2. Whoever puts a scope or a clock in force inside of a draft makes it a place first. So drafts do not nest, and the clock
//!    in force is that of the first poll.
//! 3. A seat is kept only when nobody else holds its scope, nothing hangs on that, and it was not cancelled.

use std::{
    cell::RefCell,
    task::{Context, Poll, Waker},
    time::Instant,
};

use crate::{
    CancelError, Cause,
    ambient::{self, Drafting, Sight},
    clock::{TimeSource, after},
    expiry::Limit,
    node::{ScopeRef, TIMED},
    scope::exit,
    scope_node::ScopeNode,
    seat::Seat,
    sync::thread_local_cell,
    waker_id::WakerId,
};

/// How many seats a thread keeps.
const MOST_SPARES: usize = 32;

/// In boxes, as a limit holds its seat: they go to and fro without being made anew.
type Spares = Vec<Box<Seat>>;

thread_local_cell! {
    static SPARES: RefCell<Spares> = RefCell::new(Vec::new());
}

/// What a scope will be, if it has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub(crate) flags: u8,
    pub(crate) end: Option<Instant>,
}

impl Draft {
    /// `None`: it has to be a place at once, for its time is over.
    #[inline(always)]
    fn begin(flags: u8, limit: &Limit) -> Option<Self> {
        let end = match limit {
            Limit::Never => None,
            Limit::After(limit) if limit.is_zero() => return None,
            Limit::After(limit) => after(ambient::now(), *limit),
            Limit::At(at) if *at <= ambient::now() => return None,
            Limit::At(at) => Some(*at),
        };
        let timed = if end.is_some() { TIMED } else { 0 };
        Some(Self { flags: flags | timed, end })
    }

    /// Makes it a place in the tree, below the scope `parent`.
    pub(crate) fn make(self, parent: Option<ScopeRef>, clock: TimeSource, waker: Option<&Waker>) -> Box<Seat> {
        let spare = SPARES.try_with(|spares| spares.borrow_mut().pop());
        let mut seat = spare.ok().flatten().unwrap_or_else(|| Box::new(Seat::of_draft()));
        seat.begin(self, parent, clock, waker);
        seat
    }
}

fn keep(seat: Box<Seat>) {
    let mut seat = Some(seat);
    let _ = SPARES.try_with(|spares| {
        let mut spares = spares.borrow_mut();
        if spares.len() < MOST_SPARES {
            spares.extend(seat.take());
        }
    });
    // One too many is dropped here, where nothing is borrowed.
    drop(seat);
}

/// The seat of a scope that nobody has a handle of.
#[derive(Debug)]
pub(crate) struct LazySeat(Stage);

#[derive(Debug)]
enum Stage {
    Ahead(u8, Limit),
    Made(Box<Seat>),
    /// Its future was ready, and nobody had asked.
    NeverMade,
}

impl LazySeat {
    pub(crate) fn new(flags: u8, limit: Limit) -> Self {
        Self(Stage::Ahead(flags, limit))
    }

    /// Why the scope was cancelled, if it was.
    pub(crate) fn cause(&self) -> Option<Cause> {
        match &self.0 {
            Stage::Made(seat) => seat.node().node.cause(),
            Stage::Ahead(..) | Stage::NeverMade => None,
        }
    }

    #[inline]
    pub(crate) fn poll<R>(&mut self, cx: &mut Context<'_>, body: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        if let Stage::Ahead(flags, limit) = &self.0 {
            match Draft::begin(*flags, limit) {
                Some(draft) => return self.poll_draft(draft, cx, body),
                None => self.0 = Stage::Made(Box::new(Seat::new(ScopeNode::new(*flags, *limit, None)))),
            }
        }
        match &mut self.0 {
            Stage::Made(seat) => seat.poll(cx, body),
            // Only a future that is polled again after it was ready comes here.
            Stage::Ahead(..) | Stage::NeverMade => body(cx),
        }
    }

    #[inline]
    fn poll_draft<R>(
        &mut self,
        draft: Draft,
        cx: &mut Context<'_>,
        body: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let (generation, outer) = ambient::verdict();
        let entry = outer.below(draft.flags);
        let waker = WakerId::of(cx.waker());
        let mut asked_for = None;
        let polled = {
            let mut sight = Sight { generation, verdict: entry, waker, in_task: false };
            let _drafting = Drafting::new(draft, &mut asked_for, &mut sight);
            body(cx)
        };
        self.0 = match (&polled, asked_for) {
            (Poll::Ready(_), None) => Stage::NeverMade,
            (Poll::Ready(_), Some(mut seat)) => {
                seat.leave();
                Stage::Made(seat)
            }
            (Poll::Pending, seat) => {
                let mut seat = seat.unwrap_or_else(|| draft.make(ambient::scope(), ambient::clock(), Some(cx.waker())));
                seat.settle(cx, waker, generation, entry, true);
                Stage::Made(seat)
            }
        };
        polled
    }

    /// What the scope makes of the result with which it is left (R7). One that was never made was not cancelled.
    #[inline]
    pub(crate) fn exit<T, E: CancelError>(&self, result: Result<T, E>) -> Result<Option<T>, E> {
        match &self.0 {
            Stage::Made(seat) => exit(seat, result),
            Stage::Ahead(..) | Stage::NeverMade => result.map(Some),
        }
    }
}

impl Drop for LazySeat {
    fn drop(&mut self) {
        if let Stage::Made(mut seat) = std::mem::replace(&mut self.0, Stage::NeverMade) {
            seat.leave();
            if seat.is_spare() {
                keep(seat);
            }
        }
    }
}
