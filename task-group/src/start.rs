//! The readiness handshake: `tg.start(|status| ..)`.
//!
//! ```text
//!   Starting ──started(v)──▶ Started(v) ──taken by start──▶ over
//!      │ └────child ends───▶ ended: its error, panic or silence comes out of start
//!      └─start cancelled or dropped──▶ Abandoned: the child is cancelled; `started` is a no-op
//! ```
//!
//! # Invariants
//! 1. One lock decides which of the three comes first.
//! 2. The child's error goes to `start` iff the child ends before `started`, and `start` still listens; in every other
//!    case it goes to the group. It goes to exactly one of them.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{CancelError, Cause, Checkpoint, cancel_cause, check_cancelled, host};
use pin_project_lite::pin_project;

use crate::{
    NeverStarted, TaskHandle, TaskOutput,
    child::{ChildEnd, NewChild, Place, finish_here, settle},
    children::Payload,
    group::Core,
    inbox::Late,
    sync::Mutex,
    task::End,
};

/// What a task that is being [started](crate::TaskGroup::start) tells its readiness with.
///
/// [`started`](Self::started) takes it by value: twice is impossible.
#[must_use = "a task that ends without calling `started` makes `start` fail with `NeverStarted`"]
pub struct TaskStatus<V> {
    cell: Arc<StartCell<V>>,
}

impl<V> TaskStatus<V> {
    /// Lets `start` return `value`. From now on the task is one of the group's like any other.
    ///
    /// If nobody waits any more, the value is dropped.
    pub fn started(self, value: V) {
        let (unused, waker) = {
            let mut state = self.cell.state.lock();
            if matches!(state.phase, Phase::Starting) {
                state.phase = Phase::Started(value);
                (None, state.waker.take())
            } else {
                (Some(value), None)
            }
        };
        drop(unused);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<V> fmt::Debug for TaskStatus<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskStatus").finish_non_exhaustive()
    }
}

/// What `start` and the child share.
pub(crate) struct StartCell<V> {
    state: Mutex<StartState<V>>,
}

struct StartState<V> {
    phase: Phase<V>,
    /// `start` is still there to take the end.
    listening: bool,
    end: Option<StartEnd>,
    waker: Option<Waker>,
}

enum Phase<V> {
    Starting,
    Started(V),
    /// The value was taken, or dropped because `start` is gone.
    Over,
    Abandoned,
}

/// How a child ended before it was started.
enum StartEnd {
    /// It returned, or was interrupted, or dropped.
    Silent(Option<Cause>),
    /// Its error is in the cell beside.
    Failed,
    Panicked(Payload),
}

impl<V> StartCell<V> {
    pub(crate) fn new() -> Arc<Self> {
        let state = StartState { phase: Phase::Starting, listening: true, end: None, waker: None };
        Arc::new(Self { state: Mutex::new(state) })
    }

    pub(crate) fn status(self: &Arc<Self>) -> TaskStatus<V> {
        TaskStatus { cell: self.clone() }
    }

    /// Whether an end that comes now is `start`'s to take; then `before` runs under the same lock.
    fn offer(&self, end: StartEnd, before: impl FnOnce()) -> Result<(), StartEnd> {
        let waker = {
            let mut state = self.state.lock();
            let wanted =
                state.listening && state.end.is_none() && matches!(state.phase, Phase::Starting | Phase::Abandoned);
            if !wanted {
                return Err(end);
            }
            before();
            state.end = Some(end);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

/// Where a child's error waits for `start`. Apart from [`StartCell`], which the user's future holds: `E` may borrow.
type ErrorCell<E> = Arc<Mutex<Option<E>>>;

pin_project! {
    /// A child that is being started.
    pub(crate) struct StartChild<F, P, V, E> {
        #[pin]
        future: F,
        place: P,
        // After the future, so that it tells of the end when that is gone.
        line: Line<V>,
        error: ErrorCell<E>,
    }
}

/// The child's end of what it shares with `start`.
struct Line<V>(Arc<StartCell<V>>);

impl<V> Drop for Line<V> {
    fn drop(&mut self) {
        // Dropped with its group, or before it got in: `start` must not wait for ever.
        let _ = self.0.offer(StartEnd::Silent(None), || ());
    }
}

impl<F, P, V, E> Future for StartChild<F, P, V, E>
where
    F: Future,
    F::Output: TaskOutput<E>,
    P: Place<<F::Output as TaskOutput<E>>::Value>,
    E: CancelError,
{
    type Output = ChildEnd<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = match catch_unwind(AssertUnwindSafe(|| this.future.poll(cx))) {
            Ok(polled) => ready!(polled),
            Err(payload) => {
                finish_here(End::Panicked);
                match this.line.0.offer(StartEnd::Panicked(payload), || ()) {
                    Ok(()) => return Poll::Ready(ChildEnd::Value(())),
                    Err(StartEnd::Panicked(payload)) => resume_unwind(payload),
                    Err(_) => unreachable!("an end that is not taken comes back as it was"),
                }
            }
        };
        Poll::Ready(match settle(output.into_result(), this.place) {
            ChildEnd::Failed(error) => {
                let mut error = Some(error);
                let taken = this.line.0.offer(StartEnd::Failed, || *this.error.lock() = error.take());
                match (taken, error) {
                    (Err(_), Some(error)) => ChildEnd::Failed(error),
                    _ => ChildEnd::Value(()),
                }
            }
            end => {
                let cause = if matches!(end, ChildEnd::Interrupted) { cancel_cause() } else { None };
                match this.line.0.offer(StartEnd::Silent(cause), || ()) {
                    Ok(()) => ChildEnd::Value(()),
                    Err(_) => end,
                }
            }
        })
    }
}

/// What a `start` is made of, before its child exists.
pub(crate) struct Starting<V, E> {
    pub(crate) cell: Arc<StartCell<V>>,
    error: ErrorCell<E>,
}

impl<V, E> Starting<V, E> {
    pub(crate) fn child<F, P>(&self, future: F, place: P) -> StartChild<F, P, V, E> {
        StartChild { future, place, line: Line(self.cell.clone()), error: self.error.clone() }
    }
}

/// The future of `start`. `M` makes the child, in the group's own way.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Start<C, E, V, T, M> {
    core: Arc<Core<C, E>>,
    checkpoint: Checkpoint,
    place: &'static Location<'static>,
    make: Option<M>,
    starting: Starting<V, E>,
    handle: Option<TaskHandle<T>>,
    abandoned: bool,
}

impl<C, E, V, T, M> Unpin for Start<C, E, V, T, M> {}

impl<C, E, V, T, M> Start<C, E, V, T, M>
where
    M: FnOnce(&Starting<V, E>) -> (NewChild<C>, TaskHandle<T>),
{
    pub(crate) fn new(core: Arc<Core<C, E>>, place: &'static Location<'static>, make: M) -> Self {
        let checkpoint = Checkpoint::at(&"start", place);
        let starting = Starting { cell: StartCell::new(), error: Arc::default() };
        Self { core, checkpoint, place, make: Some(make), starting, handle: None, abandoned: false }
    }

    fn submit(&mut self) {
        if let Some(make) = self.make.take() {
            let (child, handle) = make(&self.starting);
            self.handle = Some(handle);
            self.core.submit(child, format_args!("start, called at {}", self.place));
        }
    }
}

impl<C, E, V, T, M> Start<C, E, V, T, M> {
    /// Gives the attempt up: the child is cancelled, and its end waited for. Tells whether it was given up, which it is
    /// not if the value is there.
    fn abandon(&mut self) -> bool {
        {
            let mut state = self.starting.cell.state.lock();
            if !matches!(state.phase, Phase::Starting) {
                return false;
            }
            state.phase = Phase::Abandoned;
        }
        self.abandoned = true;
        if let Some(handle) = &self.handle {
            handle.cancel_because("its start was cancelled");
        }
        true
    }

    /// The value or the end, if one of them is there.
    fn take(&mut self) -> Option<Taken<V>> {
        let mut state = self.starting.cell.state.lock();
        match std::mem::replace(&mut state.phase, Phase::Over) {
            Phase::Started(value) => return Some(Taken::Value(value)),
            phase => state.phase = phase,
        }
        state.end.take().map(Taken::End)
    }

    fn register(&self, waker: &Waker) {
        let known = self.starting.cell.state.lock().waker.as_ref().is_some_and(|known| known.will_wake(waker));
        if !known {
            let waker = waker.clone();
            let old = self.starting.cell.state.lock().waker.replace(waker);
            drop(old);
        }
    }
}

enum Taken<V> {
    Value(V),
    End(StartEnd),
}

impl<C, E, V, T, M> Future for Start<C, E, V, T, M>
where
    E: CancelError + From<NeverStarted>,
    M: FnOnce(&Starting<V, E>) -> (NewChild<C>, TaskHandle<T>),
{
    type Output = Result<(V, TaskHandle<T>), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.checkpoint.poll_entry(cx))?;
        this.submit();
        // Registered first: what comes after the look at the state then wakes this task.
        this.register(cx.waker());
        let mut taken = this.take();
        if taken.is_none() && !this.abandoned && this.checkpoint.poll_pending(cx).is_ready() && !this.abandon() {
            taken = this.take();
        }
        let taken = match taken {
            Some(taken) => taken,
            None => {
                this.checkpoint.note();
                return Poll::Pending;
            }
        };
        let Some(handle) = this.handle.take() else {
            panic!("start: polled after it was ready; a future must not be");
        };
        Poll::Ready(match taken {
            Taken::Value(value) => Ok((value, handle)),
            Taken::End(StartEnd::Panicked(payload)) => resume_unwind(payload),
            Taken::End(StartEnd::Failed) => match this.starting.error.lock().take() {
                Some(error) => Err(error),
                None => unreachable!("an error is put in before the end tells of it"),
            },
            Taken::End(StartEnd::Silent(cause)) => {
                if this.abandoned || check_cancelled().is_err() {
                    Err(host::cancelled().into())
                } else {
                    Err(NeverStarted { cause }.into())
                }
            }
        })
    }
}

impl<C, E, V, T, M> Drop for Start<C, E, V, T, M> {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        let (phase, end, waker) = {
            let mut state = self.starting.cell.state.lock();
            state.listening = false;
            let next = if matches!(state.phase, Phase::Starting) { Phase::Abandoned } else { Phase::Over };
            (std::mem::replace(&mut state.phase, next), state.end.take(), state.waker.take())
        };
        drop(waker);
        let late = match end {
            Some(StartEnd::Failed) => self.starting.error.lock().take().map(Late::Failed),
            Some(StartEnd::Panicked(payload)) => Some(Late::Panicked(payload)),
            Some(StartEnd::Silent(_)) => None,
            None => {
                if matches!(phase, Phase::Starting) {
                    handle.cancel_because("its start was dropped");
                }
                None
            }
        };
        if let Some(late) = late {
            drop(self.core.leave_late(late));
        }
    }
}
