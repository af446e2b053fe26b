//! Cancelling a group, its tasks, and what lies around them (R1, R2, R5, R6, R8, R9, R13, R14).

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::{
    CancelExt, CancelScope, Cause, TimedOut, VirtualClock, cancel_cause, check_cancelled, checkpoint, fail_after,
    move_on_after, shield, sleep, sleep_forever, stopping, yield_now,
};
use anyio_task_group::{TaskGroup, TaskState, current_task, task_group};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};

use crate::support::{Gate, Log, Probe, err, fail, forever, run, told};

// anyio: tests/test_taskgroups.py::test_level_cancellation
// anyio: tests/test_taskgroups.py::test_cancel
#[test]
fn a_task_of_a_cancelled_group_runs_to_its_first_checkpoint() {
    let marker = AtomicUsize::new(0);
    run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            marker.store(1, Ordering::SeqCst);
            checkpoint().await?;
            marker.store(2, Ordering::SeqCst);
            io::Result::Ok(())
        });
        assert_eq!(marker.load(Ordering::SeqCst), 0);
        tg.cancel();
        Ok(())
    }))
    .unwrap();
    assert_eq!(marker.into_inner(), 1);
}

// anyio: tests/test_taskgroups.py::test_cancel_with_reason
// anyio: tests/test_taskgroups.py::test_cancel_reason
#[test]
fn the_reason_of_a_cancellation_reaches_the_tasks() {
    run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let _ = sleep_forever().await;
            assert_eq!(cancel_cause(), Some(Cause::Called(Some("test reason".into()))));
        });
        yield_now().await;
        tg.cancel_because("test reason");
        checkpoint().await.unwrap_err();
        assert_eq!(cancel_cause(), Some(Cause::Called(Some("test reason".into()))));
        Ok(())
    }))
    .unwrap();
}

// R1
#[test]
fn a_task_is_told_at_each_checkpoint() {
    run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            for _ in 0..3 {
                sleep_forever().await.unwrap_err();
            }
        });
        tg.cancel();
        Ok(())
    }))
    .unwrap();
}

// anyio: tests/test_taskgroups.py::test_cancel_scope_in_another_task
// anyio: tests/test_taskgroups.py::test_cancel_scope_in_child_task
#[test]
fn a_scope_in_a_task_is_cancelled_from_another_and_disturbs_nobody_else() {
    let scope = CancelScope::new();
    let result = run(task_group(async |tg| -> io::Result<bool> {
        let child = tg.start_soon(async { scope.run(forever()).await });
        yield_now().await;
        scope.cancel();
        assert_eq!(child.join().await?, None);
        checkpoint().await?;
        assert!(!tg.scope().cancel_called());
        Ok(true)
    }));
    assert_eq!(result.unwrap(), Some(true));
}

// anyio: tests/test_taskgroups.py::test_cancel_propagation
// anyio: tests/test_taskgroups.py::test_cancel_propagation_with_inner_spawn
// anyio: tests/test_taskgroups.py::test_cancel_cascade
#[test]
fn a_cancellation_goes_down_through_groups_in_tasks() {
    let log = Log::new();
    let result = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            task_group(async |_tg| forever().await).await?;
            log.add("went on after a group with a body");
            io::Result::Ok(())
        });
        tg.start_soon(async {
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(forever());
                Ok(())
            })
            .await?;
            log.add("went on after a group with a child");
            io::Result::Ok(())
        });
        tg.start_soon(async {
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(async {
                    task_group(async |tg| -> io::Result<()> {
                        tg.start_soon(forever());
                        forever().await
                    })
                    .await
                });
                forever().await
            })
            .await?;
            log.add("went on after a group in a group");
            io::Result::Ok(())
        });
        yield_now().await;
        tg.cancel();
        Ok(())
    }));
    assert_eq!(result.unwrap(), Some(()));
    assert!(log.all().is_empty(), "{:?}", log.all());
}

// anyio: tests/test_taskgroups.py::test_cancel_twice
#[test]
fn the_same_code_is_cancelled_twice() {
    for _ in 0..2 {
        let result = run(task_group(async |tg| -> io::Result<()> {
            let canceller = tg.clone();
            tg.start_soon(async move {
                yield_now().await;
                canceller.cancel();
            });
            forever().await
        }));
        assert!(matches!(result, Ok(None)));
    }
}

// anyio: tests/test_taskgroups.py::test_cancel_exiting_task_group
#[test]
fn a_group_that_waits_for_its_tasks_hands_a_cancellation_on_and_waits_on() {
    let gate = Gate::new();
    let log = Log::new();
    let mut outer = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(async {
                    let result = forever().await;
                    log.add("cancelled");
                    shield(gate.wait()).await;
                    log.add("clean");
                    result
                });
                Ok(())
            })
            .await
        });
        yield_now().await;
        tg.cancel();
        Ok(())
    }));
    outer.waits();
    assert_eq!(log.all(), ["cancelled"]);
    gate.open();
    assert_eq!(outer.finish().unwrap(), Some(()));
    assert_eq!(log.all(), ["cancelled", "clean"]);
}

// anyio: tests/test_taskgroups.py::test_cancelled_parent
#[test]
fn a_task_that_is_started_late_into_a_cancelled_group_is_cancelled_at_its_first_checkpoint() {
    let log = Log::new();
    let result = run(task_group(async |tg| -> io::Result<()> {
        let starter = tg.clone();
        let log = &log;
        tg.start_soon(async move {
            yield_now().await;
            starter.start_soon(async move {
                log.add("began");
                CancelScope::new().run(forever()).await?;
                fail("foo").await
            });
        });
        tg.cancel();
        Ok(())
    }));
    assert_eq!(result.unwrap(), Some(()));
    assert_eq!(log.all(), ["began"]);
}

// R6, AnyIO #642, USERS.md 63
// anyio: tests/test_taskgroups.py::test_cancel_child_task_when_host_is_shielded
#[test]
fn the_shield_of_the_host_does_not_reach_its_tasks() {
    let parent = CancelScope::new();
    let handle = parent.clone();
    let gate = Gate::new();
    let result = run(parent.run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let result = forever().await;
            gate.open();
            result
        });
        yield_now().await;
        shield(async {
            handle.cancel();
            gate.wait().await;
            assert!(check_cancelled().is_ok());
        })
        .await;
        Ok(())
    })));
    assert!(matches!(result, Ok(None)));
}

#[test]
fn a_shield_in_one_task_does_not_shield_its_siblings() {
    let gate = Gate::new();
    let log = Log::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            shield(gate.wait()).await;
            log.add("shielded");
        });
        tg.start_soon(async {
            let _ = forever().await;
            log.add("sibling");
        });
        yield_now().await;
        tg.cancel();
        Ok(())
    }));
    group.waits();
    assert_eq!(log.all(), ["sibling"]);
    gate.open();
    group.finish().unwrap();
}

// R6
#[test]
fn a_scope_around_start_soon_does_not_reach_the_task() {
    let result = run(task_group(async |tg| -> io::Result<u32> {
        let around = CancelScope::new();
        let child = around
            .run(async {
                let child = tg.start_soon(async {
                    yield_now().await;
                    check_cancelled()?;
                    io::Result::Ok(5)
                });
                around.cancel();
                io::Result::Ok(child)
            })
            .await?
            .unwrap();
        Ok(child.join().await?)
    }));
    assert_eq!(result.unwrap(), Some(5));
}

// anyio: tests/test_taskgroups.py::test_shielding
#[test]
fn a_shield_in_the_body_holds_until_it_is_left() {
    let gate = Gate::new();
    let log = Log::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let canceller = tg.clone();
        tg.start_soon(async move { canceller.cancel() });
        let inner = CancelScope::new().shielded();
        inner.enter(gate.wait()).await;
        log.add("inner");
        assert!(tg.scope().cancel_called() && !inner.cancel_called());
        forever().await?;
        log.add("outer");
        Ok(())
    }));
    group.waits();
    gate.open();
    assert!(matches!(group.finish(), Ok(None)));
    assert_eq!(log.all(), ["inner"]);
}

// anyio: tests/test_taskgroups.py::test_cancel_from_shielded_scope
#[test]
fn cancelling_the_group_from_a_shield_is_seen_outside_of_it_only() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        let group = tg.clone();
        let task = tg.start_soon(async move {
            let inner = CancelScope::new().shielded();
            inner
                .enter(async {
                    group.cancel();
                    checkpoint().await.unwrap();
                })
                .await;
            assert!(current_task().unwrap().has_pending_cancellation());
            for _ in 0..2 {
                sleep(Duration::ZERO).await.unwrap_err();
            }
        });
        // It has ended before this is polled again, so its end wins (R3).
        task.wait().await?;
        Ok(())
    }));
    assert_eq!(result.unwrap(), Some(()));
}

// anyio: tests/test_taskgroups.py::test_shielding_immediate_scope_cancelled
#[test]
fn a_shielded_scope_in_the_body_is_cancelled_by_a_task() {
    let result = run(task_group(async |tg| -> io::Result<bool> {
        let scope = CancelScope::new().shielded();
        let handle = scope.clone();
        tg.start_soon(async move {
            yield_now().await;
            handle.cancel();
        });
        Ok(scope.run(forever()).await?.is_none())
    }));
    assert_eq!(result.unwrap(), Some(true));
}

// anyio: tests/test_taskgroups.py::test_shielding_mutate
#[test]
fn a_shield_that_a_task_switches_takes_effect_at_the_next_checkpoint() {
    let gate = Gate::new();
    let completed = AtomicBool::new(false);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let ((), _task) = tg
            .start(async |status| {
                let scope = CancelScope::new();
                scope
                    .run(async {
                        yield_now().await;
                        scope.set_shielded(true);
                        status.started(());
                        gate.wait().cancellable().await?;
                        completed.store(true, Ordering::SeqCst);
                        scope.set_shielded(false);
                        forever().await?;
                        unreachable!("it is cancelled again")
                    })
                    .await
                    .map(|none: Option<()>| assert_eq!(none, None))
            })
            .await?;
        tg.cancel();
        Ok(())
    }));
    group.waits();
    gate.open();
    assert_eq!(group.finish().unwrap(), Some(()));
    assert!(completed.load(Ordering::SeqCst));
}

/// A group in a cancelled scope, whose own scope is shielded while its children begin to wait.
#[test]
fn a_shield_on_the_groups_scope_is_switched_while_tasks_wait() {
    let outer = CancelScope::new();
    outer.cancel();
    let kept = Arc::new(Mutex::new(None));
    let log = Log::new();
    let mut group = Probe::new(outer.enter(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.scope());
        tg.scope().set_shielded(true);
        for _ in 0..3 {
            tg.start_soon(async {
                let result = forever().await;
                log.add("told");
                result
            });
        }
        Ok(())
    })));
    group.waits();
    assert!(log.all().is_empty());
    let scope = kept.lock().unwrap().take().unwrap();
    std::thread::spawn(move || scope.set_shielded(false)).join().unwrap();
    assert!(group.is_woken());
    assert!(group.finish().is_err());
    assert_eq!(log.all().len(), 3);
}

/// Taken and given back between two polls of the group, by its own tasks: who began to wait in between is told too.
#[test]
fn a_shield_that_came_and_went_within_one_turn_leaves_no_task_asleep() {
    let outer = CancelScope::new();
    outer.cancel();
    let result = run(outer.enter(task_group(async |tg| -> io::Result<()> {
        let gate = Gate::new();
        // A turn of the group in which it is cancelled, so that all have been told of that.
        shield(yield_now()).await;
        let (on, off) = (tg.scope(), tg.scope());
        tg.start_soon(async move { on.set_shielded(true) });
        let waiting = tg.start_soon(forever());
        tg.start_soon(async move {
            off.set_shielded(false);
            gate.open();
        });
        shield(async {
            for _ in 0..10 {
                yield_now().await;
            }
        })
        .await;
        assert_eq!(waiting.status(), TaskState::Cancelled);
        Ok(())
    })));
    assert!(result.is_err());
}

// anyio: tests/test_taskgroups.py::test_shielded_cleanup_after_cancel
#[test]
fn tasks_clean_up_behind_shields_with_awaits() {
    let clock = VirtualClock::new();
    let log = Log::new();
    let mut group = Probe::new(clock.run(task_group(async |tg| -> io::Result<()> {
        for _ in 0..2 {
            tg.start_soon(async {
                let result = forever().await;
                shield(sleep(Duration::from_secs(1))).await.unwrap();
                assert!(check_cancelled().is_err());
                log.add("clean");
                result
            });
        }
        yield_now().await;
        fail("why").await
    })));
    group.waits();
    clock.advance(Duration::from_secs(1));
    assert_eq!(group.finish().unwrap_err().to_string(), "why");
    assert_eq!(log.all().len(), 2);
}

// AnyIO #695, #1111, USERS.md 63
// anyio: tests/test_taskgroups.py::test_cancel_with_nested_task_groups
// anyio: tests/test_taskgroups.py::test_shielded_cancel_sleep_time
// anyio: tests/test_taskgroups.py::test_no_spin_on_done_task_in_cancel_scope
#[test]
fn a_cancelled_group_that_waits_for_a_shield_does_not_spin() {
    let gate = Gate::new();
    let polls = AtomicUsize::new(0);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(async {
                    let wait = gate.wait();
                    let mut wait = std::pin::pin!(wait);
                    shield(std::future::poll_fn(|cx| {
                        polls.fetch_add(1, Ordering::SeqCst);
                        wait.as_mut().poll(cx)
                    }))
                    .await;
                });
                Ok(())
            })
            .await
        });
        yield_now().await;
        tg.cancel();
        Ok(())
    }));
    group.waits();
    assert!(!group.is_woken());
    assert!(polls.load(Ordering::SeqCst) < 4, "{polls:?}");
    gate.open();
    group.finish().unwrap();
}

// anyio: tests/test_taskgroups.py::test_timeout_error_with_multiple_cancellations
#[test]
fn a_timeout_around_a_group_with_tasks_is_a_timeout() {
    let clock = VirtualClock::new();
    let mut limited = Probe::new(clock.run(fail_after(
        Duration::from_secs(1),
        task_group(async |tg| -> io::Result<()> {
            tg.start_soon(forever());
            forever().await
        }),
    )));
    limited.waits();
    clock.advance(Duration::from_secs(1));
    let error = limited.finish().unwrap_err();
    assert!(error.get_ref().unwrap().is::<TimedOut>(), "{error}");
}

// anyio: tests/test_taskgroups.py::test_fail_after_after_cancellation
#[test]
fn a_timeout_works_after_a_group_that_was_cancelled() {
    let clock = VirtualClock::new();
    let mut all = Probe::new(clock.run(async {
        let none = task_group(async |tg| -> io::Result<()> {
            tg.cancel();
            forever().await
        })
        .await?;
        assert_eq!(none, None);
        fail_after(Duration::from_secs(1), forever()).await
    }));
    all.waits();
    clock.advance(Duration::from_secs(1));
    assert_eq!(all.finish().unwrap_err().kind(), io::ErrorKind::TimedOut);
}

// anyio: tests/test_taskgroups.py::test_nested_fail_after
#[test]
fn a_scope_around_a_timeout_is_cancelled_by_a_task() {
    let result = run(task_group(async |tg| -> io::Result<bool> {
        let scope = CancelScope::new();
        let killer = scope.clone();
        let ended = scope
            .run(async {
                CancelScope::new()
                    .run::<(), io::Error, _>(async {
                        tg.start_soon(async move {
                            yield_now().await;
                            killer.cancel();
                        });
                        fail_after(Duration::from_secs(3600), forever()).await?;
                        unreachable!("the scope around is cancelled")
                    })
                    .await
                    .map(|_: Option<()>| unreachable!("the inner scope absorbs nothing"))
            })
            .await?;
        Ok(ended.is_none() && scope.cancel_called())
    }));
    assert_eq!(result.unwrap(), Some(true));
}

// anyio: tests/test_taskgroups.py::test_nested_shield
#[test]
fn a_timeout_in_a_shield_comes_out_of_a_group_as_a_timeout() {
    let clock = VirtualClock::new();
    let mut group = Probe::new(clock.run(task_group(async |tg| -> io::Result<()> {
        let scope = CancelScope::new();
        let killer = scope.clone();
        tg.start_soon(async move { killer.cancel() });
        scope.run(shield(fail_after(Duration::from_secs(1), forever()))).await?;
        Ok(())
    })));
    group.waits();
    clock.advance(Duration::from_secs(1));
    assert_eq!(group.finish().unwrap_err().kind(), io::ErrorKind::TimedOut);
}

// anyio: tests/test_taskgroups.py::test_triple_nested_shield_checkpoint_in_outer
// anyio: tests/test_taskgroups.py::test_triple_nested_shield_checkpoint_in_middle
#[test]
fn scopes_in_a_task_are_seen_again_after_a_shield() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        for in_middle in [true, false] {
            tg.start_soon(async move {
                let (first, second) = (CancelScope::new(), CancelScope::new());
                let none = first
                    .run::<(), io::Error, _>(async {
                        second
                            .run(async {
                                shield(async {
                                    first.cancel();
                                    if !in_middle {
                                        second.cancel();
                                    }
                                    checkpoint().await
                                })
                                .await?;
                                if in_middle {
                                    checkpoint().await?;
                                    unreachable!("the outer scope is cancelled");
                                }
                                io::Result::Ok(())
                            })
                            .await?;
                        checkpoint().await?;
                        unreachable!("the outer scope is cancelled")
                    })
                    .await?;
                assert_eq!(none, None::<()>);
                io::Result::Ok(())
            });
        }
        Ok(())
    }));
    assert_eq!(result.unwrap(), Some(()));
}

// R9
#[test]
fn a_deadline_on_the_groups_scope_ends_body_and_tasks() {
    let clock = VirtualClock::new();
    let mut group = Probe::new(clock.run(task_group(async |tg| -> io::Result<()> {
        tg.scope().set_deadline(Some(anyio_cancel_scope::now() + Duration::from_secs(5)));
        tg.start_soon(async {
            let result = forever().await;
            assert_eq!(cancel_cause(), Some(Cause::Deadline));
            result
        });
        forever().await
    })));
    group.waits();
    clock.advance(Duration::from_secs(4));
    group.waits();
    clock.advance(Duration::from_secs(1));
    assert!(matches!(group.finish(), Ok(None)));
    assert_eq!(clock.alarms(), 0);
}

#[test]
fn a_deadline_that_is_set_from_elsewhere_while_the_group_sleeps_ends_it() {
    let clock = VirtualClock::new();
    let kept = Mutex::new(None);
    let mut group = Probe::new(clock.run(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.scope());
        tg.start_soon(forever());
        Ok(())
    })));
    group.waits();
    let scope = kept.lock().unwrap().take().unwrap();
    scope.set_deadline(Some(anyio_cancel_scope::Clock::now(&clock) + Duration::from_secs(1)));
    group.waits();
    clock.advance(Duration::from_secs(1));
    assert_eq!(group.finish().unwrap(), Some(()));
}

// R13
#[test]
fn a_stop_of_the_groups_scope_is_seen_by_tasks_behind_shields_and_is_no_cancellation() {
    let clock = VirtualClock::new();
    let kept = Mutex::new(None);
    let log = Log::new();
    let mut group = Probe::new(clock.run(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.scope());
        tg.start_soon(async {
            shield(async {
                stopping().await.unwrap();
                log.add("shielded");
            })
            .await;
        });
        tg.start_soon(async {
            assert!(sleep_forever().unless_stopping().await.is_none());
            checkpoint().await.unwrap();
            log.add("idle");
        });
        tg.start_soon(async {
            let result = forever().await;
            assert_eq!(cancel_cause(), Some(Cause::Stopped));
            result
        });
        Ok(())
    })));
    group.waits();
    let scope = kept.lock().unwrap().take().unwrap();
    std::thread::spawn(move || scope.stop(Duration::from_secs(1))).join().unwrap();
    group.waits();
    assert_eq!(log.all(), ["shielded", "idle"]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(group.finish().unwrap(), Some(()));
}

#[test]
fn a_stop_further_out_reaches_the_tasks_of_a_shielded_group() {
    let outer = CancelScope::new();
    let log = Log::new();
    let mut group = Probe::new(outer.enter(shield(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            stopping().await.unwrap();
            log.add("stopping");
        });
        Ok(())
    }))));
    group.waits();
    outer.stop(Duration::from_secs(3600));
    group.finish().unwrap();
    assert_eq!(log.all(), ["stopping"]);
}

// R14
#[test]
fn a_scope_that_is_linked_to_the_groups_ends_with_it() {
    let kept = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.scope());
        forever().await
    }));
    group.waits();
    let scope = kept.lock().unwrap().take().unwrap();
    let linked = CancelScope::new().linked(&scope);
    let mut elsewhere = Probe::new(linked.run(forever()));
    elsewhere.waits();
    scope.cancel();
    assert!(matches!(elsewhere.finish(), Ok(None)));
    assert_eq!(linked.cause(), Some(Cause::Linked));
    assert!(matches!(group.finish(), Ok(None)));
}

#[test]
fn a_scope_that_is_linked_to_the_groups_ends_when_an_ancestor_is_cancelled() {
    let outer = CancelScope::new();
    let linked = CancelScope::new();
    let mut group = Probe::new(outer.run(task_group(async |tg| -> io::Result<()> {
        let _linked = linked.clone().linked(&tg.scope());
        forever().await
    })));
    group.waits();
    let mut elsewhere = Probe::new(linked.run(forever()));
    elsewhere.waits();
    outer.cancel();
    assert!(matches!(elsewhere.finish(), Ok(None)));
    assert!(matches!(group.finish(), Ok(None)));
}

// R11
#[test]
fn a_group_is_cancelled_from_another_thread() {
    let kept = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.scope());
        for _ in 0..10 {
            tg.start_soon(forever());
        }
        forever().await
    }));
    group.waits();
    let scope = kept.lock().unwrap().take().unwrap();
    std::thread::spawn(move || scope.cancel()).join().unwrap();
    assert!(matches!(group.finish(), Ok(None)));
}

#[test]
fn waits_inside_sub_executors_of_a_task_are_told() {
    let outer = CancelScope::new();
    let handle = outer.clone();
    let mut group = Probe::new(outer.run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let mut all: FuturesUnordered<_> = (0..3).map(|_| forever().boxed()).collect();
            all.push(task_group(async |_tg| forever().await).map(|result| result.map(|_| ())).boxed());
            while let Some(result) = all.next().await {
                result.unwrap_err();
            }
        });
        Ok(())
    })));
    group.waits();
    handle.cancel();
    assert_eq!(group.finish().unwrap(), Some(Some(())));
}

/// Only the task is around the wait: no scope that somebody made.
#[test]
fn a_wait_inside_a_sub_executor_of_a_task_is_told_when_that_task_is_cancelled() {
    let kept = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.start_soon(async {
            let mut all: FuturesUnordered<_> = (0..3).map(|_| forever().boxed()).collect();
            while let Some(result) = all.next().await {
                result.unwrap_err();
            }
        }));
        Ok(())
    }));
    group.waits();
    kept.lock().unwrap().as_ref().unwrap().cancel();
    assert_eq!(group.finish().unwrap(), Some(()));
}

#[test]
#[expect(clippy::async_yields_async, reason = "the group is to leave the scope in which it was made")]
fn a_group_that_is_first_polled_in_another_scope_than_it_was_made_in_belongs_where_it_is_polled() {
    let scope = CancelScope::new();
    scope.cancel();
    let made = run(CancelScope::new().enter(async { task_group(async |_tg| forever().await) }));
    assert!(matches!(run(scope.run(made)), Ok(None)));
}

// R5, R8
#[test]
fn a_task_started_behind_a_groups_shield_is_told_when_it_comes_off() {
    let outer = CancelScope::new();
    let result = run(outer.clone().run(task_group(async |tg| -> io::Result<()> {
        let inner = CancelScope::new().shielded();
        inner
            .run(async {
                task_group(async |tg: TaskGroup<'_, io::Error>| -> io::Result<()> {
                    tg.start_soon(forever());
                    yield_now().await;
                    outer.cancel();
                    yield_now().await;
                    check_cancelled()?;
                    inner.set_shielded(false);
                    forever().await
                })
                .await
            })
            .await?;
        drop(tg);
        Ok(())
    })));
    assert!(matches!(result, Ok(None)));
}

// USERS.md 68: `Err(Cancelled)` that was swallowed comes again
#[test]
fn a_swallowed_cancellation_comes_again_at_the_next_checkpoint() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let mut turns = 0;
            while checkpoint().await.is_ok() || turns < 3 {
                turns += 1;
            }
        });
        tg.cancel();
        let _ = forever().await;
        let _ = forever().await;
        forever().await
    }));
    assert!(matches!(result, Ok(None)));
}

// anyio: tests/test_taskgroups.py::test_move_on_after
#[test]
fn a_group_under_move_on_after_gives_none() {
    let clock = VirtualClock::new();
    let mut limited = Probe::new(clock.run(move_on_after(
        Duration::from_secs(1),
        task_group(async |tg| -> io::Result<()> {
            for _ in 0..1000 {
                tg.start_soon(forever());
            }
            Ok(())
        }),
    )));
    limited.waits();
    clock.advance(Duration::from_secs(1));
    assert!(matches!(limited.finish(), Ok(None)));
}

#[test]
fn one_error_and_a_cancellation_of_the_group_give_the_error() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(forever());
        tg.cancel();
        Err(err("real"))
    }));
    assert_eq!(told(&result.unwrap_err()), "real");
}
