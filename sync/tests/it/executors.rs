//! The same under every executor, with tasks that run at the same time where there are threads.

use std::{future::Future, pin::Pin, sync::Arc};

use anyio_cancel_scope::{CancelScope, Cancelled};
use anyio_sync::{CapacityLimiter, Condition, Event, Lock, Semaphore, SetOnce};

use crate::support::ends;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs all of the tasks at once, under one executor after the other.
fn on_every_executor(tasks: fn() -> Vec<Task>) {
    ends(move || {
        futures::executor::block_on(async { drop(futures::future::join_all(tasks()).await) });
        smol::block_on(async {
            let tasks: Vec<_> = tasks().into_iter().map(smol::spawn).collect();
            for task in tasks {
                task.await;
            }
        });
        let local = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
        for runtime in [local, threads] {
            runtime.block_on(async {
                let tasks: Vec<_> = tasks().into_iter().map(tokio::spawn).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
        }
    });
}

fn task(body: impl Future<Output = Result<(), Cancelled>> + Send + 'static) -> Task {
    Box::pin(async { body.await.unwrap() })
}

#[test]
fn a_lock_is_with_one_at_a_time() {
    on_every_executor(|| {
        let (lock, all) = (Arc::new(Lock::new(0)), Semaphore::new(0));
        let mut tasks: Vec<Task> = (0..8)
            .map(|_| {
                let (lock, all) = (lock.clone(), all.clone());
                task(async move {
                    for _ in 0..200 {
                        let mut guard = lock.lock().await?;
                        let seen = *guard;
                        anyio_cancel_scope::yield_now().await;
                        *guard = seen + 1;
                    }
                    all.add_permits(1).unwrap();
                    Ok(())
                })
            })
            .collect();
        tasks.push(task(async move {
            all.acquire_many(8).await?.forget();
            assert_eq!(*lock.lock_owned().await?, 1600);
            Ok(())
        }));
        tasks
    });
}

#[test]
fn a_ring_of_conditions_goes_round() {
    on_every_executor(|| {
        const MEMBERS: usize = 4;
        let ring = Arc::new((Lock::new(0), [const { Condition::new() }; MEMBERS]));
        (0..MEMBERS)
            .map(|me| {
                let ring = ring.clone();
                task(async move {
                    for _ in 0..50 {
                        let turn = ring.0.lock().await?;
                        let mut turn = ring.1[me].wait_for(turn, |turn| *turn % MEMBERS == me).await?;
                        *turn += 1;
                        ring.1[(me + 1) % MEMBERS].notify(1);
                    }
                    Ok(())
                })
            })
            .collect()
    });
}

#[test]
fn limits_hold_and_waits_are_cancelled() {
    on_every_executor(|| {
        let (limiter, scope) = (CapacityLimiter::new(2), CancelScope::new());
        let (go, first) = (Arc::new(Event::new()), Arc::new(SetOnce::new()));
        let mut tasks = Vec::new();
        for me in 0..6 {
            let (limiter, go, first) = (limiter.clone(), go.clone(), first.clone());
            tasks.push(task(async move {
                go.wait().await?;
                for _ in 0..50 {
                    let token = limiter.acquire_for(me).await.map_err(|error| match error {
                        anyio_sync::AcquireError::Cancelled(cancelled) => cancelled,
                        anyio_sync::AcquireError::AlreadyBorrowed => panic!("each has a key of its own"),
                    })?;
                    assert!(limiter.borrowed_tokens() <= 2);
                    let _ = first.set(me);
                    anyio_cancel_scope::yield_now().await;
                    drop(token);
                }
                Ok(())
            }));
        }
        let waits = {
            let (limiter, first) = (CapacityLimiter::new(0), first.clone());
            let scope = scope.clone();
            task(async move {
                let waits = scope.run(async {
                    first.wait().await?;
                    limiter.acquire().await.map(drop)
                });
                assert_eq!(waits.await, Ok(None));
                assert_eq!(limiter.statistics().tasks_waiting, 0);
                Ok(())
            })
        };
        tasks.push(waits);
        tasks.push(task(async move {
            go.set();
            first.wait().await?;
            scope.cancel();
            Ok(())
        }));
        tasks
    });
}

#[test]
fn what_one_executor_releases_another_gets() {
    ends(|| {
        let lock = Arc::new(Lock::new(Vec::new()));
        let ours = lock.try_lock_owned().unwrap();
        let threads: [_; 2] = std::array::from_fn(|me| {
            let lock = lock.clone();
            std::thread::spawn(move || {
                let push = async move {
                    lock.lock().await.unwrap().push(me);
                };
                if me == 0 { smol::block_on(push) } else { futures::executor::block_on(push) }
            })
        });
        while lock.statistics().tasks_waiting < 2 {
            std::thread::yield_now();
        }
        drop(ours);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let mut both = lock.try_lock().unwrap().clone();
        both.sort_unstable();
        assert_eq!(both, [0, 1]);
    });
}
