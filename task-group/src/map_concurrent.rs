//! A function over many items, some at a time.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{CancelError, CompletedExt, host};
use pin_project_lite::pin_project;

use crate::{
    ErrorGroup,
    child::ChildEnd,
    gather::Values,
    group::{Core, Group, MakeBody},
    part::{Part, Sink},
    sync::Mutex,
};

/// Runs `f` over all items, at most `limit` at a time, and gives the values in the order of the items.
///
/// The next item is taken from `iter` when there is room for it, inside the group's scope. If one fails, or the whole is
/// cancelled, no more are taken; those that run are cancelled and waited for.
///
/// Goes beyond AnyIO's [`amap`](https://anyio.readthedocs.io/en/stable/api.html), which has no limit.
///
/// # Errors
/// The error of the one that failed, or an [`ErrorGroup`] of several; `Cancelled` if work was left undone because of a
/// cancellation from outside.
///
/// # Panics
/// When `limit` is 0. With the first panic of `f`, of `iter`, or of one of the futures.
///
/// # Cancel safety
/// Dropping the future drops all of them, and the values that were there already.
///
/// # Examples
/// ```
/// use anyio_task_group::map_concurrent;
/// use std::io;
///
/// # futures_lite::future::block_on(async {
/// let squares = map_concurrent(1..=4, 2, async |n| io::Result::Ok(n * n)).await?;
/// assert_eq!(squares, [1, 4, 9, 16]);
/// # io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn map_concurrent<I, It, X, F, Fut, T, E>(iter: I, limit: usize, f: F) -> impl Future<Output = Result<Vec<T>, E>>
where
    I: IntoIterator<Item = X, IntoIter = It>,
    It: Iterator<Item = X>,
    F: FnMut(X) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: CancelError + From<ErrorGroup<E>>,
{
    assert!(limit > 0, "map_concurrent: a limit of 0 would never run anything; give 1 or more");
    let place = Location::caller();
    let sink = Arc::new(Slots { values: Values::of(0), state: Mutex::default() });
    let feed = Feed { iter: iter.into_iter(), f, limit, sink: sink.clone(), place };
    MapConcurrent { group: Group::new(&"map_concurrent", place, feed), sink }
}

pin_project! {
    /// The future of [`map_concurrent`]. It has no public name, and one type parameter for each associated type: a future that
    /// holds a projection is "not general enough" inside of a spawned one.
    struct MapConcurrent<It, F, Fut, T, E>
    where
        Fut: Future<Output = Result<T, E>>,
        E: CancelError,
    {
        #[pin]
        group: Group<Part<Fut, Slots<T>>, E, (), Feed<It, F, T>, Feeding<It, F, Fut, T, E>>,
        sink: Arc<Slots<T>>,
    }
}

impl<It, F, Fut, T, E> Future for MapConcurrent<It, F, Fut, T, E>
where
    It: Iterator,
    F: FnMut(It::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: CancelError + From<ErrorGroup<E>>,
{
    type Output = Result<Vec<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        ready!(this.group.poll(cx)).completed()?;
        let started = this.sink.state.lock().started;
        Poll::Ready(this.sink.values.take(started).ok_or_else(|| host::cancelled().into()))
    }
}

/// The values, and the count of what runs.
struct Slots<T> {
    values: Values<T>,
    state: Mutex<SlotsState>,
}

#[derive(Default)]
struct SlotsState {
    started: usize,
    running: usize,
    /// The feed, when it waits for room.
    waker: Option<Waker>,
}

impl<T, E> Sink<T, E> for Slots<T> {
    fn end(&self, index: usize, end: ChildEnd<T, E>) -> ChildEnd<(), E> {
        let waker = {
            let mut state = self.state.lock();
            state.running -= 1;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        self.values.end(index, end)
    }
}

/// What the body of the group is made of.
struct Feed<It, F, T> {
    iter: It,
    f: F,
    limit: usize,
    sink: Arc<Slots<T>>,
    place: &'static Location<'static>,
}

impl<It, F, Fut, T, E> MakeBody<Part<Fut, Slots<T>>, E> for Feed<It, F, T> {
    type Body = Feeding<It, F, Fut, T, E>;

    fn make(self, core: Arc<Core<Part<Fut, Slots<T>>, E>>) -> Self::Body {
        Feeding { feed: self, core }
    }
}

/// The body of the group: takes items while there is room.
struct Feeding<It, F, Fut, T, E> {
    feed: Feed<It, F, T>,
    core: Arc<Core<Part<Fut, Slots<T>>, E>>,
}

impl<It, F, Fut, T, E> Unpin for Feeding<It, F, Fut, T, E> {}

impl<It, F, Fut, T, E> Future for Feeding<It, F, Fut, T, E>
where
    It: Iterator,
    F: FnMut(It::Item) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: CancelError,
{
    type Output = Result<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { feed, core } = self.get_mut();
        loop {
            if host::situation().cancelled {
                // What is left in `iter` is the work that is missing; none of it is taken to be dropped.
                let exhausted = feed.iter.size_hint().1 == Some(0);
                return Poll::Ready(if exhausted { Ok(()) } else { Err(host::cancelled().into()) });
            }
            let full = {
                let waker = cx.waker().clone();
                let mut state = feed.sink.state.lock();
                let full = state.running == feed.limit;
                let old = if full { state.waker.replace(waker) } else { Some(waker) };
                drop(state);
                drop(old);
                full
            };
            if full {
                return Poll::Pending;
            }
            let Some(item) = feed.iter.next() else { return Poll::Ready(Ok(())) };
            let future = Box::pin((feed.f)(item));
            let index = {
                let mut state = feed.sink.state.lock();
                state.running += 1;
                state.started += 1;
                state.started - 1
            };
            core.start_part(index, future, &feed.sink, feed.place);
        }
    }
}
