//! Waiting until every other task waits.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyio_cancel_scope::{CancelExt, CancelScope, RunRecord, host::Outside, now, sleep, sleep_forever, yield_now};
use anyio_future_contract::Sleeper;
use anyio_runtime::{Builder, offload};
use anyio_sync::Event;
use anyio_task_group::task_group;
use anyio_testing::{VirtualClock, wait_all_tasks_blocked};

use crate::planted::message_of;

// anyio: tests/test_debugging.py::test_wait_all_tasks_blocked_cancelled_task
#[anyio_testing::test]
async fn a_task_that_cancels_itself_comes_to_its_end_first() -> io::Result<()> {
    let done = AtomicBool::new(false);
    task_group(async |tg| -> io::Result<()> {
        tg.start(async |status| -> io::Result<()> {
            status.started(());
            let scope = CancelScope::new();
            scope
                .run(async {
                    scope.cancel();
                    sleep_forever().await
                })
                .await?;
            done.store(true, Ordering::Relaxed);
            Ok(())
        })
        .await?;
        wait_all_tasks_blocked().await?;
        assert!(done.load(Ordering::Relaxed));
        Ok(())
    })
    .await?;
    Ok(())
}

#[anyio_testing::test]
async fn the_others_come_as_far_as_they_can_however_often_they_yield() -> io::Result<()> {
    let turns = AtomicUsize::new(0);
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            tg.start_soon(async {
                for _ in 0..500 {
                    yield_now().await;
                    turns.fetch_add(1, Ordering::Relaxed);
                }
                io::Result::Ok(sleep_forever().await?)
            });
        }
        wait_all_tasks_blocked().await?;
        assert_eq!(turns.load(Ordering::Relaxed), 1500);
        tg.cancel();
        Ok(())
    })
    .await?;
    Ok(())
}

#[anyio_testing::test(worker_threads = 2)]
async fn what_is_offloaded_counts_as_well() -> io::Result<()> {
    let (turns, here) = (Arc::new(AtomicUsize::new(0)), Sleeper::here());
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..4 {
            let (turns, here) = (turns.clone(), here.clone());
            tg.start_soon(offload(async move {
                for _ in 0..10 {
                    here.wait_until_asleep();
                    turns.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                }
                io::Result::Ok(sleep_forever().await?)
            }));
        }
        wait_all_tasks_blocked().await?;
        assert_eq!(turns.load(Ordering::Relaxed), 40);
        tg.cancel();
        Ok(())
    })
    .await?;
    Ok(())
}

// Not a test's run, but any.
#[test]
fn it_works_in_any_run_with_workers_and_from_one_of_them() {
    for worker_threads in [0, 1, 2] {
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = turns.clone();
        Builder::new().worker_threads(worker_threads).run(async {
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(async {
                    for _ in 0..100 {
                        yield_now().await;
                        turns.fetch_add(1, Ordering::Relaxed);
                    }
                });
                let seen = tg.start_soon(offload(async move {
                    wait_all_tasks_blocked().await?;
                    io::Result::Ok(counted.load(Ordering::Relaxed))
                }));
                assert_eq!(seen.join().await?, 100);
                Ok(())
            })
            .await
            .unwrap();
        });
    }
}

#[anyio_testing::test]
async fn all_who_wait_so_go_on() -> io::Result<()> {
    let told = AtomicUsize::new(0);
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            tg.start_soon(async {
                wait_all_tasks_blocked().await?;
                told.fetch_add(1, Ordering::Relaxed);
                io::Result::Ok(())
            });
        }
        wait_all_tasks_blocked().await?;
        wait_all_tasks_blocked().await?;
        assert_eq!(told.load(Ordering::Relaxed), 3);
        Ok(())
    })
    .await?;
    Ok(())
}

// trio: autojump clocks come after it.
#[anyio_testing::test(virtual_clock)]
async fn the_clock_does_not_jump_before() -> io::Result<()> {
    let begun = now();
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { io::Result::Ok(sleep(Duration::from_secs(1)).await?) });
        wait_all_tasks_blocked().await?;
        assert_eq!(now(), begun);
        Ok(())
    })
    .await?;
    assert_eq!(now() - begun, Duration::from_secs(1));
    Ok(())
}

#[anyio_testing::test(foreign_wakers)]
async fn a_task_that_waits_for_a_thread_waits() -> io::Result<()> {
    let event = Arc::new(Event::new());
    let (end, is_over) = mpsc::channel::<()>();
    let (set, work) = (event.clone(), RunRecord::current().outside(Outside::Thread));
    let thread = thread::spawn(move || {
        is_over.recv().unwrap();
        set.set();
        drop(work);
    });
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { io::Result::Ok(event.wait().await?) });
        wait_all_tasks_blocked().await?;
        assert!(!event.is_set());
        end.send(()).unwrap();
        Ok(())
    })
    .await?;
    thread.join().unwrap();
    Ok(())
}

// R1, R4
#[anyio_testing::test]
async fn in_a_cancelled_scope_it_is_cancelled() -> io::Result<()> {
    let scope = CancelScope::new();
    scope.cancel();
    assert!(scope.enter(wait_all_tasks_blocked()).await.is_err());
    Ok(())
}

#[anyio_testing::test(worker_threads = 0)]
async fn it_may_be_cancelled_while_it_waits_and_dropped() -> io::Result<()> {
    let scopes = [CancelScope::new(), CancelScope::new()];
    task_group(async |tg| -> io::Result<()> {
        let busy = tg.start_soon(async {
            for turn in 1_usize.. {
                yield_now().await;
                anyio_cancel_scope::checkpoint().await?;
                if turn.is_multiple_of(100) {
                    scopes[(turn / 100 - 1).min(1)].cancel();
                }
            }
            io::Result::Ok(())
        });
        assert!(scopes[0].run(wait_all_tasks_blocked()).await?.is_none());
        assert!(scopes[1].run(std::future::pending::<()>().cancellable()).await?.is_none());
        busy.cancel();
        wait_all_tasks_blocked().await?;
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn outside_of_a_run_it_says_what_is_missing() {
    let message = message_of(|| {
        let _ = futures::executor::block_on(wait_all_tasks_blocked());
    });
    assert!(message.contains("inside of `run`"), "{message}");
}

#[anyio_testing::test(clock = VirtualClock::autojump(), worker_threads = 1)]
async fn it_may_be_called_again_and_again() -> io::Result<()> {
    for _ in 0..200 {
        wait_all_tasks_blocked().await?;
        offload(async {}).await;
    }
    Ok(())
}
