#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod resource;
mod with_resource;

mod byte;
mod object;
mod unreliable;

mod connect;
mod connectables;

mod buffered;
mod buffered_reader;
mod length_delimited;
mod line_delimited;
mod multi_listener;
mod object_bytes;
mod stapled;
mod text;

mod futures_io;
mod futures_sink;
mod futures_stream;
mod polled_io;
mod polled_objects;
#[cfg(feature = "tokio")]
mod tokio_io;

mod buffered_error;
mod closing;
mod receive_error;
mod send_error;
mod text_error;
mod try_error;

mod dyn_byte;
mod dyn_connect;
mod dyn_object;
mod dyn_resource;
mod dyn_unreliable;
mod pointers;

mod buffer;
mod closable;
mod decoder;
mod encoder;
mod foreign;
mod frame;
mod reads;

mod noted;
mod words;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use byte::{ByteReceiveStream, ByteSendStream, ByteStream, SocketStream};
pub use connect::{ByteStreamConnectable, Listener, ObjectStreamConnectable};
pub use connectables::{BufferedConnectable, TextConnectable};
pub use object::{ObjectReceiveStream, ObjectSendStream, ObjectStream};
pub use resource::{AsyncResource, aclose_forcefully};
pub use unreliable::{UnreliableObjectReceiveStream, UnreliableObjectSendStream, UnreliableObjectStream};
pub use with_resource::{with_resource, with_resource_within};

pub use buffered::Buffered;
pub use buffered_reader::BufferedReader;
pub use length_delimited::LengthDelimited;
pub use line_delimited::LineDelimited;
pub use multi_listener::MultiListener;
pub use object_bytes::{IntoByteStream, ObjectBytes};
pub use stapled::Stapled;
pub use text::Text;

pub use futures_io::FuturesIo;
pub use futures_sink::FuturesSink;
pub use futures_stream::FuturesStream;
pub use polled_io::PolledIo;
pub use polled_objects::{PolledSink, PolledStream};
#[cfg(feature = "tokio")]
pub use tokio_io::TokioIo;

pub use buffered_error::BufferedError;
pub use closing::ClosingErrors;
pub use frame::FrameError;
pub use receive_error::ReceiveError;
pub use send_error::{ByteSendError, SendError, SendReason};
pub use text_error::{CutCharacter, DecodeError, EncodeError, TextErrors};
pub use try_error::{TryReceiveError, TrySendError, TrySendReason};

pub use dyn_byte::{DynByteReceiveStream, DynByteSendStream, DynByteStream, DynSocketStream};
pub use dyn_connect::{
    DynByteListener, DynByteStreamConnectable, DynListener, DynObjectListener, DynObjectStreamConnectable,
};
pub use dyn_object::{DynObjectReceiveStream, DynObjectSendStream, DynObjectStream};
pub use dyn_resource::{BoxFuture, DynAsyncResource};
pub use dyn_unreliable::{DynUnreliableObjectReceiveStream, DynUnreliableObjectSendStream, DynUnreliableObjectStream};
