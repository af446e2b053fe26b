//! Books of what may not be lost.

use std::io;

use anyio_cancel_scope::{CancelScope, sleep};
use anyio_memstream::memory_object_stream;
use anyio_task_group::task_group;
use anyio_testing::{Item, Loss};
use std::time::Duration;

use crate::planted::message_of;

#[test]
fn what_is_taken_is_accounted_for() {
    let loss = Loss::new();
    let mut item = loss.item(String::from("a"));
    item.push('b');
    assert_eq!(item.len(), 2);
    assert_eq!(item.take(), "ab");
    assert!(loss.missing().is_empty());
    loss.check();
}

#[test]
fn what_is_dropped_or_on_its_way_is_missing_and_told_with_its_line() {
    let loss = Loss::new();
    drop(loss.item(1));
    let on_its_way = loss.item(2);
    let missing = loss.missing();
    assert_eq!(missing.len(), 2);
    assert!(missing[0].starts_with("an item, handed out at testing/tests/it/loss.rs:"), "{missing:?}");
    assert!(missing[0].ends_with("was dropped on its way"), "{missing:?}");
    assert!(missing[1].ends_with("never arrived"), "{missing:?}");
    let message = message_of(|| loss.check());
    assert!(message.starts_with("something was lost:\n  an item"), "{message}");
    drop(on_its_way);
}

#[test]
fn what_is_held_has_to_be_given_back() {
    let loss = Loss::new();
    let mut held = loss.hold(1);
    *held += 1;
    assert_eq!(*held, 2);
    assert!(loss.missing()[0].ends_with("was not given back"));
    drop(held);
    loss.check();
}

#[test]
fn a_clone_has_the_same_books() {
    let loss = Loss::new();
    drop(loss.clone().item(1));
    assert_eq!(loss.missing().len(), 1);
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn loses_one() {
    drop(Loss::new().item(1));
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn keeps_one() {
    std::mem::forget(Loss::new().hold(1));
}

#[test]
fn in_a_test_it_is_looked_at_by_itself() {
    assert!(message_of(loses_one).contains("when it had ended, something was lost"));
    assert!(message_of(keeps_one).contains("was not given back"));
}

/// What the producer could not send comes back, what the worker took it keeps, what is left is received afterwards.
#[anyio_testing::test(cancel_sweep = "worker", schedules = 20)]
async fn a_pipeline_whose_worker_is_cancelled_anywhere_loses_nothing() -> io::Result<()> {
    let loss = Loss::new();
    let (send, receive) = memory_object_stream::<Item<u32>>(1);
    let mut sum = 0;
    task_group(async |tg| -> io::Result<()> {
        let producer = CancelScope::new().named("worker");
        tg.start_soon(async move {
            producer
                .run(async {
                    for number in 0..4 {
                        if let Err(error) = send.send(loss.item(number)).await {
                            error.into_item().take();
                            break;
                        }
                    }
                    io::Result::Ok(())
                })
                .await
                .map(drop)
        });
        let worker = CancelScope::new().named("worker");
        let (receive, sum) = (&receive, &mut sum);
        worker
            .run(async {
                while let Some(item) = receive.next().await? {
                    *sum += item.take();
                    sleep(Duration::from_millis(1)).await?;
                }
                io::Result::Ok(())
            })
            .await?;
        while let Some(item) = receive.next().await? {
            *sum += item.take();
        }
        Ok(())
    })
    .await?;
    Ok(())
}
