//! The tests of the crate, one file a noun. `anyio.md` beside tells where each test of AnyIO's went.
#![cfg(not(anyio_loom))]

mod support;

mod bytes;
mod cancel;
mod clone;
mod close;
mod conformance;
mod connect;
mod contract;
mod drop;
mod executors;
mod foreign;
mod hand_over;
mod line;
mod pipeline;
mod places;
mod ported;
mod programs;
mod send_all;
mod send_sync;
mod statistics;
mod stream;
mod stress;
mod swept;
