//! What an offloaded future is to the one who awaits it.

use std::{
    future::{Future, pending, poll_fn},
    io,
    pin::pin,
    sync::{Arc, Barrier},
    task::{Context, Poll, Waker},
    thread,
};

use anyio_cancel_scope::{
    CancelError, CancelScope, Cancelled, Cause, cancel_cause, move_on_after, shield, sleep, sleep_forever, yield_now,
};
use anyio_runtime::{Builder, offload, run};
use anyio_task_group::{gather, race, task_group};

use crate::support::{Census, ends, panic_of, with_any_workers};

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

#[test]
fn it_gives_what_the_future_gives() {
    with_any_workers(async || {
        assert_eq!(offload(async { 7 }).await, 7);
        let text = offload(async {
            yield_now().await;
            String::from("text")
        });
        assert_eq!(text.await, "text");
    });
}

#[test]
fn it_runs_on_another_thread() {
    ends(|| {
        let here = thread::current().id();
        let (there, name) = run(offload(async {
            let thread = thread::current();
            (thread.id(), thread.name().map(String::from))
        }));
        assert_ne!(here, there);
        assert!(name.unwrap().starts_with("anyio-worker-"));
    });
}

#[test]
fn without_workers_it_runs_on_the_calling_thread() {
    let here = thread::current().id();
    assert_eq!(Builder::new().worker_threads(0).run(offload(async { thread::current().id() })), here);
}

#[test]
fn two_run_at_the_same_time() {
    ends(|| {
        let both = Arc::new(Barrier::new(2));
        let meet = || {
            let both = both.clone();
            offload(async move {
                both.wait();
                Ok::<_, Cancelled>(())
            })
        };
        Builder::new().worker_threads(2).run(gather([meet(), meet()])).unwrap();
    });
}

// R5: the offloaded future sees the cancellation itself, at its first checkpoint.
#[test]
fn it_is_no_checkpoint() {
    with_any_workers(async || {
        let scope = CancelScope::new();
        scope.cancel_because("before");
        let seen = scope.enter(offload(async {
            let ended = sleep_forever().await;
            (ended.is_err(), cancel_cause())
        }));
        assert_eq!(seen.await, (true, Some(Cause::Called(Some("before".into())))));
    });
}

#[test]
fn a_cancellation_reaches_it_and_its_clean_up_is_waited_for() {
    with_any_workers(async || {
        let census = Census::default();
        let alive = census.one();
        let (started, begun) = futures::channel::oneshot::channel();
        let scope = CancelScope::new();
        let remote = scope.clone();
        let work = async {
            let cut = async {
                begun.await.unwrap();
                remote.cancel();
                Ok::<_, io::Error>(())
            };
            let work = offload(async move {
                let _alive = alive;
                started.send(()).unwrap();
                let result = sleep_forever().await;
                shield(yield_now()).await;
                result?;
                Ok(())
            });
            gather([Box::pin(cut) as std::pin::Pin<Box<dyn Future<Output = _>>>, Box::pin(work)]).await
        };
        assert!(matches!(scope.run(work).await, Ok(None)));
        assert_eq!(census.count(), 0);
    });
}

#[test]
fn a_deadline_around_it_ends_it() {
    ends(|| {
        for count in [0, 1, 3] {
            let clock = anyio_cancel_scope::VirtualClock::autojump();
            let late = Builder::new()
                .worker_threads(count)
                .clock(clock)
                .run(move_on_after(HOUR, offload(async { sleep_forever().await })));
            assert_eq!(late, Ok(None));
        }
    });
}

#[test]
fn a_group_inside_of_it_works_as_anywhere() {
    with_any_workers(async || {
        let sums = offload(async {
            let words = [String::from("a"), String::from("bc")];
            task_group(async |tg| -> io::Result<Vec<usize>> {
                let handles: Vec<_> = words
                    .iter()
                    .map(|word| {
                        tg.start_soon(async {
                            yield_now().await;
                            io::Result::Ok(word.len())
                        })
                    })
                    .collect();
                let mut lengths = Vec::new();
                for handle in handles {
                    lengths.push(handle.join().await?);
                }
                Ok(lengths)
            })
            .await
        });
        assert_eq!(sums.await.unwrap().unwrap(), [1, 2]);
    });
}

#[test]
fn it_may_offload_again() {
    with_any_workers(async || {
        assert_eq!(offload(async { offload(async { offload(async { 3 }).await + 4 }).await }).await, 7);
    });
}

#[test]
fn the_loser_of_a_race_is_cancelled_and_awaited() {
    with_any_workers(async || {
        let census = Census::default();
        let alive = census.one();
        let forever = offload(async move {
            let _alive = alive;
            sleep_forever().await?;
            Ok::<_, io::Error>(0)
        });
        let soon = offload(async { Ok(1) });
        let one: Vec<std::pin::Pin<Box<dyn Future<Output = _> + Send>>> = vec![Box::pin(forever), Box::pin(soon)];
        assert_eq!(race(one).await.unwrap(), 1);
        assert_eq!(census.count(), 0);
    });
}

#[test]
fn a_hundred_thousand() {
    ends(|| {
        let count = 100_000;
        let sum: io::Result<u64> = Builder::new().worker_threads(2).run(async {
            let numbers = gather((0..count).map(|n| {
                offload(async move {
                    if n % 3 == 0 {
                        yield_now().await;
                    }
                    io::Result::Ok(n)
                })
            }));
            Ok(numbers.await?.into_iter().sum())
        });
        assert_eq!(sum.unwrap(), count * (count - 1) / 2);
    });
}

#[test]
fn outside_of_a_run_it_panics_with_the_cure() {
    let text = panic_of(|| futures::executor::block_on(offload(async {})));
    assert!(text.starts_with("offload: there are no worker threads here; await it inside of `run`"), "{text}");
}

#[test]
fn before_its_first_poll_it_is_nowhere() {
    let work = offload(async { 1 });
    assert_eq!(run(work), 1);
    drop(offload(async { unreachable!("nobody polls it") }));
}

#[test]
fn polled_after_its_run_has_ended_it_says_so() {
    ends(|| {
        let mut kept = offload(async { pending::<()>().await });
        run(poll_fn(|cx| {
            assert!(std::pin::Pin::new(&mut kept).poll(cx).is_pending());
            Poll::Ready(())
        }));
        let text = panic_of(|| {
            let _ = pin!(kept).poll(&mut Context::from_waker(Waker::noop()));
        });
        assert!(text.contains("has ended, and dropped what was still there; await it before that ends"), "{text}");
    });
}

#[test]
fn a_stray_cancelled_stays_stray() {
    with_any_workers(async || {
        let inner = CancelScope::new();
        inner.cancel();
        let stray = inner.enter(offload(async { sleep(HOUR).await })).await;
        let failed = task_group(async |tg| -> io::Result<()> {
            tg.start_soon(offload(async move { stray.map_err(io::Error::from) }));
            Ok(())
        });
        assert!(failed.await.unwrap_err().is_cancelled(), "it is a failure of the task, not an interruption");
    });
}

#[test]
fn polled_after_it_was_ready_it_says_so() {
    with_any_workers(async || {
        let mut work = offload(async { 1 });
        assert_eq!((&mut work).await, 1);
        let text = panic_of(|| {
            let _ = pin!(&mut work).poll(&mut Context::from_waker(Waker::noop()));
        });
        assert!(text.starts_with("offload: polled after it was ready"), "{text}");
    });
}
