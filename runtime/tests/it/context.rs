//! What goes along with an offloaded future, and what does not.

use std::{
    cell::Cell,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyio_cancel_scope::{
    CancelScope, RunRecord, VirtualClock, current_effective_deadline, move_on_after, now, yield_now,
};
use anyio_context_vars::context_var;
use anyio_runtime::{Builder, offload};
use anyio_task_group::{current_task, task_group};

use crate::support::{ends, with_any_workers};

context_var! {
    static REQUEST: u32;
    #[local] static DEPTH: u32 = 0;
}

// R6
#[test]
fn variables_go_along_and_local_ones_do_not() {
    with_any_workers(async || {
        let seen = REQUEST.scope(7, DEPTH.scope(3, async { offload(async { (REQUEST.get(), DEPTH.get()) }).await }));
        assert_eq!(seen.await, (Some(7), Some(0)));
        assert_eq!(offload(async { REQUEST.get() }).await, None);
    });
}

#[test]
fn variables_are_those_of_the_first_poll() {
    with_any_workers(async || {
        let work = offload(async {
            yield_now().await;
            REQUEST.get()
        });
        assert_eq!(REQUEST.scope(1, work).await, Some(1));
    });
}

#[test]
fn what_a_worker_polls_next_sees_nothing_of_what_it_polled_before() {
    ends(|| {
        Builder::new().worker_threads(1).run(async {
            REQUEST.scope(1, async { assert_eq!(offload(async { REQUEST.get() }).await, Some(1)) }).await;
            let scope = CancelScope::new();
            scope.cancel();
            let () = scope.enter(offload(async {})).await;
            let clean = offload(async { (REQUEST.get(), anyio_cancel_scope::check_cancelled().is_ok()) });
            assert_eq!(clean.await, (None, true));
        });
    });
}

#[test]
fn the_scope_is_the_same_there() {
    ends(|| {
        let clock = VirtualClock::autojump();
        Builder::new().worker_threads(1).clock(clock).run(async {
            let limit = std::time::Duration::from_secs(5);
            let same = move_on_after(limit, async {
                let here = current_effective_deadline();
                assert!(here.is_some());
                Ok::<_, io::Error>(offload(async move { current_effective_deadline() == here }).await)
            });
            assert_eq!(same.await.unwrap(), Some(true));
        });
    });
}

#[test]
fn the_task_is_the_same_there() {
    with_any_workers(async || {
        task_group(async |tg| -> io::Result<()> {
            tg.task("worker").start_soon(offload(async {
                assert_eq!(current_task().unwrap().name(), "worker");
            }));
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn the_task_tree_shows_where_it_waits() {
    with_any_workers(async || {
        task_group(async |tg| -> io::Result<()> {
            let (sent, got) = futures::channel::oneshot::channel();
            tg.task("away").start_soon(offload(async move {
                let mut sent = Some(sent);
                std::future::poll_fn(|_| {
                    if let Some(sent) = sent.take() {
                        let _ = sent.send(());
                    }
                    std::task::Poll::Ready(())
                })
                .await;
                anyio_cancel_scope::sleep_forever().await?;
                io::Result::Ok(())
            }));
            got.await.unwrap();
            loop {
                let task = tg.tasks().into_iter().next().unwrap();
                // On its way from one wait to the next it may be shown in either.
                let (verb, place) = task.waiting().unwrap_or(("nothing yet", std::panic::Location::caller()));
                if verb == "sleep_forever" {
                    assert_eq!(place.file(), file!());
                    break;
                }
                yield_now().await;
            }
            tg.cancel();
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn the_clock_is_the_same_there() {
    ends(|| {
        let clock = VirtualClock::new();
        let at = Builder::new().clock(clock.clone()).run(offload(async { now() }));
        assert_eq!(at, anyio_cancel_scope::Clock::now(&clock));
    });
}

#[test]
fn the_run_is_the_same_there() {
    with_any_workers(async || {
        let here = Arc::as_ptr(&RunRecord::current()) as usize;
        assert_eq!(offload(async { Arc::as_ptr(&RunRecord::current()) as usize }).await, here);
    });
}

#[test]
fn thread_locals_of_the_user_are_those_of_the_thread() {
    thread_local! { static HERE: Cell<u32> = const { Cell::new(0) }; }
    ends(|| {
        HERE.set(1);
        Builder::new().worker_threads(1).run(async {
            assert_eq!(offload(async { HERE.replace(2) }).await, 0);
            assert_eq!(HERE.get(), 1);
        });
    });
}

#[test]
fn a_checkpoint_there_counts_by_the_thread_and_yields() {
    // R12: a loop over ready checkpoints lets the next job of its worker run.
    ends(|| {
        Builder::new().worker_threads(1).run(async {
            let other = Arc::new(AtomicUsize::new(0));
            let seen = other.clone();
            task_group(async |tg| -> io::Result<()> {
                let looping = tg.start_soon(offload(async move {
                    while seen.load(Ordering::SeqCst) == 0 {
                        anyio_cancel_scope::checkpoint().await?;
                    }
                    io::Result::Ok(())
                }));
                tg.start_soon(offload(async move {
                    other.store(1, Ordering::SeqCst);
                }));
                looping.join().await?;
                Ok(())
            })
            .await
            .unwrap();
        });
    });
}
