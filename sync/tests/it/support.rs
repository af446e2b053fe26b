//! What the tests share: futures under their hands, which begin with a fresh budget, and one of each thing to wait for.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use anyio_cancel_scope::{CancelScope, Cancelled, checkpoint};
use anyio_future_contract::Polled;
use anyio_sync::{CapacityLimiter, Condition, Event, Lock, OwnedLockGuard, Semaphore, SetOnce};

pub(crate) type BoxedFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Brings this thread's count of checkpoints to where the next 127 do not yield.
pub(crate) fn fresh_budget() {
    while pin!(checkpoint()).poll(&mut Context::from_waker(Waker::noop())).is_ready() {}
    // The one that yielded was the 128th.
}

/// A future to poll by hand, none of whose next 127 checkpoints yields.
pub(crate) fn polled<F: Future>(future: F) -> Polled<F> {
    fresh_budget();
    Polled::new(future)
}

/// Polls a future once, with the budget that is left.
pub(crate) fn polled_once<F: Future>(future: F) -> Poll<F::Output> {
    Polled::new(future).poll()
}

/// One that waits.
#[track_caller]
pub(crate) fn waiting<F: Future>(future: F) -> Polled<F> {
    let mut polled = polled(future);
    polled.assert_pending();
    assert!(!polled.is_woken());
    polled
}

/// Runs a future that needs nobody else.
#[track_caller]
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    polled(future).assert_ready()
}

/// One that was cancelled before.
pub(crate) fn cancelled_scope() -> CancelScope {
    let scope = CancelScope::new();
    scope.cancel();
    scope
}

/// Runs `test` on a thread of its own, and fails if it does not come to an end.
#[track_caller]
pub(crate) fn ends<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = channel();
    let thread = thread::spawn(move || drop(done.send(test())));
    match ended.recv_timeout(Duration::from_secs(60)) {
        Ok(value) => value,
        Err(RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().expect_err("it sent nothing")),
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
    }
}

/// One thing to wait for, of which nothing is free.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// A wait, which gives back at once what it got.
    pub(crate) wait: Box<dyn Fn() -> BoxedFuture<Result<(), Cancelled>>>,
    /// Makes the first wait due, or the next one.
    pub(crate) free: Box<dyn Fn()>,
    /// How many wait.
    pub(crate) waiting: Box<dyn Fn() -> usize>,
    /// Whether what was freed is there to take.
    pub(crate) is_free: Box<dyn Fn() -> bool>,
    /// Whether what was freed stays for the next one who comes.
    pub(crate) keeps: bool,
    /// Whether each that is freed is for one only.
    pub(crate) for_one: bool,
}

/// One of each wait that there is.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        event(),
        set_once(),
        lock("lock", |lock| {
            Box::pin(async move {
                let guard = lock.lock().await?;
                drop(guard);
                Ok(())
            })
        }),
        lock("lock_owned", |lock| Box::pin(async move { lock.lock_owned().await.map(drop) })),
        semaphore("acquire", 1, |semaphore| Box::pin(async move { semaphore.acquire().await.map(drop) })),
        semaphore("acquire_many", 3, |semaphore| Box::pin(async move { semaphore.acquire_many(3).await.map(drop) })),
        limiter("limiter", |limiter, _| Box::pin(async move { limiter.acquire().await.map(drop) })),
        limiter("limiter for a key", |limiter, key| {
            Box::pin(async move {
                limiter.acquire_for(key).await.map(drop).map_err(|error| match error {
                    anyio_sync::AcquireError::Cancelled(cancelled) => cancelled,
                    anyio_sync::AcquireError::AlreadyBorrowed => panic!("each wait has a key of its own"),
                })
            })
        }),
        condition_wait(),
        condition_wait_for(),
    ]
}

fn event() -> Case {
    let event = Arc::new(Event::new());
    let [wait, free, count, is_free] = std::array::from_fn(|_| event.clone());
    Case {
        name: "event",
        wait: Box::new(move || {
            let event = wait.clone();
            Box::pin(async move { event.wait().await })
        }),
        free: Box::new(move || free.set()),
        waiting: Box::new(move || count.statistics().tasks_waiting),
        is_free: Box::new(move || is_free.is_set()),
        keeps: true,
        for_one: false,
    }
}

fn set_once() -> Case {
    let value = Arc::new(SetOnce::new());
    let [wait, free, count, is_free] = std::array::from_fn(|_| value.clone());
    Case {
        name: "set once",
        wait: Box::new(move || {
            let value = wait.clone();
            Box::pin(async move { value.wait().await.map(|value| assert_eq!(*value, 7)) })
        }),
        free: Box::new(move || assert!(matches!(free.set(7), Ok(()) | Err(7)))),
        waiting: Box::new(move || count.statistics().tasks_waiting),
        is_free: Box::new(move || is_free.get().is_some()),
        keeps: true,
        for_one: false,
    }
}

/// A lock that is held until it is freed.
pub(crate) struct Held {
    pub(crate) lock: Arc<Lock<u32>>,
    guard: Mutex<Option<OwnedLockGuard<u32>>>,
}

impl Held {
    pub(crate) fn new() -> Self {
        let lock = Arc::new(Lock::new(0));
        let guard = Mutex::new(lock.try_lock_owned());
        Self { lock, guard }
    }

    pub(crate) fn free(&self) {
        let guard = self.guard.lock().unwrap().take();
        drop(guard);
    }
}

fn lock(name: &'static str, make: impl Fn(Arc<Lock<u32>>) -> BoxedFuture<Result<(), Cancelled>> + 'static) -> Case {
    let held = Arc::new(Held::new());
    let [wait, free, count, is_free] = std::array::from_fn(|_| held.clone());
    Case {
        name,
        wait: Box::new(move || make(wait.lock.clone())),
        free: Box::new(move || free.free()),
        waiting: Box::new(move || count.lock.statistics().tasks_waiting),
        is_free: Box::new(move || is_free.lock.try_lock().is_some()),
        keeps: true,
        for_one: true,
    }
}

fn semaphore(
    name: &'static str,
    permits: usize,
    make: impl Fn(Semaphore) -> BoxedFuture<Result<(), Cancelled>> + 'static,
) -> Case {
    let semaphore = Semaphore::new(0);
    let [wait, free, count, is_free] = std::array::from_fn(|_| semaphore.clone());
    Case {
        name,
        wait: Box::new(move || make(wait.clone())),
        free: Box::new(move || free.add_permits(permits).unwrap()),
        waiting: Box::new(move || count.statistics().tasks_waiting),
        is_free: Box::new(move || is_free.try_acquire_many(permits).is_some()),
        keeps: true,
        for_one: true,
    }
}

fn limiter(
    name: &'static str,
    make: impl Fn(CapacityLimiter, usize) -> BoxedFuture<Result<(), Cancelled>> + 'static,
) -> Case {
    let (limiter, keys) = (CapacityLimiter::new(0), AtomicUsize::new(0));
    let [wait, free, count, is_free] = std::array::from_fn(|_| limiter.clone());
    Case {
        name,
        wait: Box::new(move || make(wait.clone(), keys.fetch_add(1, Ordering::Relaxed))),
        free: Box::new(move || free.set_total_tokens(free.total_tokens() + 1)),
        waiting: Box::new(move || count.statistics().tasks_waiting),
        is_free: Box::new(move || is_free.try_acquire().is_some()),
        keeps: true,
        for_one: true,
    }
}

fn condition_wait() -> Case {
    let shared = Arc::new((Lock::new(0), Condition::new()));
    let [wait, free, count, is_free] = std::array::from_fn(|_| shared.clone());
    Case {
        name: "condition",
        wait: Box::new(move || {
            let shared = wait.clone();
            Box::pin(async move {
                let guard = shared.0.try_lock().expect("nobody has the lock while they wait");
                shared.1.wait(guard).await.map(drop)
            })
        }),
        free: Box::new(move || free.1.notify(1)),
        waiting: Box::new(move || count.1.statistics().tasks_waiting),
        is_free: Box::new(move || is_free.0.try_lock().is_some()),
        keeps: false,
        for_one: true,
    }
}

fn condition_wait_for() -> Case {
    let shared = Arc::new((Lock::new(0), Condition::new()));
    let [wait, free, count, is_free] = std::array::from_fn(|_| shared.clone());
    Case {
        name: "condition with a predicate",
        wait: Box::new(move || {
            let shared = wait.clone();
            Box::pin(async move {
                let guard = shared.0.try_lock().expect("nobody has the lock while they wait");
                shared.1.wait_for(guard, |n| *n > 0).await.map(drop)
            })
        }),
        free: Box::new(move || {
            *free.0.try_lock().expect("nobody has the lock while they wait") += 1;
            free.1.notify(1);
        }),
        waiting: Box::new(move || count.1.statistics().tasks_waiting),
        is_free: Box::new(move || is_free.0.try_lock().is_some_and(|n| *n > 0)),
        keeps: true,
        for_one: true,
    }
}
