//! What makes an operation a checkpoint (R1, R3, R4, R12).

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    Cancelled, Cause, Verb, ambient, budget, generation,
    leaf::{Leaf, LeafSlot},
    node::TIMED,
    tree,
    trial::{self, Moment},
    waker_id::WakerId,
};

/// The part of an operation's future that makes it a checkpoint.
///
/// In its `poll`, the operation
/// 1. asks [`poll_entry`](Self::poll_entry) first, which is where the operation is entered: cancelled, it returns
///    `Cancelled` and has done nothing (R4); once passed, it is passed for good;
/// 2. tries its own work, and returns the value if it is there (R3);
/// 3. else asks [`poll_pending`](Self::poll_pending), which is `Cancelled` when the scope is, and otherwise sees to it
///    that a cancellation wakes the task.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{Cancelled, Checkpoint};
/// use std::{cell::Cell, future::poll_fn, task::Poll};
///
/// /// Waits until another task of this thread has set the flag; that task wakes this one.
/// #[track_caller]
/// fn wait_for(flag: &Cell<bool>) -> impl Future<Output = Result<(), Cancelled>> {
///     let mut checkpoint = Checkpoint::new(&"wait_for");
///     poll_fn(move |cx| {
///         std::task::ready!(checkpoint.poll_entry(cx))?;
///         if flag.get() {
///             return Poll::Ready(Ok(()));
///         }
///         checkpoint.poll_pending(cx).map(Err)
///     })
/// }
/// # futures_lite::future::block_on(wait_for(&Cell::new(true))).unwrap();
/// ```
pub struct Checkpoint {
    place: &'static Location<'static>,
    verb: Verb,
    entry: Entry,
    leaf: LeafSlot,
}

#[derive(Clone, Copy, PartialEq)]
enum Entry {
    Ahead,
    /// It gave way once, and does not again: with a count that others move on too, that could go on for ever.
    GaveWay,
    Passed,
    /// Passed, in a run that is watched, which is told of it when it waits and when it is polled again.
    Watched,
    /// The same, and it returned `Pending`.
    Waiting,
}

impl Checkpoint {
    /// A checkpoint of the operation `verb`, called from where the caller of this function was called.
    #[track_caller]
    pub fn new(verb: Verb) -> Self {
        Self::at(verb, Location::caller())
    }

    /// The same, called from `place`.
    pub fn at(verb: Verb, place: &'static Location<'static>) -> Self {
        Self { place, verb, entry: Entry::Ahead, leaf: None }
    }

    /// Enters an operation that has no checkpoint yet, if nothing is to be looked at for that: the budget lasts, and the scope is
    /// known not to be cancelled. Where it is `false` it has done nothing.
    ///
    /// Most operations are ready at once. One that asks this first, and its own work next, makes a checkpoint only if it has to
    /// go on, by [`after`](Self::after).
    #[inline]
    pub fn enters_at_once() -> bool {
        ambient::count_clear_checkpoint(generation::current())
    }

    /// A checkpoint for what comes after [`enters_at_once`](Self::enters_at_once), which told whether it is `entered`.
    #[inline]
    pub fn after(entered: bool, verb: Verb, place: &'static Location<'static>) -> Self {
        let entry = if entered { Entry::Passed } else { Entry::Ahead };
        Self { place, verb, entry, leaf: None }
    }

    /// Whether the operation may begin, or began already.
    #[inline]
    pub fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        if self.entry == Entry::Passed {
            return Poll::Ready(Ok(()));
        }
        if self.entry == Entry::Ahead && !ambient::count_checkpoint() {
            self.entry = Entry::Passed;
            return Poll::Ready(check_cancelled());
        }
        self.poll_entry_slowly(cx)
    }

    /// At the end of the budget, after it, and in a run that is watched.
    #[cold]
    fn poll_entry_slowly(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        let run = if trial::is_any() { ambient::run() } else { None };
        let trial = run.as_ref().and_then(|run| run.trial());
        match self.entry {
            Entry::Passed | Entry::Watched => return Poll::Ready(Ok(())),
            Entry::Waiting => {
                if let Some(trial) = trial {
                    trial.reached(Moment::Resumed, self.verb, self.place);
                }
                return Poll::Ready(Ok(()));
            }
            Entry::GaveWay => {}
            Entry::Ahead => {
                budget::renew(trial.is_some());
                if trial.is_none_or(|trial| trial.gives_way()) {
                    return self.give_way(cx);
                }
            }
        }
        self.entry = match trial {
            None => Entry::Passed,
            Some(trial) => {
                trial.reached(Moment::Entry, self.verb, self.place);
                Entry::Watched
            }
        };
        Poll::Ready(check_cancelled())
    }

    /// What an operation does that has to wait: cancelled, or woken when it is.
    ///
    /// It is woken by a [stop](crate::CancelScope::stop) too; who waits for one looks for it after this call, as a stop that
    /// came before it wakes nobody.
    #[inline]
    pub fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<Cancelled> {
        if check_cancelled().is_err() {
            return self.cancelled();
        }
        let is_reached = ambient::waker() == WakerId::of(cx.waker()) || !ambient::has_scope();
        if (!is_reached || self.leaf.is_some()) && self.register(cx, is_reached) && check_cancelled().is_err() {
            return self.cancelled();
        }
        self.note();
        if self.entry == Entry::Watched {
            self.wait_watched();
        }
        Poll::Pending
    }

    /// Registers in the scope, or no longer: tells whether it is newly there.
    fn register(&mut self, cx: &mut Context<'_>, is_reached: bool) -> bool {
        match ambient::scope() {
            Some(scope) if !is_reached => Leaf::register(&mut self.leaf, scope, cx.waker()),
            _ => {
                self.leaf = None;
                false
            }
        }
    }

    /// A run that is watched is told of the first time. Who is cancelled then is woken, for it is where others look for it.
    #[cold]
    fn wait_watched(&mut self) {
        self.entry = Entry::Waiting;
        if let Some(trial) = ambient::run().as_ref().and_then(|run| run.trial()) {
            trial.reached(Moment::Pending, self.verb, self.place);
        }
    }

    /// The wait is over, though its future may be kept.
    #[cold]
    fn cancelled(&mut self) -> Poll<Cancelled> {
        self.leaf = None;
        Poll::Ready(Cancelled::new())
    }

    /// Leaves in the task's record that it waits here, for an operation that waits inside others.
    #[inline]
    pub fn note(&self) {
        ambient::note(self.verb, self.place);
    }

    fn give_way(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        self.entry = Entry::GaveWay;
        check_deadlines();
        self.note();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint").field("verb", &self.verb).field("place", &self.place).finish_non_exhaustive()
    }
}

/// Looks at the deadlines of the scopes around, which a loop that never waits would not see fire (R9).
fn check_deadlines() {
    if !ambient::verdict().1.is_timed() {
        return;
    }
    let clock = ambient::clock();
    let mut read = None;
    let mut at = ambient::scope();
    while let Some(scope) = at {
        at = scope.parent();
        if scope.node().has(TIMED) {
            scope.check_deadline(&mut || *read.get_or_insert_with(|| clock.now()));
        }
    }
}

/// Whether this is inside an effectively cancelled scope: a checkpoint for code that does not await.
///
/// It never yields, and is not counted by the budget.
///
/// # Errors
/// [`Cancelled`] in an effectively cancelled scope.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{CancelScope, check_cancelled};
///
/// # futures_lite::future::block_on(async {
/// let scope = CancelScope::new();
/// let sums = scope.run(async {
///     let mut sum = 0;
///     for n in 0.. {
///         check_cancelled()?;
///         sum += n;
///         if sum > 100 {
///             scope.cancel();
///         }
///     }
///     Ok::<_, anyio_cancel_scope::Cancelled>(sum)
/// });
/// assert_eq!(sums.await, Ok(None));
/// # });
/// ```
#[inline]
pub fn check_cancelled() -> Result<(), Cancelled> {
    if ambient::verdict().1.is_cancelled() { Err(Cancelled::new()) } else { Ok(()) }
}

/// Why the code here is cancelled; `None` if it is not.
///
/// It is the cause of the nearest cancelled scope that is visible from here.
pub fn cancel_cause() -> Option<Cause> {
    tree::cause(ambient::scope().as_ref())
}

/// A point of cancellation in code that would otherwise have none, such as a long loop.
///
/// It gives way to other tasks every now and then (every 128th checkpoint of a thread does), not each time; use
/// [`yield_now`] where it must.
///
/// AnyIO's [`checkpoint`](https://anyio.readthedocs.io/en/stable/api.html#anyio.lowlevel.checkpoint) yields each time;
/// here a budget does, for a forced switch per operation is what made waits slow there.
///
/// # Errors
/// [`Cancelled`] in an effectively cancelled scope.
///
/// # Cancel safety
/// Nothing is lost.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// for _chunk in 0..1000 {
///     anyio_cancel_scope::checkpoint().await?;
/// }
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
#[track_caller]
pub fn checkpoint() -> CheckpointOnly {
    CheckpointOnly { checkpoint: Checkpoint::new(&"checkpoint") }
}

/// The future of [`checkpoint`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct CheckpointOnly {
    checkpoint: Checkpoint,
}

impl Future for CheckpointOnly {
    type Output = Result<(), Cancelled>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.checkpoint.poll_entry(cx)
    }
}

/// Gives way to other tasks once. It is never [`Cancelled`].
///
/// # Cancel safety
/// Nothing is lost.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// anyio_cancel_scope::yield_now().await;
/// # });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
