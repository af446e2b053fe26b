use std::io;

use anyio_cancel_scope::{CancelScope, sleep};
use anyio_memstream::{MemoryObjectReceiveStream, memory_object_stream};
use anyio_task_group::task_group;
use anyio_testing::{Item, Loss};
use std::time::Duration;

async fn pass_on(from: &MemoryObjectReceiveStream<Item<u32>>, arrived: &mut Vec<u32>) -> io::Result<()> {
    while let Some(item) = from.next().await? {
        // The bug: nobody has the item if this is cancelled.
        sleep(Duration::from_millis(1)).await?;
        arrived.push(item.take());
    }
    Ok(())
}

#[anyio_testing::test(cancel_sweep = "worker")]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn what_is_taken_is_passed_on() -> io::Result<()> {
    let loss = Loss::new();
    let (send, receive) = memory_object_stream(1);
    let mut arrived = Vec::new();
    task_group(async |tg| -> io::Result<()> {
        let (receive, arrived) = (&receive, &mut arrived);
        tg.start_soon(async move {
            CancelScope::new().named("worker").run(pass_on(receive, arrived)).await?;
            while let Some(item) = receive.next().await? {
                arrived.push(item.take());
            }
            io::Result::Ok(())
        });
        for number in 0..3 {
            send.send(loss.item(number)).await?;
        }
        drop(send);
        Ok(())
    })
    .await?;
    Ok(())
}
