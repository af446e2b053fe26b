//! The suite, step by step: a fixture, a future that waits for it, what makes it due, and what else is claimed.
//!
//! A claim runs on a thread of its own under the watchdog, so that a deadlock is told and the next claim still runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::BoxedFuture;
use crate::claims;
use crate::watchdog::{End, watch};

/// The start of a [`Suite`]: how to make a fixture, which is the primitive that futures wait for.
///
/// # Examples
///
/// ```should_panic
/// use std::future;
/// use std::sync::Mutex;
/// use std::task::{Poll, Waker};
///
/// use anyio_future_contract::Contract;
///
/// /// Pushes a waker at each poll, and never takes one back.
/// #[derive(Default)]
/// struct Flag(Mutex<(bool, Vec<Waker>)>);
///
/// impl Flag {
///     fn set(&self) {
///         let mut state = self.0.lock().unwrap();
///         state.0 = true;
///         let wakers = std::mem::take(&mut state.1);
///         drop(state);
///         wakers.into_iter().for_each(Waker::wake);
///     }
///
///     async fn wait(&self) {
///         future::poll_fn(|cx| {
///             let mut state = self.0.lock().unwrap();
///             if state.0 {
///                 return Poll::Ready(());
///             }
///             state.1.push(cx.waker().clone());
///             Poll::Pending
///         })
///         .await;
///     }
/// }
///
/// // Panics: "dropped while waiting: the future is dropped, but a copy of its waker lives", and more.
/// Contract::new(Flag::default).future(|flag| async move { flag.wait().await }).due(|flag| flag.set()).check();
/// ```
pub struct Contract<F> {
    make: Box<dyn Fn() -> F + Send + Sync>,
}

impl<F: Send + Sync + 'static> Contract<F> {
    /// Takes what makes a fixture on which nothing is due. Each claim has a fixture of its own.
    pub fn new(make: impl Fn() -> F + Send + Sync + 'static) -> Self {
        Self { make: Box::new(make) }
    }

    /// Takes what makes a future that waits on the fixture.
    ///
    /// A fixture has several futures at a time. One that borrows from the fixture is made in an async block, which owns the
    /// `Arc`: `|event| async move { event.wait().await }`. The block makes the future at its first poll, so a future with a
    /// place in a queue from the start shows more when it owns the `Arc` itself.
    pub fn future<W>(self, future: impl Fn(Arc<F>) -> W + Send + Sync + 'static) -> Draft<F, W::Output>
    where
        W: Future<Output: 'static> + 'static,
    {
        Draft { make: self.make, future: Box::new(move |fixture| Box::pin(future(fixture))) }
    }
}

impl<F> fmt::Debug for Contract<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract").finish_non_exhaustive()
    }
}

type Asks<F> = Box<dyn Fn(&F) -> bool + Send + Sync>;

type MakeFuture<F, T> = Box<dyn Fn(Arc<F>) -> BoxedFuture<'static, T> + Send + Sync>;

/// A [`Contract`] with its future, which lacks what the future waits for.
pub struct Draft<F, T> {
    make: Box<dyn Fn() -> F + Send + Sync>,
    future: MakeFuture<F, T>,
}

impl<F: Send + Sync + 'static, T: 'static> Draft<F, T> {
    /// Takes what makes one future due, before it returns: the one that waits first, else the next one that is made.
    ///
    /// It is called more than once on a fixture, also from inside a waker.
    pub fn due(self, due: impl Fn(&F) + Send + Sync + 'static) -> Suite<F, T> {
        Suite {
            make: self.make,
            future: self.future,
            due: Box::new(due),
            passed_on: None,
            most_wakers: 1,
            patience: Duration::from_secs(10),
        }
    }
}

impl<F, T> fmt::Debug for Draft<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").finish_non_exhaustive()
    }
}

/// The claims that every waiting future has to meet, ready to be checked. The crate's front page lists them.
pub struct Suite<F, T> {
    pub(crate) make: Box<dyn Fn() -> F + Send + Sync>,
    pub(crate) future: MakeFuture<F, T>,
    pub(crate) due: Box<dyn Fn(&F) + Send + Sync>,
    pub(crate) passed_on: Option<Asks<F>>,
    pub(crate) most_wakers: usize,
    patience: Duration,
}

impl<F: Send + Sync + 'static, T: 'static> Suite<F, T> {
    /// Also checks that what a future was granted, and left behind when it was dropped, is there for the next.
    ///
    /// `passed_on` tells whether the fixture has a grant to take. It may take it.
    pub fn passed_on(mut self, passed_on: impl Fn(&F) -> bool + Send + Sync + 'static) -> Self {
        self.passed_on = Some(Box::new(passed_on));
        self
    }

    /// Lets a waiting future keep up to `most` copies of its waker rather than one, for those that wait in several places.
    pub fn most_wakers(mut self, most: usize) -> Self {
        self.most_wakers = most;
        self
    }

    /// Waits `patience` for the end of each claim before it is called a deadlock, rather than 10 seconds.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Checks every claim, each on a thread of its own. A deadlock ends the check, and leaves its thread behind.
    ///
    /// # Panics
    ///
    /// When claims are broken. The message has a line for each, which starts with its name.
    #[track_caller]
    pub fn check(self) {
        let broken = self.broken_claims();
        assert!(broken.is_empty(), "the contract is broken:\n{}", broken.join("\n"));
    }

    fn broken_claims(self) -> Vec<String> {
        let suite = Arc::new(self);
        let grants = suite.passed_on.as_ref().map(|_| claims::of_grants());
        let mut broken = Vec::new();
        for (claim, holds) in claims::of_all().into_iter().chain(grants.into_iter().flatten()) {
            let watched = Arc::clone(&suite);
            match watch(suite.patience, move || holds(&watched)) {
                End::Returned(Ok(())) => {}
                End::Returned(Err(why)) => broken.push(format!("{claim}: {why}")),
                End::Panicked(message) => broken.push(format!("{claim}: it panics: {message}")),
                End::Hung => {
                    let patience = suite.patience;
                    broken.push(format!("{claim}: deadlock: no end in {patience:?}, a lock is held in foreign code"));
                    break;
                }
            }
        }
        broken
    }
}

impl<F, T> fmt::Debug for Suite<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("passed_on", &self.passed_on.is_some())
            .field("most_wakers", &self.most_wakers)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
