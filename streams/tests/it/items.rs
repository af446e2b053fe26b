//! Items that come back with an error: any type, never shown.

use std::{cell::Cell, error::Error, io, rc::Rc, sync::Mutex};

use anyio_streams::{SendError, SendReason, TrySendError, TrySendReason, UnreliableObjectSendStream};
use futures_lite::future::block_on;

use crate::support::Queue;

/// Nothing about it can be shown.
struct Secret;

type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

#[test]
fn debug_and_display_never_show_the_item() {
    let error = SendError::new("secret", SendReason::Closed);
    assert_eq!(format!("{error:?}"), "SendError { reason: Closed, .. }");
    assert!(!format!("{error} {error:#?}").contains("secret"));
    let error = TrySendError::new("secret", TrySendReason::WouldBlock);
    assert_eq!(format!("{error:?}"), "TrySendError { reason: WouldBlock, .. }");
    assert!(!format!("{error} {error:#?}").contains("secret"));
    assert!(format!("{:?}", SendError::new(Secret, SendReason::Busy)).contains("Busy"));
}

#[test]
fn the_item_comes_back() {
    let error = SendError::new(Secret, SendReason::Closed);
    assert!(matches!(error.reason(), SendReason::Closed));
    let Secret = error.into_item();
    let SendError { item: Secret, reason } = SendError::new(Secret, SendReason::Busy);
    assert!(reason.is_busy());
    let error = TrySendError::new(Secret, TrySendReason::Closed);
    assert!(matches!(error.reason(), TrySendReason::Closed));
    let Secret = error.into_item();
    assert!(matches!(TrySendError::new(Secret, TrySendReason::Busy).into_reason(), TrySendReason::Busy));
}

#[test]
fn an_item_need_not_be_send_nor_live_long() {
    let local = Rc::new(Cell::new(1));
    let error = SendError::new(local.clone(), SendReason::Closed);
    assert!(error.is_closed());
    error.into_item().set(2);
    let text = String::from("borrowed");
    let error = SendError::new(&text, SendReason::Closed);
    fn is_error(_: &impl Error) {}
    is_error(&error);
    is_error(&TrySendError::new(&local, TrySendReason::Closed));
    assert_eq!(error.into_item().len() + local.get(), 10);
}

// Where an item is not 'static or not Sync, its error cannot be boxed, but its reason can.
#[test]
fn a_job_is_sent_by_question_mark() {
    async fn into_box<'a>(queue: &Queue<Job<'a>>, job: Job<'a>) -> Result<(), Box<dyn Error + Send + Sync>> {
        queue.send(job).await.map_err(SendError::into_reason)?;
        Ok(())
    }
    async fn into_anyhow<'a>(queue: &Queue<Job<'a>>, job: Job<'a>) -> anyhow::Result<()> {
        queue.send(job).await.map_err(SendError::into_reason)?;
        Ok(())
    }
    async fn into_io<'a>(queue: &Queue<Job<'a>>, job: Job<'a>) -> io::Result<()> {
        queue.send(job).await?;
        Ok(())
    }
    let count = Mutex::new(0);
    let job = || -> Job<'_> { Box::new(|| *count.lock().unwrap() += 1) };
    let queue = Queue::new();
    block_on(async {
        into_box(&queue, job()).await.unwrap();
        into_anyhow(&queue, job()).await.unwrap();
        into_io(&queue, job()).await.unwrap();
        while let Ok(job) = anyio_streams::UnreliableObjectReceiveStream::receive(&queue).await {
            job();
        }
        anyio_streams::AsyncResource::close(&queue);
        assert_eq!(into_io(&queue, job()).await.unwrap_err().to_string(), "this end of the stream is closed");
        // A job that was not sent can still be done.
        queue.send(job()).await.unwrap_err().into_item()();
    });
    drop(queue);
    assert_eq!(count.into_inner().unwrap(), 4);
}

#[test]
fn a_borrowed_item_is_sent_by_question_mark() {
    async fn send<'a>(queue: &Queue<&'a str>, text: &'a str) -> anyhow::Result<()> {
        queue.send(text).await.map_err(SendError::into_reason)?;
        Ok(())
    }
    let text = String::from("line");
    block_on(send(&Queue::new(), &text)).unwrap();
}
