//! An object of another family of I/O traits, which is polled, as a byte stream.
//!
//! # Invariants
//! 1. The object is polled under a lock, and nothing waits there. Its wakers are its own business; besides, who waits in each
//!    direction has left a waker here, for closing.
//! 2. One task at a time is in each direction: it holds the claim of that direction across its waits.
//! 3. The object is dropped outside of the lock.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{Cancelled, Checkpoint, Verb, check_cancelled};
use spin::mutex::SpinMutex;

use crate::{ByteSendError, ReceiveError, SendReason, noted::Place};

/// A method of the object that takes nothing: flushing, closing.
pub(crate) type Act<T> = fn(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<()>>;

pub(crate) struct Foreign<T> {
    state: Mutex<State<T>>,
    claims: [SpinMutex<()>; 2],
    /// What closes the object gracefully.
    closes: Act<T>,
}

struct State<T> {
    /// Gone when it was closed.
    object: Option<T>,
    closed: bool,
    /// Nothing more is to be sent; and the object was told so.
    ended: bool,
    shut: bool,
    waiting: [Option<Waker>; 2],
}

#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

/// Why nothing moved.
enum Stop {
    Cancelled(Cancelled),
    Closed,
    Failed(io::Error),
}

impl<T: Unpin> Foreign<T> {
    pub(crate) fn new(object: T, closes: Act<T>) -> Self {
        let state = State { object: Some(object), closed: false, ended: false, shut: false, waiting: [None, None] };
        Self { state: Mutex::new(state), claims: [SpinMutex::new(()), SpinMutex::new(())], closes }
    }

    pub(crate) fn into_inner(self) -> Option<T> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).object
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls the object; `None` when it was closed. Who has to wait is woken when it is closed.
    fn poll<R>(
        &self,
        way: Way,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<Option<R>> {
        {
            let mut state = self.lock();
            let State { object, closed, waiting, .. } = &mut *state;
            let Some(object) = object.as_mut().filter(|_| !*closed) else { return Poll::Ready(None) };
            if let Poll::Ready(result) = poll(Pin::new(object), cx) {
                return Poll::Ready(Some(result));
            }
            if waiting[way as usize].as_ref().is_some_and(|held| held.will_wake(cx.waker())) {
                return Poll::Pending;
            }
        }
        self.leave_waker(way, cx, |state| state.closed).map(|()| None)
    }

    /// By invariant 1; ready when it was closed meanwhile.
    fn leave_waker(&self, way: Way, cx: &Context<'_>, closed: impl FnOnce(&State<T>) -> bool) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if closed(&state) {
            return Poll::Ready(());
        }
        let stale = state.waiting[way as usize].replace(waker);
        drop(state);
        drop(stale);
        Poll::Pending
    }

    /// One operation that waits: it is cancelled with its scope, and told of closing.
    async fn operate<R>(
        &self,
        way: Way,
        checkpoint: &mut Checkpoint,
        mut poll: impl FnMut(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Result<R, Stop> {
        poll_fn(|cx| match self.poll(way, cx, &mut poll) {
            Poll::Ready(Some(Ok(value))) => Poll::Ready(Ok(value)),
            // Only a value comes before the cancellation (R3).
            Poll::Ready(other) => Poll::Ready(Err(match (check_cancelled(), other) {
                (Err(cancelled), _) => Stop::Cancelled(cancelled),
                (Ok(()), Some(Err(error))) => Stop::Failed(error),
                (Ok(()), _) => Stop::Closed,
            })),
            Poll::Pending => Poll::Ready(Err(Stop::Cancelled(ready!(checkpoint.poll_pending(cx))))),
        })
        .await
    }

    /// `read` gives 0 at the end.
    pub(crate) async fn receive(
        &self,
        place: Place,
        read: impl FnMut(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Result<usize, ReceiveError> {
        let mut checkpoint = Checkpoint::at(&"receive", place);
        poll_fn(|cx| checkpoint.poll_entry(cx)).await?;
        let _claim = self.claims[Way::In as usize].try_lock().ok_or(ReceiveError::Busy)?;
        match self.operate(Way::In, &mut checkpoint, read).await {
            Ok(0) => Err(ReceiveError::EndOfStream),
            Ok(count) => Ok(count),
            Err(Stop::Cancelled(cancelled)) => Err(cancelled.into()),
            Err(Stop::Closed) => Err(ReceiveError::Closed),
            Err(Stop::Failed(error)) => Err(error.into()),
        }
    }

    pub(crate) async fn send(
        &self,
        data: &[u8],
        place: Place,
        mut write: impl FnMut(Pin<&mut T>, &mut Context<'_>, &[u8]) -> Poll<io::Result<usize>>,
        flush: Act<T>,
    ) -> Result<(), ByteSendError> {
        let mut sent = 0;
        let result = async {
            let mut checkpoint = self.enter(&"send", place).await?;
            let _claim = self.claims[Way::Out as usize].try_lock().ok_or(SendReason::Busy)?;
            if self.lock().ended {
                return Err(SendReason::Closed);
            }
            while sent < data.len() {
                match self.operate(Way::Out, &mut checkpoint, |object, cx| write(object, cx, &data[sent..])).await? {
                    0 => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                    count => sent += count,
                }
            }
            self.operate(Way::Out, &mut checkpoint, flush).await?;
            Ok(())
        };
        let result = result.await;
        result.map_err(|reason| ByteSendError { sent, reason })
    }

    pub(crate) async fn send_eof(&self, place: Place) -> Result<(), ByteSendError> {
        let result = async {
            let mut checkpoint = self.enter(&"send_eof", place).await?;
            let _claim = self.claims[Way::Out as usize].try_lock().ok_or(SendReason::Busy)?;
            self.lock().ended = true;
            self.shut(&mut checkpoint).await?;
            Ok(())
        };
        result.await.map_err(|reason: SendReason| ByteSendError { sent: 0, reason })
    }

    async fn enter(&self, verb: Verb, place: Place) -> Result<Checkpoint, Cancelled> {
        let mut checkpoint = Checkpoint::at(verb, place);
        poll_fn(|cx| checkpoint.poll_entry(cx)).await?;
        Ok(checkpoint)
    }

    async fn shut(&self, checkpoint: &mut Checkpoint) -> Result<(), Stop> {
        if !self.lock().shut {
            self.operate(Way::Out, checkpoint, self.closes).await?;
            self.lock().shut = true;
        }
        Ok(())
    }

    pub(crate) async fn aclose(&self, place: Place) -> io::Result<()> {
        // Others see that it is closed, while it says good-bye.
        let goodbye = {
            let mut state = self.lock();
            if std::mem::replace(&mut state.closed, true) {
                return Ok(());
            }
            let woken = std::mem::take(&mut state.waiting);
            let goodbye = !state.shut;
            drop(state);
            woken.into_iter().flatten().for_each(Waker::wake);
            goodbye
        };
        let said = async {
            let mut checkpoint = self.enter(&"aclose", place).await?;
            if goodbye {
                poll_fn(|cx| self.poll_goodbye(&mut checkpoint, cx)).await?;
            }
            Ok(())
        };
        let said = said.await;
        self.close();
        said
    }

    fn poll_goodbye(&self, checkpoint: &mut Checkpoint, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(object) = &mut self.lock().object
            && let Poll::Ready(result) = (self.closes)(Pin::new(object), cx)
        {
            return Poll::Ready(result);
        }
        // Another task may close it at once meanwhile.
        if self.leave_waker(Way::Out, cx, |state| state.object.is_none()).is_ready() {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(ready!(checkpoint.poll_pending(cx)).into()))
    }
}

impl<T> Foreign<T> {
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        let (object, woken) = (state.object.take(), std::mem::take(&mut state.waiting));
        drop(state);
        woken.into_iter().flatten().for_each(Waker::wake);
        drop(object);
    }
}

impl From<Stop> for SendReason {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled(cancelled) => cancelled.into(),
            Stop::Closed => Self::Closed,
            Stop::Failed(error) => error.into(),
        }
    }
}
