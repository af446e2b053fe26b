//! What is dropped when, and who waits for it.

use std::{
    future::{Future, pending, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Barrier, mpsc},
    task::Poll,
    thread,
};

use anyio_cancel_scope::{RunRecord, move_on_after, yield_now};
use anyio_context_vars::context_var;
use anyio_runtime::{Builder, offload};
use anyio_task_group::task_group;

use crate::support::{Census, OnDrop, ends, start, with_any_workers};

context_var! { static REQUEST: u32; }

#[test]
fn a_run_waits_until_what_was_offloaded_and_dropped_is_gone() {
    ends(|| {
        for count in [0, 1, 3] {
            let census = Census::default();
            Builder::new().worker_threads(count).run(async {
                for _ in 0..100 {
                    let alive = census.one();
                    let mut work = offload(async move {
                        let _alive = alive;
                        pending::<()>().await;
                    });
                    start(&mut work).await;
                }
            });
            assert_eq!(census.count(), 0);
        }
    });
}

// Promise 2 (b)
#[test]
fn one_that_is_being_polled_is_dropped_by_its_worker_when_that_poll_returns() {
    ends(|| {
        let (meet, part) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let there = (meet.clone(), part.clone());
        let (told, tell) = mpsc::channel();
        Builder::new().worker_threads(1).run(async {
            let mut work = offload(async move {
                let teller = OnDrop(move || told.send(thread::current().name().map(String::from)).unwrap());
                there.0.wait();
                there.1.wait();
                let _teller = teller;
                pending::<()>().await;
            });
            start(&mut work).await;
            meet.wait();
            drop(work);
            assert!(tell.try_recv().is_err(), "it is being polled: nobody else may drop it");
            part.wait();
        });
        assert_eq!(tell.recv().unwrap().as_deref(), Some("anyio-worker-0"));
    });
}

#[test]
fn a_group_waits_until_what_its_children_offloaded_and_dropped_is_gone() {
    with_any_workers(async || {
        let census = Census::default();
        let alive = census.one();
        task_group(async |tg| -> io::Result<()> {
            tg.start_soon(async move {
                let mut work = offload(async move {
                    let _alive = alive;
                    pending::<()>().await;
                });
                start(&mut work).await;
            });
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(census.count(), 0);
    });
}

#[test]
fn a_dropped_group_drops_what_its_children_offloaded() {
    with_any_workers(async || {
        let census = Census::default();
        let mut group = Box::pin(task_group(async |tg| -> io::Result<()> {
            for _ in 0..10 {
                let alive = census.one();
                tg.start_soon(offload(async move {
                    let _alive = alive;
                    pending::<()>().await;
                }));
            }
            Ok(())
        }));
        poll_fn(|cx| {
            assert!(group.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(group);
        while census.count() > 0 {
            yield_now().await;
        }
    });
}

#[test]
fn its_destructor_sees_its_variables_and_its_run() {
    with_any_workers(async || {
        let (told, tell) = futures::channel::oneshot::channel();
        let mut told = Some(told);
        let teller = OnDrop(move || {
            let _ = told.take().map(|told| told.send((REQUEST.get(), RunRecord::is_inside())));
        });
        let mut work = REQUEST.scope(
            7,
            offload(async move {
                let _teller = teller;
                pending::<()>().await;
            }),
        );
        poll_fn(|cx| {
            assert!(Pin::new(&mut work).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(work);
        assert_eq!(tell.await, Ok((Some(7), true)));
    });
}

#[test]
fn a_value_that_nobody_takes_is_dropped() {
    ends(|| {
        for count in [0, 1, 3] {
            let census = Census::default();
            let alive = census.one();
            Builder::new().worker_threads(count).run(async move {
                let (go, gone) = futures::channel::oneshot::channel::<()>();
                let mut work = offload(async move {
                    gone.await.unwrap();
                    alive
                });
                start(&mut work).await;
                go.send(()).unwrap();
                // One more round trip, after which the value is there.
                offload(async {}).await;
                drop(work);
            });
            assert_eq!(census.count(), 0);
        }
    });
}

#[test]
fn one_that_is_leaked_goes_with_the_run() {
    ends(|| {
        for count in [0, 1, 3] {
            for waits in [false, true] {
                let census = Census::default();
                Builder::new().worker_threads(count).run(async {
                    for _ in 0..10 {
                        let alive = census.one();
                        let (begun, begins) = futures::channel::oneshot::channel();
                        let mut work = offload(async move {
                            let _alive = alive;
                            let _ = begun.send(());
                            pending::<()>().await;
                        });
                        start(&mut work).await;
                        if waits {
                            begins.await.unwrap();
                        }
                        std::mem::forget(work);
                    }
                    if waits {
                        // One more round trip, after which all of them are pending.
                        offload(async {}).await;
                    }
                });
                assert_eq!(census.count(), 0);
            }
        }
    });
}

#[test]
fn one_that_another_thread_took_away_goes_with_the_run() {
    ends(|| {
        let census = Census::default();
        let alive = census.one();
        let kept = Builder::new().worker_threads(2).run(async {
            let mut work = offload(async move {
                let _alive = alive;
                pending::<()>().await;
            });
            start(&mut work).await;
            Some(work)
        });
        assert_eq!(census.count(), 0, "though its future is still there");
        drop(kept);
    });
}

#[test]
fn it_is_dropped_at_each_step_without_a_leak() {
    with_any_workers(async || {
        for polls in 0..6 {
            let census = Census::default();
            let alive = census.one();
            let group = task_group(async |_tg| -> io::Result<()> {
                let mut work = offload(async move {
                    for _ in 0..2 {
                        yield_now().await;
                    }
                    alive
                });
                for _ in 0..polls {
                    let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut work).poll(cx))).await;
                    if polled.is_ready() {
                        break;
                    }
                    yield_now().await;
                }
                Ok(())
            });
            group.await.unwrap();
            assert_eq!(census.count(), 0, "dropped after {polls} polls");
        }
    });
}

#[test]
fn what_offloads_while_the_run_closes_is_dropped_too() {
    ends(|| {
        for count in [0, 1, 3] {
            let census = Census::default();
            let alive = census.one();
            Builder::new().worker_threads(count).run(async {
                let mut again = Some(alive);
                let late = OnDrop(move || {
                    let Some(alive) = again.take() else { return };
                    let mut late = offload(async move {
                        let _alive = alive;
                        pending::<()>().await;
                    });
                    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                    // It may have been dropped by the time it is looked at, which panics.
                    let _ = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut late).poll(&mut cx).is_pending()));
                    std::mem::forget(late);
                });
                let mut work = offload(async move {
                    let _late = late;
                    pending::<()>().await;
                });
                start(&mut work).await;
            });
            assert_eq!(census.count(), 0);
        }
    });
}

#[test]
fn a_timeout_that_passes_by_drops_nothing() {
    with_any_workers(async || {
        let value = move_on_after(std::time::Duration::from_secs(3600), async {
            Ok::<_, io::Error>(offload(async { Box::new(5) }).await)
        });
        assert_eq!(value.await.unwrap().as_deref(), Some(&5));
    });
}

/// Starts a job that gives `value` in its first poll, and drops its future in the middle of that poll.
async fn drop_in_the_last_poll<T: Send + 'static>(value: T) {
    let (meet, part) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let there = (meet.clone(), part.clone());
    let mut work = offload(async move {
        there.0.wait();
        there.1.wait();
        value
    });
    start(&mut work).await;
    meet.wait();
    drop(work);
    part.wait();
}

#[test]
fn a_value_that_comes_after_its_future_was_dropped_is_gone_when_the_group_returns() {
    ends(|| {
        Builder::new().worker_threads(1).run(async {
            let census = Census::default();
            let (alive, seen) = (census.one(), Arc::new(std::sync::Mutex::new(None)));
            let noted = seen.clone();
            let value = OnDrop(move || {
                // The group must wait for the end of this.
                thread::yield_now();
                let _alive = &alive;
                *noted.lock().unwrap() = Some(REQUEST.get());
            });
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(REQUEST.scope(7, drop_in_the_last_poll(value)));
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(*seen.lock().unwrap(), Some(Some(7)), "dropped, and with its variables");
            assert_eq!(census.count(), 0);
        });
    });
}

#[test]
fn a_panic_of_such_a_value_comes_out_of_the_run() {
    ends(|| {
        let text = crate::support::panic_of(|| {
            let value = OnDrop(|| panic!("a value that nobody wants"));
            Builder::new().worker_threads(1).run(drop_in_the_last_poll(value));
        });
        assert_eq!(text, "a value that nobody wants");
    });
}
