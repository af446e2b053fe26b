//! A test in a process of its own: this program again, with that test alone.
//!
//! There it is run twice, and what the second run adds to the descriptors and threads of the process it left behind. What the
//! first one adds may be the reactor, and whatever else is made once for a process. Such things may also come a run later, as the
//! reactor does when the first run had no time to wait: so what the second one adds has to come a third time to count.

use std::{
    env,
    process::{self, Command, Stdio},
};

use crate::snapshot::Snapshot;

const CHILD: &str = "ANYIO_TEST_ISOLATED";

/// How the process ends in which the test passed. The harness there is not asked, as it would judge by `should_panic`, which is
/// to be judged here; and it ends in order when it knows no such test.
const PASSED: i32 = 73;

/// Runs the test `name` alone, or, where that is done already, `test`.
pub(crate) fn run(name: &str, test: impl Fn() -> Result<(), String>) -> Result<(), String> {
    // The harness knows it without the name of the crate.
    let name = name.split_once("::").map_or(name, |(_, name)| name);
    if env::var(CHILD).is_ok_and(|child| child == name) {
        twice(test)?;
        process::exit(PASSED);
    }
    let told = |what: &str, error: std::io::Error| format!("to run it in a process of its own, {what}: {error}");
    let program = env::current_exe().map_err(|error| told("the path of this program is needed", error))?;
    let child = Command::new(program)
        .args([name, "--exact", "--include-ignored", "--test-threads=1", "--nocapture"])
        .env(CHILD, name)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| told("this program was to be run again", error))?;
    if child.status.code() == Some(PASSED) {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    let hint =
        if output.contains("0 passed; 0 failed") { "\nThe harness does not know the test by that name" } else { "" };
    Err(format!(
        "it failed as {name} in a process of its own, which ended with {}{hint}\n{output}{errors}",
        child.status
    ))
}

fn twice(test: impl Fn() -> Result<(), String>) -> Result<(), String> {
    test()?;
    let mut left = Vec::new();
    for _ in 0..2 {
        let before = Snapshot::take();
        test()?;
        left = before.what_is_new();
        if left.is_empty() {
            return Ok(());
        }
    }
    Err(format!(
        "run once more in a process of its own, it left behind what was not there before:\n  {}",
        left.join("\n  ")
    ))
}
