//! Time: what the crate takes it from, and how that is replaced.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use anyio_reactor::timer;
use pin_project_lite::pin_project;

use crate::{ambient, waker_id::WakerId};

/// A source of time: what it is now, and being woken when it has come so far.
///
/// The default is the system's monotonic clock with the timer wheel of `anyio-reactor`, which works on any executor.
/// Another clock is put in place for one future, and everything polled inside it, by [`with_clock`]; the tests' one is
/// [`VirtualClock`](crate::VirtualClock).
///
/// An implementation must not call a waker from inside `arm` or `disarm`, and must hold no lock while it calls or drops
/// one elsewhere.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The present moment. It never goes backwards.
    fn now(&self) -> Instant;

    /// Wakes `waker` once when `deadline` has come, never before.
    fn arm(&self, deadline: Instant, waker: Waker) -> AlarmKey;

    /// Takes an alarm back. `None` if it went off already or the key is not of this clock.
    fn disarm(&self, key: AlarmKey) -> Option<Waker>;

    /// Whether [`jump`](Self::jump) may do anything: a `run` only then watches for the moment at which nothing can run.
    fn jumps(&self) -> bool {
        false
    }

    /// How long, in real time, nothing must have happened before it may [`jump`](Self::jump) while descriptors are waited for:
    /// they may become ready at any time. `None`: it does not jump then.
    fn jumps_after(&self) -> Option<Duration> {
        None
    }

    /// Nothing can run any more: a clock that is not the real one may move on to its next deadline.
    fn jump(&self) {}

    /// Whether an alarm may go off by itself, while no task runs. Where none may, `#[anyio::test]` knows that tasks which all wait
    /// will wait for ever.
    fn may_ring(&self) -> bool {
        true
    }
}

/// What names an alarm of a [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlarmKey(Key);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    System(timer::TimerKey),
    Own(u64),
}

impl AlarmKey {
    /// A key of a clock's own making.
    pub const fn new(key: u64) -> Self {
        Self(Key::Own(key))
    }

    /// What [`new`](Self::new) was given; `None` for an alarm of the system's clock.
    pub const fn get(self) -> Option<u64> {
        match self.0 {
            Key::Own(key) => Some(key),
            Key::System(_) => None,
        }
    }
}

/// The clock in force: one that was installed, or the system's.
#[derive(Clone, Default)]
pub(crate) struct TimeSource(pub(crate) Option<Arc<dyn Clock>>);

impl TimeSource {
    /// Whether it is the same clock, so that their moments can be compared.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// Whether it is another one than the system's.
    pub(crate) fn is_installed(&self) -> bool {
        self.0.is_some()
    }

    /// Whether it is the clock in force here.
    pub(crate) fn is_in_force(&self) -> bool {
        self.is(&ambient::clock())
    }

    pub(crate) fn now(&self) -> Instant {
        match &self.0 {
            None => Instant::now(),
            Some(clock) => clock.now(),
        }
    }

    pub(crate) fn arm(&self, deadline: Instant, waker: Waker) -> AlarmKey {
        match &self.0 {
            None => AlarmKey(Key::System(timer::arm(deadline, waker))),
            Some(clock) => clock.arm(deadline, waker),
        }
    }

    pub(crate) fn disarm(&self, key: AlarmKey) -> Option<Waker> {
        match (&self.0, key.0) {
            (None, Key::System(key)) => timer::disarm(key),
            (None, Key::Own(_)) => None,
            (Some(clock), _) => clock.disarm(key),
        }
    }
}

/// The present moment, by the clock in force here.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use anyio_cancel_scope::{now, sleep};
/// use std::time::Duration;
///
/// let before = now();
/// sleep(Duration::from_millis(1)).await?;
/// assert!(now() - before >= Duration::from_millis(1));
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
pub fn now() -> Instant {
    ambient::clock().now()
}

/// Runs `fut` with `clock` as the clock in force.
///
/// Scopes and sleeps take their clock at their first poll, and keep it.
///
/// # Cancel safety
/// Adds nothing to what `fut` says.
///
/// # Examples
/// See [`VirtualClock`](crate::VirtualClock).
pub fn with_clock<F: Future>(clock: Arc<dyn Clock>, fut: F) -> WithClock<F> {
    WithClock { clock: TimeSource(Some(clock)), fut }
}

pin_project! {
    /// The future of [`with_clock`].
    #[must_use = "futures do nothing unless polled"]
    pub struct WithClock<F> {
        clock: TimeSource,
        #[pin]
        fut: F,
    }
}

impl<F: Future> Future for WithClock<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        ambient::with_clock(this.clock, || this.fut.poll(cx))
    }
}

impl<F> fmt::Debug for WithClock<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithClock").finish_non_exhaustive()
    }
}

/// When a relative limit that starts now ends; `None` for never.
pub(crate) fn after(now: Instant, limit: Duration) -> Option<Instant> {
    now.checked_add(limit)
}

/// A wait for a moment that is no checkpoint: what sleeping and [`wait_at_most`](crate::wait_at_most) stand on.
pub(crate) struct Alarm {
    clock: TimeSource,
    /// `None` is never.
    deadline: Option<Instant>,
    armed: Option<(AlarmKey, WakerId)>,
}

impl Alarm {
    pub(crate) fn at(clock: TimeSource, deadline: Option<Instant>) -> Self {
        Self { clock, deadline, armed: None }
    }

    /// Ready when the moment has come.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        if self.clock.now() >= deadline {
            self.disarm();
            return Poll::Ready(());
        }
        let waker = WakerId::of(cx.waker());
        if self.armed.is_none_or(|(_, armed)| armed != waker) {
            self.disarm();
            let key = self.clock.arm(deadline, cx.waker().clone());
            self.armed = Some((key, waker));
        }
        Poll::Pending
    }

    fn disarm(&mut self) {
        if let Some((key, _)) = self.armed.take() {
            drop(self.clock.disarm(key));
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.disarm();
    }
}
