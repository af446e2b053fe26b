use std::{
    future::poll_fn,
    io,
    sync::Mutex,
    task::{Poll, Waker},
};

use anyio_cancel_scope::{CancelExt, Cancelled};
use anyio_task_group::task_group;

#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    // The bug: there is room for one.
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    #[track_caller]
    fn wait(&self) -> impl Future<Output = Result<(), Cancelled>> {
        let wait = poll_fn(|cx| {
            if *self.rung.lock().unwrap() {
                return Poll::Ready(());
            }
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        });
        wait.cancellable()
    }

    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        if let Some(waker) = self.waker.lock().unwrap().take() {
            waker.wake();
        }
    }
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn both_are_told() -> io::Result<()> {
    let bell = Bell::default();
    task_group(async |tg| -> io::Result<()> {
        tg.task("the first").start_soon(async { io::Result::Ok(bell.wait().await?) });
        tg.task("the second").start_soon(async { io::Result::Ok(bell.wait().await?) });
        anyio_testing::wait_all_tasks_blocked().await?;
        bell.ring();
        Ok(())
    })
    .await?;
    Ok(())
}
