//! Listeners and connectables as trait objects.
//!
//! A boxed listener has all three forms, so their methods have names of their own.

use std::{future::Future, io, panic::Location};

use crate::{
    AsyncResource, BoxFuture, ByteStream, ByteStreamConnectable, DynAsyncResource, DynByteStream, DynObjectStream,
    Listener, ObjectStream, ObjectStreamConnectable, ReceiveError, noted::noted,
};

/// The dyn-compatible form of [`Listener`] for streams of one type `S`, which every sized one has.
pub trait DynListener<S>: DynAsyncResource {
    /// [`Listener::accept`].
    fn dyn_accept_typed<'a>(&'a self) -> BoxFuture<'a, Result<S, ReceiveError>>
    where
        S: 'a;
}

impl<S, L: Listener<Stream = S>> DynListener<S> for L {
    fn dyn_accept_typed<'a>(&'a self) -> BoxFuture<'a, Result<S, ReceiveError>>
    where
        S: 'a,
    {
        Box::pin(self.accept())
    }
}

/// The form of [`Listener`] that hides the type of its byte streams as well.
///
/// `dyn DynByteListener` is a [`Listener`] of `Box<dyn DynByteStream>`.
pub trait DynByteListener: DynAsyncResource {
    /// [`Listener::accept`].
    fn dyn_accept<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn DynByteStream>, ReceiveError>>;
}

impl<L: Listener<Stream: ByteStream + 'static>> DynByteListener for L {
    fn dyn_accept<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn DynByteStream>, ReceiveError>> {
        Box::pin(async move { Ok(Box::new(self.accept().await?) as Box<dyn DynByteStream>) })
    }
}

/// The form of [`Listener`] that hides the type of its object streams as well.
///
/// `dyn DynObjectListener<T>` is a [`Listener`] of `Box<dyn DynObjectStream<T>>`.
pub trait DynObjectListener<T>: DynAsyncResource {
    /// [`Listener::accept`].
    fn dyn_accept_object<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn DynObjectStream<T>>, ReceiveError>>
    where
        T: 'a;
}

impl<T, L: Listener<Stream: ObjectStream<Item = T> + 'static>> DynObjectListener<T> for L {
    fn dyn_accept_object<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn DynObjectStream<T>>, ReceiveError>>
    where
        T: 'a,
    {
        Box::pin(async move { Ok(Box::new(self.accept().await?) as Box<dyn DynObjectStream<T>>) })
    }
}

/// The dyn-compatible form of [`ByteStreamConnectable`], which hides the type of the streams.
///
/// `dyn DynByteStreamConnectable` is a [`ByteStreamConnectable`] itself.
pub trait DynByteStreamConnectable: Send + Sync {
    /// [`ByteStreamConnectable::connect`].
    fn dyn_connect<'a>(&'a self) -> BoxFuture<'a, io::Result<Box<dyn DynByteStream>>>;
}

impl<C: ByteStreamConnectable<Stream: 'static>> DynByteStreamConnectable for C {
    fn dyn_connect<'a>(&'a self) -> BoxFuture<'a, io::Result<Box<dyn DynByteStream>>> {
        Box::pin(async move { Ok(Box::new(self.connect().await?) as Box<dyn DynByteStream>) })
    }
}

impl ByteStreamConnectable for dyn DynByteStreamConnectable + '_ {
    type Stream = Box<dyn DynByteStream>;

    #[track_caller]
    fn connect(&self) -> impl Future<Output = io::Result<Box<dyn DynByteStream>>> + Send {
        noted(&"connect", Location::caller(), self.dyn_connect())
    }
}

/// The dyn-compatible form of [`ObjectStreamConnectable`], which hides the type of the streams.
///
/// `dyn DynObjectStreamConnectable<T>` is an [`ObjectStreamConnectable`] itself.
pub trait DynObjectStreamConnectable<T>: Send + Sync {
    /// [`ObjectStreamConnectable::connect`].
    fn dyn_connect<'a>(&'a self) -> BoxFuture<'a, io::Result<Box<dyn DynObjectStream<T>>>>
    where
        T: 'a;
}

impl<T, C: ObjectStreamConnectable<Stream: ObjectStream<Item = T> + 'static>> DynObjectStreamConnectable<T> for C {
    fn dyn_connect<'a>(&'a self) -> BoxFuture<'a, io::Result<Box<dyn DynObjectStream<T>>>>
    where
        T: 'a,
    {
        Box::pin(async move { Ok(Box::new(self.connect().await?) as Box<dyn DynObjectStream<T>>) })
    }
}

impl<T: Send + 'static> ObjectStreamConnectable for dyn DynObjectStreamConnectable<T> + '_ {
    type Stream = Box<dyn DynObjectStream<T>>;

    #[track_caller]
    fn connect(&self) -> impl Future<Output = io::Result<Box<dyn DynObjectStream<T>>>> + Send {
        noted(&"connect", Location::caller(), self.dyn_connect())
    }
}

/// A trait object is what its dyn form stands for.
macro_rules! listener {
    ($([$($generics:tt)*] $object:ty => $accept:ident $stream:ty),+ $(,)?) => {$(
        impl<$($generics)*> AsyncResource for $object {
            fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
                self.dyn_aclose()
            }

            fn close(&self) {
                self.dyn_close();
            }
        }

        impl<$($generics)*> Listener for $object {
            type Stream = $stream;

            #[track_caller]
            fn accept(&self) -> impl Future<Output = Result<$stream, ReceiveError>> + Send {
                noted(&"accept", Location::caller(), self.$accept())
            }
        }
    )+};
}

listener!(
    [S: Send] dyn DynListener<S> + '_ => dyn_accept_typed S,
    [] dyn DynByteListener + '_ => dyn_accept Box<dyn DynByteStream>,
    [T: Send + 'static] dyn DynObjectListener<T> + '_ => dyn_accept_object Box<dyn DynObjectStream<T>>,
);
