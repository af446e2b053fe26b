//! What the environment says.

use std::env;

/// Under how many orders a test is run that says `schedules`, instead of what it says.
const SCHEDULES: &str = "ANYIO_TEST_SCHEDULES";
/// The one seed under which it is run instead.
const SEED: &str = "ANYIO_TEST_SEED";
/// `all`, or the number of the one point at which a sweep cancels.
pub(crate) const SWEEP: &str = "ANYIO_TEST_SWEEP";

/// The points of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Points {
    /// All, or a sample where they are many.
    Sampled,
    All,
    One(usize),
}

pub(crate) fn schedules() -> Option<u64> {
    let count = number(SCHEDULES);
    assert!(count != Some(0), "{SCHEDULES} is \"0\"; it is a number from 1 on");
    count
}

pub(crate) fn seed() -> Option<u64> {
    number(SEED)
}

pub(crate) fn points() -> Points {
    match env::var(SWEEP) {
        Err(_) => Points::Sampled,
        Ok(word) if word == "all" => Points::All,
        Ok(word) => match word.parse() {
            Ok(number) if number > 0 => Points::One(number),
            _ => panic!("{SWEEP} is {word:?}; it is `all`, or the number of a point, from 1 on"),
        },
    }
}

fn number(name: &str) -> Option<u64> {
    let word = env::var(name).ok()?;
    Some(word.parse().unwrap_or_else(|_| panic!("{name} is {word:?}; it is a number")))
}
