#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod resource;

mod byte;
mod object;
mod unreliable;

mod connect;

mod receive_error;
mod send_error;
mod try_error;

mod dyn_byte;
mod dyn_connect;
mod dyn_object;
mod dyn_resource;
mod dyn_unreliable;
mod pointers;

mod noted;
mod words;

pub use byte::{ByteReceiveStream, ByteSendStream, ByteStream, SocketStream};
pub use connect::{ByteStreamConnectable, Listener, ObjectStreamConnectable};
pub use object::{ObjectReceiveStream, ObjectSendStream, ObjectStream};
pub use resource::{AsyncResource, aclose_forcefully, with_resource};
pub use unreliable::{UnreliableObjectReceiveStream, UnreliableObjectSendStream, UnreliableObjectStream};

pub use receive_error::ReceiveError;
pub use send_error::{ByteSendError, SendError, SendReason};
pub use try_error::{TryReceiveError, TrySendError, TrySendReason};

pub use dyn_byte::{DynByteReceiveStream, DynByteSendStream, DynByteStream, DynSocketStream};
pub use dyn_connect::{
    DynByteListener, DynByteStreamConnectable, DynListener, DynObjectListener, DynObjectStreamConnectable,
};
pub use dyn_object::{DynObjectReceiveStream, DynObjectSendStream, DynObjectStream};
pub use dyn_resource::{BoxFuture, DynAsyncResource};
pub use dyn_unreliable::{DynUnreliableObjectReceiveStream, DynUnreliableObjectSendStream, DynUnreliableObjectStream};
