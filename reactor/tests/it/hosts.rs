//! Nobody of us drives the reactor here: the helper thread must.

use crate::block_on::sleep_until;
use crate::common::in_millis;

#[test]
fn timers_work_under_an_executor_that_knows_no_reactor() {
    for _ in 0..5 {
        let deadline = in_millis(2);
        assert!(futures_lite::future::block_on(sleep_until(deadline)) >= deadline);
    }
}

#[test]
fn timers_work_inside_a_tokio_current_thread_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let deadline = in_millis(n % 7);
                tokio::spawn(async move { assert!(sleep_until(deadline).await >= deadline) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn timers_fire_while_the_only_block_on_is_busy() {
    anyio_reactor::block_on(async {
        let deadline = in_millis(2);
        let (recorder, waker) = crate::common::Recorder::new();
        let _ = anyio_reactor::timer::arm(deadline, waker);
        // This never returns to `block_on` before the timer has fired.
        assert!(recorder.wait() >= deadline);
    });
}
