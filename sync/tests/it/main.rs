//! The behaviour of the crate, through its public face. `anyio.md` beside tells where each test of AnyIO's went.
#![cfg(not(anyio_loom))]

mod support;

mod cancel;
mod contract;

mod condition;
mod event;
mod limiter;
mod lock;
mod resource_guard;
mod semaphore;
mod set_once;

mod executors;
mod model;
mod send_sync;
mod stress;
mod unpolled;
