//! Locks and their kin: alone, and with eight who wait in line.

use std::{
    future::Future,
    hint::black_box,
    io,
    time::{Duration, Instant},
};

use anyio::sync::{CapacityLimiter, Event, Lock, Semaphore};
use futures::join;

use crate::{case::Contestant, hosts};

/// How many wait in line.
pub(super) const WAITERS: u64 = 8;

/// What is taken, waited for, and comes back when it is dropped.
trait Taking: Send + Sync + 'static {
    fn take(&self) -> impl Future<Output: Send> + Send;
}

macro_rules! taking {
    ($($primitive:ty: $this:ident => $take:expr),+ $(,)?) => {
        $(impl Taking for $primitive {
            fn take(&self) -> impl Future<Output: Send> + Send {
                let $this = self;
                async move { $take }
            }
        })+
    };
}

const UNCANCELLED: &str = "nobody cancels it";

taking! {
    Lock<u64>: this => this.lock().await.expect(UNCANCELLED),
    Semaphore: this => this.acquire().await.expect(UNCANCELLED),
    CapacityLimiter: this => this.acquire().await.expect(UNCANCELLED),
    tokio::sync::Mutex<u64>: this => this.lock().await,
    tokio::sync::Semaphore: this => this.acquire().await.expect("it is open"),
    async_lock::Mutex<u64>: this => this.lock().await,
    async_lock::Semaphore: this => this.acquire().await,
    futures::lock::Mutex<u64>: this => this.lock().await,
}

/// What happened, and can be waited for all the same.
trait Happened: Send + Sync + 'static {
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

impl Happened for Event {
    async fn wait(&self) {
        Event::wait(self).await.expect(UNCANCELLED);
    }
}

impl Happened for tokio::sync::SetOnce<()> {
    async fn wait(&self) {
        tokio::sync::SetOnce::wait(self).await;
    }
}

impl Happened for async_lock::OnceCell<()> {
    async fn wait(&self) {
        async_lock::OnceCell::wait(self).await;
    }
}

pub(super) fn lock() -> Vec<Contestant> {
    vec![
        on_tokio("anyio", |n| alone(Lock::new(0), n)),
        on_ours("anyio-run", |n| alone(Lock::new(0), n)),
        on_tokio("tokio", |n| alone(tokio::sync::Mutex::new(0), n)),
        on_tokio("async-lock", |n| alone(async_lock::Mutex::new(0), n)),
        on_tokio("futures", |n| alone(futures::lock::Mutex::new(0), n)),
    ]
}

pub(super) fn semaphore() -> Vec<Contestant> {
    vec![
        on_tokio("anyio", |n| alone(Semaphore::new(2), n)),
        on_ours("anyio-run", |n| alone(Semaphore::new(2), n)),
        on_tokio("tokio", |n| alone(tokio::sync::Semaphore::new(2), n)),
        on_tokio("async-lock", |n| alone(async_lock::Semaphore::new(2), n)),
    ]
}

/// The peers have semaphores for it.
pub(super) fn limiter() -> Vec<Contestant> {
    vec![
        on_tokio("anyio", |n| alone(CapacityLimiter::new(2), n)),
        on_ours("anyio-run", |n| alone(CapacityLimiter::new(2), n)),
        on_tokio("tokio", |n| alone(tokio::sync::Semaphore::new(2), n)),
        on_tokio("async-lock", |n| alone(async_lock::Semaphore::new(2), n)),
    ]
}

pub(super) fn event() -> Vec<Contestant> {
    vec![
        on_tokio("anyio", |n| waits(set_event(), n)),
        on_ours("anyio-run", |n| waits(set_event(), n)),
        on_tokio("tokio", |n| {
            let event = tokio::sync::SetOnce::new();
            event.set(()).expect("it is new");
            waits(event, n)
        }),
        on_tokio("async-lock", |n| waits(async_lock::OnceCell::from(()), n)),
    ]
}

pub(super) fn hand_over_8() -> Vec<Contestant> {
    vec![
        on_tokio("anyio", |n| in_turn(Lock::new(0), n)),
        on_ours("anyio-run", |n| in_turn(Lock::new(0), n)),
        on_tokio("anyio-semaphore", |n| in_turn(Semaphore::new(1), n)),
        on_tokio("tokio", |n| in_turn(tokio::sync::Mutex::new(0), n)),
        on_tokio("async-lock", |n| in_turn(async_lock::Mutex::new(0), n)),
        on_tokio("futures", |n| in_turn(futures::lock::Mutex::new(0), n)),
    ]
}

fn set_event() -> Event {
    let event = Event::new();
    event.set();
    event
}

/// In one task of tokio's current thread.
fn on_tokio<F>(who: &'static str, work: impl Fn(u64) -> F + 'static) -> Contestant
where
    F: Future<Output = Duration> + Send + 'static,
{
    let runtime = hosts::tokio_ct();
    Contestant::new(who, move |n| hosts::as_task(&runtime, work(n)))
}

/// In one child of a group under `run`.
fn on_ours<F>(who: &'static str, work: impl Fn(u64) -> F + Sync + 'static) -> Contestant
where
    F: Future<Output = Duration> + Send,
{
    Contestant::new(who, move |n| {
        let group = anyio::task_group(async |tg| {
            let child = tg.start_soon(async { io::Result::Ok(work(n).await) });
            Ok(child.join().await?)
        });
        anyio::run(group).ok().flatten().expect(UNCANCELLED)
    })
}

/// Takes and brings back, and nobody else is there.
async fn alone(primitive: impl Taking, iterations: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        black_box(&primitive.take().await);
    }
    begun.elapsed()
}

async fn waits(event: impl Happened, iterations: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        event.wait().await;
    }
    begun.elapsed()
}

/// Eight come while it is held, and then have it one after the other.
async fn in_turn(primitive: impl Taking, iterations: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        let held = primitive.take().await;
        let one = || async {
            black_box(&primitive.take().await);
        };
        let release = async move { drop(held) };
        join!(one(), one(), one(), one(), one(), one(), one(), one(), release);
    }
    begun.elapsed()
}

pub(super) fn count_lock(iterations: u64) {
    hosts::block_on(alone(Lock::new(0), iterations));
}

pub(super) fn count_semaphore(iterations: u64) {
    hosts::block_on(alone(Semaphore::new(2), iterations));
}

pub(super) fn count_limiter(iterations: u64) {
    hosts::block_on(alone(CapacityLimiter::new(2), iterations));
}

pub(super) fn count_event(iterations: u64) {
    hosts::block_on(waits(set_event(), iterations));
}

pub(super) fn count_hand_over_8(iterations: u64) {
    hosts::block_on(in_turn(Lock::new(0), iterations));
}
