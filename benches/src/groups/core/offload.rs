//! Futures on worker threads, started from outside of them, and joined there.

use std::{
    hint::black_box,
    io,
    time::{Duration, Instant},
};

use anyio::{Builder, offload, task_group};
use smol::Executor;
use tokio::runtime::Runtime;

use crate::{
    case::Contestant,
    hosts::{self, THREADS},
};

pub(super) const FUTURES: u64 = 100_000;

pub(super) fn contestants() -> Vec<Contestant> {
    let mt = hosts::tokio_mt();
    vec![
        Contestant::new("anyio", anyio),
        Contestant::new("tokio-mt", move |rounds| tokio(&mt, rounds)),
        Contestant::new("smol", smol),
    ]
}

async fn work(number: u64) -> u64 {
    black_box(number)
}

fn anyio(rounds: u64) -> Duration {
    Builder::new().worker_threads(THREADS).run(async {
        let begun = Instant::now();
        for _ in 0..rounds {
            let group = task_group(async |tg| {
                let start = |number| tg.start_soon(offload(async move { io::Result::Ok(work(number).await) }));
                let handles: Vec<_> = (0..FUTURES).map(start).collect();
                let mut sum = 0;
                for handle in handles {
                    sum += handle.join().await?;
                }
                io::Result::Ok(black_box(sum))
            });
            group.await.expect("nobody fails");
        }
        begun.elapsed()
    })
}

fn tokio(runtime: &Runtime, rounds: u64) -> Duration {
    runtime.block_on(async {
        let begun = Instant::now();
        for _ in 0..rounds {
            let handles: Vec<_> = (0..FUTURES).map(|number| tokio::spawn(work(number))).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.expect("nobody fails");
            }
            black_box(sum);
        }
        begun.elapsed()
    })
}

fn smol(rounds: u64) -> Duration {
    let executor = Executor::new();
    let (stop, stopped) = smol::channel::bounded::<()>(1);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| smol::block_on(executor.run(stopped.recv())));
        }
        let taken = smol::block_on(async {
            let begun = Instant::now();
            for _ in 0..rounds {
                let tasks: Vec<_> = (0..FUTURES).map(|number| executor.spawn(work(number))).collect();
                let mut sum = 0;
                for task in tasks {
                    sum += task.await;
                }
                black_box(sum);
            }
            begun.elapsed()
        });
        drop(stop);
        taken
    })
}
