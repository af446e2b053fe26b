//! The tests of the crate, one file a noun. `anyio.md` beside tells where each test of AnyIO's went.
#![cfg(not(anyio_loom))]

mod abandon;
mod cancel;
mod contract;
mod from_thread;
mod loan;
mod panic;
mod pool;
mod portal;
mod ported;
mod refused;
mod run_end;
mod send_sync;

mod stuck;
mod support;
mod swept;
mod token;
mod virtual_clock;
