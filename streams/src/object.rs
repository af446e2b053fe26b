//! Streams of objects that come in order, and all of them.

use std::{future::Future, io};

use crate::{UnreliableObjectReceiveStream, UnreliableObjectSendStream};

/// An [`UnreliableObjectReceiveStream`] that loses nothing and keeps the order.
pub trait ObjectReceiveStream: UnreliableObjectReceiveStream {}

/// An [`UnreliableObjectSendStream`] that loses nothing and keeps the order.
pub trait ObjectSendStream: UnreliableObjectSendStream {}

/// Both directions, of which the sending one can be ended alone.
pub trait ObjectStream:
    ObjectReceiveStream + ObjectSendStream<SendItem = <Self as UnreliableObjectReceiveStream>::Item>
{
    /// Tells the other side that nothing more is sent. A second call does nothing.
    ///
    /// # Errors
    /// What the transport says.
    fn send_eof(&self) -> impl Future<Output = io::Result<()>> + Send;
}
