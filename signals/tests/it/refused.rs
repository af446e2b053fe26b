//! Signals that cannot or must not be received.

use std::io;

use anyio_signals::{Signal, SignalError, host, open_signal_receiver};

use crate::support::{alone, handler, open, raise, unread};

fn why(signals: &[Signal]) -> SignalError {
    let error = open_signal_receiver(signals).expect_err("it is refused");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    error.downcast().expect("the error says why")
}

#[test]
fn an_empty_list_is_refused() {
    let why = why(&[]);
    assert_eq!(why, SignalError::Empty);
    assert_eq!(why.signal(), None);
    assert_eq!(why.to_string(), "no signals to receive: name at least one, such as Signal::INT");
}

#[test]
fn what_no_process_can_catch_is_refused() {
    for signal in [Signal::KILL, Signal::STOP] {
        assert_eq!(why(&[signal]), SignalError::Uncatchable(signal));
    }
    assert!(why(&[Signal::STOP]).to_string().contains("SIGTSTP is the request to stop"));
}

#[test]
fn faults_are_refused() {
    for signal in [Signal::SEGV, Signal::BUS, Signal::FPE, Signal::ILL, Signal::TRAP, Signal::SYS, Signal::ABRT] {
        let why = why(&[signal]);
        assert_eq!(why, SignalError::Fault(signal));
        assert_eq!(why.signal(), Some(signal));
        assert!(why.to_string().starts_with(&format!("cannot receive {signal}: ")), "{why}");
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    for number in [0, -1, 65, 127, 1000, i32::MIN, i32::MAX] {
        assert_eq!(why(&[Signal::from_raw(number)]), SignalError::Unknown(Signal::from_raw(number)));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_c_library_keeps_for_itself_is_refused() {
    for number in 32..libc::SIGRTMIN() {
        assert_eq!(why(&[Signal::from_raw(number)]), SignalError::Reserved(Signal::from_raw(number)));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn real_time_signals_are_received_and_each_of_them_counts() {
    alone!(|| {
        let (first, last) = (Signal::from_raw(libc::SIGRTMIN()), Signal::from_raw(libc::SIGRTMAX()));
        let receiver = open(&[first, last]);
        [first, last, first, first].into_iter().for_each(raise);
        assert_eq!(unread(&receiver), [first, last, first, first]);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn all_others_are_received() {
    alone!(|| {
        for number in (1..=31).filter(|number| ![4, 5, 6, 7, 8, 9, 11, 16, 19, 31].contains(number)) {
            let signal = Signal::from_raw(number);
            let before = handler(signal);
            let receiver = open(&[signal]);
            raise(signal);
            assert_eq!(unread(&receiver), [signal]);
            drop(receiver);
            assert_eq!(handler(signal), before);
        }
    });
}

#[test]
fn after_a_refusal_nothing_is_installed() {
    alone!(|| {
        let before = [Signal::USR1, Signal::TERM].map(handler);
        for refused in [Signal::KILL, Signal::SEGV, Signal::from_raw(99)] {
            open_signal_receiver(&[Signal::USR1, refused, Signal::TERM]).unwrap_err();
            open_signal_receiver(&[refused, Signal::USR1]).unwrap_err();
            open_signal_receiver(&[Signal::USR1, Signal::TERM, refused]).unwrap_err();
        }
        assert_eq!([Signal::USR1, Signal::TERM].map(handler), before);
    });
}

#[test]
fn only_what_ends_a_process_can_end_it_at_the_second_time() {
    for signal in [Signal::CHLD, Signal::WINCH, Signal::CONT, Signal::URG, Signal::TSTP, Signal::TTIN, Signal::TTOU] {
        let error = host::kill_on_second(&[Signal::INT, signal]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.downcast::<SignalError>().unwrap(), SignalError::EndsNothing(signal));
    }
    let error = host::kill_on_second(&[]).unwrap_err();
    assert_eq!(error.downcast::<SignalError>().unwrap(), SignalError::Empty);
}
