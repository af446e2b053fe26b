//! A clock that is advanced by hand.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::{Duration, Instant},
};

use crate::{AlarmKey, Clock, WithClock, with_clock};

/// A clock that stands still until it is [advanced](Self::advance), for tests that wait for nothing.
///
/// It works on any executor. It cannot tell that nothing else can run: who advances it decides when.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{VirtualClock, move_on_after, sleep_forever};
/// use futures_lite::{future, FutureExt};
/// use std::time::Duration;
///
/// let clock = VirtualClock::new();
/// let hour = Duration::from_secs(3600);
/// let mut work = Box::pin(clock.run(move_on_after(hour, sleep_forever())));
///
/// future::block_on(async {
///     assert!(future::poll_once(&mut work).await.is_none());
///     clock.advance(hour);
///     assert_eq!(work.await, Ok(None));
/// });
/// ```
#[derive(Clone)]
pub struct VirtualClock {
    queue: Arc<Mutex<Queue>>,
}

/// # Invariants
/// 1. No alarm that is due stays in `alarms` when `advance` returns, but one that was armed for the past meanwhile.
/// 2. Keys grow, so alarms of the same moment go off in the order in which they were armed.
struct Queue {
    now: Instant,
    next: u64,
    alarms: BTreeMap<(Instant, u64), Waker>,
    deadlines: BTreeMap<u64, Instant>,
    jumps: Jumps,
}

/// When a clock moves on by itself.
#[derive(Clone, Copy, PartialEq)]
enum Jumps {
    Never,
    /// As soon as nothing can run; with a time, also while descriptors are waited for.
    Idle(Option<Duration>),
}

impl Queue {
    /// Takes the first alarm out that is due at `until`, and moves the time on to it.
    fn take_due(&mut self, until: Instant) -> Option<Waker> {
        let entry = self.alarms.first_entry()?;
        let (deadline, key) = *entry.key();
        if deadline > until {
            return None;
        }
        self.now = self.now.max(deadline);
        self.deadlines.remove(&key);
        Some(entry.remove())
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl VirtualClock {
    /// A clock that shows the real moment of this call, and stands still there.
    pub fn new() -> Self {
        Self::with(Jumps::Never)
    }

    /// A clock that moves on by itself: to the next deadline, as soon as no task can run. It must be the clock of a whole
    /// `run`, given to its `Builder::clock`, for only that knows when nothing can.
    ///
    /// It looks at the tasks of that `run`, at what they offloaded, and at its worker threads, and does not jump while one of
    /// them is at work, nor while a descriptor (a socket, a pipe, a signal) is waited for through these crates:
    /// [`autojump_after`](Self::autojump_after) does. What is woken from elsewhere (another executor, a thread of your own, a
    /// foreign library's socket) it does not see coming. Put in place by [`run`](Self::run) or [`with_clock`], and under another
    /// executor, it stands still until it is [advanced](Self::advance), like [`new`](Self::new).
    ///
    /// # Examples
    /// See `Builder::clock` of `anyio-runtime`.
    pub fn autojump() -> Self {
        Self::with(Jumps::Idle(None))
    }

    /// As [`autojump`](Self::autojump); and while descriptors are waited for it jumps when nothing happened for `quiet`, in real
    /// time.
    ///
    /// A time too short makes timeouts come before real bytes do; trio calls this the
    /// [`autojump_threshold`](https://trio.readthedocs.io/en/stable/reference-testing.html#trio.testing.MockClock).
    pub fn autojump_after(quiet: Duration) -> Self {
        Self::with(Jumps::Idle(Some(quiet)))
    }

    fn with(jumps: Jumps) -> Self {
        let queue = Queue { now: Instant::now(), next: 0, alarms: BTreeMap::new(), deadlines: BTreeMap::new(), jumps };
        Self { queue: Arc::new(Mutex::new(queue)) }
    }

    /// Runs `fut` with this clock as the clock in force. Nothing moves it then but [`advance`](Self::advance).
    pub fn run<F: Future>(&self, fut: F) -> WithClock<F> {
        with_clock(Arc::new(self.clone()), fut)
    }

    /// Moves the time on by `by`, waking what becomes due on the way, each at its own moment and in order.
    ///
    /// The wakers are called from here, with no lock held; the tasks that they wake are not polled.
    pub fn advance(&self, by: Duration) {
        let until = {
            let queue = self.lock();
            queue.now.checked_add(by).unwrap_or(queue.now)
        };
        self.advance_to(until);
    }

    /// Moves the time on to `until`; does nothing if that lies in the past.
    pub fn advance_to(&self, until: Instant) {
        loop {
            let due = self.lock().take_due(until);
            match due {
                Some(waker) => waker.wake(),
                None => break,
            }
        }
        let mut queue = self.lock();
        queue.now = queue.now.max(until);
    }

    /// The moment of the earliest alarm, if any is armed.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.lock().alarms.keys().next().map(|(deadline, _)| *deadline)
    }

    /// How many alarms are armed.
    pub fn alarms(&self) -> usize {
        self.lock().alarms.len()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        self.lock().now
    }

    fn arm(&self, deadline: Instant, waker: Waker) -> AlarmKey {
        let mut queue = self.lock();
        let key = queue.next;
        queue.next += 1;
        queue.alarms.insert((deadline, key), waker);
        queue.deadlines.insert(key, deadline);
        AlarmKey::new(key)
    }

    fn disarm(&self, key: AlarmKey) -> Option<Waker> {
        let key = key.get()?;
        let mut queue = self.lock();
        let deadline = queue.deadlines.remove(&key)?;
        queue.alarms.remove(&(deadline, key))
    }

    fn jumps(&self) -> bool {
        self.lock().jumps != Jumps::Never
    }

    fn jumps_after(&self) -> Option<Duration> {
        match self.lock().jumps {
            Jumps::Never => None,
            Jumps::Idle(quiet) => quiet,
        }
    }

    fn may_ring(&self) -> bool {
        let queue = self.lock();
        queue.jumps != Jumps::Never && !queue.alarms.is_empty()
    }

    fn jump(&self) {
        if let Some(next) = self.next_deadline().filter(|_| self.jumps()) {
            self.advance_to(next);
        }
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.lock();
        f.debug_struct("VirtualClock").field("now", &queue.now).field("alarms", &queue.alarms.len()).finish()
    }
}
