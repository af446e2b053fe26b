//! Stages in a row, each with the error type that its author chose.

use std::{io, time::Duration};

use anyio_cancel_scope::{BoxError, CancelScope, Cancelled, CompletedExt, ok, sleep_forever, yield_now};
use anyio_memstream::{MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream};
use anyio_streams::{ReceiveError, SendError, SendReason};
use anyio_task_group::task_group;
use futures::StreamExt;
use futures_lite::future::block_on;

use crate::support::{Steps, waiting};

/// An enum as users write them, with `thiserror`.
#[derive(Debug, thiserror::Error, anyio_cancel_scope::CancelError)]
enum StageError {
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    #[error(transparent)]
    Send(#[from] SendReason),
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
}

type In<T> = MemoryObjectReceiveStream<T>;
type Out<T> = MemoryObjectSendStream<T>;

async fn numbers(out: Out<u64>) -> io::Result<()> {
    for number in 0.. {
        out.send(number).await?;
    }
    Ok(())
}

async fn squares(input: In<u64>, out: Out<u64>) -> Result<(), BoxError> {
    while let Some(number) = input.next().await? {
        out.send(number.wrapping_mul(number)).await?;
    }
    Ok(())
}

async fn texts(input: In<u64>, out: Out<String>) -> anyhow::Result<()> {
    while let Some(number) = input.next().await? {
        out.send(number.to_string()).await?;
    }
    Ok(())
}

async fn lengths(input: In<String>, out: Out<usize>) -> Result<(), StageError> {
    loop {
        match input.receive().await {
            Ok(text) => out.send(text.len()).await.map_err(SendError::into_reason)?,
            Err(error) if error.is_end_of_stream() => return Ok(()),
            Err(error) => Err(error)?,
        }
    }
}

async fn sum(input: In<usize>, enough: usize) -> Result<usize, Cancelled> {
    let (mut sum, mut stream) = (0, input.into_stream());
    while let Some(length) = stream.next().await {
        sum += length?;
        if sum >= enough {
            break;
        }
    }
    Ok(sum)
}

/// The five stages, in one group; gives what the last one came to.
async fn pipeline(capacity: usize, enough: usize) -> anyhow::Result<Option<usize>> {
    task_group(async |tg| -> anyhow::Result<usize> {
        let (first_out, first_in) = memory_object_stream(capacity);
        let (second_out, second_in) = memory_object_stream(capacity);
        let (third_out, third_in) = memory_object_stream(capacity);
        let (fourth_out, fourth_in) = memory_object_stream(capacity);
        tg.start_soon(async { anyhow::Ok(numbers(first_out).await?) });
        tg.start_soon(async { squares(first_in, second_out).await.map_err(anyhow::Error::from_boxed) });
        tg.start_soon(texts(second_in, third_out));
        tg.start_soon(async { anyhow::Ok(lengths(third_in, fourth_out).await?) });
        let sum = sum(fourth_in, enough).await?;
        tg.cancel();
        Ok(sum)
    })
    .await
}

#[test]
fn a_cancelled_pipeline_of_five_stages_ends_without_an_error() {
    for capacity in [0, 1, 16] {
        let scope = CancelScope::new();
        let mut run = waiting_long(scope.run(pipeline(capacity, usize::MAX)), 50);
        scope.cancel();
        let end = loop {
            assert!(run.is_woken(), "it sleeps, cancelled");
            if let std::task::Poll::Ready(end) = run.poll() {
                break end;
            }
        };
        assert_eq!(end.unwrap(), None, "capacity {capacity}");
        assert!(scope.cancelled_caught());
    }
}

fn waiting_long<F: Future>(future: F, polls: usize) -> anyio_future_contract::Polled<F> {
    let mut future = anyio_future_contract::Polled::new(future);
    for _ in 0..polls {
        assert!(future.poll().is_pending());
    }
    future
}

#[test]
fn a_pipeline_whose_group_is_cancelled_when_there_is_enough_ends_without_an_error() {
    for capacity in [0, 1, 16] {
        let sum = block_on(pipeline(capacity, 1000)).unwrap().unwrap();
        assert!(sum >= 1000);
    }
}

#[test]
fn a_pipeline_that_times_out_ends_without_an_error() {
    let limit = Duration::from_millis(5);
    assert_eq!(block_on(anyio_cancel_scope::move_on_after(limit, pipeline(1, usize::MAX))).unwrap(), None);
}

#[test]
fn each_stage_alone_is_absorbed_by_its_scope() {
    let scope = CancelScope::new();
    let (_out, input) = memory_object_stream(0);
    let (out, _input) = memory_object_stream(0);
    let mut stage = waiting(scope.run(squares(input, out)));
    scope.cancel();
    assert_eq!(stage.ends().unwrap(), None);

    let scope = CancelScope::new();
    let (_out, input) = memory_object_stream(0);
    let (out, _input) = memory_object_stream(0);
    let mut stage = waiting(scope.run(lengths(input, out)));
    scope.cancel();
    assert_eq!(stage.ends().unwrap(), None);
}

// A pipeline ends by itself when its source does: each stage drops its end.
#[test]
fn the_end_runs_through_all_stages() {
    let received = block_on(async {
        task_group(async |tg| -> io::Result<Vec<u32>> {
            let (out, mut input) = memory_object_stream(1);
            tg.start_soon(async move {
                out.send_all(futures::stream::iter(0..100)).await?;
                io::Result::Ok(())
            });
            for _ in 0..5 {
                let (out, next) = memory_object_stream(1);
                let from = std::mem::replace(&mut input, next);
                tg.start_soon(async move {
                    while let Some(number) = from.next().await? {
                        out.send(number + 1).await?;
                    }
                    io::Result::Ok(())
                });
            }
            let mut received = Vec::new();
            while let Some(number) = input.next().await? {
                received.push(number);
            }
            Ok(received)
        })
        .await
        .completed()
    });
    assert_eq!(received.unwrap(), (5..105).collect::<Vec<_>>());
}

// The last stage fails, and drops its end: the one before it is cancelled with the group, and not broken.
#[test]
fn a_stage_that_fails_is_the_only_error_that_comes_out() {
    let failed = block_on(task_group(async |tg| -> anyio_cancel_scope::Result<()> {
        let (out, input) = memory_object_stream(0);
        let (next_out, next_in) = memory_object_stream(0);
        tg.start_soon(async { ok(numbers(out).await?) });
        tg.start_soon(squares(input, next_out));
        tg.start_soon(async move {
            next_in.receive().await?;
            // Until the stage before waits with the next item.
            while next_in.statistics().tasks_waiting_send == 0 {
                yield_now().await;
            }
            Err::<(), BoxError>("the disk is full".into())
        });
        Ok(())
    }));
    assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
}

// Cancelled alone, a stage breaks those before it: they have nowhere to send to.
#[test]
fn a_stage_that_is_cancelled_alone_breaks_the_one_before() {
    let failed = block_on(task_group(async |tg| -> io::Result<()> {
        let (out, input) = memory_object_stream::<u64>(0);
        tg.start_soon(numbers(out));
        let last = tg.start_soon(async move {
            input.receive().await?;
            sleep_forever().await?;
            drop(input);
            io::Result::Ok(())
        });
        yield_now().await;
        last.cancel();
        Ok(())
    }));
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
