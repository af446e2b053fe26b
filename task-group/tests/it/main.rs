//! The tests of the crate, one file a noun. `anyio.md` beside tells where each test of AnyIO's went.
#![cfg(not(anyio_loom))]

mod as_completed;
mod borrow;
mod cancel;
mod drop;
mod errors;
mod executors;
mod fairness;
mod gather;
mod group;
mod handle;
mod hold;
mod local;
mod map_concurrent;
mod names;
mod panic;
mod race;
mod send_sync;
mod start;
mod stress;
mod support;
mod swept;
mod tree;
mod variables;
