use std::{io, time::Duration};

use anyio_cancel_scope::{CancelScope, sleep};
use anyio_memstream::{MemoryObjectReceiveStream, memory_object_stream};

// ---
struct Connection {
    bytes: MemoryObjectReceiveStream<u8>,
    /// What was read of the next message, its length first.
    begun: Vec<u8>,
}

impl Connection {
    async fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        while self.begun.first().is_none_or(|length| self.begun.len() <= usize::from(*length)) {
            let Some(byte) = self.bytes.next().await? else { return Ok(None) };
            self.begun.push(byte);
        }
        Ok(Some(self.begun.drain(..).skip(1).collect()))
    }
}
// ---

async fn serve(connection: &mut Connection, seen: &mut Vec<Vec<u8>>) -> io::Result<()> {
    loop {
        tokio::select! {
            biased;
            message = connection.message() => match message? {
                Some(message) => seen.push(message),
                None => return Ok(()),
            },
            heartbeat = sleep(Duration::from_secs(1)) => heartbeat?,
        }
    }
}

#[anyio_testing::test(cancel_sweep = "connection", schedules = 10)]
async fn every_message_arrives() -> io::Result<()> {
    let (peer, bytes) = memory_object_stream(16);
    for byte in [2, 7, 8, 1, 9] {
        peer.send(byte).await?;
    }
    drop(peer);
    let mut connection = Connection { bytes, begun: Vec::new() };
    let mut seen = Vec::new();
    CancelScope::new().named("connection").run(serve(&mut connection, &mut seen)).await?;
    serve(&mut connection, &mut seen).await?;
    assert_eq!(seen, [vec![7, 8], vec![9]]);
    Ok(())
}
