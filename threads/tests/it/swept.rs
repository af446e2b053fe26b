//! Cancellation at every point, under many orders of the tasks: what has begun is told, what has not is dropped, and every token
//! comes back.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::{BoxError, Cancelled, check_cancelled, checkpoint, ok, sleep};
use anyio_sync::CapacityLimiter;
use anyio_task_group::task_group;
use anyio_testing::at_end;
use anyio_threads::{
    from_thread::{self, blocking_portal},
    to_thread,
};

use crate::support::Census;

/// What is looked at when all has ended, a `run` with its threads: no closure is left, and no token is gone.
#[derive(Clone)]
struct Books {
    limiter: CapacityLimiter,
    closures: Census,
    ran: Arc<AtomicUsize>,
    told: Arc<AtomicUsize>,
}

impl Books {
    fn open(tokens: usize) -> Self {
        let books = Self {
            limiter: CapacityLimiter::new(tokens),
            closures: Census::default(),
            ran: Arc::default(),
            told: Arc::default(),
        };
        let end = books.clone();
        at_end(move || {
            assert_eq!(end.closures.count(), 0, "a closure is left");
            assert_eq!(end.limiter.available_tokens(), isize::try_from(tokens).unwrap());
        });
        books
    }

    /// A call, which counts itself where it runs.
    fn call<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> to_thread::RunSync<impl FnOnce() -> T + Send + 'static, T> {
        let (alive, ran) = (self.closures.one(), self.ran.clone());
        let closure = move || {
            let _alive = alive;
            ran.fetch_add(1, Ordering::SeqCst);
            f()
        };
        to_thread::run_sync(closure).limiter(&self.limiter)
    }

    fn tell(&self) {
        self.told.fetch_add(1, Ordering::SeqCst);
    }

    /// Nothing that ran is untold.
    fn tells_all(&self) {
        let end = self.clone();
        at_end(move || assert_eq!(end.ran.load(Ordering::SeqCst), end.told.load(Ordering::SeqCst)));
    }
}

// T1, R3
#[anyio_testing::test(cancel_sweep, schedules = 10)]
async fn what_has_begun_is_told_and_what_has_not_is_dropped() -> io::Result<()> {
    let books = Books::open(1);
    books.tells_all();
    task_group(async |tg| -> io::Result<()> {
        for number in 0..3 {
            let books = &books;
            tg.start_soon(async move {
                let value = books.call(move || number).await?;
                books.tell();
                assert_eq!(value, number);
                io::Result::Ok(checkpoint().await?)
            });
        }
        Ok(())
    })
    .await?;
    checkpoint().await?;
    Ok(())
}

// T1: the token is kept until the closure has ended
#[anyio_testing::test(cancel_sweep, schedules = 10)]
async fn what_is_abandoned_gives_everything_back_in_the_end() -> io::Result<()> {
    let books = Books::open(2);
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            tg.start_soon(async { io::Result::Ok(books.call(|| ()).abandon_on_cancel(true).await?) });
        }
        Ok(())
    })
    .await?;
    checkpoint().await?;
    Ok(())
}

// T2: what a thread asks for is cancelled in the scope of its task, and the thread goes on
#[anyio_testing::test(cancel_sweep, schedules = 5)]
async fn a_worker_that_calls_back_has_an_answer() -> Result<(), BoxError> {
    let books = Books::open(1);
    books.tells_all();
    let answer = books.call(|| {
        from_thread::run_sync(|| ()).expect("the task waits");
        from_thread::run(async {
            sleep(Duration::from_secs(1)).await?;
            checkpoint().await
        })
    });
    let answer = answer.await?;
    books.tell();
    answer.expect("the task waits")?;
    checkpoint().await?;
    ok(())
}

// loan.rs, invariant 3
#[anyio_testing::test(cancel_sweep, schedules = 5)]
async fn a_lent_token_comes_back() -> Result<(), BoxError> {
    let books = Books::open(1);
    let inner = books.clone();
    let nested = books.call(move || {
        from_thread::run(async move {
            task_group(async |tg| -> io::Result<()> {
                for _ in 0..2 {
                    tg.start_soon(async { io::Result::Ok(inner.call(|| ()).abandon_on_cancel(true).await?) });
                }
                Ok(())
            })
            .await
        })
    });
    nested.await?.expect("the task waits")?;
    checkpoint().await?;
    ok(())
}

#[anyio_testing::test(cancel_sweep, schedules = 5)]
async fn a_portal_answers_whoever_calls_while_it_ends() -> Result<(), BoxError> {
    let books = Books::open(1);
    books.tells_all();
    let answer = blocking_portal(async |portal| {
        let call = books.call(move || {
            portal.call(async {
                sleep(Duration::from_secs(1)).await?;
                Ok::<_, Cancelled>(7)
            })
        });
        let answer = call.await?;
        books.tell();
        assert!(answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer == 7) || check_cancelled().is_err()));
        checkpoint().await?;
        ok(())
    });
    answer.await?;
    ok(())
}
