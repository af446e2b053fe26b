//! Cancellation at every point, under many orders, of everything that this crate can nest.

use std::{
    future::pending,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::{
    CancelError, CancelExt, CancelScope, Cause, check_cancelled, checkpoint, fail_after, move_on_after, now, ok,
    shield, sleep, sleep_forever, stopping, wait_at_most, yield_now,
};
use anyio_testing::{Loss, at_end};
use futures::{StreamExt, future::join3, stream::FuturesUnordered};

const SECOND: Duration = Duration::from_secs(1);

// R1, R3: after the first `Cancelled` everything is, and a value that was there came before.
#[anyio_testing::test(cancel_sweep)]
async fn once_cancelled_everything_is() -> io::Result<()> {
    let mut cancelled = 0;
    for _ in 0..3 {
        for result in [checkpoint().await, sleep(SECOND).await, pending::<()>().cancellable_at_most(SECOND).await] {
            assert!(result.is_err() || cancelled == 0, "R1");
            cancelled += usize::from(result.is_err());
        }
    }
    assert_eq!(check_cancelled().is_err(), cancelled > 0);
    Ok(())
}

/// A foreign wait with a limit.
trait AtMost: Future + Sized {
    async fn cancellable_at_most(self, limit: Duration) -> Result<(), anyio_cancel_scope::Cancelled> {
        match wait_at_most(limit, self.cancellable()).await {
            Some(result) => result.map(drop),
            None => Ok(()),
        }
    }
}

impl<F: Future> AtMost for F {}

// R7, R8: the scope that was cancelled absorbs, whatever it is inside of, and what lies outside goes on.
#[anyio_testing::test(cancel_sweep = "middle")]
async fn the_scope_that_is_cancelled_absorbs() -> io::Result<()> {
    let loss = Loss::new();
    let begun = now();
    let middle = CancelScope::new().named("middle");
    let result = middle.run(move_on_after(10 * SECOND, async {
        let resource = loss.hold(());
        let result = fail_after(5 * SECOND, async {
            sleep(SECOND).await?;
            io::Result::Ok(checkpoint().await?)
        });
        let result = result.await;
        shield(sleep(SECOND)).await?;
        drop(resource);
        result
    }));
    let result = result.await?;
    assert_eq!(result.is_none(), middle.cancelled_caught());
    assert!(now() - begun <= 2 * SECOND, "no deadline was waited for");
    check_cancelled()?;
    sleep(SECOND).await?;
    Ok(())
}

// R13, R14: a stop and a link reach what waits wherever it is.
#[anyio_testing::test(cancel_sweep, schedules = 10)]
async fn stops_and_links_come_to_an_end_wherever_it_is_cancelled() -> io::Result<()> {
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = ended.clone();
    at_end(move || assert_eq!(counted.load(Ordering::Relaxed), 3));
    let (pool, conductor) = (CancelScope::new(), CancelScope::new());
    let (linked, stopped) = (CancelScope::new().linked(&pool), CancelScope::new());
    let count = |result: io::Result<Option<()>>| {
        ended.fetch_add(1, Ordering::Relaxed);
        result.map(drop)
    };
    let (first, second, third) = join3(
        async { count(linked.run(async { io::Result::Ok(sleep_forever().await?) }).await) },
        async {
            let patient = stopped.run(async {
                stopping().await?;
                sleep_forever().unless_stopping().await.transpose()?;
                io::Result::Ok(())
            });
            count(patient.await)
        },
        async {
            let ended = conductor.run(async {
                sleep(SECOND).await?;
                pool.cancel();
                stopped.stop(SECOND);
                io::Result::Ok(())
            });
            count(ended.await)
        },
    )
    .await;
    for result in [first, second, third] {
        assert!(result.is_ok() || result.is_err_and(|error: io::Error| error.is_cancelled()));
    }
    assert!(linked.cause().is_none_or(|cause| cause == Cause::Linked));
    Ok(())
}

// R15: waits in a sub-executor, some bound to a scope of their own.
#[anyio_testing::test(cancel_sweep, schedules = 10)]
async fn waits_in_a_sub_executor_end_wherever_it_is_cancelled() -> io::Result<()> {
    let scope = CancelScope::new();
    scope
        .run(async {
            let mut waits: FuturesUnordered<_> =
                (1..4).map(|n| Box::pin(sleep(n * SECOND).in_current_scope())).collect();
            let mut ends = 0;
            while ends < 3 {
                match wait_at_most(SECOND / 2, waits.next()).await {
                    Some(Some(_ended)) => ends += 1,
                    Some(None) => unreachable!("it has not given all"),
                    None => yield_now().await,
                }
            }
            io::Result::Ok(check_cancelled()?)
        })
        .await?;
    Ok(())
}

// R9: deadlines fire in the order of their moments, however the rest is ordered.
#[anyio_testing::test(schedules = 50)]
async fn deadlines_fire_at_their_moments_under_every_order() -> io::Result<()> {
    let begun = now();
    let mut outer = pin!(move_on_after(3 * SECOND, async {
        let inner = move_on_after(SECOND, sleep_forever()).await?;
        assert_eq!((inner, now() - begun), (None, SECOND));
        sleep(SECOND).await?;
        assert_eq!(now() - begun, 2 * SECOND);
        sleep_forever().await?;
        ok(())
    }));
    assert!(outer.as_mut().await.is_ok_and(|result| result.is_none()));
    assert_eq!(now() - begun, 3 * SECOND);
    Ok(())
}
