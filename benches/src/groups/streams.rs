//! Streams: reads through a buffer, attributes through wrappers, trait objects.

mod attributes;
mod dispatch;
mod reads;

use crate::{
    bar::Bar,
    case::{Case, Group, Unit},
};

const BLOCK_ON: &str = "futures::executor::block_on";
const PIPE: &str =
    "futures::executor::block_on; a pipe in memory, of one's own family, which is filled with 64 KiB and then read";

/// Not slower.
const LEVEL: f64 = 1.15;

pub(crate) const GROUP: Group = Group {
    name: "streams",
    what: "reads through a buffer, attributes through wrappers, trait objects",
    hot_paths: &[],
    cases: &[
        Case {
            id: "lines",
            what: "lines of 64 bytes, each a string of its own",
            unit: Unit::Nanoseconds,
            host: PIPE,
            size: reads::COUNT,
            bars: &[Bar::TimesBest { peers: &["futures-util", "tokio", "tokio-framed"], at_most: LEVEL }],
            contestants: reads::lines,
        },
        Case {
            id: "lines_kept",
            what: "the same, appended to one buffer",
            unit: Unit::Nanoseconds,
            host: PIPE,
            size: reads::COUNT,
            bars: &[Bar::TimesBest { peers: &["futures-util", "tokio"], at_most: LEVEL }],
            contestants: reads::lines_kept,
        },
        Case {
            id: "exact",
            what: "reads of exactly 64 bytes into one place",
            unit: Unit::Nanoseconds,
            host: PIPE,
            size: reads::COUNT,
            bars: &[Bar::TimesBest { peers: &["futures-util", "tokio"], at_most: LEVEL }],
            contestants: reads::exact,
        },
        Case {
            id: "attributes",
            what: "an attribute through five wrappers, which allocates nothing",
            unit: Unit::Nanoseconds,
            host: "none",
            size: 1,
            bars: &[Bar::AtMost(20.0)],
            contestants: attributes::contestants,
        },
        Case {
            id: "dyn_receive",
            what: "a receive that is ready, through a boxed stream: one allocation",
            unit: Unit::Nanoseconds,
            host: BLOCK_ON,
            size: 1,
            bars: &[],
            contestants: dispatch::contestants,
        },
    ],
};
