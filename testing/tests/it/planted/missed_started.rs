use std::io;

use anyio_cancel_scope::{CancelScope, sleep_forever};
use anyio_task_group::{TaskStatus, task_group};

async fn serve(status: TaskStatus<u16>) -> io::Result<()> {
    // The bug: it should say `status.started(8080)`, and keeps it instead.
    let _status = status;
    let connections = CancelScope::new().named("connections").shielded();
    connections.run(async { io::Result::Ok(sleep_forever().await?) }).await?;
    Ok(())
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn the_server_comes_up() -> io::Result<()> {
    task_group(async |tg| -> io::Result<()> {
        let (port, server) = tg.task("server").start(serve).await?;
        assert_eq!(port, 8080);
        server.cancel();
        Ok(())
    })
    .await?;
    Ok(())
}
