//! A system that gives no threads: a process of its own, whose threads are to have a stack that is larger than any memory.

use std::env;
use std::future::pending;
use std::panic::catch_unwind;
use std::process::{Command, Stdio};

use anyio_reactor::block_on;

#[test]
#[ignore = "a specimen: another test runs it"]
fn panics() {
    // The next one too, and a panic it is, not the end of the process.
    for _ in 0..2 {
        let payload = catch_unwind(|| block_on(async { unreachable!("it is polled") })).unwrap_err();
        let panicked = payload.downcast::<String>().unwrap();
        assert!(panicked.contains("cannot spawn async-io thread"), "{panicked}");
        assert!(catch_unwind(|| block_on(pending::<()>())).is_err());
    }
}

#[test]
fn where_no_thread_is_given_it_panics_and_polls_nothing() {
    let child = Command::new(env::current_exe().unwrap())
        // The harness runs it on the first thread then.
        .args(["refused::panics", "--exact", "--include-ignored", "--test-threads=1"])
        .env("RUST_MIN_STACK", (1_u64 << 60).to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[child.stdout, child.stderr].concat()).into_owned();
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
