//! A system that gives no threads: a process of its own, whose threads are to have a stack that is larger than any memory.

use std::{
    env,
    future::pending,
    process::{Command, Stdio},
};

use anyio_runtime::{offload, run};

use crate::support::panic_of;

#[test]
#[ignore = "a specimen: another test runs it"]
fn panics() {
    // The next one too: this thread is inside of no `run` any more.
    for _ in 0..2 {
        let panicked = panic_of(|| run(async { unreachable!("it is polled") }));
        assert!(panicked.contains("cannot spawn async-io thread"), "{panicked}");
        let panicked = panic_of(|| run(offload(pending::<()>())));
        assert!(panicked.contains("cannot spawn async-io thread"), "{panicked}");
    }
}

#[test]
fn a_run_panics_where_no_thread_is_given_and_polls_nothing() {
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
