//! Pointers to streams are streams, and tell where their user waits.

use std::{future::Future, panic::Location, sync::Arc};

use anyio_streams::{
    AsyncResource, ObjectStream, ReceiveError, SendError, UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use futures_lite::future::block_on;

use crate::support::Queue;

async fn use_up(stream: impl ObjectStream<Item = u32>) {
    stream.send(1).await.unwrap();
    assert_eq!(stream.receive().await.unwrap(), 1);
    stream.send_eof().await.unwrap();
    stream.aclose().await.unwrap();
    stream.close();
}

#[test]
fn references_boxes_and_arcs_are_streams() {
    block_on(async {
        let queue = Queue::new();
        use_up(&queue).await;
        assert_eq!((queue.counts(), queue.ended()), ([1, 1], 1));
        use_up(Box::new(Queue::new())).await;
        let queue = Arc::new(Queue::new());
        use_up(queue.clone()).await;
        assert_eq!((queue.counts(), queue.ended()), ([1, 1], 1));
        use_up(&&Box::new(Arc::new(Queue::new()))).await;
    });
}

/// Gives the place of its caller.
struct Here;

impl AsyncResource for Here {
    async fn aclose(&self) -> std::io::Result<()> {
        Ok(())
    }
    fn close(&self) {}
}

impl UnreliableObjectReceiveStream for Here {
    type Item = u32;

    #[track_caller]
    fn receive(&self) -> impl Future<Output = Result<u32, ReceiveError>> + Send {
        std::future::ready(Ok(Location::caller().line()))
    }
}

impl UnreliableObjectSendStream for Here {
    type SendItem = u32;

    #[track_caller]
    fn send(&self, _: u32) -> impl Future<Output = Result<(), SendError<u32>>> + Send {
        let place = Location::caller();
        std::future::ready(Err(SendError::new(place.line(), anyio_streams::SendReason::Busy)))
    }
}

#[test]
fn a_pointer_passes_on_where_it_was_used() {
    let (reference, boxed, shared) = (&Here, Box::new(Here), Arc::new(Here));
    block_on(async {
        let line = line!();
        assert_eq!(UnreliableObjectReceiveStream::receive(&reference).await.unwrap(), line + 1);
        assert_eq!(UnreliableObjectReceiveStream::receive(&boxed).await.unwrap(), line + 2);
        assert_eq!(UnreliableObjectReceiveStream::receive(&shared).await.unwrap(), line + 3);
        assert_eq!(UnreliableObjectSendStream::send(&shared, 0).await.unwrap_err().item, line + 4);
    });
}
