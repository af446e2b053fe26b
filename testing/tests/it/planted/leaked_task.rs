use std::io;

use anyio_cancel_scope::sleep_forever;
use anyio_task_group::task_group;

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn it_ends_with_its_group() {
    let mut group = Box::pin(task_group(async |tg| -> io::Result<()> {
        tg.task("the reader").start_soon(async { io::Result::Ok(sleep_forever().await?) });
        Ok(())
    }));
    assert!(futures::poll!(group.as_mut()).is_pending());
    // The bug.
    std::mem::forget(group);
}
