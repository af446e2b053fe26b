//! `sync` under cancellation at every point and under many orders: every token comes back, nobody is left waiting.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio::{
    CancelScope, CompletedExt, checkpoint, shield, sleep,
    sync::{CapacityLimiter, Condition, Event, Lock, Semaphore, SetOnce},
    task_group,
    testing::at_end,
};

const MILLISECOND: Duration = Duration::from_millis(1);

/// A section in which at most so many may be at a time.
#[derive(Default)]
struct Section {
    inside: AtomicUsize,
}

impl Section {
    async fn visit(&self, most: usize) -> io::Result<()> {
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        assert!(before < most, "{before} were inside already");
        let result = checkpoint().await;
        self.inside.fetch_sub(1, Ordering::Relaxed);
        Ok(result?)
    }
}

// H1, H2
#[anyio::test(cancel_sweep, schedules = 10)]
async fn a_lock_is_free_in_the_end_wherever_it_is_cancelled() -> io::Result<()> {
    let lock = Arc::new(Lock::new(0));
    let free = lock.clone();
    at_end(move || assert!(free.try_lock().is_some(), "somebody has it still"));
    let section = Section::default();
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..4 {
            tg.start_soon(async {
                let mut guard = lock.lock().await?;
                section.visit(1).await?;
                *guard += 1;
                io::Result::Ok(())
            });
        }
        Ok(())
    })
    .await
    .completed()?;
    Ok(())
}

// One that gives up passes on what it was granted, so the others get through.
#[anyio::test(cancel_sweep = "worker", schedules = 10)]
async fn the_others_get_the_lock_when_one_of_them_is_cancelled_anywhere() -> io::Result<()> {
    let lock = Lock::new(0);
    task_group(async |tg| -> io::Result<()> {
        for at in 0..4 {
            let lock = &lock;
            tg.start_soon(async move {
                let work = async {
                    let mut guard = lock.lock().await?;
                    *guard += 1;
                    sleep(MILLISECOND).await?;
                    io::Result::Ok(())
                };
                if at == 1 { CancelScope::new().named("worker").run(work).await.map(drop) } else { work.await }
            });
        }
        Ok(())
    })
    .await?;
    assert!(*lock.try_lock().unwrap() >= 3);
    Ok(())
}

#[anyio::test(cancel_sweep, schedules = 10)]
async fn every_permit_comes_back_wherever_it_is_cancelled() -> io::Result<()> {
    let semaphore = Semaphore::new(2);
    let watched = semaphore.clone();
    at_end(move || {
        let both: Vec<_> = (0..2).map(|_| watched.try_acquire().expect("it is free")).collect();
        assert!(watched.try_acquire().is_none());
        drop(both);
    });
    let section = Section::default();
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..5 {
            tg.start_soon(async {
                let _permit = semaphore.acquire().await?;
                section.visit(2).await
            });
        }
        Ok(())
    })
    .await
    .completed()?;
    Ok(())
}

#[anyio::test(cancel_sweep, schedules = 10)]
async fn every_token_comes_back_also_when_the_total_changes() -> io::Result<()> {
    let limiter = CapacityLimiter::new(1);
    let watched = limiter.clone();
    at_end(move || assert_eq!(watched.borrowed_tokens(), 0));
    task_group(async |tg| -> io::Result<()> {
        for key in 0..4 {
            let limiter = &limiter;
            tg.start_soon(async move {
                let _token = limiter.acquire_for(key).await.map_err(io::Error::other)?;
                checkpoint().await?;
                io::Result::Ok(())
            });
        }
        checkpoint().await?;
        limiter.set_total_tokens(3);
        checkpoint().await?;
        limiter.set_total_tokens(1);
        Ok(())
    })
    .await
    .completed()?;
    Ok(())
}

// A notification that was given to one who is cancelled goes to the next.
#[anyio::test(cancel_sweep = "worker", schedules = 20)]
async fn a_notification_is_not_lost_with_the_one_who_got_it() -> io::Result<()> {
    let lock = Lock::new(0_usize);
    let condition = Condition::new();
    let taken = AtomicUsize::new(0);
    let take = async || {
        let mut guard = lock.lock().await?;
        while *guard == 0 {
            guard = condition.wait(guard).await?;
        }
        *guard -= 1;
        taken.fetch_add(1, Ordering::Relaxed);
        io::Result::Ok(())
    };
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { CancelScope::new().named("worker").run(take()).await.map(drop) });
        // This one gets what the other leaves.
        tg.start_soon(take());
        for _ in 0..2 {
            let mut guard = lock.lock().await?;
            *guard += 1;
            condition.notify(1);
            drop(guard);
            sleep(MILLISECOND).await?;
        }
        Ok(())
    })
    .await?;
    assert_eq!(taken.into_inner() + lock.into_inner(), 2);
    Ok(())
}

#[anyio::test(cancel_sweep, schedules = 20)]
async fn events_and_values_reach_whoever_waits_or_the_cancellation_does() -> io::Result<()> {
    let (event, value) = (Event::new(), SetOnce::new());
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = ended.clone();
    at_end(move || assert_eq!(counted.load(Ordering::Relaxed), 3, "every task came to its end"));
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..2 {
            tg.start_soon(async {
                let waited = event.wait().await;
                shield(sleep(MILLISECOND)).await?;
                ended.fetch_add(1, Ordering::Relaxed);
                io::Result::Ok(waited?)
            });
        }
        tg.start_soon(async {
            let waited = value.wait().await.copied();
            ended.fetch_add(1, Ordering::Relaxed);
            assert_eq!(waited?, 7);
            io::Result::Ok(())
        });
        checkpoint().await?;
        event.set();
        value.set(7).expect("it is set once");
        Ok(())
    })
    .await
    .completed()
}
