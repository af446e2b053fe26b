//! The readiness handshake (G5).

use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use anyio_cancel_scope::{CancelError, CancelExt, CancelScope, Cause, checkpoint, shield, yield_now};
use anyio_task_group::{JoinError, NeverStarted, TaskGroup, TaskState, TaskStatus, local_task_group, task_group};

use crate::support::{Census, Gate, Log, OnDrop, Probe, err, fail, forever, panic_of, panics_in, run, told};

type Group<'env> = TaskGroup<'env, io::Error>;

fn never_started(error: &io::Error) -> Option<&NeverStarted> {
    error.get_ref()?.downcast_ref()
}

// anyio: tests/test_taskgroups.py::test_start_with_value
// anyio: tests/test_taskgroups.py::test_start_no_value
#[test]
fn start_returns_what_the_task_gives_to_started() {
    let result = run(task_group(async |tg| -> io::Result<&'static str> {
        let ((), _task) = tg.start(async |status| status.started(())).await?;
        let (value, _task) = tg.start(async |status| status.started("foo")).await?;
        Ok(value)
    }));
    assert_eq!(result.unwrap(), Some("foo"));
}

#[test]
fn the_task_lives_on_after_started() {
    let gate = Gate::new();
    let log = Log::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start(async |status| {
            status.started(());
            gate.wait().await;
            log.add("ended");
        })
        .await?;
        log.add("started");
        Ok(())
    }));
    group.waits();
    assert_eq!(log.all(), ["started"]);
    gate.open();
    group.finish().unwrap();
    assert_eq!(log.all(), ["started", "ended"]);
}

// anyio: tests/test_taskgroups.py::test_start_return_handle_success
#[test]
fn start_gives_the_handle_too() {
    run(task_group(async |tg| -> io::Result<()> {
        let (x, y) = (4, 5);
        let (value, task) = tg
            .start(async move |status| {
                status.started(3);
                checkpoint().await?;
                io::Result::Ok(x + y)
            })
            .await?;
        assert_eq!((value, task.join().await?), (3, 9));
        Ok(())
    }))
    .unwrap();
}

// anyio: tests/test_taskgroups.py::test_start_return_handle_cancel
#[test]
fn a_started_task_is_cancelled_by_its_handle() {
    run(task_group(async |tg| -> io::Result<()> {
        let (value, task) = tg
            .start(async |status| {
                status.started(3);
                forever().await
            })
            .await?;
        task.cancel();
        task.wait().await?;
        assert_eq!((value, task.status()), (3, TaskState::Cancelled));
        Ok(())
    }))
    .unwrap();
}

// anyio: tests/test_taskgroups.py::test_start_sync_wrapper
#[test]
fn started_may_be_called_before_there_is_a_future() {
    run(task_group(async |tg| -> io::Result<()> {
        let (value, task) = tg
            .start(|status: TaskStatus<u32>| {
                status.started(5);
                async { io::Result::Ok(8) }
            })
            .await?;
        assert_eq!((value, task.join().await?), (5, 8));
        Ok(())
    }))
    .unwrap();
}

// anyio: tests/test_taskgroups.py::test_start_crash_before_started_call
#[test]
fn a_failure_before_started_comes_out_of_start_and_leaves_the_group_alone() {
    let result = run(task_group(async |tg| -> io::Result<u32> {
        let error = tg.start::<(), _, _, _>(async |_status| fail("foo").await).await.unwrap_err();
        assert_eq!(error.to_string(), "foo");
        checkpoint().await?;
        assert!(!tg.scope().cancel_called());
        Ok(1)
    }));
    assert_eq!(result.unwrap(), Some(1));
}

// anyio: tests/test_taskgroups.py::test_start_crash_after_started_call
#[test]
fn a_task_that_fails_in_the_same_poll_as_it_started_gives_the_value_and_then_fails_the_group() {
    let seen = Mutex::new(None);
    let result = run(task_group(async |tg| -> io::Result<()> {
        let (value, task) = tg
            .start(async |status| {
                status.started(2);
                fail("foo").await
            })
            .await?;
        *seen.lock().unwrap() = Some((value, task.status()));
        forever().await
    }));
    assert_eq!(result.unwrap_err().to_string(), "foo");
    assert_eq!(seen.into_inner().unwrap(), Some((2, TaskState::Failed)));
}

// anyio: tests/test_taskgroups.py::test_start_no_started_call
#[test]
fn a_task_that_ends_without_started_is_never_started() {
    run(task_group(async |tg| -> io::Result<()> {
        let error = tg.start::<(), _, _, _>(async |_status| {}).await.unwrap_err();
        assert_eq!(never_started(&error), Some(never_started(&error).unwrap()));
        assert_eq!(never_started(&error).unwrap().cause(), None);
        assert_eq!(error.to_string(), "the task ended without calling started()");
        assert!(!error.is_cancelled());
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_status_that_is_dropped_does_not_end_the_wait_before_the_task() {
    let gate = Gate::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let starting = tg.start::<(), _, _, _>(async |status| {
            drop(status);
            gate.wait().await;
        });
        assert!(never_started(&starting.await.unwrap_err()).is_some());
        Ok(())
    }));
    group.waits();
    gate.open();
    group.finish().unwrap();
}

#[test]
fn a_panic_before_started_resumes_in_start_and_leaves_the_group_alone() {
    let log = Log::new();
    let result = run(task_group(async |tg| -> io::Result<u32> {
        let starting = tg.start::<(), _, _, _>(async |_status| panic!("early"));
        let mut starting = std::pin::pin!(starting);
        let text = std::future::poll_fn(|cx| {
            let mut polled = None;
            panics_in(|| {
                polled = Some(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| starting.as_mut().poll(cx))));
            });
            match polled.unwrap() {
                Ok(polled) => polled.map(|_| String::new()),
                Err(payload) => std::task::Poll::Ready((*payload.downcast::<&str>().unwrap()).to_owned()),
            }
        })
        .await;
        log.add(text);
        checkpoint().await?;
        Ok(1)
    }));
    assert_eq!(result.unwrap(), Some(1));
    assert_eq!(log.all(), ["early"]);
}

#[test]
fn a_panic_after_started_is_the_groups() {
    let text = panic_of(|| {
        run(task_group(async |tg| -> io::Result<()> {
            tg.start(async |status| {
                status.started(());
                panic!("late")
            })
            .await?;
            forever().await
        }))
    });
    assert_eq!(text, "late");
}

// R4: entered in a cancelled scope, it starts nothing (AnyIO starts the task, and cancels it at its first checkpoint)
// anyio: tests/test_taskgroups.py::test_start_cancelled
// anyio: tests/test_taskgroups.py::test_start_cancels_parent_scope
#[test]
fn start_in_a_cancelled_scope_starts_nothing() {
    let started = AtomicBool::new(false);
    let result = run(task_group(async |tg| -> io::Result<u32> {
        let inner = CancelScope::new();
        inner.cancel();
        let starting = tg.start::<(), (), _, _>(async |_status| started.store(true, Ordering::SeqCst));
        assert!(inner.enter(starting).await.unwrap_err().is_cancelled());
        assert!(!tg.scope().cancel_called() && tg.tasks().is_empty());
        Ok(1)
    }));
    assert_eq!(result.unwrap(), Some(1));
    assert!(!started.into_inner());
}

// anyio: tests/test_taskgroups.py::test_no_called_started_twice
#[test]
fn a_start_that_is_made_before_and_polled_after_the_groups_cancellation_is_cancelled() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        let starting = tg.start(async |status| status.started(()));
        tg.cancel();
        starting.await?;
        Ok(())
    }));
    assert!(matches!(result, Ok(None)));
}

/// A group from outside, which lives until its gate is opened.
struct Elsewhere<'a> {
    group: Probe<std::pin::Pin<Box<dyn Future<Output = io::Result<Option<()>>> + 'a>>>,
    tg: Group<'a>,
    gate: Gate,
}

impl<'a> Elsewhere<'a> {
    fn new() -> Self {
        let gate = Gate::new();
        let wait = gate.wait();
        let (put, get) = std::sync::mpsc::channel();
        let group = task_group(async move |tg| -> io::Result<()> {
            put.send(tg).unwrap();
            shield(wait).await;
            Ok(())
        });
        let mut group = Probe::new(Box::pin(group) as std::pin::Pin<Box<dyn Future<Output = _>>>);
        group.waits();
        Self { group, tg: get.recv().unwrap(), gate }
    }

    fn end(mut self) -> io::Result<Option<()>> {
        self.gate.open();
        self.group.finish()
    }
}

// USERS.md 62; AnyIO #517, #685, #710
#[test]
fn a_cancelled_start_cancels_its_task_waits_for_it_and_leaves_its_group_alone() {
    let (log, gate) = (Log::new(), Gate::new());
    let mut elsewhere = Elsewhere::new();
    let scope = CancelScope::new();
    let mut start = Probe::new(scope.run(elsewhere.tg.start::<(), (), _, _>(async |_status| {
        forever().await.unwrap_err();
        shield(gate.wait()).await;
        log.add("clean");
    })));
    start.waits();
    elsewhere.group.waits();
    scope.cancel();
    start.waits();
    assert!(elsewhere.group.is_woken());
    elsewhere.group.waits();
    assert!(!start.is_woken() && log.all().is_empty());
    gate.open();
    elsewhere.group.waits();
    assert_eq!(log.all(), ["clean"]);
    assert!(matches!(start.finish(), Ok(None)));
    assert!(!elsewhere.tg.scope().cancel_called());
    assert_eq!(elsewhere.end().unwrap(), Some(()));
}

// R5
#[test]
fn a_start_that_is_cancelled_before_its_tasks_first_poll_lets_it_run_to_its_first_checkpoint() {
    let log = Log::new();
    let mut elsewhere = Elsewhere::new();
    let scope = CancelScope::new();
    let mut start = Probe::new(scope.run(elsewhere.tg.start::<(), _, _, _>(async |_status| {
        log.add("began");
        checkpoint().await?;
        log.add("went on");
        io::Result::Ok(())
    })));
    start.waits();
    scope.cancel();
    start.waits();
    assert!(log.all().is_empty());
    elsewhere.group.waits();
    assert!(matches!(start.finish(), Ok(None)));
    assert_eq!(log.all(), ["began"]);
    elsewhere.end().unwrap();
}

// R3
#[test]
fn a_value_that_is_there_wins_over_a_cancellation() {
    let mut elsewhere = Elsewhere::new();
    let scope = CancelScope::new();
    let mut start = Probe::new(scope.run(elsewhere.tg.start(async |status| {
        status.started(7);
        forever().await
    })));
    start.waits();
    elsewhere.group.waits();
    scope.cancel();
    let (value, task) = start.finish().unwrap().unwrap();
    assert_eq!(value, 7);
    elsewhere.group.waits();
    assert_eq!(task.status(), TaskState::Pending);
    task.cancel();
    elsewhere.end().unwrap();
}

// AnyIO #837
// anyio: tests/test_taskgroups.py::test_cancel_shielding_start
#[test]
fn a_shield_in_the_task_holds_when_the_one_who_starts_it_is_cancelled() {
    let outer = CancelScope::new();
    let (log, gate) = (Log::new(), Gate::new());
    let mut group = Probe::new(outer.run(task_group(async |tg| -> io::Result<()> {
        let starter = tg.clone();
        let (gate, log) = (&gate, &log);
        tg.start_soon(async move {
            let (_value, _task): ((), _) = starter
                .start(async |_status| {
                    shield(gate.wait().cancellable()).await.unwrap();
                    log.add("behind the shield");
                    checkpoint().await?;
                    log.add("after");
                    io::Result::Ok(())
                })
                .await?;
            io::Result::Ok(())
        });
        Ok(())
    })));
    group.waits();
    outer.cancel();
    group.waits();
    gate.open();
    assert!(matches!(group.finish(), Ok(None)));
    assert_eq!(log.all(), ["behind the shield"]);
}

#[test]
fn a_real_error_after_the_start_was_cancelled_comes_out_of_start() {
    let mut elsewhere = Elsewhere::new();
    let scope = CancelScope::new();
    let mut start = Probe::new(scope.run(elsewhere.tg.start::<(), _, _, _>(async |_status| {
        let _ = forever().await;
        fail("clean-up").await
    })));
    start.waits();
    elsewhere.group.waits();
    scope.cancel();
    start.waits();
    elsewhere.group.waits();
    assert_eq!(start.finish().unwrap_err().to_string(), "clean-up");
    assert_eq!(elsewhere.end().unwrap(), Some(()));
}

#[test]
fn a_panic_after_the_start_was_cancelled_resumes_in_start() {
    let mut elsewhere = Elsewhere::new();
    let scope = CancelScope::new();
    let mut start = Probe::new(scope.run(elsewhere.tg.start::<(), _, _, _>(async |_status| {
        let _ = forever().await;
        panic!("clean-up")
    })));
    start.waits();
    elsewhere.group.waits();
    scope.cancel();
    start.waits();
    panics_in(|| elsewhere.group.waits());
    assert_eq!(panic_of(|| start.finish()), "clean-up");
    assert_eq!(elsewhere.end().unwrap(), Some(()));
}

#[test]
fn started_after_the_start_was_cancelled_does_nothing() {
    let census = Census::new();
    let mut elsewhere = Elsewhere::new();
    let scope = CancelScope::new();
    let mut start = Probe::new(scope.run(elsewhere.tg.start(async |status| {
        let _ = forever().await;
        status.started(census.one());
        assert_eq!(census.count(), 0);
    })));
    start.waits();
    elsewhere.group.waits();
    scope.cancel();
    start.waits();
    elsewhere.group.waits();
    assert!(matches!(start.finish(), Ok(None)));
    elsewhere.end().unwrap();
}

#[test]
fn a_start_that_is_dropped_before_started_cancels_its_task_and_a_failure_goes_to_the_group() {
    for fails in [false, true] {
        let log = Log::new();
        let mut elsewhere = Elsewhere::new();
        let mut start = Probe::new(elsewhere.tg.start::<(), _, _, _>(async |_status| {
            let result = forever().await;
            log.add("cancelled");
            if fails { fail("clean-up").await } else { result }
        }));
        start.waits();
        elsewhere.group.waits();
        start.drop_future();
        elsewhere.group.waits();
        assert_eq!(log.all(), ["cancelled"]);
        let result = elsewhere.end();
        if fails {
            assert_eq!(result.unwrap_err().to_string(), "clean-up");
        } else {
            assert_eq!(result.unwrap(), Some(()));
        }
    }
}

#[test]
fn a_failure_that_start_did_not_take_before_it_was_dropped_goes_to_the_group() {
    let mut elsewhere = Elsewhere::new();
    let mut start = Probe::new(elsewhere.tg.start::<(), _, _, _>(async |_status| fail("untaken").await));
    start.waits();
    elsewhere.group.waits();
    assert!(start.is_woken() && !elsewhere.tg.scope().cancel_called());
    start.drop_future();
    elsewhere.group.waits();
    assert_eq!(elsewhere.tg.scope().cause(), Some(Cause::TaskFailed));
    assert_eq!(told(&elsewhere.end().unwrap_err()), "untaken");
}

#[test]
fn a_panic_that_start_did_not_take_before_it_was_dropped_goes_to_the_group() {
    let mut elsewhere = Elsewhere::new();
    let mut start = Probe::new(elsewhere.tg.start::<(), _, _, _>(async |_status| panic!("untaken")));
    start.waits();
    panics_in(|| elsewhere.group.waits());
    start.drop_future();
    elsewhere.group.waits();
    assert_eq!(panic_of(|| elsewhere.end()), "untaken");
}

#[test]
fn a_panic_that_start_did_not_take_comes_out_of_the_drop_of_a_group_that_did_not_either() {
    let mut elsewhere = Elsewhere::new();
    let mut start = Probe::new(elsewhere.tg.start::<(), _, _, _>(async |_status| panic!("untaken")));
    start.waits();
    panics_in(|| elsewhere.group.waits());
    start.drop_future();
    assert_eq!(panic_of(|| elsewhere.group.drop_future()), "untaken");
}

#[test]
fn a_start_that_is_dropped_after_started_drops_the_value_and_lets_the_task_live() {
    let census = Census::new();
    let (log, gate) = (Log::new(), Gate::new());
    let mut elsewhere = Elsewhere::new();
    let mut start = Probe::new(elsewhere.tg.start(async |status| {
        status.started(census.one());
        gate.wait().await;
        checkpoint().await?;
        log.add("lived on");
        io::Result::Ok(())
    }));
    start.waits();
    elsewhere.group.waits();
    assert_eq!(census.count(), 1);
    start.drop_future();
    assert_eq!(census.count(), 0);
    gate.open();
    elsewhere.group.waits();
    assert_eq!(log.all(), ["lived on"]);
    elsewhere.end().unwrap();
}

#[test]
fn a_start_that_is_dropped_unpolled_starts_nothing() {
    let elsewhere = Elsewhere::new();
    drop(elsewhere.tg.start::<(), _, _, _>(async |_status| unreachable!("nobody polled it")));
    assert!(elsewhere.tg.tasks().is_empty());
    elsewhere.end().unwrap();
}

// "whatever the poll order"
#[test]
fn a_task_that_ends_without_started_is_a_cancellation_where_the_caller_is_cancelled() {
    for child_first in [true, false] {
        let gate = Gate::new();
        let mut elsewhere = Elsewhere::new();
        let scope = CancelScope::new();
        let mut start = Probe::new(scope.enter(elsewhere.tg.start::<(), _, _, _>(async |_status| {
            shield(gate.wait()).await;
        })));
        start.waits();
        elsewhere.group.waits();
        if child_first {
            gate.open();
            elsewhere.group.waits();
            scope.cancel();
        } else {
            scope.cancel();
            start.waits();
            gate.open();
            elsewhere.group.waits();
        }
        assert!(start.finish().unwrap_err().is_cancelled());
        elsewhere.end().unwrap();
    }
}

#[test]
fn one_scope_around_both_sides_gives_a_cancellation_in_either_poll_order() {
    let outer = CancelScope::new();
    let handle = outer.clone();
    let seen = Mutex::new(Vec::new());
    let result = run(outer.run(task_group(async |tg| -> io::Result<()> {
        let (tg, seen) = (&tg, &seen);
        // The first is polled before its task, the second after the task of the first.
        let start = || async move {
            let result = tg.start::<(), _, _, _>(async |_status| forever().await).await;
            seen.lock().unwrap().push(result.unwrap_err().is_cancelled());
        };
        let cancel = async {
            yield_now().await;
            handle.cancel();
        };
        futures::join!(start(), cancel, start());
        Ok(())
    })));
    assert!(matches!(result, Ok(None | Some(Some(())))));
    assert_eq!(*seen.lock().unwrap(), [true, true]);
}

#[test]
fn start_into_a_group_that_is_cancelled_lets_the_task_run_to_its_first_checkpoint() {
    let mut elsewhere = Elsewhere::new();
    elsewhere.tg.cancel_because("closing");
    let mut ready = Probe::new(elsewhere.tg.start(async |status| {
        status.started(1);
        forever().await
    }));
    let mut late = Probe::new(elsewhere.tg.start(async |status| {
        forever().await?;
        status.started(1);
        io::Result::Ok(())
    }));
    ready.waits();
    late.waits();
    elsewhere.group.waits();
    assert_eq!(ready.finish().unwrap().0, 1);
    let error = late.finish().unwrap_err();
    assert_eq!(never_started(&error).unwrap().cause(), Some(&Cause::Called(Some("closing".into()))));
    assert!(!error.is_cancelled());
    assert_eq!(elsewhere.end().unwrap(), Some(()));
}

#[test]
fn start_into_a_group_that_is_dropped_meanwhile_does_not_hang() {
    for polled in [false, true] {
        let mut elsewhere = Elsewhere::new();
        let tg = elsewhere.tg.clone();
        let mut start = Probe::new(tg.start::<(), _, _, _>(async |_status| forever().await));
        start.waits();
        if polled {
            elsewhere.group.waits();
        }
        elsewhere.group.drop_future();
        assert!(never_started(&start.finish().unwrap_err()).is_some());
    }
}

#[test]
fn start_into_a_group_that_was_dropped_does_not_hang() {
    let mut elsewhere = Elsewhere::new();
    elsewhere.group.drop_future();
    let start = elsewhere.tg.start::<(), _, _, _>(async |_status| forever().await);
    assert!(never_started(&run(start).unwrap_err()).is_some());
}

// anyio: tests/test_taskgroups.py::test_start_already_closed
#[test]
#[should_panic(expected = "the group has returned, and runs no more tasks")]
fn start_into_a_returned_group_panics_with_the_cure() {
    let tg = run(task_group(async |tg| -> io::Result<Group<'_>> { Ok(tg) })).unwrap().unwrap();
    let _ = run(tg.start(async |status: TaskStatus<()>| status.started(())));
}

#[test]
fn the_panic_of_a_late_start_names_the_callers_line() {
    let tg = run(task_group(async |tg| -> io::Result<Group<'_>> { Ok(tg) })).unwrap().unwrap();
    let start = tg.start(async |status: TaskStatus<()>| status.started(()));
    let place = format!("start, called at {}:{}:", file!(), line!() - 1);
    let text = panic_of(|| run(start));
    assert!(text.starts_with(&place), "{text}");
}

// USERS.md 62; AnyIO #517
// anyio: tests/test_taskgroups.py::test_start_cancel_after_error
#[test]
fn a_failure_in_an_inner_group_cancels_a_start_into_the_outer_one() {
    let completed = AtomicBool::new(false);
    let result = run(task_group(async |outer| -> io::Result<()> {
        let inner = task_group(async |inner| -> io::Result<()> {
            inner.start_soon(async {
                yield_now().await;
                fail("cancels the start").await
            });
            outer
                .start(async |status: TaskStatus<()>| {
                    forever().await?;
                    completed.store(true, Ordering::SeqCst);
                    status.started(());
                    io::Result::Ok(())
                })
                .await?;
            Ok(())
        })
        .await;
        assert!(!outer.scope().cancel_called());
        inner?;
        Ok(())
    }));
    assert_eq!(result.unwrap_err().to_string(), "cancels the start");
    assert!(!completed.into_inner());
}

#[test]
fn many_starts_at_once_get_their_own_values() {
    let result = run(task_group(async |tg| -> io::Result<Vec<u32>> {
        let tg = &tg;
        let starts = (0..50).map(|n| async move {
            let (value, _task) = tg
                .start(async move |status| {
                    for _ in 0..n % 5 {
                        yield_now().await;
                    }
                    status.started(n);
                    yield_now().await;
                })
                .await?;
            io::Result::Ok(value)
        });
        futures::future::try_join_all(starts).await
    }));
    assert_eq!(result.unwrap(), Some((0..50).collect()));
}

#[test]
fn start_works_from_another_group_on_another_thread() {
    let gate = Gate::new();
    let (put, get) = std::sync::mpsc::channel();
    let wait = gate.wait();
    let server = std::thread::spawn(move || {
        futures_lite::future::block_on(task_group(async |tg| -> io::Result<()> {
            put.send(tg.clone()).unwrap();
            wait.await;
            tg.cancel();
            Ok(())
        }))
    });
    let tg = get.recv().unwrap();
    for n in 0..100 {
        let (value, _task) = futures_lite::future::block_on(tg.start(async move |status| {
            yield_now().await;
            status.started(n);
            forever().await
        }))
        .unwrap();
        assert_eq!(value, n);
    }
    gate.open();
    server.join().unwrap().unwrap();
}

#[test]
fn a_value_may_be_of_any_kind_in_a_local_group() {
    run(local_task_group(async |tg| -> io::Result<()> {
        let (value, task) = tg
            .start(async |status| {
                status.started(std::rc::Rc::new(1));
                io::Result::Ok(std::rc::Rc::new(2))
            })
            .await?;
        assert_eq!((*value, *task.join().await?), (1, 2));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_task_that_is_being_started_tells_its_end_after_its_locals_are_gone() {
    let log = Log::new();
    let mut elsewhere = Elsewhere::new();
    let tg = elsewhere.tg.clone();
    let mut start = Probe::new(tg.start::<(), _, _, _>(async |_status| {
        let _end = OnDrop(|| log.add("gone"));
        forever().await
    }));
    start.waits();
    elsewhere.group.waits();
    elsewhere.group.drop_future();
    log.add("told");
    assert!(start.finish().is_err());
    assert_eq!(log.all(), ["gone", "told"]);
}

#[test]
fn the_handle_of_a_task_that_failed_before_started_is_not_needed_to_see_its_error() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        let error = tg.start::<(), (), _, _>(async |_status| Err(err("only once"))).await.unwrap_err();
        Err(error)
    }));
    assert_eq!(told(&result.unwrap_err()), "only once");
}

// G5: what became of the task is the business of whoever started it
#[test]
fn a_task_that_is_interrupted_before_started_leaves_no_work_undone_in_its_group() {
    let (outer, gate, kept) = (CancelScope::new(), Gate::new(), Mutex::new(None));
    let mut group = Probe::new(outer.enter(task_group(async |tg| -> io::Result<u32> {
        *kept.lock().unwrap() = Some(tg);
        gate.wait().await;
        Ok(1)
    })));
    group.waits();
    let tg = kept.lock().unwrap().take().unwrap();
    let mut start = Probe::new(tg.start::<(), _, _, _>(async |_status| forever().await));
    start.waits();
    group.waits();
    outer.cancel();
    gate.open();
    assert_eq!(group.finish().unwrap(), Some(1));
    assert!(never_started(&start.finish().unwrap_err()).is_some());
}

#[test]
fn a_start_that_is_polled_with_another_waker_wakes_that_one() {
    let (gate, kept) = (Gate::new(), Mutex::new(None));
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg);
        gate.wait().await;
        Ok(())
    }));
    group.waits();
    let tg = kept.lock().unwrap().take().unwrap();
    let inner = gate.clone();
    let mut start = Probe::new(tg.start(async move |status| {
        inner.wait().await;
        status.started(5);
    }));
    start.waits();
    start.change_waker();
    assert!(start.poll().is_pending());
    group.waits();
    gate.open();
    group.finish().unwrap();
    assert!(start.is_woken());
    assert_eq!(start.finish().unwrap().0, 5);
}

#[test]
fn a_stray_cancellation_before_started_is_the_tasks_failure() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        let scope = CancelScope::new();
        scope.cancel();
        let stray = scope.enter(checkpoint()).await.unwrap_err();
        let error = tg.start::<(), (), _, _>(async move |_status| Err(stray.into())).await.unwrap_err();
        assert!(error.is_cancelled());
        let (_, task) = tg.start(async |status| status.started(())).await?;
        assert_eq!(task.join().await, Ok(()));
        assert_eq!(task.join().await, Err(JoinError::Taken));
        Ok(())
    }));
    assert_eq!(result.unwrap(), Some(()));
}
