//! What comes out of a group (G2).

use std::{io, sync::Mutex};

use anyio_cancel_scope::{
    BoxError, CancelError, CancelScope, Cancelled, Cause, check_cancelled, checkpoint, is_cancellation, shield,
    yield_now,
};
use anyio_task_group::{ErrorGroup, TaskState, task_group};
use futures::FutureExt;

use crate::support::{Gate, Probe, err, fail, forever, run, told};

async fn wait_then_fail(text: &str) -> io::Result<()> {
    let _ = forever().await;
    fail(text).await
}

// G2: one error comes out as it is
// anyio: tests/test_taskgroups.py::test_host_exception
#[test]
fn the_bodys_only_error_comes_out_as_it_is() {
    let error = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(forever());
        Err(err("dummy error"))
    }))
    .unwrap_err();
    assert_eq!(error.to_string(), "dummy error");
}

// anyio: tests/test_taskgroups.py::test_failing_child_task_cancels_host
#[test]
fn a_childs_only_error_comes_out_as_it_is_and_cancels_the_body() {
    let mut went_on = false;
    let error = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            yield_now().await;
            fail("foo").await
        });
        forever().await?;
        went_on = true;
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(error.to_string(), "foo");
    assert!(!went_on);
}

// anyio: tests/test_taskgroups.py::test_failing_host_task_cancels_children
#[test]
fn a_failing_body_cancels_the_children() {
    let went_on = Mutex::new(false);
    let error = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            forever().await?;
            *went_on.lock().unwrap() = true;
            io::Result::Ok(())
        });
        yield_now().await;
        fail("foo").await
    }))
    .unwrap_err();
    assert_eq!(error.to_string(), "foo");
    assert!(!went_on.into_inner().unwrap());
}

// anyio: tests/test_taskgroups.py::test_exception_cancels_siblings
#[test]
fn a_failing_child_cancels_its_siblings() {
    let error = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(forever());
        yield_now().await;
        tg.start_soon(fail("foo"));
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(error.to_string(), "foo");
}

// anyio: tests/test_taskgroups.py::test_exception_group_children
#[test]
fn several_errors_come_as_a_group_in_the_order_in_which_the_children_ended() {
    let gate = Gate::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let second = gate.clone();
        tg.start_soon(async move {
            shield(second.wait()).await;
            fail("second").await
        });
        tg.start_soon(fail("first"));
        Ok(())
    }));
    group.waits();
    gate.open();
    assert_eq!(told(&group.finish().unwrap_err()), "[first, second]");
}

// anyio: tests/test_taskgroups.py::test_exception_group_host
#[test]
fn the_bodys_error_comes_first_whenever_it_came() {
    let gate = Gate::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(fail("child"));
        shield(gate.wait()).await;
        Err(err("body"))
    }));
    group.waits();
    gate.open();
    assert_eq!(told(&group.finish().unwrap_err()), "[body, child]");

    let error = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(wait_then_fail("child"));
        yield_now().await;
        Err(err("host"))
    }));
    assert_eq!(told(&error.unwrap_err()), "[host, child]");
}

// anyio: tests/test_taskgroups.py::test_nested_task_group_filtering
#[test]
fn nested_groups_keep_their_nesting_and_no_cancellation_is_among_the_errors() {
    let error = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(fail("parent"));
        task_group(async |tg| -> io::Result<()> {
            tg.start_soon(wait_then_fail("child 1"));
            tg.start_soon(wait_then_fail("child 2"));
            tg.start_soon(forever());
            forever().await
        })
        .await?;
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(told(&error), "[[child 1, child 2], parent]");
}

#[test]
fn the_leaves_of_nested_groups_are_found_at_any_depth() {
    let error = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(fail("a"));
        tg.start_soon(async {
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(wait_then_fail("b"));
                tg.start_soon(wait_then_fail("c"));
                Ok(())
            })
            .await
        });
        Ok(())
    }))
    .unwrap_err();
    let group = error.get_ref().unwrap().downcast_ref::<ErrorGroup<io::Error>>().unwrap();
    assert_eq!(group.leaves().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(group.to_string(), "2 errors: a; 2 errors: b; c");
    assert!(!is_cancellation(&error));
}

// anyio: tests/test_taskgroups.py::test_single_cancellation_exc
#[test]
fn a_group_that_an_ancestor_interrupted_gives_one_cancellation_and_never_ok() {
    let outer = CancelScope::new();
    let handle = outer.clone();
    let result: io::Result<Option<()>> = run(outer.run(async move {
        let result = task_group(async |tg| -> io::Result<()> {
            for _ in 0..3 {
                tg.start_soon(forever());
            }
            yield_now().await;
            handle.cancel();
            // The body completes, the children do not.
            Ok(())
        })
        .await;
        let error = result.unwrap_err();
        assert!(error.is_cancelled());
        assert!(error.get_ref().unwrap().is::<Cancelled>());
        Err(error)
    }));
    assert!(matches!(result, Ok(None)));
    assert!(outer.cancelled_caught());
}

#[test]
fn an_interrupted_body_alone_makes_the_group_interrupted() {
    let outer = CancelScope::new();
    outer.cancel();
    let result = run(outer.enter(task_group(async |_tg| -> io::Result<()> { forever().await })));
    assert!(result.unwrap_err().is_cancelled());
}

// G2: "decided at exit": work is missing, though nobody who is visible then was the cause
#[test]
fn a_body_that_was_interrupted_by_what_a_shield_hides_at_exit_gives_a_cancellation() {
    let outer = CancelScope::new();
    outer.cancel();
    let result = run(outer.enter(task_group(async |tg| -> io::Result<()> {
        let scope = tg.scope();
        tg.start_soon(async move {
            yield_now().await;
            scope.set_shielded(true);
        });
        forever().await
    })));
    assert!(result.unwrap_err().is_cancelled());
}

#[test]
fn a_body_that_completes_in_a_group_that_is_cancelled_gives_its_value() {
    let kept = Mutex::new(None);
    let result = run(task_group(async |tg| -> io::Result<u32> {
        *kept.lock().unwrap() = Some(tg.scope());
        tg.start_soon(forever());
        tg.cancel();
        Ok(7)
    }));
    assert_eq!(result.unwrap(), Some(7));
    assert!(kept.into_inner().unwrap().unwrap().cancelled_caught());
}

// anyio: tests/test_taskgroups.py::test_escaping_cancelled_exception
#[test]
fn a_group_that_was_cancelled_by_itself_gives_none() {
    let kept = Mutex::new(None);
    let result = run(task_group(async |tg| -> io::Result<u32> {
        *kept.lock().unwrap() = Some(tg.scope());
        tg.cancel();
        checkpoint().await?;
        Ok(7)
    }));
    assert!(matches!(result, Ok(None)));
    assert!(kept.into_inner().unwrap().unwrap().cancelled_caught());
}

// anyio: tests/test_taskgroups.py::test_cancel_completed_task
#[test]
fn cancelling_a_group_whose_tasks_complete_catches_nothing() {
    let kept = Mutex::new(None);
    let result = run(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.scope());
        tg.start_soon(async {});
        tg.cancel();
        Ok(())
    }));
    assert_eq!(result.unwrap(), Some(()));
    let scope = kept.into_inner().unwrap().unwrap();
    assert!(scope.cancel_called() && !scope.cancelled_caught());
}

// AnyIO #1069
// anyio: tests/test_taskgroups.py::test_cancel_before_entering_task_group
#[test]
fn an_outer_cancellation_that_interrupted_nobody_does_not_come_out() {
    let outer = CancelScope::new();
    let handle = outer.clone();
    let result = run(outer.enter(async move {
        task_group(async |tg| -> io::Result<u32> {
            tg.start_soon(async {});
            handle.cancel();
            Ok(1)
        })
        .await
    }));
    assert_eq!(result.unwrap(), Some(1));

    let outer = CancelScope::new();
    outer.cancel();
    assert_eq!(run(outer.enter(task_group(async |_tg| io::Result::Ok(())))).unwrap(), Some(()));
}

#[test]
fn when_both_the_group_and_an_ancestor_are_cancelled_the_ancestor_absorbs() {
    let outer = CancelScope::new();
    let handle = outer.clone();
    let kept = Mutex::new(None);
    let result = run(outer.run(async {
        let result = task_group(async |tg| -> io::Result<()> {
            *kept.lock().unwrap() = Some(tg.scope());
            tg.start_soon(forever());
            tg.cancel();
            handle.cancel();
            forever().await
        })
        .await;
        assert!(result.as_ref().unwrap_err().is_cancelled());
        result
    }));
    assert!(matches!(result, Ok(None)));
    assert!(outer.cancelled_caught() && !kept.into_inner().unwrap().unwrap().cancelled_caught());
}

#[test]
fn a_shield_on_the_groups_scope_makes_it_absorb_its_own_cancellation() {
    let outer = CancelScope::new();
    outer.cancel();
    let result = run(outer.enter(async {
        let result = task_group(async |tg| -> io::Result<()> {
            tg.scope().set_shielded(true);
            check_cancelled()?;
            tg.cancel();
            forever().await
        })
        .await;
        assert!(check_cancelled().is_err());
        result
    }));
    assert!(matches!(result, Ok(None)));
}

// AnyIO #787, #1093: a failure under a cancelled ancestor comes out, and cancels its own group
#[test]
fn a_child_that_fails_under_a_cancelled_ancestor_comes_out() {
    let outer = CancelScope::new();
    let kept = Mutex::new(None);
    let handle = outer.clone();
    let result = run(outer.run(async {
        task_group(async |tg| -> io::Result<()> {
            *kept.lock().unwrap() = Some(tg.scope());
            tg.start_soon(wait_then_fail("clean-up"));
            yield_now().await;
            handle.cancel();
            forever().await
        })
        .await
    }));
    assert_eq!(result.unwrap_err().to_string(), "clean-up");
    assert!(!outer.cancelled_caught());
    assert_eq!(kept.into_inner().unwrap().unwrap().cause(), Some(Cause::TaskFailed));
}

#[test]
fn a_failure_is_the_cause_of_the_groups_cancellation() {
    let kept = Mutex::new(None);
    run(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.scope());
        tg.start_soon(fail("x"));
        Ok(())
    }))
    .unwrap_err();
    let scope = kept.into_inner().unwrap().unwrap();
    assert_eq!(scope.cause(), Some(Cause::TaskFailed));
    assert!(scope.cancel_called() && !scope.cancelled_caught());
}

/// A `Cancelled` that was kept from a scope of long ago.
fn stored() -> Cancelled {
    let scope = CancelScope::new();
    scope.cancel();
    run(scope.enter(checkpoint())).unwrap_err()
}

#[test]
fn a_stray_cancelled_out_of_a_child_is_a_failure_and_comes_out() {
    let kept = Mutex::new(None);
    let result = run(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.scope());
        tg.start_soon(async { Err::<(), io::Error>(stored().into()) });
        forever().await
    }));
    assert!(result.unwrap_err().is_cancelled());
    assert_eq!(kept.into_inner().unwrap().unwrap().cause(), Some(Cause::TaskFailed));
}

#[test]
fn a_stray_cancelled_out_of_a_shared_future_is_a_failure_and_comes_out() {
    let dead = CancelScope::new();
    dead.cancel();
    let shared = checkpoint().shared();
    let first = run(dead.run(shared.clone()));
    assert_eq!(first, Ok(None));
    let result = run(task_group(async |tg| -> io::Result<()> {
        let elsewhere = shared.clone();
        let task = tg.start_soon(async move { io::Result::Ok(elsewhere.await?) });
        task.wait().await?;
        assert_eq!(task.status(), TaskState::Failed);
        forever().await
    }));
    assert!(result.unwrap_err().is_cancelled());
}

#[test]
fn a_stray_cancelled_out_of_the_body_is_a_failure_and_comes_out() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(forever());
        Err(stored().into())
    }));
    assert!(result.unwrap_err().is_cancelled());
}

#[test]
fn a_stray_cancelled_does_not_hide_a_failure() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { Err::<(), io::Error>(stored().into()) });
        tg.start_soon(wait_then_fail("real"));
        Ok(())
    }));
    assert_eq!(told(&result.unwrap_err()), "[cancelled, real]");
}

#[test]
fn a_child_that_its_handle_cancelled_is_no_failure() {
    let result = run(task_group(async |tg| -> io::Result<u32> {
        tg.start_soon(forever()).cancel();
        Ok(1)
    }));
    assert_eq!(result.unwrap(), Some(1));
}

#[test]
fn a_child_that_its_handle_cancelled_leaves_no_work_undone() {
    let outer = CancelScope::new();
    let handle = outer.clone();
    let result = run(outer.enter(task_group(async |tg| -> io::Result<u32> {
        let child = tg.start_soon(forever());
        child.cancel();
        child.wait().await?;
        handle.cancel();
        Ok(1)
    })));
    assert_eq!(result.unwrap(), Some(1));
}

// anyio: tests/test_taskgroups.py::test_exception_group_filtering
// anyio: tests/test_taskgroups.py::test_nested_exception_group_filtering
#[test]
fn a_cancelled_scope_does_not_absorb_an_error_group() {
    let scope = CancelScope::new();
    scope.cancel();
    let result = run(scope.run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(wait_then_fail("a"));
        tg.start_soon(forever());
        wait_then_fail("b").await
    })));
    assert_eq!(told(&result.unwrap_err()), "[b, a]");
    assert!(!scope.cancelled_caught());
}

#[test]
fn an_error_group_is_taken_apart() {
    let error = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(fail("a"));
        tg.start_soon(fail("b"));
        Err(err("c"))
    }))
    .unwrap_err();
    let group = error.into_inner().unwrap().downcast::<ErrorGroup<io::Error>>().unwrap();
    assert_eq!((group.len(), group.is_empty()), (3, false));
    assert_eq!((&*group).into_iter().count(), 3);
    assert!(format!("{group:?}").starts_with("ErrorGroup(["));
    let (with, without) = group.split(|error| error.to_string() == "a");
    assert_eq!(with.unwrap().into_vec().len(), 1);
    let texts: Vec<String> = without.unwrap().into_iter().map(|error| error.to_string()).collect();
    assert_eq!(texts, ["c", "b"]);
}

#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error("interrupted")]
    Interrupted(#[from] Cancelled),
    #[error("several: {0}")]
    Several(#[from] ErrorGroup<AppError>),
    #[error("own {0}")]
    Own(u32),
}

impl CancelError for AppError {
    fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        self
    }
}

#[test]
fn errors_of_ones_own_work_and_show_their_leaves() {
    let error = run(task_group(async |tg| -> Result<(), AppError> {
        tg.start_soon(async { Err::<(), _>(AppError::Own(1)) });
        tg.start_soon(async {
            task_group(async |tg| -> Result<(), AppError> {
                tg.start_soon(async { Err::<(), _>(AppError::Own(2)) });
                Err(AppError::Own(3))
            })
            .await
        });
        Ok(())
    }))
    .unwrap_err();
    let AppError::Several(group) = error else { panic!("{error}") };
    assert_eq!(group.leaves().map(ToString::to_string).collect::<Vec<_>>(), ["own 1", "own 3", "own 2"]);

    let scope = CancelScope::new();
    scope.cancel();
    let result = run(scope.run(task_group(async |_tg| -> Result<(), AppError> { Ok(checkpoint().await?) })));
    assert!(matches!(result, Ok(None)));
}

#[test]
fn boxed_and_anyhow_errors_come_out_as_they_are() {
    let error = run(task_group(async |tg| -> anyio_cancel_scope::Result<()> {
        tg.start_soon(async { Err::<(), _>("a".into()) });
        tg.start_soon(async { Err::<(), _>("b".into()) });
        Ok(())
    }))
    .unwrap_err();
    let group = error.downcast::<ErrorGroup<BoxError>>().unwrap();
    assert_eq!(group.leaves().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn several_cancelled_are_one() {
    let result = run(task_group(async |tg| -> Result<(), Cancelled> {
        tg.start_soon(async { Err::<(), _>(stored()) });
        tg.start_soon(async { Err::<(), _>(stored()) });
        Ok(())
    }));
    assert_eq!(result, Err(stored()));
}

// trio#1493, USERS.md 65: the value of the body is not lost without a trace
#[test]
fn the_bodys_value_gives_way_to_an_error_only() {
    let result = run(task_group(async |tg| -> io::Result<u32> {
        tg.start_soon(fail("child"));
        Ok(1)
    }));
    assert_eq!(result.unwrap_err().to_string(), "child");
}

// anyio: tests/test_taskgroups.py::TestUncancel::test_uncancel_after_child_task_failed
#[test]
fn nothing_is_cancelled_after_a_group_that_failed() {
    run(async {
        run(task_group(async |tg| -> io::Result<()> {
            tg.start_soon(fail("x"));
            Ok(())
        }))
        .unwrap_err();
        assert!(check_cancelled().is_ok());
    });
}

async fn two_io_errors() -> io::Result<()> {
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(fail("a"));
        fail("b").await
    })
    .await
    .map(drop)
}

// G2: nesting kept
#[test]
fn the_leaves_of_groups_of_io_errors_are_found_in_groups_of_boxed_ones() {
    let error = run(task_group(async |tg| -> Result<(), BoxError> {
        tg.start_soon(async { Ok::<_, BoxError>(two_io_errors().await?) });
        Err("c".into())
    }))
    .unwrap_err();
    let group: &ErrorGroup<BoxError> = error.downcast_ref().unwrap();
    assert_eq!(group.leaves().map(ToString::to_string).collect::<Vec<_>>(), ["c", "b", "a"]);
}

#[cfg(feature = "anyhow")]
#[test]
fn the_leaves_of_groups_of_io_errors_are_found_under_a_context() {
    let error = run(task_group(async |tg| -> anyhow::Result<()> {
        tg.start_soon(async { anyhow::Ok(two_io_errors().await?) });
        tg.start_soon(async { Err::<(), _>(anyhow::Error::from(two_io_errors().await.unwrap_err()).context("part")) });
        Err(anyhow::anyhow!("c"))
    }))
    .unwrap_err();
    let group: &ErrorGroup<anyhow::Error> = error.downcast_ref().unwrap();
    assert_eq!(group.leaves().map(ToString::to_string).collect::<Vec<_>>(), ["c", "b", "a", "b", "a"]);
}

#[test]
fn the_leaves_of_groups_nested_ten_thousand_deep_are_found_on_a_small_stack() {
    let pair = |inner: Option<io::Error>| {
        run(task_group(async |tg| -> io::Result<()> {
            tg.start_soon(fail("leaf"));
            match inner {
                Some(inner) => Err(inner),
                None => fail("innermost").await,
            }
        }))
        .unwrap_err()
    };
    let mut error = pair(None);
    for _ in 1..10_000 {
        error = pair(Some(error));
    }
    let count = std::thread::scope(|threads| {
        let count = || {
            let group = error.get_ref().and_then(|group| group.downcast_ref::<ErrorGroup<io::Error>>()).unwrap();
            group.leaves().count()
        };
        std::thread::Builder::new().stack_size(64 * 1024).spawn_scoped(threads, count).unwrap().join().unwrap()
    });
    assert_eq!(count, 10_001);
    // Errors in errors are freed by nested calls, as boxes in boxes are.
    std::thread::Builder::new().stack_size(64 << 20).spawn(|| drop(error)).unwrap().join().unwrap();
}
