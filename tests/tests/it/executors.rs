//! Everything but `run` works under any executor.

use std::{
    io,
    pin::pin,
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use anyio::{
    CancelScope, Cancelled, Cause, CompletedExt, ErrorGroup, JoinError, NeverStarted, Result, TimedOut, as_completed,
    cancel_cause, check_cancelled, checkpoint, current_effective_deadline, current_task, debug, fail_after, gather,
    map_concurrent, move_on_after, move_on_at, now, ok, prelude::*, race, scope::VirtualClock, shield, sleep,
    sleep_forever, sleep_until, stopping, task::TaskState, task_group, wait_at_most, yield_now,
};
use futures::{
    channel::oneshot,
    stream::{FuturesUnordered, StreamExt},
};

use crate::common::{Count, let_others_run, under_every_executor, with_virtual_time};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

under_every_executor! {
    a_cancelled_scope_says_so_at_every_checkpoint_and_absorbs_it,
    the_scope_that_was_cancelled_absorbs_and_no_other,
    deadlines_fire_in_real_time,
    deadlines_nest_and_move,
    a_virtual_clock_moves_only_by_hand,
    a_group_runs_children_that_borrow_and_waits_for_them,
    a_failing_child_cancels_its_siblings_which_clean_up,
    several_errors_come_as_a_group_the_bodys_first,
    start_waits_until_the_child_is_ready,
    handles_join_wait_and_cancel_one_child,
    a_join_that_times_out_can_be_tried_again,
    gather_keeps_the_order,
    map_concurrent_keeps_its_limit_and_the_order,
    as_completed_gives_the_first_first_and_leaving_cancels_the_rest,
    race_gives_the_first_value_and_waits_for_the_losers,
    a_stop_ends_idle_waits_and_lets_work_finish_within_the_grace,
    a_shield_holds_cancellation_off_and_can_be_switched,
    a_shield_has_limits_of_its_own,
    a_linked_scope_is_cancelled_with_the_other,
    futures_unordered_in_a_scope_ends_with_it,
    a_limit_on_next_leaves_the_work_alone,
    another_thread_cancels,
    what_another_thread_hands_over_arrives,
    a_loop_that_is_always_ready_starves_nobody,
    a_loop_that_is_always_ready_sees_its_deadline,
    a_dropped_group_drops_its_children_at_once,
    a_panic_in_a_child_comes_out_after_the_others_have_ended,
    the_tree_shows_who_waits_where,
}

// R1, R7, R10
async fn a_cancelled_scope_says_so_at_every_checkpoint_and_absorbs_it() {
    let scope = CancelScope::new().named("request");
    let result = scope.run(async {
        checkpoint().await?;
        scope.cancel_because("enough");
        for _ in 0..3 {
            assert_eq!(checkpoint().await, Err(Cancelled::clone(&sleep(HOUR).await.unwrap_err())));
            check_cancelled().unwrap_err();
            sleep_forever().await.unwrap_err();
        }
        assert_eq!(cancel_cause(), Some(Cause::Called(Some("enough".into()))));
        sleep_forever().await
    });
    assert_eq!(result.await, Ok(None));
    assert!(scope.cancelled_caught());
    assert_eq!(checkpoint().await, Ok(()), "outside of it nothing is cancelled");
}

// R2, R7
async fn the_scope_that_was_cancelled_absorbs_and_no_other() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    let result = outer.run(async {
        let inside = inner.run(async {
            inner.cancel();
            sleep_forever().await
        });
        assert_eq!(inside.await, Ok(None));
        checkpoint().await?;

        let last = CancelScope::new();
        let inside = last.run(async {
            last.cancel();
            outer.cancel();
            sleep_forever().await
        });
        assert!(inside.await.is_err(), "the outermost visible one absorbs");
        assert!(!last.cancelled_caught());
        sleep_forever().await
    });
    assert_eq!(result.await, Ok(None));
    assert!(outer.cancelled_caught());
}

// R9
async fn deadlines_fire_in_real_time() {
    assert_eq!(move_on_after(3 * MS, sleep_forever()).await, Ok(None));
    assert_eq!(move_on_at(now() - MS, sleep_forever()).await, Ok(None));
    let late = fail_after(3 * MS, async { ok(sleep_forever().await?) }).await.unwrap_err();
    assert_eq!(late.downcast::<TimedOut>().unwrap().limit(), 3 * MS);

    let before = now();
    sleep(3 * MS).await.unwrap();
    sleep_until(before + 5 * MS).await.unwrap();
    assert!(now() - before >= 5 * MS);
}

// R9
async fn deadlines_nest_and_move() {
    with_virtual_time(async {
        let begun = now();
        let scope = CancelScope::after(HOUR);
        let result = move_on_after(
            5 * HOUR,
            scope.run(async {
                assert_eq!(current_effective_deadline(), Some(begun + HOUR));
                scope.set_deadline(Some(begun + 2 * HOUR));
                sleep(HOUR + HOUR / 2).await?;
                scope.set_deadline(None);
                assert_eq!(current_effective_deadline(), Some(begun + 5 * HOUR));
                sleep(HOUR).await?;
                sleep_forever().await
            }),
        );
        assert_eq!(result.await, Ok(None));
        assert_eq!(now() - begun, 5 * HOUR);
        assert_eq!(scope.cause(), None);
    })
    .await;
}

async fn a_virtual_clock_moves_only_by_hand() {
    let clock = VirtualClock::new();
    let slept = Count::new();
    let result = clock.run(task_group(async |tg| -> io::Result<_> {
        for hours in [3, 1, 2] {
            let slept = &slept;
            tg.start_soon(async move {
                sleep(hours * HOUR).await?;
                assert_eq!(slept.up(), hours as usize);
                Ok(())
            });
        }
        let_others_run().await;
        assert_eq!((clock.alarms(), slept.get()), (3, 0));
        clock.advance(2 * HOUR);
        let_others_run().await;
        assert_eq!((clock.alarms(), slept.get()), (1, 2));
        clock.advance(HOUR);
        Ok(())
    }));
    assert!(matches!(result.await, Ok(Some(()))));
    assert_eq!(slept.get(), 3);
}

// G1, G2
async fn a_group_runs_children_that_borrow_and_waits_for_them() {
    let names = [String::from("ada"), String::from("grace")];
    let mut lengths = Vec::new();
    let mut longest = 0;
    let result = task_group(async |tg| -> Result<_> {
        let handles: Vec<_> = names
            .iter()
            .map(|name| {
                tg.start_soon(async {
                    yield_now().await;
                    ok(name.len())
                })
            })
            .collect();
        tg.start_soon(async {
            sleep(MS).await?;
            longest = 5;
            Ok(())
        });
        for handle in handles {
            lengths.push(handle.join().await?);
        }
        Ok("body")
    })
    .await
    .unwrap();
    assert_eq!((result, lengths, longest), (Some("body"), vec![3, 5], 5));
}

// G1, G2
async fn a_failing_child_cancels_its_siblings_which_clean_up() {
    let cleaned = Count::new();
    let error = task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            tg.start_soon(async {
                let ended = sleep_forever().await;
                assert_eq!(cancel_cause(), Some(Cause::TaskFailed));
                shield(async {
                    sleep(MS).await?;
                    cleaned.up();
                    io::Result::Ok(())
                })
                .await?;
                Ok(ended?)
            });
        }
        tg.start_soon(async {
            yield_now().await;
            Err::<(), _>(io::Error::other("disk"))
        });
        Ok(sleep_forever().await?)
    })
    .await
    .unwrap_err();
    assert_eq!((error.to_string().as_str(), cleaned.get()), ("disk", 3));
}

// G2
async fn several_errors_come_as_a_group_the_bodys_first() {
    let error = task_group(async |tg| -> io::Result<()> {
        for name in ["disk", "network"] {
            tg.start_soon(async move { Err::<(), _>(io::Error::other(name)) });
        }
        Err(io::Error::other("body"))
    })
    .await
    .unwrap_err();
    let group = error.get_ref().unwrap().downcast_ref::<ErrorGroup<io::Error>>().unwrap();
    let leaves: Vec<_> = group.leaves().map(ToString::to_string).collect();
    assert_eq!(leaves, ["body", "disk", "network"]);
    assert_eq!(error.to_string(), "3 errors: body; disk; network");
}

// G5
async fn start_waits_until_the_child_is_ready() {
    task_group(async |tg| -> Result<_> {
        let (port, server) = tg
            .start(async |status| {
                sleep(MS).await?;
                status.started(80);
                ok(sleep_forever().await?)
            })
            .await?;
        assert_eq!((port, server.status()), (80, TaskState::Pending));
        server.cancel();

        let failed = tg
            .start(async |status| {
                yield_now().await;
                let _status: anyio::TaskStatus<()> = status;
                Err::<(), _>("no such port".into())
            })
            .await;
        assert_eq!(failed.unwrap_err().to_string(), "no such port");

        let silent = tg.start(async |status| drop::<anyio::TaskStatus<()>>(status)).await;
        assert!(silent.unwrap_err().is::<NeverStarted>());
        assert!(!tg.scope().cancel_called());
        Ok(())
    })
    .await
    .completed()
    .unwrap();
}

// G6
async fn handles_join_wait_and_cancel_one_child() {
    task_group(async |tg| -> Result<_> {
        let value = tg.task("value").start_soon(async {
            sleep(MS).await?;
            ok(String::from("done"))
        });
        let idle = tg.task("idle").start_soon(async { ok(sleep_forever().await?) });
        assert_eq!((value.name(), value.status()), ("value", TaskState::Pending));
        assert!(value.try_result().is_none());

        let (joined, waited, twice) = futures::join!(value.join(), value.wait(), value.wait());
        assert_eq!((joined.as_deref(), waited, twice), (Ok("done"), Ok(()), Ok(())));
        assert_eq!(value.join().await, Err(JoinError::Taken));

        idle.cancel_because("not needed");
        idle.wait().await?;
        assert_eq!((idle.status(), idle.join().await), (TaskState::Cancelled, Err(JoinError::TaskCancelled)));
        assert!(!tg.scope().cancel_called());
        Ok(())
    })
    .await
    .completed()
    .unwrap();
}

// G6: an interrupted join leaves the value in the handle.
async fn a_join_that_times_out_can_be_tried_again() {
    task_group(async |tg| -> Result<_> {
        let (go, may_go) = oneshot::channel();
        let child = tg.start_soon(async { ok(may_go.cancellable().await??) });
        let interrupted = move_on_after(MS, async { ok(child.join().await?) }).await?;
        assert_eq!(interrupted, None);
        go.send(7).unwrap();
        assert_eq!(child.join().await, Ok(7));
        Ok(())
    })
    .await
    .completed()
    .unwrap();
}

async fn gather_keeps_the_order() {
    let words = [String::from("a"), String::from("bc"), String::from("def")];
    let gathered = gather(words.iter().enumerate().map(async |(at, word)| {
        for _ in at..words.len() {
            yield_now().await;
        }
        ok(word.as_str())
    }))
    .await
    .unwrap();
    assert_eq!(gathered, ["a", "bc", "def"]);
}

async fn map_concurrent_keeps_its_limit_and_the_order() {
    let (running, most) = (Count::new(), Mutex::new(0));
    let squares = map_concurrent(0..20, 3, async |n| -> Result<_> {
        let _running = running.hold();
        {
            let mut most = most.lock().unwrap();
            *most = running.get().max(*most);
        }
        for _ in 0..n % 4 {
            yield_now().await;
        }
        ok(n * n)
    })
    .await
    .unwrap();
    assert_eq!(squares, (0..20).map(|n| n * n).collect::<Vec<_>>());
    assert_eq!(*most.lock().unwrap(), 3);
}

async fn as_completed_gives_the_first_first_and_leaving_cancels_the_rest() {
    let ended = Count::new();
    let jobs = [30, 1, 20, 10].map(|turns| {
        let ended = &ended;
        async move {
            let _ended = ended.when_dropped();
            for _ in 0..turns {
                yield_now().await;
                checkpoint().await?;
            }
            ok(turns)
        }
    });
    let two =
        as_completed(jobs, async |mut results| -> Result<_> { Ok([results.next().await?, results.next().await?]) })
            .await
            .unwrap();
    assert_eq!((two, ended.get()), ([Some(1), Some(10)], 4));
}

async fn race_gives_the_first_value_and_waits_for_the_losers() {
    let cleaned = Count::new();
    let run = async |name, wins: bool| {
        let ended = if wins {
            yield_now().await;
            Ok(())
        } else {
            sleep_forever().await
        };
        if ended.is_err() {
            shield(async {
                yield_now().await;
                cleaned.up();
            })
            .await;
        }
        ended.map(|()| name)
    };
    let winner = race([run("a", false), run("b", true), run("c", false)]).await;
    assert_eq!((winner, cleaned.get()), (Ok("b"), 2));
}

// R13
async fn a_stop_ends_idle_waits_and_lets_work_finish_within_the_grace() {
    with_virtual_time(async {
        let server = CancelScope::new();
        let (finished, interrupted) = (Count::new(), Count::new());
        let begun = now();
        let served = server.run(task_group(async |tg| -> Result<_> {
            tg.start_soon(async {
                shield(stopping()).await?;
                sleep(HOUR).await?;
                finished.up();
                ok(())
            });
            tg.start_soon(async {
                let ended = sleep_forever().await;
                assert_eq!(cancel_cause(), Some(Cause::Stopped));
                interrupted.up();
                ok(ended?)
            });
            tg.start_soon(async {
                sleep(HOUR).await?;
                server.stop(2 * HOUR);
                Ok(())
            });
            assert_eq!(sleep_forever().unless_stopping().await, None);
            assert_eq!(sleep_forever().unless_stopping().await, None, "it stays so");
            checkpoint().await?;
            Ok("accepted")
        }));
        assert!(served.await.unwrap().is_none());
        assert_eq!((finished.get(), interrupted.get()), (1, 1));
        assert_eq!((server.cause(), now() - begun), (Some(Cause::Stopped), 3 * HOUR));
    })
    .await;
}

// R8
async fn a_shield_holds_cancellation_off_and_can_be_switched() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new().shielded());
    let steps = Count::new();
    let result = outer.run(async {
        outer.cancel();
        let inside = inner.run(async {
            sleep(MS).await?;
            steps.up();
            shield(sleep(MS)).await?;
            steps.up();
            inner.set_shielded(false);
            sleep(MS).await?;
            steps.up();
            Ok::<_, Cancelled>(())
        });
        inside.await
    });
    assert_eq!(result.await, Ok(None));
    assert_eq!((steps.get(), inner.cancelled_caught()), (2, false));
}

// R8: a shield does not hide the scope's own deadline.
async fn a_shield_has_limits_of_its_own() {
    let outer = CancelScope::new();
    outer.cancel();
    let clean_up = async { shield(move_on_after(MS, sleep_forever())).await };
    assert_eq!(outer.run(clean_up).await, Ok(Some(None)));
}

// R14
async fn a_linked_scope_is_cancelled_with_the_other() {
    let pool = CancelScope::new().named("pool");
    let result = task_group(async |tg| -> Result<_> {
        for _ in 0..3 {
            let request = CancelScope::new().linked(&pool);
            tg.start_soon(async move {
                assert!(request.run(sleep_forever()).await?.is_none());
                assert_eq!(request.cause(), Some(Cause::Linked));
                ok(())
            });
        }
        let other = tg.start_soon(async { ok(sleep(3 * MS).await?) });
        let_others_run().await;
        pool.cancel();
        other.join().await?;
        Ok(())
    });
    assert!(result.await.unwrap().is_some());
}

// §2.8: wakers of FuturesUnordered are its own.
async fn futures_unordered_in_a_scope_ends_with_it() {
    let ended = Count::new();
    let scope = CancelScope::new();
    let handle = scope.clone();
    let result = scope.run(async {
        let mut waits: FuturesUnordered<_> = (0..10)
            .map(|at| {
                let (ended, handle) = (&ended, &handle);
                async move {
                    if at == 9 {
                        let_others_run().await;
                        handle.cancel();
                    }
                    let _ended = ended.when_dropped();
                    sleep_forever().await
                }
            })
            .collect();
        let mut last = Ok(());
        while let Some(result) = waits.next().await {
            last = result;
        }
        last
    });
    assert_eq!((result.await, ended.get()), (Ok(None), 10));
}

// R15
async fn a_limit_on_next_leaves_the_work_alone() {
    let scope = CancelScope::new();
    let (go, may_go) = oneshot::channel();
    let mut waits = FuturesUnordered::new();
    waits.push(may_go.in_current_scope());
    assert!(wait_at_most(MS, waits.next()).await.is_none());
    assert_eq!(
        move_on_after(MS, async { Ok(waits.next().cancellable().await?.is_some()) }).await,
        Ok::<_, Cancelled>(None)
    );
    go.send(1).unwrap();
    assert_eq!(waits.next().await, Some(Ok(1)));

    let mut bound = FuturesUnordered::new();
    bound.push(sleep_forever().in_scope(&scope));
    assert!(wait_at_most(MS, bound.next()).await.is_none());
    scope.cancel();
    assert!(bound.next().await.unwrap().is_err(), "outside of its scope it is a stray one");
    assert_eq!(checkpoint().await, Ok(()));
}

// R11
async fn another_thread_cancels() {
    for _ in 0..20 {
        let scope = CancelScope::new();
        let (waits, begun) = mpsc::channel();
        let handle = scope.clone();
        let thread = thread::spawn(move || {
            begun.recv().unwrap();
            handle.cancel_because("thread");
        });
        let result = scope.run(task_group(async |tg| -> Result<()> {
            tg.start_soon(async { ok(sleep_forever().await?) });
            tg.start_soon(async {
                waits.send(()).unwrap();
                let mut all: FuturesUnordered<_> = (0..3).map(|_| sleep_forever()).collect();
                all.next().await.unwrap()?;
                ok(())
            });
            Ok(sleep_forever().await?)
        }));
        assert!(result.await.unwrap().is_none());
        assert_eq!(scope.cause(), Some(Cause::Called(Some("thread".into()))));
        thread.join().unwrap();
    }
}

// R3
async fn what_another_thread_hands_over_arrives() {
    for _ in 0..20 {
        let (hand_over, handed) = oneshot::channel();
        let thread = thread::spawn(move || hand_over.send(7));
        assert_eq!(handed.cancellable().await, Ok(Ok(7)));
        thread.join().unwrap().unwrap();
    }
}

// R12
async fn a_loop_that_is_always_ready_starves_nobody() {
    let sibling = Count::new();
    let result = move_on_after(
        HOUR,
        task_group(async |tg| -> Result<_> {
            tg.start_soon(async {
                while sibling.get() == 0 {
                    checkpoint().await?;
                }
                ok(())
            });
            tg.start_soon(async {
                yield_now().await;
                sibling.up();
            });
            Ok(())
        }),
    );
    assert!(result.await.unwrap().is_some());
}

// R12, and tokio#2542: a limit around a loop that never waits.
async fn a_loop_that_is_always_ready_sees_its_deadline() {
    let busy = async {
        loop {
            checkpoint().await?;
        }
        #[allow(unreachable_code)]
        Ok::<(), Cancelled>(())
    };
    assert_eq!(move_on_after(2 * MS, busy).await, Ok(None));
}

// G4
async fn a_dropped_group_drops_its_children_at_once() {
    let alive = Count::new();
    {
        let mut group = pin!(task_group(async |tg| -> Result<()> {
            for _ in 0..5 {
                tg.start_soon(async {
                    let _alive = alive.hold();
                    ok(sleep_forever().await?)
                });
            }
            let _alive = alive.hold();
            Ok(sleep_forever().await?)
        }));
        assert!(wait_at_most(MS, group.as_mut()).await.is_none());
        assert_eq!(alive.get(), 6);
    }
    assert_eq!(alive.get(), 0);
}

// G3
async fn a_panic_in_a_child_comes_out_after_the_others_have_ended() {
    use futures::FutureExt;
    let cleaned = Count::new();
    let group = task_group(async |tg| -> Result<()> {
        tg.start_soon(async {
            let ended = sleep_forever().await;
            shield(async {
                yield_now().await;
                cleaned.up();
            })
            .await;
            ok(ended?)
        });
        tg.start_soon(async {
            yield_now().await;
            std::panic::panic_any(42);
        });
        Ok(sleep_forever().await?)
    });
    let panic = std::panic::AssertUnwindSafe(group).catch_unwind().await.unwrap_err();
    assert_eq!((panic.downcast_ref(), cleaned.get()), (Some(&42), 1));
}

async fn the_tree_shows_who_waits_where() {
    task_group(async |tg| -> Result<_> {
        tg.task("reader of the tree").start_soon(async {
            let name = current_task().unwrap().name().to_owned();
            assert_eq!(name, "reader of the tree");
            ok(sleep_forever().await?)
        });
        let_others_run().await;
        let tree = debug::task_tree();
        let own = tg.tasks();
        let [reader] = own.as_slice() else { panic!("there is one task: {own:?}") };
        let (verb, place) = reader.waiting().unwrap();
        assert_eq!((verb, place.file()), ("sleep_forever", file!()));
        assert!(tree.tasks().contains(reader) && tree.to_string().contains("reader of the tree"), "{tree}");
        tg.cancel();
        Ok(())
    })
    .await
    .unwrap();
}
