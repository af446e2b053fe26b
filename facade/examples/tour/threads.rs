//! Chapters on work that runs on other threads.

use std::{
    panic::{catch_unwind, resume_unwind},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyio::{
    Builder, Cause, Result, cancel_cause, move_on_after, offload, ok, run, sleep_forever, task_group, yield_now,
};
use futures_lite::future::poll_once;

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "work on another thread sees the same scope",
        elsewhere: "a timeout drops the handle, and what was spawned runs on",
        show: same_scope,
    },
    Chapter {
        title: "a panic on another thread comes out",
        elsewhere: "it ends in a handle that nobody looks at, and the others go on",
        show: panic_comes_out,
    },
    Chapter {
        title: "the run returns only when what it offloaded is gone",
        elsewhere: "a dropped handle detaches, and the end of the program meets the task anywhere",
        show: gone,
    },
];

fn same_scope() -> Result<String> {
    static CAUSE: OnceLock<Option<Cause>> = OnceLock::new();

    let home = thread::current().id();
    Builder::new().worker_threads(2).run(async {
        let work = offload(async move {
            assert_ne!(thread::current().id(), home);
            let result = sleep_forever().await;
            let _ = CAUSE.set(cancel_cause());
            ok(result?)
        });
        assert!(move_on_after(Duration::from_millis(10), work).await?.is_none());
        assert_eq!(CAUSE.get(), Some(&Some(Cause::Deadline)), "its end was waited for");
        Ok("the deadline reached it over there, and its end was waited for".into())
    })
}

async fn divide() -> Result<u32> {
    // A panic that does not write to the terminal.
    resume_unwind(Box::new("there is nothing to divide by"))
}

fn panic_comes_out() -> Result<String> {
    let ended = catch_unwind(|| {
        run(task_group(async |tg| -> Result<()> {
            tg.start_soon(offload(divide()));
            // It is cancelled, and waited for, before the panic goes on.
            Ok(sleep_forever().await?)
        }))
    });
    let payload = ended.expect_err("the panic of the child comes out of the run");
    let words = payload.downcast_ref::<&str>().copied();
    assert_eq!(words, Some("there is nothing to divide by"));
    Ok(format!("the run panicked with \"{}\"", words.unwrap_or_default()))
}

fn gone() -> Result<String> {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    static CLOSED: AtomicBool = AtomicBool::new(false);

    struct Resource;

    impl Drop for Resource {
        fn drop(&mut self) {
            CLOSED.store(true, Ordering::Relaxed);
        }
    }

    run(async {
        let mut work = offload(async {
            let _resource = Resource;
            BEGUN.store(true, Ordering::Relaxed);
            // Nobody can interrupt this.
            thread::sleep(Duration::from_millis(20));
            sleep_forever().await
        });
        assert!(poll_once(&mut work).await.is_none());
        while !BEGUN.load(Ordering::Relaxed) {
            yield_now().await;
        }
        // It is given up half-way.
        drop(work);
    });
    assert!(CLOSED.load(Ordering::Relaxed));
    Ok("it was given up half-way, and its resource was closed when the run returned".into())
}
