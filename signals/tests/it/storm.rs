//! Storms of signals, while receivers open and close.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
};

use anyio_cancel_scope::{CancelScope, Cancelled};
use anyio_signals::{Signal, SignalReceiver};
use futures_lite::future::block_on;

use crate::support::{alone, child, handler, open, raise, say, send, unread};

const SIGNALS: usize = 10_000;
const THREADS: usize = 8;

/// Opens, takes what is there, and closes: once, and until told to end.
fn open_and_close(end: &AtomicBool, turn: usize, rounds: &AtomicUsize) {
    for turn in turn.. {
        let receiver = open(&[Signal::USR1, Signal::USR2]);
        match turn % 4 {
            0 => drop(unread(&receiver)),
            1 => wait_and_give_up(&receiver),
            2 => drop(open(&[Signal::USR2])),
            _ => {}
        }
        drop(receiver);
        rounds.fetch_add(1, SeqCst);
        if end.load(SeqCst) {
            break;
        }
    }
}

fn wait_and_give_up(receiver: &SignalReceiver) {
    let scope = CancelScope::new();
    let polled = block_on(scope.run(async {
        let mut next = Box::pin(receiver.next());
        let polled = futures_lite::future::poll_once(&mut next).await;
        scope.cancel();
        let end = match polled {
            Some(end) => end,
            None => next.await,
        };
        end.map(drop)
    }));
    assert!(polled.is_ok());
}

fn among_others(work: impl FnOnce()) {
    let (end, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|threads| {
        for turn in 0..THREADS {
            let (end, rounds) = (&end, &rounds);
            threads.spawn(move || open_and_close(end, turn, rounds));
        }
        work();
        end.store(true, SeqCst);
    });
    assert!(rounds.load(SeqCst) >= THREADS);
}

#[test]
fn each_signal_that_is_waited_for_before_the_next_arrives() {
    alone!(|| {
        let receiver = open(&[Signal::USR1, Signal::USR2]);
        among_others(|| {
            for count in 0..SIGNALS {
                let signal = [Signal::USR1, Signal::USR2][count % 2];
                send(signal);
                assert_eq!(block_on(receiver.next()), Ok(signal));
            }
        });
        assert_eq!(unread(&receiver), []);
        assert_eq!(receiver.lost(), 0);
        drop(receiver);
        assert_eq!(handler(Signal::USR1), libc::SIG_DFL);
    });
}

#[test]
fn of_those_that_nobody_waits_for_one_arrives_at_least() {
    alone!(|| {
        let receiver = open(&[Signal::USR1, Signal::USR2, Signal::HUP]);
        among_others(|| {
            send(Signal::HUP);
            for _ in 0..SIGNALS {
                send(Signal::USR1);
            }
            send(Signal::USR2);
            // What the handlers of other threads still have in hand comes before the end of this.
            let mut came = Vec::new();
            while ![Signal::HUP, Signal::USR1, Signal::USR2].iter().all(|signal| came.contains(signal)) {
                came.push(block_on(receiver.next()).unwrap());
            }
        });
    });
}

#[test]
fn what_is_raised_is_delivered_or_counted() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        among_others(|| {
            thread::scope(|threads| {
                for _ in 0..4 {
                    threads.spawn(|| (0..SIGNALS / 4).for_each(|_| raise(Signal::USR1)));
                }
            });
        });
        let lost = receiver.lost();
        assert_eq!(unread(&receiver).len() as u64 + lost, SIGNALS as u64);
    });
}

#[test]
fn first_and_last_receivers_lose_nothing_either() {
    alone!(|| {
        thread::scope(|threads| {
            for _ in 0..THREADS {
                threads.spawn(|| {
                    for _ in 0..SIGNALS / THREADS {
                        // Others may have closed the last one just now, or be about to.
                        let receiver = open(&[Signal::USR1]);
                        raise(Signal::USR1);
                        assert_eq!(block_on(receiver.next()), Ok(Signal::USR1));
                    }
                });
            }
        });
        assert_eq!(handler(Signal::USR1), libc::SIG_DFL);
    });
}

#[test]
fn many_threads_share_one_receiver() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        let (taken, all) = (AtomicUsize::new(0), CancelScope::new());
        thread::scope(|threads| {
            for _ in 0..THREADS {
                threads.spawn(|| {
                    let work = all.clone();
                    let take = async {
                        loop {
                            // Half of the waits are given up, and what they were handed goes on.
                            let mut given_up = Box::pin(receiver.next());
                            if let Some(end) = futures_lite::future::poll_once(&mut given_up).await {
                                end?;
                                taken.fetch_add(1, SeqCst);
                                continue;
                            }
                            drop(given_up);
                            receiver.next().await?;
                            taken.fetch_add(1, SeqCst);
                        }
                        #[allow(unreachable_code, reason = "it tells the type")]
                        Ok::<_, Cancelled>(())
                    };
                    block_on(CancelScope::new().linked(&work).run(take)).unwrap()
                });
            }
            for count in 1..=SIGNALS {
                raise(Signal::USR1);
                while taken.load(SeqCst) < count {
                    thread::yield_now();
                }
            }
            all.cancel();
        });
        assert_eq!((taken.load(SeqCst), receiver.lost()), (SIGNALS, 0));
        assert_eq!(unread(&receiver), []);
    });
}

#[test]
fn after_a_storm_the_process_dies_of_the_signal() {
    child!(|| {
        for _ in 0..100 {
            among_others(|| drop(open(&[Signal::USR1])));
        }
        assert_eq!(handler(Signal::USR1), libc::SIG_DFL);
        say("closed");
        send(Signal::USR1);
        loop {
            thread::park();
        }
    })
    .died_of(Signal::USR1, "closed");
}
