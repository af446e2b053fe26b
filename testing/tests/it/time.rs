//! Virtual time costs nothing.

use std::{
    io,
    time::{Duration, Instant},
};

use anyio_cancel_scope::{now, sleep};
use anyio_task_group::task_group;

const HOUR: Duration = Duration::from_secs(3600);

// `benches` holds a tenth of that.
#[anyio_testing::test(virtual_clock)]
async fn an_hour_in_a_thousand_tasks_takes_no_time() {
    let (begun, really) = (now(), Instant::now());
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..1000 {
            tg.start_soon(async { io::Result::Ok(sleep(HOUR).await?) });
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(now() - begun, HOUR);
    assert!(really.elapsed() < Duration::from_millis(500), "{:?}", really.elapsed());
}
