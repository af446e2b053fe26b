//! Streams of objects without promises of order or delivery, such as datagrams.

use std::future::Future;

use crate::{AsyncResource, ReceiveError, SendError};

/// Objects that come in, perhaps not all, and in any order.
///
/// Methods take `&self`, so that one task receives while another one sends on the same object. An implementer writes
/// `async fn receive`.
pub trait UnreliableObjectReceiveStream: AsyncResource {
    /// What comes in.
    type Item: Send;

    /// Receives the next object.
    ///
    /// # Errors
    /// [`ReceiveError`] says why there was none; [`EndOfStream`](ReceiveError::EndOfStream) after the last one.
    fn receive(&self) -> impl Future<Output = Result<Self::Item, ReceiveError>> + Send;

    /// Receives the next object: `None` at the end of the stream. For `while let Some(item) = stream.next().await? { .. }`.
    ///
    /// # Errors
    /// As [`receive`](Self::receive), but for the end.
    ///
    /// # Cancel safety
    /// That of [`receive`](Self::receive).
    #[track_caller]
    fn next(&self) -> impl Future<Output = Result<Option<Self::Item>, ReceiveError>> + Send {
        let receiving = self.receive();
        async move {
            match receiving.await {
                Ok(item) => Ok(Some(item)),
                Err(ReceiveError::EndOfStream) => Ok(None),
                Err(error) => Err(error),
            }
        }
    }
}

/// Objects that go out, perhaps not all to their destination.
pub trait UnreliableObjectSendStream: AsyncResource {
    /// What goes out.
    type SendItem: Send;

    /// Sends an object.
    ///
    /// # Errors
    /// [`SendError`] has the object in it, and says why it was not sent.
    fn send(&self, item: Self::SendItem) -> impl Future<Output = Result<(), SendError<Self::SendItem>>> + Send;
}

/// Both directions, with objects of one type.
pub trait UnreliableObjectStream:
    UnreliableObjectReceiveStream + UnreliableObjectSendStream<SendItem = <Self as UnreliableObjectReceiveStream>::Item>
{
}

impl<S> UnreliableObjectStream for S where
    S: UnreliableObjectReceiveStream
        + UnreliableObjectSendStream<SendItem = <S as UnreliableObjectReceiveStream>::Item>
        + ?Sized
{
}
