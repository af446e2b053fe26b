//! A receiver as a stream.

use anyio_cancel_scope::{CancelScope, Cancelled};
use anyio_future_contract::Polled;
use anyio_signals::Signal;
use futures::StreamExt;
use futures_lite::future::block_on;

use crate::support::{alone, hold_the_reactor, open, raise, unread};

#[test]
fn a_stream_gives_what_comes() {
    alone!(|| {
        let receiver = open(&[Signal::USR1, Signal::USR2]);
        let sent = [Signal::USR1, Signal::USR2, Signal::USR1];
        sent.into_iter().for_each(raise);
        let taken: Vec<_> = block_on(receiver.stream().take(2).collect());
        assert_eq!(taken, [Ok(Signal::USR1), Ok(Signal::USR2)]);
        // Dropping the stream took nothing along.
        assert_eq!(block_on(receiver.into_stream().next()), Some(Ok(Signal::USR1)));
    });
}

#[test]
fn in_a_cancelled_scope_it_says_so_once_and_ends() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        raise(Signal::USR1);
        let mut stream = receiver.stream();
        let scope = CancelScope::new();
        scope.cancel();
        block_on(scope.enter(async {
            assert!(matches!(stream.next().await, Some(Err(_))));
            assert!(stream.next().await.is_none());
            assert!(stream.next().await.is_none());
        }));
        // Outside it goes on; nothing was taken, and another cancellation is told again.
        assert_eq!(block_on(stream.next()), Some(Ok(Signal::USR1)));
        let again = CancelScope::new();
        again.cancel();
        block_on(again.enter(async {
            assert!(matches!(stream.next().await, Some(Err(_))));
            assert!(stream.next().await.is_none());
        }));
    });
}

#[test]
fn a_wait_where_nothing_is_cancelled_makes_it_tell_the_next_cancellation() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1]);
        let mut stream = receiver.stream();
        for _ in 0..2 {
            let scope = CancelScope::new();
            scope.cancel();
            block_on(scope.enter(async {
                assert!(matches!(stream.next().await, Some(Err(_))));
                assert!(stream.next().await.is_none());
            }));
            Polled::new(stream.next()).assert_pending();
        }
    });
}

// R3
#[test]
fn what_came_before_the_next_poll_beats_the_cancellation() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1]);
        let mut stream = receiver.stream();
        let scope = CancelScope::new();
        let mut seen = Vec::new();
        let mut work = Polled::new(scope.run(async {
            while let Some(item) = stream.next().await {
                seen.push(item.clone());
                item?;
            }
            Ok::<_, Cancelled>(())
        }));
        work.assert_pending();
        scope.cancel();
        raise(Signal::USR1);
        assert_eq!(work.assert_ready(), Ok(None));
        drop(work);
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0], Ok(Signal::USR1));
        assert!(seen[1].is_err());
    });
}

#[test]
fn a_stream_that_is_dropped_when_it_was_woken_loses_nothing() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1]);
        let mut stream = receiver.stream();
        let mut next = Polled::new(stream.next());
        next.assert_pending();
        raise(Signal::USR1);
        assert_eq!(receiver.lost(), 0);
        assert!(next.is_woken());
        drop(next);
        drop(stream);
        assert_eq!(unread(&receiver), [Signal::USR1]);
    });
}
