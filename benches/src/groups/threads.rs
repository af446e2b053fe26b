//! Worker threads: a closure there and back, many at once, and a call back from a thread.

mod call_back;
mod hand_off;
mod many;

use crate::{
    bar::Bar,
    case::{Case, Group, Unit},
};

const BLOCK_ON: &str = "futures::executor::block_on; tokio's on their own";

const POOLS: &[&str] = &["blocking", "tokio-ct", "tokio-mt"];

pub(crate) const GROUP: Group = Group {
    name: "threads",
    what: "closures in worker threads, and calls back from there",
    hot_paths: &[],
    cases: &[
        Case {
            id: "hand_off",
            what: "a closure in a worker thread and its value, one after the other",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: 1,
            bars: &[Bar::TimesBest { peers: POOLS, at_most: 1.0 }],
            contestants: hand_off::contestants,
        },
        Case {
            id: "hand_off_256",
            what: "the same with 256 at once",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: many::CLOSURES,
            bars: &[Bar::TimesBest { peers: POOLS, at_most: 0.25 }],
            contestants: many::contestants,
        },
        Case {
            id: "call_back",
            what: "a closure that a worker thread calls in its task, and its value",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: call_back::CALLS,
            bars: &[Bar::Times { peer: "limit", at_most: 1.5 }],
            contestants: call_back::contestants,
        },
    ],
};
