//! `E` is not inferred where a group is awaited with `?`: the cure is `async |tg| -> anyio::Result<_> { .. }`, or
//! `anyio::ok(())` at the end.

use anyio::{sleep, task_group};
use std::time::Duration;

async fn program() -> anyio::Result<()> {
    task_group(async |tg| {
        tg.start_soon(async {
            sleep(Duration::ZERO).await?;
            Ok(())
        });
        Ok(())
    })
    .await?;
    Ok(())
}

fn main() {}
