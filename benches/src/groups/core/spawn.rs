//! Children that are started and joined.

use std::{
    future::Future,
    hint::black_box,
    io,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use anyio::task_group;
use futures::{StreamExt, stream::FuturesUnordered};
use smol::LocalExecutor;
use tokio::task::JoinSet;

use crate::{
    case::Contestant,
    hosts::{self, YieldOnce, block_on},
};

pub(super) const CHILDREN: u64 = 100_000;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

async fn trivial_child(number: u64) {
    black_box(number);
}

async fn yielding_child(number: u64) {
    YieldOnce::default().await;
    black_box(number);
}

pub(super) fn trivial() -> Vec<Contestant> {
    let mut all = contestants(|| trivial_child);
    all.push(Contestant::new("limit", |groups| times(groups, || limit(CHILDREN))));
    all
}

pub(super) fn yielding() -> Vec<Contestant> {
    contestants(|| yielding_child)
}

/// The contestants with the child that `child` makes of a number.
fn contestants<C, F>(child: fn() -> C) -> Vec<Contestant>
where
    C: Fn(u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let child = child();
    let (ct, mt) = (hosts::tokio_ct(), Arc::new(hosts::tokio_mt()));
    vec![
        Contestant::new("anyio", move |groups| times(groups, || ours(CHILDREN, child))),
        Contestant::new("futures-unordered", move |groups| times(groups, || futures_unordered(CHILDREN, child))),
        Contestant::new("tokio-ct", move |groups| times(groups, || ct.block_on(join_set(child)))),
        Contestant::new("tokio-mt", move |groups| times(groups, || hosts::as_task(&mt, join_set(child)))),
        Contestant::new("smol", move |groups| times(groups, || smol(child))),
        Contestant::new("moro", move |groups| times(groups, || moro(child))),
    ]
}

/// How long `run` takes so many times.
pub(super) fn times(count: u64, mut run: impl FnMut()) -> Duration {
    let begun = Instant::now();
    for _ in 0..count {
        run();
    }
    begun.elapsed()
}

pub(super) fn anyio_trivial(children: u64) {
    ours(children, trivial_child);
}

pub(super) fn anyio_yielding(children: u64) {
    ours(children, yielding_child);
}

pub(super) fn futures_unordered_trivial(children: u64) {
    futures_unordered(children, trivial_child);
}

fn ours<F: Future<Output = ()> + Send>(children: u64, child: impl Fn(u64) -> F) {
    let group = task_group(async |tg| {
        for number in 0..children {
            tg.start_soon(child(number));
        }
        io::Result::Ok(())
    });
    block_on(group).expect("nobody fails");
}

fn futures_unordered<F: Future<Output = ()> + Send + 'static>(children: u64, child: impl Fn(u64) -> F) {
    block_on(async {
        let mut all = FuturesUnordered::new();
        for number in 0..children {
            all.push(Box::pin(child(number)) as Boxed<()>);
        }
        while all.next().await.is_some() {}
    });
}

async fn join_set<F: Future<Output = ()> + Send + 'static>(child: impl Fn(u64) -> F) {
    let mut all = JoinSet::new();
    for number in 0..CHILDREN {
        all.spawn(child(number));
    }
    while all.join_next().await.is_some() {}
}

fn smol<F: Future<Output = ()> + Send + 'static>(child: impl Fn(u64) -> F) {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let tasks: Vec<_> = (0..CHILDREN).map(|number| executor.spawn(child(number))).collect();
        for task in tasks {
            task.await;
        }
    }));
}

fn moro<F: Future<Output = ()> + Send>(child: impl Fn(u64) -> F + Send + Sync) {
    block_on(moro::async_scope!(|scope| {
        for number in 0..CHILDREN {
            drop(scope.spawn(child(number)));
        }
    }));
}

/// What cannot be avoided: a place for each future, and a poll.
fn limit(children: u64) {
    let all: Vec<Boxed<()>> = (0..children).map(|number| Box::pin(trivial_child(number)) as Boxed<()>).collect();
    block_on(async {
        for child in all {
            child.await;
        }
    });
}

pub(super) fn joined() -> Vec<Contestant> {
    let (ct, mt) = (hosts::tokio_ct(), hosts::tokio_mt());
    vec![
        Contestant::new("anyio", |groups| times(groups, || anyio_joined(CHILDREN))),
        Contestant::new("futures-unordered", |groups| times(groups, || block_on(futures_unordered_joined()))),
        Contestant::new("tokio-ct", move |groups| times(groups, || ct.block_on(join_set_joined()))),
        Contestant::new("tokio-mt", move |groups| times(groups, || hosts::as_task(&mt, join_set_joined()))),
        Contestant::new("smol", |groups| times(groups, smol_joined)),
        Contestant::new("moro", |groups| times(groups, moro_joined)),
    ]
}

async fn child_with_value(number: u64) -> u64 {
    black_box(number)
}

pub(super) fn anyio_joined(children: u64) {
    let group = task_group(async |tg| {
        let handles: Vec<_> =
            (0..children).map(|number| tg.start_soon(async move { io::Result::Ok(black_box(number)) })).collect();
        let mut sum = 0;
        for handle in handles {
            sum += handle.join().await?;
        }
        Ok(black_box(sum))
    });
    block_on(group).expect("nobody fails");
}

async fn futures_unordered_joined() {
    let all = FuturesUnordered::new();
    for number in 0..CHILDREN {
        all.push(Box::pin(child_with_value(number)) as Boxed<u64>);
    }
    black_box(all.fold(0, async |sum, value| sum + value).await);
}

async fn join_set_joined() {
    let mut all = JoinSet::new();
    for number in 0..CHILDREN {
        all.spawn(child_with_value(number));
    }
    let mut sum = 0;
    while let Some(value) = all.join_next().await {
        sum += value.expect("nobody fails");
    }
    black_box(sum);
}

fn smol_joined() {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let tasks: Vec<_> = (0..CHILDREN).map(|number| executor.spawn(child_with_value(number))).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        black_box(sum);
    }));
}

fn moro_joined() {
    block_on(moro::async_scope!(|scope| {
        let tasks: Vec<_> = (0..CHILDREN).map(|number| scope.spawn(child_with_value(number))).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        black_box(sum);
    }));
}
