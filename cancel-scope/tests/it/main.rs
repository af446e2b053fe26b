//! The tests of the crate, one file a noun. Everything is polled by hand, and time is moved by hand.
#![cfg(not(anyio_loom))]

mod support;

mod budget;
mod cancellable;
mod cause;
mod checkpoint;
mod clock;
mod deadline;
mod depth;
mod draft;
mod errors;
mod executors;
mod foreign;
mod in_scope;
mod limit;
mod linked;
mod registration;
mod scope;
mod send_sync;
mod shield;
mod sleep;
mod stopping;
mod stress;
mod swept;
mod wait_at_most;
