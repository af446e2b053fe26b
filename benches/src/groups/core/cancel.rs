//! Many children that wait, and are cancelled. Only the cancelling is timed, until the last child has ended.

use std::{
    cell::Cell,
    future::{Future, pending},
    io,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use anyio::{sleep_forever, task_group, yield_now};
use futures::{Stream, StreamExt, stream::FuturesUnordered};
use tokio::{runtime::Runtime, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    case::Contestant,
    hosts::{self, block_on},
};

pub(super) const CHILDREN: u64 = 10_000;
/// Ours with eight times as many children.
pub(super) const MANY: &str = "anyio-80k";
const TIMES: u32 = 8;

pub(super) fn flat() -> Vec<Contestant> {
    let (ct, mt) = (Rc::new(hosts::tokio_ct()), Rc::new(hosts::tokio_mt()));
    let on = |runtime: &Rc<Runtime>| runtime.clone();
    let (set_ct, set_mt) = (on(&ct), on(&mt));
    vec![
        Contestant::new("anyio", |groups| sum(groups, || anyio(CHILDREN))),
        Contestant::new(MANY, |groups| sum(groups, || anyio(CHILDREN * u64::from(TIMES))) / TIMES),
        Contestant::new("cancellation-token-ct", move |groups| sum(groups, || hosts::as_task(&ct, token_tasks()))),
        Contestant::new("cancellation-token-mt", move |groups| sum(groups, || hosts::as_task(&mt, token_tasks()))),
        Contestant::new("cancellation-token-fu", |groups| sum(groups, token_fu)),
        Contestant::new("tokio-ct", move |groups| sum(groups, || hosts::as_task(&set_ct, abort_all()))),
        Contestant::new("tokio-mt", move |groups| sum(groups, || hosts::as_task(&set_mt, abort_all()))),
        Contestant::new("futures-unordered", |groups| sum(groups, drop_fu)),
    ]
}

/// What is timed of so many runs, all together.
pub(super) fn sum(count: u64, mut run: impl FnMut() -> Duration) -> Duration {
    (0..count).map(|_| run()).sum()
}

/// How many children wait.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<AtomicU64>);

impl Waiting {
    pub(super) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is(&self, count: u64) -> bool {
        self.0.load(Ordering::Relaxed) == count
    }

    async fn tokio_reaches(&self, count: u64) {
        while !self.is(count) {
            tokio::task::yield_now().await;
        }
    }
}

pub(super) fn anyio(children: u64) -> Duration {
    let (waiting, begun) = (Waiting::default(), Cell::new(None));
    block_on(async {
        let group = task_group(async |tg| {
            for _ in 0..children {
                let waiting = &waiting;
                tg.start_soon(async move {
                    waiting.note();
                    // It ends as the children with a token do: without a word.
                    let _ = sleep_forever().await;
                });
            }
            while !waiting.is(children) {
                yield_now().await;
            }
            begun.set(Some(Instant::now()));
            tg.cancel();
            io::Result::Ok(())
        });
        group.await.expect("nobody fails");
        begun.get().expect("it was cancelled").elapsed()
    })
}

/// As tokio-util's docs have it: a tracker and a token.
async fn token_tasks() -> Duration {
    let (waiting, token, tracker) = (Waiting::default(), CancellationToken::new(), TaskTracker::new());
    for _ in 0..CHILDREN {
        tracker.spawn(token_child(waiting.clone(), token.clone()));
    }
    tracker.close();
    waiting.tokio_reaches(CHILDREN).await;
    let begun = Instant::now();
    token.cancel();
    tracker.wait().await;
    begun.elapsed()
}

pub(super) async fn token_child(waiting: Waiting, token: CancellationToken) {
    waiting.note();
    token.run_until_cancelled(pending::<()>()).await;
}

pub(super) type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls `stream` until so many children wait.
pub(super) async fn fill(mut stream: impl Stream + Unpin, waiting: &Waiting, count: u64) {
    futures::future::poll_fn(|cx| {
        while !waiting.is(count) {
            assert!(!matches!(stream.poll_next_unpin(cx), Poll::Ready(Some(_))), "nobody ends before it is cancelled");
        }
        Poll::Ready(())
    })
    .await;
}

pub(super) fn token_fu() -> Duration {
    let (waiting, token, mut all) = (Waiting::default(), CancellationToken::new(), FuturesUnordered::new());
    for _ in 0..CHILDREN {
        all.push(Box::pin(token_child(waiting.clone(), token.clone())) as Boxed);
    }
    block_on(async {
        fill(&mut all, &waiting, CHILDREN).await;
        let begun = Instant::now();
        token.cancel();
        while all.next().await.is_some() {}
        begun.elapsed()
    })
}

async fn abort_all() -> Duration {
    let (waiting, mut all) = (Waiting::default(), JoinSet::new());
    for _ in 0..CHILDREN {
        let waiting = waiting.clone();
        all.spawn(async move {
            waiting.note();
            pending::<()>().await;
        });
    }
    waiting.tokio_reaches(CHILDREN).await;
    let begun = Instant::now();
    all.shutdown().await;
    begun.elapsed()
}

pub(super) fn drop_fu() -> Duration {
    let (waiting, mut all) = (Waiting::default(), FuturesUnordered::new());
    for _ in 0..CHILDREN {
        let waiting = waiting.clone();
        all.push(Box::pin(async move {
            waiting.note();
            pending::<()>().await;
        }) as Boxed);
    }
    block_on(async {
        fill(&mut all, &waiting, CHILDREN).await;
        let begun = Instant::now();
        drop(all);
        begun.elapsed()
    })
}
