//! The same behaviour under every executor. Time is virtual or the system's; what is asserted does not depend on how long
//! anything takes.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::{
    CancelExt, CancelScope, Cancelled, Cause, checkpoint, fail_after, move_on_after, shield, sleep, sleep_forever,
    stopping, wait_at_most, yield_now,
};
use futures::stream::{FuturesUnordered, StreamExt};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

fn on_every_executor(work: impl Fn() -> Work) {
    futures::executor::block_on(work());
    futures_lite::future::block_on(work());
    smol::block_on(async { smol::spawn(work()).await });
    let local = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    local.block_on(async { tokio::spawn(work()).await.unwrap() });
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async { tokio::spawn(work()).await.unwrap() });
}

#[test]
fn a_cancel_from_another_thread_ends_a_scope() {
    on_every_executor(|| {
        Box::pin(async {
            let scope = CancelScope::new();
            let other = scope.clone();
            let thread = std::thread::spawn(move || other.cancel());
            assert_eq!(scope.run(sleep_forever()).await, Ok(None));
            thread.join().unwrap();
        })
    });
}

#[test]
fn a_deadline_ends_a_scope_with_a_futures_unordered() {
    on_every_executor(|| {
        Box::pin(async {
            let waits = async {
                let mut waits: FuturesUnordered<_> = (0..10).map(|_| sleep_forever()).collect();
                while let Some(end) = waits.next().await {
                    end?;
                }
                Ok::<_, Cancelled>(())
            };
            assert_eq!(move_on_after(Duration::from_millis(2), waits).await, Ok(None));
        })
    });
}

#[test]
fn the_outer_of_two_limits_with_the_same_deadline_absorbs() {
    on_every_executor(|| {
        Box::pin(async {
            for _ in 0..20 {
                let at = anyio_cancel_scope::now() + Duration::from_millis(2);
                let (outer, inner) = (CancelScope::at(at), CancelScope::at(at));
                assert_eq!(outer.run(async { inner.run(sleep_forever()).await }).await, Ok(None));
                assert!(!inner.cancelled_caught());
                assert!(outer.cancelled_caught());
            }
        })
    });
}

#[test]
fn a_cleanup_in_a_shield_runs_to_its_end() {
    on_every_executor(|| {
        Box::pin(async {
            let scope = CancelScope::new();
            scope.cancel();
            let cleaned = AtomicBool::new(false);
            let work = scope.run(async {
                let end = sleep_forever().await;
                shield(sleep(Duration::from_millis(1))).await?;
                cleaned.store(true, Ordering::SeqCst);
                end
            });
            assert_eq!(work.await, Ok(None));
            assert!(cleaned.load(Ordering::SeqCst));
        })
    });
}

#[test]
fn a_stop_from_another_thread_is_seen_behind_a_shield() {
    on_every_executor(|| {
        Box::pin(async {
            let scope = CancelScope::new();
            let other = scope.clone();
            let thread = std::thread::spawn(move || other.stop(Duration::from_secs(600)));
            assert_eq!(scope.run(shield(stopping())).await, Ok(Some(())));
            thread.join().unwrap();
        })
    });
}

#[test]
fn waits_and_limits_go_by_the_systems_clock() {
    on_every_executor(|| {
        Box::pin(async {
            let before = std::time::Instant::now();
            let limit = Duration::from_millis(3);
            assert_eq!(wait_at_most(limit, std::future::pending::<()>()).await, None);
            sleep(limit).await.unwrap();
            let end = fail_after(limit, async { std::io::Result::Ok(sleep_forever().await?) }).await;
            assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            assert!(before.elapsed() >= 3 * limit, "R9: never early");
        })
    });
}

// R12
#[test]
fn a_loop_that_ignores_cancelled_does_not_starve_its_siblings() {
    on_every_executor(|| {
        Box::pin(async {
            let scope = CancelScope::new();
            scope.cancel();
            let done = AtomicBool::new(false);
            let rude = async {
                while !done.load(Ordering::SeqCst) {
                    let _ = checkpoint().await;
                    let _ = move_on_after(Duration::from_secs(9), checkpoint()).await;
                }
            };
            let sibling = async {
                for _ in 0..5 {
                    yield_now().await;
                }
                done.store(true, Ordering::SeqCst);
            };
            scope.enter(async { futures::join!(rude, sibling) }).await;
        })
    });
}

// R12; the sibling here is another task of a runtime with one thread
#[test]
fn a_loop_that_ignores_cancelled_does_not_starve_other_tasks_on_tokio() {
    for wrapped in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let done = Arc::new(AtomicBool::new(false));
            let scope = CancelScope::new();
            scope.cancel();
            let seen = done.clone();
            let rude = tokio::spawn(scope.enter(async move {
                while !seen.load(Ordering::SeqCst) {
                    if wrapped {
                        let _ = shield(checkpoint()).await;
                        let _ = CancelScope::new().run(sleep_forever()).await;
                    } else {
                        let _ = checkpoint().await;
                    }
                }
            }));
            for _ in 0..5 {
                yield_now().await;
            }
            done.store(true, Ordering::SeqCst);
            rude.await.unwrap();
        });
    }
}

#[test]
fn foreign_tokio_waits_are_cancellable() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (send, mut receive) = tokio::sync::mpsc::channel::<u32>(1);
        let scope = CancelScope::new();
        let end = move_on_after(Duration::from_millis(1), receive.recv().cancellable()).await;
        assert_eq!(end, Ok(None));
        send.send(3).await.unwrap();
        assert_eq!(scope.run(receive.recv().cancellable()).await, Ok(Some(Some(3))));
    });
}

#[test]
fn scopes_in_many_tasks_on_two_threads_are_cancelled_by_their_pool() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..50 {
            let pool = CancelScope::new();
            let tasks: Vec<_> = (0..20)
                .map(|_| {
                    let scope = CancelScope::new().linked(&pool);
                    tokio::spawn(async move {
                        let end = scope.run(sleep_forever()).await;
                        (end, scope.cause())
                    })
                })
                .collect();
            yield_now().await;
            pool.cancel();
            for task in tasks {
                assert_eq!(task.await.unwrap(), (Ok(None), Some(Cause::Linked)));
            }
        }
    });
}
