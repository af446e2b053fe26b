//! The task tree.

use std::{io, sync::Mutex, time::Duration};

use anyio_cancel_scope::{CancelScope, VirtualClock, shield, sleep_forever, yield_now};
use anyio_task_group::{TaskState, debug::task_tree, gather, task_group};

use crate::support::{Gate, Probe, forever, run};

/// The part of the tree from the line with `from` on. (Other tests of this process have groups too.)
fn part(from: &str) -> Vec<String> {
    let tree = task_tree().to_string();
    let lines: Vec<String> = tree.lines().map(ToOwned::to_owned).collect();
    let start = lines.iter().position(|line| line.contains(from)).unwrap_or_else(|| panic!("no {from} in\n{tree}"));
    let depth = |line: &str| line.chars().take_while(|c| " │├└─".contains(*c)).count();
    let mut end = start + 1;
    while end < lines.len() && depth(&lines[end]) > depth(&lines[start]) {
        end += 1;
    }
    lines[start..end].to_vec()
}

// anyio: tests/test_debugging.py::test_get_running_tasks
#[test]
fn the_tree_shows_names_parents_states_verbs_and_lines() {
    let line = line!() + 1;
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.task("tree reader").start_soon(async { Ok::<_, io::Error>(sleep_forever().await?) });
        tg.task("tree host").start_soon(async {
            task_group(async |tg| -> io::Result<()> {
                tg.task("tree inner").start_soon(forever()).cancel();
                let inner = tg.task("tree shielded").start_soon(shield(Gate::new().wait()));
                inner.cancel();
                inner.wait().await?;
                Ok(())
            })
            .await
        });
        std::future::pending().await
    }));
    group.waits();
    let lines = part(&format!("task_group at {}:{line}:", file!()));
    assert_eq!(lines.len(), 5, "{lines:#?}");
    let reader = &lines[1];
    assert!(reader.starts_with("├─ #") && reader.contains(" tree reader: Pending, started at "), "{reader}");
    assert!(reader.contains(&format!(", waits in sleep_forever at {}:{}:", file!(), line + 1)), "{reader}");
    let host = &lines[2];
    assert!(host.starts_with("└─ #") && host.contains(" tree host: Pending"), "{host}");
    assert!(host.contains("waits in wait at "), "{host}");
    assert!(lines[3].starts_with(&format!("   └─ task_group at {}:{}:", file!(), line + 3)), "{}", lines[3]);
    assert!(lines[4].contains("      └─ #") && lines[4].contains(" tree shielded: Cancelling"), "{}", lines[4]);

    let tree = task_tree();
    let named = |name: &str| tree.tasks().iter().find(|task| task.name() == name).unwrap().clone();
    assert_eq!(named("tree shielded").parent_id(), Some(named("tree host").id()));
    assert_eq!(named("tree reader").parent_id(), None);
    assert!(named("tree shielded").has_pending_cancellation());
    let (verb, place) = named("tree reader").waiting().unwrap();
    assert_eq!((verb, place.line()), ("sleep_forever", line + 1));
    drop(group);
    assert!(!task_tree().to_string().contains("tree reader"));
}

#[test]
fn the_tree_shows_what_holds_in_the_scope_of_a_group() {
    let clock = VirtualClock::new();
    let kept = Mutex::new(None);
    let line = line!() + 1;
    let mut group = Probe::new(clock.run(task_group(async |tg| -> io::Result<()> {
        tg.scope().set_deadline(Some(anyio_cancel_scope::now() + Duration::from_secs(5)));
        tg.scope().set_shielded(true);
        let _scope = tg.scope().named("orders");
        *kept.lock().unwrap() = Some(tg.scope());
        tg.start_soon(shield(std::future::pending::<()>()));
        Ok(())
    })));
    group.waits();
    let header = |clock: &VirtualClock| {
        let clock = clock.clone();
        run(clock.run(async { part(&format!("task_group at {}:{line}:", file!())).remove(0) }))
    };
    let shown = header(&clock);
    assert!(shown.contains("\"orders\"") && shown.contains(", shielded") && shown.contains("5.0s left"), "{shown}");
    kept.lock().unwrap().as_ref().unwrap().stop(Duration::from_secs(1));
    let shown = header(&clock);
    assert!(shown.contains(", stopping") && shown.contains("1.0s left"), "{shown}");
    clock.advance(Duration::from_secs(2));
    group.waits();
    let shown = header(&clock);
    assert!(
        shown.contains("cancelled because the grace of a stop ran out") && shown.contains("deadline passed"),
        "{shown}"
    );
    drop(group);
}

#[test]
fn combinators_are_in_the_tree_under_their_names() {
    let line = line!() + 1;
    let mut all = Probe::new(gather([forever(), forever()]));
    all.waits();
    let lines = part(&format!("gather at {}:{line}:", file!()));
    assert_eq!(lines.len(), 3, "{lines:#?}");
    drop(all);
}

#[test]
fn where_the_body_waits_says_more_than_that_it_is_in_a_group() {
    let scope = CancelScope::new();
    let mut group = Probe::new(scope.run(task_group(async |tg| -> io::Result<()> {
        tg.task("tree outer").start_soon(async {
            task_group(async |tg| -> io::Result<()> {
                tg.start_soon(shield(std::future::pending::<()>()));
                forever().await
            })
            .await
        });
        Ok(())
    })));
    group.waits();
    let waits = || task_tree().tasks().iter().find(|task| task.name() == "tree outer").unwrap().waiting().unwrap().0;
    assert_eq!(waits(), "sleep_forever");
    scope.cancel();
    group.waits();
    // The body has ended; the group waits for its child.
    assert_eq!(waits(), "task_group");
    drop(group);
}

#[test]
fn a_finished_task_waits_nowhere() {
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.task("tree finished").start_soon(async {
            yield_now().await;
            io::Result::Ok(())
        });
        let before = tg.tasks().remove(0);
        task.wait().await?;
        assert_eq!(before.state(), TaskState::Pending);
        assert!(tg.tasks().is_empty());
        assert!(task_tree().tasks().iter().all(|task| task.name() != "tree finished"));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn the_tree_may_be_looked_at_from_other_threads_while_tasks_run() {
    std::thread::scope(|threads| {
        let looking = threads.spawn(|| {
            for _ in 0..200 {
                let _ = task_tree().to_string();
            }
        });
        for _ in 0..50 {
            run(task_group(async |tg| -> io::Result<()> {
                for _ in 0..20 {
                    tg.start_soon(async {
                        task_group(async |tg| -> io::Result<()> {
                            tg.start_soon(yield_now());
                            Ok(())
                        })
                        .await
                    });
                }
                Ok(())
            }))
            .unwrap();
        }
        looking.join().unwrap();
    });
}

/// `levels` groups in each other, with one task each.
fn nested(levels: usize) -> std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>> {
    Box::pin(async move {
        if levels == 0 {
            return forever().await;
        }
        task_group(async |tg| -> io::Result<()> {
            tg.task(format!("level {levels}")).start_soon(nested(levels - 1));
            Ok(())
        })
        .await
        .map(drop)
    })
}

#[test]
fn a_deep_tree_is_drawn_on_a_small_stack_and_its_lines_stay_short() {
    let deep = || {
        let mut group = Probe::new(nested(2000));
        group.waits();
        let draw = || {
            let tree = task_tree();
            (tree.tasks().len(), tree.to_string())
        };
        let (tasks, drawing) = std::thread::Builder::new().stack_size(64 * 1024).spawn(draw).unwrap().join().unwrap();
        assert!(tasks >= 2000 && drawing.contains("levels deep) "));
        let longest = drawing.lines().filter(|line| line.contains("level ")).map(|line| line.chars().count()).max();
        assert!(longest.unwrap() < 400, "{longest:?}");
        group.drop_future();
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn a_name_with_line_breaks_stays_on_its_line() {
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.task("two\nlines of a name").start_soon(forever());
        forever().await
    }));
    group.waits();
    assert!(task_tree().to_string().contains("two\\nlines of a name: Pending"));
}
