//! Byte streams as trait objects.
//!
//! A call through one of them allocates once, for its future. A future that was polled can no longer be moved, so whether it
//! is ready at once cannot be tried first.

use std::{future::Future, io, panic::Location};

use anyio_typed_attrs::TypedAttributeProvider;

use crate::{
    AsyncResource, BoxFuture, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, DynAsyncResource,
    ReceiveError, SocketStream, noted::noted,
};

/// The dyn-compatible form of [`ByteReceiveStream`], which every sized one has.
///
/// `dyn DynByteReceiveStream` is a [`ByteReceiveStream`] itself, so code that takes one takes a boxed one as well.
pub trait DynByteReceiveStream: DynAsyncResource {
    /// [`ByteReceiveStream::receive`].
    fn dyn_receive<'a>(&'a self, buf: &'a mut [u8]) -> BoxFuture<'a, Result<usize, ReceiveError>>;
}

impl<S: ByteReceiveStream> DynByteReceiveStream for S {
    fn dyn_receive<'a>(&'a self, buf: &'a mut [u8]) -> BoxFuture<'a, Result<usize, ReceiveError>> {
        Box::pin(self.receive(buf))
    }
}

/// The dyn-compatible form of [`ByteSendStream`], which every sized one has.
pub trait DynByteSendStream: DynAsyncResource {
    /// [`ByteSendStream::send`].
    fn dyn_send<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<(), ByteSendError>>;
}

impl<S: ByteSendStream> DynByteSendStream for S {
    fn dyn_send<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<(), ByteSendError>> {
        Box::pin(self.send(data))
    }
}

/// The dyn-compatible form of [`ByteStream`], which every sized one has.
pub trait DynByteStream: DynByteReceiveStream + DynByteSendStream {
    /// [`ByteStream::send_eof`].
    fn dyn_send_eof<'a>(&'a self) -> BoxFuture<'a, Result<(), ByteSendError>>;
}

impl<S: ByteStream> DynByteStream for S {
    fn dyn_send_eof<'a>(&'a self) -> BoxFuture<'a, Result<(), ByteSendError>> {
        Box::pin(self.send_eof())
    }
}

/// The dyn-compatible form of [`SocketStream`], which every sized one has.
pub trait DynSocketStream: DynByteStream + TypedAttributeProvider {}

impl<S: SocketStream> DynSocketStream for S {}

macro_rules! resource {
    ($($object:ty),+) => {$(
        impl AsyncResource for $object {
            fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
                self.dyn_aclose()
            }

            fn close(&self) {
                self.dyn_close();
            }
        }
    )+};
}

macro_rules! receive {
    ($($object:ty),+) => {$(
        impl ByteReceiveStream for $object {
            #[track_caller]
            fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
                let place = Location::caller();
                async move { noted(&"receive", place, self.dyn_receive(buf)).await }
            }
        }
    )+};
}

macro_rules! send {
    ($($object:ty),+) => {$(
        impl ByteSendStream for $object {
            #[track_caller]
            fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
                let place = Location::caller();
                async move { noted(&"send", place, self.dyn_send(data)).await }
            }
        }
    )+};
}

resource!(dyn DynByteReceiveStream + '_, dyn DynByteSendStream + '_, dyn DynByteStream + '_, dyn DynSocketStream + '_);
receive!(dyn DynByteReceiveStream + '_, dyn DynByteStream + '_, dyn DynSocketStream + '_);
send!(dyn DynByteSendStream + '_, dyn DynByteStream + '_, dyn DynSocketStream + '_);

impl ByteStream for dyn DynByteStream + '_ {
    fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.dyn_send_eof()
    }
}

impl ByteStream for dyn DynSocketStream + '_ {
    fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.dyn_send_eof()
    }
}

impl SocketStream for dyn DynSocketStream + '_ {}
