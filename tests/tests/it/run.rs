//! `run`: what it takes, what it gives, and where it may not be called.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Barrier,
    thread,
    time::Duration,
};

use anyio::{
    Result, current_task, local_task_group, move_on_after, ok, run, sleep, sleep_forever, task_group, yield_now,
};

use crate::common::{Count, ends, let_others_run, words};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_run_inside_a_run_panics_and_tells_the_cure() {
    ends(|| {
        run(async {
            let panic = catch_unwind(|| run(async {})).unwrap_err();
            let words = words(panic);
            assert!(words.starts_with("run: this thread is inside of a `run` already"), "{words}");
            assert!(words.contains(file!()), "it tells where the outer one was called: {words}");
            assert!(words.contains("`.await` the future there, or start it in a task group"), "{words}");
            yield_now().await;
        });
        run(async {});
    });
}

#[test]
fn a_run_inside_a_child_panics_too() {
    ends(|| {
        let ended = catch_unwind(|| {
            run(task_group(async |tg| -> Result<_> {
                tg.start_soon(async { run(async {}) });
                Ok(())
            }))
        });
        assert!(words(ended.unwrap_err()).starts_with("run: this thread is inside of a `run` already"));
    });
}

#[test]
fn threads_have_a_run_each_at_the_same_time() {
    let both = &Barrier::new(2);
    let sums: Vec<u32> = thread::scope(|threads| {
        let thread = |n: u32| {
            threads.spawn(move || {
                run(async {
                    both.wait();
                    let parts = anyio::gather((0..n).map(async |n| {
                        sleep(MS).await?;
                        ok(n)
                    }));
                    let sum = parts.await.unwrap().iter().sum();
                    both.wait();
                    sum
                })
            })
        };
        [thread(5), thread(10)].map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(sums, [10, 45]);
}

#[test]
fn a_run_on_another_thread_is_none_inside() {
    let inner = run(async { thread::scope(|threads| threads.spawn(|| run(async { 7 })).join().unwrap()) });
    assert_eq!(inner, 7);
}

// anyio: tests/test_eventloop.py::test_run_task
// anyio: tests/test_eventloop.py::test_run_non_corofunc
#[test]
fn it_gives_what_the_future_gives_and_takes_what_borrows() {
    let text = String::from("text");
    let count = Rc::new(Cell::new(0));
    let local = async {
        count.set(1);
        yield_now().await;
        (Rc::clone(&count), text.as_str())
    };
    let (rc, borrowed): (Rc<Cell<i32>>, &str) = run(local);
    assert_eq!((rc.get(), borrowed), (1, "text"));
    let () = run(async {});
    let failed: std::result::Result<(), &str> = run(async { Err("any error at all") });
    assert_eq!(failed, Err("any error at all"));
    let closure = run(async { |n: u32| n + 1 });
    assert_eq!(closure(1), 2);
    assert_eq!(run(std::future::ready(3)), 3);
}

#[test]
fn a_panic_passes_through_and_leaves_the_thread_usable() {
    ends(|| {
        let alive = Count::new();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            run(async {
                let _alive = alive.hold();
                task_group(async |tg| -> Result<_> {
                    for _ in 0..3 {
                        tg.start_soon(async {
                            let _alive = alive.hold();
                            ok(sleep_forever().await?)
                        });
                    }
                    let_others_run().await;
                    std::panic::panic_any(alive.get());
                    #[allow(unreachable_code)]
                    Ok(())
                })
                .await
            })
        }));
        assert_eq!(panic.unwrap_err().downcast_ref::<usize>(), Some(&4));
        assert_eq!(alive.get(), 0);
        assert!(current_task().is_none(), "nothing is left of the run");
        assert_eq!(run(async { move_on_after(MS, sleep_forever()).await }), Ok(None));
    });
}

// anyio: tests/test_debugging.py::test_main_task_name
#[test]
fn its_future_is_a_task() {
    run(async {
        let task = current_task().expect("it is the root of the tree");
        assert_eq!((task.parent_id(), task.started_at().file()), (None, file!()));
        assert!(task.name().contains("its_future_is_a_task"), "{}", task.name());
        let below = local_task_group(async |tg| -> Result<_> {
            let child = tg.start_soon(async { ok(current_task().unwrap()) });
            Ok(child.join().await?)
        });
        assert_eq!(below.await.unwrap().unwrap().parent_id(), Some(task.id()));
        assert!(anyio::debug::task_tree().tasks().contains(&task));
    });
    assert!(current_task().is_none());
}

#[test]
fn it_runs_under_a_foreign_block_on_and_in_its_blocking_threads() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let slept = runtime.block_on(async {
        let blocking = tokio::task::spawn_blocking(|| run(async { ok(sleep(MS).await?) }));
        blocking.await.unwrap()
    });
    assert!(slept.is_ok());
}

#[test]
fn wake_ups_of_other_threads_reach_it() {
    ends(|| {
        for _ in 0..100 {
            let (hand_over, handed) = futures::channel::oneshot::channel();
            let thread = thread::spawn(move || hand_over.send(1));
            assert_eq!(run(handed), Ok(1));
            thread.join().unwrap().unwrap();
        }
    });
}
