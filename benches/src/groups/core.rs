//! The core: checkpoints, groups, cancellation, timeouts, threads.

mod cancel;
mod hot_paths;
mod memory;
mod offload;
mod ready;
mod spawn;
mod threads;
mod timeout;
mod tree;
mod wait;

use crate::{
    bar::Bar,
    case::{Case, Group, Unit},
};

const BLOCK_ON: &str = "futures::executor::block_on";
const TOKIO_TASK: &str = "a task of tokio current thread";

/// Not slower.
const LEVEL: f64 = 1.15;

pub(crate) const GROUP: Group = Group {
    name: "core",
    what: "checkpoints, groups, cancellation, timeouts, threads",
    hot_paths: hot_paths::ALL,
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
        Case {
            id: "spawn_trivial",
            what: "start and join 100 000 children that end at once, handles dropped",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: spawn::CHILDREN,
            bars: SPAWN_BARS,
            contestants: spawn::trivial,
        },
        Case {
            id: "spawn_yield",
            what: "the same with children that give way once",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: spawn::CHILDREN,
            bars: SPAWN_BARS,
            contestants: spawn::yielding,
        },
        Case {
            id: "spawn_join",
            what: "start 100 000 children that end at once, and take the value of each",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: spawn::CHILDREN,
            bars: SPAWN_BARS,
            contestants: spawn::joined,
        },
        Case {
            id: "mem_pending",
            what: "memory of a pending child beyond its future, 100 000 of them, handles dropped",
            unit: Unit::Bytes,
            host: "polled by hand; tokio's and smol's on their own",
            size: memory::CHILDREN,
            bars: &[Bar::AtMost(192.0)],
            contestants: memory::contestants,
        },
        Case {
            id: "cancel_flat",
            what: "cancel 10 000 children that wait, until their group has returned",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: cancel::CHILDREN,
            bars: &[
                Bar::Times { peer: "cancellation-token-ct", at_most: 0.4 },
                Bar::Times { peer: "cancellation-token-mt", at_most: 0.4 },
                Bar::Times { peer: "cancellation-token-fu", at_most: 1.0 / 1.3 },
                // Eight times as many: 1 is linear, 8 would be quadratic.
                Bar::Kept { who: cancel::MANY, at_most: 2.0 },
            ],
            contestants: cancel::flat,
        },
        Case {
            id: "cancel_tree",
            what: "the same in a tree: five levels of groups, the tasks in the lowest",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: tree::TASKS,
            bars: &[
                Bar::Times { peer: "cancellation-token-ct", at_most: 0.4 },
                Bar::Times { peer: "cancellation-token-mt", at_most: 0.4 },
                Bar::Times { peer: "cancellation-token-fu", at_most: 1.0 / 1.3 },
            ],
            contestants: tree::contestants,
        },
        Case {
            id: "timeout_ready",
            what: "a limit of a second around a future that is ready",
            unit: Unit::Nanoseconds,
            host: TOKIO_TASK,
            size: 1,
            bars: &[Bar::Times { peer: "tokio-ct", at_most: 1.6 }],
            contestants: timeout::ready,
        },
        Case {
            id: "timeout_wait",
            what: "a limit of a second around a future that waits once",
            unit: Unit::Nanoseconds,
            host: TOKIO_TASK,
            size: 1,
            bars: &[Bar::TimesBest { peers: &["tokio-ct", "tokio-mt"], at_most: LEVEL }],
            contestants: timeout::wait,
        },
        Case {
            id: "timeout_fire",
            what: "100 000 deadlines that fire, time of all processors together",
            unit: Unit::Nanoseconds,
            host: "tokio current thread, a task for each deadline",
            size: timeout::DEADLINES,
            bars: &[Bar::TimesBest { peers: &["tokio-ct", "tokio-mt"], at_most: LEVEL }],
            contestants: timeout::fire,
        },
        Case {
            id: "two_threads_ready",
            what: "checkpoint_ready on two threads at once",
            unit: Unit::Nanoseconds,
            host: threads::HOST,
            size: 1,
            bars: &[
                Bar::Loses { peer: "bare", at_most: LEVEL },
                Bar::Loses { peer: "cancellation-token", at_most: LEVEL },
            ],
            contestants: threads::ready,
        },
        Case {
            id: "two_threads_spawn",
            what: "spawn_trivial on two threads at once, a group each",
            unit: Unit::Nanoseconds,
            host: threads::HOST,
            size: spawn::CHILDREN,
            bars: &[Bar::Loses { peer: "futures-unordered", at_most: LEVEL }],
            contestants: threads::spawn,
        },
        Case {
            id: "two_threads_cancel",
            what: "cancel_flat on two threads at once, a group each",
            unit: Unit::Nanoseconds,
            host: threads::HOST,
            size: cancel::CHILDREN,
            bars: &[
                Bar::Loses { peer: "futures-unordered", at_most: LEVEL },
                Bar::Loses { peer: "cancellation-token-fu", at_most: LEVEL },
            ],
            contestants: threads::cancel,
        },
        Case {
            id: "offload",
            what: "100 000 futures on worker threads, started and joined from outside of them",
            unit: Unit::Nanoseconds,
            host: "two worker threads, ours in `run`",
            size: offload::FUTURES,
            bars: &[Bar::Times { peer: "tokio-mt", at_most: LEVEL }],
            contestants: offload::contestants,
        },
    ],
};

const SPAWN_BARS: &[Bar] = &[
    Bar::Times { peer: "futures-unordered", at_most: 1.3 },
    Bar::Times { peer: "tokio-ct", at_most: 0.5 },
    Bar::Times { peer: "tokio-mt", at_most: 0.25 },
];
