//! Several listeners as one.
//!
//! # Invariants
//! 1. An accept that was begun on a listener stays, across calls: what it is granted meanwhile is returned by the next call.
//! 2. Whoever accepts holds the line of accepts, across its waits; who finds it taken is `Busy`.
//! 3. A listener that has ended is not asked again.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::Checkpoint;
use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};
use spin::mutex::SpinMutex;

use crate::{AsyncResource, BoxFuture, ClosingErrors, Listener, ReceiveError};

/// Several listeners as one, such as those of several addresses.
///
/// Each connection comes from the one that has it first; who has many does not keep the others waiting. Closing closes all, also
/// when some fail: several errors come as [`ClosingErrors`]. It has ended when all have. Attributes are those of all; where several
/// have one, the last one's counts.
///
/// Mirrors AnyIO's [`MultiListener`](https://anyio.readthedocs.io/en/stable/api.html#anyio.streams.stapled.MultiListener).
pub struct MultiListener<L: Listener> {
    listeners: Vec<Arc<L>>,
    line: SpinMutex<Line<L::Stream>>,
    closed: AtomicBool,
}

/// The accepts that are under way, one a listener.
struct Line<S> {
    accepts: Vec<Option<BoxFuture<'static, Result<S, ReceiveError>>>>,
    ended: Vec<bool>,
    /// The one that is asked first.
    next: usize,
}

impl<L: Listener + 'static> MultiListener<L> {
    /// Accepts from all of them.
    pub fn new(listeners: impl IntoIterator<Item = L>) -> Self {
        let listeners: Vec<Arc<L>> = listeners.into_iter().map(Arc::new).collect();
        let accepts = listeners.iter().map(|_| None).collect();
        let line = Line { accepts, ended: vec![false; listeners.len()], next: 0 };
        Self { listeners, line: SpinMutex::new(line), closed: AtomicBool::new(false) }
    }

    /// The listeners, in their order.
    pub fn listeners(&self) -> impl Iterator<Item = &L> {
        self.listeners.iter().map(|listener| &**listener)
    }

    fn poll_accept(&self, line: &mut Line<L::Stream>, cx: &mut Context<'_>) -> Poll<Result<L::Stream, ReceiveError>> {
        if self.closed.load(Ordering::SeqCst) {
            line.accepts.fill_with(|| None);
            return Poll::Ready(Err(ReceiveError::Closed));
        }
        let count = self.listeners.len();
        for at in (line.next..count).chain(0..line.next) {
            if line.ended[at] {
                continue;
            }
            let accept = line.accepts[at].get_or_insert_with(|| {
                let listener = self.listeners[at].clone();
                Box::pin(async move { listener.accept().await })
            });
            if let Poll::Ready(accepted) = accept.as_mut().poll(cx) {
                line.accepts[at] = None;
                if matches!(accepted, Err(ReceiveError::EndOfStream)) {
                    line.ended[at] = true;
                    continue;
                }
                line.next = (at + 1) % count;
                return Poll::Ready(accepted);
            }
        }
        if count > 0 && !line.ended.contains(&false) {
            return Poll::Ready(Err(ReceiveError::EndOfStream));
        }
        Poll::Pending
    }

    /// What an accept that was begun was granted is dropped, as the listeners drop what nobody accepted.
    fn note_closed(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(mut line) = self.line.try_lock() {
            line.accepts.fill_with(|| None);
        }
    }
}

impl<L: Listener + 'static> Listener for MultiListener<L> {
    type Stream = L::Stream;

    /// The next connection of any of them.
    ///
    /// # Errors
    /// What one of them fails with; [`EndOfStream`](ReceiveError::EndOfStream) when all have ended;
    /// [`Closed`](ReceiveError::Closed) when this was closed; [`Busy`](ReceiveError::Busy) while another task accepts. Without any
    /// listener it waits for ever.
    ///
    /// # Cancel safety
    /// No connection is lost: one that came in the meantime is given by the next call.
    #[track_caller]
    fn accept(&self) -> impl Future<Output = Result<L::Stream, ReceiveError>> + Send {
        let mut checkpoint = Checkpoint::at(&"accept", Location::caller());
        async move {
            poll_fn(|cx| checkpoint.poll_entry(cx)).await?;
            let mut line = self.line.try_lock().ok_or(ReceiveError::Busy)?;
            poll_fn(|cx| {
                if let Poll::Ready(accepted) = self.poll_accept(&mut line, cx) {
                    return Poll::Ready(accepted);
                }
                Poll::Ready(Err(ready!(checkpoint.poll_pending(cx)).into()))
            })
            .await
        }
    }
}

impl<L: Listener + 'static> AsyncResource for MultiListener<L> {
    async fn aclose(&self) -> io::Result<()> {
        self.note_closed();
        let mut results = Vec::with_capacity(self.listeners.len());
        for listener in &self.listeners {
            results.push(listener.aclose().await);
        }
        ClosingErrors::join(results)
    }

    fn close(&self) {
        self.note_closed();
        self.listeners.iter().for_each(|listener| listener.close());
    }
}

impl<L: Listener + TypedAttributeProvider> TypedAttributeProvider for MultiListener<L> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        for listener in self.listeners.iter().rev() {
            listener.provide_attributes(request);
        }
    }
}

impl<L: Listener> fmt::Debug for MultiListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiListener").field("listeners", &self.listeners.len()).finish_non_exhaustive()
    }
}
