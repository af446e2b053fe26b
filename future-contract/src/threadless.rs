//! A system that gives no threads.

use std::{
    env,
    process::{Command, Stdio},
};

/// Runs another test of this binary, by its whole name, in a process of its own to which the system gives no thread: what is
/// started there is to have a stack that is larger than any memory.
///
/// That test is an ignored one, so that it does not run by itself.
///
/// # Panics
///
/// When the test fails, or there is none of this name.
#[track_caller]
pub fn without_threads(test: &str) {
    let child = Command::new(env::current_exe().expect("a test knows where it is"))
        // The harness runs it on the first thread then.
        .args([test, "--exact", "--include-ignored", "--test-threads=1"])
        .env("RUST_MIN_STACK", (1_u64 << 60).to_string())
        .stdin(Stdio::null())
        .output()
        .expect("a test can be run again");
    let said = String::from_utf8_lossy(&[child.stdout, child.stderr].concat()).into_owned();
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
