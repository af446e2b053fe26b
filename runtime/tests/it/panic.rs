//! Panics come out: in the one who awaits, or else in `run`.

use std::{
    future::pending,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use anyio_cancel_scope::{RunRecord, sleep_forever, yield_now};
use anyio_runtime::{
    Builder,
    host::{Ended, Ending, end_with},
    offload, run,
};
use anyio_task_group::{TaskState, task_group};

use crate::support::{Census, OnDrop, ends, panic_of, start, with_any_workers, words};

#[test]
fn a_panic_resumes_in_the_one_who_awaits() {
    with_any_workers(async || {
        let work = offload(async {
            yield_now().await;
            panic!("over there");
        });
        let caught = futures::FutureExt::catch_unwind(AssertUnwindSafe(work)).await;
        let payload = caught.unwrap_err();
        assert_eq!(words(&*payload), "over there");
        assert_eq!(offload(async { 1 }).await, 1, "the worker lives on");
    });
}

// G3
#[test]
fn in_a_group_it_is_a_failure_like_any_other() {
    ends(|| {
        for count in [0, 1, 3] {
            let census = Census::default();
            let alive = census.one();
            let text = panic_of(|| {
                Builder::new().worker_threads(count).run(async {
                    let _ = task_group(async |tg| -> io::Result<()> {
                        tg.start_soon(offload(async move {
                            let _alive = alive;
                            sleep_forever().await?;
                            io::Result::Ok(())
                        }));
                        tg.start_soon(offload(async { panic!("first") }));
                        Ok(())
                    })
                    .await;
                });
            });
            assert_eq!((text.as_str(), census.count()), ("first", 0));
        }
    });
}

#[test]
fn the_handle_of_its_task_says_that_it_panicked() {
    with_any_workers(async || {
        let mut state = None;
        let group = task_group(async |tg| -> io::Result<()> {
            let task = tg.start_soon(offload(async { panic!("x") }));
            task.wait().await?;
            state = Some(task.status());
            Ok(())
        });
        assert!(futures::FutureExt::catch_unwind(AssertUnwindSafe(group)).await.is_err());
        assert_eq!(state, Some(TaskState::Panicked));
    });
}

#[test]
fn one_that_nobody_awaits_any_more_resumes_in_the_run() {
    ends(|| {
        for count in [0, 1, 3] {
            let text = panic_of(|| {
                Builder::new().worker_threads(count).run(async {
                    let (go, gone) = futures::channel::oneshot::channel::<()>();
                    let (told, tell) = futures::channel::oneshot::channel::<()>();
                    let mut work = offload(async move {
                        // Dropped as the panic unwinds.
                        let _told = told;
                        gone.await.unwrap();
                        panic!("late");
                    });
                    start(&mut work).await;
                    std::mem::forget(work);
                    go.send(()).unwrap();
                    assert!(tell.await.is_err());
                });
            });
            assert_eq!(text, "late");
        }
    });
}

#[test]
fn a_panic_of_its_destructor_comes_out_too() {
    ends(|| {
        for count in [0, 1, 3] {
            let dropped = panic_of(|| {
                Builder::new().worker_threads(count).run(async {
                    let bomb = OnDrop(|| panic!("in the destructor"));
                    let mut work = offload(async move {
                        let _bomb = bomb;
                        pending::<()>().await;
                    });
                    start(&mut work).await;
                });
            });
            let done = panic_of(|| {
                Builder::new().worker_threads(count).run(offload(async {
                    let _bomb = OnDrop(|| panic!("at its end"));
                }));
            });
            assert_eq!((dropped.as_str(), done.as_str()), ("in the destructor", "at its end"));
        }
    });
}

#[test]
fn the_panic_of_the_future_comes_before_that_of_what_it_left() {
    ends(|| {
        let text = panic_of(|| {
            run(async {
                let bomb = OnDrop(|| panic!("left behind"));
                let mut work = offload(async move {
                    let _bomb = bomb;
                    pending::<()>().await;
                });
                start(&mut work).await;
                panic!("the future");
            });
        });
        assert_eq!(text, "the future");
    });
}

#[test]
fn after_a_panic_nothing_of_the_run_is_left() {
    ends(|| {
        let census = Census::default();
        let alive = census.one();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            run(async {
                let mut work = offload(async move {
                    let _alive = alive;
                    pending::<()>().await;
                });
                start(&mut work).await;
                panic!("the future");
            });
        }));
        assert!(ended.is_err());
        assert_eq!(census.count(), 0);
        assert_eq!(run(offload(async { 1 })), 1, "another run works as ever");
    });
}

#[test]
fn a_run_inside_of_an_offloaded_future_panics_with_the_cure() {
    with_any_workers(async || {
        let work = offload(async { panic_of(|| run(async {})) });
        let text = work.await;
        assert!(text.starts_with("run: this thread is inside of a `run` already"), "{text}");
    });
}

struct EndsWith(&'static str);

impl Ending for EndsWith {
    fn end(&self, _: Instant) -> Ended {
        Ended { panic: Some(Box::new(self.0)), ..Ended::default() }
    }
}

// What came last is ended first.
#[test]
fn of_the_panics_of_what_ends_with_a_run_the_first_comes_out() {
    ends(|| {
        let panicked = panic_of(|| {
            run(async {
                for words in ["the first comer", "the last comer"] {
                    end_with(&RunRecord::current(), Arc::new(EndsWith(words)));
                }
            });
        });
        assert_eq!(panicked, "the last comer");
    });
}
