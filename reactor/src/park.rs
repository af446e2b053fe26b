//! A thread that sleeps until it is called, and drives the reactor meanwhile.
//!
//! # Lock order
//!
//! One mutex, innermost: wakers are cloned before it is taken, woken and dropped after it is released.

use std::cell::Cell;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use std::{fmt, mem};

use crate::{block_on, timer};

/// Puts the thread to sleep until its [`Unparker`] is used.
///
/// It holds one token, as `std::thread::park` does: [`Unparker::unpark`] leaves it there, a `park` takes it away. So a
/// call before the thread sleeps is not lost, and two calls count as one. Unlike std's, the sleeping thread drives the
/// reactor, and there are no spurious returns.
///
/// Each sleep enters and leaves a [`block_on`], which costs a few microseconds.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// let parker = anyio_reactor::Parker::new();
/// let unparker = parker.unparker();
/// let helper = thread::spawn(move || unparker.unpark());
/// parker.park();
/// helper.join().unwrap();
/// ```
pub struct Parker {
    unparker: Unparker,
    // Two threads that parked on one token would take it from each other.
    not_sync: PhantomData<Cell<()>>,
}

/// Wakes the thread that sleeps in its [`Parker`]. It can be turned into a [`Waker`].
#[derive(Clone)]
pub struct Unparker {
    token: Arc<Token>,
}

impl Parker {
    /// Makes a parker without a token.
    pub fn new() -> Self {
        Self { unparker: Unparker { token: Arc::new(Token::default()) }, not_sync: PhantomData }
    }

    /// A handle that wakes this parker.
    pub fn unparker(&self) -> Unparker {
        self.unparker.clone()
    }

    /// Sleeps until there is a token, and takes it.
    pub fn park(&self) {
        let token = &self.unparker.token;
        if !token.take() {
            block_on(poll_fn(|cx| token.poll_take(cx)));
        }
    }

    /// Sleeps until there is a token, but not beyond `deadline`. Says whether it took a token.
    pub fn park_until(&self, deadline: Instant) -> bool {
        let token = &self.unparker.token;
        token.take()
            || block_on(async {
                let mut alarm = None;
                let taken = poll_fn(|cx| {
                    if token.poll_take(cx).is_ready() {
                        return Poll::Ready(true);
                    }
                    if Instant::now() >= deadline {
                        return Poll::Ready(false);
                    }
                    if alarm.is_none() {
                        alarm = Some(timer::arm(deadline, cx.waker().clone()));
                    }
                    Poll::Pending
                });
                let taken = taken.await;
                if let Some(key) = alarm {
                    drop(timer::disarm(key));
                }
                drop(token.leave());
                taken
            })
    }

    /// Sleeps until there is a token, but no longer than `duration`. Says whether it took a token.
    pub fn park_timeout(&self, duration: Duration) -> bool {
        match Instant::now().checked_add(duration) {
            Some(deadline) => self.park_until(deadline),
            None => {
                self.park();
                true
            }
        }
    }
}

impl Unparker {
    /// Leaves a token, and wakes the parker if it sleeps.
    pub fn unpark(&self) {
        self.token.give();
    }
}

#[derive(Default)]
struct Token {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Invariant: `sleeper` is `None` while this is set.
    given: bool,
    sleeper: Option<Waker>,
}

impl Token {
    fn give(&self) {
        let mut state = self.lock();
        state.given = true;
        let sleeper = state.sleeper.take();
        drop(state);
        if let Some(waker) = sleeper {
            waker.wake();
        }
    }

    fn take(&self) -> bool {
        mem::take(&mut self.lock().given)
    }

    fn poll_take(&self, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if mem::take(&mut state.given) {
            return Poll::Ready(());
        }
        let stale = state.sleeper.replace(waker);
        drop(state);
        drop(stale);
        Poll::Pending
    }

    /// After a sleep that ended without a token.
    fn leave(&self) -> Option<Waker> {
        self.lock().sleeper.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Token {
    fn wake(self: Arc<Self>) {
        self.give();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.give();
    }
}

impl From<Unparker> for Waker {
    fn from(unparker: Unparker) -> Self {
        Waker::from(unparker.token)
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parker").finish_non_exhaustive()
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unparker").finish_non_exhaustive()
    }
}
