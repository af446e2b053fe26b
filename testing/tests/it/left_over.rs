//! What a test leaves behind fails it, and what others leave behind does not.

use std::{
    io,
    pin::pin,
    sync::{Mutex, OnceLock},
};

use anyio_cancel_scope::{checkpoint, sleep_forever};
use anyio_memstream::{MemoryObjectSendStream, memory_object_stream};
use anyio_task_group::{TaskHandle, task_group};

use crate::planted::message_of;

#[track_caller]
fn lines_left(test: fn()) -> Vec<String> {
    let message = message_of(test);
    assert!(message.starts_with("test: it left something behind"), "{message}");
    message.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn leaves_ends() {
    let (send, receive) = memory_object_stream::<u8>(1);
    std::mem::forget(send.clone());
    std::mem::forget(receive);
    drop(send);
}

#[test]
fn each_end_is_told_with_the_line_that_made_it() {
    let lines = lines_left(leaves_ends);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("the receiving end of a memory object stream, made at testing/tests/it/left_over.rs:25:")
    );
    assert!(
        lines[1].starts_with("the sending end of a memory object stream, made at testing/tests/it/left_over.rs:26:")
    );
}

#[anyio_testing::test]
async fn an_end_that_is_closed_may_be_kept() {
    let (send, receive) = memory_object_stream::<u8>(1);
    for end in [send.clone(), send] {
        end.close();
        std::mem::forget(end.clone());
        std::mem::forget(end);
    }
    receive.close();
    std::mem::forget(receive);
}

static KEPT: Mutex<Option<MemoryObjectSendStream<u8>>> = Mutex::new(None);

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn leaves_an_end_in_a_static() {
    *KEPT.lock().unwrap() = Some(memory_object_stream(1).0);
}

#[test]
fn an_end_in_a_static_outlives_the_test() {
    assert_eq!(lines_left(leaves_an_end_in_a_static).len(), 1);
}

// They are made where no test runs.
#[anyio_testing::test]
async fn what_was_made_elsewhere_is_not_its_own() {
    static ENDS: OnceLock<MemoryObjectSendStream<u8>> = OnceLock::new();
    std::thread::spawn(|| drop(ENDS.set(memory_object_stream(1).0))).join().unwrap();
    assert!(ENDS.get().is_some());
}

#[anyio_testing::test]
async fn a_handle_of_a_task_that_has_ended_may_be_kept() {
    static HANDLE: Mutex<Option<TaskHandle<()>>> = Mutex::new(None);
    task_group(async |tg| -> io::Result<()> {
        *HANDLE.lock().unwrap() = Some(tg.start_soon(async {}));
        Ok(())
    })
    .await
    .unwrap();
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn leaves_tasks_of_a_task() {
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let mut inner = Box::pin(task_group(async |tg| -> io::Result<()> {
                tg.task("the inner one").start_soon(async { io::Result::Ok(sleep_forever().await?) });
                Ok(())
            }));
            assert!(futures::poll!(inner.as_mut()).is_pending());
            std::mem::forget(inner);
        });
        Ok(())
    })
    .await
    .unwrap();
}

#[test]
fn a_task_is_told_though_the_task_that_started_it_has_ended() {
    let lines = lines_left(leaves_tasks_of_a_task);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("a task \"the inner one\", started at testing/tests/it/left_over.rs:"), "{lines:?}");
}

#[anyio_testing::test]
async fn what_is_dropped_with_its_group_is_not_left() {
    let mut group = pin!(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { io::Result::Ok(sleep_forever().await?) });
        Ok(())
    }));
    assert!(futures::poll!(group.as_mut()).is_pending());
}

// Counted per run: this one is clean, whatever the other leaves meanwhile.
#[anyio_testing::test]
async fn a_test_beside_one_that_leaves_something_passes() {
    std::thread::spawn(|| lines_left(leaves_ends)).join().unwrap();
    checkpoint().await.unwrap();
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn fails_and_leaves() -> Result<(), String> {
    std::mem::forget(memory_object_stream::<u8>(1));
    Err("the error that counts".to_owned())
}

#[test]
fn an_error_of_its_own_says_more() {
    assert_eq!(fails_and_leaves(), Err("the error that counts".to_owned()));
}
