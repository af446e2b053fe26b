//! Checks when a test has ended.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::{check_cancelled, sleep};
use anyio_testing::at_end;

use crate::planted::message_of;

static CHECKED: AtomicUsize = AtomicUsize::new(0);

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
async fn leaves_a_check() -> io::Result<()> {
    at_end(|| {
        check_cancelled().expect("it is outside of the test's scope");
        CHECKED.fetch_add(1, Ordering::Relaxed);
    });
    sleep(Duration::from_secs(1)).await?;
    Ok(())
}

#[test]
fn it_is_run_after_every_run_of_a_sweep_outside_of_its_scope() {
    leaves_a_check();
    // The entry, the wait, the moment after it: and once without.
    assert_eq!(CHECKED.load(Ordering::Relaxed), 4);
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn fails_in_the_end() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    at_end(move || assert_eq!(counted.load(Ordering::Relaxed), 1, "it is one"));
    count.fetch_add(2, Ordering::Relaxed);
}

#[test]
fn what_it_panics_with_fails_the_test() {
    let message = message_of(fails_in_the_end);
    assert!(message.starts_with("test: when it had ended, assertion") && message.contains("it is one"), "{message}");
}

#[test]
fn outside_of_a_test_it_says_where_it_belongs() {
    assert!(message_of(|| at_end(|| ())).contains("#[anyio::test]"));
}
