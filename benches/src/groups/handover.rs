//! What goes from task to task: items, locks, permits, and the news that something happened.

mod channels;
mod hot_paths;
mod limit;
mod primitives;
mod streams;

use streams::{On, many_to_many, one_to_one};

use crate::{
    bar::Bar,
    case::{Case, Contestant, Group, Unit},
};

const ONE_THREAD: &str = "tokio current thread, a task for each end; anyio-run: children of a group under `run`";
const TWO_THREADS: &str =
    "tokio on two threads, a task for each end; anyio-run: the ends on two worker threads of `run`, by `offload`";
const TASK: &str = "a task of tokio current thread; anyio-run: a child of a group under `run`";

/// Not slower.
const LEVEL: f64 = 1.0;

pub(crate) const GROUP: Group = Group {
    name: "handover",
    what: "memory object streams, locks, semaphores, limiters, events",
    hot_paths: hot_paths::ALL,
    cases: &[
        one("chan_1x1_cap0_t1", "an item from one to another, no buffer, one thread", ONE_CAP0, c1x1_0_t1),
        one("chan_1x1_cap1_t1", "an item from one to another, a buffer of 1, one thread", ONE_CAP, c1x1_1_t1),
        one("chan_1x1_cap64_t1", "an item from one to another, a buffer of 64, one thread", ONE_CAP, c1x1_64_t1),
        one("chan_1x1_cap1024_t1", "an item from one to another, a buffer of 1024, one thread", ONE_CAP, c1x1_1024_t1),
        two("chan_1x1_cap0_t2", "an item from one to another, no buffer, two threads", TWO_CAP0, c1x1_0_t2),
        two("chan_1x1_cap1_t2", "an item from one to another, a buffer of 1, two threads", TWO_CAP, c1x1_1_t2),
        two("chan_1x1_cap64_t2", "an item from one to another, a buffer of 64, two threads", TWO_CAP, c1x1_64_t2),
        two("chan_1x1_cap1024_t2", "an item from one to another, a buffer of 1024, two threads", TWO_CAP, c1x1_1024_t2),
        many(one("chan_4x4_cap0_t1", "an item from four to four, no buffer, one thread", MANY_CAP0, c4x4_0_t1)),
        many(one("chan_4x4_cap64_t1", "an item from four to four, a buffer of 64, one thread", MANY_CAP, c4x4_64_t1)),
        many(two("chan_4x4_cap0_t2", "an item from four to four, no buffer, two threads", MANY_CAP0, c4x4_0_t2)),
        many(two("chan_4x4_cap64_t2", "an item from four to four, a buffer of 64, two threads", MANY_CAP, c4x4_64_t2)),
        primitive("lock", "take a lock that is free, and release it", primitives::lock),
        primitive("semaphore", "take a permit that is free, and bring it back", primitives::semaphore),
        primitive(
            "limiter",
            "take a token that is free, and bring it back; theirs are semaphores",
            primitives::limiter,
        ),
        primitive("event", "wait for what has happened already", primitives::event),
        Case {
            size: primitives::WAITERS,
            ..primitive("hand_over_8", "wait for a lock in a line of eight, and hand it on", primitives::hand_over_8)
        },
    ],
};

/// By what its source says, kanal drops an item together with the receive that it was handed to; so it has a bar of its own.
const ONE_CAP0: &[Bar] = &[
    Bar::TimesBest { peers: &["flume", "futures"], at_most: LEVEL },
    Bar::Times { peer: "kanal", at_most: 1.3 },
    Bar::Times { peer: "limit", at_most: 3.0 },
];
const ONE_CAP: &[Bar] = &[
    Bar::TimesBest { peers: &["flume", "async-channel", "tokio", "futures", "tachyonix"], at_most: LEVEL },
    Bar::Times { peer: "kanal", at_most: 1.3 },
    Bar::Times { peer: "limit", at_most: 3.0 },
];
const TWO_CAP0: &[Bar] = &[Bar::TimesSecond { peers: &["kanal", "flume", "futures"], at_most: LEVEL }];
const TWO_CAP: &[Bar] = &[Bar::TimesSecond {
    peers: &["kanal", "flume", "async-channel", "tokio", "futures", "tachyonix"],
    at_most: LEVEL,
}];
const MANY_CAP0: &[Bar] = &[Bar::TimesBest { peers: &["kanal", "flume"], at_most: 1.2 }];
const MANY_CAP: &[Bar] = &[Bar::TimesBest { peers: &["kanal", "flume", "async-channel"], at_most: 1.2 }];
const PRIMITIVE: &[Bar] = &[Bar::TimesBest { peers: &["tokio", "async-lock"], at_most: LEVEL }];

type Contestants = fn() -> Vec<Contestant>;

const fn one(id: &'static str, what: &'static str, bars: &'static [Bar], contestants: Contestants) -> Case {
    Case { id, what, unit: Unit::Nanoseconds, host: ONE_THREAD, size: 1, bars, contestants }
}

const fn two(id: &'static str, what: &'static str, bars: &'static [Bar], contestants: Contestants) -> Case {
    Case { host: TWO_THREADS, ..one(id, what, bars, contestants) }
}

const fn many(case: Case) -> Case {
    Case { size: streams::MANY, ..case }
}

const fn primitive(id: &'static str, what: &'static str, contestants: Contestants) -> Case {
    Case { host: TASK, ..one(id, what, PRIMITIVE, contestants) }
}

macro_rules! contestants {
    ($($name:ident = $make:ident::<$capacity:literal>($on:ident);)+) => {
        $(fn $name() -> Vec<Contestant> {
            $make::<$capacity>(On::$on)
        })+
    };
}

contestants! {
    c1x1_0_t1 = one_to_one::<0>(OneThread);
    c1x1_1_t1 = one_to_one::<1>(OneThread);
    c1x1_64_t1 = one_to_one::<64>(OneThread);
    c1x1_1024_t1 = one_to_one::<1024>(OneThread);
    c1x1_0_t2 = one_to_one::<0>(TwoThreads);
    c1x1_1_t2 = one_to_one::<1>(TwoThreads);
    c1x1_64_t2 = one_to_one::<64>(TwoThreads);
    c1x1_1024_t2 = one_to_one::<1024>(TwoThreads);
    c4x4_0_t1 = many_to_many::<0>(OneThread);
    c4x4_64_t1 = many_to_many::<64>(OneThread);
    c4x4_0_t2 = many_to_many::<0>(TwoThreads);
    c4x4_64_t2 = many_to_many::<64>(TwoThreads);
}
