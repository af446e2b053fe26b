#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod resource;

mod object;
mod unreliable;

mod receive_error;
mod send_error;
mod try_error;

mod dyn_object;
mod dyn_resource;
mod dyn_unreliable;
mod pointers;

mod words;

pub use object::{ObjectReceiveStream, ObjectSendStream, ObjectStream};
pub use resource::{AsyncResource, aclose_forcefully, with_resource};
pub use unreliable::{UnreliableObjectReceiveStream, UnreliableObjectSendStream, UnreliableObjectStream};

pub use receive_error::ReceiveError;
pub use send_error::{ByteSendError, SendError, SendReason};
pub use try_error::{TryReceiveError, TrySendError, TrySendReason};

pub use dyn_object::{DynObjectReceiveStream, DynObjectSendStream, DynObjectStream};
pub use dyn_resource::{BoxFuture, DynAsyncResource};
pub use dyn_unreliable::{DynUnreliableObjectReceiveStream, DynUnreliableObjectSendStream, DynUnreliableObjectStream};
