//! Random programs of sends, receives, cancels, drops, clones and closes: on one thread against the plainest model that could be
//! right, in a group by handles, and on several threads.
//!
//! `PROPTEST_CASES` says how many of each.

mod by_handle;
mod model;
mod on_threads;

use proptest::test_runner::Config;

fn cases(default: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default);
    Config { cases, failure_persistence: None, ..Config::default() }
}
