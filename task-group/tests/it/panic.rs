//! Panics (G3).

use std::{
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    sync::Mutex,
    task::Poll,
};

use anyio_cancel_scope::{Cause, check_cancelled, current_effective_deadline, shield, yield_now};
use anyio_task_group::{JoinError, TaskState, current_task, task_group};

use crate::support::{Gate, Log, OnDrop, Probe, err, fail, forever, panic_of, panics_in, run};

#[test]
fn a_panic_cancels_the_siblings_and_resumes_when_they_have_cleaned_up() {
    let gate = Gate::new();
    let log = Log::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let _ = forever().await;
            shield(gate.wait()).await;
            log.add("clean");
        });
        tg.start_soon(async {
            let busy = async { gate.wait().await };
            shield(busy).await;
            log.add("clean");
        });
        tg.start_soon(async {
            yield_now().await;
            panic!("at the disco");
        });
        Ok(())
    }));
    panics_in(|| group.waits());
    assert!(log.all().is_empty());
    gate.open();
    assert_eq!(panic_of(|| group.finish()), "at the disco");
    assert_eq!(log.all(), ["clean", "clean"]);
}

#[test]
fn the_first_panic_wins() {
    let text = panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            tg.start_soon(async { panic!("first") });
            tg.start_soon(async {
                let _ = forever().await;
                panic!("second")
            });
            Ok(())
        }))
    });
    assert_eq!(text, "first");
}

#[test]
fn a_panic_comes_before_errors() {
    let text = panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            tg.start_soon(fail("error"));
            tg.start_soon(async { panic!("panic") });
            Err(err("body"))
        }))
    });
    assert_eq!(text, "panic");
}

#[test]
fn a_panic_of_the_body_cancels_the_tasks_and_resumes_after_them() {
    let gate = Gate::new();
    let log = Log::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let _ = forever().await;
            shield(gate.wait()).await;
            log.add("clean");
        });
        yield_now().await;
        panic!("body")
    }));
    panics_in(|| group.waits());
    gate.open();
    assert_eq!(panic_of(|| group.finish()), "body");
    assert_eq!(log.all(), ["clean"]);
}

#[test]
fn a_panic_before_the_bodys_first_await_resumes() {
    let text = panic_of(|| {
        run(task_group(|tg| {
            if tg.tasks().is_empty() {
                panic!("no body");
            }
            async { io::Result::Ok(()) }
        }))
    });
    assert_eq!(text, "no body");
}

#[test]
fn a_panicking_destructor_of_a_child_counts_as_its_panic() {
    let kept = Mutex::new(None);
    let text = panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            *kept.lock().unwrap() = Some(tg.scope());
            let bomb = OnDrop(|| panic!("destructor"));
            tg.start_soon(async move {
                yield_now().await;
                drop(bomb);
            });
            forever().await
        }))
    });
    assert_eq!(text, "destructor");
    assert_eq!(kept.into_inner().unwrap().unwrap().cause(), Some(Cause::TaskFailed));
}

#[test]
fn a_future_that_panics_when_it_is_dropped_after_its_end_counts_too() {
    struct Bomb;
    impl Future for Bomb {
        type Output = ();
        fn poll(self: std::pin::Pin<&mut Self>, _cx: &mut std::task::Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("late");
        }
    }
    let log = Log::new();
    let text = panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            tg.start_soon(Bomb);
            tg.start_soon(async {
                let _ = forever().await;
                yield_now().await;
                log.add("clean");
            });
            Ok(())
        }))
    });
    assert_eq!(text, "late");
    assert_eq!(log.all(), ["clean"]);
}

/// A value that nobody takes, and that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("value");
        }
    }
}

#[test]
fn a_value_that_nobody_takes_and_that_panics_when_dropped_counts_as_its_tasks_panic() {
    let gate = Gate::new();
    let log = Log::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            drop(tg.start_soon(async { io::Result::Ok(Bomb) }));
        }
        tg.start_soon(async {
            let _ = forever().await;
            shield(gate.wait()).await;
            log.add("clean");
        });
        Ok(())
    }));
    panics_in(|| group.waits());
    gate.open();
    assert_eq!(panic_of(|| group.finish()), "value");
    assert_eq!(log.all(), ["clean"]);
}

#[test]
fn the_handle_of_a_task_that_panicked_tells_so() {
    let kept = Mutex::new(None);
    panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            let task = tg.start_soon(async { panic_any(7_u32) });
            let joined: Result<std::convert::Infallible, JoinError> = task.join().await;
            assert_eq!(joined.unwrap_err(), JoinError::TaskPanicked);
            *kept.lock().unwrap() = Some(task);
            Ok(())
        }))
    });
    assert_eq!(kept.into_inner().unwrap().unwrap().status(), TaskState::Panicked);
}

#[test]
fn the_payload_comes_out_as_it_is() {
    let group = task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { panic_any(7_u32) });
        Ok(())
    });
    let mut payload = None;
    panics_in(|| payload = catch_unwind(AssertUnwindSafe(|| run(group))).err());
    assert_eq!(payload.unwrap().downcast_ref::<u32>(), Some(&7));
}

#[test]
fn a_panic_in_an_inner_group_is_the_panic_of_its_task() {
    let text = panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            tg.start_soon(async {
                task_group(async |tg| -> io::Result<()> {
                    tg.start_soon(async { panic!("inner") });
                    Ok(())
                })
                .await
            });
            forever().await
        }))
    });
    assert_eq!(text, "inner");
}

#[test]
fn the_ambient_context_is_whole_again_after_a_panic() {
    panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            tg.cancel();
            tg.start_soon(async { task_group(async |_tg| -> io::Result<()> { panic!("deep") }).await });
            Ok(())
        }))
    });
    assert!(current_task().is_none() && check_cancelled().is_ok() && current_effective_deadline().is_none());
}

#[test]
fn a_panic_of_an_error_that_is_asked_whether_it_is_a_cancellation_is_the_tasks_panic() {
    use anyio_cancel_scope::{CancelError, Cancelled};
    use anyio_task_group::ErrorGroup;
    #[derive(Debug)]
    struct Moody;
    impl From<Cancelled> for Moody {
        fn from(_: Cancelled) -> Self {
            Self
        }
    }
    impl From<ErrorGroup<Moody>> for Moody {
        fn from(_: ErrorGroup<Moody>) -> Self {
            Self
        }
    }
    impl CancelError for Moody {
        fn as_error(&self) -> &(dyn std::error::Error + 'static) {
            panic!("moody")
        }
    }
    let text = panic_of(|| {
        run(task_group(async |tg| -> Result<(), Moody> {
            tg.start_soon(async { Err::<(), _>(Moody) });
            tg.cancel();
            Ok(())
        }))
        .unwrap()
    });
    assert_eq!(text, "moody");
}

#[test]
fn tasks_that_were_woken_behind_a_panicking_one_are_polled_all_the_same() {
    let log = Log::new();
    panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            for n in 0..5 {
                let log = &log;
                tg.start_soon(async move {
                    yield_now().await;
                    if n == 0 {
                        panic!("first of the batch");
                    }
                    poll_fn(|_| {
                        log.add("polled");
                        Poll::Ready(())
                    })
                    .await;
                });
            }
            Ok(())
        }))
    });
    assert_eq!(log.all().len(), 4);
}

#[test]
fn a_group_that_is_polled_after_its_panic_came_out_says_so() {
    let mut group = Box::pin(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { panic!("first") });
        Ok(())
    }));
    let mut poll = || {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        panic_of(|| group.as_mut().poll(&mut cx).is_ready())
    };
    assert_eq!(poll(), "first");
    assert!(poll().contains("polled after it was ready"));
}
