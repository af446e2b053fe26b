//! Files: what is cached, in place; what is not, on a thread; whole files, folders, lines; and what siblings notice.

mod content;
mod contestants;
mod small;
mod ticker;
mod tree;

use crate::{
    bar::Bar,
    case::{Case, Group, Unit},
};

const HOST: &str =
    "ours and async-fs: futures::executor::block_on; tokio: its runtime with two threads; monoio, compio: io_uring";

/// What hops to a thread for each call is left behind.
const AHEAD: Bar = Bar::TimesBest { peers: &["tokio", "async-fs"], at_most: 1.0 };

pub(crate) const GROUP: Group = Group {
    name: "files",
    what: "small files, large files, lines, folders, and what siblings notice of them",
    hot_paths: &[],
    cases: &[
        Case {
            id: "read4k",
            what: "open, read and close a cached file of 4 KiB",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: small::COUNT,
            bars: &[
                Bar::Times { peer: "std", at_most: 1.5 },
                Bar::Times { peer: "tokio", at_most: 1.0 / 30.0 },
                Bar::TimesBest { peers: &["monoio", "compio"], at_most: 1.0 },
            ],
            contestants: small::read4k,
        },
        Case {
            id: "slurp4k",
            what: "the whole content of a cached file of 4 KiB, by its path",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: small::COUNT,
            bars: &[Bar::Times { peer: "std", at_most: 1.5 }, AHEAD, Bar::Times { peer: "compio", at_most: 1.0 }],
            contestants: small::slurp4k,
        },
        Case {
            id: "stat",
            what: "what is known of a path",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: small::COUNT,
            bars: &[Bar::Times { peer: "std", at_most: 2.5 }, AHEAD],
            contestants: small::stat,
        },
        Case {
            id: "seq_read",
            what: "64 KiB of a cached file of 64 MiB, one after the other",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: content::PIECES,
            bars: &[Bar::Times { peer: "std", at_most: 1.1 }, AHEAD],
            contestants: content::seq_read,
        },
        Case {
            id: "seq_read_cold",
            what: "the same of a file that is not cached",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: content::PIECES,
            bars: &[],
            contestants: content::seq_read_cold,
        },
        Case {
            id: "seq_write",
            what: "64 KiB onto the end of a file, up to 64 MiB, on the disk, and its flush",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: content::PIECES,
            bars: &[Bar::Times { peer: "std", at_most: 1.5 }, AHEAD],
            contestants: content::seq_write,
        },
        Case {
            id: "seq_write_memory",
            what: "the same on a file system in memory",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: content::PIECES,
            bars: &[Bar::Times { peer: "std", at_most: 1.1 }, AHEAD],
            contestants: content::seq_write_memory,
        },
        Case {
            id: "lines",
            what: "a line of 64 bytes of a text of 16 MiB, each a string of its own",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: content::LINES,
            bars: &[Bar::Times { peer: "std", at_most: 1.5 }, AHEAD],
            contestants: content::lines,
        },
        Case {
            id: "copy",
            what: "a copy of a cached file of 16 MiB",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: 1,
            bars: &[Bar::Times { peer: "std", at_most: 1.5 }],
            contestants: content::copy,
        },
        Case {
            id: "walk",
            what: "an entry of a tree of 50 000 files in 500 folders",
            unit: Unit::Nanoseconds,
            host: HOST,
            size: tree::ENTRIES,
            bars: &[Bar::Times { peer: "std", at_most: 1.5 }, Bar::Times { peer: "walkdir", at_most: 1.5 }],
            contestants: tree::walk,
        },
        Case {
            id: "ticker",
            what: "how late a ticker of 1 ms is while 8 tasks read cached files: the 99th percentile",
            unit: Unit::Nanoseconds,
            host: "tokio with one thread",
            size: 1,
            bars: &[Bar::Times { peer: "tokio", at_most: 1.0 }],
            contestants: ticker::contestants,
        },
    ],
};
