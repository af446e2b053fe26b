//! Cancellation at every point, under many orders: nothing is lost, nobody is left waiting.

use std::{collections::BTreeSet, io, sync::Mutex, time::Duration};

use anyio_cancel_scope::{CancelScope, CompletedExt, sleep};
use anyio_memstream::{MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream};
use anyio_task_group::task_group;
use anyio_testing::{Item, Loss, at_end};
use futures::future::{Either, select};

/// Sends so many, and takes back what is refused.
async fn produce(
    send: MemoryObjectSendStream<Item<u32>>,
    loss: &Loss,
    numbers: std::ops::Range<u32>,
) -> io::Result<()> {
    for number in numbers {
        if let Err(error) = send.send(loss.item(number)).await {
            let (cancelled, broken) = (error.reason().is_cancelled(), error.reason().is_broken());
            error.into_item().take();
            assert!(cancelled || broken);
            return Ok(());
        }
    }
    Ok(())
}

async fn consume(receive: &MemoryObjectReceiveStream<Item<u32>>, seen: &Mutex<Vec<u32>>) -> io::Result<()> {
    while let Some(item) = receive.next().await? {
        seen.lock().unwrap().push(item.take());
    }
    Ok(())
}

/// Two producers and two consumers, each in a scope that the sweep may cancel; in the end, what is left is received.
async fn pipeline(capacity: usize) -> io::Result<()> {
    let loss = Loss::new();
    let (send, receive) = memory_object_stream(capacity);
    let seen = Mutex::new(Vec::new());
    let worker = || CancelScope::new().named("worker");
    task_group(async |tg| -> io::Result<()> {
        let left = receive.clone();
        for numbers in [0..3, 10..13] {
            let (send, loss) = (send.clone(), &loss);
            tg.start_soon(async move { worker().run(produce(send, loss, numbers)).await.map(drop) });
        }
        drop(send);
        for _ in 0..2 {
            let (receive, seen) = (receive.clone(), &seen);
            tg.start_soon(async move { worker().run(consume(&receive, seen)).await.map(drop) });
        }
        drop(receive);
        // This end is not cancelled: it gets what the workers left.
        consume(&left, &seen).await
    })
    .await?;
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "nothing is received twice: {seen:?}");
    Ok(())
}

// R3, H2, H3
#[anyio_testing::test(cancel_sweep = "worker", schedules = 10)]
async fn a_rendezvous_loses_nothing_when_a_worker_is_cancelled_anywhere() -> io::Result<()> {
    pipeline(0).await
}

#[anyio_testing::test(cancel_sweep = "worker", schedules = 10)]
async fn a_buffer_loses_nothing_when_a_worker_is_cancelled_anywhere() -> io::Result<()> {
    pipeline(2).await
}

// H5: all ends are closed on every way out, and who waits is told.
#[anyio_testing::test(cancel_sweep, schedules = 10)]
async fn a_pipeline_that_is_cancelled_as_a_whole_ends() -> io::Result<()> {
    let (send, receive) = memory_object_stream::<u32>(1);
    let statistics = receive.clone();
    at_end(move || {
        let statistics = statistics.statistics();
        assert_eq!((statistics.tasks_waiting_send, statistics.tasks_waiting_receive), (0, 0));
        assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (0, 1));
    });
    task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            let send = send.clone();
            tg.start_soon(async move {
                for number in 0..3 {
                    send.send(number).await?;
                }
                io::Result::Ok(())
            });
        }
        drop(send);
        while receive.next().await?.is_some() {
            sleep(Duration::from_millis(1)).await?;
        }
        Ok(())
    })
    .await
    .completed()
}

// H2: a receive that is dropped when it was granted an item passes it on.
#[anyio_testing::test(cancel_sweep = "worker", schedules = 20)]
async fn a_receive_that_is_dropped_by_a_select_loses_nothing() -> io::Result<()> {
    let loss = Loss::new();
    let (send, receive) = memory_object_stream::<Item<u32>>(0);
    let mut count = 0;
    task_group(async |tg| -> io::Result<()> {
        let loss = &loss;
        tg.start_soon(async move {
            for number in 0..4 {
                send.send(loss.item(number)).await.map_err(|error| {
                    error.into_item().take();
                    io::Error::other("it is not cancelled")
                })?;
            }
            io::Result::Ok(())
        });
        let worker = CancelScope::new().named("worker");
        worker
            .run(async {
                for _ in 0..2 {
                    // Whoever comes second is dropped, and passes on what it was granted.
                    let (Either::Left((item, _)) | Either::Right((item, _))) =
                        select(receive.receive(), receive.receive()).await;
                    item?.take();
                    count += 1;
                }
                io::Result::Ok(())
            })
            .await?;
        while let Some(item) = receive.next().await? {
            item.take();
        }
        Ok(())
    })
    .await?;
    assert!(count <= 2);
    Ok(())
}

#[anyio_testing::test(schedules = 100)]
async fn items_come_in_their_order_whatever_runs_first() -> io::Result<()> {
    let (send, receive) = memory_object_stream::<u32>(1);
    let mut seen = Vec::new();
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async move {
            for number in 0..10 {
                send.send(number).await?;
            }
            io::Result::Ok(())
        });
        while let Some(number) = receive.next().await? {
            seen.push(number);
        }
        Ok(())
    })
    .await?;
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    Ok(())
}
