//! One closure at a time: waking a sleeping thread, and being woken by it.

use std::{
    future::Future,
    hint::black_box,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyio::to_thread;

use crate::{
    case::Contestant,
    hosts::{self, block_on},
};

pub(super) fn contestants() -> Vec<Contestant> {
    let (ct, mt) = (hosts::tokio_ct(), hosts::tokio_mt());
    let limit = Worker::new();
    vec![
        Contestant::new("anyio", |calls| block_on(timed(calls, || to_thread::run_sync(one)))),
        Contestant::new("blocking", |calls| block_on(timed(calls, || blocking::unblock(one)))),
        Contestant::new("tokio-ct", move |calls| {
            hosts::as_task(&ct, timed(calls, || tokio::task::spawn_blocking(one)))
        }),
        Contestant::new("tokio-mt", move |calls| {
            hosts::as_task(&mt, timed(calls, || tokio::task::spawn_blocking(one)))
        }),
        Contestant::new("rayon-oneshot", |calls| block_on(timed(calls, on_rayon))),
        Contestant::new("limit", move |calls| {
            let begun = Instant::now();
            for _ in 0..calls {
                limit.send(one);
                black_box(limit.receive());
            }
            begun.elapsed()
        }),
    ]
}

/// What is done there: next to nothing.
pub(super) fn one() -> u64 {
    black_box(1)
}

async fn timed<F: Future>(calls: u64, mut call: impl FnMut() -> F) -> Duration {
    let begun = Instant::now();
    for _ in 0..calls {
        black_box(call().await);
    }
    begun.elapsed()
}

/// A closure on rayon's threads, and its value through a channel.
pub(super) fn on_rayon() -> futures::channel::oneshot::Receiver<u64> {
    let (send, receive) = futures::channel::oneshot::channel();
    rayon::spawn(move || {
        // Nobody waits any more if it fails.
        let _ = send.send(one());
    });
    receive
}

/// A thread with a queue, and a queue back.
pub(super) struct Worker {
    jobs: Sender<fn() -> u64>,
    values: Receiver<u64>,
}

impl Worker {
    pub(super) fn new() -> Self {
        let (jobs, queue) = channel::<fn() -> u64>();
        let (send, values) = channel();
        thread::spawn(move || {
            while let Ok(job) = queue.recv() {
                if send.send(job()).is_err() {
                    break;
                }
            }
        });
        Self { jobs, values }
    }

    pub(super) fn send(&self, job: fn() -> u64) {
        self.jobs.send(job).expect("it receives until this is gone");
    }

    pub(super) fn receive(&self) -> u64 {
        self.values.recv().expect("it answers each job")
    }
}
