//! Numbers through channels: how long it takes until the last one has arrived.

use std::{hint::black_box, io, time::Instant};

use anyio::{Builder, TaskGroup, offload, task_group};
use tokio::runtime::Runtime;

use super::{
    channels::{Anyio, AsyncChannel, Channel, Flume, Futures, Kanal, Tachyonix, Tokio},
    limit::Limit,
};
use crate::{
    case::Contestant,
    hosts::{self, THREADS},
};

/// How many senders, and how many receivers.
pub(super) const MANY: u64 = 4;

/// On one thread or on two: tokio's, and ours.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum On {
    OneThread,
    TwoThreads,
}

impl On {
    fn tokio(self) -> Runtime {
        match self {
            Self::OneThread => hosts::tokio_ct(),
            Self::TwoThreads => hosts::tokio_mt(),
        }
    }
}

/// One sender and one receiver. The channels that have no rendezvous are not there with a capacity of 0.
pub(super) fn one_to_one<const CAPACITY: usize>(on: On) -> Vec<Contestant> {
    let mut all = vec![
        on_tokio::<Anyio>("anyio", CAPACITY, on),
        on_ours("anyio-run", CAPACITY, 1, on),
        on_tokio::<Kanal>("kanal", CAPACITY, on),
        on_tokio::<Flume>("flume", CAPACITY, on),
        on_tokio::<Futures>("futures", CAPACITY, on),
    ];
    if CAPACITY > 0 {
        all.push(on_tokio::<Tokio>("tokio", CAPACITY, on));
        all.push(on_tokio::<AsyncChannel>("async-channel", CAPACITY, on));
        all.push(on_tokio::<Tachyonix>("tachyonix", CAPACITY, on));
    }
    if on == On::OneThread {
        all.push(on_tokio::<Limit>("limit", CAPACITY, on));
    }
    all
}

/// Four senders and four receivers.
pub(super) fn many_to_many<const CAPACITY: usize>(on: On) -> Vec<Contestant> {
    let mut all = vec![
        many_on_tokio::<Anyio>("anyio", CAPACITY, on),
        on_ours("anyio-run", CAPACITY, MANY, on),
        many_on_tokio::<Kanal>("kanal", CAPACITY, on),
        many_on_tokio::<Flume>("flume", CAPACITY, on),
    ];
    if CAPACITY > 0 {
        all.push(many_on_tokio::<AsyncChannel>("async-channel", CAPACITY, on));
    }
    all
}

async fn send_all<C: Channel>(mut sender: C::Sender, items: u64) {
    for item in 0..items {
        C::send(&mut sender, item).await;
    }
}

async fn receive_all<C: Channel>(mut receiver: C::Receiver) -> u64 {
    let mut count = 0;
    while let Some(item) = C::receive(&mut receiver).await {
        black_box(item);
        count += 1;
    }
    count
}

/// Each end in a task of its own.
fn on_tokio<C: Channel>(who: &'static str, capacity: usize, on: On) -> Contestant {
    let runtime = on.tokio();
    Contestant::new(who, move |items| {
        hosts::as_task(&runtime, async move {
            let begun = Instant::now();
            let (sender, receiver) = C::make(capacity);
            tokio::spawn(send_all::<C>(sender, items));
            let count = tokio::spawn(receive_all::<C>(receiver)).await.expect("a contestant does not panic");
            assert_eq!(count, items);
            begun.elapsed()
        })
    })
}

fn many_on_tokio<C: Channel<Receiver: Clone>>(who: &'static str, capacity: usize, on: On) -> Contestant {
    let runtime = on.tokio();
    Contestant::new(who, move |items| {
        hosts::as_task(&runtime, async move {
            let begun = Instant::now();
            let (sender, receiver) = C::make(capacity);
            let receivers: Vec<_> = (0..MANY).map(|_| tokio::spawn(receive_all::<C>(receiver.clone()))).collect();
            for _ in 0..MANY {
                tokio::spawn(send_all::<C>(sender.clone(), items));
            }
            drop((sender, receiver));
            let mut count = 0;
            for receiver in receivers {
                count += receiver.await.expect("a contestant does not panic");
            }
            assert_eq!(count, MANY * items);
            begun.elapsed()
        })
    })
}

/// Ours under `run`: the ends are children of a group, on its thread or on two worker threads.
fn on_ours(who: &'static str, capacity: usize, of_each: u64, on: On) -> Contestant {
    Contestant::new(who, move |items| {
        Builder::new().worker_threads(THREADS).run(async {
            let begun = Instant::now();
            let group = task_group(async |tg| {
                let (sender, receiver) = Anyio::make(capacity);
                for _ in 0..of_each {
                    start(&tg, on, send_all::<Anyio>(sender.clone(), items));
                    start(&tg, on, receive_all::<Anyio>(receiver.clone()));
                }
                io::Result::Ok(())
            });
            group.await.expect("nobody fails");
            begun.elapsed()
        })
    })
}

fn start<T: Send + 'static>(tg: &TaskGroup<'_, io::Error>, on: On, end: impl Future<Output = T> + Send + 'static) {
    let end = async {
        black_box(end.await);
    };
    match on {
        On::OneThread => tg.start_soon(end),
        On::TwoThreads => tg.start_soon(offload(end)),
    };
}

/// Through the buffer and out of it, for the counts.
pub(super) fn buffered(items: u64) {
    hosts::block_on(async {
        let (mut sender, mut receiver) = Anyio::make(1);
        for item in 0..items {
            Anyio::send(&mut sender, item).await;
            black_box(Anyio::receive(&mut receiver).await);
        }
    });
}

/// From hand to hand, for the counts: the one waits for the other in turn.
pub(super) fn rendezvous(items: u64) {
    let (sender, receiver) = Anyio::make(0);
    let both = futures::future::join(send_all::<Anyio>(sender, items), receive_all::<Anyio>(receiver));
    black_box(hosts::block_on(both));
}
