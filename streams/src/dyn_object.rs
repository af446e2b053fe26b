//! Object streams as trait objects.

use std::{future::Future, io};

use crate::{
    AsyncResource, BoxFuture, DynUnreliableObjectReceiveStream, DynUnreliableObjectSendStream, ObjectReceiveStream,
    ObjectSendStream, ObjectStream, ReceiveError, SendError, UnreliableObjectReceiveStream, UnreliableObjectSendStream,
    dyn_unreliable::{receive, resource, send},
};

/// The dyn-compatible form of [`ObjectReceiveStream`], which every sized one has.
///
/// `dyn DynObjectReceiveStream<T>` is an [`ObjectReceiveStream`] itself, so code that takes one takes a boxed one as well.
pub trait DynObjectReceiveStream<T>: DynUnreliableObjectReceiveStream<T> {}

impl<T, S: ObjectReceiveStream<Item = T>> DynObjectReceiveStream<T> for S {}

/// The dyn-compatible form of [`ObjectSendStream`], which every sized one has.
pub trait DynObjectSendStream<T>: DynUnreliableObjectSendStream<T> {}

impl<T, S: ObjectSendStream<SendItem = T>> DynObjectSendStream<T> for S {}

/// The dyn-compatible form of [`ObjectStream`], which every sized one has.
pub trait DynObjectStream<T>: DynObjectReceiveStream<T> + DynObjectSendStream<T> {
    /// [`ObjectStream::send_eof`].
    fn dyn_send_eof<'a>(&'a self) -> BoxFuture<'a, io::Result<()>>;
}

impl<T, S: ObjectStream<Item = T>> DynObjectStream<T> for S {
    fn dyn_send_eof<'a>(&'a self) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.send_eof())
    }
}

resource!(dyn DynObjectReceiveStream<T> + '_, dyn DynObjectSendStream<T> + '_, dyn DynObjectStream<T> + '_);
receive!(dyn DynObjectReceiveStream<T> + '_, dyn DynObjectStream<T> + '_);
send!(dyn DynObjectSendStream<T> + '_, dyn DynObjectStream<T> + '_);

impl<T: Send> ObjectReceiveStream for dyn DynObjectReceiveStream<T> + '_ {}
impl<T: Send> ObjectReceiveStream for dyn DynObjectStream<T> + '_ {}
impl<T: Send> ObjectSendStream for dyn DynObjectSendStream<T> + '_ {}
impl<T: Send> ObjectSendStream for dyn DynObjectStream<T> + '_ {}

impl<T: Send> ObjectStream for dyn DynObjectStream<T> + '_ {
    fn send_eof(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.dyn_send_eof()
    }
}
