//! A thread that asks its task, and waits for the answer.

use std::time::{Duration, Instant};

use anyio::{from_thread, run, to_thread};

use super::hand_off::{Worker, one};
use crate::{case::Contestant, hosts::block_on};

pub(super) const CALLS: u64 = 100;

pub(super) fn contestants() -> Vec<Contestant> {
    let limit = Worker::new();
    vec![
        Contestant::new("anyio", |rounds| block_on(to_thread::run_sync(move || ask(rounds))).expect("nobody cancels")),
        Contestant::new("anyio-run", |rounds| run(to_thread::run_sync(move || ask(rounds))).expect("nobody cancels")),
        Contestant::new("limit", move |rounds| {
            let begun = Instant::now();
            for _ in 0..rounds * CALLS {
                limit.send(one);
                limit.receive();
            }
            begun.elapsed()
        }),
    ]
}

fn ask(rounds: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..rounds * CALLS {
        from_thread::run_sync(one).expect("the task waits");
    }
    begun.elapsed()
}
