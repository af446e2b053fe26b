//! Tests in a process of their own.

use std::{
    fs::File,
    io,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyio_cancel_scope::sleep;
use anyio_runtime::offload;

use crate::planted::message_of;

#[anyio_testing::test(isolated)]
async fn what_is_made_once_for_the_process_is_not_left_behind() -> io::Result<()> {
    static ONCE: OnceLock<File> = OnceLock::new();
    ONCE.get_or_init(|| File::open("/dev/null").unwrap());
    sleep(Duration::from_millis(1)).await?;
    offload(async {}).await;
    let _open = File::open("/dev/null")?;
    Ok(())
}

#[anyio_testing::test(isolated)]
async fn what_is_made_once_but_a_run_later_is_not_left_behind() {
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    if BEGUN.fetch_add(1, Ordering::Relaxed) == 1 {
        std::mem::forget(File::open("/dev/null").unwrap());
    }
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[anyio_testing::test(isolated)]
async fn nobody_else_is_in_its_process() {
    assert!(RUNS.fetch_add(1, Ordering::Relaxed) < 3, "it is run twice, or once more");
}

#[test]
fn here_it_is_not_run() {
    nobody_else_is_in_its_process();
    assert_eq!(RUNS.load(Ordering::Relaxed), 0);
}

#[anyio_testing::test(isolated, cancel_sweep, schedules = 2)]
async fn it_may_be_swept_and_reordered_there() -> io::Result<()> {
    sleep(Duration::from_secs(1)).await?;
    Ok(())
}

#[anyio_testing::test(isolated)]
#[ignore = "a specimen: another test runs it"]
async fn leaves_a_file() {
    std::mem::forget(File::open("/dev/null").unwrap());
}

static LEFT: Mutex<Option<File>> = Mutex::new(None);

/// Each run leaves one file instead of the one that the last has left.
#[anyio_testing::test(isolated)]
#[ignore = "a specimen: another test runs it"]
async fn leaves_another_file() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let path = ["/dev/null", "/dev/zero", "/dev/full"][RUNS.fetch_add(1, Ordering::Relaxed)];
    let mut left = LEFT.lock().unwrap();
    drop(left.take());
    *left = Some(File::open(path).unwrap());
}

#[anyio_testing::test(isolated)]
#[ignore = "a specimen: another test runs it"]
async fn leaves_a_thread() {
    thread::Builder::new().name("forgotten".into()).spawn(thread::park).unwrap();
}

#[anyio_testing::test(isolated)]
#[ignore = "a specimen: another test runs it"]
async fn fails_there() -> Result<(), String> {
    Err("the disk is full".to_owned())
}

#[anyio_testing::test(isolated)]
#[should_panic(expected = "it panicked: the disk is full")]
async fn it_may_be_meant_to_panic_there() {
    panic!("the disk is full");
}

#[anyio_testing::test(isolated)]
#[ignore = "a specimen: another test runs it"]
#[should_panic]
async fn is_meant_to_panic_and_does_not() {}

#[test]
fn what_does_not_panic_there_does_not_here() {
    is_meant_to_panic_and_does_not();
}

#[cfg(target_os = "linux")]
#[test]
fn a_descriptor_and_a_thread_that_it_leaves_are_told() {
    let message = message_of(leaves_a_file);
    assert!(message.contains("isolated::leaves_a_file in a process of its own"), "{message}");
    assert!(message.contains("descriptor") && message.contains("/dev/null"), "{message}");
    let message = message_of(leaves_another_file);
    assert!(message.contains("descriptor") && message.contains("/dev/full"), "{message}");
    let message = message_of(leaves_a_thread);
    assert!(message.contains("it left behind what was not there before"), "{message}");
    assert!(message.contains("thread") && message.contains(", forgotten"), "{message}");
}

#[test]
fn how_it_failed_there_is_told_here() {
    let message = message_of(fails_there);
    assert!(message.contains("it returned an error: \"the disk is full\""), "{message}");
}
