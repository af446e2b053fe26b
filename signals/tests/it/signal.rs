//! Signals as values.

use std::collections::{BTreeSet, HashSet};

use anyio_signals::Signal;

#[test]
fn signals_show_their_names() {
    let shown = |signal: Signal| (signal.to_string(), format!("{signal:?}"));
    assert_eq!(shown(Signal::INT), ("SIGINT".into(), "SIGINT".into()));
    assert_eq!(shown(Signal::from_raw(15)), ("SIGTERM".into(), "SIGTERM".into()));
    assert_eq!(shown(Signal::from_raw(0)).0, "signal 0");
    assert_eq!(shown(Signal::from_raw(-1)).0, "signal -1");
    assert_eq!(shown(Signal::from_raw(1000)).1, "signal 1000");
}

#[cfg(target_os = "linux")]
#[test]
fn real_time_signals_are_shown_from_the_first_one() {
    assert_eq!(Signal::from_raw(libc::SIGRTMIN()).to_string(), "SIGRTMIN+0");
    assert_eq!(Signal::from_raw(libc::SIGRTMIN() + 3).to_string(), "SIGRTMIN+3");
    assert_eq!(Signal::from_raw(libc::SIGRTMIN() - 1).to_string(), format!("signal {}", libc::SIGRTMIN() - 1));
}

#[test]
fn numbers_are_those_of_the_system() {
    for (signal, number) in [
        (Signal::HUP, libc::SIGHUP),
        (Signal::INT, libc::SIGINT),
        (Signal::QUIT, libc::SIGQUIT),
        (Signal::TERM, libc::SIGTERM),
        (Signal::USR1, libc::SIGUSR1),
        (Signal::USR2, libc::SIGUSR2),
        (Signal::CHLD, libc::SIGCHLD),
        (Signal::WINCH, libc::SIGWINCH),
    ] {
        assert_eq!(signal.as_raw(), number);
        assert_eq!(Signal::from_raw(number), signal);
    }
}

#[test]
fn signals_are_keys() {
    let some = [Signal::TERM, Signal::INT, Signal::TERM];
    assert_eq!(some.iter().collect::<HashSet<_>>().len(), 2);
    assert_eq!(some.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), [Signal::INT, Signal::TERM]);
    const SHUTDOWN: [Signal; 2] = [Signal::INT, Signal::from_raw(15)];
    assert!(matches!(SHUTDOWN[1], Signal::TERM));
}
