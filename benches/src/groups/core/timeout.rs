//! Limits of time.

use std::{
    future::{Future, pending},
    hint::black_box,
    io,
    time::{Duration, Instant},
};

use anyio::{fail_after, sleep_forever};
use rustix::time::{ClockId, clock_gettime};
use tokio::{runtime::Runtime, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{
    case::Contestant,
    hosts::{self, YieldOnce, as_task, block_on},
};

pub(super) const DEADLINES: u64 = 100_000;
const SECOND: Duration = Duration::from_secs(1);

async fn at_once() -> io::Result<u64> {
    Ok(black_box(1))
}

async fn after_a_wait() -> io::Result<u64> {
    YieldOnce::default().await;
    Ok(black_box(1))
}

pub(super) fn ready() -> Vec<Contestant> {
    contestants(|| at_once)
}

pub(super) fn wait() -> Vec<Contestant> {
    contestants(|| after_a_wait)
}

/// The contestants around what `operation` gives.
fn contestants<O, F>(operation: fn() -> O) -> Vec<Contestant>
where
    O: Fn() -> F + Copy + Send + 'static,
    F: Future<Output = io::Result<u64>> + Send + 'static,
{
    let operation = operation();
    let (ct, mt) = (std::rc::Rc::new(hosts::tokio_ct()), hosts::tokio_mt());
    let (ours, bare, async_io) = (ct.clone(), ct.clone(), ct.clone());
    vec![
        Contestant::new("anyio", move |n| as_task(&ours, repeat(n, move || fail_after(SECOND, operation())))),
        Contestant::new("bare", move |n| as_task(&bare, repeat(n, operation))),
        Contestant::new("tokio-ct", move |n| as_task(&ct, repeat(n, move || timeout(SECOND, operation())))),
        Contestant::new("tokio-mt", move |n| as_task(&mt, repeat(n, move || timeout(SECOND, operation())))),
        Contestant::new("async-io", move |n| {
            as_task(&async_io, repeat(n, move || async_io_timeout(SECOND, operation())))
        }),
        Contestant::new("monoio", move |n| in_monoio(repeat(n, move || monoio::time::timeout(SECOND, operation())))),
    ]
}

pub(super) fn anyio_ready(iterations: u64) -> Duration {
    block_on(repeat(iterations, || fail_after(SECOND, at_once())))
}

pub(super) fn anyio_wait(iterations: u64) -> Duration {
    block_on(repeat(iterations, || fail_after(SECOND, after_a_wait())))
}

async fn repeat<F: Future>(iterations: u64, operation: impl Fn() -> F) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        drop(black_box(operation().await));
    }
    begun.elapsed()
}

/// As async-io's docs have it: the future, or else the timer.
async fn async_io_timeout<T>(limit: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    smol::future::or(future, async {
        async_io::Timer::after(limit).await;
        Err(io::ErrorKind::TimedOut.into())
    })
    .await
}

fn in_monoio<F: Future>(future: F) -> F::Output {
    let runtime = monoio::RuntimeBuilder::<monoio::FusionDriver>::new().enable_timer().build();
    runtime.expect("monoio can be started").block_on(future)
}

/// Processors are idle until the first deadline, so it is their time that counts.
pub(super) fn fire() -> Vec<Contestant> {
    let (ct, mt) = (std::rc::Rc::new(hosts::tokio_ct()), hosts::tokio_mt());
    let (ours, async_io) = (ct.clone(), ct.clone());
    let all =
        |runtime: &Runtime, rounds| busy(rounds, || as_task(runtime, tasks(|limit| timeout(limit, pending::<()>()))));
    vec![
        Contestant::new("anyio", move |rounds| busy(rounds, || as_task(&ours, tasks(until_deadline)))),
        Contestant::new("tokio-ct", move |rounds| all(&ct, rounds)),
        Contestant::new("tokio-mt", move |rounds| all(&mt, rounds)),
        Contestant::new("async-io", move |rounds| {
            busy(rounds, || as_task(&async_io, tasks(|limit| async_io_timeout(limit, pending::<io::Result<()>>()))))
        }),
        Contestant::new("monoio", |rounds| busy(rounds, || in_monoio(monoio_tasks()))),
    ]
}

async fn until_deadline(limit: Duration) -> io::Result<()> {
    fail_after(limit, async { Ok(sleep_forever().await?) }).await
}

/// So late that all are waiting before the first one fires, and spread over a while.
fn limit(number: u64) -> Duration {
    Duration::from_millis(250 + number * 37 % 100)
}

async fn tasks<F: Future + Send + 'static>(until_deadline: impl Fn(Duration) -> F)
where
    F::Output: Send,
{
    let tracker = TaskTracker::new();
    for number in 0..DEADLINES {
        tracker.spawn(until_deadline(limit(number)));
    }
    tracker.close();
    tracker.wait().await;
}

async fn monoio_tasks() {
    let start =
        |number| monoio::spawn(async move { drop(monoio::time::timeout(limit(number), pending::<()>()).await) });
    let tasks: Vec<_> = (0..DEADLINES).map(start).collect();
    for task in tasks {
        task.await;
    }
}

/// The time of all processors that this process had meanwhile.
fn busy(rounds: u64, mut run: impl FnMut()) -> Duration {
    let clock = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
    };
    let begun = clock();
    for _ in 0..rounds {
        run();
    }
    clock().saturating_sub(begun)
}
