//! What a receiver gets, and what becomes of a wait.

use std::{sync::Arc, task::Poll, thread};

use anyio_cancel_scope::{CancelScope, check_cancelled};
use anyio_future_contract::{Contract, Polled, ReentrantWaker};
use anyio_signals::{Signal, SignalReceiver};
use futures_lite::future::block_on;

use crate::support::{Gate, alone, hold_the_reactor, open, raise, unread};

#[test]
fn every_receiver_gets_every_delivery_in_order() {
    alone!(|| {
        let both = open(&[Signal::USR1, Signal::USR2]);
        let one = open(&[Signal::USR2]);
        let again = open(&[Signal::USR2, Signal::USR1]);
        let sent = [Signal::USR1, Signal::USR2, Signal::USR2, Signal::USR1, Signal::USR2];
        sent.into_iter().for_each(raise);
        assert_eq!(unread(&both), sent);
        assert_eq!(unread(&again), sent);
        assert_eq!(unread(&one), [Signal::USR2; 3]);
    });
}

#[test]
fn a_receiver_gets_nothing_from_before_it_was_opened() {
    alone!(|| {
        hold_the_reactor();
        let early = open(&[Signal::USR1]);
        raise(Signal::USR1);
        // Nobody has looked into the pipe yet.
        let late = open(&[Signal::USR1]);
        assert_eq!(late.try_next(), None);
        assert_eq!(early.try_next(), Some(Signal::USR1));
        raise(Signal::USR1);
        early.close();
        let later = open(&[Signal::USR1]);
        assert_eq!(unread(&late), [Signal::USR1]);
        assert_eq!(unread(&later), []);
    });
}

#[test]
fn a_signal_that_is_asked_for_twice_is_received_once() {
    alone!(|| {
        let receiver = open(&[Signal::USR1, Signal::USR1]);
        raise(Signal::USR1);
        assert_eq!(unread(&receiver), [Signal::USR1]);
    });
}

#[test]
fn a_wait_is_woken_by_the_reactor_alone() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        let woken = Arc::new(Gate::default());
        let mut next = Polled::new(receiver.next());
        assert!(next.poll_with(&woken.clone().into()).is_pending());
        raise(Signal::USR1);
        woken.wait();
        assert_eq!(next.assert_ready(), Ok(Signal::USR1));
    });
}

#[test]
fn what_comes_while_nobody_waits_is_handed_out_too() {
    alone!(|| {
        // It is woken after the other, being opened later, and nobody ever asks the other.
        let (idle, waiting) = (open(&[Signal::USR1]), open(&[Signal::USR1]));
        for _ in 0..100 {
            thread::scope(|threads| {
                threads.spawn(|| raise(Signal::USR1));
                assert_eq!(block_on(waiting.next()), Ok(Signal::USR1));
            });
        }
        assert_eq!(unread(&idle), [Signal::USR1; 100]);
    });
}

#[test]
fn a_waker_that_panics_keeps_nothing_from_the_others() {
    alone!(|| {
        let (one, other) = (open(&[Signal::USR1]), open(&[Signal::USR1]));
        for _ in 0..3 {
            let mut next = Polled::new(one.next());
            let waker = ReentrantWaker::new().on_wake(|| panic!("as this test wants it")).into_waker();
            assert!(next.poll_with(&waker).is_pending());
            let woken = Arc::new(Gate::default());
            let mut waiting = Polled::new(other.next());
            assert!(waiting.poll_with(&woken.clone().into()).is_pending());
            raise(Signal::USR1);
            woken.wait();
            assert_eq!((next.assert_ready(), waiting.assert_ready()), (Ok(Signal::USR1), Ok(Signal::USR1)));
        }
    });
}

// H1
#[test]
fn those_who_wait_at_one_receiver_are_served_in_line() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1, Signal::USR2]);
        let (mut first, mut second) = (Polled::new(receiver.next()), Polled::new(receiver.next()));
        first.assert_pending();
        second.assert_pending();
        raise(Signal::USR1);
        assert_eq!(receiver.lost(), 0);
        assert!(first.is_woken());
        assert!(!second.is_woken());
        assert_eq!(receiver.try_next(), None, "it does not overtake");
        raise(Signal::USR2);
        assert_eq!(second.assert_ready(), Ok(Signal::USR2));
        assert_eq!(first.assert_ready(), Ok(Signal::USR1));
    });
}

// R3, H2
#[test]
fn a_wait_that_is_dropped_when_it_was_woken_loses_nothing() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1, Signal::USR2]);
        let (mut first, mut second) = (Polled::new(receiver.next()), Polled::new(receiver.next()));
        first.assert_pending();
        second.assert_pending();
        raise(Signal::USR1);
        assert_eq!(receiver.lost(), 0);
        drop(first);
        assert!(second.is_woken(), "it goes to the next in line");
        raise(Signal::USR2);
        assert_eq!(receiver.lost(), 0);
        drop(second);
        assert_eq!(unread(&receiver), [Signal::USR1, Signal::USR2], "it goes back to the front");
    });
}

// R4
#[test]
fn a_wait_that_is_entered_in_a_cancelled_scope_takes_nothing() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        raise(Signal::USR1);
        let scope = CancelScope::new();
        scope.cancel();
        assert_eq!(block_on(scope.run(receiver.next())), Ok(None));
        assert_eq!(unread(&receiver), [Signal::USR1]);
    });
}

// R1, R4
#[test]
fn each_wait_in_a_cancelled_scope_is_cancelled_and_taking_without_waiting_is_not() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel();
            assert!(receiver.next().await.is_err());
            assert!(receiver.next().await.is_err());
            raise(Signal::USR1);
            assert!(receiver.next().await.is_err());
            assert_eq!(receiver.try_next(), Some(Signal::USR1));
            check_cancelled()
        });
        assert_eq!(block_on(ended), Ok(None));
    });
}

// R3
#[test]
fn a_delivery_that_came_before_the_next_poll_beats_the_cancellation() {
    alone!(|| {
        hold_the_reactor();
        for signal_first in [true, false] {
            let receiver = open(&[Signal::USR1]);
            let scope = CancelScope::new();
            let mut taken = None;
            let mut work = Polled::new(scope.run(async {
                taken = Some(receiver.next().await);
                check_cancelled()
            }));
            work.assert_pending();
            if signal_first {
                raise(Signal::USR1);
                assert_eq!(receiver.lost(), 0);
                scope.cancel();
            } else {
                scope.cancel();
                raise(Signal::USR1);
            }
            assert!(work.is_woken());
            assert_eq!(work.assert_ready(), Ok(None));
            drop(work);
            assert_eq!(taken, Some(Ok(Signal::USR1)));
        }
    });
}

#[test]
fn a_cancelled_wait_is_out_of_line() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1]);
        let scope = CancelScope::new();
        let mut kept = Box::pin(receiver.next());
        let mut first = Polled::new(scope.run(kept.as_mut()));
        let mut second = Polled::new(receiver.next());
        first.assert_pending();
        second.assert_pending();
        scope.cancel();
        assert_eq!(first.assert_ready(), Ok(None));
        raise(Signal::USR1);
        assert_eq!(receiver.lost(), 0);
        assert_eq!(second.assert_ready(), Ok(Signal::USR1));
        drop(first);
    });
}

#[test]
fn a_receiver_that_closes_leaves_the_others_alone() {
    alone!(|| {
        let (one, other) = (open(&[Signal::USR1]), open(&[Signal::USR1]));
        let woken = Arc::new(Gate::default());
        let mut next = Polled::new(other.next());
        assert!(next.poll_with(&woken.clone().into()).is_pending());
        raise(Signal::USR1);
        one.close();
        woken.wait();
        assert_eq!(next.assert_ready(), Ok(Signal::USR1));
        assert_eq!(unread(&other), []);
    });
}

#[test]
fn a_leaked_wait_dies_with_its_receiver() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1]);
        let counts = anyio_future_contract::Counts::new();
        let mut next = Box::pin(receiver.next());
        let waker = counts.waker();
        assert!(next.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        drop(waker);
        std::mem::forget(next);
        assert_eq!(counts.live_wakers(), 1);
        drop(receiver);
        assert_eq!(counts.live_wakers(), 0);
    });
}

#[test]
fn the_wait_keeps_the_contract_of_a_waiting_future() {
    struct Raised(SignalReceiver);

    alone!(|| {
        // So that what is raised has been handed out when `due` returns.
        hold_the_reactor();
        Contract::new(|| Raised(open(&[Signal::USR1])))
            .future(|raised: Arc<Raised>| async move { raised.0.next().await })
            .due(|raised| {
                raise(Signal::USR1);
                assert_eq!(raised.0.lost(), 0);
            })
            .passed_on(|raised| raised.0.try_next().is_some())
            .check();
    });
}

// The task tree tells where a task waits.
#[test]
fn a_wait_leaves_its_place_and_verb() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        let mut tasks = Polled::new(anyio_task_group::task_group(async |tg| -> std::io::Result<()> {
            tg.start_soon(async {
                receiver.next().await?;
                std::io::Result::Ok(())
            });
            Ok(())
        }));
        assert_eq!(tasks.poll().map(|_| ()), Poll::Pending);
        let tree = anyio_task_group::debug::task_tree().to_string();
        assert!(tree.contains("next") && tree.contains("receive.rs"), "{tree}");
    });
}
