//! Pointers to streams are streams, and so on for listeners and connectables.

use std::{future::Future, io, sync::Arc};

use crate::{
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ByteStreamConnectable, Listener,
    ObjectReceiveStream, ObjectSendStream, ObjectStream, ObjectStreamConnectable, ReceiveError, SendError,
    SocketStream, UnreliableObjectReceiveStream, UnreliableObjectSendStream,
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

        impl<S: ByteReceiveStream + ?Sized> ByteReceiveStream for $pointer {
            #[track_caller]
            fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
                (**self).receive(buf)
            }
        }

        impl<S: ByteSendStream + ?Sized> ByteSendStream for $pointer {
            #[track_caller]
            fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
                (**self).send(data)
            }
        }

        impl<S: ByteStream + ?Sized> ByteStream for $pointer {
            #[track_caller]
            fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send {
                (**self).send_eof()
            }
        }

        impl<S: SocketStream + ?Sized> SocketStream for $pointer {}

        impl<S: Listener + ?Sized> Listener for $pointer {
            type Stream = S::Stream;

            #[track_caller]
            fn accept(&self) -> impl Future<Output = Result<S::Stream, ReceiveError>> + Send {
                (**self).accept()
            }
        }

        impl<S: ByteStreamConnectable + ?Sized> ByteStreamConnectable for $pointer {
            type Stream = S::Stream;

            #[track_caller]
            fn connect(&self) -> impl Future<Output = io::Result<S::Stream>> + Send {
                (**self).connect()
            }
        }

        impl<S: ObjectStreamConnectable + ?Sized> ObjectStreamConnectable for $pointer {
            type Stream = S::Stream;

            #[track_caller]
            fn connect(&self) -> impl Future<Output = io::Result<S::Stream>> + Send {
                (**self).connect()
            }
        }
    )+};
}

forward!(&S, Box<S>, Arc<S>);
