//! `#[anyio::test]`: what it takes, and how a test ends. Tests that fail, or end their process, are specimens: ignored here, and
//! run each in a process of its own, under the test harness as a user has it.

// A user sees no warning of what the attribute writes.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::unnecessary_wraps, reason = "the tests' own")]

use std::{
    io,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use anyio::{
    Cancelled, cancel_cause, checkpoint, current_effective_deadline, current_task, gather, move_on_after, now, offload,
    ok,
    scope::{Clock, VirtualClock},
    sleep, sleep_forever, task_group,
};

use crate::child::{Child, Ended};

const HOUR: Duration = Duration::from_secs(3600);

#[anyio::test]
async fn a_test_waits_and_passes() {
    sleep(Duration::from_millis(1)).await.unwrap();
    assert!(current_task().unwrap().name().contains("a_test_waits_and_passes"));
}

#[anyio::test]
async fn it_may_give_a_result_of_any_error() -> Result<(), String> {
    checkpoint().await.map_err(|error| error.to_string())
}

#[anyio::test]
async fn it_may_use_question_marks() -> anyhow::Result<()> {
    checkpoint().await?;
    assert_eq!("7".parse::<u32>()?, 7);
    Ok(())
}

#[anyio::test]
#[should_panic(expected = "on purpose")]
async fn it_may_be_one_that_has_to_panic() {
    checkpoint().await.unwrap();
    panic!("on purpose");
}

#[should_panic = "above"]
#[anyio::test]
async fn attributes_may_stand_above() {
    panic!("above");
}

#[anyio::test]
#[cfg(any())]
async fn a_cfg_takes_it_away() -> Nothing {}

// R9: the limit is of real time, and no deadline that the test could see.
#[anyio::test(time_limit = 30)]
async fn its_limit_is_no_deadline_of_its_scope() {
    assert_eq!((current_effective_deadline(), cancel_cause()), (None, None));
}

#[anyio::test(time_limit = Duration::MAX)]
async fn it_may_have_no_limit() {
    checkpoint().await.unwrap();
}

#[anyio::test(virtual_clock)]
async fn its_virtual_clock_jumps() -> Result<(), Cancelled> {
    let (begun, really) = (now(), Instant::now());
    assert!(move_on_after(HOUR, sleep_forever()).await?.is_none());
    sleep(1000 * HOUR).await?;
    assert_eq!(now() - begun, 1001 * HOUR);
    assert!(really.elapsed() < HOUR);
    Ok(())
}

#[anyio::test(virtual_clock, worker_threads = 2)]
async fn its_virtual_clock_is_that_of_the_workers_too() {
    let begun = now();
    gather((0..10).map(|_| offload(sleep(HOUR)))).await.unwrap();
    assert_eq!(now() - begun, HOUR);
}

#[anyio::test(clock = VirtualClock::autojump())]
async fn it_may_have_any_clock() {
    let begun = now();
    sleep(HOUR).await.unwrap();
    assert_eq!(now() - begun, HOUR);
}

#[anyio::test(worker_threads = 2)]
async fn it_has_as_many_worker_threads_as_it_says() {
    let both = Arc::new(Barrier::new(2));
    let meet = || {
        let both = both.clone();
        offload(async move { ok(both.wait().is_leader()) })
    };
    let leaders = gather([meet(), meet()]).await.unwrap();
    assert_ne!(leaders[0], leaders[1]);
}

#[anyio::test(worker_threads = 0)]
async fn without_worker_threads_it_all_runs_on_its_own() {
    assert_eq!(offload(async { thread::current().id() }).await, thread::current().id());
}

mod elsewhere {
    pub(super) use anyio as reexported;
}

#[anyio::test(crate = self::elsewhere::reexported, virtual_clock,)]
async fn the_crate_is_where_it_says() {
    sleep(HOUR).await.unwrap();
}

/// A clock of a test's own: the virtual one, which this test moves by hand.
#[anyio::test(clock = by_hand())]
async fn a_clock_by_hand_stands_still() {
    assert_eq!(now(), by_hand().now());
}

fn by_hand() -> VirtualClock {
    static CLOCK: std::sync::OnceLock<VirtualClock> = std::sync::OnceLock::new();
    CLOCK.get_or_init(VirtualClock::new).clone()
}

/// How the harness says that a specimen ended.
#[track_caller]
fn specimen(name: &str) -> Ended {
    Child::specimen(&format!("entry_test::specimens::{name}")).ends()
}

#[track_caller]
fn fails(name: &str) -> Ended {
    let ended = specimen(name).with_code(101);
    assert!(ended.output.contains("test result: FAILED. 0 passed; 1 failed"), "{}", ended.output);
    ended
}

#[test]
fn one_that_is_ignored_is_not_run_unless_asked_for() {
    let ended = specimen("passes").with_code(0);
    assert!(ended.output.contains("test result: ok. 1 passed"), "{}", ended.output);
}

#[test]
fn an_error_fails_it_and_is_told() {
    let ended = fails("gives_an_error");
    assert!(ended.output.contains("Error: \"the disk is full\""), "{}", ended.output);
}

#[test]
fn a_stray_cancellation_fails_it() {
    let ended = fails("gives_cancelled");
    assert!(ended.output.contains("Error: Cancelled"), "{}", ended.output);
}

#[test]
fn a_panic_fails_it_and_is_told_once() {
    let ended = fails("panics");
    assert_eq!(ended.output.matches("the words of the panic").count(), 1, "{}{}", ended.output, ended.errors);
    assert!(ended.output.contains("tests/it/entry_test.rs:"), "it tells the place: {}", ended.output);
    assert_eq!(ended.errors, "");
}

#[test]
fn a_panic_of_a_task_and_of_a_worker_fail_it() {
    for name in ["panics_in_a_task", "panics_in_a_worker"] {
        let ended = fails(name);
        let told = format!("{}{}", ended.output, ended.errors);
        assert_eq!(told.matches("the words of the panic").count(), 1, "{told}");
    }
}

#[test]
fn one_that_has_to_panic_fails_if_it_does_not() {
    let ended = fails("does_not_panic");
    assert!(ended.output.contains("test did not panic as expected"), "{}", ended.output);
}

#[test]
fn over_its_limit_it_is_cancelled_and_fails_with_the_limit_the_cure_and_where_it_waited() {
    let ended = fails("waits_for_ever");
    let told = &ended.output;
    assert!(told.contains("test: it took longer than its limit of 1s, and was cancelled"), "{told}");
    assert!(told.contains("give it more with `#[anyio::test(time_limit = SECONDS)]`"), "{told}");
    let waits = |line: &str| line.contains("sleep_forever") && line.contains("tests/it/entry_test.rs:");
    assert_eq!(told.lines().filter(|line| waits(line) && line.contains("the one that hangs")).count(), 1, "{told}");
    assert!(told.contains("said: cancelled, as cancel was called: the limit of the test, 1s, was over"), "{told}");
    assert!(told.contains("said: cleaned up"), "{told}");
}

#[test]
fn over_its_limit_it_fails_whatever_it_gives() {
    for name in ["passes_too_late", "gives_an_error_too_late"] {
        let ended = fails(name);
        assert!(ended.output.contains("its limit of 50ms"), "{}", ended.output);
    }
}

#[test]
fn over_its_limit_a_panic_of_its_own_is_told_beside_the_limit() {
    let ended = fails("panics_too_late");
    assert!(ended.output.contains("test: it took longer than its limit of"), "{}", ended.output);
    assert_eq!(ended.output.matches("the words of the panic").count(), 1, "{}", ended.output);
}

#[test]
fn a_virtual_clock_does_not_move_its_limit() {
    let ended = fails("hangs_at_a_virtual_clock");
    assert!(ended.output.contains("its limit of 50ms"), "{}", ended.output);
}

#[test]
fn one_that_does_not_end_after_its_limit_prints_the_tree_and_aborts() {
    let begun = Instant::now();
    let ended = specimen("does_not_end").by(anyio::signals::Signal::ABRT);
    assert!(begun.elapsed() >= Duration::from_secs(5), "it was given time to clean up");
    let told = &ended.errors;
    assert!(told.contains("test entry_test::specimens::does_not_end at tests/tests/it/entry_test.rs:"), "{told}");
    assert!(told.contains("it took longer than its limit of 50ms, and did not end within 5s"), "{told}");
    let waits = |line: &str| line.contains("sleep_forever") && line.contains("tests/it/entry_test.rs:");
    assert!(told.lines().any(|line| waits(line) && line.contains("behind a shield")), "{told}");
}

/// What the tests above run.
mod specimens {
    use anyio::shield;

    use super::*;
    use crate::child::say;

    const LIMIT: Duration = Duration::from_millis(50);

    #[anyio::test]
    #[ignore = "a specimen: another test runs it"]
    async fn passes() {
        checkpoint().await.unwrap();
    }

    #[anyio::test]
    #[ignore = "a specimen: another test runs it"]
    async fn gives_an_error() -> Result<(), String> {
        Err("the disk is full".into())
    }

    #[anyio::test]
    #[ignore = "a specimen: another test runs it"]
    async fn gives_cancelled() -> Result<(), Cancelled> {
        let scope = anyio::CancelScope::new();
        scope.cancel();
        scope.enter(checkpoint()).await
    }

    #[anyio::test]
    #[ignore = "a specimen: another test runs it"]
    async fn panics() {
        panic!("the words of the panic");
    }

    #[anyio::test]
    #[ignore = "a specimen: another test runs it"]
    async fn panics_in_a_task() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<()> {
            tg.start_soon(async { panic!("the words of the panic") });
            Ok(sleep_forever().await?)
        })
        .await?;
        Ok(())
    }

    #[anyio::test]
    #[ignore = "a specimen: another test runs it"]
    async fn panics_in_a_worker() {
        offload(async { panic!("the words of the panic") }).await;
    }

    #[anyio::test]
    #[should_panic = "never"]
    #[ignore = "a specimen: another test runs it"]
    async fn does_not_panic() {}

    // Nothing wakes them, which would be found at once, if it were not said that somebody may.

    // Long enough for the task to wait by then.
    #[anyio::test(time_limit = 1, foreign_wakers)]
    #[ignore = "a specimen: another test runs it"]
    async fn waits_for_ever() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<()> {
            tg.task("the one that hangs").start_soon(async {
                let ended = sleep_forever().await;
                say(&format!("cancelled, as {}", cancel_cause().unwrap()));
                shield(sleep(Duration::from_millis(1))).await?;
                say("cleaned up");
                ok(ended?)
            });
            Ok(())
        })
        .await?;
        Ok(())
    }

    #[anyio::test(time_limit = LIMIT, foreign_wakers)]
    #[ignore = "a specimen: another test runs it"]
    async fn passes_too_late() {
        assert!(sleep_forever().await.is_err());
    }

    #[anyio::test(time_limit = LIMIT, foreign_wakers)]
    #[ignore = "a specimen: another test runs it"]
    async fn gives_an_error_too_late() -> io::Result<()> {
        Ok(sleep_forever().await?)
    }

    #[anyio::test(time_limit = LIMIT, foreign_wakers)]
    #[ignore = "a specimen: another test runs it"]
    async fn panics_too_late() {
        sleep_forever().await.expect("the words of the panic");
    }

    #[anyio::test(time_limit = LIMIT, virtual_clock, foreign_wakers)]
    #[ignore = "a specimen: another test runs it"]
    async fn hangs_at_a_virtual_clock() -> Result<(), Cancelled> {
        sleep(HOUR).await?;
        sleep_forever().await
    }

    #[anyio::test(time_limit = LIMIT, foreign_wakers)]
    #[ignore = "a specimen: another test runs it"]
    async fn does_not_end() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<()> {
            tg.task("behind a shield").start_soon(async { ok(shield(sleep_forever()).await?) });
            Ok(())
        })
        .await?;
        Ok(())
    }
}
