//! The life of a group: starting, running, returning (G1, G7, R5).

use std::{
    future, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
};

use anyio_cancel_scope::{CancelExt, host, yield_now};
use anyio_task_group::{TaskGroup, TaskState, current_task, task_group};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};

use crate::support::{Gate, Log, OnDrop, Probe, err, forever, panic_of, panics_in, run};

// anyio: tests/test_taskgroups.py::test_success
#[test]
fn the_group_returns_when_all_its_tasks_have_ended() {
    let log = Log::new();
    let result = run(task_group(async |tg| -> io::Result<u32> {
        for name in ["a", "b"] {
            let log = &log;
            tg.start_soon(async move {
                yield_now().await;
                log.add(name);
            });
        }
        Ok(3)
    }));
    assert_eq!(result.unwrap(), Some(3));
    assert_eq!(log.all(), ["a", "b"]);
}

#[test]
fn the_body_is_called_at_the_first_poll() {
    let called = AtomicBool::new(false);
    let mut group = Probe::new(task_group(async |_tg| -> io::Result<()> {
        called.store(true, Ordering::SeqCst);
        Ok(())
    }));
    assert!(!called.load(Ordering::SeqCst));
    group.finish().unwrap();
    assert!(called.load(Ordering::SeqCst));
}

#[test]
fn a_group_that_is_dropped_unpolled_never_calls_its_body() {
    drop(task_group(async |_tg| -> io::Result<()> { unreachable!("it was never polled") }));
}

// anyio: tests/test_taskgroups.py::test_eager_task_factory
#[test]
fn start_soon_does_not_poll_the_task() {
    let ran = AtomicBool::new(false);
    run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { ran.store(true, Ordering::SeqCst) });
        assert!(!ran.load(Ordering::SeqCst));
        tg.cancel();
        Ok(())
    }))
    .unwrap();
    assert!(ran.load(Ordering::SeqCst));
}

// anyio: tests/test_taskgroups.py::test_start_soon_while_running
#[test]
fn a_task_may_start_others() {
    let count = AtomicUsize::new(0);
    run(task_group(async |tg| -> io::Result<()> {
        let (again, count) = (tg.clone(), &count);
        tg.start_soon(async move {
            again.start_soon(async move {
                yield_now().await;
                count.fetch_add(1, Ordering::SeqCst);
            });
        });
        Ok(())
    }))
    .unwrap();
    assert_eq!(count.into_inner(), 1);
}

// anyio: tests/test_taskgroups.py::test_empty_taskgroup_contains_yield_point (here a budget yields, R12, not each exit)
#[test]
fn an_empty_group_returns_at_its_first_poll() {
    let mut group = Probe::new(task_group(async |_tg| io::Result::Ok(1)));
    assert!(matches!(group.poll(), Poll::Ready(Ok(Some(1)))));
}

#[test]
fn tasks_may_be_started_while_the_group_waits_for_others() {
    let gate = Gate::new();
    let ran = AtomicBool::new(false);
    let kept = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.clone());
        tg.start_soon(gate.wait());
        Ok(())
    }));
    group.waits();
    let tg = kept.lock().unwrap().take().unwrap();
    tg.start_soon(async { ran.store(true, Ordering::SeqCst) });
    assert!(group.is_woken());
    group.waits();
    assert!(ran.load(Ordering::SeqCst));
    gate.open();
    group.finish().unwrap();
}

#[test]
fn a_destructor_of_the_last_child_may_start_another() {
    let ran = AtomicBool::new(false);
    run(task_group(async |tg| -> io::Result<()> {
        let (again, ran) = (tg.clone(), &ran);
        let started = OnDrop(move || {
            again.start_soon(async move { ran.store(true, Ordering::SeqCst) });
        });
        tg.start_soon(async move {
            yield_now().await;
            drop(started);
        });
        Ok(())
    }))
    .unwrap();
    assert!(ran.load(Ordering::SeqCst));
}

/// A body by hand, which keeps what it has until it is dropped.
struct Keeps<D>(Option<D>);

impl<D: Unpin> Future for Keeps<D> {
    type Output = io::Result<()>;

    fn poll(self: std::pin::Pin<&mut Self>, _cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_the_body_holds_is_dropped_while_the_group_is_open() {
    let ran = AtomicBool::new(false);
    run(task_group(|tg| {
        let ran = &ran;
        Keeps(Some(OnDrop(move || {
            tg.start_soon(async move { ran.store(true, Ordering::SeqCst) });
        })))
    }))
    .unwrap();
    assert!(ran.load(Ordering::SeqCst));
}

fn returned_group<'a>() -> TaskGroup<'a, io::Error> {
    run(task_group(async |tg| -> io::Result<_> { Ok(tg) })).unwrap().unwrap()
}

// anyio: tests/test_taskgroups.py::test_already_closed
#[test]
#[should_panic(expected = "the group has returned, and runs no more tasks; start them before its body")]
fn start_soon_into_a_returned_group_panics_with_the_cure() {
    returned_group().start_soon(async {});
}

// anyio: tests/test_taskgroups.py::test_start_soon_after_error
#[test]
fn start_soon_into_a_group_that_failed_panics() {
    let kept = Mutex::new(None);
    run(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg);
        Err(err("failed"))
    }))
    .unwrap_err();
    let tg = kept.into_inner().unwrap().unwrap();
    assert!(panic_of(|| tg.start_soon(async {})).contains("the group has returned"));
}

#[test]
fn the_panic_of_a_late_start_soon_names_the_callers_line() {
    let tg = returned_group();
    let start = |start: &dyn Fn()| panics_in(|| drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(start))));
    let places = start(&|| drop(tg.start_soon(async {})));
    assert_eq!(places, [(file!().to_owned(), line!() - 1)]);
    let places = start(&|| drop(tg.task("named").start_soon(async {})));
    assert_eq!(places, [(file!().to_owned(), line!() - 1)]);
}

#[test]
fn a_future_that_comes_too_late_is_dropped() {
    let tg = returned_group();
    let log = Log::new();
    let end = log.at_end("dropped");
    panic_of(|| tg.start_soon(async move { drop(end) }));
    assert_eq!(log.all(), ["dropped"]);
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn a_group_polled_after_its_end_panics() {
    let mut group = Box::pin(task_group(async |_tg| io::Result::Ok(())).fuse());
    run(&mut group).unwrap();
    let mut group = Box::pin(task_group(async |_tg| io::Result::Ok(())));
    run(&mut group).unwrap();
    let _ = Probe::new(group).poll();
}

#[test]
fn groups_nest_and_the_inner_borrows_the_outer_tasks_locals() {
    let total = AtomicUsize::new(0);
    run(task_group(async |tg| -> io::Result<()> {
        for n in 0..3 {
            let total = &total;
            tg.start_soon(async move {
                let local = n * 10;
                let local = &local;
                task_group(async |tg| -> io::Result<()> {
                    for _ in 0..2 {
                        tg.start_soon(async move {
                            yield_now().await;
                            total.fetch_add(*local, Ordering::SeqCst);
                        });
                    }
                    Ok(())
                })
                .await
            });
        }
        Ok(())
    }))
    .unwrap();
    assert_eq!(total.into_inner(), 60);
}

#[test]
fn groups_run_inside_futures_unordered_join_select_and_boxes() {
    fn group(gate: &Gate) -> impl Future<Output = io::Result<Option<u32>>> + Send {
        task_group(async move |tg| -> io::Result<u32> {
            for _ in 0..3 {
                tg.start_soon(gate.wait());
            }
            gate.wait().await;
            Ok(1)
        })
    }
    let gate = Gate::new();
    let mut all = Probe::new(async {
        let mut unordered: FuturesUnordered<_> = (0..4).map(|_| group(&gate)).collect();
        let boxed: futures::future::BoxFuture<'_, io::Result<Option<u32>>> = Box::pin(group(&gate));
        let selected = async {
            let (first, rest) = (std::pin::pin!(group(&gate).fuse()), std::pin::pin!(future::pending::<()>().fuse()));
            let (mut first, mut rest) = (first, rest);
            futures::select! { value = first => value, () = rest => unreachable!() }
        };
        let counted = async {
            let mut sum = 0;
            while let Some(value) = unordered.next().await {
                sum += value.unwrap().unwrap();
            }
            sum
        };
        let (counted, boxed, selected) = futures::join!(counted, boxed, selected);
        counted + boxed.unwrap().unwrap() + selected.unwrap().unwrap()
    });
    all.waits();
    gate.open();
    assert_eq!(all.finish(), 6);
}

#[test]
fn a_changed_waker_is_the_one_that_is_woken() {
    let gates = [Gate::new(), Gate::new(), Gate::new()];
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        for gate in &gates[..2] {
            tg.start_soon(gate.wait());
        }
        gates[2].wait().await;
        Ok(())
    }));
    group.waits();
    for gate in &gates {
        group.change_waker();
        assert!(group.poll().is_pending());
        assert!(!group.is_woken());
        gate.open();
        assert!(group.is_woken());
        if let Poll::Ready(result) = group.drive() {
            result.unwrap();
        }
    }
}

#[test]
fn a_group_moves_between_threads() {
    let gate = Gate::new();
    let inside = gate.clone();
    let mut group = Probe::new(task_group(async move |tg| -> io::Result<usize> {
        let gate = &inside;
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let gate = gate.clone();
                tg.start_soon(async move {
                    gate.wait().await;
                    io::Result::Ok(n)
                })
            })
            .collect();
        let mut sum = 0;
        for task in &tasks {
            sum += task.join().await?;
        }
        Ok(sum)
    }));
    group.waits();
    for _ in 0..3 {
        group = std::thread::spawn(move || {
            assert!(group.poll().is_pending());
            group
        })
        .join()
        .unwrap();
    }
    std::thread::spawn(move || gate.open()).join().unwrap();
    assert_eq!(group.finish().unwrap(), Some(45));
}

#[test]
fn tasks_are_started_and_woken_from_many_threads() {
    const THREADS: usize = 4;
    const EACH: usize = 500;
    let count = Arc::new(AtomicUsize::new(0));
    let total = count.clone();
    let result = futures_lite::future::block_on(task_group(async move |tg| -> io::Result<()> {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                // The group is open for as long as the hold is there.
                let (tg, hold, total) = (tg.clone(), tg.hold(), total.clone());
                std::thread::spawn(move || {
                    for n in 0..EACH {
                        let (gate, total) = (Gate::new(), total.clone());
                        let wait = gate.wait();
                        tg.start_soon(async move {
                            wait.await;
                            if n % 3 == 0 {
                                yield_now().await;
                            }
                            total.fetch_add(1, Ordering::SeqCst);
                        });
                        gate.open();
                    }
                    drop(hold);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        Ok(())
    }));
    assert_eq!(result.unwrap(), Some(()));
    assert_eq!(count.load(Ordering::SeqCst), THREADS * EACH);
}

#[test]
fn a_group_lists_its_tasks_until_they_have_ended() {
    run(task_group(async |tg| -> io::Result<()> {
        let first = tg.task("first").start_soon(forever());
        let line = line!() - 1;
        tg.task("second").start_soon(async {});
        let all = tg.tasks();
        assert_eq!(all.iter().map(|task| task.name()).collect::<Vec<_>>(), ["first", "second"]);
        assert_eq!((all[0].started_at().file(), all[0].started_at().line()), (file!(), line));
        assert_eq!((all[0].id(), all[0].state()), (first.id(), TaskState::Pending));
        yield_now().await;
        assert_eq!(tg.tasks().len(), 1);
        first.cancel();
        assert_eq!(tg.tasks()[0].state(), TaskState::Cancelling);
        first.wait().await?;
        assert!(tg.tasks().is_empty());
        Ok(())
    }))
    .unwrap();
}

// anyio: tests/test_taskgroups.py::test_task_in_sync_spawn_callback
#[test]
fn what_makes_the_future_runs_in_the_caller_and_the_future_in_its_task() {
    run(task_group(async |tg| -> io::Result<()> {
        let outer = current_task();
        let make = || {
            assert_eq!(current_task(), outer);
            async { current_task().unwrap().id() }
        };
        let made = make();
        let task = tg.start_soon(async { io::Result::Ok(made.await) });
        let inner = task.join().await?;
        assert_eq!(inner, task.id());
        assert_ne!(Some(inner), outer.map(|task| task.id()));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_foreign_wait_in_a_task_is_made_cancellable() {
    let result = run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { io::Result::Ok(future::pending::<()>().cancellable().await?) });
        yield_now().await;
        tg.cancel();
        Ok(())
    }));
    assert_eq!(result.unwrap(), Some(()));
}

// anyio: tests/test_taskgroups.py::test_run_natively
#[test]
fn a_group_needs_no_run_of_ours() {
    futures::executor::block_on(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { yield_now().await });
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_task_that_ended_is_listed_no_more_in_the_same_turn() {
    run(task_group(async |tg: TaskGroup<'_, io::Error>| -> io::Result<()> {
        tg.task("first").start_soon(async {});
        let group = tg.clone();
        let seen = tg.task("second").start_soon(async move {
            let names = group.tasks().iter().map(|task| task.name().to_owned()).collect::<Vec<_>>();
            io::Result::Ok(names)
        });
        assert_eq!(tg.tasks().len(), 2);
        assert_eq!(seen.join().await?, ["second"]);
        Ok(())
    }))
    .unwrap();
}

// What polls work with another task in it, as on a worker thread, leaves it in its scope.
#[test]
fn another_task_in_force_does_not_change_the_scope() {
    run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let here = host::scope().unwrap();
            let there = host::with_task(&mut None, host::scope).unwrap();
            assert!(Arc::ptr_eq(&here, &there));
            assert!(host::task().is_some());
        });
        Ok(())
    }))
    .unwrap();
}
