//! Cancellation at every point.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::{CancelScope, Cause, cancel_cause, check_cancelled, checkpoint, shield, sleep, sleep_forever};
use anyio_memstream::memory_object_stream;
use anyio_sync::Event;
use anyio_task_group::task_group;

use crate::planted::message_of;

const SECOND: Duration = Duration::from_secs(1);

/// How each run of a test ended.
struct Ends(Mutex<Vec<String>>);

impl Ends {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn push(&self, end: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(end.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

static STEPS: Ends = Ends::new();

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn two_checkpoints_and_a_wait() -> io::Result<()> {
    let run = async {
        checkpoint().await.map_err(|_| "first")?;
        sleep(SECOND).await.map_err(|_| "sleep")?;
        checkpoint().await.map_err(|_| "second")
    };
    match run.await {
        Ok(()) => STEPS.push("all"),
        Err(step) => STEPS.push(step),
    }
    check_cancelled()?;
    Ok(())
}

// R3, R4: the moment after the wait finds the value; the next checkpoint is cancelled then.
#[test]
fn it_is_cancelled_at_each_entry_each_wait_and_each_moment_after_one() {
    two_checkpoints_and_a_wait();
    assert_eq!(STEPS.take(), ["all", "first", "sleep", "sleep", "second", "second"]);
}

static CAUSES: Ends = Ends::new();

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn tells_its_cause() -> io::Result<()> {
    let result = checkpoint().await;
    CAUSES.push(cancel_cause().map_or_else(|| "none".to_owned(), |cause: Cause| cause.to_string()));
    Ok(result?)
}

// R10
#[test]
fn the_cancelled_code_can_tell_that_it_was_the_sweep() {
    tells_its_cause();
    assert_eq!(CAUSES.take(), ["none", "cancel was called: the cancellation sweep"]);
}

static NAMED: Ends = Ends::new();

#[anyio_testing::test(cancel_sweep = "inner")]
#[ignore = "a specimen: another test runs it"]
async fn has_a_scope_of_its_own() -> io::Result<()> {
    checkpoint().await?;
    let inner = CancelScope::new().named("inner");
    let ended = inner.run(async {
        checkpoint().await?;
        CancelScope::new().named("inmost").enter(checkpoint()).await
    });
    NAMED.push(format!("{:?}", ended.await?));
    // What holds afterwards is stated here, in a scope that is not cancelled.
    checkpoint().await?;
    Ok(())
}

#[test]
fn a_scope_that_the_test_names_is_cancelled_in_its_place() {
    has_a_scope_of_its_own();
    assert_eq!(NAMED.take(), ["Some(())", "None", "None"]);
}

#[anyio_testing::test(cancel_sweep = "nobody")]
#[ignore = "a specimen: another test runs it"]
async fn names_no_scope() {
    checkpoint().await.unwrap();
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn has_no_checkpoint() {}

#[test]
fn where_there_is_nothing_to_sweep_it_fails() {
    let message = message_of(names_no_scope);
    assert_eq!(
        message,
        "test: there is nothing to sweep: no checkpoint was reached inside of a scope named \"nobody\""
    );
    assert_eq!(message_of(has_no_checkpoint), "test: there is nothing to sweep: no checkpoint was reached");
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn fails_before() -> Result<(), String> {
    Err("as ever".to_owned())
}

#[test]
fn what_fails_without_a_cancellation_says_so() {
    assert_eq!(message_of(fails_before), "test: before anything was cancelled: it returned an error: \"as ever\"");
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn unwraps() {
    checkpoint().await.unwrap();
}

#[test]
fn a_panic_names_the_point_and_how_to_run_it_alone() {
    let message = message_of(unwraps);
    let place = "testing/tests/it/sweep.rs:";
    assert!(message.starts_with(&format!("test: cancelled at point 1 of 1 (as `checkpoint` at {place}")), "{message}");
    assert!(message.contains("was entered): it panicked: called `Result::unwrap()`"), "{message}");
    assert!(message.ends_with("\n`ANYIO_TEST_SWEEP=1` runs it with this point alone"), "{message}");
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn hangs_when_cancelled() -> io::Result<()> {
    if checkpoint().await.is_err() {
        shield(sleep_forever()).await?;
    }
    Ok(())
}

#[test]
fn a_hang_is_told_with_the_point_and_the_tree() {
    let message = message_of(hangs_when_cancelled);
    assert!(message.starts_with("test: cancelled at point 1 of 1"), "{message}");
    assert!(message.contains("nothing can run any more") && message.contains("waits in sleep_forever"), "{message}");
}

#[anyio_testing::test(cancel_sweep, time_limit = Duration::from_millis(100))]
#[ignore = "a specimen: another test runs it"]
async fn spins_when_cancelled() -> io::Result<()> {
    let begun = std::time::Instant::now();
    while checkpoint().await.is_err() {
        anyio_cancel_scope::yield_now().await;
        if begun.elapsed() > SECOND {
            break;
        }
    }
    Ok(())
}

#[test]
fn a_loop_that_does_not_heed_it_is_told_by_the_limit() {
    let message = message_of(spins_when_cancelled);
    assert!(message.starts_with("test: cancelled at point 1 of 1"), "{message}");
    assert!(message.contains("it took longer than its limit of 100ms"), "{message}");
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn leaks_when_cancelled() -> io::Result<()> {
    let (send, _receive) = memory_object_stream::<u8>(1);
    let sent = send.send(1).await;
    if sent.is_err() {
        std::mem::forget(send);
    }
    Ok(())
}

#[test]
fn what_is_left_behind_is_told_with_the_point() {
    let message = message_of(leaks_when_cancelled);
    assert!(message.starts_with("test: cancelled at point 1 of 1 (as `send` at"), "{message}");
    assert!(message.contains("it left something behind") && message.contains("the sending end"), "{message}");
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn gives_another_error() -> Result<(), String> {
    checkpoint().await.map_err(|_| "the disk is full".to_owned())
}

#[test]
fn an_error_that_is_no_cancellation_fails() {
    assert!(message_of(gives_another_error).contains("it returned an error: \"the disk is full\""));
}

#[anyio_testing::test(cancel_sweep = "inner")]
#[ignore = "a specimen: another test runs it"]
async fn lets_a_cancellation_out() -> io::Result<()> {
    CancelScope::new().named("inner").enter(async { io::Result::Ok(checkpoint().await?) }).await
}

// Where a scope of the test's is cancelled, the test itself is not.
#[test]
fn a_cancellation_that_gets_out_of_the_named_scope_fails() {
    let message = message_of(lets_a_cancellation_out);
    assert!(message.contains("it returned a cancellation, though nobody cancelled it"), "{message}");
}

/// Runs in which the first task came first, and the others.
static BOTH: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

#[anyio_testing::test(cancel_sweep, schedules = 20)]
#[ignore = "a specimen: another test runs it"]
async fn is_swept_under_orders() -> io::Result<()> {
    let event = Event::new();
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            BOTH[usize::from(event.is_set())].fetch_add(1, Ordering::Relaxed);
            io::Result::Ok(event.wait().await?)
        });
        tg.start_soon(async { event.set() });
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn under_each_of_several_orders_it_is_swept() {
    is_swept_under_orders();
    // Where the first task comes first it waits, and there are three points; else the entry alone. Once more, to count them.
    let [first, second] = BOTH.each_ref().map(|runs| runs.load(Ordering::Relaxed));
    assert!(first > 0 && first % 4 == 0 && second > 0 && second % 2 == 0, "{first}, {second}");
}

static MANY: AtomicUsize = AtomicUsize::new(0);

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn has_many_points() -> io::Result<()> {
    MANY.fetch_add(1, Ordering::Relaxed);
    for _ in 0..5000 {
        checkpoint().await?;
    }
    Ok(())
}

#[test]
fn of_many_points_a_sample_is_taken() {
    has_many_points();
    assert_eq!(MANY.load(Ordering::Relaxed), 501);
}

static STRUCK: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

#[anyio_testing::test(cancel_sweep, schedules = 3)]
#[ignore = "a specimen: another test runs it"]
async fn has_one_point_more_than_a_sample() -> io::Result<()> {
    for point in 1..=501 {
        if let Err(cancelled) = checkpoint().await {
            STRUCK.lock().unwrap().insert(point);
            return Err(cancelled.into());
        }
    }
    Ok(())
}

// Every order leaves out another one.
#[test]
fn each_point_may_be_in_a_sample_the_first_and_the_last_too() {
    has_one_point_more_than_a_sample();
    assert_eq!(*STRUCK.lock().unwrap(), (1..=501).collect());
}

static WAKES: Ends = Ends::new();

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn waits_in_a_sub_executor() -> io::Result<()> {
    use futures::stream::{FuturesUnordered, StreamExt};
    let mut waits: FuturesUnordered<_> = (1..=3).map(|n| sleep(n * SECOND)).collect();
    let mut done = 0;
    while let Some(result) = waits.next().await {
        done += usize::from(result.is_ok());
    }
    WAKES.push(done.to_string());
    Ok(())
}

// Where the waker is not that of the enclosing wrapper, each wait is told by itself.
#[test]
fn waits_under_wakers_of_their_own_are_swept_too() {
    waits_in_a_sub_executor();
    let ends = WAKES.take();
    assert_eq!(ends.len(), 10, "three entries, three waits, three moments after: {ends:?}");
    assert_eq!(ends.iter().collect::<BTreeSet<_>>().len(), 4, "{ends:?}");
}
