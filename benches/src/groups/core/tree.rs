//! A tree of groups that is cancelled at its root. Only the cancelling is timed, until the root has returned.

use std::{
    cell::Cell,
    future::pending,
    io,
    pin::Pin,
    time::{Duration, Instant},
};

use anyio::{TaskGroup, sleep_forever, task_group, yield_now};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::cancel::{Boxed, Waiting, fill, sum, token_child};
use crate::{
    case::Contestant,
    hosts::{self, block_on},
};

/// How many children a group has, by level: groups, and tasks in the lowest.
const CHILDREN: [u64; 5] = [2, 5, 10, 10, 10];
pub(super) const TASKS: u64 = 10_000;

pub(super) fn contestants() -> Vec<Contestant> {
    let (ct, mt) = (hosts::tokio_ct(), hosts::tokio_mt());
    vec![
        Contestant::new("anyio", |trees| sum(trees, anyio)),
        Contestant::new("cancellation-token-ct", move |trees| sum(trees, || hosts::as_task(&ct, token_tasks()))),
        Contestant::new("cancellation-token-mt", move |trees| sum(trees, || hosts::as_task(&mt, token_tasks()))),
        Contestant::new("cancellation-token-fu", |trees| sum(trees, token_fu)),
        Contestant::new("futures-unordered", |trees| sum(trees, drop_fu)),
    ]
}

type Node<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>>;

fn start_children<'a>(tg: &TaskGroup<'a, io::Error>, level: usize, waiting: &'a Waiting) {
    for _ in 0..CHILDREN[level] {
        if level + 1 < CHILDREN.len() {
            tg.start_soon(group(level + 1, waiting));
        } else {
            tg.start_soon(async {
                waiting.note();
                let _ = sleep_forever().await;
            });
        }
    }
}

fn group(level: usize, waiting: &Waiting) -> Node<'_> {
    Box::pin(async move {
        let group = task_group(move |tg| async move {
            start_children(&tg, level, waiting);
            Ok(())
        });
        group.await.map(drop)
    })
}

pub(super) fn anyio() -> Duration {
    let (waiting, begun) = (Waiting::default(), Cell::new(None));
    block_on(async {
        let root = task_group(async |tg| {
            start_children(&tg, 0, &waiting);
            while !waiting.is(TASKS) {
                yield_now().await;
            }
            begun.set(Some(Instant::now()));
            tg.cancel();
            Ok(())
        });
        root.await.expect("nobody fails");
        begun.get().expect("it was cancelled").elapsed()
    })
}

/// The tasks below a group, each with the token of its group. A group is nothing but a token: less than ours.
fn spawn_tasks(tracker: &TaskTracker, level: usize, waiting: &Waiting, token: &CancellationToken) {
    for _ in 0..CHILDREN[level] {
        if level + 1 < CHILDREN.len() {
            spawn_tasks(tracker, level + 1, waiting, &token.child_token());
        } else {
            tracker.spawn(token_child(waiting.clone(), token.clone()));
        }
    }
}

async fn token_tasks() -> Duration {
    let (waiting, token, tracker) = (Waiting::default(), CancellationToken::new(), TaskTracker::new());
    spawn_tasks(&tracker, 0, &waiting, &token);
    tracker.close();
    while !waiting.is(TASKS) {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    token.cancel();
    tracker.wait().await;
    begun.elapsed()
}

/// A group as a `FuturesUnordered` in a future, with what `leaf` makes as tasks.
fn unordered<T: Clone + Send + 'static>(level: usize, below: T, child: fn(&T) -> T, leaf: fn(T) -> Boxed) -> Boxed {
    let mut all: FuturesUnordered<Boxed> = (0..CHILDREN[level])
        .map(|_| {
            if level + 1 < CHILDREN.len() {
                unordered(level + 1, child(&below), child, leaf)
            } else {
                leaf(below.clone())
            }
        })
        .collect();
    Box::pin(async move { while all.next().await.is_some() {} })
}

fn token_fu() -> Duration {
    let (waiting, token) = (Waiting::default(), CancellationToken::new());
    let root = unordered(
        0,
        (waiting.clone(), token.clone()),
        |(waiting, token)| (waiting.clone(), token.child_token()),
        |(waiting, token)| Box::pin(token_child(waiting, token)),
    );
    let mut root: FuturesUnordered<Boxed> = [root].into_iter().collect();
    block_on(async {
        fill(&mut root, &waiting, TASKS).await;
        let begun = Instant::now();
        token.cancel();
        while root.next().await.is_some() {}
        begun.elapsed()
    })
}

fn drop_fu() -> Duration {
    let waiting = Waiting::default();
    let root = unordered(0, waiting.clone(), Waiting::clone, |waiting| {
        Box::pin(async move {
            waiting.note();
            pending::<()>().await;
        })
    });
    let mut root: FuturesUnordered<Boxed> = [root].into_iter().collect();
    block_on(async {
        fill(&mut root, &waiting, TASKS).await;
        let begun = Instant::now();
        drop(root);
        begun.elapsed()
    })
}
