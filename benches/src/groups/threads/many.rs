//! 256 closures at once, time and again.

use std::{
    future::Future,
    hint::black_box,
    time::{Duration, Instant},
};

use anyio::{gather, sync::CapacityLimiter, to_thread};
use futures::future::join_all;

use super::hand_off::{Worker, on_rayon, one};
use crate::{
    case::Contestant,
    hosts::{self, block_on},
};

pub(super) const CLOSURES: u64 = 256;

pub(super) fn contestants() -> Vec<Contestant> {
    let (ct, mt) = (hosts::tokio_ct(), hosts::tokio_mt());
    let limit = Worker::new();
    let wide = CapacityLimiter::new(256);
    vec![
        Contestant::new("anyio", |rounds| {
            block_on(timed(rounds, || gather((0..CLOSURES).map(|_| to_thread::run_sync(one)))))
        }),
        Contestant::new("anyio-256-tokens", move |rounds| {
            let wide = &wide;
            block_on(timed(rounds, move || gather((0..CLOSURES).map(move |_| to_thread::run_sync(one).limiter(wide)))))
        }),
        Contestant::new("blocking", |rounds| {
            block_on(timed(rounds, || in_turn((0..CLOSURES).map(|_| blocking::unblock(one)).collect())))
        }),
        Contestant::new("tokio-ct", move |rounds| {
            hosts::as_task(
                &ct,
                timed(rounds, || in_turn((0..CLOSURES).map(|_| tokio::task::spawn_blocking(one)).collect())),
            )
        }),
        Contestant::new("tokio-mt", move |rounds| {
            hosts::as_task(
                &mt,
                timed(rounds, || in_turn((0..CLOSURES).map(|_| tokio::task::spawn_blocking(one)).collect())),
            )
        }),
        Contestant::new("rayon-oneshot", |rounds| {
            block_on(timed(rounds, || in_turn((0..CLOSURES).map(|_| on_rayon()).collect())))
        }),
        Contestant::new("blocking-join-all", |rounds| {
            block_on(timed(rounds, || join_all((0..CLOSURES).map(|_| blocking::unblock(one)))))
        }),
        Contestant::new("limit", move |rounds| {
            let begun = Instant::now();
            for _ in 0..rounds {
                (0..CLOSURES).for_each(|_| limit.send(one));
                (0..CLOSURES).for_each(|_| {
                    black_box(limit.receive());
                });
            }
            begun.elapsed()
        }),
    ]
}

async fn timed<F: Future>(rounds: u64, mut round: impl FnMut() -> F) -> Duration {
    let begun = Instant::now();
    for _ in 0..rounds {
        black_box(round().await);
    }
    begun.elapsed()
}

/// Awaits what runs already: one wake-up at most for whoever is waited for.
async fn in_turn<F: Future>(started: Vec<F>) {
    for one in started {
        black_box(one.await);
    }
}
