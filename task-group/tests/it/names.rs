//! Names and identities of tasks.

use std::{collections::HashSet, io, sync::Mutex};

use anyio_cancel_scope::yield_now;
use anyio_task_group::{TaskId, current_task, gather, task_group};

use crate::support::{forever, run};

async fn own_name() -> io::Result<String> {
    Ok(current_task().unwrap().name().to_owned())
}

// anyio: tests/test_taskgroups.py::test_task_name_default
// anyio: tests/test_debugging.py::test_non_main_task_name
#[test]
fn the_default_name_is_that_of_the_function_in_which_the_future_was_written() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(own_name());
        let inside = task.join().await?;
        assert_eq!((task.name(), inside.as_str()), ("it::names::own_name", "it::names::own_name"));

        let here = "it::names::the_default_name_is_that_of_the_function_in_which_the_future_was_written";
        assert_eq!(tg.start_soon(async {}).name(), here);
        let (inside, task) = tg
            .start(async |status| {
                status.started(own_name().await?);
                io::Result::Ok(())
            })
            .await?;
        assert_eq!((task.name(), inside.as_str()), (here, here));
        Ok(())
    }))
    .unwrap();
}

// anyio: tests/test_taskgroups.py::test_task_name_custom_name
// anyio: tests/test_debugging.py::test_non_main_task_name
#[test]
fn a_task_has_the_name_it_is_given_also_the_empty_one() {
    run(task_group(async |tg| -> io::Result<()> {
        for name in ["custom name", ""] {
            let task = tg.task(name).start_soon(own_name());
            assert_eq!(task.join().await?, name);
            assert_eq!(task.name(), name);
            let (inside, task) = tg
                .task(name.to_owned())
                .start(async |status| {
                    status.started(own_name().await?);
                    io::Result::Ok(())
                })
                .await?;
            assert_eq!((task.name(), inside.as_str()), (name, name));
        }
        Ok(())
    }))
    .unwrap();
}

#[test]
fn ids_are_unique_also_across_threads() {
    let ids = Mutex::new(HashSet::<TaskId>::new());
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                run(task_group(async |tg| -> io::Result<()> {
                    for _ in 0..1500 {
                        let task = tg.start_soon(async {});
                        assert!(ids.lock().unwrap().insert(task.id()));
                    }
                    Ok(())
                }))
                .unwrap();
            });
        }
    });
    assert_eq!(ids.into_inner().unwrap().len(), 6000);
}

#[test]
fn an_id_shows_as_a_number() {
    run(task_group(async |tg| -> io::Result<()> {
        let (first, second) = (tg.start_soon(async {}).id(), tg.start_soon(async {}).id());
        assert!(first < second);
        assert!(first.to_string().strip_prefix('#').unwrap().parse::<u64>().is_ok());
        Ok(())
    }))
    .unwrap();
}

// anyio: tests/test_taskgroups.py::test_start_soon_parent_id
// anyio: tests/test_taskgroups.py::test_start_parent_id
#[test]
fn the_parent_of_a_task_is_the_one_that_hosts_its_group_whoever_starts_it() {
    run(task_group(async |tg| -> io::Result<()> {
        let host = tg.task("host").start_soon(async {
            task_group(async |tg| -> io::Result<()> {
                let host = current_task().unwrap().id();
                let again = tg.clone();
                tg.start_soon(async move {
                    let starter = current_task().unwrap();
                    assert_eq!(starter.parent_id(), Some(host));
                    again.start_soon(async move {
                        assert_eq!(current_task().unwrap().parent_id(), Some(host));
                    });
                    // AnyIO's `start` shows the starter as the parent until `started`; here it is the host at once.
                    again
                        .start(async move |status| {
                            assert_eq!(current_task().unwrap().parent_id(), Some(host));
                            status.started(());
                        })
                        .await
                        .map(|_| ())
                });
                Ok(())
            })
            .await
        });
        assert_eq!(tg.tasks()[0].parent_id(), None);
        host.wait().await?;
        Ok(())
    }))
    .unwrap();
}

#[test]
fn the_current_task_is_none_outside_and_the_hosts_in_the_body() {
    assert!(current_task().is_none());
    run(task_group(async |tg| -> io::Result<()> {
        assert!(current_task().is_none());
        let task = tg.start_soon(async {
            let before = current_task();
            task_group(async |_tg| -> io::Result<()> {
                assert_eq!(current_task(), before);
                yield_now().await;
                assert_eq!(current_task(), before);
                Ok(())
            })
            .await?;
            assert_eq!(current_task(), before);
            io::Result::Ok(before.unwrap().id())
        });
        assert_eq!(task.join().await?, task.id());
        Ok(())
    }))
    .unwrap();
    assert!(current_task().is_none());
}

#[test]
fn the_parts_of_a_combinator_are_tasks() {
    run(gather([async {
        assert!(current_task().unwrap().name().contains("the_parts_of_a_combinator_are_tasks"));
        io::Result::Ok(())
    }]))
    .unwrap();
}

#[test]
fn infos_of_one_task_are_equal() {
    run(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(forever());
        tg.start_soon(forever());
        let (before, after) = (tg.tasks(), tg.tasks());
        assert_eq!(before, after);
        assert_ne!(before[0], before[1]);
        assert!(format!("{:?}", before[0]).contains("forever"));
        tg.cancel();
        Ok(())
    }))
    .unwrap();
}
