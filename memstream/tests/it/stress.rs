//! Threads against each other, for a bounded number of rounds.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyio_cancel_scope::CancelScope;
use anyio_future_contract::Polled;
use anyio_memstream::memory_object_stream;
use futures_lite::future::block_on;

use crate::support::Grave;

const ITEMS: usize = 1000;

#[test]
fn threads_lose_and_double_nothing_and_keep_each_senders_order() {
    for capacity in [0, 1, 16] {
        let (send, receive) = memory_object_stream(capacity);
        let received = thread::scope(|threads| {
            for sender in 0..3 {
                let send = send.clone();
                threads.spawn(move || {
                    block_on(async {
                        for number in 0..ITEMS {
                            send.send((sender, number)).await.unwrap();
                        }
                    });
                });
            }
            drop(send);
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let receive = receive.clone();
                    threads.spawn(move || {
                        block_on(async {
                            let mut received = Vec::new();
                            while let Some(item) = receive.next().await.unwrap() {
                                received.push(item);
                            }
                            received
                        })
                    })
                })
                .collect();
            receivers.into_iter().map(|receiver| receiver.join().unwrap()).collect::<Vec<_>>()
        });
        for one in &received {
            for sender in 0..3 {
                let numbers: Vec<_> = one.iter().filter(|item| item.0 == sender).map(|item| item.1).collect();
                assert!(numbers.is_sorted(), "capacity {capacity}");
            }
        }
        let mut all: Vec<_> = received.concat();
        all.sort_unstable();
        assert_eq!(all, (0..3).flat_map(|sender| (0..ITEMS).map(move |number| (sender, number))).collect::<Vec<_>>());
    }
}

// Receives are dropped after any poll, and cancelled by others, while items come.
#[test]
fn receives_that_are_dropped_and_cancelled_lose_nothing() {
    for capacity in [0, 2] {
        let (send, receive) = memory_object_stream(capacity);
        let count = AtomicUsize::new(0);
        thread::scope(|threads| {
            for _ in 0..2 {
                let send = send.clone();
                threads.spawn(move || {
                    block_on(async {
                        for number in 0..ITEMS {
                            send.send(number).await.unwrap();
                        }
                    });
                });
            }
            drop(send);
            for way in 0..3 {
                let (receive, count) = (receive.clone(), &count);
                threads.spawn(move || {
                    loop {
                        let end = match way {
                            0 => {
                                let mut receiving = Polled::new(receive.receive());
                                match receiving.poll() {
                                    std::task::Poll::Ready(end) => end,
                                    std::task::Poll::Pending => {
                                        thread::yield_now();
                                        continue;
                                    }
                                }
                            }
                            1 => {
                                let scope = CancelScope::new();
                                let other = scope.clone();
                                block_on(futures_lite::future::zip(scope.enter(receive.receive()), async {
                                    thread::yield_now();
                                    other.cancel();
                                }))
                                .0
                            }
                            _ => block_on(receive.receive()),
                        };
                        match end {
                            Ok(_) => drop(count.fetch_add(1, Ordering::Relaxed)),
                            Err(error) if error.is_cancelled() => {}
                            Err(error) => {
                                assert!(error.is_end_of_stream());
                                break;
                            }
                        }
                    }
                });
            }
        });
        let left = std::iter::from_fn(|| receive.try_receive().ok()).count();
        assert_eq!(count.into_inner() + left, 2 * ITEMS);
    }
}

#[test]
fn closing_while_others_send_gives_every_item_back_or_counts_it() {
    // The receivers take 80 of 90 items at most, so they do not wait for ever.
    for round in 0..40 {
        let grave = Grave::default();
        let (send, receive) = memory_object_stream(round % 4);
        let (received, back) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|threads| {
            for _ in 0..3 {
                let (send, grave, back) = (send.clone(), &grave, &back);
                threads.spawn(move || {
                    for number in 0..30 {
                        if let Err(error) = block_on(send.send(grave.item(number))) {
                            assert!(error.is_broken());
                            back.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            for _ in 0..2 {
                let (receive, received) = (receive.clone(), &received);
                threads.spawn(move || {
                    for _ in 0..round {
                        match block_on(receive.receive()) {
                            Ok(_) => drop(received.fetch_add(1, Ordering::Relaxed)),
                            Err(error) => assert!(error.is_end_of_stream()),
                        }
                    }
                });
            }
            drop(receive);
        });
        assert_eq!(grave.count(), 90);
        assert_eq!(received.into_inner() + back.into_inner() + send.statistics().dropped, 90);
    }
}
