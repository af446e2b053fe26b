//! What a child that waits takes beside its future.

use std::{
    future::{Future, pending},
    io,
    pin::{Pin, pin},
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
};

use anyio::task_group;
use futures::{Stream, stream::FuturesUnordered};
use smol::LocalExecutor;
use tokio::task::{JoinSet, yield_now};

use crate::{case::Contestant, heap, hosts};

pub(super) const CHILDREN: u64 = 100_000;

static WAITING: AtomicU64 = AtomicU64::new(0);

/// A child that notes that it waits, and does so for ever.
async fn child() {
    WAITING.fetch_add(1, Ordering::SeqCst);
    pending::<()>().await;
}

fn all_wait() -> bool {
    WAITING.load(Ordering::SeqCst) == CHILDREN
}

pub(super) fn contestants() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", |_: u64| anyio()),
        Contestant::new("futures-unordered", |_: u64| futures_unordered()),
        Contestant::new("tokio-ct", |_: u64| tokio(&hosts::tokio_ct())),
        Contestant::new("tokio-mt", |_: u64| tokio(&hosts::tokio_mt())),
        Contestant::new("smol", |_: u64| smol()),
        Contestant::new("moro", |_: u64| moro()),
    ]
}

/// The bytes that are in use when all children wait, without their futures. `f` gets a function that tells them.
fn beyond_futures(f: impl FnOnce(fn() -> heap::Use) -> heap::Use) -> u64 {
    WAITING.store(0, Ordering::SeqCst);
    let futures = CHILDREN * size_of_val(&child()) as u64;
    let live = heap::count(f).live;
    u64::try_from(live).expect("children take memory").saturating_sub(futures)
}

/// Polls until all children wait.
fn poll_by_hand(mut poll: impl FnMut(&mut Context<'_>)) {
    let mut cx = Context::from_waker(Waker::noop());
    while !all_wait() {
        poll(&mut cx);
    }
}

fn anyio() -> u64 {
    beyond_futures(|usage| {
        let mut group = pin!(task_group(async |tg| {
            for _ in 0..CHILDREN {
                tg.start_soon(child());
            }
            io::Result::Ok(())
        }));
        poll_by_hand(|cx| assert!(group.as_mut().poll(cx).is_pending()));
        usage()
    })
}

fn futures_unordered() -> u64 {
    beyond_futures(|usage| {
        let mut all = FuturesUnordered::new();
        for _ in 0..CHILDREN {
            all.push(Box::pin(child()) as Pin<Box<dyn Future<Output = ()> + Send>>);
        }
        poll_by_hand(|cx| assert!(Pin::new(&mut all).poll_next(cx) != Poll::Ready(None)));
        usage()
    })
}

fn tokio(runtime: &tokio::runtime::Runtime) -> u64 {
    beyond_futures(|usage| {
        runtime.block_on(async {
            let mut all = JoinSet::new();
            for _ in 0..CHILDREN {
                all.spawn(child());
            }
            while !all_wait() {
                yield_now().await;
            }
            usage()
        })
    })
}

fn smol() -> u64 {
    beyond_futures(|usage| {
        let executor = LocalExecutor::new();
        for _ in 0..CHILDREN {
            executor.spawn(child()).detach();
        }
        while !all_wait() {
            executor.try_tick();
        }
        usage()
    })
}

fn moro() -> u64 {
    beyond_futures(|usage| {
        let mut scope = pin!(moro::async_scope!(|scope| {
            for _ in 0..CHILDREN {
                drop(scope.spawn(child()));
            }
        }));
        poll_by_hand(|cx| assert!(scope.as_mut().poll(cx).is_pending()));
        usage()
    })
}
