//! The tests of the crate, one file a noun.

mod script;
mod support;

mod any_chunks;
mod bridges;
mod buffered;
mod buffered_reader;
mod cancellation;
mod conversions;
mod dyn_bytes;
mod dyn_forms;
mod framed;
mod futures_objects;
mod items;
mod pointers;
mod resource;
mod send_sync;
mod stapled;
mod text;
mod tokio_io;
mod words;
mod wrapper;
