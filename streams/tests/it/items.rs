//! Items that come back with an error: any type, never shown.

use std::{cell::Cell, error::Error, io, rc::Rc, sync::Mutex};

use anyio_streams::{
    AsyncResource, DynObjectReceiveStream, ObjectReceiveStream, ReceiveError, SendError, SendReason, TrySendError,
    TrySendReason, UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use futures_lite::future::block_on;

use crate::support::{Queue, cancelled_scope};

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
        while let Ok(job) = queue.receive().await {
            job();
        }
        queue.close();
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

#[test]
fn the_next_item_is_none_at_the_end_and_only_there() {
    async fn drain(stream: &impl ObjectReceiveStream<Item = u32>) -> Result<Vec<u32>, ReceiveError> {
        let mut all = Vec::new();
        while let Some(item) = stream.next().await? {
            all.push(item);
        }
        Ok(all)
    }
    let queue = Queue::new();
    block_on(async {
        queue.send(1).await.unwrap();
        queue.send(2).await.unwrap();
        assert!(cancelled_scope().enter(queue.next()).await.unwrap_err().is_cancelled());
        assert_eq!(drain(&queue).await.unwrap(), [1, 2]);
        queue.send(3).await.unwrap();
        let boxed: Box<dyn DynObjectReceiveStream<u32> + '_> = Box::new(&queue);
        assert_eq!(drain(&boxed).await.unwrap(), [3]);
        queue.close();
        assert!(drain(&queue).await.unwrap_err().is_closed());
    });
}
