//! Pointers to streams are streams.

use std::{future::Future, io, sync::Arc};

use crate::{
    AsyncResource, ObjectReceiveStream, ObjectSendStream, ObjectStream, ReceiveError, SendError,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        impl<S: AsyncResource + ?Sized> AsyncResource for $pointer {
            fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
                (**self).aclose()
            }

            fn close(&self) {
                (**self).close();
            }
        }

        impl<S: UnreliableObjectReceiveStream + ?Sized> UnreliableObjectReceiveStream for $pointer {
            type Item = S::Item;

            #[track_caller]
            fn receive(&self) -> impl Future<Output = Result<S::Item, ReceiveError>> + Send {
                (**self).receive()
            }
        }

        impl<S: UnreliableObjectSendStream + ?Sized> UnreliableObjectSendStream for $pointer {
            type SendItem = S::SendItem;

            #[track_caller]
            fn send(&self, item: S::SendItem) -> impl Future<Output = Result<(), SendError<S::SendItem>>> + Send {
                (**self).send(item)
            }
        }

        impl<S: ObjectReceiveStream + ?Sized> ObjectReceiveStream for $pointer {}
        impl<S: ObjectSendStream + ?Sized> ObjectSendStream for $pointer {}

        impl<S: ObjectStream + ?Sized> ObjectStream for $pointer {
            fn send_eof(&self) -> impl Future<Output = io::Result<()>> + Send {
                (**self).send_eof()
            }
        }
    )+};
}

forward!(&S, Box<S>, Arc<S>);
