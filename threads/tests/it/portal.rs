//! Portals.

use std::{
    collections::HashSet,
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyio_cancel_scope::{BoxError, Cancelled, checkpoint, ok, sleep, sleep_forever};
use anyio_context_vars::context_var;
use anyio_memstream::memory_object_stream;
use anyio_runtime::{Builder, offload, run};
use anyio_sync::SetOnce;
use anyio_task_group::{NeverStarted, current_task, task_group};
use anyio_threads::{
    from_thread::{
        BlockingPortalProvider, PortalGuard, blocking_portal, start_blocking_portal, start_blocking_portal_with,
    },
    to_thread,
};

use crate::support::{Census, ends, panic_of, under_every_executor, until, words};

context_var! { static NAME: String; }

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_call_corofunc; anyio: tests/test_from_thread.py::TestBlockingPortal::test_call_non_corofunc
#[test]
fn a_call_gives_the_output() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        assert_eq!(portal.call(async { sleep(Duration::from_millis(1)).await.map(|()| 7) }), Ok(Ok(7)));
        assert_eq!(portal.call(std::future::ready(8)), Ok(8));
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_call_anext
#[test]
fn calls_take_item_after_item_from_a_stream() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let (send, receive) = memory_object_stream(1);
        let receive = Arc::new(receive);
        let sender = portal
            .start_task_soon(async move {
                for item in 0..3 {
                    send.send(item).await?;
                }
                ok(())
            })
            .unwrap();
        let next = || {
            let receive = receive.clone();
            portal.call(async move { receive.next().await.unwrap() }).unwrap()
        };
        assert_eq!([next(), next(), next(), next()], [Some(0), Some(1), Some(2), None]);
        sender.wait().unwrap().unwrap();
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_aexit_with_exception
#[test]
fn a_body_that_fails_cancels_who_calls() {
    under_every_executor(async || {
        let (begun, interrupted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (theirs, seen) = (begun.clone(), interrupted.clone());
        let mut callers = Vec::new();
        let failed = blocking_portal(async |portal| {
            for _ in 0..3 {
                let (portal, begun, interrupted) = (portal.clone(), theirs.clone(), seen.clone());
                callers.push(thread::spawn(move || {
                    let output = portal.call(async move {
                        begun.fetch_add(1, Ordering::SeqCst);
                        sleep_forever().await
                    });
                    interrupted.fetch_add(usize::from(output.unwrap().is_err()), Ordering::SeqCst);
                }));
            }
            while begun.load(Ordering::SeqCst) < 3 {
                anyio_cancel_scope::yield_now().await;
            }
            Err::<(), BoxError>("boom".into())
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "boom");
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert_eq!(interrupted.load(Ordering::SeqCst), 3);
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_aexit_without_exception
#[test]
fn a_body_that_ends_waits_for_the_tasks() {
    under_every_executor(async || {
        let ended = Arc::new(AtomicUsize::new(0));
        let theirs = ended.clone();
        let output = blocking_portal(async |portal| {
            for _ in 0..3 {
                let ended = theirs.clone();
                let nap = async move {
                    sleep(Duration::from_millis(2)).await.unwrap();
                    ended.fetch_add(1, Ordering::SeqCst);
                };
                drop(portal.start_task_soon(nap)?);
            }
            ok("done")
        });
        assert_eq!(output.await.unwrap(), Some("done"));
        assert_eq!(ended.load(Ordering::SeqCst), 3);
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_call_portal_from_event_loop_thread
#[test]
fn a_call_on_the_thread_of_its_own_run_says_what_to_do_instead() {
    ends(|| {
        let panicked = panic_of(|| {
            run(blocking_portal(async |portal| {
                drop(portal.call(async {}));
                ok(())
            }))
            .unwrap();
        });
        assert!(panicked.contains("would be blocked"), "{panicked}");
        let portal = start_blocking_portal().unwrap();
        let inner = (*portal).clone();
        let panicked = catch_unwind(AssertUnwindSafe(|| portal.call(async move { drop(inner.call(async {})) })));
        assert!(words(&*panicked.unwrap_err()).contains(".await"));
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_call_portal_from_event_loop_thread
#[test]
fn a_call_in_what_polls_the_portal_says_what_to_do_instead_under_any_executor() {
    under_every_executor(async || {
        let output = blocking_portal(async |portal| {
            let (inner, told) = (portal.clone(), Arc::new(SetOnce::new()));
            let theirs = told.clone();
            let task = portal.start_task_soon(async move {
                let panicked = catch_unwind(AssertUnwindSafe(|| drop(inner.call(async {}))));
                theirs.set(words(&*panicked.unwrap_err())).unwrap();
            });
            assert!(told.wait().await?.contains("would be blocked"));
            let panicked = catch_unwind(AssertUnwindSafe(|| drop(portal.call(async {}))));
            assert!(words(&*panicked.unwrap_err()).contains(".await"));
            // A thread of its own is none that polls it.
            let called = to_thread::run_sync(move || portal.call(async { 1 })).await?;
            drop(task);
            ok(called?)
        });
        assert_eq!(output.await.unwrap(), Some(1));
    });
}

// T2
#[test]
fn the_output_of_a_task_that_has_ended_is_taken_without_a_wait_by_its_own_run() {
    ends(|| {
        let output = run(blocking_portal(async |portal| {
            let task = portal.start_task_soon(async { 7 })?;
            while !task.is_finished() {
                anyio_cancel_scope::yield_now().await;
            }
            let other = portal.start_task_soon(async {})?;
            let panicked = catch_unwind(AssertUnwindSafe(|| other.wait()));
            assert!(words(&*panicked.unwrap_err()).contains("would be blocked"));
            ok(task.wait()?)
        }));
        assert_eq!(output.unwrap(), Some(7));
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_with_new_event_loop; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_with_thread_name; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_without_thread_name
#[test]
fn it_has_a_thread_of_its_own_with_a_name() {
    ends(|| {
        let who = async || (thread::current().id(), thread::current().name().map(str::to_owned));
        let portal = start_blocking_portal().unwrap();
        let (id, name) = portal.call(who()).unwrap();
        assert_ne!(id, thread::current().id());
        assert_eq!(name.as_deref(), Some("anyio-portal"));
        let named = start_blocking_portal_with("loop", Builder::new()).unwrap();
        assert_eq!(named.call(who()).unwrap().1.as_deref(), Some("loop"));
        let refused = start_blocking_portal_with("a\0b", Builder::new()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_call_stopped_portal
#[test]
fn a_stopped_portal_refuses() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let (kept, census) = ((*portal).clone(), Census::default());
        drop(portal);
        let alive = census.one();
        let refused = kept.call(async move { drop(alive) }).unwrap_err();
        assert_eq!(refused.to_string(), "the portal is not running any more");
        assert!(kept.start_task_soon(async {}).is_err());
        let refused = kept.start_task(async |status| {
            status.started(());
            Ok::<_, BoxError>(())
        });
        assert!(refused.is_err());
        assert_eq!(census.count(), 0);
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_task_soon; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_task_soon_non_corofunc
#[test]
fn a_task_is_waited_for_and_asked() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let (send, receive) = memory_object_stream(0);
        let task = portal.start_task_soon(async move { receive.receive().await }).unwrap();
        assert!(!task.is_finished());
        let task = task.wait_for(Duration::from_millis(2)).unwrap_err();
        portal.call(async move { send.send(7).await }).unwrap().unwrap();
        until(|| task.is_finished());
        assert_eq!(task.wait_for(Duration::MAX).unwrap().unwrap().unwrap(), 7);
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_task_soon_cancel_later; anyio: tests/test_from_thread.py::TestBlockingPortal::test_cancel_portal_future
#[test]
fn a_task_is_cancelled_and_may_clean_up() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let (entered, cleaned) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (theirs, done) = (entered.clone(), cleaned.clone());
        let task = portal
            .start_task_soon(async move {
                theirs.store(1, Ordering::SeqCst);
                let ended = sleep_forever().await;
                anyio_cancel_scope::shield(sleep(Duration::from_millis(1))).await.unwrap();
                done.store(1, Ordering::SeqCst);
                ended
            })
            .unwrap();
        until(|| entered.load(Ordering::SeqCst) == 1);
        task.cancel();
        assert!(task.wait().unwrap().is_err());
        assert_eq!(cleaned.load(Ordering::SeqCst), 1);
    });
}

// R5; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_task_soon_cancel_immediately
#[test]
fn a_task_cancelled_at_once_runs_to_its_first_checkpoint() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        for _ in 0..100 {
            let task = portal.start_task_soon(async { checkpoint().await.and(sleep_forever().await) }).unwrap();
            task.cancel();
            assert!(task.wait().unwrap().is_err());
        }
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_task_soon_cancel_after_stop
#[test]
fn a_task_can_be_cancelled_after_the_stop() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let task = portal.start_task_soon(sleep_forever()).unwrap();
        portal.stop(false);
        assert!(!task.is_finished());
        task.cancel();
        assert!(task.wait().unwrap().is_err());
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_task_soon_with_name; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_with_name
#[test]
fn tasks_have_the_names_that_they_are_given() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let name = async || current_task().unwrap().name().to_owned();
        let task = portal.named("first").start_task_soon(name()).unwrap();
        assert_eq!((task.name().to_owned(), task.wait().unwrap()), ("first".into(), "first".into()));
        let (seen, task) = portal
            .named("second")
            .start_task(async move |status| {
                status.started(current_task().unwrap().name().to_owned());
                ok(())
            })
            .unwrap();
        assert_eq!((seen.as_str(), task.name()), ("second", "second"));
        assert!(portal.call(name()).unwrap().contains("tasks_have_the_names"));
    });
}

// G5; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_with_value; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_no_value
#[test]
fn a_task_says_that_it_is_ready() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let (value, task) = portal
            .start_task(async |status| {
                status.started(7);
                checkpoint().await?;
                ok("end")
            })
            .unwrap();
        assert_eq!((value, task.wait().unwrap().unwrap()), (7, "end"));
    });
}

// G5; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_crash_before_started_call; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_crash_after_started_call
#[test]
fn a_task_that_fails_tells_whoever_waits_for_it() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let before = portal.start_task::<(), (), BoxError, _, _>(async |_status| Err("too early".into()));
        assert_eq!(before.unwrap_err().to_string(), "too early");
        let ((), task) = portal
            .start_task::<_, (), BoxError, _, _>(async |status| {
                status.started(());
                Err("later".into())
            })
            .unwrap();
        assert_eq!(task.wait().unwrap().unwrap_err().to_string(), "later");
        // The portal lives on.
        assert_eq!(portal.call(async { 1 }), Ok(1));
    });
}

// G5; anyio: tests/test_from_thread.py::TestBlockingPortal::test_start_no_started_call
#[test]
fn a_task_that_is_never_ready_is_told() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let never = portal.start_task::<(), (), BoxError, _, _>(async |_status| Ok(()));
        assert!(never.unwrap_err().is::<NeverStarted>());
    });
}

// G3; anyio: tests/test_from_thread.py::TestBlockingPortal::test_raise_baseexception_from_task
#[test]
fn a_panic_comes_to_whoever_waits_and_the_portal_lives_on() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let task = portal.start_task_soon(async { resume_unwind(Box::new("in a task")) }).unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| task.wait().map(drop))).unwrap_err();
        assert_eq!(words(&*panicked), "in a task");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            portal
                .start_task::<(), (), BoxError, _, _>(async |_status| resume_unwind(Box::new("before ready")))
                .map(drop)
        }));
        assert_eq!(words(&*panicked.unwrap_err()), "before ready");
        assert_eq!(portal.call(async { 1 }), Ok(1));
    });
}

// G3
#[test]
fn a_panic_of_a_task_that_nobody_has_comes_out_of_the_guard() {
    ends(|| {
        let panicked = panic_of(|| {
            let portal = start_blocking_portal().unwrap();
            let (send, receive) = memory_object_stream(0);
            drop(portal.start_task_soon(async move {
                receive.receive().await.unwrap();
                resume_unwind(Box::new("nobody's"))
            }));
            portal.call(async move { send.send(()).await }).unwrap().unwrap();
        });
        assert_eq!(panicked, "nobody's");
    });
}

// G3
#[test]
fn a_panic_is_not_lost_with_a_handle_that_is_dropped_after_it() {
    ends(|| {
        let panicked = panic_of(|| {
            let portal = start_blocking_portal().unwrap();
            let other = portal.start_task_soon(sleep_forever()).unwrap();
            let task = portal.start_task_soon(async { resume_unwind(Box::new("unseen")) }).unwrap();
            until(|| task.is_finished());
            drop(task);
            assert!(other.wait().unwrap().is_err());
        });
        assert_eq!(panicked, "unseen");
    });
}

// G3
#[test]
fn a_panic_is_not_lost_with_a_handle_that_is_dropped_after_the_stop() {
    ends(|| {
        let panicked = panic_of(|| {
            let portal = start_blocking_portal().unwrap();
            let other = portal.start_task_soon(sleep_forever()).unwrap();
            let task = portal.start_task_soon(async { resume_unwind(Box::new("unseen")) }).unwrap();
            until(|| task.is_finished());
            portal.stop(false);
            drop(task);
            assert!(other.wait().unwrap().is_err());
        });
        assert_eq!(panicked, "unseen");
    });
}

#[test]
fn an_output_and_a_panic_are_there_for_who_waits_after_the_end_of_the_portal() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let task = portal.start_task_soon(async { 7 }).unwrap();
        let panics = portal.start_task_soon(async { resume_unwind(Box::new("seen")) }).unwrap();
        until(|| panics.is_finished());
        drop(portal);
        assert_eq!(task.wait(), Ok(7));
        assert_eq!(panic_of(|| drop(panics.wait().map(drop))), "seen");
    });
}

// T2; anyio: tests/test_from_thread.py::TestBlockingPortal::test_contextvar_propagation_sync; anyio: tests/test_from_thread.py::TestBlockingPortal::test_contextvar_propagation_async
#[test]
fn a_task_sees_the_variables_of_the_thread_that_starts_it() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let seen = futures::executor::block_on(NAME.scope("ada".into(), async { portal.call(async { NAME.get() }) }));
        assert_eq!(seen.unwrap().as_deref(), Some("ada"));
        assert_eq!(portal.call(async { NAME.get() }), Ok(None));
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_from_async
#[test]
fn a_task_opens_a_portal_for_its_threads() {
    under_every_executor(async || {
        let output = blocking_portal(async |portal| {
            let called = to_thread::run_sync(move || portal.call(async { 6 * 7 }));
            ok(called.await??)
        });
        assert_eq!(output.await.unwrap(), Some(42));
    });
}

#[test]
fn a_stop_with_cancellation_tells_every_waiter() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let tasks: Vec<_> = (0..4).map(|_| portal.start_task_soon(sleep_forever()).unwrap()).collect();
        portal.stop(true);
        for task in tasks {
            assert!(task.wait().unwrap().is_err());
        }
    });
}

#[test]
fn a_body_may_stop_its_own_portal() {
    under_every_executor(async || {
        let stopped = blocking_portal(async |portal| {
            portal.stop(true);
            portal.sleep_until_stopped().await?;
            checkpoint().await?;
            ok(())
        });
        assert_eq!(stopped.await.unwrap(), None);
    });
}

// G4
#[test]
fn a_portal_whose_host_is_dropped_tells_who_waits() {
    ends(|| {
        let (send, got) = std::sync::mpsc::channel();
        let mut host = Box::pin(blocking_portal(async move |portal| {
            send.send(portal).unwrap();
            sleep_forever().await?;
            ok(())
        }));
        let mut polled = crate::support::polled(host.as_mut());
        polled.assert_pending();
        let portal = got.recv().unwrap();
        let task = portal.start_task_soon(sleep_forever()).unwrap();
        polled.assert_pending();
        drop(host);
        assert_eq!(task.wait().unwrap_err().to_string(), "the portal is not running any more");
        // Whatever comes later is told as well.
        assert!(portal.call(async {}).is_err());
    });
}

// Many threads, at every moment of a stop.
#[test]
fn a_portal_is_used_from_many_threads_while_it_stops() {
    ends(|| {
        for round in 0..60 {
            let portal = start_blocking_portal().unwrap();
            let (census, barrier) = (Census::default(), Arc::new(Barrier::new(5)));
            let users: Vec<_> = (0..4)
                .map(|user| {
                    let (portal, census, barrier) = ((*portal).clone(), census.clone(), barrier.clone());
                    thread::spawn(move || {
                        barrier.wait();
                        loop {
                            let alive = census.one();
                            let ended = match user % 2 {
                                0 => portal.call(async move { drop(alive) }).is_err(),
                                _ => match portal.start_task_soon(async move {
                                    let _alive = alive;
                                    checkpoint().await
                                }) {
                                    Ok(task) => task.wait().is_err(),
                                    Err(_) => true,
                                },
                            };
                            if ended {
                                break;
                            }
                        }
                    })
                })
                .collect();
            barrier.wait();
            (0..round * 200).for_each(|_| std::hint::spin_loop());
            portal.stop(round % 2 == 0);
            drop(portal);
            users.into_iter().for_each(|user| user.join().unwrap());
            assert_eq!(census.count(), 0);
        }
    });
}

#[test]
fn unwinding_a_guard_cancels_its_tasks() {
    ends(|| {
        let panicked = panic_of(|| {
            let portal = start_blocking_portal().unwrap();
            drop(portal.start_task_soon(sleep_forever()).unwrap());
            resume_unwind(Box::new("the thread"));
        });
        assert_eq!(panicked, "the thread");
    });
}

#[test]
fn the_last_guard_may_be_dropped_by_a_task_of_its_own() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let kept = (*portal).clone();
        kept.call(async move { drop(portal) }).unwrap();
        until(|| kept.call(async {}).is_err());
    });
}

// T2: nobody waits for the end of what waits for him
#[test]
fn the_last_guard_may_be_dropped_in_a_worker_thread_of_its_own() {
    ends(|| {
        let drops: [fn(PortalGuard) -> BoxFuture; 3] = [
            |guard| Box::pin(async { to_thread::run_sync(move || drop(guard)).await.unwrap() }),
            // In a `run` of the closure's own.
            |guard| Box::pin(async { to_thread::run_sync(move || run(async { drop(guard) })).await.unwrap() }),
            |guard| Box::pin(offload(async { drop(guard) })),
        ];
        for drops in drops {
            let portal = start_blocking_portal().unwrap();
            let kept = (*portal).clone();
            let task = kept.start_task_soon(drops(portal)).unwrap();
            assert_eq!(task.wait(), Ok(()));
            assert!(kept.call(async {}).is_err());
        }
    });
}

// anyio: tests/test_to_thread.py::TestBlockingPortalProvider::test_single_thread
#[test]
fn a_provider_starts_a_new_portal_for_each_use() {
    ends(|| {
        let provider = BlockingPortalProvider::new();
        let id = || provider.get().unwrap().call(async { thread::current().id() }).unwrap();
        assert_ne!(id(), id());
    });
}

// anyio: tests/test_to_thread.py::TestBlockingPortalProvider::test_single_thread_overlapping
#[test]
fn who_uses_a_provider_at_the_same_time_has_the_same_portal() {
    ends(|| {
        let provider = BlockingPortalProvider::new();
        let (one, other) = (provider.get().unwrap(), provider.get().unwrap());
        let id = async || thread::current().id();
        assert_eq!(one.call(id()), other.call(id()));
        let kept = one.call(id());
        drop(one);
        assert_eq!(other.call(id()), kept);
    });
}

#[test]
fn a_provider_starts_another_portal_while_somebody_has_one_that_was_stopped() {
    ends(|| {
        let provider = BlockingPortalProvider::new();
        let stopped = provider.get().unwrap();
        stopped.stop(false);
        let (one, other) = (provider.get().unwrap(), provider.get().unwrap());
        let id = async || thread::current().id();
        assert_eq!(one.call(id()).unwrap(), other.call(id()).unwrap());
        // It does not end with the old one.
        drop(stopped);
        assert_eq!(one.call(async { 1 }), Ok(1));
    });
}

// anyio: tests/test_to_thread.py::TestBlockingPortalProvider::test_multiple_threads
#[test]
fn threads_share_the_portal_of_a_provider() {
    ends(|| {
        static PROVIDER: BlockingPortalProvider = BlockingPortalProvider::new();
        let barrier = Arc::new(Barrier::new(4));
        let users: Vec<_> = (0..4)
            .map(|_| {
                let barrier = barrier.clone();
                thread::spawn(move || {
                    let portal = PROVIDER.get().unwrap();
                    barrier.wait();
                    portal.call(async { thread::current().id() }).unwrap()
                })
            })
            .collect();
        let ids: HashSet<_> = users.into_iter().map(|user| user.join().unwrap()).collect();
        assert_eq!(ids.len(), 1);
    });
}

// anyio: tests/test_from_thread.py::TestBlockingPortal::test_async_context_manager_success; anyio: tests/test_from_thread.py::TestBlockingPortal::test_async_context_manager_exception_in_task_group
#[test]
fn what_a_task_holds_is_released_when_it_is_cancelled() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let census = Census::default();
        let alive = census.one();
        let ((), holder) = portal
            .start_task(async move |status| {
                let _alive = alive;
                task_group(async |tg| -> io::Result<()> {
                    tg.start_soon(async { Ok::<(), io::Error>(sleep_forever().await?) });
                    status.started(());
                    Ok(sleep_forever().await?)
                })
                .await?;
                ok(())
            })
            .unwrap();
        assert_eq!(census.count(), 1);
        holder.cancel();
        let interrupted = holder.wait().unwrap().unwrap_err();
        assert!(
            anyio_cancel_scope::is_cancellation(&*interrupted) && interrupted.is::<io::Error>()
                || interrupted.is::<Cancelled>()
        );
        assert_eq!(census.count(), 0);
    });
}
