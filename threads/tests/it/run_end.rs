//! What is left when a `run` ends.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyio_runtime::{
    __private::{Outcome, TestRun, Verdict},
    Builder, run,
};
use anyio_task_group::{debug::task_tree, task_group};
use anyio_threads::{from_thread, to_thread};

use crate::support::{Gate, OnDrop, ends, start, until};

// Promise 2 (a)
#[test]
fn a_run_waits_for_what_was_abandoned() {
    ends(|| {
        let ended = Arc::new(AtomicUsize::new(0));
        let theirs = ended.clone();
        run(async {
            let gate = Gate::default();
            let at = gate.clone();
            let mut call = to_thread::run_sync(move || {
                at.pass();
                // It ends because it is told.
                until(|| from_thread::check_cancelled().is_err());
                theirs.store(1, Ordering::SeqCst);
            });
            start(&mut call).await;
            gate.wait_for(1);
            gate.open();
        });
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    });
}

// Promise 2 (a)
#[test]
fn what_outlives_the_grace_is_told_and_shown() {
    ends(|| {
        let (gate, told) = (Gate::default(), Arc::new(Mutex::new(Vec::new())));
        let (theirs, list) = (gate.clone(), told.clone());
        let begun = Instant::now();
        let line = line!() + 7;
        Builder::new()
            .thread_grace(Duration::from_millis(20))
            .on_left_over(move |left| list.lock().unwrap().extend(left.iter().cloned()))
            .run(async {
                let (named, at) = (theirs.clone(), theirs.clone());
                let mut one = to_thread::run_sync(move || named.pass()).named("the slow one");
                let mut other = to_thread::run_sync(move || at.pass());
                start(&mut one).await;
                start(&mut other).await;
                theirs.wait_for(2);
            });
        assert!(begun.elapsed() >= Duration::from_millis(20));
        let left = told.lock().unwrap().clone();
        let mut names: Vec<_> = left.iter().map(|left| left.name.to_string()).collect();
        names.sort();
        assert_eq!(names.len(), 2);
        assert!(names[0].contains("what_outlives_the_grace") && names[1] == "the slow one", "{names:?}");
        assert!(left.iter().any(|left| left.started_at.line() == line && left.to_string().contains("started at")));
        let tree = task_tree().to_string();
        assert!(tree.contains("the slow one") && tree.contains("abandoned"), "{tree}");
        gate.open();
        until(|| !task_tree().to_string().contains("the slow one"));
    });
}

// A test has no `on_left_over`: it fails.
#[test]
fn a_test_that_a_closure_outlives_fails_with_that() {
    ends(|| {
        let gate = Gate::default();
        let at = gate.clone();
        let test = TestRun::new(Duration::from_secs(60));
        let ended = test.run(
            Builder::new().thread_grace(Duration::from_millis(20)),
            async {
                let theirs = at.clone();
                let mut call = to_thread::run_sync(move || theirs.pass()).named("the slow one");
                start(&mut call).await;
                at.wait_for(1);
            },
            |()| Verdict { outcome: Outcome::Fine, error: None },
        );
        gate.open();
        let message = ended.unwrap_err().to_string();
        let line = message.lines().last().unwrap();
        assert!(
            line.starts_with("  a closure on a worker thread, the slow one, started at threads/tests"),
            "{message}"
        );
    });
}

#[test]
fn nobody_is_told_when_nothing_is_left() {
    ends(|| {
        let asked = Builder::new().on_left_over(|left| panic!("{left:?}")).run(to_thread::run_sync(|| 1));
        assert_eq!(asked, Ok(1));
    });
}

#[test]
fn the_threads_of_a_run_have_ended_when_it_returns() {
    thread_local! { static AT_END: std::cell::RefCell<Option<OnDrop<Box<dyn FnMut()>>>> = const { std::cell::RefCell::new(None) }; }
    ends(|| {
        let ended = Arc::new(AtomicUsize::new(0));
        let theirs = ended.clone();
        run(to_thread::run_sync(move || {
            let note = move || theirs.store(1, Ordering::SeqCst);
            AT_END.set(Some(OnDrop(Box::new(note))));
        }))
        .unwrap();
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_panic_of_the_future_still_ends_the_threads() {
    ends(|| {
        let ended = Arc::new(AtomicUsize::new(0));
        let theirs = ended.clone();
        let panicked = crate::support::panic_of(|| {
            run(async {
                let gate = Gate::default();
                let at = gate.clone();
                let mut call = to_thread::run_sync(move || {
                    at.pass();
                    theirs.store(1, Ordering::SeqCst);
                });
                start(&mut call).await;
                gate.wait_for(1);
                gate.open();
                std::panic::resume_unwind(Box::new("the future"));
            });
        });
        assert_eq!((panicked.as_str(), ended.load(Ordering::SeqCst)), ("the future", 1));
    });
}

// A group waits for its tasks, not for what they abandoned: no thread can be stopped.
#[test]
fn a_group_does_not_wait_for_what_was_abandoned() {
    ends(|| {
        run(async {
            let gate = Gate::default();
            let at = gate.clone();
            task_group(async |_tg| -> std::io::Result<()> {
                let mut call = to_thread::run_sync(move || at.pass());
                start(&mut call).await;
                gate.wait_for(1);
                Ok(())
            })
            .await
            .unwrap();
            gate.open();
        });
    });
}

#[test]
fn a_thread_that_waits_for_its_task_when_the_run_ends_is_told() {
    ends(|| {
        let told = Arc::new(AtomicUsize::new(0));
        let theirs = told.clone();
        run(async {
            let gate = Gate::default();
            let at = gate.clone();
            let mut call = to_thread::run_sync(move || {
                at.pass();
                assert!(from_thread::run(std::future::pending::<()>()).unwrap_err().is_abandoned());
                theirs.store(1, Ordering::SeqCst);
            });
            start(&mut call).await;
            gate.wait_for(1);
            gate.open();
            until(|| task_tree().to_string().contains("from_thread::run at"));
        });
        assert_eq!(told.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_closure_that_is_still_awaited_elsewhere_is_told_and_gives_its_value() {
    ends(|| {
        let (gate, told) = (Gate::default(), Arc::new(Mutex::new(Vec::new())));
        let (theirs, list) = (gate.clone(), told.clone());
        let run = Builder::new().thread_grace(Duration::ZERO);
        let run = run.on_left_over(move |left| list.lock().unwrap().extend(left.iter().map(ToString::to_string)));
        let call = run.run(async {
            let at = theirs.clone();
            let closure = move || {
                at.pass();
                7
            };
            let mut call = Box::pin(to_thread::run_sync(closure).named("taken away"));
            start(&mut call).await;
            theirs.wait_for(1);
            // One that has ended is none of them.
            to_thread::run_sync(|| ()).await.unwrap();
            Some(call)
        });
        let told = std::mem::take(&mut *told.lock().unwrap());
        assert!(told.len() == 1 && told[0].contains("taken away"), "{told:?}");
        gate.open();
        assert_eq!(futures::executor::block_on(call.unwrap()), Ok(7));
    });
}
