//! The running children of a group, polled in place.
//!
//! # Invariants
//! 1. `slots[key]` holds the child whose task has that key, from when it is taken in until it ended.
//! 2. In one turn a child is polled at most once, and at most `TURN` children in all; what is left over makes the group
//!    wake its host and return, so that a group whose children wake themselves starves nobody.
//! 3. A panic, in a poll or in a destructor, is caught here and cancels the group. The first one is kept.
//! 4. A child that ended leaves the group's book at the end of the turn at the latest, and many at once: its key is not given
//!    out before.
//! 5. When a turn begins, every child and the body were last polled in the situation `watch.told`, or `watch.uneven` is set.

use std::{
    any::Any,
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyio_cancel_scope::{
    Cause,
    host::{self, Order, ScopeRef, Situation, TaskRef},
};
use anyio_context_vars::Snapshot;

use crate::{
    blocks::BLOCK,
    book::make_room,
    child::NewChild,
    hub::{Hub, Ticket},
    task::{End, Header, header, silence, unqueue},
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
    /// The keys of those that ended in this turn.
    gone: Vec<u32>,
    /// Kept for its room.
    struck: Vec<TaskRef>,
    watch: Watch,
    panic: Option<Payload>,
}

struct Slot<C> {
    future: C,
    task: Option<TaskRef>,
    variables: Snapshot,
}

/// What the children were last told.
#[derive(Default)]
struct Watch {
    told: Situation,
    generation: u64,
    /// The situation changed in the middle of a turn, so that not all saw the same.
    uneven: bool,
}

impl Watch {
    /// Looks whether the situation is still the one in which this turn began: before and after whatever is polled in it.
    #[inline]
    fn look(&mut self) {
        if host::generation() != self.generation {
            self.look_again();
        }
    }

    #[cold]
    fn look_again(&mut self) {
        self.generation = host::generation();
        self.uneven |= host::situation() != self.told;
    }
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
            gone: Vec::new(),
            struck: Vec::new(),
            watch: Watch::default(),
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
        // By invariant 3 of the hub.
        self.hub.swap_ready(&mut self.spare, self.live.min(TURN));
        self.batch.extend(self.spare.drain(..));
        let generation = host::generation();
        let now = host::situation();
        let last = std::mem::replace(&mut self.watch, Watch { told: now, generation, uneven: false });
        let changed = last.told != now || last.uneven;
        let tell = changed && is_news(now);
        if tell {
            self.batch.reserve(self.live);
            for task in self.slots.iter().flatten().filter_map(Slot::header) {
                if task.claim() {
                    self.batch.push_back(task.ticket());
                }
            }
        }
        tell
    }

    /// See [`Watch::look`].
    pub(crate) fn watch(&mut self) {
        self.watch.look();
    }

    /// Has a test kit decide in which order the children of this turn are polled.
    #[cold]
    pub(crate) fn shuffle(&mut self, order: &Order) {
        order.shuffle(self.batch.make_contiguous());
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
            if !self.is_valid(ticket) {
                self.hub.unqueue_new(ticket);
            } else if let Some(slot) = self.slots[ticket.key as usize].take() {
                slot.task.iter().for_each(unqueue);
                if let Some(output) = self.poll_child(ticket.key, slot) {
                    on_end(output);
                }
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
        !self.batch.is_empty() || (self.watch.uneven && is_news(host::situation()))
    }

    /// Takes a child in and polls it for the first time (R5).
    pub(crate) fn take_in(&mut self, child: NewChild<C>) -> Option<C::Output> {
        let NewChild { future, task, variables } = child;
        let key = task.node().number();
        self.live += 1;
        self.poll_child(key, Slot { future, task: Some(task), variables })
    }

    /// Polls a child, and puts it in its place if it has not ended.
    fn poll_child(&mut self, key: u32, mut slot: Slot<C>) -> Option<C::Output> {
        self.watch.look();
        let Slot { future, task, variables } = &mut slot;
        let waker = task.clone()?.waker();
        let mut cx = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            variables.enter_mut(|| host::poll_task(task, &mut cx, |cx| Pin::new(future).poll(cx)))
        }));
        self.watch.look();
        match polled {
            Ok(Poll::Pending) => {
                self.put(key, slot);
                None
            }
            Ok(Poll::Ready(output)) => {
                self.remove(key, slot, End::Finished);
                Some(output)
            }
            Err(payload) => {
                self.panicked(payload);
                self.remove(key, slot, End::Panicked);
                None
            }
        }
    }

    fn put(&mut self, key: u32, slot: Slot<C>) {
        while self.slots.len() <= key as usize {
            make_room(&mut self.slots);
            self.slots.push(None);
        }
        self.slots[key as usize] = Some(slot);
    }

    /// Takes out a child that ended. Its own account of its end counts, if it gave one.
    fn remove(&mut self, key: u32, slot: Slot<C>, end: End) {
        self.live -= 1;
        if let Err(payload) = discard(slot, end) {
            self.panicked(payload);
        }
        self.gone.push(key);
        if self.gone.len() >= BLOCK {
            self.strike_gone();
        }
    }

    /// Strikes those that ended out of the book.
    pub(crate) fn strike_gone(&mut self) {
        if let Some(payload) = self.strike() {
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
            if let Err(payload) = discard(slot, End::Cancelled) {
                keep_first(&mut self.panic, payload);
            }
            self.gone.push(key as u32);
        }
        if let Some(payload) = self.strike() {
            keep_first(&mut self.panic, payload);
        }
    }

    /// Values of the user may go with the last of a task: a panic there is handed out.
    fn strike(&mut self) -> Option<Payload> {
        if self.gone.is_empty() {
            return None;
        }
        {
            let mut book = self.hub.book.lock();
            for key in self.gone.drain(..) {
                self.struck.extend(book.strike(key));
            }
        }
        let mut first = None;
        for task in self.struck.drain(..) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(task))) {
                keep_first(&mut first, payload);
            }
        }
        first
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

/// Drops a child's future, and notes its end in its task.
fn discard<C>(slot: Slot<C>, end: End) -> Result<(), Payload> {
    let Slot { future, task, variables } = slot;
    let is_open = task.as_ref().is_some_and(silence);
    let mut first = catch_unwind(AssertUnwindSafe(|| drop(future))).err();
    if let Some(task) = &task {
        if is_open && let Some(task) = header(task) {
            task.finish(if first.is_some() { End::Panicked } else { end });
        }
        host::leave(task);
    }
    // Values of the user go with the last of them.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop((variables, task)))) {
        keep_first(&mut first, payload);
    }
    first.map_or(Ok(()), Err)
}

/// Drops a child that was never taken in; its handle says that it was cancelled.
pub(crate) fn discard_new<C>(child: NewChild<C>) -> Result<(), Payload> {
    let NewChild { future, task, variables } = child;
    discard(Slot { future, task: Some(task), variables }, End::Cancelled)
}

impl<C> Drop for Children<C> {
    fn drop(&mut self) {
        self.drop_all();
        self.hub.bell.silence();
        raise(self.panic.take());
    }
}
