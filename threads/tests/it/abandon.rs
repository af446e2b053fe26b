//! What a task still is to its thread.

use anyio_cancel_scope::{CancelScope, sleep_forever};
use anyio_runtime::run;
use anyio_task_group::{current_task, debug::task_tree, task_group};
use anyio_threads::{from_thread, to_thread};

use crate::support::{Gate, OnDrop, ends, start, until};

// "futurelock"
#[test]
fn a_thread_that_waits_for_a_task_that_does_not_poll_shows_in_the_tree() {
    ends(|| {
        run(async {
            let gate = Gate::default();
            let at = gate.clone();
            let ask = move || {
                at.pass();
                from_thread::run(async { 7 })
            };
            let mut call = to_thread::run_sync(ask).named("waiter");
            start(&mut call).await;
            gate.open();
            // It does not get on, and the tree tells which one, and in which call.
            until(|| task_tree().to_string().contains("waits in from_thread::run at"));
            let tree = task_tree().to_string();
            let line = tree.lines().find(|line| line.contains("waiter")).unwrap_or_else(|| panic!("{tree}"));
            assert!(line.contains("from_thread::run") && line.contains("abandon.rs"), "{line}");
            assert_eq!(call.await, Ok(Ok(7)));
            assert!(!task_tree().to_string().contains("waiter"));
        });
    });
}

#[test]
fn a_task_that_waits_for_a_thread_shows_its_line() {
    ends(|| {
        run(async {
            let gate = Gate::default();
            let at = gate.clone();
            task_group(async |tg| -> std::io::Result<()> {
                tg.task("asker").start_soon(async move { Ok(to_thread::run_sync(move || at.pass()).await?) });
                anyio_cancel_scope::yield_now().await;
                let tree = task_tree().to_string();
                assert!(
                    tree.lines()
                        .any(|line| line.contains("asker") && line.contains("run_sync at threads/tests/it/abandon.rs")),
                    "{tree}"
                );
                gate.open();
                Ok(())
            })
            .await
            .unwrap();
        });
    });
}

// T2
#[test]
fn the_closure_is_in_the_task_of_its_caller() {
    ends(|| {
        run(async {
            let here = current_task().unwrap().id();
            let there = to_thread::run_sync(|| current_task().unwrap().id()).await;
            assert_eq!(there, Ok(here));
        });
    });
}

// T2: a wait in the thread itself is a checkpoint of the same scope
#[test]
fn what_a_thread_blocks_on_by_itself_is_cancelled_too() {
    ends(|| {
        run(async {
            let (scope, gate) = (CancelScope::new(), Gate::default());
            let theirs = gate.clone();
            let call = to_thread::run_sync(move || {
                gate.open();
                futures::executor::block_on(sleep_forever()).is_err()
            });
            let ended = scope.run(async {
                let mut call = call;
                start(&mut call).await;
                theirs.pass();
                scope.cancel();
                assert_eq!(call.await, Ok(true));
                Ok::<_, anyio_cancel_scope::Cancelled>(())
            });
            assert_eq!(ended.await, Ok(Some(())));
        });
    });
}

#[test]
fn the_destructor_of_a_value_that_nobody_wants_is_told_that_it_is_abandoned() {
    ends(|| {
        let (told, telling) = (Gate::default(), std::sync::mpsc::channel());
        let (tell, heard) = telling;
        run(async {
            let (at, opened) = (told.clone(), told);
            let value = OnDrop(move || {
                let call = from_thread::run_sync(|| ()).unwrap_err();
                tell.send((from_thread::check_cancelled().is_err(), call.is_abandoned())).unwrap();
            });
            let mut call = to_thread::run_sync(move || {
                at.pass();
                value
            });
            start(&mut call).await;
            opened.wait_for(1);
            drop(call);
            opened.open();
        });
        assert_eq!(heard.recv().unwrap(), (true, true));
    });
}
