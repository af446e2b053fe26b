//! What users of async Rust ask for or complain about, told again with the facade.
//!
//! The numbers are those of the project's list of stories; each has the thread where it was seen.

use std::{
    io,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use anyio::{
    BoxError, CancelScope, Cancelled, Cause, CompletedExt, JoinError, Result, TaskHandle, as_completed, cancel_cause,
    checkpoint, fail_after, gather, map_concurrent, move_on_after, now, ok, prelude::*, run, shield, sleep,
    sleep_forever, stopping, task::TaskState, task_group, wait_at_most, yield_now,
};
use futures::{FutureExt, channel::mpsc, channel::oneshot, stream::StreamExt};

use crate::common::{Count, ends, let_others_run, with_virtual_time, words};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Runs a story in virtual time, and fails if it hangs.
#[track_caller]
fn story<F: Future>(story: impl FnOnce() -> F + Send + 'static) {
    ends(move || {
        run(with_virtual_time(story()));
    });
}

// 19, 20: tokio#6450, async-lock#91, Oxide RFD 609. A future that nobody polls holds its place in the line of a lock, and
// whoever waits behind it waits for ever. Here work is a child, and goes on while others wait.
#[test]
fn a_waiter_in_line_is_never_left_unpolled() {
    story(|| async {
        let lock = tokio::sync::Mutex::new(0);
        task_group(async |tg| -> Result<_> {
            let holder = tg.start_soon(async {
                let mut held = lock.lock().cancellable().await?;
                sleep(HOUR).await?;
                *held += 1;
                ok(())
            });
            yield_now().await;
            // It is second in line, behind the holder. A `select!` would stop polling it when the minute is over.
            let second = tg.start_soon(async {
                *lock.lock().cancellable().await? += 1;
                ok(())
            });
            assert!(wait_at_most(MINUTE, second.wait()).await.is_none());
            // Third in line: the second one gets the lock, and gives it back, although only this is awaited.
            *lock.lock().cancellable().await? += 1;
            assert_eq!((holder.status(), second.status()), (TaskState::Finished, TaskState::Finished));
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(lock.into_inner(), 3);
    });
}

// 20: a limit whose time is over drops its future at once, and with it the place in the line.
#[test]
fn a_wait_that_is_given_up_leaves_the_line() {
    story(|| async {
        let lock = tokio::sync::Mutex::new(());
        let held = lock.lock().await;
        let late = move_on_after(MINUTE, lock.lock().cancellable());
        assert!(late.await.unwrap().is_none());
        drop(held);
        let free = move_on_after(MINUTE, lock.lock().cancellable());
        assert!(free.await.unwrap().is_some());
    });
}

// 21: futures-rs#2387, #2961. `buffered` polls nothing while the body of the loop works; connections time out, or the
// body waits for what only the others can do.
#[test]
fn the_others_go_on_while_the_body_works() {
    story(|| async {
        let (go, gone) = oneshot::channel();
        let steps = Count::new();
        let jobs: Vec<_> = vec![
            async { ok("first") }.boxed(),
            async {
                for _ in 0..50 {
                    sleep(MINUTE).await?;
                    steps.up();
                }
                go.send(()).unwrap();
                ok("second")
            }
            .boxed(),
        ];
        let mut gone = Some(gone);
        let order = as_completed(jobs, async |mut results| -> Result<_> {
            let mut order = Vec::new();
            while let Some(name) = results.next().await? {
                if let Some(gone) = gone.take() {
                    gone.cancellable().await??;
                }
                order.push(name);
            }
            Ok(order)
        });
        assert_eq!((order.await.unwrap(), steps.get()), (vec!["first", "second"], 50));
    });
}

// 22: tokio#2542, #4291. A loop of operations that are always ready, inside a limit.
#[test]
fn a_limit_fires_in_a_loop_that_is_always_ready() {
    ends(|| {
        run(async {
            let (send, mut receive) = mpsc::unbounded();
            let busy = async {
                loop {
                    send.unbounded_send(()).unwrap();
                    receive.next().cancellable().await?;
                }
                #[expect(unreachable_code, reason = "it tells the type")]
                Ok::<(), Cancelled>(())
            };
            assert_eq!(move_on_after(Duration::from_millis(2), busy).await, Ok(None));
        });
    });
}

// 24: octos#1508, chroma#5123 and others: the caller gets its timeout, the children run on.
#[test]
fn a_timeout_ends_the_children_and_theirs() {
    story(|| async {
        let (alive, cleaned) = (Count::new(), Count::new());
        let worker = async || {
            let _alive = alive.hold();
            let ended = sleep_forever().await;
            shield(async {
                sleep(MINUTE).await?;
                cleaned.up();
                ok(())
            })
            .await?;
            ok(ended?)
        };
        let began = now();
        let error = fail_after(HOUR, async {
            task_group(async |tg| -> Result<()> {
                tg.start_soon(worker());
                tg.start_soon(async {
                    let below = gather([worker(), worker()]).await;
                    assert_eq!(cancel_cause(), Some(Cause::Deadline));
                    below
                });
                Ok(())
            })
            .await
            .completed()
        });
        let error = error.await.unwrap_err();
        assert!(error.is::<anyio::TimedOut>(), "{error}");
        assert_eq!((alive.get(), cleaned.get()), (0, 3));
        assert_eq!(now() - began, HOUR + MINUTE, "it returns when they have ended, not before");
    });
}

// 27: tokio#6547. A `JoinSet` takes `&mut` for both.
#[test]
fn one_task_spawns_and_another_joins() {
    story(|| async {
        let (hand_over, mut handed) = mpsc::channel::<TaskHandle<u32>>(2);
        let sum = task_group(async |tg| -> Result<u32> {
            let spawner = tg.clone();
            tg.start_soon(async move {
                let mut hand_over = hand_over;
                for n in 0..10 {
                    sleep(MINUTE).await?;
                    let handle = spawner.start_soon(async move {
                        sleep(HOUR).await?;
                        ok(n)
                    });
                    futures::SinkExt::send(&mut hand_over, handle).cancellable().await??;
                }
                ok(())
            });
            let joiner = tg.start_soon(async move {
                let mut sum = 0;
                while let Some(handle) = handed.next().cancellable().await? {
                    sum += handle.join().await?;
                }
                ok(sum)
            });
            Ok(joiner.join().await?)
        });
        assert_eq!(sum.await.unwrap(), Some(45));
    });
}

// 28: tokio#6664, #5609, svix/diom#730: `join_all` panics if any task was aborted.
#[test]
fn joining_all_tells_of_each_what_became_of_it() {
    story(|| async {
        task_group(async |tg| -> Result<_> {
            let handles: Vec<_> = (0..3)
                .map(|n| {
                    tg.start_soon(async move {
                        sleep(n * MINUTE).await?;
                        ok(n)
                    })
                })
                .collect();
            handles[1].cancel();
            let joined = futures::future::join_all(handles.iter().map(TaskHandle::join)).await;
            assert_eq!(joined, [Ok(0), Err(JoinError::TaskCancelled), Ok(2)]);
            let ended = [TaskState::Finished, TaskState::Cancelled, TaskState::Finished];
            assert_eq!(handles.iter().map(TaskHandle::status).collect::<Vec<_>>(), ended);
            Ok(())
        })
        .await
        .unwrap();
    });
}

// 7, 9: omicron#3707, LemmyNet#2674. `try_join!` drops the sibling in the middle of its work.
#[test]
fn a_failure_lets_the_sibling_finish_what_must_not_be_torn() {
    story(|| async {
        let log = Mutex::new(Vec::new());
        let error = task_group(async |tg| -> io::Result<()> {
            tg.start_soon(async {
                shield(async {
                    log.lock().unwrap().push("debit");
                    sleep(MINUTE).await?;
                    log.lock().unwrap().push("credit");
                    io::Result::Ok(())
                })
                .await
            });
            tg.start_soon(async {
                yield_now().await;
                Err::<(), _>(io::Error::other("network"))
            });
            Ok(())
        });
        assert_eq!(error.await.unwrap_err().to_string(), "network");
        assert_eq!(*log.lock().unwrap(), ["debit", "credit"]);
    });
}

// 29: omicron#8174 has an own `ParallelTaskSet`, because `JoinSet` has no bound.
#[test]
fn a_limit_bounds_what_runs_at_once() {
    story(|| async {
        let (running, most) = (Count::new(), Mutex::new(0));
        let began = now();
        map_concurrent(0..100, 8, async |_| -> Result<_> {
            let _running = running.hold();
            {
                let mut most = most.lock().unwrap();
                *most = running.get().max(*most);
            }
            sleep(MINUTE).await?;
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(*most.lock().unwrap(), 8);
        assert_eq!(now() - began, 13 * MINUTE, "and the bound is used to the full");
    });
}

// 30: linera-protocol#2116 wraps `JoinSet` to get a value and an abort handle of one task.
#[test]
fn a_handle_has_the_value_and_can_cancel() {
    story(|| async {
        task_group(async |tg| -> Result<_> {
            let value = tg.start_soon(async { ok(String::from("value")) });
            let endless = tg.start_soon(async {
                sleep_forever().await?;
                ok(String::from("never"))
            });
            assert_eq!(value.join().await?, "value");
            endless.cancel();
            assert_eq!(endless.join().await, Err(JoinError::TaskCancelled));
            Ok(())
        })
        .await
        .unwrap();
    });
}

// 31: tempoxyz/tempo#968: an abort does not reach what the task has spawned.
#[test]
fn cancelling_a_task_reaches_its_grandchildren() {
    story(|| async {
        let (alive, told) = (Count::new(), Count::new());
        task_group(async |tg| -> Result<_> {
            let child = tg.start_soon(async {
                let below = task_group(async |tg| -> Result<()> {
                    for _ in 0..3 {
                        tg.start_soon(async {
                            let below = task_group(async |tg| -> Result<()> {
                                tg.start_soon(async {
                                    let _alive = alive.hold();
                                    let ended = sleep_forever().await;
                                    told.up();
                                    ok(ended?)
                                });
                                Ok(())
                            });
                            below.await.completed()
                        });
                    }
                    Ok(())
                });
                below.await.completed()
            });
            let_others_run().await;
            assert_eq!(alive.get(), 3);
            child.cancel();
            child.wait().await?;
            assert_eq!((alive.get(), told.get(), child.status()), (0, 3, TaskState::Cancelled));
            Ok(())
        })
        .await
        .unwrap();
    });
}

// 33: tokio#5585: wait until the tasks have *finished* shutting down, not only until they were told.
#[test]
fn a_group_returns_when_the_last_clean_up_has_ended() {
    story(|| async {
        let cleaned = Count::new();
        let began = now();
        let ended = task_group(async |tg| -> Result<()> {
            for minutes in 1..=5 {
                let cleaned = &cleaned;
                tg.start_soon(async move {
                    let ended = sleep_forever().await;
                    shield(async {
                        sleep(minutes * MINUTE).await?;
                        cleaned.up();
                        ok(())
                    })
                    .await?;
                    ok(ended?)
                });
            }
            yield_now().await;
            tg.cancel_because("shutdown");
            Ok(())
        });
        assert!(ended.await.unwrap().is_some());
        assert_eq!((cleaned.get(), now() - began), (5, 5 * MINUTE));
    });
}

// 34: tokio#5249, PR #6453: was it the timeout, or the shutdown?
#[test]
fn who_is_cancelled_can_ask_why() {
    story(|| async {
        let reasons = Mutex::new(Vec::new());
        let request = async || {
            let ended = sleep_forever().await;
            reasons.lock().unwrap().push(cancel_cause().unwrap().to_string());
            ended
        };
        assert_eq!(move_on_after(MINUTE, request()).await, Ok(None));

        let server = CancelScope::new();
        let both = server.run(async {
            server.cancel_because("shutdown");
            move_on_after(MINUTE, request()).await
        });
        assert_eq!(both.await, Ok(None));

        let failed = task_group(async |tg| -> Result<()> {
            tg.start_soon(async { ok(request().await?) });
            yield_now().await;
            Err("disk".into())
        });
        failed.await.unwrap_err();

        let tenant = CancelScope::new();
        let request_scope = CancelScope::new().linked(&tenant);
        tenant.cancel();
        assert_eq!(request_scope.run(request()).await, Ok(None));

        let stopped = CancelScope::new();
        stopped.stop(MINUTE);
        assert_eq!(stopped.run(request()).await, Ok(None));

        let words = [
            "the deadline passed",
            "cancel was called: shutdown",
            "a task of the group failed",
            "a linked scope was cancelled",
            "the grace of a stop ran out",
        ];
        assert_eq!(*reasons.lock().unwrap(), words);
    });
}

// 35: neon#6133: cancel by *object* (a tenant, a timeline), wherever in the tree its requests are.
#[test]
fn an_object_ends_all_that_lives_under_it() {
    story(|| async {
        struct Tenant {
            scope: CancelScope,
        }
        let tenants = [Tenant { scope: CancelScope::new() }, Tenant { scope: CancelScope::new() }];
        let (served, gone) = (Count::new(), Count::new());
        task_group(async |connections| -> Result<_> {
            for _ in 0..3 {
                connections.start_soon(async {
                    task_group(async |requests| -> Result<_> {
                        for tenant in &tenants {
                            let (served, gone) = (&served, &gone);
                            requests.start_soon(async move {
                                let request = CancelScope::after(HOUR).linked(&tenant.scope);
                                let answer = request.run(sleep(MINUTE)).await?;
                                match answer {
                                    Some(()) => served.up(),
                                    None => gone.up(),
                                };
                                // Only the request was ended, not the connection.
                                checkpoint().await?;
                                ok(())
                            });
                        }
                        Ok(())
                    })
                    .await
                    .completed()
                });
            }
            yield_now().await;
            let_others_run().await;
            tenants[0].scope.cancel_because("the tenant was dropped");
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!((served.get(), gone.get()), (3, 3));

        let late = CancelScope::new().linked(&tenants[0].scope);
        assert_eq!(late.run(sleep_forever()).await, Ok(None), "a gone tenant takes no new requests");
    });
}

// 36: tokio#1819, axum#1070, restate#4992: drain within a limit, then force; a second Ctrl-C forces at once.
#[test]
fn a_server_drains_then_forces() {
    async fn serve(server: &CancelScope, second_signal_after: Option<Duration>) -> (usize, usize, Duration) {
        let (finished, forced) = (Count::new(), Count::new());
        let (connect, mut connections) = mpsc::unbounded();
        for minutes in [2, 4, 90] {
            connect.unbounded_send(minutes).unwrap();
        }
        let signal = now() + MINUTE;
        let served = server.run(task_group(async |tg| -> Result<_> {
            tg.start_soon(async {
                anyio::sleep_until(signal).await?;
                server.stop(HOUR);
                if let Some(wait) = second_signal_after {
                    sleep(wait).await?;
                    server.stop(Duration::ZERO);
                }
                Ok(())
            });
            while let Some(minutes) = connections.next().unless_stopping().await {
                let minutes = minutes.ok_or("the listener is gone")?;
                let (finished, forced) = (&finished, &forced);
                tg.start_soon(async move {
                    match sleep(minutes * MINUTE).await {
                        Ok(()) => finished.up(),
                        Err(cancelled) => {
                            assert_eq!(cancel_cause(), Some(Cause::Stopped));
                            forced.up();
                            return Err(cancelled.into());
                        }
                    };
                    ok(())
                });
            }
            assert_eq!(now(), signal, "it accepts until the signal, and no longer");
            Ok(())
        }));
        served.await.unwrap();
        drop(connect);
        (finished.get(), forced.get(), now() - signal)
    }
    story(|| async {
        assert_eq!(serve(&CancelScope::new(), None).await, (2, 1, HOUR));
        assert_eq!(serve(&CancelScope::new(), Some(2 * MINUTE)).await, (1, 2, 2 * MINUTE));
    });
}

// 46: tokio#2002, #4516, go#53757: a panic must not be swallowed, nor wait until somebody joins.
#[test]
fn a_panic_cancels_the_siblings_at_once_and_comes_out() {
    story(|| async {
        let cleaned = Count::new();
        let began = now();
        let group = task_group(async |tg| -> Result<()> {
            tg.task("broken").start_soon(async {
                sleep(MINUTE).await?;
                panic!("index out of bounds");
                #[expect(unreachable_code, reason = "it tells the type")]
                ok(())
            });
            tg.start_soon(async {
                let ended = sleep(HOUR).await;
                cleaned.up();
                ok(ended?)
            });
            // Nobody joins the broken one.
            Ok(sleep_forever().await?)
        });
        let panic = AssertUnwindSafe(group).catch_unwind().await.unwrap_err();
        assert_eq!(words(panic), "index out of bounds");
        assert_eq!((cleaned.get(), now() - began), (1, MINUTE));
    });
}

// 62: anyio#685, #710, #517: a cancellation during `start` cancelled the wrong group.
#[test]
fn a_cancelled_start_ends_its_task_and_not_the_group() {
    story(|| async {
        task_group(async |tg| -> Result<_> {
            let sibling = tg.start_soon(async { ok(sleep(HOUR).await?) });
            let cleaned = Count::new();
            let cleaned = Arc::new(cleaned);
            let by_child = cleaned.clone();
            let started = move_on_after(
                MINUTE,
                tg.start(async move |status| {
                    let ended = sleep_forever().await;
                    shield(sleep(MINUTE)).await?;
                    by_child.up();
                    ended?;
                    status.started(1);
                    ok(())
                }),
            );
            assert!(started.await?.is_none());
            assert_eq!(cleaned.get(), 1, "it waited for the task's end");
            assert!(!tg.scope().cancel_called());
            assert_eq!(tg.tasks().len(), 1);
            checkpoint().await?;
            sibling.join().await?;
            Ok(())
        })
        .await
        .completed()
        .unwrap();
    });
}

// 62: anyio#837: a shield in the task is broken by a cancellation before `started()`.
#[test]
fn a_shield_holds_before_started_too() {
    story(|| async {
        let began = now();
        let scope = CancelScope::new();
        let ended = scope.run(task_group(async |tg| -> Result<_> {
            let canceller = scope.clone();
            tg.start_soon(async move {
                sleep(MINUTE).await?;
                canceller.cancel();
                Ok(())
            });
            let (value, child) = tg
                .start(async |status| {
                    shield(sleep(HOUR)).await?;
                    status.started("value");
                    ok(sleep_forever().await?)
                })
                .await?;
            let _ = child;
            Ok(value)
        }));
        let ended = ended.await;
        assert!(matches!(ended, Ok(None)), "the caller was cancelled, so `start` abandons its task: {ended:?}");
        assert_eq!(now() - began, HOUR, "the shielded part went to its end");
    });
}

// 63: anyio#642: a shield also shielded siblings.
#[test]
fn a_shield_shields_its_own_task_only() {
    story(|| async {
        let (shielded, plain) = (Count::new(), Count::new());
        let began = now();
        let scope = CancelScope::new();
        let ended = scope.run(task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                shield(sleep(HOUR)).await?;
                shielded.up();
                ok(sleep_forever().await?)
            });
            tg.start_soon(async {
                let ended = sleep(MINUTE).await;
                assert_eq!(now() - began, Duration::ZERO);
                plain.up();
                ok(ended?)
            });
            // Started inside a shield, it is none of it: its parent is the group (R6).
            shield(async {
                tg.start_soon(async {
                    let ended = sleep(MINUTE).await;
                    plain.up();
                    ok(ended?)
                });
                let_others_run().await;
                scope.cancel();
                let_others_run().await;
                assert_eq!(plain.get(), 2);
                checkpoint().await
            })
            .await?;
            Ok(())
        }));
        assert!(ended.await.unwrap().is_none());
        assert_eq!((shielded.get(), now() - began), (1, HOUR));
    });
}

// 63: anyio#1111: while a task cannot stop, the cancellation was delivered to it again and again, in a busy loop.
#[test]
fn a_task_that_cannot_stop_is_not_polled_again_and_again() {
    story(|| async {
        let polls = Count::new();
        let (go, gone) = oneshot::channel::<()>();
        let ended = task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                let mut gone = pin!(gone);
                // Foreign, and no checkpoint: it sees nothing of the cancellation.
                std::future::poll_fn(|cx| {
                    polls.up();
                    gone.as_mut().poll(cx).map(drop)
                })
                .await;
            });
            let_others_run().await;
            tg.cancel();
            for _ in 0..10 {
                let_others_run().await;
            }
            assert!(polls.get() <= 3, "polled {} times", polls.get());
            go.send(()).unwrap();
            Ok(())
        });
        ended.await.unwrap();
    });
}

// 65: trio#1493: the value of the body is lost when a cancellation passes by.
#[test]
fn the_type_says_what_became_of_the_bodys_value() {
    story(|| async {
        let with = async |body: &str, child: &str| {
            task_group(async |tg| -> Result<&str> {
                let (group, child) = (tg.clone(), child.to_owned());
                tg.start_soon(async move {
                    match child.as_str() {
                        "cancels" => group.cancel(),
                        "fails" => return Err("child".into()),
                        _ => {}
                    }
                    ok(())
                });
                match body {
                    "waits" => sleep_forever().await?,
                    "fails" => return Err("body".into()),
                    _ => {}
                }
                Ok("value")
            })
            .await
            .map_err(|error| error.to_string())
        };
        assert_eq!(with("ends", "ends").await, Ok(Some("value")));
        assert_eq!(with("ends", "cancels").await, Ok(Some("value")), "a value that was reached is kept");
        assert_eq!(with("waits", "cancels").await, Ok(None), "there is none");
        assert_eq!(with("ends", "fails").await, Err("child".into()));
        assert_eq!(with("fails", "fails").await, Err("2 errors: body; child".into()));
    });
}

// 66: trio#147, #921: soft cancel with a grace period.
#[test]
fn a_soft_cancel_gives_a_grace() {
    story(|| async {
        let began = now();
        let log = Mutex::new(Vec::new());
        let note = |what: &'static str| log.lock().unwrap().push((what, (now() - began).as_secs() / 60));
        let server = CancelScope::new();
        let ended = server.run(task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                stopping().await?;
                note("says goodbye");
                sleep(10 * MINUTE).await?;
                note("said goodbye");
                ok(())
            });
            tg.start_soon(async {
                let idle = sleep_forever().unless_stopping().await;
                note("idle wait ended");
                assert!(idle.is_none());
                ok(())
            });
            tg.start_soon(async {
                let ended = sleep(10 * HOUR).await;
                note("cut off");
                ok(ended?)
            });
            sleep(MINUTE).await?;
            server.stop(30 * MINUTE);
            server.stop(HOUR); // never prolongs it
            Ok(())
        }));
        assert!(ended.await.unwrap().is_none());
        assert_eq!(
            *log.lock().unwrap(),
            [("says goodbye", 1), ("idle wait ended", 1), ("said goodbye", 11), ("cut off", 31)]
        );
    });
}

// 67: kotlinx#3504, #4413: a value that was created is dropped on a cancellation at the same moment.
#[test]
fn a_value_that_is_there_is_returned_although_the_scope_is_cancelled() {
    story(|| async {
        let scope = CancelScope::new();
        let (create, created) = oneshot::channel();
        let ended = scope.run(task_group(async |tg| -> Result<_> {
            let waiting = tg.start_soon(async { ok(created.cancellable().await??) });
            let_others_run().await;
            create.send("connection").unwrap();
            scope.cancel();
            let_others_run().await;
            Ok(waiting.try_result().unwrap()?)
        }));
        assert_eq!(ended.await.unwrap().flatten(), Some("connection"));
    });
}

// 68: apollo-kotlin#3364 and others: a cancellation that is swallowed. `.ok()` swallows it here too, once.
#[test]
fn a_swallowed_cancellation_comes_again() {
    story(|| async {
        let swallowed = Count::new();
        let scope = CancelScope::new();
        let ended = scope.run(task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                for _ in 0..10 {
                    let _ = sleep(HOUR).await;
                    swallowed.up();
                }
                // The next one that is not swallowed ends it.
                sleep(HOUR).await?;
                unreachable!("it is still cancelled");
                #[expect(unreachable_code, reason = "it tells the type")]
                ok(())
            });
            tg.start_soon(async {
                // A loop that retries whatever fails gives way to the others all the same (R12).
                while swallowed.get() < 10 {
                    checkpoint().await.ok();
                }
                ok(())
            });
            let_others_run().await;
            scope.cancel();
            Ok(())
        }));
        let began = now();
        assert!(ended.await.unwrap().is_none());
        assert_eq!((swallowed.get(), now() - began), (10, Duration::ZERO));
    });
}

// 1 to 4: transact-rs/sqlx#4385, windmill#10823, blockfrost-platform#183: a connection goes back in the wrong state.
#[test]
fn a_transaction_is_rolled_back_before_its_connection_goes_back() {
    #[derive(Default)]
    struct Connection {
        open: bool,
    }
    async fn transfer(pool: &Mutex<Vec<Connection>>) -> Result<(), BoxError> {
        let mut connection = pool.lock().unwrap().pop().ok_or("no connection")?;
        connection.open = true;
        let ended = sleep(HOUR).await;
        // The clean-up awaits, which a dropped future could not.
        shield(async {
            yield_now().await;
            connection.open = false;
        })
        .await;
        pool.lock().unwrap().push(connection);
        Ok(ended?)
    }
    story(|| async {
        let pool = Mutex::new(vec![Connection::default()]);
        for _ in 0..3 {
            assert!(move_on_after(MINUTE, transfer(&pool)).await.unwrap().is_none());
            let pool = pool.lock().unwrap();
            assert!(matches!(pool.as_slice(), [Connection { open: false }]));
        }
    });
}

// 53: what is polled by hand, once, shows that nothing has begun before the first poll.
#[test]
fn nothing_runs_before_it_is_awaited() {
    let began = Count::new();
    let mut group = pin!(task_group(async |_tg| -> Result<()> {
        began.up();
        Ok(())
    }));
    assert_eq!(began.get(), 0);
    assert!(matches!(futures::executor::block_on(async { futures::poll!(group.as_mut()) }), Poll::Ready(Ok(Some(())))));
    assert_eq!(began.get(), 1);
}
