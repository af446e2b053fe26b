//! Chapters on work that runs on other threads.

use std::{
    panic::{catch_unwind, resume_unwind},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyio::{
    Builder, Cause, Result, cancel_cause, context_var, from_thread, gather, move_on_after, offload, ok, run, sleep,
    sleep_forever, sync::CapacityLimiter, task_group, to_thread, yield_now,
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
    Chapter {
        title: "results from worker threads, a few at a time",
        elsewhere: "hundreds of blocking threads, or a semaphore around each call that an abandoned thread escapes",
        show: few_at_a_time,
    },
    Chapter {
        title: "a worker thread sees the context variables",
        elsewhere: "thread-locals and task-locals are lost where the work is done",
        show: variable_inside,
    },
    Chapter {
        title: "a worker thread calls back into its task, and gets the value",
        elsewhere: "a handle that blocks on the runtime, which panics inside of it, or deadlocks",
        show: call_back,
    },
    Chapter {
        title: "a cancelled task leaves a thread that cannot be stopped, and the thread is told",
        elsewhere: "abort does nothing to a blocking task, and says nothing",
        show: abandoned,
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

fn few_at_a_time() -> Result<String> {
    static ACTIVE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    run(async {
        let limiter = CapacityLimiter::new(3);
        let squares = gather((0..20_u64).map(|n| {
            let square = move || {
                MOST.fetch_max(ACTIVE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(1));
                ACTIVE.fetch_sub(1, Ordering::SeqCst);
                n * n
            };
            to_thread::run_sync(square).limiter(&limiter)
        }));
        assert_eq!(squares.await?.iter().sum::<u64>(), 2470);
        let most = MOST.load(Ordering::SeqCst);
        assert!(most <= 3);
        Ok(format!("20 calls came back in order, never more than {most} at once"))
    })
}

context_var! { static USER: String; }

fn variable_inside() -> Result<String> {
    run(USER.scope("ada".into(), async {
        let seen = to_thread::run_sync(|| USER.get()).await?;
        assert_eq!(seen.as_deref(), Some("ada"));
        Ok("the thread saw what its task had set".into())
    }))
}

fn call_back() -> Result<String> {
    run(async {
        let limiter = CapacityLimiter::new(1);
        let inner = limiter.clone();
        let answer = to_thread::run_sync(move || {
            // In the task, which needs a thread again, under the only token.
            from_thread::run(async move {
                sleep(Duration::from_millis(1)).await?;
                to_thread::run_sync(|| 6 * 7).limiter(&inner).await
            })
        });
        assert_eq!(answer.limiter(&limiter).await???, 42);
        Ok("thread, task, thread, and back with 42, under a limiter of one".into())
    })
}

fn abandoned() -> Result<String> {
    static TOLD: AtomicBool = AtomicBool::new(false);

    run(async {
        let stubborn = to_thread::run_sync(|| {
            while from_thread::check_cancelled().is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
            TOLD.store(true, Ordering::SeqCst);
        });
        let left = move_on_after(Duration::from_millis(10), stubborn.abandon_on_cancel(true)).await?;
        // It may have seen the cancellation first.
        assert!(left.is_none() || TOLD.load(Ordering::SeqCst));
        ok(())
    })?;
    assert!(TOLD.load(Ordering::SeqCst), "the run waited for it");
    Ok("the timeout was kept, the thread was told, and the run waited for its end".into())
}
