//! Children that are forked and run on as they are.

use anyio_signals::{Signal, SignalError, open_signal_receiver};
use libc::c_int;

use crate::support::{alone, handler, hold_the_reactor, open, raise, set, unread};

/// Runs `body` in a forked child, and gives the signal of which it died, if it did.
fn forked(body: impl FnOnce()) -> Result<(), c_int> {
    // SAFETY: the child does nothing but signals, and ends.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0);
        if child == 0 {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            libc::_exit(if ended.is_ok() { 0 } else { 1 });
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        if libc::WIFSIGNALED(status) {
            return Err(libc::WTERMSIG(status));
        }
        assert_eq!(status, 0, "it panicked");
        Ok(())
    }
}

extern "C" fn nothing(_: c_int) {}

#[test]
fn a_signal_of_the_child_has_the_effect_that_it_had_before_and_does_not_reach_the_parent() {
    alone!(|| {
        set(Signal::TERM, libc::SIG_IGN, 0);
        set(Signal::USR2, nothing as *const () as usize, 0);
        let receiver = open(&[Signal::USR1, Signal::TERM, Signal::WINCH, Signal::USR2]);
        let ended = forked(|| {
            [Signal::TERM, Signal::WINCH, Signal::USR2].into_iter().for_each(raise);
            raise(Signal::USR1);
        });
        assert_eq!(ended, Err(libc::SIGUSR1));
        assert_eq!(unread(&receiver), []);
        raise(Signal::USR1);
        assert_eq!(unread(&receiver), [Signal::USR1]);
        assert_eq!(receiver.lost(), 0);
    });
}

#[test]
fn a_child_takes_nothing_out_of_the_parent_s_pipe() {
    alone!(|| {
        hold_the_reactor();
        let receiver = open(&[Signal::USR1]);
        raise(Signal::USR1);
        let ended = forked(|| assert_eq!(receiver.try_next(), None));
        assert_eq!(ended, Ok(()));
        assert_eq!(unread(&receiver), [Signal::USR1]);
    });
}

#[test]
fn a_child_cannot_open_a_receiver_and_is_told_why() {
    alone!(|| {
        drop(open(&[Signal::USR1]));
        let ended = forked(|| {
            let error = open_signal_receiver(&[Signal::USR1]).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::Other);
            assert_eq!(error.downcast::<SignalError>().unwrap(), SignalError::Forked);
            assert_eq!(handler(Signal::USR1), libc::SIG_DFL);
        });
        assert_eq!(ended, Ok(()));
    });
}

#[test]
fn a_receiver_that_the_child_drops_is_closed_in_the_child_alone() {
    alone!(|| {
        hold_the_reactor();
        let mut receiver = Some(open(&[Signal::USR1]));
        let ended = forked(|| {
            receiver = None;
            assert_eq!(handler(Signal::USR1), libc::SIG_DFL);
        });
        assert_eq!(ended, Ok(()));
        raise(Signal::USR1);
        assert_eq!(unread(receiver.as_ref().unwrap()), [Signal::USR1]);
    });
}

#[test]
fn a_process_that_forks_before_it_receives_may_receive_in_both() {
    alone!(|| {
        let receive = || {
            let receiver = open(&[Signal::USR1]);
            raise(Signal::USR1);
            assert_eq!(unread(&receiver), [Signal::USR1]);
        };
        assert_eq!(forked(receive), Ok(()));
        receive();
    });
}
