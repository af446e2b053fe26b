use std::io;

use anyio_memstream::{MemoryObjectReceiveStream, memory_object_stream};
use anyio_task_group::task_group;

async fn frame(bytes: &MemoryObjectReceiveStream<u8>) -> io::Result<Option<Vec<u8>>> {
    let Some(size) = bytes.next().await? else { return Ok(None) };
    let mut frame = Vec::new();
    for _ in 0..size {
        frame.push(bytes.receive().await?);
    }
    Ok(Some(frame))
}

#[anyio_testing::test(schedules = 100)]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn every_frame_arrives() -> io::Result<()> {
    let (peer, bytes) = memory_object_stream(16);
    let (operator, commands) = memory_object_stream(1);
    let mut frames = Vec::new();
    task_group(async |tg| -> io::Result<()> {
        tg.task("peer").start_soon(async move {
            for byte in [2, 7, 8, 1, 9] {
                peer.send(byte).await?;
            }
            io::Result::Ok(())
        });
        tg.task("operator").start_soon(async move { io::Result::Ok(operator.send("reload").await?) });
        loop {
            // The bug: when a command comes first, what was read of a frame is gone.
            tokio::select! {
                biased;
                Ok(_command) = commands.receive() => {}
                frame = frame(&bytes) => match frame? {
                    Some(frame) => frames.push(frame),
                    None => return Ok(()),
                }
            }
        }
    })
    .await?;
    assert_eq!(frames, [vec![7, 8], vec![9]]);
    Ok(())
}
