//! The group: a body and its children, polled in place by whoever awaits it.
//!
//! ```text
//!   built ─first poll─▶ running ─ body ended, no child, inbox empty, no hold ─▶ returned
//!                         │ dropped: inbox closed, children dropped, then the body
//! ```
//!
//! # Invariants
//! 1. The group's scope is the parent of every child's and of the body. The group is a relay: it registers its host's
//!    waker in its scope, and polls every child and the body once at each change of what holds there; they register
//!    nowhere else.
//! 2. Running children are owned by this future and never by what a handle shares, so a handle inside a child makes no
//!    cycle once the child was taken in; before that, dropping the group empties the inbox.
//! 3. The body has a waker of its own, so that a busy child does not have the body polled.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
};

use anyio_cancel_scope::{
    CancelError, Checkpoint, Verb, host,
    host::{Order, Seat},
};
use pin_project_lite::pin_project;

use crate::{
    ErrorGroup, TaskInfo,
    bell::Bell,
    blocks::BLOCK,
    child::{ChildEnd, NewChild},
    children::{Children, Payload, TURN, discard_new, keep_first, raise},
    hub::Hub,
    inbox::{Inbox, Late, Phase},
    sync::{AtomicBool, Ordering},
    tally::{Tally, leave},
};

/// What the handles of a group share with it.
pub(crate) struct Core<C, E> {
    pub(crate) hub: Arc<Hub>,
    pub(crate) inbox: Inbox<C, E>,
}

impl<C, E> Core<C, E> {
    fn new(verb: Verb, place: &'static Location<'static>) -> Arc<Self> {
        Arc::new(Self { hub: Hub::new(verb, place), inbox: Inbox::new() })
    }

    /// Leaves a child for the group to take in (G7).
    #[inline]
    #[track_caller]
    pub(crate) fn submit(&self, child: NewChild<C>, call: impl fmt::Display) {
        match self.inbox.submit(&self.hub, child) {
            Ok(()) => self.hub.bell.ring(),
            Err((child, phase)) => Self::refuse(child, phase, call),
        }
    }

    /// Leaves an end for the group, or hands it back if that has ended.
    pub(crate) fn leave_late(&self, late: Late<E>) -> Result<(), Late<E>> {
        self.inbox.leave_late(late)?;
        self.hub.bell.ring();
        Ok(())
    }

    /// The group is closed.
    #[cold]
    #[track_caller]
    fn refuse(child: NewChild<C>, phase: Phase, call: impl fmt::Display) {
        let dropped = discard_new(child);
        assert!(
            phase != Phase::Returned || std::thread::panicking(),
            "{call}: the group has returned, and runs no more tasks; start them before its body and all of its tasks have \
             ended"
        );
        raise(dropped.err());
    }

    pub(crate) fn tasks(&self) -> Vec<TaskInfo> {
        let mut tasks: Vec<TaskInfo> = self.hub.members().iter().filter_map(TaskInfo::of).collect();
        tasks.sort_by_key(TaskInfo::id);
        tasks
    }
}

/// What makes the body of a group: a closure, or a type with a name where the future must have one.
pub(crate) trait MakeBody<C, E> {
    type Body;

    fn make(self, core: Arc<Core<C, E>>) -> Self::Body;
}

impl<C, E, F, Body> MakeBody<C, E> for F
where
    F: FnOnce(Arc<Core<C, E>>) -> Body,
{
    type Body = Body;

    fn make(self, core: Arc<Core<C, E>>) -> Body {
        self(core)
    }
}

pin_project! {
    /// A group as a future. `C` is the children's type, `B` makes the body out of what handles share.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Group<C, E, T, B, Fut>
    where
        C: Future<Output = ChildEnd<(), E>>,
        C: Unpin,
    {
        make: Option<B>,
        checkpoint: Checkpoint,
        verb: Verb,
        place: &'static Location<'static>,
        running: Option<Running<C, E, T>>,
        #[pin]
        body: Option<Fut>,
    }

    impl<C, E, T, B, Fut> PinnedDrop for Group<C, E, T, B, Fut>
    where
        C: Future<Output = ChildEnd<(), E>>,
        C: Unpin,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let mut first = None;
            let mut running = this.running.take();
            if let Some(running) = &mut running {
                running.close_dropped(&mut first);
            }
            // The body comes after the children, which may use what it lent them; all of it goes before the drop returns.
            let body = catch_unwind(AssertUnwindSafe(|| this.body.set(None)));
            let rest = catch_unwind(AssertUnwindSafe(|| drop(running)));
            for payload in [body, rest].into_iter().filter_map(Result::err) {
                keep_first(&mut first, payload);
            }
            raise(first);
        }
    }
}

/// A group between its first poll and its end.
struct Running<C, E, T> {
    seat: Seat,
    core: Arc<Core<C, E>>,
    children: Children<C>,
    body_waker: Waker,
    body_woken: Arc<BodyWaker>,
    tally: Tally<E>,
    value: Option<T>,
    body_done: bool,
}

impl<C, E, T, B, Fut> Group<C, E, T, B, Fut>
where
    C: Future<Output = ChildEnd<(), E>> + Unpin,
    B: MakeBody<C, E, Body = Fut>,
{
    pub(crate) fn new(verb: Verb, place: &'static Location<'static>, make: B) -> Self {
        Self { make: Some(make), checkpoint: Checkpoint::at(verb, place), verb, place, running: None, body: None }
    }
}

impl<C, E, T, B, Fut> Future for Group<C, E, T, B, Fut>
where
    C: Future<Output = ChildEnd<(), E>> + Unpin,
    E: CancelError + From<ErrorGroup<E>>,
    B: MakeBody<C, E, Body = Fut>,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<Option<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        assert!(
            this.make.is_some() || this.running.is_some(),
            "{}: polled after it was ready, which a future must not be; await it once",
            this.verb
        );
        let running = this.running.get_or_insert_with(|| Running::new(Core::new(this.verb, this.place)));
        let polled = running.poll(cx, |core, cx| {
            if let Some(make) = this.make.take() {
                this.body.set(Some(make.make(core.clone())));
            }
            let Some(body) = this.body.as_mut().as_pin_mut() else { return Poll::Pending };
            let result = ready!(body.poll(cx));
            // What it still holds goes now, while the group is open for what that may start.
            this.body.set(None);
            Poll::Ready(result)
        });
        match polled {
            // Where the body waits says more than that it is in a group.
            Poll::Pending if !running.body_done => Poll::Pending,
            Poll::Pending => {
                this.checkpoint.note();
                Poll::Pending
            }
            Poll::Ready(()) => {
                let ended = catch_unwind(AssertUnwindSafe(|| running.exit()));
                *this.running = None;
                Poll::Ready(ended.unwrap_or_else(|payload| resume_unwind(payload)))
            }
        }
    }
}

impl<C, E, T> Running<C, E, T>
where
    C: Future<Output = ChildEnd<(), E>> + Unpin,
{
    fn new(core: Arc<Core<C, E>>) -> Self {
        let body_woken = BodyWaker::new(core.hub.bell.clone());
        Self {
            seat: Seat::new(core.hub.scope.clone()),
            children: Children::new(core.hub.clone()),
            core,
            body_waker: Waker::from(body_woken.clone()),
            body_woken,
            tally: Tally::new(),
            value: None,
            body_done: false,
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        body: impl FnMut(&Arc<Core<C, E>>, &mut Context<'_>) -> Poll<Result<T, E>>,
    ) -> Poll<()>
    where
        E: CancelError,
    {
        let Self { seat, core, children, body_waker, body_woken, tally, value, body_done } = self;
        let mut turn = Turn { core, children, body_waker, body_woken, tally, value, body_done };
        seat.poll(cx, |cx| turn.poll(cx, body))
    }

    /// What comes out, decided in the enclosing scope (G2, G3).
    fn exit(&mut self) -> Result<Option<T>, E>
    where
        E: CancelError + From<ErrorGroup<E>>,
    {
        if let Some(payload) = self.children.take_panic() {
            resume_unwind(payload);
        }
        match self.tally.take_error() {
            Some(error) => Err(error),
            None => leave(&self.core.hub, self.value.take(), self.tally.was_interrupted()),
        }
    }
}

impl<C, E, T> Running<C, E, T> {
    /// The group is dropped: nothing gets in any more, and every child goes.
    fn close_dropped(&mut self, first: &mut Option<Payload>) {
        let (new, late) = self.core.inbox.close_dropped(&self.core.hub);
        self.children.drop_all();
        for child in new {
            if let Err(payload) = discard_new(child) {
                keep_first(first, payload);
            }
        }
        if let Some(payload) = self.children.take_panic() {
            keep_first(first, payload);
        }
        for late in late {
            let panic = match late {
                Late::Panicked(payload) => Some(payload),
                Late::Failed(error) => catch_unwind(AssertUnwindSafe(|| drop(error))).err(),
            };
            panic.into_iter().for_each(|payload| keep_first(first, payload));
        }
    }
}

/// One poll of a running group, inside its scope.
struct Turn<'a, C, E, T> {
    core: &'a Arc<Core<C, E>>,
    children: &'a mut Children<C>,
    body_waker: &'a Waker,
    body_woken: &'a Arc<BodyWaker>,
    tally: &'a mut Tally<E>,
    value: &'a mut Option<T>,
    body_done: &'a mut bool,
}

impl<C, E, T> Turn<'_, C, E, T>
where
    C: Future<Output = ChildEnd<(), E>> + Unpin,
    E: CancelError,
{
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        body: impl FnMut(&Arc<Core<C, E>>, &mut Context<'_>) -> Poll<Result<T, E>>,
    ) -> Poll<()> {
        let mut left = TURN;
        if self.children.begin_turn() {
            self.body_woken.set();
        }
        let order = host::order();
        if let Some(order) = &order {
            self.children.shuffle(order);
            // What it leaves over is polled in a later turn, after others had theirs.
            left = 1 + order.choose((self.children.woken() + self.core.inbox.count_new()).min(TURN));
        }
        let body_is_later = order.as_ref().is_some_and(|order| order.choose(2) == 1);
        if !body_is_later && !*self.body_done && self.body_woken.take() {
            self.poll_body(body);
        }
        let (core, tally) = (self.core, &mut *self.tally);
        // New tasks get their share also where those that run would fill every turn.
        let crowded = self.children.woken() > TURN / 2;
        let kept = match &order {
            Some(order) => order.choose(left),
            None if crowded => core.inbox.count_new().min(TURN / 2),
            None => 0,
        };
        left -= kept;
        self.children.poll_woken(&mut left, |end| {
            tally.child(&core.hub, end);
        });
        left += kept;
        self.take_in_new(&mut left, order.as_ref());
        self.take_late();
        self.children.strike_gone();
        if *self.body_done && self.children.live() == 0 && !core.hub.bell.is_held() && core.inbox.close_if_empty() {
            return Poll::Ready(());
        }
        if core.hub.bell.doze(cx.waker(), || self.has_work()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whether another turn would do anything.
    fn has_work(&self) -> bool {
        let body = if *self.body_done {
            self.children.live() == 0 && !self.core.hub.bell.is_held()
        } else {
            self.body_woken.is_set()
        };
        body || self.children.have_work() || self.core.hub.has_ready() || !self.core.inbox.is_empty()
    }

    fn poll_body(&mut self, mut body: impl FnMut(&Arc<Core<C, E>>, &mut Context<'_>) -> Poll<Result<T, E>>) {
        let mut cx = Context::from_waker(self.body_waker);
        self.children.watch();
        let polled =
            catch_unwind(AssertUnwindSafe(|| host::poll_body(&mut cx, |cx| body(self.core, cx).map(ChildEnd::of))));
        self.children.watch();
        match polled {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(end)) => {
                *self.body_done = true;
                *self.value = self.tally.body(&self.core.hub, end);
            }
            Err(payload) => {
                *self.body_done = true;
                self.children.panicked(payload);
            }
        }
    }

    /// Takes in what was started, and what that starts in turn, while this turn has room.
    fn take_in_new(&mut self, left: &mut usize, order: Option<&Order>) {
        while *left > 0 {
            if let Some(order) = order {
                self.core.inbox.shuffle_new(order);
            }
            let new = self.core.inbox.take_new(*left);
            if new.is_empty() {
                return;
            }
            *left -= new.len();
            if new.len() > 1 {
                // By invariant 3 of the hub. After a full block there may be more.
                let tasks = if new.len() < BLOCK { self.children.live() + new.len() } else { TURN };
                self.core.hub.make_room(tasks.min(TURN));
            }
            for child in new {
                if let Some(end) = self.children.take_in(child) {
                    self.tally.child(&self.core.hub, end);
                }
            }
        }
    }

    fn take_late(&mut self) {
        for late in self.core.inbox.take_late() {
            match late {
                Late::Failed(error) => self.tally.failed(&self.core.hub, error),
                Late::Panicked(payload) => self.children.panicked(payload),
            }
        }
    }
}

/// The body's waker: it says that the body was woken, and rings for the group.
pub(crate) struct BodyWaker {
    woken: AtomicBool,
    bell: Arc<Bell>,
}

impl BodyWaker {
    pub(crate) fn new(bell: Arc<Bell>) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(true), bell })
    }

    pub(crate) fn set(&self) {
        self.woken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// Takes the wake-up: a later one is one for the next turn.
    pub(crate) fn take(&self) -> bool {
        self.woken.swap(false, Ordering::SeqCst)
    }
}

impl Wake for BodyWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set();
        self.bell.ring();
    }
}
