//! Holds.

use std::io;

use anyio_cancel_scope::{CancelScope, shield, yield_now};
use anyio_task_group::{gather, hold, task_group};

use crate::support::{Probe, forever, run};

#[test]
fn a_held_group_does_not_return_before_it_is_released_from_another_thread() {
    let (put, get) = std::sync::mpsc::channel();
    let mut group = Probe::new(task_group(async |_tg| -> io::Result<()> {
        put.send(hold().unwrap()).unwrap();
        Ok(())
    }));
    group.waits();
    assert!(!group.is_woken());
    let hold = get.recv().unwrap();
    std::thread::spawn(move || drop(hold)).join().unwrap();
    assert!(group.is_woken());
    assert_eq!(group.finish().unwrap(), Some(()));
}

#[test]
fn the_last_of_several_holds_counts() {
    let mut holds = Vec::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        holds.push(tg.hold());
        holds.push(hold().unwrap());
        Ok(())
    }));
    group.waits();
    drop(group);
    assert_eq!(holds.len(), 2);

    let (put, get) = std::sync::mpsc::channel();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        put.send((tg.hold(), tg.hold())).unwrap();
        Ok(())
    }));
    group.waits();
    let (first, second) = get.recv().unwrap();
    drop(second);
    assert!(!group.is_woken());
    group.waits();
    drop(first);
    group.finish().unwrap();
}

#[test]
fn it_is_the_innermost_group_that_is_held_through_scopes_and_tasks() {
    let (put, get) = std::sync::mpsc::channel();
    let mut outer = Probe::new(task_group(async |tg| -> io::Result<()> {
        let put = put.clone();
        tg.start_soon(async move {
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(async move {
                    CancelScope::new()
                        .enter(shield(async {
                            yield_now().await;
                            put.send(hold().unwrap()).unwrap();
                        }))
                        .await;
                });
                Ok(())
            })
            .await
        });
        Ok(())
    }));
    outer.waits();
    let hold = get.try_recv().unwrap();
    drop(hold);
    assert_eq!(outer.finish().unwrap(), Some(()));
}

#[test]
fn combinators_are_held_as_well() {
    let (put, get) = std::sync::mpsc::channel();
    let mut all = Probe::new(gather([async {
        put.send(hold().unwrap()).unwrap();
        io::Result::Ok(1)
    }]));
    all.waits();
    drop(get.try_recv().unwrap());
    assert_eq!(all.finish().unwrap(), [1]);
}

#[test]
fn outside_of_any_group_there_is_nothing_to_hold() {
    assert!(hold().is_none());
    run(CancelScope::new().enter(async { assert!(hold().is_none()) }));
}

#[test]
fn a_held_group_is_cancelled_and_takes_new_tasks_while_it_waits() {
    let (put, get) = std::sync::mpsc::channel();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        put.send((tg.clone(), tg.hold())).unwrap();
        Ok(())
    }));
    group.waits();
    let (tg, hold) = get.recv().unwrap();
    tg.start_soon(forever());
    group.waits();
    assert_eq!(tg.tasks().len(), 1);
    tg.cancel();
    group.waits();
    assert!(tg.tasks().is_empty());
    drop(hold);
    assert_eq!(group.finish().unwrap(), Some(()));
}

#[test]
fn a_hold_outlives_a_dropped_group_without_harm() {
    let (put, get) = std::sync::mpsc::channel();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        put.send(tg.hold()).unwrap();
        Ok(())
    }));
    group.waits();
    group.drop_future();
    let hold = get.recv().unwrap();
    assert_eq!(format!("{hold:?}"), "Hold { .. }");
    drop(hold);
    assert!(!group.is_woken());
}
