//! Handles (G6, R3, R5).

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use anyio_cancel_scope::{CancelError, CancelScope, Cause, cancel_cause, checkpoint, shield, sleep_forever, yield_now};
use anyio_task_group::{JoinError, TaskGroup, TaskHandle, TaskState, task_group};

use crate::support::{Count, Gate, Log, Probe, fail, forever, run, told};

// anyio: tests/test_taskgroups.py::TestCreateTask::test_return_value
#[test]
fn join_takes_the_value() {
    let kept = Mutex::new(None);
    run(task_group(async |tg| -> io::Result<()> {
        let (x, y) = (2, 4);
        let task = tg.start_soon(async move { io::Result::Ok(x + y) });
        assert_eq!(task.try_result(), None);
        assert_eq!(task.status(), TaskState::Pending);
        assert_eq!(task.join().await?, 6);
        assert_eq!(task.status(), TaskState::Finished);
        *kept.lock().unwrap() = Some(task);
        Ok(())
    }))
    .unwrap();
    let task = kept.into_inner().unwrap().unwrap();
    assert_eq!(task.try_result(), Some(Err(JoinError::Taken)));
}

// R4: what does not wait does not look at cancellation
#[test]
fn try_result_gives_the_value_in_a_cancelled_scope() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async { io::Result::Ok(1) });
        yield_now().await;
        tg.cancel();
        assert!(checkpoint().await.is_err());
        assert_eq!(task.try_result(), Some(Ok(1)));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_task_is_joined_after_its_group_returned() {
    let (first, second) = run(task_group(async |tg| -> io::Result<_> {
        Ok((tg.start_soon(async { io::Result::Ok(1) }), tg.start_soon(async { io::Result::Ok(2) })))
    }))
    .unwrap()
    .unwrap();
    assert_eq!(run(first.join()), Ok(1));
    assert_eq!(second.try_result(), Some(Ok(2)));
    run(second.wait()).unwrap();
}

// anyio: tests/test_taskgroups.py::TestCreateTask::test_exception
// anyio: tests/test_taskgroups.py::TestCreateTask::test_base_exception
#[test]
fn a_failure_goes_to_the_group_once_and_the_handle_tells_of_it() {
    let kept = Mutex::new(None);
    let error = run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(fail("dummy error"));
        assert_eq!(task.try_result(), None);
        // R3: the joiner sees that before the cancellation which follows from it.
        assert_eq!(task.join().await, Err(JoinError::TaskFailed));
        assert_eq!(task.status(), TaskState::Failed);
        assert!(checkpoint().await.is_err());
        assert_eq!(cancel_cause(), Some(Cause::TaskFailed));
        *kept.lock().unwrap() = Some(task);
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(error.to_string(), "dummy error");
    assert_eq!(kept.into_inner().unwrap().unwrap().try_result(), Some(Err(JoinError::TaskFailed)));
}

// anyio: tests/test_taskgroups.py::TestCreateTask::test_wait
#[test]
fn wait_returns_however_the_task_ended() {
    let kept = Mutex::new(None);
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(fail("dummy error"));
        task.wait().await?;
        assert_eq!(task.status(), TaskState::Failed);
        *kept.lock().unwrap() = Some(task);
        Ok(())
    }))
    .unwrap_err();
    run(kept.into_inner().unwrap().unwrap().wait()).unwrap();
}

// R5
// anyio: tests/test_taskgroups.py::TestCreateTask::test_cancel
#[test]
fn a_task_that_its_handle_cancels_runs_to_its_first_checkpoint_and_disturbs_nobody() {
    for wait_until_running in [true, false] {
        let log = Log::new();
        let result = run(task_group(async |tg| -> io::Result<u32> {
            let sibling = tg.start_soon(async {
                for _ in 0..5 {
                    yield_now().await;
                    checkpoint().await?;
                }
                io::Result::Ok(1)
            });
            let task = tg.start_soon(async {
                log.add("began");
                forever().await?;
                log.add("went on");
                io::Result::Ok(())
            });
            if wait_until_running {
                yield_now().await;
            }
            task.cancel();
            assert_eq!(task.status(), TaskState::Cancelling);
            assert_eq!(task.try_result(), None);
            assert_eq!(task.join().await, Err(JoinError::TaskCancelled));
            assert_eq!(task.status(), TaskState::Cancelled);
            assert_eq!(task.try_result(), Some(Err(JoinError::TaskCancelled)));
            checkpoint().await?;
            Ok(sibling.join().await?)
        }));
        assert_eq!(result.unwrap(), Some(1));
        assert_eq!(log.all(), ["began"]);
    }
}

#[test]
fn the_reason_given_to_the_handle_is_seen_in_the_task() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async {
            let _ = forever().await;
            io::Result::Ok(cancel_cause())
        });
        task.cancel_because("superseded");
        assert_eq!(task.join().await?, Some(Cause::Called(Some("superseded".into()))));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_task_that_completes_although_it_was_cancelled_is_finished() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async {
            let _ = forever().await;
            io::Result::Ok(5)
        });
        task.cancel();
        assert_eq!(task.join().await, Ok(5));
        assert_eq!(task.status(), TaskState::Finished);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_task_that_fails_in_its_clean_up_after_it_was_cancelled_fails_the_group() {
    let error = run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async {
            let _ = forever().await;
            fail("clean-up").await
        });
        task.cancel();
        assert_eq!(task.join().await, Err(JoinError::TaskFailed));
        forever().await
    }))
    .unwrap_err();
    assert_eq!(error.to_string(), "clean-up");
}

#[test]
fn the_status_of_a_task_is_cancelling_when_its_group_or_an_ancestor_is_cancelled() {
    let outer = CancelScope::new();
    let handle = outer.clone();
    let gate = Gate::new();
    let kept = Mutex::new(None);
    let mut group = Probe::new(outer.run(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some((tg.scope(), tg.start_soon(shield(gate.wait()))));
        Ok(())
    })));
    group.waits();
    let (scope, task) = kept.lock().unwrap().take().unwrap();
    assert_eq!(task.status(), TaskState::Pending);
    handle.cancel();
    assert_eq!(task.status(), TaskState::Cancelling);
    scope.set_shielded(true);
    assert_eq!(task.status(), TaskState::Pending);
    scope.cancel();
    assert_eq!(task.status(), TaskState::Cancelling);
    group.waits();
    gate.open();
    assert!(matches!(group.finish(), Ok(Some(Some(())))));
    assert_eq!(task.status(), TaskState::Finished);
}

#[test]
fn cancelling_a_task_that_has_ended_does_nothing() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async { io::Result::Ok(1) });
        task.wait().await?;
        task.cancel();
        assert_eq!((task.status(), task.join().await?), (TaskState::Finished, 1));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn any_number_of_waits_are_woken_by_the_end() {
    let gate = Gate::new();
    let kept = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let wait = gate.wait();
        *kept.lock().unwrap() = Some(tg.start_soon(async move {
            wait.await;
            io::Result::Ok(String::from("value"))
        }));
        Ok(())
    }));
    group.waits();
    let task = kept.lock().unwrap().take().unwrap();
    let mut waits: Vec<_> = (0..100).map(|_| Probe::new(task.wait())).collect();
    let mut joins: Vec<_> = (0..3).map(|_| Probe::new(task.join())).collect();
    waits.iter_mut().for_each(Probe::waits);
    joins.iter_mut().for_each(Probe::waits);
    waits[7].change_waker();
    assert!(waits[7].poll().is_pending());
    waits[8].drop_future();
    joins[0].drop_future();
    gate.open();
    group.finish().unwrap();
    for wait in waits.iter_mut().enumerate().filter(|(at, _)| *at != 8).map(|(_, wait)| wait) {
        wait.finish().unwrap();
    }
    assert_eq!(joins[1].finish().as_deref(), Ok("value"));
    assert_eq!(joins[2].finish(), Err(JoinError::Taken));
}

#[test]
fn an_interrupted_join_leaves_the_value_in_the_handle() {
    let gate = Gate::new();
    let result = run(task_group(async |tg| -> io::Result<u32> {
        let task = tg.start_soon(async {
            gate.wait().await;
            io::Result::Ok(9)
        });
        let scope = CancelScope::new();
        let (interrupted, ()) = futures::join!(scope.enter(task.join()), async {
            yield_now().await;
            scope.cancel();
        });
        let error = interrupted.unwrap_err();
        assert!(matches!(error, JoinError::Interrupted(_)) && error.is_cancelled());
        assert!(io::Error::from(error).is_cancelled());
        gate.open();
        Ok(task.join().await?)
    }));
    assert_eq!(result.unwrap(), Some(9));
}

#[test]
fn a_dropped_join_leaves_the_value_in_the_handle() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async { io::Result::Ok(9) });
        assert!(futures_lite::future::poll_once(task.join()).await.is_none());
        yield_now().await;
        let ended = task.join();
        drop(ended);
        assert_eq!(task.join().await?, 9);
        Ok(())
    }))
    .unwrap();
}

// R4
#[test]
fn a_dropped_wait_leaves_no_waker() {
    let gate = Gate::new();
    let mut kept = None;
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(gate.wait());
        let count = Arc::<Count>::default();
        let waker = Waker::from(count.clone());
        let before = Arc::strong_count(&count);
        {
            let (mut wait, mut join) = (pin!(task.wait()), pin!(task.join()));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            assert!(join.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            assert!(Arc::strong_count(&count) > before);
        }
        assert_eq!(Arc::strong_count(&count), before);
        kept = Some(task);
        Ok(())
    }));
    group.waits();
    gate.open();
    group.finish().unwrap();
    drop(group);
    assert_eq!(kept.unwrap().status(), TaskState::Finished);
}

// R6
#[test]
fn a_wait_kept_from_a_task_that_ended_is_woken_to_find_where_it_belongs() {
    let count = Arc::<Count>::default();
    let waker = Waker::from(count.clone());
    let mut held = Box::pin(sleep_forever());
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(poll_fn(|_| {
            assert!(held.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            Poll::Ready(())
        }));
        task.wait().await?;
        assert_eq!(count.get(), 1);
        Ok(())
    }))
    .unwrap();
    let outer = CancelScope::new();
    outer.cancel();
    assert!(run(outer.enter(held)).is_err());
}

#[test]
fn join_and_wait_are_checkpoints_on_entry() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async { io::Result::Ok(9) });
        task.wait().await?;
        let scope = CancelScope::new();
        scope.cancel();
        assert!(scope.enter(async { (task.wait().await, task.join().await) }).await.1.unwrap_err().is_cancelled());
        assert_eq!(task.join().await?, 9);
        Ok(())
    }))
    .unwrap();
}

// R3
#[test]
fn a_value_that_is_there_wins_over_a_cancellation_of_the_joiner() {
    let gate = Gate::new();
    let kept = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let wait = gate.wait();
        *kept.lock().unwrap() = Some(tg.start_soon(async move {
            wait.await;
            io::Result::Ok(3)
        }));
        Ok(())
    }));
    group.waits();
    let task = kept.lock().unwrap().take().unwrap();
    let scope = CancelScope::new();
    let mut join = Probe::new(scope.enter(task.join()));
    join.waits();
    gate.open();
    group.finish().unwrap();
    scope.cancel();
    assert_eq!(join.finish(), Ok(3));
}

// Only "you were cancelled" is a cancellation.
#[test]
fn the_end_of_another_task_is_no_cancellation_of_ones_own() {
    for error in [JoinError::TaskCancelled, JoinError::TaskFailed, JoinError::TaskPanicked, JoinError::Taken] {
        assert!(!error.is_cancelled());
        assert!(!io::Error::from(error).is_cancelled());
    }
    let error = run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(forever());
        task.cancel();
        tg.cancel();
        shield(task.join()).await?;
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(error.to_string(), "the task was cancelled");
}

#[test]
fn a_handle_tells_who_the_task_is() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.task("reader").start_soon(forever());
        let other = tg.start_soon(async {});
        assert_ne!(task.id(), other.id());
        assert_eq!(task.name(), "reader");
        let shown = format!("{task:?}");
        assert!(shown.contains("reader") && shown.contains("Pending"), "{shown}");
        assert!(format!("{:?} {:?}", task.join(), task.wait()).contains("Join"));
        tg.cancel();
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_handle_works_from_another_thread() {
    let gate = Gate::new();
    let (put, get) = std::sync::mpsc::channel();
    let wait = gate.wait();
    let thread = std::thread::spawn(move || {
        let task: TaskHandle<u32> = get.recv().unwrap();
        assert_eq!(task.status(), TaskState::Pending);
        gate.open();
        futures_lite::future::block_on(task.join()).unwrap()
    });
    futures_lite::future::block_on(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async {
            wait.await;
            io::Result::Ok(6)
        });
        put.send(task).unwrap();
        Ok(())
    }))
    .unwrap();
    assert_eq!(thread.join().unwrap(), 6);
}

#[test]
fn a_dropped_handle_detaches_nothing_and_cancels_nothing() {
    let log = Log::new();
    run(task_group(async |tg| -> io::Result<()> {
        drop(tg.start_soon(async {
            yield_now().await;
            checkpoint().await?;
            log.add("ended");
            io::Result::Ok(())
        }));
        Ok(())
    }))
    .unwrap();
    assert_eq!(log.all(), ["ended"]);
}

/// Two tasks, one of which waits for the other, in a group that `end` ends; in both orders of polling.
fn waiting_for_each_other(
    end: impl AsyncFn(&TaskGroup<'_, io::Error>) -> io::Result<()>,
) -> Vec<io::Result<Option<()>>> {
    let one = async |joiner_first: bool| {
        task_group(async |tg| -> io::Result<()> {
            let wait_for = |task: TaskHandle<()>| async move { Ok::<_, io::Error>(task.join().await?) };
            if joiner_first {
                let (put, get) = futures::channel::oneshot::channel();
                tg.start_soon(async move { wait_for(get.await.unwrap()).await });
                assert!(put.send(tg.start_soon(forever())).is_ok());
            } else {
                let idle = tg.start_soon(forever());
                tg.start_soon(wait_for(idle));
            }
            yield_now().await;
            end(&tg).await
        })
        .await
    };
    [true, false].map(|joiner_first| run(one(joiner_first))).into()
}

#[test]
fn a_task_that_waits_for_its_sibling_is_interrupted_with_the_group() {
    for result in waiting_for_each_other(async |_tg| fail("third").await) {
        assert_eq!(told(&result.unwrap_err()), "third");
    }
}

#[test]
fn a_group_that_is_cancelled_does_not_fail_because_one_task_waits_for_another() {
    for result in waiting_for_each_other(async |tg| {
        tg.cancel();
        Ok(())
    }) {
        assert_eq!(result.unwrap(), Some(()));
    }
}
