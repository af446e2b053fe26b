//! The suite that every waiting future passes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyio_future_contract::Contract;
use anyio_sync::{CapacityLimiter, Condition, Event, Lock, Semaphore, SetOnce};

use crate::support::Held;

#[test]
fn event_wait() {
    Contract::new(Event::new).future(|event| async move { event.wait().await }).due(Event::set).check();
}

#[test]
fn set_once_wait() {
    Contract::new(SetOnce::<()>::new)
        .future(|value| async move { value.wait().await.copied() })
        .due(|value| value.set(()).unwrap_or_default())
        .check();
}

#[test]
fn lock() {
    Contract::new(Held::new)
        .future(|held| async move { held.lock.lock().await.map(drop) })
        .due(Held::free)
        .passed_on(|held| held.lock.try_lock().is_some())
        .check();
}

#[test]
fn lock_owned() {
    Contract::new(Held::new)
        .future(|held| held.lock.lock_owned())
        .due(Held::free)
        .passed_on(|held| held.lock.try_lock_owned().is_some())
        .check();
}

#[test]
fn semaphore_acquire() {
    Contract::new(|| Semaphore::new(0))
        .future(|semaphore| async move { semaphore.acquire().await })
        .due(|semaphore| semaphore.add_permits(1).unwrap())
        .passed_on(|semaphore| semaphore.try_acquire().is_some())
        .check();
}

#[test]
fn semaphore_acquire_many() {
    Contract::new(|| Semaphore::new(0))
        .future(|semaphore| async move { semaphore.acquire_many(2).await })
        .due(|semaphore| semaphore.add_permits(2).unwrap())
        .passed_on(|semaphore| semaphore.try_acquire_many(2).is_some())
        .check();
}

fn raise(limiter: &CapacityLimiter) {
    limiter.set_total_tokens(limiter.total_tokens() + 1);
}

#[test]
fn limiter_acquire() {
    Contract::new(|| CapacityLimiter::new(0))
        .future(|limiter| async move { limiter.acquire().await })
        .due(raise)
        .passed_on(|limiter| limiter.try_acquire().is_some())
        .check();
}

#[test]
fn limiter_acquire_for() {
    static KEYS: AtomicUsize = AtomicUsize::new(0);
    Contract::new(|| CapacityLimiter::new(0))
        .future(|limiter| async move { limiter.acquire_for(KEYS.fetch_add(1, Ordering::Relaxed)).await })
        .due(raise)
        .passed_on(|limiter| limiter.try_acquire_for("another").is_ok())
        .check();
}

/// Something is there each time that it is notified. It is counted beside the lock, as it has to be possible from inside a
/// waker.
#[derive(Default)]
struct Counted {
    lock: Arc<Lock<()>>,
    condition: Condition,
    count: AtomicUsize,
}

impl Counted {
    fn add(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.condition.notify(1);
    }

    fn take(&self) -> bool {
        self.count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
    }
}

#[test]
fn condition_wait() {
    Contract::new(Counted::default)
        .future(|counted| async move {
            let mut guard = counted.lock.lock().await?;
            while !counted.take() {
                guard = counted.condition.wait(guard).await?;
            }
            Ok::<_, anyio_cancel_scope::Cancelled>(())
        })
        .due(Counted::add)
        .passed_on(Counted::take)
        .check();
}

#[test]
fn condition_wait_for() {
    Contract::new(Counted::default)
        .future(|counted| async move {
            let guard = counted.lock.lock().await?;
            counted.condition.wait_for(guard, |()| counted.take()).await.map(drop)
        })
        .due(Counted::add)
        .passed_on(Counted::take)
        .check();
}

#[test]
fn condition_wait_for_with_an_owned_guard() {
    Contract::new(Counted::default)
        .future(|counted| async move {
            let guard = counted.lock.lock_owned().await?;
            counted.condition.wait_for(guard, |()| counted.take()).await.map(drop)
        })
        .due(Counted::add)
        .passed_on(Counted::take)
        .check();
}
