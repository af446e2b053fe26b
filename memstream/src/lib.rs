#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod channel;

mod receive;
mod receive_stream;
mod send;
mod send_stream;

mod items;
mod send_all;

mod byte_stream;
mod bytes;

mod connect;

mod statistics;

mod pipe;
mod state;
mod sync;

#[cfg(all(test, anyio_loom))]
mod byte_models;
#[cfg(all(test, anyio_loom))]
mod loom_models;

pub use byte_stream::{MemoryByteStream, memory_byte_stream};
pub use bytes::{ReceiveBytes, SendBytes};
pub use channel::{memory_object_stream, memory_object_stream_unbounded};
pub use connect::{
    MemoryConnectable, MemoryListener, MemoryObjectStream, memory_byte_listener, memory_object_listener,
    memory_object_stream_pair,
};
pub use receive::{Next, Receive};
pub use receive_stream::MemoryObjectReceiveStream;
pub use send::Sending;
pub use send_stream::MemoryObjectSendStream;
pub use statistics::MemoryObjectStreamStatistics;
