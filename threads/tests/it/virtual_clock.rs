//! A clock that jumps, and threads.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::{Cancelled, VirtualClock, move_on_after, now, sleep, sleep_forever};
use anyio_future_contract::Sleeper;
use anyio_runtime::{Builder, offload};
use anyio_sync::CapacityLimiter;
use anyio_task_group::gather;
use anyio_threads::{
    from_thread::{self, blocking_portal, start_blocking_portal},
    to_thread,
};

use crate::support::{Gate, ends, until};

const HOUR: Duration = Duration::from_secs(3600);

fn jumping<F: Future<Output = ()>>(make: impl Fn() -> F + Send + 'static) {
    ends(move || {
        for workers in [0, 2] {
            Builder::new().worker_threads(workers).clock(VirtualClock::autojump()).run(make());
        }
    });
}

#[test]
fn it_does_not_jump_while_a_closure_is_at_work() {
    jumping(async || {
        let (begun, here) = (now(), Sleeper::here());
        // It would have jumped before the thread of the `run` sleeps.
        let slow = to_thread::run_sync(move || here.wait_until_asleep());
        assert_eq!(move_on_after(HOUR, async { slow.await.map(Some) }).await, Ok(Some(Some(()))));
        assert_eq!(now(), begun);
    });
}

// loan.rs, invariant 4
#[test]
fn it_does_not_jump_while_a_worker_waits_for_its_token_that_a_closure_of_another_run_has() {
    jumping(async || {
        let (begun, here) = (now(), Sleeper::here());
        let limiter = CapacityLimiter::new(1);
        let lent = limiter.clone();
        let lends = move || {
            from_thread::run(async move {
                let portal = start_blocking_portal().unwrap();
                let has_it = Arc::new(AtomicBool::new(false));
                let tell = has_it.clone();
                let borrows = move || {
                    tell.store(true, Ordering::SeqCst);
                    // It would have jumped before the thread of the `run` sleeps.
                    here.wait_until_asleep();
                };
                let task = portal.start_task_soon(async move { to_thread::run_sync(borrows).limiter(&lent).await });
                until(|| has_it.load(Ordering::SeqCst));
                (portal, task.unwrap())
            })
        };
        let lends = to_thread::run_sync(lends).limiter(&limiter);
        let (portal, task) = move_on_after(HOUR, lends).await.unwrap().unwrap().unwrap();
        assert_eq!(now(), begun);
        assert_eq!(task.wait().unwrap(), Ok(()));
        drop(portal);
    });
}

#[test]
fn it_jumps_to_what_a_thread_waits_for_in_its_task() {
    jumping(async || {
        let begun = now();
        for _ in 0..20 {
            to_thread::run_sync(|| from_thread::run(sleep(HOUR)).unwrap()).await.unwrap().unwrap();
        }
        assert_eq!(now() - begun, 20 * HOUR);
    });
}

#[test]
fn it_does_not_jump_between_an_answer_and_the_thread_that_gets_it() {
    jumping(async || {
        let begun = now();
        let asks = (0..8).map(|_| {
            to_thread::run_sync(move || {
                for _ in 0..20 {
                    from_thread::run_sync(|| ()).unwrap();
                }
                now() - begun
            })
        });
        let times = move_on_after(HOUR, gather(asks)).await.unwrap().unwrap();
        assert!(times.iter().all(Duration::is_zero));
    });
}

#[test]
fn it_does_not_jump_between_the_end_of_a_task_of_a_portal_and_the_thread_that_waits_for_it() {
    jumping(async || {
        let begun = now();
        let times = blocking_portal(async |portal| {
            let calls = (0..8).map(|_| {
                let portal = portal.clone();
                to_thread::run_sync(move || {
                    for _ in 0..20 {
                        portal.call(async {}).unwrap();
                    }
                    now() - begun
                })
            });
            move_on_after(HOUR, gather(calls)).await
        });
        let times = times.await.unwrap().unwrap().unwrap();
        assert!(times.iter().all(Duration::is_zero));
    });
}

#[test]
fn it_jumps_to_the_end_of_what_a_thread_waits_for_without_a_limit_only() {
    jumping(async || {
        let begun = now();
        let waits = blocking_portal(async |portal| {
            to_thread::run_sync(move || {
                let task = portal.start_task_soon(sleep(HOUR)).unwrap();
                let task = task.wait_for(Duration::from_millis(1)).unwrap_err();
                let before = now();
                task.wait().unwrap().unwrap();
                (before, now())
            })
            .await
        });
        assert_eq!(waits.await, Ok(Some((begun, begun + HOUR))));
    });
}

#[test]
fn it_does_not_jump_while_offloaded_futures_and_threads_take_turns() {
    jumping(async || {
        let begun = now();
        let works = (0..8).map(|_| {
            offload(async {
                for _ in 0..20 {
                    to_thread::run_sync(|| ()).await?;
                }
                Ok::<_, Cancelled>(())
            })
        });
        assert!(move_on_after(HOUR, gather(works)).await.unwrap().is_some());
        assert_eq!(now(), begun);
    });
}

// Another run goes on by itself.
#[test]
fn it_does_not_jump_while_a_thread_waits_for_another_run() {
    jumping(async || {
        let (begun, home) = (now(), Sleeper::here());
        let waits = to_thread::run_sync(move || {
            let (portal, worker) = (start_blocking_portal().unwrap(), Sleeper::here());
            portal
                .call(async move {
                    worker.wait_until_asleep();
                    home.wait_until_asleep();
                })
                .unwrap();
        });
        assert_eq!(move_on_after(HOUR, async { waits.await.map(Some) }).await, Ok(Some(Some(()))));
        assert_eq!(now(), begun);
    });
}

#[test]
fn the_closure_has_the_clock_of_its_task() {
    jumping(async || {
        sleep(HOUR).await.unwrap();
        let here = now();
        assert_eq!(to_thread::run_sync(now).await, Ok(here));
    });
}

#[test]
fn a_time_limit_ends_what_a_thread_waits_for() {
    jumping(async || {
        let gate = Gate::default();
        gate.open();
        let ended = to_thread::run_sync(move || {
            gate.pass();
            from_thread::run(sleep_forever()).unwrap().is_err()
        });
        // Shielded, the value comes all the same.
        let ended = move_on_after(HOUR, ended).await;
        assert_eq!(ended, Ok(Some(true)));
    });
}
