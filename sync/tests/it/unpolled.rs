//! Waits that `select!` keeps by `&mut` and does not poll any more: what becomes of what they are handed.

use std::{future::Future, sync::Arc, time::Duration};

use anyio_cancel_scope::{Cancelled, wait_at_most, yield_now};
use anyio_sync::{CapacityLimiter, Lock, Semaphore};

use crate::support::ends;

/// Takes with `take`, of which there is one, under tokio.
fn futurelock<G, F>(take: impl Fn() -> F + Send + 'static)
where
    G: Send + 'static,
    F: Future<Output = Result<G, Cancelled>> + Send + 'static,
{
    let story = async move {
        let held = take().await.unwrap();
        let mut kept = Box::pin(take());
        tokio::select! {
            biased;
            _ = &mut kept => panic!("it is held"),
            () = yield_now() => {}
        }
        let behind = tokio::spawn(take());
        yield_now().await;

        // From here on it is with `kept`, which nobody polls while this task waits for the same thing.
        drop(held);
        assert!(wait_at_most(Duration::from_millis(2), take()).await.is_none());
        assert!(!behind.is_finished());

        // Dropped, it passes on; the one that gave up above is out of line.
        drop(kept);
        drop(behind.await.unwrap().unwrap());
        take().await.unwrap();
    };
    ends(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(story));
}

// tokio#6450, async-lock#91
#[test]
fn a_lock_is_with_the_wait_that_select_keeps_until_that_is_dropped() {
    let lock = Arc::new(Lock::new(()));
    futurelock(move || lock.lock_owned());
}

// tokio#6450
#[test]
fn a_permit_is_with_the_wait_that_select_keeps_until_that_is_dropped() {
    let semaphore = Semaphore::new(1);
    futurelock(move || {
        let semaphore = semaphore.clone();
        async move { semaphore.acquire().await }
    });
}

// tokio#6450
#[test]
fn a_token_is_with_the_wait_that_select_keeps_until_that_is_dropped() {
    let limiter = CapacityLimiter::new(1);
    futurelock(move || {
        let limiter = limiter.clone();
        async move { limiter.acquire().await }
    });
}
