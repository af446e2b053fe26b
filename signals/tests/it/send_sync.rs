//! One table of what may cross threads, what may be moved and what shows itself.

use std::{fmt::Debug, future::Future, io};

use anyio_signals::{CtrlC, Next, Signal, SignalError, SignalReceiver, ctrl_c};

#[test]
fn everything_may_go_everywhere() {
    fn everywhere<T: Send + Sync + Unpin + Debug>() {}
    everywhere::<Signal>();
    everywhere::<SignalError>();
    everywhere::<SignalReceiver>();
    everywhere::<Next<'_>>();
    everywhere::<CtrlC>();
    everywhere::<anyio_signals::host::KillOnSecond>();
}

// surface/src/signals.rs
#[test]
fn what_the_surface_promises_holds() {
    fn output<T: Send + 'static>(_: impl Future<Output = T> + Send + 'static) {}
    output::<io::Result<()>>(ctrl_c());
    fn streams(receiver: SignalReceiver) {
        fn stream(_: impl futures::Stream<Item = Result<Signal, anyio_cancel_scope::Cancelled>> + Send + Unpin) {}
        stream(receiver.stream());
        stream(receiver.into_stream());
    }
    let _ = streams;
}

#[test]
fn a_receiver_shows_its_signals() {
    let receiver = anyio_signals::open_signal_receiver(&[Signal::WINCH, Signal::URG]).unwrap();
    assert_eq!(
        format!("{receiver:?}"),
        format!("SignalReceiver {{ signals: {:?}, .. }}", [Signal::URG, Signal::WINCH])
            .replace('[', "{")
            .replace(']', "}")
    );
    assert!(format!("{:?}", receiver.next()).contains("Next"));
    assert!(format!("{:?}", ctrl_c()).contains("CtrlC"));
}
