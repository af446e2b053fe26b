use std::io;

use anyio_sync::Lock;
use anyio_task_group::task_group;

async fn transfer(from: &Lock<i64>, to: &Lock<i64>, amount: i64) -> io::Result<()> {
    // The bug: two that go opposite ways each hold what the other one wants.
    let mut from = from.lock().await?;
    let mut to = to.lock().await?;
    *from -= amount;
    *to += amount;
    Ok(())
}

#[anyio_testing::test(schedules = 100)]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn money_moves_both_ways() -> io::Result<()> {
    let (ada, grace) = (Lock::new(10), Lock::new(10));
    task_group(async |tg| -> io::Result<()> {
        tg.task("ada pays").start_soon(transfer(&ada, &grace, 3));
        tg.task("grace pays").start_soon(transfer(&grace, &ada, 4));
        Ok(())
    })
    .await?;
    assert_eq!((ada.into_inner(), grace.into_inner()), (11, 9));
    Ok(())
}
