//! The second signal that kills, and the end that a shell understands.

use std::process::{Command, Stdio};

use anyio_signals::{Signal, host, host::kill_on_second};
use libc::{SIG_DFL, SIG_IGN, c_int};

use crate::support::{alone, child, handler, open, raise, say, set, unread};

#[test]
fn the_second_signal_kills() {
    child!(|| {
        let _guard = kill_on_second(&[Signal::INT, Signal::TERM]).unwrap();
        let receiver = open(&[Signal::INT]);
        raise(Signal::INT);
        assert_eq!(unread(&receiver), [Signal::INT], "the first is an ordinary one");
        say("first");
        raise(Signal::TERM);
        say("second");
    })
    .died_of(Signal::TERM, "first");
}

#[test]
fn it_does_so_when_nobody_receives() {
    child!(|| {
        let _guard = kill_on_second(&[Signal::INT]).unwrap();
        raise(Signal::INT);
        say("first");
        raise(Signal::INT);
        say("second");
    })
    .died_of(Signal::INT, "first");
}

#[test]
fn it_does_so_when_every_thread_is_stuck() {
    child!(|| {
        let _guard = kill_on_second(&[Signal::INT]).unwrap();
        crate::support::hold_the_reactor();
        std::thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
        say("stuck");
        // It goes on until there is nobody to send to: signals that come at once may be merged.
        let sending = "while kill -INT $PPID; do :; done 2> /dev/null";
        let mut sender = Command::new("sh");
        sender.args(["-c", sending]).stdout(Stdio::null()).stderr(Stdio::null());
        std::thread::spawn(move || sender.status());
        loop {
            std::hint::spin_loop();
        }
    })
    .died_of(Signal::INT, "stuck");
}

#[test]
fn it_kills_what_ignored_the_signal_before() {
    child!(|| {
        set(Signal::INT, SIG_IGN, 0);
        let _guard = kill_on_second(&[Signal::INT]).unwrap();
        raise(Signal::INT);
        say("first");
        raise(Signal::INT);
    })
    .died_of(Signal::INT, "first");
}

#[test]
fn dropped_it_leaves_what_was_before() {
    alone!(|| {
        set(Signal::HUP, SIG_IGN, 0);
        let guard = kill_on_second(&[Signal::INT, Signal::HUP]).unwrap();
        assert!(![SIG_DFL, SIG_IGN].contains(&handler(Signal::HUP)));
        raise(Signal::INT);
        drop(guard);
        assert_eq!([Signal::INT, Signal::HUP].map(handler), [SIG_DFL, SIG_IGN]);

        // A new one counts anew.
        let _guard = kill_on_second(&[Signal::INT]).unwrap();
        raise(Signal::INT);
    });
}

#[test]
fn dropped_it_leaves_the_receivers_theirs() {
    child!(|| {
        let receiver = open(&[Signal::INT]);
        let guard = kill_on_second(&[Signal::INT]).unwrap();
        raise(Signal::INT);
        drop(guard);
        raise(Signal::INT);
        raise(Signal::INT);
        assert_eq!(unread(&receiver), [Signal::INT; 3]);
        drop(receiver);
        say("closed");
        raise(Signal::INT);
    })
    .died_of(Signal::INT, "closed");
}

#[test]
fn each_of_two_counts_for_itself() {
    child!(|| {
        let _one = kill_on_second(&[Signal::INT]).unwrap();
        raise(Signal::INT);
        let other = kill_on_second(&[Signal::TERM]).unwrap();
        raise(Signal::TERM);
        drop(other);
        raise(Signal::CONT);
        say("one each");
        raise(Signal::INT);
    })
    .died_of(Signal::INT, "one each");
}

extern "C" fn nothing(_: c_int) {}

#[test]
fn it_kills_below_a_handler_of_others_too() {
    child!(|| {
        set(Signal::INT, nothing as *const () as usize, 0);
        let _guard = kill_on_second(&[Signal::INT]).unwrap();
        raise(Signal::INT);
        say("first");
        raise(Signal::INT);
    })
    .died_of(Signal::INT, "first");
}

#[test]
fn a_raised_default_is_seen_by_whoever_waits() {
    child!(|| {
        let receiver = open(&[Signal::INT]);
        raise(Signal::INT);
        assert_eq!(unread(&receiver), [Signal::INT]);
        say("goodbye");
        host::raise_default(Signal::INT);
    })
    .died_of(Signal::INT, "goodbye");
}

#[test]
fn a_raised_default_gets_through_a_mask() {
    child!(|| {
        // SAFETY: the set is made empty first.
        unsafe {
            let mut only = std::mem::zeroed();
            libc::sigemptyset(&mut only);
            libc::sigaddset(&mut only, libc::SIGTERM);
            assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, &only, std::ptr::null_mut()), 0);
        }
        set(Signal::TERM, SIG_IGN, 0);
        say("goodbye");
        host::raise_default(Signal::TERM);
    })
    .died_of(Signal::TERM, "goodbye");
}

#[test]
fn a_raised_default_that_ends_nothing_exits_with_the_code() {
    child!(|| host::raise_default(Signal::WINCH)).exited_with(128 + Signal::WINCH.as_raw());
}
