//! What is measured: groups of cases, the contestants of a case, and what a round of one of them comes to.

use std::{fmt, time::Duration};

use crate::bar::Bar;

/// The contestant that the bars are about.
pub(crate) const OURS: &str = "anyio";

/// Cases that belong together. A group is a file in `groups`, and has its line in `groups.rs`.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) cases: &'static [Case],
    /// Code of ours whose instructions are counted.
    pub(crate) hot_paths: &'static [HotPath],
}

/// Something that must not take more instructions than it did. It runs on one thread, and reads no time.
pub(crate) struct HotPath {
    pub(crate) id: &'static str,
    /// Does so many operations, or none.
    pub(crate) run: fn(u64),
    /// How many are enough.
    pub(crate) operations: u64,
}

/// One question, put to several contestants.
pub(crate) struct Case {
    /// Names the case for ever: figures of different days are compared by it.
    pub(crate) id: &'static str,
    /// In words, for the table.
    pub(crate) what: &'static str,
    pub(crate) unit: Unit,
    /// The executor that the contestants run on, and what else they have in common.
    pub(crate) host: &'static str,
    /// How many operations an iteration consists of; figures are for one operation.
    pub(crate) size: u64,
    pub(crate) bars: &'static [Bar],
    /// Makes the contestants, ours among them. What is costly about them (a runtime) is made here, once.
    pub(crate) contestants: fn() -> Vec<Contestant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Nanoseconds an operation.
    Nanoseconds,
    /// Bytes an operation.
    Bytes,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nanoseconds => "ns",
            Self::Bytes => "B",
        })
    }
}

/// Who is measured, and how.
pub(crate) struct Contestant {
    pub(crate) who: &'static str,
    run: Box<dyn FnMut(u64) -> Outcome>,
}

impl Contestant {
    /// `run` does so many iterations, and tells how long they took or what they used.
    pub(crate) fn new<O: Into<Outcome>>(who: &'static str, mut run: impl FnMut(u64) -> O + 'static) -> Self {
        Self { who, run: Box::new(move |iterations| run(iterations).into()) }
    }

    pub(crate) fn run(&mut self, iterations: u64) -> Outcome {
        (self.run)(iterations)
    }
}

/// What some iterations of a contestant came to, all together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Time(Duration),
    Count(u64),
}

impl Outcome {
    /// In the unit of the case, for one of so many operations.
    pub(crate) fn per_operation(self, operations: u64) -> f64 {
        let all = match self {
            Self::Time(time) => time.as_nanos() as f64,
            Self::Count(count) => count as f64,
        };
        all / operations as f64
    }
}

impl From<Duration> for Outcome {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl From<u64> for Outcome {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}
