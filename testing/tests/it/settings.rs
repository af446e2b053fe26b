//! What the environment changes: each in a process of its own.

use std::{
    env, io,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use anyio_cancel_scope::{checkpoint, sleep, yield_now};
use anyio_sync::Event;
use anyio_task_group::task_group;

/// What a test of this file says, and whether it passed, in an environment with these variables.
fn run(test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let child = Command::new(env::current_exe().unwrap())
        .args([&format!("settings::{test}"), "--exact", "--include-ignored", "--nocapture"])
        .env_remove("ANYIO_TEST_SCHEDULES")
        .env_remove("ANYIO_TEST_SEED")
        .env_remove("ANYIO_TEST_SWEEP")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [child.stdout, child.stderr].concat();
    (child.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn runs(said: &str) -> usize {
    said.matches("a run").count()
}

#[anyio_testing::test(schedules = 3)]
#[ignore = "a specimen: another test runs it"]
async fn under_three_orders() {
    println!("a run");
    yield_now().await;
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn with_six_hundred_points() -> io::Result<()> {
    println!("a run");
    for _ in 0..600 {
        checkpoint().await?;
    }
    Ok(())
}

#[test]
fn the_number_of_orders_can_be_set() {
    let (passed, said) = run("under_three_orders", &[("ANYIO_TEST_SCHEDULES", "17")]);
    assert!(passed && runs(&said) == 17, "{said}");
}

#[test]
fn one_seed_can_be_asked_for() {
    let (passed, said) = run("under_three_orders", &[("ANYIO_TEST_SEED", "7"), ("ANYIO_TEST_SCHEDULES", "17")]);
    assert!(passed && runs(&said) == 1, "{said}");
}

#[test]
fn every_point_of_a_sweep_or_a_single_one_can_be_asked_for() {
    let (passed, said) = run("with_six_hundred_points", &[("ANYIO_TEST_SWEEP", "all")]);
    assert!(passed && runs(&said) == 601, "{}", runs(&said));
    let (passed, said) = run("with_six_hundred_points", &[("ANYIO_TEST_SWEEP", "3")]);
    assert!(passed && runs(&said) == 2, "{}", runs(&said));
}

#[anyio_testing::test(cancel_sweep, schedules = 10)]
#[ignore = "a specimen: another test runs it"]
async fn with_points_under_some_orders_only() -> io::Result<()> {
    println!("a run");
    let event = Event::new();
    task_group(async |tg| -> io::Result<()> {
        // Where the first comes first it waits, and there are three points; else the entry alone.
        tg.start_soon(async { io::Result::Ok(event.wait().await?) });
        tg.start_soon(async { event.set() });
        Ok(())
    })
    .await?;
    Ok(())
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn with_a_point_that_is_there_once() -> io::Result<()> {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    checkpoint().await?;
    if RUNS.fetch_add(1, Ordering::Relaxed) == 0 {
        checkpoint().await?;
    }
    Ok(())
}

#[test]
fn a_point_that_is_not_there_fails_and_tells_how_many_there_are() {
    let sweep = |test, number| run(test, &[("ANYIO_TEST_SWEEP", number)]);
    let (passed, said) = sweep("with_six_hundred_points", "601");
    let told = "test: `ANYIO_TEST_SWEEP=601`: there is no such point, the last one is 600\n";
    assert!(!passed && said.contains(told), "{said}");
    let (passed, said) = sweep("with_a_point_that_is_there_once", "2");
    let told = "test: `ANYIO_TEST_SWEEP=2`: this point was not reached again, so nothing was cancelled\n";
    assert!(!passed && said.contains(told), "{said}");
}

#[test]
fn a_point_that_is_there_under_some_orders_is_there() {
    let sweep = |number| run("with_points_under_some_orders_only", &[("ANYIO_TEST_SWEEP", number)]);
    let (passed, said) = sweep("3");
    assert!(passed && runs(&said) == 20, "{said}");
    let (passed, said) = sweep("4");
    let told = "test: `ANYIO_TEST_SWEEP=4`: there is no such point under any order, the last one is 3\n";
    assert!(!passed && said.contains(told), "{said}");
}

#[test]
fn what_is_not_understood_is_told() {
    for (test, name, value) in [
        ("under_three_orders", "ANYIO_TEST_SEED", "seven"),
        ("under_three_orders", "ANYIO_TEST_SCHEDULES", "-1"),
        ("under_three_orders", "ANYIO_TEST_SCHEDULES", "0"),
        ("with_six_hundred_points", "ANYIO_TEST_SWEEP", "0"),
        ("with_six_hundred_points", "ANYIO_TEST_SWEEP", "some"),
    ] {
        let (passed, said) = run(test, &[(name, value)]);
        assert!(!passed && said.contains(&format!("{name} is {value:?}")), "{said}");
    }
}

#[anyio_testing::test(cancel_sweep, schedules = 3, time_limit = Duration::from_millis(200))]
#[ignore = "a specimen: another test runs it"]
async fn does_not_end_where_it_is_cancelled() {
    while sleep(Duration::from_secs(1)).await.is_err() {
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn how_to_have_a_run_again_is_told_where_it_ends_the_process() {
    let (passed, said) = run("does_not_end_where_it_is_cancelled", &[("ANYIO_TEST_SEED", "2")]);
    assert!(!passed && said.contains("did not end within 5s"), "{said}");
    let line = said
        .lines()
        .find(|line| line.starts_with("It was run under the order of seed 2, cancelled at point 1 (as `sleep` at "));
    assert!(
        line.is_some_and(|line| line.ends_with("to have that again: `ANYIO_TEST_SEED=2` `ANYIO_TEST_SWEEP=1`")),
        "{said}"
    );
}
