use std::io;

use anyio_signals::{Signal, open_signal_receiver};

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn it_listens() -> io::Result<()> {
    let receiver = open_signal_receiver(&[Signal::WINCH])?;
    // The bug.
    std::mem::forget(receiver);
    Ok(())
}
