//! Several futures, each as soon as it is done.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{CancelError, Cancelled, Cause, Checkpoint, CompletedExt, host};

use crate::{
    ErrorGroup,
    child::ChildEnd,
    group::{Core, Group},
    part::{Part, Sink},
    sync::Mutex,
};

/// Runs all of the futures at once, as tasks of one group, and `body` with their values as they come.
///
/// Leaving `body` early cancels the futures that are still running; they are waited for. If one fails, the others and
/// `body` are cancelled.
///
/// Mirrors AnyIO's [`as_completed`](https://anyio.readthedocs.io/en/stable/api.html), which gives handles; here the values
/// come, for a failure ends the whole in any case.
///
/// # Errors
/// That of `body`, or of the future that failed, or an [`ErrorGroup`] of several; `Cancelled` if work was interrupted from
/// outside.
///
/// # Panics
/// With the first panic of one of them or of `body`.
///
/// # Cancel safety
/// Dropping the future drops all of them, then `body`.
///
/// # Examples
/// ```
/// use anyio_task_group::as_completed;
/// use std::io;
///
/// # futures_lite::future::block_on(async {
/// let jobs = (1..=3).map(async |n| io::Result::Ok(n * 10));
/// let sum = as_completed(jobs, async |mut results| -> io::Result<i32> {
///     let mut sum = 0;
///     while let Some(value) = results.next().await? {
///         sum += value;
///     }
///     Ok(sum)
/// }).await?;
/// assert_eq!(sum, 60);
/// # io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn as_completed<I, Fut, T, E, R, F, B>(iter: I, body: F) -> impl Future<Output = Result<R, E>>
where
    I: IntoIterator<Item = Fut>,
    Fut: Future<Output = Result<T, E>>,
    F: FnOnce(Completed<T>) -> B,
    B: Future<Output = Result<R, E>>,
    E: CancelError + From<ErrorGroup<E>>,
{
    let futures: Vec<Pin<Box<Fut>>> = iter.into_iter().map(Box::pin).collect();
    each(futures, body, Location::caller())
}

async fn each<Fut, T, E, R, F, B>(
    futures: Vec<Pin<Box<Fut>>>,
    body: F,
    place: &'static Location<'static>,
) -> Result<R, E>
where
    Fut: Future<Output = Result<T, E>>,
    F: FnOnce(Completed<T>) -> B,
    B: Future<Output = Result<R, E>>,
    E: CancelError + From<ErrorGroup<E>>,
{
    Group::new(&"as_completed", place, move |core: Arc<Core<Part<Fut, Queue<T>>, E>>| {
        let queue = Arc::new(Queue {
            state: Mutex::new(State { values: VecDeque::new(), running: futures.len(), waker: None }),
        });
        for (index, future) in futures.into_iter().enumerate() {
            core.start_part(index, future, &queue, place);
        }
        let body = body(Completed { queue });
        async move {
            let result = body.await;
            if result.is_ok() {
                let cause = Cause::Called(Some("the body of as_completed has ended".into()));
                host::cancel(&(core.hub.scope.clone() as _), cause);
            }
            result
        }
    })
    .await
    .completed()
}

/// The values of [`as_completed`], in the order in which they come.
pub struct Completed<T> {
    queue: Arc<Queue<T>>,
}

impl<T> Completed<T> {
    /// The next value; `None` when all have come.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope, so also when one of the futures failed.
    ///
    /// # Cancel safety
    /// Nothing is lost: a value stays until it is returned.
    #[track_caller]
    #[expect(clippy::should_implement_trait, reason = "the name of the waiting form in all of these crates")]
    pub fn next(&mut self) -> Next<'_, T> {
        Next { checkpoint: Checkpoint::new(&"next"), queue: &self.queue }
    }
}

impl<T> fmt::Debug for Completed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completed").finish_non_exhaustive()
    }
}

/// The future of [`Completed::next`].
#[must_use = "futures do nothing unless polled"]
pub struct Next<'a, T> {
    checkpoint: Checkpoint,
    queue: &'a Queue<T>,
}

impl<T> Future for Next<'_, T> {
    type Output = Result<Option<T>, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.checkpoint.poll_entry(cx))?;
        let waker = cx.waker().clone();
        let (next, old) = {
            let mut state = this.queue.state.lock();
            match state.values.pop_front() {
                Some(value) => (Some(Some(value)), Some(waker)),
                None if state.running == 0 => (Some(None), Some(waker)),
                None => (None, state.waker.replace(waker)),
            }
        };
        drop(old);
        match next {
            Some(next) => Poll::Ready(Ok(next)),
            None => this.checkpoint.poll_pending(cx).map(Err),
        }
    }
}

impl<T> fmt::Debug for Next<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("checkpoint", &self.checkpoint).finish_non_exhaustive()
    }
}

struct Queue<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    values: VecDeque<T>,
    running: usize,
    waker: Option<Waker>,
}

impl<T, E> Sink<T, E> for Queue<T> {
    fn end(&self, _index: usize, end: ChildEnd<T, E>) -> ChildEnd<(), E> {
        let mut state = self.state.lock();
        state.running -= 1;
        let end = match end {
            ChildEnd::Value(value) => {
                state.values.push_back(value);
                ChildEnd::Value(())
            }
            ChildEnd::Interrupted => ChildEnd::Interrupted,
            ChildEnd::Failed(error) => ChildEnd::Failed(error),
        };
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        end
    }
}
