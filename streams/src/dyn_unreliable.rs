//! Unreliable object streams as trait objects.

use std::{future::Future, io};

use crate::{
    AsyncResource, BoxFuture, DynAsyncResource, ReceiveError, SendError, UnreliableObjectReceiveStream,
    UnreliableObjectSendStream,
};

/// The dyn-compatible form of [`UnreliableObjectReceiveStream`], which every sized one has.
pub trait DynUnreliableObjectReceiveStream<T>: DynAsyncResource {
    /// [`UnreliableObjectReceiveStream::receive`].
    fn dyn_receive<'a>(&'a self) -> BoxFuture<'a, Result<T, ReceiveError>>
    where
        T: 'a;
}

impl<T, S: UnreliableObjectReceiveStream<Item = T>> DynUnreliableObjectReceiveStream<T> for S {
    fn dyn_receive<'a>(&'a self) -> BoxFuture<'a, Result<T, ReceiveError>>
    where
        T: 'a,
    {
        Box::pin(self.receive())
    }
}

/// The dyn-compatible form of [`UnreliableObjectSendStream`], which every sized one has.
pub trait DynUnreliableObjectSendStream<T>: DynAsyncResource {
    /// [`UnreliableObjectSendStream::send`].
    fn dyn_send<'a>(&'a self, item: T) -> BoxFuture<'a, Result<(), SendError<T>>>
    where
        T: 'a;
}

impl<T, S: UnreliableObjectSendStream<SendItem = T>> DynUnreliableObjectSendStream<T> for S {
    fn dyn_send<'a>(&'a self, item: T) -> BoxFuture<'a, Result<(), SendError<T>>>
    where
        T: 'a,
    {
        Box::pin(self.send(item))
    }
}

/// The dyn-compatible form of [`UnreliableObjectStream`](crate::UnreliableObjectStream), which every sized one has.
pub trait DynUnreliableObjectStream<T>: DynUnreliableObjectReceiveStream<T> + DynUnreliableObjectSendStream<T> {}

impl<T, S: DynUnreliableObjectReceiveStream<T> + DynUnreliableObjectSendStream<T>> DynUnreliableObjectStream<T> for S {}

/// A trait object is what its dyn form stands for.
macro_rules! resource {
    ($($object:ty),+) => {$(
        impl<T: Send> AsyncResource for $object {
            fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
                self.dyn_aclose()
            }

            fn close(&self) {
                self.dyn_close();
            }
        }
    )+};
}
pub(crate) use resource;

macro_rules! receive {
    ($($object:ty),+) => {$(
        impl<T: Send> UnreliableObjectReceiveStream for $object {
            type Item = T;

            fn receive(&self) -> impl Future<Output = Result<T, ReceiveError>> + Send {
                self.dyn_receive()
            }
        }
    )+};
}
pub(crate) use receive;

macro_rules! send {
    ($($object:ty),+) => {$(
        impl<T: Send> UnreliableObjectSendStream for $object {
            type SendItem = T;

            fn send(&self, item: T) -> impl Future<Output = Result<(), SendError<T>>> + Send {
                self.dyn_send(item)
            }
        }
    )+};
}
pub(crate) use send;

resource!(
    dyn DynUnreliableObjectReceiveStream<T> + '_,
    dyn DynUnreliableObjectSendStream<T> + '_,
    dyn DynUnreliableObjectStream<T> + '_
);
receive!(dyn DynUnreliableObjectReceiveStream<T> + '_, dyn DynUnreliableObjectStream<T> + '_);
send!(dyn DynUnreliableObjectSendStream<T> + '_, dyn DynUnreliableObjectStream<T> + '_);
