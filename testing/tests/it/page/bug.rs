// ---
use std::{io, time::Duration};

use anyio_cancel_scope::{CancelScope, sleep};
use anyio_memstream::{MemoryObjectReceiveStream, memory_object_stream};

/// A message: its length, and then so many bytes.
async fn message(bytes: &MemoryObjectReceiveStream<u8>) -> io::Result<Option<Vec<u8>>> {
    let Some(length) = bytes.next().await? else { return Ok(None) };
    let mut message = Vec::new();
    for _ in 0..length {
        message.push(bytes.receive().await?);
    }
    Ok(Some(message))
}

async fn serve(bytes: &MemoryObjectReceiveStream<u8>, seen: &mut Vec<Vec<u8>>) -> io::Result<()> {
    loop {
        tokio::select! {
            biased;
            message = message(bytes) => match message? {
                Some(message) => seen.push(message),
                None => return Ok(()),
            },
            heartbeat = sleep(Duration::from_secs(1)) => heartbeat?,
        }
    }
}

#[anyio_testing::test(cancel_sweep = "connection")]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn every_message_arrives() -> io::Result<()> {
    let (peer, bytes) = memory_object_stream(16);
    for byte in [2, 7, 8, 1, 9] {
        peer.send(byte).await?;
    }
    drop(peer);
    let mut seen = Vec::new();
    CancelScope::new().named("connection").run(serve(&bytes, &mut seen)).await?;
    serve(&bytes, &mut seen).await?; // by whoever takes the connection over
    assert_eq!(seen, [vec![7, 8], vec![9]]);
    Ok(())
}
// ---
