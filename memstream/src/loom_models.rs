//! Models of the channel as it is, for loom: every interleaving of two or three threads, up to a bound on preemptions.
//!
//! ```text
//! RUSTFLAGS="--cfg anyio_loom" cargo test -p anyio-memstream --release --lib
//! ```
//!
//! A lost wake-up shows as a deadlock.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use anyio_cancel_scope::CancelScope;
use anyio_streams::{ReceiveError, SendError};
use loom::{future::block_on, model::Builder, thread};

use crate::{
    MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream,
    sync::{AtomicBool, Ordering},
};

/// Explores `model` with at most this many preemptions, and as many more as `ANYIO_LOOM_MORE` says (1).
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let more: usize = std::env::var("ANYIO_LOOM_MORE").ok().and_then(|more| more.parse().ok()).unwrap_or(1);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions + more);
    builder.max_branches = 20_000;
    builder.check(model);
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn received(end: &MemoryObjectReceiveStream<u32>) -> Result<u32, ReceiveError> {
    block_on(end.receive())
}

fn assert_idle(end: &MemoryObjectReceiveStream<u32>, buffered: usize) {
    let statistics = end.statistics();
    assert_eq!(statistics.current_buffer_used, buffered);
    assert_eq!((statistics.tasks_waiting_send, statistics.tasks_waiting_receive), (0, 0));
}

// R3
#[test]
fn a_hand_over_against_a_cancellation_loses_no_item() {
    explore(2, || {
        let (send, receive) = memory_object_stream(1);
        let scope = CancelScope::new();
        let canceller = thread::spawn({
            let scope = scope.clone();
            move || scope.cancel()
        });
        let sender = thread::spawn(move || send.try_send(1).unwrap());
        let taken = block_on(scope.enter(receive.receive()));
        canceller.join().unwrap();
        sender.join().unwrap();
        match taken {
            Ok(1) => assert!(receive.try_receive().is_err()),
            Err(ReceiveError::Cancelled(_)) => assert_eq!(receive.try_receive().unwrap(), 1),
            other => panic!("{other:?}"),
        }
    });
}

// R3, H3
#[test]
fn a_taking_against_a_cancellation_loses_no_item() {
    explore(2, || {
        let (send, receive) = memory_object_stream(0);
        let scope = CancelScope::new();
        let canceller = thread::spawn({
            let scope = scope.clone();
            move || scope.cancel()
        });
        let receiver = thread::spawn(move || {
            let taken = receive.try_receive();
            (taken, receive)
        });
        let sent = block_on(scope.enter(send.send(1)));
        canceller.join().unwrap();
        let (taken, receive) = receiver.join().unwrap();
        match sent {
            Ok(()) => assert_eq!(taken.unwrap(), 1),
            Err(error) => {
                assert!(error.is_cancelled() && taken.is_err());
                assert_eq!(error.into_item(), 1);
            }
        }
        assert_idle(&receive, 0);
    });
}

// H2
#[test]
fn a_hand_over_against_a_drop_of_the_receive_loses_no_item() {
    explore(2, || {
        let (send, receive) = memory_object_stream(0);
        let receive = Arc::new(receive);
        let sender = thread::spawn(move || block_on(send.send(1)).unwrap());
        let next = thread::spawn({
            let receive = receive.clone();
            move || received(&receive)
        });
        let mut dropped = Box::pin(receive.receive());
        let taken = match poll_once(dropped.as_mut()) {
            Poll::Ready(taken) => taken.ok(),
            Poll::Pending => None,
        };
        drop(dropped);
        sender.join().unwrap();
        // Either of the two has it; the other one is told the end.
        let next = next.join().unwrap();
        match taken {
            Some(item) => assert!(item == 1 && matches!(next, Err(ReceiveError::EndOfStream))),
            None => assert!(matches!(next, Ok(1)) || matches!(received(&receive), Ok(1)), "{next:?}"),
        }
        assert_idle(&receive, 0);
    });
}

// H4
#[test]
fn the_close_of_the_last_send_end_ends_a_wait() {
    explore(3, || {
        let (send, receive) = memory_object_stream(1);
        let other = send.clone();
        let closers = [
            thread::spawn(move || {
                send.try_send(1).unwrap();
                drop(send);
            }),
            thread::spawn(move || other.close()),
        ];
        assert_eq!(received(&receive).unwrap(), 1);
        assert!(received(&receive).unwrap_err().is_end_of_stream());
        for closer in closers {
            closer.join().unwrap();
        }
        assert_idle(&receive, 0);
    });
}

// H3, H4
#[test]
fn the_close_of_the_last_receive_end_ends_a_send() {
    explore(3, || {
        let (send, receive) = memory_object_stream(1);
        let closer = thread::spawn(move || drop(receive));
        let (mut sent, mut back) = (0, 0);
        // The second one waits, unless the end is closed already.
        for item in 0..2 {
            match block_on(send.send(item)) {
                Ok(()) => sent += 1,
                Err(error) => {
                    assert!(error.is_broken());
                    assert_eq!(error.into_item(), item);
                    back += 1;
                }
            }
        }
        closer.join().unwrap();
        // What was buffered then was dropped, and counted.
        assert_eq!((sent + back, send.statistics().dropped), (2, sent));
    });
}

// H4
#[test]
fn own_close_ends_own_waits() {
    explore(3, || {
        let (send, receive) = memory_object_stream::<u32>(0);
        let (send, receive) = (Arc::new(send), Arc::new(receive));
        let closer = thread::spawn({
            let (send, receive) = (send.clone(), receive.clone());
            move || {
                receive.close();
                send.close();
            }
        });
        assert!(received(&receive).unwrap_err().is_closed());
        let refused = block_on(send.send(1)).unwrap_err();
        assert!(refused.is_broken() || refused.is_closed());
        assert_eq!(refused.into_item(), 1);
        closer.join().unwrap();
    });
}

// H2
#[test]
fn two_sends_wake_two_receivers() {
    explore(2, || {
        let (send, receive) = memory_object_stream(2);
        let receive = Arc::new(receive);
        let receiver = thread::spawn({
            let receive = receive.clone();
            move || received(&receive).unwrap()
        });
        let sender = thread::spawn(move || {
            send.try_send(1).unwrap();
            send.try_send(2).unwrap();
            send
        });
        let sum = received(&receive).unwrap() + receiver.join().unwrap();
        assert_eq!(sum, 3);
        drop(sender.join().unwrap());
        assert_idle(&receive, 0);
    });
}

#[test]
fn a_rendezvous_of_two_senders_and_a_receiver_passes_both_items() {
    explore(2, || {
        let (send, receive) = memory_object_stream(0);
        let senders = [send.clone(), send]
            .map(|send| thread::spawn(move || block_on(send.send(1)).map_err(SendError::into_reason).unwrap()));
        assert_eq!(received(&receive).unwrap() + received(&receive).unwrap(), 2);
        for sender in senders {
            sender.join().unwrap();
        }
        assert!(received(&receive).unwrap_err().is_end_of_stream());
    });
}

/// Uses the channel when it is woken and when it is dropped.
struct Intruder(MemoryObjectSendStream<u32>, AtomicBool);

impl Wake for Intruder {
    fn wake(self: Arc<Self>) {
        self.1.store(true, Ordering::SeqCst);
        assert!(self.0.statistics().tasks_waiting_receive == 0);
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        let _ = self.0.try_send(7);
    }
}

#[test]
fn a_waker_that_uses_the_channel_on_wake_and_on_drop_deadlocks_nobody() {
    explore(2, || {
        let (send, receive) = memory_object_stream(2);
        let waker = Waker::from(Arc::new(Intruder(send.clone(), AtomicBool::new(false))));
        let sender = thread::spawn(move || send.try_send(1).unwrap());
        {
            let mut waits = pin!(receive.receive());
            let polled = waits.as_mut().poll(&mut Context::from_waker(&waker));
            // Polled by another task from now on: the stale waker is dropped while nothing is locked.
            drop(waker);
            let item = match polled {
                Poll::Ready(item) => item,
                Poll::Pending => block_on(waits),
            };
            // It is the sender's, or that of the waker's destructor.
            assert!(matches!(item, Ok(1 | 7)));
        }
        sender.join().unwrap();
        assert!(matches!(receive.try_receive(), Ok(1 | 7)));
        assert!(receive.try_receive().unwrap_err().is_end_of_stream());
    });
}
