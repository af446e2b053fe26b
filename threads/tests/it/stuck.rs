//! A test in which nothing can run any more tells of its threads that wait, and of no others.

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use anyio_cancel_scope::{BoxError, ok, sleep_forever};
use anyio_future_contract::Sleeper;
use anyio_task_group::debug::task_tree;
use anyio_threads::{
    from_thread::{self, BlockingPortal, blocking_portal, current_token, start_blocking_portal},
    to_thread,
};

use crate::support::{Gate, ends, start, until};

/// With what a test fails.
#[track_caller]
fn message_of(test: fn()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(test)).expect_err("it has to fail");
    *payload.downcast::<String>().expect("it is told in words")
}

/// Runs `f` in a worker thread, whose task awaits something else once that has begun.
async fn forgotten(f: impl FnOnce() + Send + 'static) {
    let gate = Gate::default();
    let at = gate.clone();
    let waiter = move || {
        at.pass();
        f();
    };
    let mut call = to_thread::run_sync(waiter).named("waiter");
    start(&mut call).await;
    // The thread is at work up to here, so it is not found before.
    gate.open();
    sleep_forever().await.unwrap();
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn forgets_who_runs_a_future() {
    forgotten(|| drop(from_thread::run(async {}))).await;
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn forgets_who_calls_a_closure() {
    forgotten(|| drop(from_thread::run_sync(|| ()))).await;
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn forgets_who_uses_a_token() {
    let token = current_token();
    forgotten(move || drop(token.run(pending::<()>()))).await;
}

/// A portal whose task waits for ever is used in a thread.
async fn forgotten_portal(f: impl FnOnce(BlockingPortal) + Send + 'static) {
    let used = blocking_portal(async |portal| {
        forgotten(move || f(portal)).await;
        ok(())
    });
    used.await.unwrap();
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn forgets_who_calls_a_portal() {
    forgotten_portal(|portal| drop(portal.call(sleep_forever()))).await;
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn forgets_who_starts_a_task_of_a_portal() {
    forgotten_portal(|portal| {
        let started = portal.start_task::<(), (), BoxError, _, _>(async |_status| Ok(sleep_forever().await?));
        drop(started);
    })
    .await;
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn forgets_who_waits_for_a_task_of_a_portal() {
    forgotten_portal(|portal| {
        let task = portal.start_task_soon(sleep_forever()).unwrap();
        drop(task.wait());
    })
    .await;
}

// "futurelock"
#[test]
fn the_threads_that_wait_are_told_with_their_call() {
    let tests: [(fn(), _); 6] = [
        (forgets_who_runs_a_future, "from_thread::run"),
        (forgets_who_calls_a_closure, "from_thread::run_sync"),
        (forgets_who_uses_a_token, "RunToken::run"),
        (forgets_who_calls_a_portal, "BlockingPortal::call"),
        (forgets_who_starts_a_task_of_a_portal, "BlockingPortal::start_task"),
        (forgets_who_waits_for_a_task_of_a_portal, "PortalTask::wait"),
    ];
    for (test, call) in tests {
        // A thread that is found before it has noted where it waits would be missed now and then.
        for _ in 0..20 {
            let message = message_of(test);
            let lines: Vec<_> = message.lines().filter(|line| line.contains("waiter")).collect();
            assert_eq!(lines.len(), 1, "{message}");
            assert!(lines[0].contains(&format!("waits in {call} at threads/tests/it/stuck.rs")), "{message}");
        }
    }
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn forgets_threads_of_threads() {
    let deep = to_thread::run_sync(|| from_thread::run(forgotten(|| drop(from_thread::run(async {}))))).named("outer");
    drop(deep.await);
}

#[test]
fn a_thread_and_the_thread_for_which_it_waits_are_both_told() {
    let message = message_of(forgets_threads_of_threads);
    for name in ["outer", "waiter"] {
        let is_told = |line: &str| line.contains(name) && line.contains("waits in from_thread::run at");
        assert!(message.lines().any(is_told), "{message}");
    }
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn abandons_who_waits() {
    let used = blocking_portal(async |portal| {
        let gate = Gate::default();
        let at = gate.clone();
        let waiter = move || {
            at.pass();
            drop(portal.call(sleep_forever()));
        };
        let mut call = to_thread::run_sync(waiter).named("waiter");
        start(&mut call).await;
        gate.wait_for(1);
        drop(call);
        gate.open();
        sleep_forever().await.unwrap();
        ok(())
    });
    used.await.unwrap();
}

#[test]
fn a_thread_that_was_abandoned_is_told_too() {
    let message = message_of(abandons_who_waits);
    for verb in ["run_sync (abandoned)", "BlockingPortal::call"] {
        assert!(message.lines().any(|line| line.contains("waiter") && line.contains(verb)), "{message}");
    }
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn forgets_who_unwraps() {
    let refused = |_| std::panic::resume_unwind(Box::new("it was refused"));
    forgotten(move || from_thread::run(async {}).unwrap_or_else(refused)).await;
}

// The call is refused when the test has failed.
#[test]
fn what_a_thread_panics_with_for_want_of_its_task_does_not_hide_why() {
    let message = message_of(forgets_who_unwraps);
    assert!(message.contains("nothing can run any more") && message.contains("waiter"), "{message}");
    assert!(message.ends_with("\nNobody took the panic: it was refused"), "{message}");
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn waits_for_nothing() {
    sleep_forever().await.unwrap();
}

#[test]
fn the_threads_of_another_run_are_not_told() {
    ends(|| {
        let (seen, told) = (Gate::default(), Gate::default());
        let (theirs, end) = (seen.clone(), told.clone());
        let other = thread::spawn(move || {
            anyio_runtime::run(async {
                let gate = Gate::default();
                let at = gate.clone();
                let ask = move || {
                    at.pass();
                    from_thread::run(async {})
                };
                let mut call = to_thread::run_sync(ask).named("of another run");
                start(&mut call).await;
                gate.open();
                until(|| task_tree().to_string().contains("of another run"));
                theirs.open();
                end.pass();
                call.await
            })
        });
        seen.pass();
        let message = message_of(waits_for_nothing);
        told.open();
        assert_eq!(other.join().unwrap(), Ok(Ok(())));
        assert!(message.contains("nothing can run any more") && !message.contains("of another run"), "{message}");
    });
}

// Another run goes on by itself.
#[anyio_testing::test]
async fn a_thread_that_waits_for_another_run_may_wake_it() {
    let (portal, home) = (start_blocking_portal().unwrap(), Sleeper::here());
    let theirs = portal.clone();
    let called = to_thread::run_sync(move || {
        let (worker, token) = (Sleeper::here(), theirs.call(async { current_token() }).unwrap());
        let both = move || {
            worker.wait_until_asleep();
            home.wait_until_asleep();
        };
        let other = both.clone();
        theirs.call(async move { both() }).unwrap();
        token.run(async move { other() }).unwrap();
    });
    called.await.unwrap();
    to_thread::run_sync(move || drop(portal)).await.unwrap();
}
