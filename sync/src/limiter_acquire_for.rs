//! A wait for a token in the name of a key, which is in the limiter's list meanwhile.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use crate::{AcquireError, CapacityLimiter, LimiterToken, borrowers::Entry, limiter::TokenWait};

/// The future of [`CapacityLimiter::acquire_for`].
#[must_use = "futures do nothing unless polled"]
pub struct LimiterAcquireFor<'a> {
    /// Dropped first: a token that was handed over is the key's until it is passed on.
    wait: TokenWait<'a>,
    listed: Listed<'a>,
}

/// The key, which is in the limiter's list until this is dropped.
struct Listed<'a> {
    limiter: &'a CapacityLimiter,
    key: Key,
}

enum Key {
    /// Not known to the limiter yet.
    Ahead(Arc<Entry>),
    Entered(Arc<Entry>),
    /// The token has it, or nobody.
    Gone,
}

impl<'a> LimiterAcquireFor<'a> {
    pub(crate) fn new(limiter: &'a CapacityLimiter, entry: Arc<Entry>, wait: TokenWait<'a>) -> Self {
        Self { wait, listed: Listed { limiter, key: Key::Ahead(entry) } }
    }
}

impl Listed<'_> {
    /// Enters the key into the limiter's list, once.
    fn enter(&mut self, wait: &mut TokenWait<'_>) -> Result<(), AcquireError> {
        match std::mem::replace(&mut self.key, Key::Gone) {
            Key::Ahead(entry) if self.limiter.borrowers().enter(&entry) => {
                wait.set_claim(Some(entry.clone()));
                self.key = Key::Entered(entry);
                Ok(())
            }
            Key::Ahead(_) => Err(AcquireError::AlreadyBorrowed),
            Key::Entered(entry) => {
                self.key = Key::Entered(entry);
                Ok(())
            }
            Key::Gone => panic!("CapacityLimiter::acquire_for: polled after it was ready"),
        }
    }

    /// The wait is over without a token.
    fn leave(&mut self) {
        if let Key::Entered(entry) = std::mem::replace(&mut self.key, Key::Gone) {
            self.limiter.borrowers().leave(&entry);
        }
    }
}

impl Future for LimiterAcquireFor<'_> {
    type Output = Result<LimiterToken, AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.wait.poll_entry(cx))?;
        this.listed.enter(&mut this.wait)?;
        if let Err(cancelled) = ready!(this.wait.poll(cx)) {
            this.listed.leave();
            return Poll::Ready(Err(cancelled.into()));
        }
        let Key::Entered(entry) = std::mem::replace(&mut this.listed.key, Key::Gone) else {
            unreachable!("it was entered")
        };
        Poll::Ready(Ok(this.listed.limiter.token(Some(entry))))
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for LimiterAcquireFor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}
