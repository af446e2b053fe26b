//! How much a receiver keeps, and what it tells of the rest.

use std::thread;

use anyio_signals::Signal;
use futures_lite::future::{block_on, poll_once};

use crate::support::{alone, hold_the_reactor, open, raise, unread};

/// As the docs say.
const ROOM: usize = 1024;

#[test]
fn a_receiver_keeps_1024_and_counts_what_it_lost() {
    alone!(|| {
        let (receiver, other) = (open(&[Signal::USR1]), open(&[Signal::USR1]));
        (0..ROOM).for_each(|_| raise(Signal::USR1));
        assert_eq!(receiver.lost(), 0);
        assert_eq!(unread(&other).len(), ROOM);
        (0..10).for_each(|_| raise(Signal::USR1));
        assert_eq!(receiver.lost(), 10);
        assert_eq!(other.lost(), 0, "it had been read");
        assert_eq!(unread(&receiver), [Signal::USR1; ROOM]);
        assert_eq!(receiver.lost(), 10, "it counts from the start");
        raise(Signal::USR1);
        assert_eq!(unread(&receiver), [Signal::USR1]);
    });
}

#[test]
fn a_flood_pushes_out_nothing_but_itself() {
    alone!(|| {
        let receiver = open(&[Signal::USR1, Signal::USR2, Signal::TERM]);
        raise(Signal::TERM);
        (0..3 * ROOM).for_each(|_| raise(Signal::USR1));
        raise(Signal::USR2);
        assert_eq!(receiver.lost(), 2 * ROOM as u64 + 2);
        let kept = unread(&receiver);
        assert_eq!((kept.first(), kept.last()), (Some(&Signal::TERM), Some(&Signal::USR2)));
        assert_eq!(kept.len(), ROOM);
    });
}

/// More than a pipe can have in it: 64 KiB on Linux.
const MORE_THAN_A_PIPE: usize = 70_000;

#[test]
fn what_does_not_fit_into_the_pipe_is_counted_and_comes_once() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1, Signal::USR2]);
        (0..MORE_THAN_A_PIPE).for_each(|_| raise(Signal::USR1));
        (0..3).for_each(|_| raise(Signal::USR2));
        let lost = receiver.lost();
        let kept = unread(&receiver);
        assert_eq!(lost, (MORE_THAN_A_PIPE + 3 - kept.len()) as u64);
        assert_eq!(kept.len(), ROOM);
        assert_eq!(kept.iter().filter(|&&signal| signal == Signal::USR2).count(), 1, "of each signal one comes");
        raise(Signal::USR2);
        assert_eq!(unread(&receiver), [Signal::USR2], "there is room again");
    });
}

#[test]
fn what_does_not_fit_into_the_pipe_wakes_who_waits() {
    alone!(|| {
        let reactor = hold_the_reactor();
        let receiver = open(&[Signal::USR2]);
        let flooded = open(&[Signal::USR1]);
        let mut next = Box::pin(receiver.next());
        assert!(block_on(poll_once(&mut next)).is_none());
        (0..MORE_THAN_A_PIPE).for_each(|_| raise(Signal::USR1));
        raise(Signal::USR2);
        thread::scope(|threads| {
            let waiting = threads.spawn(|| block_on(next));
            reactor.open();
            assert_eq!(waiting.join().unwrap(), Ok(Signal::USR2));
        });
        assert_eq!((receiver.lost(), unread(&flooded).len()), (0, ROOM));
    });
}

#[test]
fn a_full_pipe_blocks_nobody() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1]);
        let sender = thread::spawn(|| (0..MORE_THAN_A_PIPE).for_each(|_| raise(Signal::USR1)));
        sender.join().unwrap();
        let late = open(&[Signal::USR1]);
        assert_eq!((late.try_next(), late.lost()), (None, 0), "it is from before");
        assert!(receiver.lost() > 0);
    });
}
