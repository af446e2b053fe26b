//! The tests of the crate, one file a noun.
#![cfg(not(anyio_loom))]

mod clock;
mod context;
mod drop;
mod offload;
mod panic;
mod refused;
mod send_sync;
mod support;
#[cfg(feature = "tokio")]
mod tokio_runtime;
mod workers;
