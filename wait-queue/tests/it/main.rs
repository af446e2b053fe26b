//! The behaviour of the crate, through its public face.

mod common;

#[cfg(anyio_loom)]
mod loom;
mod model;
mod queue;
mod send_sync;
mod short_lock;
mod wake_list;
