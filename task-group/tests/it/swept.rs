//! Cancellation at every point, under many orders: every task ends, cleans up, and is accounted for.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::{
    CancelError, CancelScope, CompletedExt, checkpoint, move_on_after, shield, sleep, sleep_forever,
};
use anyio_task_group::{as_completed, gather, map_concurrent, race, task_group};
use anyio_testing::{Loss, at_end};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Work that takes a resource, and gives it back behind a shield.
async fn careful(loss: &Loss) -> io::Result<()> {
    let resource = loss.hold(());
    let result = sleep(MILLISECOND).await;
    shield(sleep(MILLISECOND)).await?;
    drop(resource);
    Ok(result?)
}

// G1, R5
#[anyio_testing::test(cancel_sweep, schedules = 10)]
async fn every_task_begins_and_cleans_up() -> io::Result<()> {
    let loss = Loss::new();
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (begun.clone(), ended.clone());
    at_end(move || assert_eq!(counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed)));
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            tg.start_soon(async {
                begun.fetch_add(1, Ordering::Relaxed);
                let result = careful(&loss).await;
                ended.fetch_add(1, Ordering::Relaxed);
                result
            });
        }
        Ok(())
    })
    .await
    .completed()
}

// G1, G2: what the tasks of a task started ends with it.
#[anyio_testing::test(cancel_sweep = "inner", schedules = 10)]
async fn a_group_in_a_task_ends_with_its_scope_and_the_others_go_on() -> io::Result<()> {
    let loss = Loss::new();
    let others = AtomicUsize::new(0);
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            CancelScope::new()
                .named("inner")
                .run(task_group(async |tg| -> io::Result<()> {
                    for _ in 0..2 {
                        tg.start_soon(careful(&loss));
                    }
                    careful(&loss).await
                }))
                .await?;
            io::Result::Ok(())
        });
        for _ in 0..2 {
            tg.start_soon(async {
                sleep(SECOND).await?;
                others.fetch_add(1, Ordering::Relaxed);
                io::Result::Ok(())
            });
        }
        Ok(())
    })
    .await?;
    assert_eq!(others.into_inner(), 2);
    Ok(())
}

// G5
#[anyio_testing::test(cancel_sweep, schedules = 10)]
async fn a_start_that_is_cancelled_anywhere_leaves_no_server() -> io::Result<()> {
    let loss = Loss::new();
    task_group(async |tg| -> io::Result<()> {
        let (port, server) = tg
            .start(async |status| -> io::Result<()> {
                let listener = loss.hold(8080);
                sleep(MILLISECOND).await?;
                status.started(*listener);
                sleep_forever().await?;
                Ok(())
            })
            .await?;
        assert_eq!(port, 8080);
        sleep(MILLISECOND).await?;
        server.cancel();
        server.wait().await?;
        Ok(())
    })
    .await
    .completed()
}

// G5: the caller gives up, the group lives on.
#[anyio_testing::test(cancel_sweep = "caller", schedules = 10)]
async fn a_group_outlives_a_start_that_was_given_up() -> io::Result<()> {
    let others = AtomicUsize::new(0);
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            sleep(SECOND).await?;
            others.fetch_add(1, Ordering::Relaxed);
            io::Result::Ok(())
        });
        let start = tg.start(async |status| -> io::Result<()> {
            sleep(MILLISECOND).await?;
            status.started(());
            sleep(MILLISECOND).await?;
            Ok(())
        });
        let started = async { start.await.map(drop) };
        CancelScope::new().named("caller").run(started).await?;
        Ok(())
    })
    .await?;
    assert_eq!(others.into_inner(), 1);
    Ok(())
}

// G6: an interrupted join leaves the value in the handle.
#[anyio_testing::test(cancel_sweep = "joiner", schedules = 10)]
async fn a_join_that_is_cancelled_anywhere_loses_no_value() -> io::Result<()> {
    task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async {
            sleep(MILLISECOND).await?;
            io::Result::Ok(7)
        });
        let joined = CancelScope::new().named("joiner").run(async { io::Result::Ok(task.join().await?) }).await?;
        let value = match joined {
            Some(value) => value,
            None => task.join().await?,
        };
        assert_eq!(value, 7);
        Ok(())
    })
    .await?;
    Ok(())
}

#[anyio_testing::test(cancel_sweep, schedules = 5)]
async fn the_groups_of_many_end_wherever_they_are_cancelled() -> io::Result<()> {
    let loss = Loss::new();
    let work = async |number: u32| -> io::Result<u32> {
        careful(&loss).await?;
        Ok(number)
    };
    assert_eq!(gather((0..3).map(work)).await?, [0, 1, 2]);
    assert_eq!(map_concurrent(0..4, 2, work).await?, [0, 1, 2, 3]);
    assert!(race((0..3).map(work)).await? < 3);
    let first =
        as_completed((0..3).map(work), async |mut results| -> io::Result<Option<u32>> { Ok(results.next().await?) })
            .await?;
    assert!(first.is_some());
    Ok(())
}

// G2: a failure comes out whatever runs first, and the cancellation that follows from it does not hide it.
#[anyio_testing::test(schedules = 100)]
async fn a_failure_comes_out_under_every_order() -> io::Result<()> {
    let loss = Loss::new();
    let result = task_group(async |tg| -> io::Result<()> {
        for at in 0..4 {
            let loss = &loss;
            tg.start_soon(async move {
                checkpoint().await?;
                if at == 2 { Err(io::Error::other("the one that fails")) } else { careful(loss).await }
            });
        }
        sleep_forever().await?;
        Ok(())
    })
    .await;
    let error = result.expect_err("one fails");
    assert!(!error.is_cancelled() && error.to_string() == "the one that fails", "{error}");
    Ok(())
}

// R9: a limit in virtual time is exact under every order.
#[anyio_testing::test(schedules = 100)]
async fn a_limit_ends_the_same_tasks_under_every_order() -> io::Result<()> {
    let done = AtomicUsize::new(0);
    move_on_after(
        10 * MILLISECOND + MILLISECOND / 2,
        task_group(async |tg| -> io::Result<()> {
            for at in 1..20 {
                let done = &done;
                tg.start_soon(async move {
                    sleep(at * MILLISECOND).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                    io::Result::Ok(())
                });
            }
            Ok(())
        }),
    )
    .await?;
    assert_eq!(done.into_inner(), 10);
    Ok(())
}
