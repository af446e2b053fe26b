//! The running children of a group, polled in place.
//!
//! # Invariants
//! 1. `slots[key]` holds the child whose task has that key, from when it is taken in until it ended.
//! 2. In one turn a child is polled at most once, and at most `TURN` children in all; what is left over makes the group
//!    wake its host and return, so that a group whose children wake themselves starves nobody.
//! 3. A panic, in a poll or in a destructor, is caught here and cancels the group. The first one is kept.
//! 4. When a turn begins, every child and the body were last polled in the situation `told`, or `uneven` is set.

use std::{
    any::Any,
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use anyio_cancel_scope::{
    Cause,
    host::{self, ScopeRef, Situation, TaskRef},
};
use anyio_context_vars::Snapshot;

use crate::{
    child::NewChild,
    hub::{Hub, Ticket},
    sync::Ordering,
    task::{End, Header, header},
};

/// How many children one poll of a group polls at most.
pub(crate) const TURN: usize = 256;

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

pub(crate) struct Children<C> {
    hub: Arc<Hub>,
    slots: Vec<Option<Slot<C>>>,
    live: usize,
    /// Woken children that are not polled yet: first those that the last turn had no room for.
    batch: VecDeque<Ticket>,
    /// Kept for its room.
    spare: Vec<Ticket>,
    told: Situation,
    /// The situation changed in the middle of a turn, so that not all saw the same.
    uneven: bool,
    panic: Option<Payload>,
}

struct Slot<C> {
    future: C,
    waker: Waker,
    scope: Option<ScopeRef>,
    task: Option<TaskRef>,
    variables: Snapshot,
}

impl<C> Slot<C> {
    fn header(&self) -> Option<&Header> {
        self.task.as_ref().and_then(header)
    }
}

/// Whether children who do not know of the situation must be told.
fn is_news(situation: Situation) -> bool {
    situation != Situation::default()
}

impl<C: Future + Unpin> Children<C> {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            slots: Vec::new(),
            live: 0,
            batch: VecDeque::new(),
            spare: Vec::new(),
            told: Situation::default(),
            uneven: false,
            panic: None,
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Begins a turn, in the group's scope. Tells whether the situation changed since the last one: then every child is
    /// polled once, for children register nowhere else.
    pub(crate) fn begin_turn(&mut self) -> bool {
        self.hub.bell.set_awake();
        self.hub.swap_ready(&mut self.spare);
        self.batch.extend(self.spare.drain(..));
        let now = host::situation();
        let uneven = std::mem::take(&mut self.uneven);
        let changed = std::mem::replace(&mut self.told, now) != now || uneven;
        let tell = changed && is_news(now);
        if tell {
            let tasks = self.slots.iter().flatten().filter_map(Slot::header);
            self.batch.extend(tasks.filter(|task| task.claim()).map(Header::ticket));
        }
        tell
    }

    /// Looks whether the situation is still the one in which this turn began: before and after whatever is polled in it.
    pub(crate) fn watch(&mut self) {
        self.uneven |= host::situation() != self.told;
    }

    /// How many children are to be polled in this turn, if there is room.
    pub(crate) fn woken(&self) -> usize {
        self.batch.len()
    }

    /// Polls those children that were woken, and hands out what ended.
    pub(crate) fn poll_woken(&mut self, turn: &mut usize, mut on_end: impl FnMut(C::Output)) {
        let now = self.batch.len().min(*turn);
        *turn -= now;
        for _ in 0..now {
            let Some(ticket) = self.batch.pop_front() else { break };
            if self.is_valid(ticket)
                && let Some(output) = self.poll_child(ticket.key)
            {
                on_end(output);
            }
        }
    }

    /// Whether the ticket is still that of the child under its key: an earlier one may have been woken as it ended.
    fn is_valid(&self, ticket: Ticket) -> bool {
        let slot = self.slots.get(ticket.key as usize).and_then(Option::as_ref);
        slot.and_then(Slot::header).is_some_and(|task| task.ticket() == ticket)
    }

    /// Whether another turn would poll any child: one that this turn had no room for, or that must be told.
    pub(crate) fn have_work(&self) -> bool {
        !self.batch.is_empty() || (self.uneven && is_news(host::situation()))
    }

    /// Takes a child in and polls it for the first time (R5).
    pub(crate) fn take_in(&mut self, child: NewChild<C>) -> Option<C::Output> {
        let key = header(&child.task).map_or(u32::MAX, |task| task.key.load(Ordering::Relaxed));
        let at = key as usize;
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        let NewChild { future, waker, scope, task, variables } = child;
        debug_assert!(self.slots[at].is_none(), "a key names one live task");
        self.slots[at] = Some(Slot { future, waker, scope: Some(scope), task: Some(task), variables });
        self.live += 1;
        self.poll_child(key)
    }

    fn poll_child(&mut self, key: u32) -> Option<C::Output> {
        self.watch();
        let slot = self.slots.get_mut(key as usize)?.as_mut()?;
        if let Some(task) = slot.header() {
            task.unqueue();
        }
        let Slot { future, waker, scope, task, variables } = slot;
        let mut cx = Context::from_waker(waker);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            variables.enter_mut(|| host::poll_task(scope, task, &mut cx, |cx| Pin::new(future).poll(cx)))
        }));
        self.watch();
        match polled {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(output)) => {
                self.remove(key, End::Finished);
                Some(output)
            }
            Err(payload) => {
                self.panicked(payload);
                self.remove(key, End::Panicked);
                None
            }
        }
    }

    /// Takes out a child that ended. Its own account of its end counts, if it gave one.
    fn remove(&mut self, key: u32, end: End) {
        let Some(slot) = self.slots[key as usize].take() else { return };
        self.live -= 1;
        if let Err(payload) = discard(&self.hub, key, slot, end) {
            self.panicked(payload);
        }
    }

    pub(crate) fn panicked(&mut self, payload: Payload) {
        keep_first(&mut self.panic, payload);
        let scope: ScopeRef = self.hub.scope.clone();
        host::cancel(&scope, Cause::TaskFailed);
    }
}

impl<C> Children<C> {
    pub(crate) fn take_panic(&mut self) -> Option<Payload> {
        self.panic.take()
    }

    /// Drops every child. All are dropped, whatever the destructors do.
    pub(crate) fn drop_all(&mut self) {
        for key in 0..self.slots.len() {
            let Some(slot) = self.slots[key].take() else { continue };
            self.live -= 1;
            if let Err(payload) = discard(&self.hub, key as u32, slot, End::Cancelled) {
                keep_first(&mut self.panic, payload);
            }
        }
    }
}

/// Keeps the first of several panics.
pub(crate) fn keep_first(first: &mut Option<Payload>, payload: Payload) {
    match first {
        None => *first = Some(payload),
        // A payload's own destructor may panic too, and would take this one's place.
        Some(_) => drop(catch_unwind(AssertUnwindSafe(|| drop(payload)))),
    }
}

/// Raises a panic that was kept while everything was dropped, unless this is already one.
pub(crate) fn raise(panic: Option<Payload>) {
    if let Some(payload) = panic
        && !std::thread::panicking()
    {
        resume_unwind(payload);
    }
}

/// Drops a child's future and takes its task off the books.
fn discard<C>(hub: &Hub, key: u32, slot: Slot<C>, end: End) -> Result<(), Payload> {
    let Slot { future, waker, scope, task, variables } = slot;
    if let Some(task) = task.as_ref().and_then(header) {
        // For good: nobody wakes it any more.
        task.claim();
    }
    let mut first = None;
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(future))) {
        keep_first(&mut first, payload);
    }
    if let Some(task) = task.as_ref().and_then(header) {
        task.finish(if first.is_some() { End::Panicked } else { end });
    }
    if let Some(scope) = &scope {
        host::leave(scope);
    }
    hub.remove(key);
    // Values of the user go with the last of them.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop((waker, variables, scope, task)))) {
        keep_first(&mut first, payload);
    }
    first.map_or(Ok(()), Err)
}

/// Drops a child that was never taken in; its handle says that it was cancelled.
pub(crate) fn discard_new<C>(child: NewChild<C>) -> Result<(), Payload> {
    let NewChild { future, waker, scope, task, variables } = child;
    let Some(header) = header(&task) else { return Ok(()) };
    let key = header.key.load(Ordering::Relaxed);
    let slot = Slot { future, waker, scope: Some(scope), task: Some(task.clone()), variables };
    match header.hub() {
        Some(hub) => discard(hub, key, slot, End::Cancelled),
        None => Ok(()),
    }
}

impl<C> Drop for Children<C> {
    fn drop(&mut self) {
        self.drop_all();
        self.hub.bell.silence();
        raise(self.panic.take());
    }
}
