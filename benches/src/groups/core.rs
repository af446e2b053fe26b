//! The core: checkpoints, groups, cancellation, timeouts, threads.

mod ready;
mod wait;

use crate::{
    bar::Bar,
    case::{Case, Group, Unit},
};

const BLOCK_ON: &str = "futures::executor::block_on";

pub(crate) const GROUP: Group = Group {
    name: "core",
    what: "checkpoints, groups, cancellation, timeouts, threads",
    cases: &[
        Case {
            id: "checkpoint_ready",
            what: "an operation of ours that completes at once, in a scope",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: 1,
            bars: &[Bar::Over { peer: "bare", at_most: 3.0 }],
            contestants: ready::checkpoint,
        },
        Case {
            id: "checkpoint_ready_deep",
            what: "the same in eight scopes, one in the other",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: 1,
            bars: &[Bar::Over { peer: "bare", at_most: 3.0 }],
            contestants: ready::checkpoint_deep,
        },
        Case {
            id: "cancellable_ready",
            what: "any future that is ready, made a checkpoint by `cancellable`",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: 1,
            bars: &[Bar::Over { peer: "bare", at_most: 6.0 }],
            contestants: ready::cancellable,
        },
        Case {
            id: "checkpoint_wait",
            what: "an operation of ours that waits once, its place recorded",
            unit: Unit::Nanoseconds,
            host: "a task of a group on futures::executor::block_on, which polls again at once",
            size: 1,
            bars: &[Bar::Over { peer: "bare", at_most: 16.0 }],
            contestants: wait::checkpoint,
        },
    ],
};
