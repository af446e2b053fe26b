//! `ctrl_c`.

use anyio_cancel_scope::{CancelError, CancelScope};
use anyio_future_contract::Polled;
use anyio_signals::{Signal, ctrl_c};
use futures_lite::future::block_on;

use crate::support::{alone, child, handler, hold_the_reactor, raise, say};

#[test]
fn ctrl_c_ends_the_wait_and_then_the_process() {
    child!(|| {
        let mut wait = Polled::new(ctrl_c());
        wait.assert_pending();
        raise(Signal::INT);
        block_on(std::future::poll_fn(|cx| wait.poll_with(cx.waker()))).unwrap();
        assert_eq!(handler(Signal::INT), libc::SIG_DFL, "it is done, though it is still there");
        say("once");
        raise(Signal::INT);
    })
    .died_of(Signal::INT, "once");
}

#[test]
fn a_wait_that_is_dropped_lets_ctrl_c_go() {
    child!(|| {
        let mut wait = Polled::new(ctrl_c());
        wait.assert_pending();
        assert_ne!(handler(Signal::INT), libc::SIG_DFL);
        drop(wait);
        say("dropped");
        raise(Signal::INT);
    })
    .died_of(Signal::INT, "dropped");
}

#[test]
fn nothing_is_installed_before_the_first_poll() {
    alone!(|| {
        let wait = ctrl_c();
        assert_eq!(handler(Signal::INT), libc::SIG_DFL);
        // R4
        let scope = CancelScope::new();
        scope.cancel();
        let error = block_on(scope.enter(async {
            let ended = wait.await;
            assert_eq!(handler(Signal::INT), libc::SIG_DFL);
            ended
        }));
        assert!(error.unwrap_err().is_cancelled());
    });
}

// R3
#[test]
fn a_ctrl_c_before_the_next_poll_beats_the_cancellation() {
    alone!(|| {
        hold_the_reactor();
        for raised in [true, false] {
            let scope = CancelScope::new();
            let mut work = Polled::new(scope.enter(ctrl_c()));
            work.assert_pending();
            scope.cancel();
            if raised {
                raise(Signal::INT);
            }
            assert!(work.is_woken());
            assert_eq!(
                work.assert_ready().map_err(|error| error.is_cancelled()),
                if raised { Ok(()) } else { Err(true) }
            );
            assert_eq!(handler(Signal::INT), libc::SIG_DFL);
        }
    });
}

#[test]
fn several_may_wait_for_one_ctrl_c() {
    alone!(|| {
        let mut waits = [Polled::new(ctrl_c()), Polled::new(ctrl_c())];
        waits.iter_mut().for_each(|wait| wait.assert_pending());
        raise(Signal::INT);
        for wait in &mut waits {
            block_on(std::future::poll_fn(|cx| wait.poll_with(cx.waker()))).unwrap();
        }
    });
}
