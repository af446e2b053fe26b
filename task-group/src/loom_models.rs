//! Models of the group as it is, for loom: every interleaving of two threads, up to a bound on preemptions.
//!
//! ```text
//! RUSTFLAGS="--cfg anyio_loom" cargo test -p anyio-task-group --release --lib
//! ```
//!
//! A lost wake-up shows as a deadlock. What stands in std's locks (the registry of groups) is outside of the models.

use std::{
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Poll, Waker},
};

use anyio_cancel_scope::sleep_forever;
use loom::{future::block_on, model::Builder, sync::atomic::AtomicUsize, thread};

use crate::{
    TaskGroup, TaskState,
    sync::{AtomicBool, Mutex, Ordering},
    task_group,
};

/// Explores `model` with at most this many preemptions, and as many more as `ANYIO_LOOM_MORE` says (1).
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let more: usize = std::env::var("ANYIO_LOOM_MORE").ok().and_then(|more| more.parse().ok()).unwrap_or(1);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions + more);
    builder.max_branches = 20_000;
    builder.check(model);
}

/// A door with one waiter.
#[derive(Default)]
struct Gate(Mutex<(bool, Option<Waker>)>);

impl Gate {
    fn open(&self) {
        let waker = {
            let mut state = self.0.lock();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn wait(self: Arc<Self>) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

async fn forever() -> io::Result<()> {
    Ok(sleep_forever().await?)
}

type Group = TaskGroup<'static, io::Error>;

// bell.rs, invariant 2
#[test]
fn a_child_that_is_woken_while_the_group_goes_to_sleep_is_polled() {
    explore(3, || {
        let gate = Arc::new(Gate::default());
        let opener = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        let result = block_on(task_group(async |tg| -> io::Result<()> {
            tg.start_soon(gate.wait());
            Ok(())
        }));
        assert!(matches!(result, Ok(Some(()))));
        opener.join().unwrap();
    });
}

#[test]
fn a_body_that_is_woken_while_the_group_goes_to_sleep_is_polled() {
    explore(3, || {
        let gate = Arc::new(Gate::default());
        let opener = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        let result = block_on(task_group(async |_tg| -> io::Result<()> {
            gate.wait().await;
            Ok(())
        }));
        assert!(matches!(result, Ok(Some(()))));
        opener.join().unwrap();
    });
}

#[test]
fn two_children_that_are_woken_by_two_threads_are_both_polled() {
    explore(2, || {
        let gates = [Arc::new(Gate::default()), Arc::new(Gate::default())];
        let openers = gates.clone().map(|gate| thread::spawn(move || gate.open()));
        let result = block_on(task_group(async |tg| -> io::Result<()> {
            for gate in gates {
                tg.start_soon(gate.wait());
            }
            Ok(())
        }));
        assert!(matches!(result, Ok(Some(()))));
        for opener in openers {
            opener.join().unwrap();
        }
    });
}

/// Runs a group whose handle `elsewhere` uses on another thread, beside what `body` does with it.
fn beside(elsewhere: impl FnOnce(Group) + Send + 'static, body: impl AsyncFnOnce(Group)) {
    let other = Arc::new(Mutex::new(None));
    let given = other.clone();
    let result = block_on(task_group(async |tg: Group| -> io::Result<()> {
        let group = tg.clone();
        *given.lock() = Some(thread::spawn(move || elsewhere(group)));
        body(tg).await;
        Ok(())
    }));
    assert!(matches!(result, Ok(Some(()))));
    let other = other.lock().take();
    other.unwrap().join().unwrap();
}

#[test]
fn a_task_that_is_started_from_elsewhere_while_the_group_goes_to_sleep_runs() {
    explore(3, || {
        let gate = Arc::new(Gate::default());
        let opened = gate.clone();
        beside(move |tg| drop(tg.start_soon(async move { opened.open() })), async |_tg| gate.wait().await);
    });
}

// inbox.rs, invariant 1
#[test]
fn a_task_that_is_started_while_the_group_returns_runs_or_is_refused() {
    std::panic::set_hook(Box::new(|_| {}));
    explore(3, || {
        let (ran, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, counted) = (ran.clone(), started.clone());
        beside(
            move |tg| {
                let task = async move {
                    count.fetch_add(1, Ordering::SeqCst);
                };
                let accepted = catch_unwind(AssertUnwindSafe(|| drop(tg.start_soon(task)))).is_ok();
                counted.store(accepted as usize, Ordering::SeqCst);
            },
            async |_tg| {},
        );
        assert_eq!(ran.load(Ordering::SeqCst), started.load(Ordering::SeqCst));
    });
    drop(std::panic::take_hook());
}

#[test]
fn a_hold_that_is_released_while_the_group_goes_to_sleep_lets_it_return() {
    explore(3, || {
        let released = Arc::new(AtomicBool::new(false));
        let other = Arc::new(Mutex::new(None));
        let (given, release) = (other.clone(), released.clone());
        let result = block_on(task_group(async |tg: Group| -> io::Result<()> {
            let hold = tg.hold();
            *given.lock() = Some(thread::spawn(move || {
                release.store(true, Ordering::SeqCst);
                drop(hold);
            }));
            Ok(())
        }));
        assert!(matches!(result, Ok(Some(()))));
        assert!(released.load(Ordering::SeqCst));
        let other = other.lock().take();
        other.unwrap().join().unwrap();
    });
}

#[test]
fn a_task_that_is_cancelled_by_its_handle_around_its_first_pending_is_told() {
    explore(3, || {
        let other = Arc::new(Mutex::new(None));
        let given = other.clone();
        let result = block_on(task_group(async |tg: Group| -> io::Result<()> {
            let task = tg.start_soon(forever());
            *given.lock() = Some(thread::spawn(move || {
                task.cancel();
                task
            }));
            Ok(())
        }));
        assert!(matches!(result, Ok(Some(()))));
        let other = other.lock().take();
        assert_eq!(other.unwrap().join().unwrap().status(), TaskState::Cancelled);
    });
}

#[test]
fn the_tasks_of_a_group_that_is_cancelled_from_elsewhere_are_told() {
    explore(2, || {
        let other = Arc::new(Mutex::new(None));
        let given = other.clone();
        let result = block_on(task_group(async |tg: Group| -> io::Result<()> {
            tg.start_soon(forever());
            let group = tg.clone();
            *given.lock() = Some(thread::spawn(move || group.cancel()));
            forever().await
        }));
        assert!(matches!(result, Ok(None)));
        let other = other.lock().take();
        other.unwrap().join().unwrap();
    });
}

#[test]
fn a_join_that_begins_while_the_task_ends_is_woken() {
    explore(3, || {
        let other = Arc::new(Mutex::new(None));
        let given = other.clone();
        let result = block_on(task_group(async |tg: Group| -> io::Result<()> {
            let task = tg.start_soon(async { io::Result::Ok(7) });
            *given.lock() = Some(thread::spawn(move || block_on(task.join())));
            Ok(())
        }));
        assert!(matches!(result, Ok(Some(()))));
        let other = other.lock().take();
        assert_eq!(other.unwrap().join().unwrap(), Ok(7));
    });
}

#[test]
fn a_handle_that_is_dropped_while_the_task_ends_leaves_no_value() {
    explore(3, || {
        let value = Arc::new(());
        let (given, kept) = (value.clone(), Arc::new(Mutex::new(None)));
        let other = kept.clone();
        let result = block_on(task_group(async |tg: Group| -> io::Result<()> {
            // The waker outlives the group, and with it the rest of the task.
            let task = tg.start_soon(async move {
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                io::Result::Ok((given, waker))
            });
            *other.lock() = Some(thread::spawn(move || drop(task)));
            Ok(())
        }));
        assert!(matches!(result, Ok(Some(()))));
        let other = kept.lock().take();
        other.unwrap().join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

// start.rs, invariant 1
#[test]
fn a_start_from_elsewhere_gets_the_value() {
    explore(2, || {
        let gate = Arc::new(Gate::default());
        let opened = gate.clone();
        beside(
            move |tg| {
                let started = block_on(tg.start(async |status| status.started(7)));
                assert_eq!(started.map(|(value, _task)| value).ok(), Some(7));
                opened.open();
            },
            async |_tg| gate.wait().await,
        );
    });
}

#[test]
fn a_start_from_elsewhere_that_is_given_up_ends_its_task() {
    explore(2, || {
        let gate = Arc::new(Gate::default());
        let opened = gate.clone();
        beside(
            move |tg| {
                let start = tg.start(async |status: crate::TaskStatus<()>| {
                    forever().await?;
                    status.started(());
                    io::Result::Ok(())
                });
                let mut start = Box::pin(start);
                let _ = start.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()));
                drop(start);
                opened.open();
            },
            async |_tg| gate.wait().await,
        );
    });
}
