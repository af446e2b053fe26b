//! Dropping a group (G4, G7).

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use anyio_cancel_scope::yield_now;
use anyio_task_group::{JoinError, TaskGroup, TaskHandle, TaskState, local_task_group, task_group};

use crate::support::{Census, Gate, Log, OnDrop, Probe, forever, panic_of, panics_in, run};

#[test]
fn a_dropped_group_drops_a_thousand_children_that_hold_handles_to_it() {
    let census = Census::new();
    let probe_of_core = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        // Alive for as long as what handles share is.
        let shared = Arc::new(());
        *probe_of_core.lock().unwrap() = Some(Arc::downgrade(&shared));
        for _ in 0..1000 {
            let (tg, alive, shared) = (tg.clone(), census.one(), shared.clone());
            tg.clone().start_soon(async move {
                let _kept = (tg, alive, shared);
                forever().await
            });
        }
        forever().await
    }));
    group.waits();
    assert_eq!(census.count(), 1000);
    group.drop_future();
    assert_eq!(census.count(), 0);
    assert!(probe_of_core.lock().unwrap().take().unwrap().upgrade().is_none());
}

#[test]
fn children_that_were_never_polled_are_dropped_too_though_they_hold_handles() {
    let census = Census::new();
    let handles = Mutex::new(Vec::new());
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        handles.lock().unwrap().push(tg.clone());
        forever().await
    }));
    group.waits();
    let tg = handles.lock().unwrap().pop().unwrap();
    let mut tasks = Vec::new();
    for _ in 0..100 {
        let (inner, alive) = (tg.clone(), census.one());
        tasks.push(tg.start_soon(async move {
            let _kept = (inner, alive);
            forever().await
        }));
    }
    drop(tg);
    assert_eq!(census.count(), 100);
    group.drop_future();
    assert_eq!(census.count(), 0);
    assert!(tasks.iter().all(|task| task.status() == TaskState::Cancelled));
    assert_eq!(run(tasks[0].join()).unwrap_err(), JoinError::TaskCancelled);
}

#[test]
fn children_are_dropped_before_the_body() {
    let log = Log::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let _body = log.at_end("body");
        let end = log.at_end("child");
        tg.start_soon(async move {
            let _end = end;
            forever().await
        });
        yield_now().await;
        let end = log.at_end("new child");
        tg.start_soon(async move { drop(end) });
        std::future::pending().await
    }));
    group.poll().map(|_| ()).is_pending().then_some(()).unwrap();
    assert!(group.poll().is_pending());
    // The new one was taken in and has ended; another one is left in the inbox below.
    assert_eq!(log.all(), ["new child"]);
    group.drop_future();
    assert_eq!(log.all(), ["new child", "child", "body"]);
}

#[test]
fn one_panicking_destructor_does_not_keep_the_others_from_being_dropped() {
    let census = Census::new();
    let log = Log::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let _body = log.at_end("body");
        for n in 0..20 {
            let alive = census.one();
            let bomb = OnDrop(move || {
                if n % 5 == 0 {
                    panic!("bomb {n}");
                }
            });
            tg.start_soon(async move {
                let _kept = (alive, bomb);
                forever().await
            });
        }
        forever().await
    }));
    group.waits();
    assert_eq!(panic_of(|| group.drop_future()), "bomb 0");
    assert_eq!(census.count(), 0);
    assert_eq!(log.all(), ["body"]);
}

#[test]
fn a_panicking_destructor_of_the_body_comes_out_of_the_drop_after_all_is_dropped() {
    let census = Census::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let _bomb = OnDrop(|| panic!("body"));
        let alive = census.one();
        tg.start_soon(async move {
            let _alive = alive;
            forever().await
        });
        forever().await
    }));
    group.waits();
    assert_eq!(panic_of(|| group.drop_future()), "body");
    assert_eq!(census.count(), 0);
}

#[test]
fn panicking_destructors_while_another_panic_unwinds_do_not_abort() {
    let census = Census::new();
    let text = panic_of(|| {
        let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
            let _bomb = OnDrop(|| panic!("body"));
            for _ in 0..3 {
                let (alive, bomb) = (census.one(), OnDrop(|| panic!("child")));
                tg.start_soon(async move {
                    let _kept = (alive, bomb);
                    forever().await
                });
            }
            forever().await
        }));
        group.waits();
        panic!("outer");
    });
    assert_eq!(text, "outer");
    assert_eq!(census.count(), 0);
}

/// Starts a task when dropped, and keeps its handle.
fn starts_when_dropped<'env>(
    tg: TaskGroup<'env, io::Error>,
    handles: &'env Mutex<Vec<TaskHandle<()>>>,
    census: &'env Census,
) -> impl Send + 'env {
    OnDrop(move || {
        let alive = census.one();
        handles.lock().unwrap().push(tg.start_soon(async move { drop(alive) }));
    })
}

#[test]
fn a_destructor_that_starts_a_task_while_the_group_is_dropped_gets_a_cancelled_one() {
    let census = Census::new();
    let handles = Mutex::new(Vec::new());
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let _body = starts_when_dropped(tg.clone(), &handles, &census);
        let child = starts_when_dropped(tg.clone(), &handles, &census);
        tg.start_soon(async move {
            let _child = child;
            forever().await
        });
        forever().await
    }));
    group.waits();
    group.drop_future();
    let handles = handles.lock().unwrap();
    assert_eq!(handles.len(), 2);
    for handle in handles.iter() {
        assert_eq!(handle.try_result(), Some(Err(JoinError::TaskCancelled)));
    }
    assert_eq!(census.count(), 0);
}

#[test]
fn a_destructor_that_starts_a_task_while_unwinding_does_not_abort() {
    let census = Census::new();
    let handles = Mutex::new(Vec::new());
    let text = panic_of(|| {
        let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
            let _body = starts_when_dropped(tg.clone(), &handles, &census);
            let child = starts_when_dropped(tg.clone(), &handles, &census);
            tg.start_soon(async move {
                let _child = child;
                forever().await
            });
            forever().await
        }));
        group.waits();
        panic!("outer");
    });
    assert_eq!(text, "outer");
    assert_eq!(handles.lock().unwrap().len(), 2);
    assert_eq!(census.count(), 0);
}

#[test]
fn a_late_start_into_a_returned_group_while_unwinding_is_a_cancelled_task() {
    let census = Census::new();
    let handles = Mutex::new(Vec::new());
    let tg = run(task_group(async |tg| io::Result::Ok(tg))).unwrap().unwrap();
    let text = panic_of(|| {
        let _late = starts_when_dropped(tg, &handles, &census);
        panic!("outer");
    });
    assert_eq!(text, "outer");
    assert_eq!(handles.lock().unwrap()[0].status(), TaskState::Cancelled);
    assert_eq!(census.count(), 0);
}

#[test]
fn whoever_waits_for_a_task_is_told_when_its_group_is_dropped() {
    let kept = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        *kept.lock().unwrap() = Some(tg.start_soon(forever()));
        forever().await
    }));
    group.waits();
    let task = kept.lock().unwrap().take().unwrap();
    let (mut wait, mut join) = (Probe::new(task.wait()), Probe::new(task.join()));
    wait.waits();
    join.waits();
    group.drop_future();
    wait.finish().unwrap();
    assert_eq!(join.finish(), Err(JoinError::TaskCancelled));
}

#[test]
fn a_waker_of_a_dropped_group_may_be_used_and_keeps_no_value() {
    let census = Census::new();
    let gate = Gate::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let alive = census.one();
        let wait = gate.wait();
        tg.start_soon(async move {
            wait.await;
            io::Result::Ok(alive)
        });
        forever().await
    }));
    group.waits();
    group.drop_future();
    assert_eq!(census.count(), 0);
    gate.open();
    assert!(!group.is_woken());
}

#[test]
fn a_value_that_nobody_can_take_any_more_is_dropped_at_once_though_a_waker_is_left() {
    let census = Census::new();
    let gate = Gate::new();
    // A foreign place keeps the task's waker: this wait registers it, and is then given up.
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        for keep in [false, true] {
            let (alive, wait) = (census.one(), gate.wait());
            let task = tg.start_soon(async move {
                let _ = futures_lite::future::poll_once(wait).await;
                io::Result::Ok(alive)
            });
            if keep {
                task.wait().await?;
            }
            drop(task);
        }
        Ok(())
    }));
    group.finish().unwrap();
    assert_eq!(census.count(), 0);
    assert!(!gate.is_open());
}

#[test]
fn a_local_group_drops_its_children_and_what_they_hold() {
    let census = Census::new();
    let mut group = Probe::new(local_task_group(async |tg| -> io::Result<()> {
        for _ in 0..10 {
            let (tg, alive) = (tg.clone(), std::rc::Rc::new(census.one()));
            tg.clone().start_soon(async move {
                let _kept = (tg, alive);
                forever().await
            });
        }
        forever().await
    }));
    group.waits();
    assert_eq!(census.count(), 10);
    group.drop_future();
    assert_eq!(census.count(), 0);
}

#[test]
fn nested_groups_go_with_the_outer_one() {
    let census = Census::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            tg.start_soon(async {
                task_group(async |tg| -> io::Result<()> {
                    for _ in 0..3 {
                        let alive = census.one();
                        tg.start_soon(async move {
                            let _alive = alive;
                            forever().await
                        });
                    }
                    forever().await
                })
                .await
            });
        }
        forever().await
    }));
    group.waits();
    assert_eq!(census.count(), 9);
    group.drop_future();
    assert_eq!(census.count(), 0);
}

#[test]
fn a_child_that_drops_the_last_handle_of_others_disturbs_nothing() {
    let census = Census::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async { io::Result::Ok(census.one()) });
        tg.start_soon(async move { drop(task) });
        Ok(())
    }));
    group.finish().unwrap();
    assert_eq!(census.count(), 0);
}

#[test]
fn errors_that_a_dropped_group_had_are_dropped_with_it() {
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(crate::support::fail("lost with the group"));
        anyio_cancel_scope::shield(std::future::pending()).await
    }));
    group.waits();
    group.drop_future();
}

#[test]
fn the_panic_of_a_child_is_gone_with_a_group_that_is_dropped_before_it_resumes() {
    let gate = Gate::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { panic!("kept") });
        anyio_cancel_scope::shield(gate.wait()).await;
        Ok(())
    }));
    panics_in(|| group.waits());
    // It was not handed to anyone yet, so the drop raises it: nothing hides.
    let raised = catch_unwind(AssertUnwindSafe(|| group.drop_future()));
    assert_eq!(raised.unwrap_err().downcast_ref(), Some(&"kept"));
}
